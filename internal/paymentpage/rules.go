package paymentpage

import (
	"slices"
	"strings"
)

// Entry is one script, style sheet or icon that pages may load, and why (PCI DSS
// 4.0.1, 6.4.3).
type Entry struct {
	Kind      Kind
	Path      string // its address, which names its content
	Integrity string // sha384-…, of its bytes
	Owner     string // who answers for it
	Reason    string // what it is for, in a sentence
	Page      string // the one page that may load it; "" for all
}

// Rules say what belongs to this shop, as the program that runs knows it.
type Rules struct {
	// Headers are those that a page must have, by the page's path and the header's
	// name in small letters, exactly.
	Headers   map[string]map[string]string
	Inventory []Entry
}

// carriers are headers that bring code along, or loosen what others forbid. No
// answer of the shop has one.
var carriers = []string{"content-security-policy-report-only", "integrity-policy-report-only", "report-to", "nel", "link", "refresh", "sourcemap", "x-sourcemap",
	"service-worker-allowed", "access-control-allow-origin", "speculation-rules", "use-as-dictionary", "document-policy"}

// Check tells what does not belong to this shop.
func (r Rules) Check(all []Seen) []Difference {
	var out []Difference
	for _, s := range all {
		for _, i := range s.Items {
			if why := r.foreign(s.Page, i); why != "" {
				out = append(out, Difference{Page: s.Page, Item: i, Foreign: why})
			}
		}
		for name, value := range r.Headers[s.Page] {
			if want := (Item{Header, name + ": " + value, ""}); !slices.Contains(s.Items, want) {
				out = append(out, Difference{Page: s.Page, Item: want, Missing: true, Foreign: "a page without it is less safe"})
			}
		}
	}
	return sorted(out)
}

// foreign says why an item can't come from this shop; "" when it can.
func (r Rules) foreign(page string, i Item) string {
	switch i.Kind {
	case Header:
		return r.foreignHeader(page, i.What)
	case Script, Style, Icon:
		for _, e := range r.Inventory {
			if e.Kind == i.Kind && e.Path == i.What && (i.Kind == Icon || e.Integrity == i.Hash) && (e.Page == "" || e.Page == page) {
				return ""
			}
		}
		return "it is not in the inventory"
	case Contents:
		for _, e := range r.Inventory {
			if e.Path == i.What && e.Integrity == i.Hash {
				return ""
			}
		}
		return "its bytes are not those of the inventory"
	case Picture, Form:
		if i.What != Own {
			return "it leads to another origin"
		}
	case Data:
	default:
		return "no page of the shop has such a thing"
	}
	return ""
}

func (r Rules) foreignHeader(page, what string) string {
	name, value, _ := strings.Cut(what, ": ")
	if slices.Contains(carriers, name) {
		return "the shop does not send this header"
	}
	if want, has := r.Headers[page][name]; has && value != want {
		return "the shop sends another"
	}
	return ""
}

// Compare tells what has changed since a baseline, leaving out what belongs there.
func Compare(baseline, now []Seen) []Difference {
	before := map[string][]Item{}
	for _, s := range baseline {
		before[s.Page] = s.Items
	}
	var out []Difference
	for _, s := range now {
		old := before[s.Page]
		for _, i := range s.Items {
			if !slices.Contains(old, i) {
				out = append(out, Difference{Page: s.Page, Item: i})
			}
		}
		for _, i := range old {
			if !slices.Contains(s.Items, i) {
				out = append(out, Difference{Page: s.Page, Item: i, Missing: true})
			}
		}
		delete(before, s.Page)
	}
	for page, items := range before {
		for _, i := range items {
			out = append(out, Difference{Page: page, Item: i, Missing: true})
		}
	}
	return sorted(out)
}

// Judge puts both together: what differs from the baseline, with the reason where
// it is foreign, and what is foreign though the baseline does not know of it. What
// an owner signed is no difference, foreign or not.
func Judge(r Rules, baseline, now []Seen) []Difference {
	signed := map[string][]Item{}
	for _, s := range baseline {
		signed[s.Page] = s.Items
	}
	changes := Compare(baseline, now)
	for _, f := range r.Check(now) {
		if slices.Contains(signed[f.Page], f.Item) != f.Missing {
			continue // accepted: it was there, or missing, when the baseline was signed
		}
		at := slices.IndexFunc(changes, func(c Difference) bool {
			return c.Page == f.Page && c.Item == f.Item && c.Missing == f.Missing
		})
		if at < 0 {
			changes = append(changes, f)
			continue
		}
		changes[at].Foreign = f.Foreign
	}
	return sorted(changes)
}

// sorted puts what is foreign first.
func sorted(all []Difference) []Difference {
	slices.SortFunc(all, func(a, b Difference) int {
		if (a.Foreign == "") != (b.Foreign == "") {
			return strings.Compare(b.Foreign, a.Foreign)
		}
		return strings.Compare(a.String(), b.String())
	})
	return all
}
