package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Cards that a payment service keeps for an account, by its owner's wish.
//
//	keep   Place: a customer at the service, if there is none yet ─▶ the page keeps the card that pays, and offers none
//	kept   Place: may this account pay so, to this address? ─▶ the page offers the cards
//	forget the account's page, its end, long disuse ─▶ job ─▶ the service
//
// Which cards there are is asked of the service each time, and kept nowhere here.

// ErrProve: an order is about an account's kept cards and goes elsewhere than into its
// owner's own home, or is to have the first card kept. Whoever asks shows a moment
// before that it is them.
var ErrProve = fault.New(fault.Forbidden, "Please show once more that it is you: this order is about cards that are kept for you.")

var (
	errNoKept  = fault.Field("payment_method", "No card is kept for you there any more. Please choose another way to pay.")
	errCareful = fault.Field("payment_method", "Your e-mail or number was changed less than a day ago. Until tomorrow kept cards are only for what is sent to an address in your address book. Please choose another way to pay, and have no card kept.")
	errSilent  = fault.New(fault.Unavailable, "The payment service does not answer. Nothing was ordered; please try again in a moment, or choose another way to pay.")
)

// cardsFor finds out at the payment service whose cards an order may be paid with, or
// opens a place for them there. It comes before the order: what an attempt asks for
// must be the same however often it is asked.
func (d *Desk) cardsFor(ctx context.Context, p *plan, in PlaceInput, s store.Settings) error {
	kept := in.Cards == store.CardKept
	name, err := d.payableAt(in.PaymentMethod, p.cart, s)
	if err != nil || name == "" || !kept && in.Cards != store.CardKeep {
		return err
	}
	keeper, is := d.providers[name].(payment.Keeper)
	if !is || p.account == "" {
		return unless(!kept, errNoKept)
	}
	if _, more := keeper.Keeps(); !kept && !more {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	k, n, err := d.askCards(ctx, keeper, p.account)
	switch {
	case errors.Is(err, store.ErrNoCards) && !kept && !in.Fresh:
		return ErrProve
	case errors.Is(err, store.ErrNoCards) && !kept:
		k, err = d.openCards(ctx, keeper, p.account)
	case errors.Is(err, store.ErrNoCards), err == nil && kept && n == 0:
		return errNoKept
	}
	p.cards, p.customer = in.Cards, k
	return err
}

// askCards is whom a service keeps cards for, and how many. What the service does not
// know is forgotten here too.
func (d *Desk) askCards(ctx context.Context, keeper payment.Keeper, account string) (k store.KeptCards, n int, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		k, err = v.KeptCardsAt(account, keeper.Name())
		return err
	})
	if err != nil {
		return k, 0, err
	}
	cards, err := d.cardsOf(ctx, keeper, k)
	if errors.Is(err, payment.ErrRefused) {
		err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return dropGone(t, account, k.Provider, k.Customer) })
		return k, 0, errors.Join(err, unless(err != nil, store.ErrNoCards))
	}
	if err != nil {
		return k, 0, fault.Because(fault.Unavailable, errSilent.Text, fmt.Errorf("ask %s for kept cards: %w", k.Provider, err))
	}
	return k, len(cards), nil
}

// cardsOf lists what a service keeps, without what it is about to forget.
func (d *Desk) cardsOf(ctx context.Context, keeper payment.Keeper, k store.KeptCards) ([]payment.Card, error) {
	var leaving []store.ToForget
	err := d.db.View(ctx, func(v *store.View) (err error) {
		leaving, err = v.LeavingCards(k.Owner)
		return err
	})
	if err != nil {
		return nil, err
	}
	cards, err := keeper.Cards(ctx, k.Customer)
	return slices.DeleteFunc(cards, func(c payment.Card) bool {
		return slices.ContainsFunc(leaving, func(f store.ToForget) bool {
			return f.Provider == k.Provider && f.Customer == k.Customer && f.Card == c.ID
		})
	}), err
}

// openCards opens a place for an account's cards. Of two requests at once one keeps its
// place; the other's, in which nothing is, goes again.
func (d *Desk) openCards(ctx context.Context, keeper payment.Keeper, account string) (k store.KeptCards, err error) {
	fresh, err := keeper.Customer(ctx)
	if err != nil {
		return k, fault.Because(fault.Unavailable, errSilent.Text, fmt.Errorf("open a place for cards at %s: %w", keeper.Name(), err))
	}
	err = d.db.InTx(ctx, ledger.Customer(account), func(t *store.Tx) error {
		a, err := t.Account(account)
		if err != nil {
			return err
		}
		k, err = t.KeepCards(a, store.KeptCards{Provider: keeper.Name(), Customer: fresh})
		return err
	})
	if err != nil || k.Customer != fresh {
		if gone := keeper.Forget(context.WithoutCancel(ctx), fresh, ""); gone != nil {
			d.log.WarnContext(ctx, "an empty place for cards stays at its payment service", "provider", keeper.Name())
		}
	}
	return k, err
}

