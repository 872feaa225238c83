package checkout

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// errCode is the one answer to a code that gives nothing, whether it never
// existed, has ended or is used up: who guesses learns nothing.
var errCode = fault.Field("code", "That code can't be used here. Please check how it is written.")

// The answers to a code that is right. They help nobody who guesses: that a code
// is right shows in any cart that it fits, and a cart costs nothing to fill.
var (
	errAlone = fault.New(fault.Conflict, "These codes can't be used together. Please take the other one out first.")
	errMany  = fault.New(fault.Conflict, "An order can have three codes. Please take one out first.")
)

// TryCode puts a discount code or a gift card into a cart: one field takes both. A
// discount code that needs a bigger cart stays in it and waits. Of every other code that gives nothing the cart stays as it
// is; the caller counts fault.Invalid as a guess, and asks before it tries.
func (d *Desk) TryCode(ctx context.Context, id cart.ID, token, typed string) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	key, ok := discount.Key(typed)
	code, there := s.Codes[key]
	if card, may := credit.ReadCode(typed); may && !there {
		return d.tryCard(ctx, id, token, card, s)
	}
	var used int64
	// A wrong code is found out by reading: guesses do not queue for the writer.
	err = d.db.View(ctx, func(v *store.View) error {
		row, err := v.Cart(id, token)
		if err != nil {
			return err
		}
		if row.State != cart.Open {
			return errClosed
		}
		used, err = v.CodeUsed(key)
		return err
	})
	if err != nil {
		return cart.Cart{}, err
	}
	if !ok || !there || !code.On(discount.Day(d.db.Now(), s.Zone)) || code.Uses > 0 && used >= code.Uses {
		return cart.Cart{}, errCode
	}
	return d.setMeans(ctx, id, token, s, func(row *store.CartRow) error {
		words := slices.DeleteFunc(row.Codes, func(w string) bool {
			c, there := s.Codes[keyOf(w)]
			return keyOf(w) == key || !there || !c.On(discount.Day(d.db.Now(), s.Zone))
		})
		switch {
		case len(words) > 0 && (code.Exclusive || slices.ContainsFunc(words, func(w string) bool { return s.Codes[keyOf(w)].Exclusive })):
			return errAlone
		case len(words) >= discount.MaxTogether:
			return errMany
		}
		row.Codes = append(words, code.Word)
		return nil
	})
}

// DropCode takes a code out of a cart, or a credit by its id, or all of both when
// word is "". One that is not in it changes nothing.
func (d *Desk) DropCode(ctx context.Context, id cart.ID, token, word string) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	return d.setMeans(ctx, id, token, s, func(row *store.CartRow) error {
		row.Codes = slices.DeleteFunc(row.Codes, func(w string) bool { return word == "" || keyOf(w) == keyOf(word) })
		row.Credits = slices.DeleteFunc(row.Credits, func(k store.CartCredit) bool { return word == "" || string(k.ID) == word })
		return nil
	})
}

func keyOf(word string) string {
	key, _ := discount.Key(word)
	return key
}

// setMeans changes the codes and credits of an open cart and prices it again. The
// total that comes out has been seen by the caller.
func (d *Desk) setMeans(ctx context.Context, id cart.ID, token string, s store.Settings, fn func(*store.CartRow) error) (cart.Cart, error) {
	var c cart.Cart
	err := d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) (err error) {
		if err = fn(&row); err != nil {
			return err
		}
		if row, err = t.SaveCart(row); err != nil {
			return err
		}
		c, err = d.requote(t, row, row.Checkout, s)
		return err
	})
	return c, err
}

// counting are the codes that take something off, and so are used by an order.
func counting(all []discount.Applied) []discount.Applied {
	var out []discount.Applied
	for _, a := range all {
		if a.Counts() {
			out = append(out, a)
		}
	}
	return out
}

// usedUp says that a code's bounds were reached when its use was to be held.
type usedUp struct{ discount.Applied }

func (usedUp) Error() string { return "a code is used up" }

// useCodes holds a use of each code for an order, or of none, like reserve
// holds goods. A code that the merchant has taken away since the order was
// placed has no bounds any more.
func (d *Desk) useCodes(ctx context.Context, id order.ID, owner string, codes []discount.Applied, customer contact.Email, s store.Settings, until time.Time) error {
	if len(codes) == 0 {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(codes), func(a, b discount.Applied) int { return strings.Compare(a.Key, b.Key) })
	return d.db.InTx(ctx, ledger.Guest(owner), func(t *store.Tx) error {
		for _, a := range sorted {
			c := s.Codes[a.Key]
			c.Word = a.Word
			free, err := t.UseCode(c, id, owner, customer, until)
			if err != nil {
				return err
			}
			if !free {
				return usedUp{a}
			}
		}
		return nil
	})
}

// withoutCode takes a code that is used up out of the cart that was about to be
// ordered, and asks to look at the total again. Of a customer's own bound it
// tells no more than that: who types another's address learns nothing certain.
func (d *Desk) withoutCode(ctx context.Context, p plan, gone usedUp, s store.Settings) error {
	err := d.db.InTx(ctx, ledger.Guest(p.owner), func(t *store.Tx) error {
		row, err := t.OwnCart(p.cart.ID)
		if err != nil || row.State != cart.Open {
			return err
		}
		row.Codes = slices.DeleteFunc(row.Codes, func(w string) bool { return keyOf(w) == gone.Key })
		if row, err = t.SaveCart(row); err != nil {
			return err
		}
		_, err = d.requote(t, row, row.Checkout, s)
		return err
	})
	if err != nil {
		return err
	}
	return fault.New(fault.Changed, "The code "+gone.Word+" can't be used for this order any more, so we took it out. Please look at the total again.")
}
