package search

import (
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// shelf is a collection as the index reads it.
type shelf struct {
	place map[string]int // product → its place, of those put there by hand
	rules []catalog.Rule
	any   bool
}

// Shelf is a collection with the ids of the products put into it by hand.
type Shelf struct {
	catalog.Collection
	IDs []string
}

// Shelves replaces every collection.
func (x *Index) Shelves(list []Shelf) {
	x.shelf = make(map[string]*shelf, len(list))
	for _, c := range list {
		s := &shelf{place: make(map[string]int, len(c.IDs)), rules: c.Rules, any: c.Any}
		for i, id := range c.IDs {
			s.place[id] = i
		}
		if c.Kind != "" {
			s.rules = append(slices.Clone(s.rules), catalog.Rule{On: catalog.RuleKind, Value: c.Kind})
		}
		x.shelf[c.Handle] = s
	}
}

// rule is a rule made ready: its value is looked up once, not for each card.
type rule struct {
	on       catalog.RuleOn
	label    uint32
	known    bool
	words    []string
	low, end int64
}

// on is a collection made ready for a question.
type on struct {
	place map[string]int
	rules []rule
	any   bool
}

func (x *Index) ready(s *shelf) *on {
	out := &on{place: s.place, any: s.any}
	for _, r := range s.rules {
		one := rule{on: r.On, low: r.From, end: r.To}
		switch r.On {
		case catalog.RuleKind, catalog.RuleTag, catalog.RuleVendor:
			one.label, one.known = x.labels.find(string(r.On), r.Value)
		case catalog.RuleTitle:
			one.words = Words(Fold(r.Value))
		}
		out.rules = append(out.rules, one)
	}
	return out
}

// has reports whether a card stands in the collection, and at which place of
// those put there by hand; what rules bring comes after them.
func (o *on) has(c *card) (place int, ok bool) {
	if place, ok = o.place[c.id]; ok {
		return place, true
	}
	if len(o.rules) == 0 {
		return 0, false
	}
	for _, r := range o.rules {
		if r.fits(c) == o.any {
			return catalog.MaxCollected, o.any
		}
	}
	return catalog.MaxCollected, !o.any
}

func (r *rule) fits(c *card) bool {
	switch r.on {
	case catalog.RuleKind, catalog.RuleTag, catalog.RuleVendor:
		return r.known && slices.Contains(c.labels, r.label)
	case catalog.RuleTitle:
		for _, w := range r.words {
			if !strings.Contains(c.title, w) {
				return false
			}
		}
		return len(r.words) > 0
	case catalog.RulePrice:
		return c.low >= r.low && (r.end == 0 || c.low <= r.end)
	case catalog.RuleAvailable:
		return c.available()
	}
	return false
}