// mayUse refuses whatever is about an account's kept cards for an order that goes
// elsewhere than home, unless its owner has just shown that it is them. A
// page that is to keep a card is of the same customer as the cards that are kept, so it
// takes as much. It looks in the order's own transaction, at the very details that the
// order gets.
func (d *Desk) mayUse(v *store.View, p plan, to order.Details, fresh bool, s store.Settings) error {
	a, err := v.Account(p.account)
	if err != nil {
		return err
	}
	atHome, err := goesHome(v, a, to, p.cart.Lines, collected(s, p.cart.Checkout.ShippingMethod))
	switch {
	case err != nil || atHome:
		return err
	case a.CarefulUntil.After(v.Now()):
		return errCareful
	case !fresh:
		return ErrProve
	}
	return nil
}

// goesHome reports whether an order goes where its account's own things go: its letters to
// the account's own address, its parcel to one of the address book, which takes a proof and
// does not grow in the day after a change of contact. Where parcels went before says
// nothing: whoever was signed in may have ordered them. What is collected goes to whoever
// comes, and what is only shown, a key or a file, to whoever is signed in.
func goesHome(v *store.View, a store.Account, to order.Details, lines []cart.Line, collected bool) (bool, error) {
	if collected || to.Email.Key() != a.Email.Key() || slices.ContainsFunc(lines, func(l cart.Line) bool { return l.Virtual }) {
		return false, nil
	}
	places, err := v.Places(a.ID)
	return slices.ContainsFunc(places, func(p store.Place) bool { return p.Address.Equal(to.ShipTo) }), err
}

// collected reports whether whoever comes gets the goods.
func collected(s store.Settings, method string) bool {
	return slices.ContainsFunc(s.Shipping.Methods, func(m shipping.Method) bool { return m.ID == method && m.Collected() })
}

// ownCards reports whether an attempt is about no kept cards, or about those of an account.
func ownCards(v *store.View, p store.Payment, account string) (bool, error) {
	if p.Cards == "" || account == "" {
		return p.Cards == "", nil
	}
	k, err := v.KeptCardsAt(account, p.Provider)
	if errors.Is(err, store.ErrNoCards) {
		return false, nil
	}
	return err == nil && k.Customer == p.Customer, err
}

// again carries a wish about kept cards over to the next attempt of an order, where it is
// the order's own account that asks for it. Others who hold the order pay as anybody.
func again(t *store.Tx, before store.Payment, account string, next *store.Payment) error {
	if before.Cards == "" || account == "" || next.Provider != before.Provider {
		return nil
	}
	of, err := t.AccountOfSubject(before.Owner)
	if err != nil || of != account {
		return err
	}
	k, err := t.KeptCardsAt(account, next.Provider)
	if errors.Is(err, store.ErrNoCards) {
		return nil
	}
	if err != nil {
		return err
	}
	next.Cards, next.Customer = before.Cards, k.Customer
	return t.UseCards(k)
}

// withoutCards gives an order whose page is refused for somebody's kept cards an attempt
// that is about none: a customer may end at the service by itself, deleted in its
// dashboard or put back from a backup, and the order would wait for good. It is an attempt
// of its own, since what one asks for is the same however often it is asked. The word for
// the customer is forgotten where the service says that it has none.
func (d *Desk) withoutCards(ctx, asking context.Context, o order.Order, p store.Payment) error {
	gone := false
	if keeper, is := d.providers[p.Provider].(payment.Keeper); is {
		_, err := keeper.Cards(asking, p.Customer)
		gone = errors.Is(err, payment.ErrRefused)
	}
	d.log.WarnContext(ctx, "a payment service opens no page for kept cards, so there is one without", "provider", p.Provider, "payment", p.ID, "gone there", gone)
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		if gone {
			if err := dropGone(t, abuse.Of(ctx).Customer(), p.Provider, p.Customer); err != nil {
				return err
			}
		}
		now, err := t.Order(o.Owner, o.ID) // its lock: of two who meet the same, one makes the attempt
		if err != nil || now.Status != order.Pending {
			return err
		}
		moved, err := t.MovePayment(p, order.PaymentOpen, order.PaymentExpired)
		if err != nil || !moved {
			return err
		}
		to, err := t.OrderDetails(o.Owner, o.ID)
		if err != nil {
			return err
		}
		next := store.Payment{ID: store.NewID(), Capture: p.Capture, Owner: p.Owner, Order: p.Order, Attempt: p.Attempt + 1, Provider: p.Provider,
			Status: order.PaymentOpen, Amount: p.Amount, ExpiresAt: p.ExpiresAt, Here: p.Here}
		who := store.Payer{Cart: o.Owner, Source: abuse.Of(ctx).Source, Account: abuse.Of(ctx).Customer(), Mailbox: to.Email}
		if err := t.Remember(next.ID, who); err != nil {
			return err
		}
		return d.attempt(t, now, next)
	})
}

