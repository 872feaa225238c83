package settings

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
)

func (p *parser) zones(root section) {
	list, ok := root.tables("zone", maxZones)
	if !ok {
		return
	}
	zones := make([]shipping.Zone, 0, len(list))
	for _, s := range list {
		z := shipping.Zone{ID: p.idOf(s)}
		z.Countries, _ = s.list("countries", 260, func(text string) (string, error) {
			if strings.TrimSpace(text) == shipping.Anywhere {
				return shipping.Anywhere, nil
			}
			return country(text)
		})
		z.Regions, _ = s.list("regions", 200, line(1, 60))
		z.Postal = p.postal(s)
		if len(z.Regions) == 0 {
			z.Regions = nil
		}
		switch {
		case len(z.Countries) == 0:
			p.wrong(s.key("countries"), "needs a country, or \"*\" for all the others")
		case (len(z.Regions) > 0 || len(z.Postal) > 0) && (len(z.Countries) != 1 || z.Countries[0] == shipping.Anywhere):
			p.wrong(s.key("countries"), "is one country where the zone has regions or postcodes")
		}
		if slices.ContainsFunc(zones, func(o shipping.Zone) bool { return o.ID == z.ID }) {
			p.wrong(s.key("id"), "is there twice: %s", z.ID)
		}
		zones = append(zones, z)
		s.rest()
	}
	p.d.zones = &zones
}

func (p *parser) methods(root section) {
	list, ok := root.tables("method", maxMethods)
	if !ok {
		return
	}
	methods := make(shipping.Methods, 0, len(list))
	for _, s := range list {
		m := shipping.Method{ID: p.idOf(s), DaysFrom: int(s.whole("days_from", 365)), DaysTo: int(s.whole("days_to", 365))}
		if m.Title, ok = s.word("title", line(1, 80)); !ok {
			p.wrong(s.key("title"), "needs a text")
		}
		m.TaxClass, _ = s.word("tax_class", class)
		m.Pickup.Place, _ = s.word("pickup_place", lines(400))
		m.Pickup.Hours, _ = s.word("pickup_hours", line(0, 200))
		if m.DaysFrom > m.DaysTo {
			p.wrong(s.key("days_to"), "is not less than days_from")
		}
		if m.Pickup.Hours != "" && !m.Collected() {
			p.wrong(s.key("pickup_hours"), "needs a pickup_place")
		}
		m.Rates = p.rates(s)
		m.Slots = p.slots(s)
		if slices.ContainsFunc(methods, func(o shipping.Method) bool { return o.ID == m.ID }) {
			p.wrong(s.key("id"), "is there twice: %s", m.ID)
		}
		methods = append(methods, m)
		s.rest()
	}
	p.d.methods = &methods
}

func (p *parser) rates(method section) []shipping.Rate {
	list, _ := method.tables("rate", maxZones)
	var out []shipping.Rate
	for _, s := range list {
		r := shipping.Rate{Basis: shipping.Flat, MaxGrams: s.whole("max_grams", 1_000_000_000)}
		r.Zone, _ = s.word("zone", id)
		if basis, ok := s.text("by"); ok {
			r.Basis = shipping.Basis(strings.TrimSpace(basis))
		}
		if free, ok := s.text("free_from"); ok {
			r.FreeFrom = p.amount(s.key("free_from"), free)
			if r.FreeFrom.IsZero() {
				p.wrong(s.key("free_from"), "is above nothing; for free delivery write price = \"0\"")
			}
		}
		price, flat := s.text("price")
		steps, stepped := s.tables("steps", maxSteps)
		switch {
		case r.Basis == shipping.Flat && flat && !stepped:
			r.Steps = []shipping.Step{{Price: p.amount(s.key("price"), price)}}
		case r.Basis == shipping.Flat:
			p.wrong(s.path, "has one price; or say by = \"weight\" or by = \"total\" and give steps")
		case r.Basis != shipping.ByWeight && r.Basis != shipping.ByTotal:
			p.wrong(s.key("by"), "is flat, weight or total")
		case flat || !stepped || len(steps) == 0:
			p.wrong(s.path, "has steps instead of one price, like steps = [{from = 0, price = \"4.90\"}]")
		default:
			r.Steps = p.steps(steps, r.Basis)
		}
		if slices.ContainsFunc(out, func(o shipping.Rate) bool { return o.Zone == r.Zone }) {
			p.wrong(s.key("zone"), "has a rate already: %s", r.Zone)
		}
		out = append(out, r)
		s.rest()
	}
	if len(out) == 0 {
		p.wrong(method.path, "goes nowhere: give it a rate for a zone")
	}
	return out
}

func (p *parser) steps(list []section, by shipping.Basis) []shipping.Step {
	out := make([]shipping.Step, 0, len(list))
	for i, s := range list {
		var step shipping.Step
		if by == shipping.ByWeight {
			step.From = s.whole("from", 1_000_000_000)
		} else if from, ok := s.text("from"); ok {
			step.From = p.amount(s.key("from"), from).Minor()
		}
		price, _ := s.text("price")
		step.Price = p.amount(s.key("price"), price)
		switch {
		case i == 0 && step.From != 0:
			p.wrong(s.key("from"), "is 0 in the first step")
		case i > 0 && step.From <= out[i-1].From:
			p.wrong(s.key("from"), "is more than in the step before")
		}
		out = append(out, step)
		s.rest()
	}
	return out
}

// amount reads money of the shop's currency: "4.90", or "4.90 EUR".
func (p *parser) amount(key, text string) money.Amount {
	number, code, named := strings.Cut(strings.TrimSpace(text), " ")
	if named && code != p.currency.Code() {
		p.wrong(key, "is in %s; the shop's currency is %s", code, p.currency.Code())
		return money.Zero(p.currency)
	}
	a, err := money.Parse(number, p.currency)
	switch {
	case p.currency.IsZero():
		p.wrong(key, "has no currency; set shop.currency first")
	case err != nil:
		p.wrong(key, "%s", fault.Of(err).Text)
	case a.Negative():
		p.wrong(key, "is below zero")
	default:
		return a
	}
	return money.Zero(p.currency)
}

var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (p *parser) slots(method section) []shipping.Slot {
	list, _ := method.tables("slot", maxSlots)
	var out []shipping.Slot
	for _, s := range list {
		slot := shipping.Slot{From: p.minute(s, "from"), To: p.minute(s, "to"), OrderBy: p.minute(s, "order_by"), DaysBefore: int(s.whole("days_before", 14))}
		words, _ := s.list("days", 7, func(text string) (string, error) {
			text = strings.ToLower(strings.TrimSpace(text))
			if !slices.Contains(days, text) {
				return "", errors.New("is no day; write mon, tue, wed, thu, fri, sat or sun")
			}
			return text, nil
		})
		for _, word := range words {
			slot.Days = append(slot.Days, time.Weekday(slices.Index(days, word)))
		}
		switch {
		case len(slot.Days) == 0:
			p.wrong(s.key("days"), "needs a day, like days = [\"tue\"]")
		case slot.From >= slot.To:
			p.wrong(s.key("to"), "is later than from")
		case slot.DaysBefore == 0 && slot.OrderBy > slot.From:
			p.wrong(s.key("order_by"), "is not later than from on the same day")
		}
		out = append(out, slot)
		s.rest()
	}
	return out
}

func (p *parser) minute(s section, name string) int {
	text, ok := s.text(name)
	if !ok {
		p.wrong(s.key(name), "is missing; write a time like \"18:00\"")
		return 0
	}
	m, err := minutes(text)
	if err != nil {
		p.wrong(s.key(name), "%v", err)
	}
	return m
}
