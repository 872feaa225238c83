package storefront

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// privacy tells what is kept, read from the same register that sealing,
// export and retention read.
func (s *Shop) privacy(w http.ResponseWriter, r *http.Request) {
	s.showKept(w, r, func() (page.Page, error) {
		settings, err := s.db.Settings(r.Context())
		if err != nil {
			return nil, err
		}
		return page.Privacy{Layout: s.layout(r), Purposes: purposes(s.cfg.Parties), Receivers: s.receivers(), Cookies: cookies(), Backup: s.cfg.Backup, Own: page.Blocks(settings.Texts["privacy"].Body)}, nil
	})
}

// purposes lists every reason for which something about a shopper is stored, in
// words that a shopper knows. Ids and keyed hashes, which the register lists
// one by one, are told in one breath.
func purposes(set personal.Parties) []page.Purpose {
	var out []page.Purpose
	for _, t := range personal.Purposes() {
		if t.Purpose == personal.ShopSecrets {
			continue // about the shop, not about a person
		}
		p := page.Purpose{Name: t.Title, Why: t.Why + " (" + t.Basis + ")", Keep: t.Keep.String()}
		numbers := false
		for _, f := range personal.All() {
			if f.Purpose != t.Purpose {
				continue
			}
			switch {
			case f.Kind == personal.Sealed:
				p.What = appendNew(p.What, f.Label)
			case f.Kind == personal.Linked && strings.HasPrefix(f.Category, "user.") && f.Category != "user.unique_id":
				p.Linked = appendNew(p.Linked, f.Label)
			default:
				numbers = true
			}
			for _, to := range set.Of(f) {
				p.Who = appendNew(p.Who, to)
			}
		}
		if numbers {
			p.Linked = append(p.Linked, "random numbers and keyed hashes that tie these together")
		}
		if len(p.What)+len(p.Linked) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// receivers lists who outside the shop gets what.
func (s *Shop) receivers() []page.Receiver {
	var out []page.Receiver
	for _, r := range s.cfg.Parties.Receivers() {
		who := string(r.Recipient)
		if len(r.Names) > 0 {
			who += " (" + strings.Join(r.Names, ", ") + ")"
		}
		out = append(out, page.Receiver{Who: who, Gets: r.Gets})
	}
	return out
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// cookies lists every cookie that this package sets.
func cookies() []page.Cookie {
	return []page.Cookie{
		{Name: gate.CartCookie, Why: "Finds your cart. Set when you first put something into it.", Keep: "30 days after you last changed the cart"},
		{Name: orderCookie + "…", Why: "Opens the page of one order. Set when you order, or follow the link in our letter.", Keep: "30 days"},
		{Name: flashCookie, Why: "Tells the next page what you just did, such as what you removed.", Keep: "until that page is shown, a minute at most"},
	}
}