// dropGone forgets the word for a customer whom its service does not know any more.
func dropGone(t *store.Tx, account, provider, customer string) error {
	k, err := t.KeptCardsAt(account, provider)
	if errors.Is(err, store.ErrNoCards) {
		return nil
	}
	if err != nil || k.Customer != customer { // another has been opened since
		return err
	}
	return t.DropCards(k)
}

// KeptCards is what one payment service keeps for an account.
type KeptCards struct {
	Provider string
	Who      string // in a shopper's words
	Cards    []payment.Card
	Silent   bool // the service did not say which
}

// Keepers lists the services that keep cards for an account. Nobody is asked which.
func (d *Desk) Keepers(ctx context.Context, account string) (out []store.KeptCards, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		out, err = v.KeptCards(account)
		return err
	})
	return slices.DeleteFunc(out, func(k store.KeptCards) bool {
		_, is := d.providers[k.Provider].(payment.Keeper)
		return !is
	}), err
}

// Cards asks the services what they keep for an account. Whoever calls has checked that
// it is its owner who asks.
func (d *Desk) Cards(ctx context.Context, account string) (out []KeptCards, err error) {
	all, err := d.Keepers(ctx, account)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	for _, k := range all {
		keeper := d.providers[k.Provider].(payment.Keeper)
		who, _ := keeper.Keeps()
		one := KeptCards{Provider: k.Provider, Who: who}
		one.Cards, err = d.cardsOf(asking, keeper, k)
		if err != nil && !errors.Is(err, payment.ErrRefused) { // a service that has nobody has no cards
			one.Silent = true
			d.log.WarnContext(ctx, "a payment service does not say which cards it keeps", "provider", k.Provider, "error", err)
		}
		out = append(out, one)
	}
	return out, nil
}

// ForgetCards has a service forget a card of an account, or with "" all of them. It is
// told as soon as it answers.
func (d *Desk) ForgetCards(ctx context.Context, account, provider, card string) error {
	err := d.db.InTx(ctx, ledger.Customer(account), func(t *store.Tx) error {
		k, err := t.KeptCardsAt(account, provider)
		if err != nil {
			return err
		}
		return t.ForgetCards(k, card)
	})
	d.wake()
	return err
}

// forgetCards tells a service. It is tried again until the service has heard, or the
// word that it knows the shopper by has reached its end.
func (d *Desk) forgetCards(ctx context.Context, j store.Job) error {
	var f store.ToForget
	err := d.db.View(ctx, func(v *store.View) (err error) {
		f, err = v.ToForget(j.Owner, j.Ref)
		return err
	})
	done := true
	switch {
	case errors.Is(err, store.ErrNoCards):
		done = false
		d.log.WarnContext(ctx, "nobody can tell any more which cards a payment service was to forget", "job", j.ID)
	case err != nil:
		return err
	default:
		keeper, is := d.providers[f.Provider].(payment.Keeper)
		if !is {
			return fmt.Errorf("forget cards: %s is not set up", f.Provider)
		}
		if err := keeper.Forget(ctx, f.Customer, f.Card); err != nil {
			return fmt.Errorf("forget cards at %s: %w", f.Provider, err)
		}
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.Forgotten(j.Owner, j.Ref, done) })
}

// idleAtOnce bounds how many are given up in a transaction.
const idleAtOnce = 50

// EndIdleCards has the services forget what nobody has paid with for as long as a
// payment is remembered, and says how many there were. It destroys by the clock, so it is
// for a pass of retention alone. What does not open is left to the end of its account.
func (d *Desk) EndIdleCards(ctx context.Context) (total int, err error) {
	terms, err := personal.TermsOf(personal.Payment)
	if err != nil {
		return 0, err
	}
	var from store.KeptCards
	for n := idleAtOnce; n == idleAtOnce; {
		gone := 0
		err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
			idle, err := t.IdleCards(terms.Keep.Before(t.Now()), from, idleAtOnce)
			if n, gone = len(idle), 0; n > 0 {
				from = idle[n-1]
			}
			for _, k := range idle {
				if k.Customer != "" {
					gone++
					err = errors.Join(err, t.ForgetCards(k, ""))
				}
			}
			return err
		})
		if err != nil {
			return total, err
		}
		total += gone
		d.wake()
	}
	return total, nil
}
