package settings

import (
	"errors"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

const (
	maxCodes = 5000
	maxUses  = 1_000_000_000
)

// codes reads the discount codes of a file.
func (p *parser) codes(root section) {
	list, ok := root.tables("codes", maxCodes)
	if !ok {
		return
	}
	codes := make(discount.Codes, len(list))
	for _, s := range list {
		c := p.code(s)
		if _, twice := codes[c.Key()]; twice {
			p.wrong(s.key("code"), "is there twice, or looks just like another one: %s", c.Word)
		}
		codes[c.Key()] = c
		s.rest()
	}
	p.d.codes = &codes
}

func (p *parser) code(s section) discount.Code {
	c := discount.Code{Uses: s.whole("uses", maxUses), Each: s.whole("uses_per_customer", maxUses)}
	var ok bool
	if text, is := s.text("code"); !is {
		p.wrong(s.key("code"), "is missing; cartkeep settings new-code makes one")
	} else if word, err := discount.ParseWord(text); err != nil {
		p.wrong(s.key("code"), "%s", fault.Of(err).Problems[0].Detail)
	} else {
		c.Word = word
	}
	kind, _ := s.text("kind")
	c.Kind = discount.Kind(strings.TrimSpace(kind))
	percent, hasPercent := s.text("percent")
	amount, hasAmount := s.text("amount")
	upTo, hasUpTo := s.text("up_to")
	switch c.Kind {
	case discount.Percentage:
		var err error
		if c.Rate, err = money.ParseRate(percent); err != nil || c.Rate == 0 {
			p.wrong(s.key("percent"), "is above 0 and at most 100, like percent = \"10\"")
		}
	case discount.Amount:
		c.Off = p.some(s, "amount", amount)
	case discount.FreeDelivery:
	default:
		p.wrong(s.key("kind"), "is percentage, amount or free-delivery")
	}
	if hasPercent && c.Kind != discount.Percentage {
		p.wrong(s.key("percent"), "belongs to kind = \"percentage\"")
	}
	if hasAmount && c.Kind != discount.Amount {
		p.wrong(s.key("amount"), "belongs to kind = \"amount\"")
	}
	if hasUpTo && c.Kind == discount.Amount {
		p.wrong(s.key("up_to"), "belongs to percentage and free-delivery")
	} else if hasUpTo {
		c.UpTo = p.some(s, "up_to", upTo)
	}
	if least, is := s.text("min_items"); is {
		c.MinItems = p.some(s, "min_items", least)
	}
	c.From, ok = s.word("from", day)
	if c.Until, _ = s.word("until", day); ok && c.Until != "" && c.Until < c.From {
		p.wrong(s.key("until"), "is not before from")
	}
	exclusive, _ := s.yes("exclusive")
	c.Exclusive = exclusive == "true"
	return c
}

// some reads an amount above nothing.
func (p *parser) some(s section, name, text string) money.Amount {
	if text == "" {
		p.wrong(s.key(name), "is missing; write it like %s = \"5.00\"", name)
		return money.Amount{}
	}
	before := len(p.problems)
	a := p.amount(s.key(name), text)
	if a.IsZero() && len(p.problems) == before {
		p.wrong(s.key(name), "is above nothing")
	}
	return a
}

// day reads a day of the calendar.
func day(text string) (string, error) {
	text = strings.TrimSpace(text)
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", errors.New("is a day like \"2026-12-01\", in quotes")
	}
	return text, nil
}

// checkCodes names codes whose amounts are in another currency than the shop's.
func checkCodes(to state) bool {
	for _, c := range to.codes {
		for _, a := range []money.Amount{c.Off, c.UpTo, c.MinItems} {
			if !a.IsZero() && a.Currency() != to.currency() {
				return false
			}
		}
	}
	return true
}

func writeCode(w *writer, c discount.Code) {
	w.head("[[codes]]")
	w.text("code", c.Word)
	w.text("kind", string(c.Kind))
	if c.Kind == discount.Percentage {
		w.text("percent", strings.TrimSuffix(c.Rate.String(), "%"))
	}
	for _, a := range []struct {
		name  string
		value money.Amount
	}{{"amount", c.Off}, {"up_to", c.UpTo}, {"min_items", c.MinItems}} {
		if !a.value.IsZero() {
			w.text(a.name, a.value.Decimal())
		}
	}
	w.whole("uses", c.Uses)
	w.whole("uses_per_customer", c.Each)
	w.some("from", c.From)
	w.some("until", c.Until)
	if c.Exclusive {
		w.line("exclusive = true")
	}
}

// codeText is a code in one line.
func codeText(c discount.Code) string {
	w := &writer{}
	writeCode(w, c)
	return strings.TrimSpace(strings.NewReplacer("[[codes]]", "", "\n", " ").Replace(w.b.String()))
}
