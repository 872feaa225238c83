package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
)

// SetShipping makes the shop's zones and methods what the plan says. What
// differs is written, each with an event of its own; the rest is left alone.
func (t *Tx) SetShipping(to shipping.Plan) error {
	now, err := t.shippingPlan(currencyOf(to))
	if err != nil {
		return err
	}
	for i, z := range to.Zones {
		if i < len(now.Zones) && now.Zones[i].ID == z.ID && zoneWords(now.Zones[i]) == zoneWords(z) {
			continue
		}
		if err := t.saveZone(z, i); err != nil {
			return err
		}
	}
	for i, m := range to.Methods {
		if i < len(now.Methods) && now.Methods[i].ID == m.ID && methodWords(now.Methods[i]) == methodWords(m) {
			continue
		}
		if err := t.saveMethod(m, i); err != nil {
			return err
		}
	}
	for _, m := range now.Methods {
		if _, kept := to.Find(m.ID); !kept {
			if err := t.dropShipping("shipping."+m.ID, m.ID, `DELETE FROM shipping_rates WHERE method = $1`, `DELETE FROM shipping_methods WHERE id = $1`); err != nil {
				return err
			}
		}
	}
	for _, z := range now.Zones {
		if !slices.ContainsFunc(to.Zones, func(o shipping.Zone) bool { return o.ID == z.ID }) {
			if err := t.dropShipping("zone."+z.ID, z.ID, `DELETE FROM shipping_rates WHERE zone = $1`, `DELETE FROM shipping_zones WHERE id = $1`); err != nil {
				return err
			}
		}
	}
	return nil
}

// currencyOf is the currency that a plan's prices are in.
func currencyOf(p shipping.Plan) money.Currency {
	for _, m := range p.Methods {
		for _, r := range m.Rates {
			for _, s := range r.Steps {
				return s.Price.Currency()
			}
		}
	}
	return money.Currency{}
}

// zoneWords is a zone as its row keeps it.
func zoneWords(z shipping.Zone) [3]string {
	return [3]string{strings.Join(z.Countries, " "), strings.Join(z.Regions, "\n"), spanWords(z.Postal)}
}

func spanWords(list []area.Span) string {
	words := make([]string, 0, len(list))
	for _, s := range list {
		words = append(words, s.String())
	}
	return strings.Join(words, " ")
}

func (t *Tx) saveZone(z shipping.Zone, position int) error {
	w := zoneWords(z)
	_, err := t.exec(`INSERT INTO shipping_zones (id, position, countries, regions, postal) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET position = excluded.position, countries = excluded.countries, regions = excluded.regions, postal = excluded.postal`,
		z.ID, position, w[0], w[1], w[2])
	if err != nil {
		return fmt.Errorf("set zone %s: %w", z.ID, err)
	}
	return t.Event("setting.changed", "", "zone."+z.ID, "")
}

// methodWords is a method as its rows keep it, with its rates in the order of
// their zones' names.
func methodWords(m shipping.Method) string {
	words := []string{m.ID, m.Title, fmt.Sprint(m.DaysFrom, m.DaysTo), slotWords(m.Slots), m.Pickup.Place, m.Pickup.Hours, m.TaxClass}
	rates := make([]string, 0, len(m.Rates))
	for _, r := range m.Rates {
		rates = append(rates, fmt.Sprint(r.Zone, " ", r.Basis, " ", stepWords(r.Steps), " ", r.FreeFrom.Minor(), " ", r.MaxGrams))
	}
	slices.Sort(rates)
	return strings.Join(append(words, rates...), "\x00")
}

func stepWords(list []shipping.Step) string {
	words := make([]string, 0, len(list))
	for _, s := range list {
		words = append(words, fmt.Sprintf("%d:%d", s.From, s.Price.Minor()))
	}
	return strings.Join(words, " ")
}

func slotWords(list []shipping.Slot) string {
	if len(list) == 0 {
		return ""
	}
	b, _ := json.Marshal(list) // numbers only: cannot fail
	return string(b)
}

