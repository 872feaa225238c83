package storefront

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

const (
	wishCookie = "__Host-wishes"
	// wishesHere is how many wishes a browser remembers, the newest of them: the
	// cookie comes with every request.
	wishesHere = 5
)

// keepWishes lets this browser take its wishes back, for as long as one lasts.
func keepWishes(w http.ResponseWriter, list []checkout.WishToken) {
	if len(list) == 0 {
		gate.ClearCookie(w, wishCookie)
		return
	}
	var words []string
	for _, one := range list[max(0, len(list)-wishesHere):] {
		words = append(words, one.Owner, string(one.Variant), one.MAC)
	}
	gate.SetCookie(w, wishCookie, strings.Join(words, "."), wishLasts())
}

// wishLasts is how long a wish is kept.
func wishLasts() time.Duration {
	terms, err := personal.TermsOf(personal.Marketing)
	if err != nil {
		return 0
	}
	now := time.Now()
	return terms.Keep.After(now).Sub(now)
}

// wishesOf reads what keepWishes set.
func wishesOf(r *http.Request) []checkout.WishToken {
	if r.Header["Cookie"] == nil {
		return nil
	}
	value, _ := gate.Cookie(r, wishCookie)
	return parseWishes(value)
}

// parseWishes reads "OWNER.VARIANT.MAC", once for each wish. A value that can't
// be ours is none.
func parseWishes(value string) []checkout.WishToken {
	words := strings.Split(value, ".")
	if len(words)%3 != 0 || len(words) > 3*wishesHere {
		return nil
	}
	var out []checkout.WishToken
	for part := range slices.Chunk(words, 3) {
		if len(part[0]) != 36 || len(part[1]) > 64 || len(part[2]) != 43 || slices.ContainsFunc(part, func(s string) bool { return !wordy(s) }) {
			return nil
		}
		out = append(out, checkout.WishToken{Owner: part[0], Variant: catalog.VariantID(part[1]), MAC: part[2]})
	}
	return out
}

// wishes lists what this browser waits for. It shows what the browser holds,
// and asks nobody whether an address waits.
func (s *Shop) wishes(w http.ResponseWriter, r *http.Request) {
	p := page.Wishes{Layout: s.layout(r)}
	for _, one := range wishesOf(r) {
		if !s.desk.OwnWish(one) {
			continue
		}
		title, err := s.titleOf(r.Context(), one.Variant)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
			title, err = "A thing we do not have any more", nil
		}
		if err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
		p.Wishes = append(p.Wishes, page.OneWish{ID: one.Owner, Title: title})
	}
	p.Flash = s.flash(w, r)
	s.show(w, r, http.StatusOK, p)
}

// takeBackWish ends a wish that this browser has asked for.
func (s *Shop) takeBackWish(w http.ResponseWriter, r *http.Request) {
	form, err := gate.Form(r)
	if err == nil {
		err = s.gate.Begin(r, abuse.Letter)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	mine := wishesOf(r)
	at := slices.IndexFunc(mine, func(one checkout.WishToken) bool { return one.Owner == form.Get(page.FieldWish) })
	if at >= 0 {
		err := s.desk.TakeBackWish(r.Context(), mine[at])
		if err != nil && !fault.Is(err, fault.NotFound) {
			s.gate.Refuse(w, r, err)
			return
		}
		keepWishes(w, slices.Delete(mine, at, at+1))
		tell(w, news{word: newsNoWish})
	}
	seeOther(w, page.PathWishes)
}
