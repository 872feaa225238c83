package storefront

import (
	"net/http"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// meetCart brings the cart of an account and the cart of this browser together
// as somebody signs in. One that is empty gives way. Of two with goods the
// shopper chooses: the one of the account waits in the cookie of carts that
// come from elsewhere, and choose says that the page which asks is next.
func (s *Shop) meetCart(w http.ResponseWriter, r *http.Request, e account.Entry) (choose bool, err error) {
	st, err := s.cfg.Keeper.Who(r.Context(), e.Cookie)
	if err != nil || st.Account == "" || st.Role != "" {
		return false, err
	}
	kept, err := s.cfg.Keeper.Cart(r.Context(), e.Account)
	if err != nil {
		return false, err
	}
	here, has := cartOf(r)
	theirs, saved := parseBasket(kept)
	n, err := s.unitsOf(r, here, has)
	if err != nil {
		return false, err
	}
	m, err := s.unitsOf(r, theirs, saved)
	if err != nil {
		return false, err
	}
	switch {
	case m == 0 && n > 0:
		return false, s.cfg.Keeper.KeepCart(r.Context(), st, here.String())
	case m > 0 && n == 0:
		keepBasket(w, theirs)
	case m > 0 && here != theirs:
		gate.SetCookie(w, adoptCookie, theirs.String(), keepAdopt)
		return true, nil
	}
	return false, nil
}

// unitsOf counts what is in a cart. One that is gone is empty.
func (s *Shop) unitsOf(r *http.Request, b basket, has bool) (n int64, err error) {
	if !has {
		return 0, nil
	}
	err = s.db.View(r.Context(), func(v *store.View) (err error) {
		n, err = v.CartCount(b.id, b.token)
		return err
	})
	return n, err
}

// mine makes the cart that this browser has now that of whoever is signed in.
func (s *Shop) mine(r *http.Request, b basket) {
	st := s.who(r)
	if st.Account == "" {
		return
	}
	if err := s.cfg.Keeper.KeepCart(r.Context(), st, b.String()); err != nil {
		s.log.WarnContext(r.Context(), "a cart was not kept with its account", "error", err)
	}
}

// ofAccount reports whether a cart is the one that the account of whoever is
// signed in has on every device.
func (s *Shop) ofAccount(r *http.Request, b basket) (bool, error) {
	st := s.who(r)
	if st.Account == "" || st.Role != "" {
		return false, nil
	}
	kept, err := s.cfg.Keeper.Cart(r.Context(), st.Account)
	return kept == b.String(), err
}