func (t *Tx) saveMethod(m shipping.Method, position int) error {
	_, err := t.exec(`INSERT INTO shipping_methods (id, title, position, days_from, days_to, slots, place, hours, tax_class) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, position = excluded.position, days_from = excluded.days_from, days_to = excluded.days_to,
			slots = excluded.slots, place = excluded.place, hours = excluded.hours, tax_class = excluded.tax_class`,
		m.ID, m.Title, position, m.DaysFrom, m.DaysTo, slotWords(m.Slots), m.Pickup.Place, m.Pickup.Hours, m.TaxClass)
	if err != nil {
		return fmt.Errorf("set shipping %s: %w", m.ID, err)
	}
	if _, err := t.exec(`DELETE FROM shipping_rates WHERE method = $1`, m.ID); err != nil {
		return fmt.Errorf("set shipping %s: %w", m.ID, err)
	}
	for _, r := range m.Rates {
		_, err := t.exec(`INSERT INTO shipping_rates (method, zone, basis, steps, free_from, max_grams) VALUES ($1, $2, $3, $4, $5, $6)`,
			m.ID, r.Zone, string(r.Basis), stepWords(r.Steps), r.FreeFrom.Minor(), r.MaxGrams)
		if err != nil {
			return fmt.Errorf("set shipping %s: %w", m.ID, err)
		}
	}
	return t.Event("setting.changed", "", "shipping."+m.ID, "")
}

// dropShipping removes a method or a zone with the rates that hang on it.
func (t *Tx) dropShipping(name, id string, queries ...string) error {
	for _, query := range queries {
		if _, err := t.exec(query, id); err != nil {
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return t.Event("setting.removed", "", name, "")
}

// shippingPlan reads zones and methods.
func (v *View) shippingPlan(c money.Currency) (shipping.Plan, error) {
	var p shipping.Plan
	var err error
	if p.Zones, err = v.zones(); err != nil {
		return p, fmt.Errorf("read zones: %w", err)
	}
	if p.Methods, err = v.shippingMethods(); err != nil {
		return p, fmt.Errorf("read delivery methods: %w", err)
	}
	if err = v.shippingRates(p.Methods, c); err != nil {
		return p, fmt.Errorf("read delivery rates: %w", err)
	}
	return p, nil
}

func (v *View) zones() ([]shipping.Zone, error) {
	rows, err := v.rows(`SELECT id, countries, regions, postal FROM shipping_zones ORDER BY position, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []shipping.Zone
	for rows.Next() {
		var z shipping.Zone
		var countries, regions, postal string
		if err := rows.Scan(&z.ID, &countries, &regions, &postal); err != nil {
			return nil, err
		}
		z.Countries = strings.Fields(countries)
		if regions != "" {
			z.Regions = strings.Split(regions, "\n")
		}
		if z.Postal, err = spansOf(postal); err != nil {
			return nil, err
		}
		out = append(out, z)
	}
	return out, rows.Err()
}

func spansOf(text string) ([]area.Span, error) {
	var out []area.Span
	for word := range strings.FieldsSeq(text) {
		s, err := area.ParseSpan(word)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (v *View) shippingMethods() (shipping.Methods, error) {
	rows, err := v.rows(`SELECT id, title, days_from, days_to, slots, place, hours, tax_class FROM shipping_methods ORDER BY position, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out shipping.Methods
	for rows.Next() {
		var m shipping.Method
		var slots string
		if err := rows.Scan(&m.ID, &m.Title, &m.DaysFrom, &m.DaysTo, &slots, &m.Pickup.Place, &m.Pickup.Hours, &m.TaxClass); err != nil {
			return nil, err
		}
		if slots != "" {
			if err := json.Unmarshal([]byte(slots), &m.Slots); err != nil {
				return nil, err
			}
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// shippingRates hangs every rate on its method.
func (v *View) shippingRates(ms shipping.Methods, c money.Currency) error {
	rows, err := v.rows(`SELECT r.method, r.zone, r.basis, r.steps, r.free_from, r.max_grams FROM shipping_rates r JOIN shipping_zones z ON z.id = r.zone ORDER BY z.position, z.id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r shipping.Rate
		var method, steps string
		var free int64
		if err := rows.Scan(&method, &r.Zone, &r.Basis, &steps, &free, &r.MaxGrams); err != nil {
			return err
		}
		if free > 0 {
			r.FreeFrom = money.Of(free, c)
		}
		for word := range strings.FieldsSeq(steps) {
			from, price, _ := strings.Cut(word, ":")
			at, err := strconv.ParseInt(from, 10, 64)
			if err != nil {
				return err
			}
			minor, err := strconv.ParseInt(price, 10, 64)
			if err != nil {
				return err
			}
			r.Steps = append(r.Steps, shipping.Step{From: at, Price: money.Of(minor, c)})
		}
		for i := range ms {
			if ms[i].ID == method {
				ms[i].Rates = append(ms[i].Rates, r)
			}
		}
	}
	return rows.Err()
}
