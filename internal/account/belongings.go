package account

import (
	"context"
	"strings"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// claim links the orders that the mailbox of an account made as a guest. Only
// what has just proved the mailbox may call it.
func (k *Keeper) claim(t *store.Tx, a store.Account) (n int, err error) {
	subjects, err := t.Subjects(a.Email.Key())
	if err != nil {
		return 0, err
	}
	for _, s := range subjects {
		ok, err := t.Link(a.ID, s, "mailbox")
		if err != nil {
			return n, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

// AskClaim mails a code to an account's own mailbox, to find orders that were
// made there without signing in.
func (k *Keeper) AskClaim(ctx context.Context, st access.Standing) (ticket string, err error) {
	a, err := k.Account(ctx, st.Account)
	if err != nil {
		return "", err
	}
	return k.ask(ctx, challenge.Claim, a.Email.Reveal(), st, Visitor{})
}

// AnswerClaim takes that code and tells how many orders were found.
func (k *Keeper) AnswerClaim(ctx context.Context, st access.Standing, ticket, typed string) (n int, err error) {
	err = k.answer(ctx, challenge.Claim, ticket, typed, func(t *store.Tx, c store.Challenge) error {
		if c.Subject != st.Account {
			return errEnded
		}
		a, err := standing(t, st)
		if err != nil {
			return err
		}
		if err := t.Mark(a.ID, t.Now(), store.ProvedAt); err != nil {
			return err
		}
		n, err = k.claim(t, a)
		return err
	})
	return n, err
}

// Own makes an order that somebody placed while signed in their own.
func (k *Keeper) Own(ctx context.Context, st access.Standing, o order.Order) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		_, err := t.Link(a.ID, o.Owner, "signed-in")
		return err
	})
}

// Orders lists the orders of an account, the newest first.
func (k *Keeper) Orders(ctx context.Context, account string, limit int) (out []order.Order, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = v.LinkedOrders(account, limit)
		return err
	})
	return out, err
}

// Order returns one of an account's own orders. Another's is not there.
func (k *Keeper) Order(ctx context.Context, account string, n order.Number) (o order.Order, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		if o, err = v.OrderByNumber(n); err != nil {
			return err
		}
		own, err := v.Linked(account, o.Owner)
		if err == nil && !own {
			err = fault.Missing("We can't find that order.")
		}
		return err
	})
	return o, err
}

// OrderPeople opens whom an account's own order is for, to an owner who has
// just proved that it is them; not in the day after a change of contact.
func (k *Keeper) OrderPeople(ctx context.Context, st access.Standing, o order.Order) (to order.Details, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		a, err := v.Account(st.Account)
		if err != nil {
			return err
		}
		if err := careful(a, v.Now()); err != nil {
			return err
		}
		own, err := v.Linked(a.ID, o.Owner)
		if err == nil && !own {
			err = fault.Missing("We can't find that order.")
		}
		if err != nil {
			return err
		}
		to, err = v.OrderDetails(o.Owner, o.ID)
		return err
	})
	return to, err
}

// Cart is "ID.TOKEN" of the cart that an account has on every device; "" for
// none.
func (k *Keeper) Cart(ctx context.Context, account string) (c string, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		c, err = v.AccountCart(account)
		return err
	})
	return c, err
}

// KeepCart makes a cart the one that an account has on every device.
func (k *Keeper) KeepCart(ctx context.Context, st access.Standing, c string) error {
	if st.Role != "" {
		return nil // staff shop with accounts of their own
	}
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error { return t.KeepAccountCart(a, c) })
}

// CallMe keeps what somebody wants to be called; nothing typed takes it away.
func (k *Keeper) CallMe(ctx context.Context, st access.Standing, typed string) error {
	var name contact.Name
	if strings.TrimSpace(typed) != "" {
		var err error
		if name, err = contact.ParseName(typed); err != nil {
			return err
		}
	}
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if a.Name.Equal(name) {
			return nil
		}
		if err := t.NameAccount(a, name); err != nil {
			return err
		}
		return t.Event("account.named", a.ID, a.ID, "")
	})
}

// Places opens somebody's address book.
func (k *Keeper) Places(ctx context.Context, account string) (out []store.Place, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = v.Places(account)
		return err
	})
	return out, err
}

// Place opens one address, for whoever has just proved that it is them. In the
// day after a change of contact it stays covered.
func (k *Keeper) Place(ctx context.Context, st access.Standing, id string) (p store.Place, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		list, err := k.open(v, st)
		if err != nil {
			return err
		}
		for _, p = range list {
			if p.ID == id {
				return nil
			}
		}
		p = store.Place{}
		return fault.Missing("That address is not in your address book any more.")
	})
	return p, err
}

// OpenPlaces opens the whole book likewise.
func (k *Keeper) OpenPlaces(ctx context.Context, st access.Standing) (out []store.Place, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = k.open(v, st)
		return err
	})
	return out, err
}

func (k *Keeper) open(v *store.View, st access.Standing) ([]store.Place, error) {
	a, err := v.Account(st.Account)
	if err == nil {
		err = careful(a, v.Now())
	}
	if err != nil {
		return nil, err
	}
	return v.Places(st.Account)
}

// SavePlace adds an address, or changes the one with its id. In the day after
// a change of contact none can be added: a thief would send goods there.
func (k *Keeper) SavePlace(ctx context.Context, st access.Standing, p store.Place) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if err := careful(a, t.Now()); err != nil {
			return err
		}
		if p.ID == "" {
			p.ID = store.NewID()
		}
		if err := t.SavePlace(a, p); err != nil {
			return err
		}
		return t.Event("address.saved", a.ID, p.ID, "")
	})
}

// RemovePlace takes an address out.
func (k *Keeper) RemovePlace(ctx context.Context, st access.Standing, id string) error {
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if err := t.RemovePlace(a.ID, id); err != nil {
			return err
		}
		return t.Event("address.removed", a.ID, id, "")
	})
}

// activityDays is how far back the activity of an account is shown.
const activityDays = 90

// Acts lists what happened to an account in the last 90 days.
func (k *Keeper) Acts(ctx context.Context, account string) (out []store.Act, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = v.Acts(account, v.Now().Add(-activityDays*day), 200)
		return err
	})
	return out, err
}

// Messages lists what the shop wrote to an account, the newest first.
func (k *Keeper) Messages(ctx context.Context, account string) (out []store.AccountLetter, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		out, err = v.AccountLetters(account, 200)
		return err
	})
	return out, err
}
