package settings

import (
	"errors"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/store"
)

const maxShelves = 1000

// shelves reads the collections of a file.
func (p *parser) shelves(root section) {
	list, ok := root.tables("collection", maxShelves)
	if !ok {
		return
	}
	shelves := make([]catalog.Collection, 0, len(list))
	for _, s := range list {
		var c catalog.Collection
		c.Handle, _ = s.word("handle", line(1, catalog.MaxHandle))
		c.Title, _ = s.word("title", line(1, catalog.MaxTitle))
		c.Description, _ = s.word("description", lines(5000))
		if at, _ := s.word("picture", pictureAddress); strings.HasPrefix(at, "/") {
			c.Picture.URL = at
		} else {
			c.Picture.Source = at
		}
		c.Picture.Alt, _ = s.word("picture_alt", line(0, 500))
		c.Kind, _ = s.word("kind", line(0, catalog.MaxTitle))
		unlisted, _ := s.yes("unlisted")
		one, _ := s.yes("any")
		c.Unlisted, c.Any = unlisted == "true", one == "true"
		c.Products, _ = s.list("products", catalog.MaxCollected, line(1, catalog.MaxHandle))
		rules, _ := s.tables("rule", catalog.MaxRules)
		for _, r := range rules {
			c.Rules = append(c.Rules, p.shelfRule(r))
		}
		if err := c.Check(); err != nil {
			for _, q := range fault.Of(err).Problems {
				p.wrong(s.key(ruleField(q.Field)), "%s", q.Detail)
			}
		}
		if slices.ContainsFunc(shelves, func(o catalog.Collection) bool { return o.Handle == c.Handle }) {
			p.wrong(s.key("handle"), "is there twice: %s", c.Handle)
		}
		shelves = append(shelves, c)
		s.rest()
	}
	p.d.shelves = &shelves
}

// ruleField is a field of catalog.Collection as a file has it.
func ruleField(field string) string {
	if i, ok := strings.CutPrefix(field, "rules."); ok {
		return "rule[" + i + "]"
	}
	return field
}

func (p *parser) shelfRule(s section) catalog.Rule {
	var r catalog.Rule
	on, _ := s.text("on")
	r.On = catalog.RuleOn(strings.TrimSpace(on))
	r.Value, _ = s.word("value", line(0, catalog.MaxTitle))
	if from, ok := s.text("from"); ok {
		r.From = p.amount(s.key("from"), from).Minor()
	}
	if to, ok := s.text("to"); ok {
		r.To = p.amount(s.key("to"), to).Minor()
	}
	s.rest()
	return r
}

// pictureAddress reads the address of a picture: of this shop, or on another
// host, from which it is fetched and drawn anew.
func pictureAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	here := strings.HasPrefix(s, "/pictures/") && !strings.ContainsAny(s, " \\\"<>?#") && !strings.Contains(s, "..")
	if s != "" && !here && !catalog.IsElsewhere(s) {
		return "", errors.New("is the address of a picture: /pictures/… of this shop, or https://… elsewhere")
	}
	return line(0, 500)(s)
}

// checkShelves names products that collections speak of and the shop has not.
func checkShelves(v *store.View, from, to state, d document) (bad Problems) {
	for i, c := range to.shelves {
		if shelfAt(from, i, c) {
			continue
		}
		if err := v.CheckProducts(c.Products); err != nil {
			key := d.path("collection", i, c.Handle) + ".products"
			for _, q := range fault.Of(err).Problems {
				bad = append(bad, Problem{key, d.lines.of(key), "entry " + strings.TrimPrefix(q.Field, "products.") + " (from 0): " + q.Detail})
			}
		}
	}
	return bad
}

// shelfAt reports whether a state has a collection just so, in that place.
func shelfAt(s state, i int, c catalog.Collection) bool {
	return i < len(s.shelves) && shelfText(s.shelves[i], s.currency()) == shelfText(c, s.currency())
}

func writeShelves(t *store.Tx, from, to state) error {
	for i, c := range to.shelves {
		if shelfAt(from, i, c) {
			continue
		}
		c.Position = int64(i)
		if err := t.SaveCollection(c); err != nil {
			return err
		}
	}
	for _, c := range from.shelves {
		if !slices.ContainsFunc(to.shelves, func(o catalog.Collection) bool { return o.Handle == c.Handle }) {
			if err := t.RemoveCollection(c.Handle); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeShelf(w *writer, c catalog.Collection, cur money.Currency) {
	w.head("[[collection]]")
	w.text("handle", c.Handle)
	w.text("title", c.Title)
	w.some("description", c.Description)
	if c.Picture.Source != "" {
		w.text("picture", c.Picture.Source)
	} else {
		w.some("picture", c.Picture.URL)
	}
	w.some("picture_alt", c.Picture.Alt)
	w.some("kind", c.Kind)
	if c.Unlisted {
		w.line("unlisted = true")
	}
	if c.Any {
		w.line("any = true")
	}
	if len(c.Products) > 0 {
		w.list("products", c.Products)
	}
	for _, r := range c.Rules {
		w.head("[[collection.rule]]")
		w.text("on", string(r.On))
		w.some("value", r.Value)
		if r.From > 0 {
			w.text("from", money.Of(r.From, cur).Decimal())
		}
		if r.To > 0 {
			w.text("to", money.Of(r.To, cur).Decimal())
		}
	}
}

// shelfText is a collection in one line, without losing anything that could
// differ.
func shelfText(c catalog.Collection, cur money.Currency) string {
	w := &writer{}
	writeShelf(w, c, cur)
	return strings.TrimSpace(strings.NewReplacer("[[collection]]", "", "[[collection.rule]]", "·", "\n", " ").Replace(w.b.String()))
}
