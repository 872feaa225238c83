package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// SetTaxes makes the shop's tax rules and regions what is given. What differs
// is written, each with an event of its own.
func (t *Tx) SetTaxes(rules []tax.Rule, regions []tax.Region) error {
	now, err := t.taxRules()
	if err != nil {
		return err
	}
	for _, r := range now {
		if slices.Contains(rules, r) {
			continue
		}
		if _, err := t.exec(`DELETE FROM tax_rules WHERE country = $1 AND region = $2 AND class = $3`, r.Country, r.Region, r.Class); err != nil {
			return fmt.Errorf("drop tax rule: %w", err)
		}
		if !slices.ContainsFunc(rules, func(o tax.Rule) bool { return ruleName(o) == ruleName(r) }) {
			if err := t.Event("setting.removed", "", ruleName(r), ""); err != nil {
				return err
			}
		}
	}
	for _, r := range rules {
		if slices.Contains(now, r) {
			continue
		}
		if _, err := t.exec(`INSERT INTO tax_rules (country, region, class, rate) VALUES ($1, $2, $3, $4)`, r.Country, r.Region, r.Class, int64(r.Rate)); err != nil {
			return fmt.Errorf("set tax of %s: %w", r.Country, err)
		}
		if err := t.Event("setting.changed", "", ruleName(r), ""); err != nil {
			return err
		}
	}
	return t.setTaxRegions(regions)
}

// ruleName is what the ledger calls a rule: "tax.US.CA.books".
func ruleName(r tax.Rule) string {
	return strings.TrimRight("tax."+r.Country+"."+r.Region+"."+r.Class, ".")
}

func (t *Tx) setTaxRegions(regions []tax.Region) error {
	now, err := t.taxRegions()
	if err != nil {
		return err
	}
	same := func(a, b tax.Region) bool {
		return a.Name == b.Name && a.Country == b.Country && slices.Equal(a.Postal, b.Postal)
	}
	named := func(list []tax.Region, r tax.Region) bool {
		return slices.ContainsFunc(list, func(o tax.Region) bool { return o.Name == r.Name && o.Country == r.Country })
	}
	for _, r := range now {
		if !named(regions, r) {
			if _, err := t.exec(`DELETE FROM tax_regions WHERE country = $1 AND name = $2`, r.Country, r.Name); err != nil {
				return fmt.Errorf("drop tax region: %w", err)
			}
			if err := t.Event("setting.removed", "", "tax.region."+r.Country+"."+r.Name, ""); err != nil {
				return err
			}
		}
	}
	for _, r := range regions {
		if slices.ContainsFunc(now, func(o tax.Region) bool { return same(o, r) }) {
			continue
		}
		_, err := t.exec(`INSERT INTO tax_regions (country, name, postal) VALUES ($1, $2, $3) ON CONFLICT (country, name) DO UPDATE SET postal = excluded.postal`,
			r.Country, r.Name, spanWords(r.Postal))
		if err != nil {
			return fmt.Errorf("set tax region: %w", err)
		}
		if err := t.Event("setting.changed", "", "tax.region."+r.Country+"."+r.Name, ""); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) taxRules() ([]tax.Rule, error) {
	rows, err := v.rows(`SELECT country, region, class, rate FROM tax_rules ORDER BY country, region, class`)
	if err != nil {
		return nil, fmt.Errorf("read tax rules: %w", err)
	}
	defer rows.Close()
	var out []tax.Rule
	for rows.Next() {
		var r tax.Rule
		if err := rows.Scan(&r.Country, &r.Region, &r.Class, &r.Rate); err != nil {
			return nil, fmt.Errorf("read tax rules: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (v *View) taxRegions() ([]tax.Region, error) {
	rows, err := v.rows(`SELECT country, name, postal FROM tax_regions ORDER BY country, name`)
	if err != nil {
		return nil, fmt.Errorf("read tax regions: %w", err)
	}
	defer rows.Close()
	var out []tax.Region
	for rows.Next() {
		var r tax.Region
		var postal string
		if err := rows.Scan(&r.Country, &r.Name, &postal); err != nil {
			return nil, fmt.Errorf("read tax regions: %w", err)
		}
		if r.Postal, err = spansOf(postal); err != nil {
			return nil, fmt.Errorf("read tax regions: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// putTaxes writes an order's total by class and rate.
func (t *Tx) putTaxes(owner, id string, sums []tax.Tax) error {
	if len(sums) == 0 {
		return nil
	}
	var values []string
	var args []any
	for _, s := range sums {
		values = append(values, marks(len(args), 6))
		args = append(args, owner, id, s.Class, int64(s.Rate), s.Net.Minor(), s.Tax.Minor())
	}
	return t.later("insert order taxes", nil, `INSERT INTO order_taxes (owner, order_id, class, rate, net, tax) VALUES `+strings.Join(values, ", "), args...)
}

// OrderTaxes returns an order's total by class and rate, the standard class
// first, as an invoice lists it.
func (v *View) OrderTaxes(owner, id string, c money.Currency) ([]tax.Tax, error) {
	rows, err := v.rows(`SELECT class, rate, net, tax FROM order_taxes WHERE owner = $1 AND order_id = $2 ORDER BY class, rate`, owner, id)
	if err != nil {
		return nil, fmt.Errorf("read order taxes: %w", err)
	}
	defer rows.Close()
	var out []tax.Tax
	for rows.Next() {
		var s tax.Tax
		var net, due int64
		if err := rows.Scan(&s.Class, &s.Rate, &net, &due); err != nil {
			return nil, fmt.Errorf("read order taxes: %w", err)
		}
		s.Net, s.Tax = money.Of(net, c), money.Of(due, c)
		out = append(out, s)
	}
	return out, rows.Err()
}
