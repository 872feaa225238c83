package checkout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

var (
	errNoCredit = fault.New(fault.Conflict, "There is no store credit on this account at the moment.")
	errNotYours = fault.New(fault.Changed, "Please sign in again to pay with store credit, or take it out of the cart.")
	errCredits  = fault.New(fault.Conflict, "An order can be paid with five gift cards. Please take one out first.")
)

// tryCard puts a gift card into a cart. What can't be spent, whatever the reason,
// is answered as any other wrong code.
func (d *Desk) tryCard(ctx context.Context, id cart.ID, token string, code credit.Code, s store.Settings) (cart.Cart, error) {
	var of credit.ID
	err := d.db.View(ctx, func(v *store.View) error {
		row, err := v.Cart(id, token)
		if err != nil {
			return err
		}
		if row.State != cart.Open {
			return errClosed
		}
		c, err := v.CardByCode(code)
		if fault.Is(err, fault.NotFound) || err == nil && (c.Spendable(v.Now()).IsZero() || c.Balance.Currency() != s.Currency) {
			return errCode
		}
		of = c.ID
		return err
	})
	if err != nil {
		return cart.Cart{}, err
	}
	return d.addCredit(ctx, id, token, of, s)
}

// UseAccountCredit pays a cart with the store credit of an account, as far as it
// goes. Whoever calls has checked that it is its owner who asks.
func (d *Desk) UseAccountCredit(ctx context.Context, id cart.ID, token, account string) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	var of credit.ID
	err = d.db.View(ctx, func(v *store.View) error {
		c, err := v.CreditOf(account, s.Currency)
		if fault.Is(err, fault.NotFound) || err == nil && c.Spendable(v.Now()).IsZero() {
			return errNoCredit
		}
		of = c.ID
		return err
	})
	if err != nil {
		return cart.Cart{}, err
	}
	return d.addCredit(ctx, id, token, of, s)
}

func (d *Desk) addCredit(ctx context.Context, id cart.ID, token string, of credit.ID, s store.Settings) (cart.Cart, error) {
	return d.setMeans(ctx, id, token, s, func(row *store.CartRow) error {
		if slices.ContainsFunc(row.Credits, func(k store.CartCredit) bool { return k.ID == of }) {
			return nil
		}
		if len(row.Credits) >= credit.MaxTogether {
			return errCredits
		}
		row.Credits = append(slices.Clone(row.Credits), store.CartCredit{ID: of})
		return nil
	})
}

// payWith says what the credits in a cart pay of its total now. One that is not
// there any more, or of another currency, is left out. What an order that was begun
// and cut off holds already is its own; "" for none.
func payWith(v *store.View, row store.CartRow, c *cart.Cart, begun order.ID) error {
	if len(row.Credits) == 0 {
		return nil
	}
	have := make([]credit.Part, 0, len(row.Credits))
	for _, k := range row.Credits {
		one, err := v.Credit(k.ID)
		if fault.Is(err, fault.NotFound) || err == nil && one.Balance.Currency() != c.Totals.Total.Currency() {
			continue
		}
		if err != nil {
			return err
		}
		part := one.Part(v.Now())
		if begun != "" {
			held, err := v.CreditHeldBy(one, begun)
			if err == nil {
				part.Amount, err = part.Amount.Plus(held)
			}
			if err != nil {
				return err
			}
		}
		have = append(have, part)
	}
	var err error
	c.Credits, _, err = credit.Spread(c.Totals.Total, have)
	return err
}

// ownCredit refuses store credit that is not of the account which is signed in:
// whoever finds a cart may order it, and pays with money of their own.
func ownCredit(v *store.View, parts []credit.Part, account string) error {
	for _, p := range parts {
		if p.Kind != credit.Account || p.Amount.IsZero() {
			continue
		}
		c, err := v.Credit(p.ID)
		if err != nil {
			return err
		}
		if account == "" || c.Owner != account {
			return errNotYours
		}
	}
	return nil
}

// shown are the credits of a cart with what they were said to pay.
func shown(parts []credit.Part) []store.CartCredit {
	out := make([]store.CartCredit, 0, len(parts))
	for _, p := range parts {
		out = append(out, store.CartCredit{ID: p.ID, Shown: p.Amount.Minor()})
	}
	return out
}

// paying are the parts that pay something.
func paying(parts []credit.Part) []credit.Part {
	return slices.DeleteFunc(slices.Clone(parts), func(p credit.Part) bool { return p.Amount.IsZero() })
}

// inOrder sorts parts as credits are locked.
func inOrder(parts []credit.Part) []credit.Part {
	return slices.SortedFunc(slices.Values(parts), func(a, b credit.Part) int { return strings.Compare(string(a.ID), string(b.ID)) })
}

// holdCredit holds every part for an order, or none. credit.ErrShort says that
// somebody else was quicker.
func (d *Desk) holdCredit(ctx context.Context, id order.ID, owner string, parts []credit.Part, until time.Time) error {
	if len(parts) == 0 {
		return nil
	}
	return d.db.InTx(ctx, ledger.Guest(owner), func(t *store.Tx) error {
		for _, p := range inOrder(parts) {
			if err := t.HoldCredit(p, id, owner, until); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeCredit makes what an order was paid with paid for good.
func (d *Desk) takeCredit(ctx context.Context, o order.Order) error {
	if len(o.Credits) == 0 {
		return nil
	}
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		for _, p := range inOrder(o.Credits) {
			if err := t.TakeCredit(p, o.ID, o.Owner); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, credit.ErrShort) {
		d.log.ErrorContext(ctx, "an order is paid with credit that is gone: do not send it before you have looked", "order", string(o.ID))
	}
	return err
}

func (d *Desk) releaseCredit(ctx context.Context, id order.ID, before time.Time) error {
	has := false
	err := d.db.View(ctx, func(v *store.View) (err error) {
		has, err = v.HoldsCredit(id)
		return err
	})
	if err != nil || !has {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.ReleaseCredit(id, before) })
}

// withoutCredit shows a cart again whose gift card was spent elsewhere just before
// it was ordered, and asks to look at what is left to pay.
func (d *Desk) withoutCredit(ctx context.Context, p plan, s store.Settings) error {
	err := d.db.InTx(ctx, ledger.Guest(p.owner), func(t *store.Tx) error {
		row, err := t.OwnCart(p.cart.ID)
		if err != nil || row.State != cart.Open {
			return err
		}
		_, err = d.requote(t, row, row.Checkout, s)
		return err
	})
	if err != nil {
		return err
	}
	return errSpent
}

var errSpent = fault.New(fault.Changed, "What a gift card or your store credit pays has changed since you last saw it. Please look at what is left to pay.")
