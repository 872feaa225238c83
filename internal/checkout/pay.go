package checkout

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

var errNoOrder = fault.Missing("We cannot find that order.")

// MaxAttempts is how often one order may be tried to be paid. Who tests stolen
// cards needs many more; who mistypes needs two or three.
const MaxAttempts = 10

// errPages is what shoppers read while a merchant would rather sell nothing than
// over pages that somebody else has a hand in.
var errPages = fault.New(fault.Unavailable, "We have closed the checkout for the moment: something on our payment pages is not as it should be, and we look what it is. Your cart is kept. Please do not type a card number anywhere on this site; try again later.")

const tooOftenText = "This order was tried to be paid too often. Nothing was taken. When the time to pay has ended, your cart opens again."

// openFor bounds how long a provider may take to open a page to pay on.
const openFor = 10 * time.Second

// NoticePath is where a provider's call-backs arrive.
func NoticePath(provider string) string { return "/payments/" + provider + "/notices" }

// open makes sure that the newest attempt of a payable order has a page at the
// provider, and says where payment stands.
func (d *Desk) open(ctx context.Context, o order.Order) (PaymentView, error) {
	account := abuse.Of(ctx).Customer()
	var p store.Payment
	var out PaymentView
	look := func(v *store.View) (err error) {
		if p, err = lastPayment(v, o); err == nil {
			out, err = d.viewFor(v, o, p, account)
		}
		return err
	}
	err := d.db.View(ctx, look)
	if err == nil && out.Withheld { // the attempt and its cards may have ended between the two reads
		err = d.db.View(ctx, look)
	}
	if err != nil || p.Status != order.PaymentOpen || o.Status != order.Pending || p.Ref != "" || out.Withheld {
		return out, err
	}
	provider, ok := d.providers[p.Provider]
	if !ok {
		return PaymentView{}, fault.New(fault.Unavailable, "This way to pay is not available right now.")
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return PaymentView{}, err
	}
	link := d.origin + "/orders/" + string(o.Number)
	asking, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	session, err := provider.Open(asking, payment.Request{OrderID: string(o.ID), OrderNumber: string(o.Number), Attempt: p.Attempt, Amount: p.Amount, Authorize: p.Capture == store.Later,
		ReturnURL: link, CancelURL: link, NoticeURL: d.origin + NoticePath(p.Provider), ExpiresAt: p.ExpiresAt, Statement: s.Descriptor,
		Customer: p.Customer, Keep: p.Cards == store.CardKeep, Here: p.Here})
	if errors.Is(err, payment.ErrRefused) && p.Customer != "" {
		if err := d.withoutCards(ctx, asking, o, p); err != nil {
			return PaymentView{}, err
		}
		return d.open(ctx, o) // the newest attempt is about nobody's cards by now
	}
	if errors.Is(err, payment.ErrRefused) {
		return PaymentView{}, fault.Because(fault.Unavailable, "Your order is kept, but it can't be paid this way. Please write to us.", fmt.Errorf("open payment at %s: %w", p.Provider, err))
	}
	if err != nil {
		// The order stands and its goods are held: the shopper can try again.
		return PaymentView{}, fault.Because(fault.Unavailable, "Your order is kept, but the payment service does not answer. Please try again in a moment.", fmt.Errorf("open payment at %s: %w", p.Provider, err))
	}
	p.Ref, p.URL, p.Mode, p.Account = session.Ref, session.URL, session.Mode, session.Account
	if p.Here {
		p.URL = d.origin + HerePath(o.Number)
	}
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.OpenedPayment(p) })
	if err != nil {
		return PaymentView{}, err
	}
	return d.view(o, p), nil
}

// lastPayment is the attempt that counts for an order. One of which nothing is left
// for a payment service has none, and reads as approved.
func lastPayment(v *store.View, o order.Order) (store.Payment, error) {
	if o.Covered() {
		return store.Payment{Status: order.PaymentApproved}, nil
	}
	return v.LastPayment(o.Owner, o.ID)
}

// view says where a payment stands, as the API tells it. An attempt has
// expired when its page has: the order may be kept for longer.
func (d *Desk) view(o order.Order, p store.Payment) PaymentView {
	status := p.Status
	if status == order.PaymentOpen && p.ExpiresAt.Before(o.HoldUntil) && !p.ExpiresAt.After(d.db.Now()) {
		status = order.PaymentExpired
	}
	if status == order.PaymentOpen && o.Status == order.Cancelled || status == order.PaymentReturned || status == order.PaymentOwed || status == order.PaymentSettling {
		status = order.PaymentExpired
	}
	if status == order.PaymentApproved && p.Capture == store.Released { // what was approved is not there any more
		status = order.PaymentExpired
	}
	out := PaymentView{Status: status, Transfer: d.transfer(o, p), Reserved: p.Capture == store.Authorized || p.Capture == store.Capturing}
	if status == order.PaymentOpen && o.Status == order.Pending {
		out.RedirectURL = p.URL
	}
	return out
}

// viewFor is view for who is signed in to an account, or with "" to none. Where an attempt
// is paid that is about kept cards, only the account hears whose they are: the token of an
// order opens no page that offers them.
func (d *Desk) viewFor(v *store.View, o order.Order, p store.Payment, account string) (PaymentView, error) {
	out := d.view(o, p)
	own, err := ownCards(v, p, account)
	if out.Withheld = !own; !own {
		out.RedirectURL = ""
	}
	return out, err
}

// Order returns what the token of an order shows: nothing personal. An unknown
// number and a wrong token answer alike.
func (d *Desk) Order(ctx context.Context, number order.Number, token string) (OrderView, error) {
	account := abuse.Of(ctx).Customer()
	var out OrderView
	err := d.db.View(ctx, func(v *store.View) error {
		o, err := d.opened(v, number, token)
		if err != nil {
			return err
		}
		p, err := lastPayment(v, o)
		if err != nil {
			return err
		}
		out.Order = o
		out.Payment, err = d.viewFor(v, o, p, account)
		return err
	})
	return out, err
}

func (d *Desk) opened(v *store.View, number order.Number, token string) (order.Order, error) {
	o, err := v.OrderByNumber(number)
	if err != nil {
		return order.Order{}, err
	}
	if subtle.ConstantTimeCompare([]byte(d.OrderToken(o.ID)), []byte(token)) != 1 {
		return order.Order{}, errNoOrder
	}
	return o, nil
}

// PayAgain gives a pending order another attempt to pay, as long as its goods
// are held. An attempt whose page still takes a payment is given back as it is.
func (d *Desk) PayAgain(ctx context.Context, number order.Number, token string) (OrderView, error) {
	return d.payWith(ctx, number, token, "", false)
}

// PayWith is PayAgain with another payment method, or "" for the same. The page
// of the method before is ended where its provider lets us; when it was paid on
// all the same, one payment counts and the other goes back.
func (d *Desk) PayWith(ctx context.Context, number order.Number, token, method string) (OrderView, error) {
	return d.payWith(ctx, number, token, method, false)
}

// PayHere is PayWith with the fields of a payment service on a page of the shop.
func (d *Desk) PayHere(ctx context.Context, number order.Number, token, method string) (OrderView, error) {
	return d.payWith(ctx, number, token, method, true)
}

func (d *Desk) payWith(ctx context.Context, number order.Number, token, method string, here bool) (OrderView, error) {
	account := abuse.Of(ctx).Customer()
	o, found, err := d.newAttempt(ctx, number, token, account, method, here, false)
	if errors.Is(err, errJudged) {
		if err = d.passes(ctx, abuse.Pay, found); err == nil {
			o, _, err = d.newAttempt(ctx, number, token, account, method, here, true)
		}
	}
	if err != nil {
		return OrderView{}, err
	}
	pay, err := d.open(ctx, o)
	return OrderView{Order: o, Payment: pay}, err
}

// newAttempt makes the next attempt of an order, where it needs one. judged says
// that whoever pays may do so, whatever the buckets say.
func (d *Desk) newAttempt(ctx context.Context, number order.Number, token, account, method string, here, judged bool) (o order.Order, found judgement, err error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return o, found, err
	}
	if s.Closed {
		return o, found, errPages
	}
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		if o, err = d.opened(&t.View, number, token); err != nil {
			return err
		}
		if o.Status != order.Pending || !o.HoldUntil.After(t.Now()) {
			return fault.New(fault.Conflict, "This order can't be paid any more.")
		}
		if o.OnAccount { // it is about to be packed: nothing waits for a payment
			return fault.New(fault.Conflict, "You pay for this order later.")
		}
		p, err := t.LastPayment(o.Owner, o.ID)
		if err != nil {
			return err
		}
		next := p.Provider
		if method == "" { // the same way as before
			here = p.Here
		}
		if method != "" && method != next {
			with, err := d.provider(method, s, func(p payment.Provider) bool { return !d.onAccount(p.Name()) })
			if err != nil {
				return err
			}
			next = with.Name()
			if err := d.room(&t.View, next); err != nil {
				return err
			}
		}
		here = here && d.embeds(next)
		own, err := ownCards(&t.View, p, account)
		if err != nil {
			return err
		}
		other := next != p.Provider || here != p.Here || !own && p.Status == order.PaymentOpen
		if p.Status == order.PaymentOpen && p.ExpiresAt.After(t.Now()) && !other {
			return nil
		}
		if p.Attempt >= MaxAttempts {
			return fault.Limited(tooOftenText, o.HoldUntil.Sub(t.Now()))
		}
		to, err := t.OrderDetails(o.Owner, o.ID)
		if err != nil {
			return err
		}
		who := store.Payer{Cart: o.Owner, Source: abuse.Of(ctx).Source, Account: account, Mailbox: to.Email}
		if found, err = d.judge(t, who); err != nil {
			return err
		}
		if found.friction != abuse.None && !judged {
			return errJudged
		}
		fresh := store.NewID()
		if err := t.Remember(fresh, who); err != nil {
			return err
		}
		if p.Status == order.PaymentOpen { // given up for another, or the goods are kept longer than its page was
			if _, err := t.MovePayment(p, order.PaymentOpen, order.PaymentExpired); err != nil {
				return err
			}
		}
		if next != p.Provider {
			if err := t.ChangeMethod(o.Owner, o.ID, next); err != nil {
				return err
			}
		}
		if other {
			if err := t.Enqueue(JobAsk, p.Owner, p.ID, t.Now()); err != nil {
				return err
			}
		}
		ends := o.HoldUntil
		if !d.ByHand(next) { // a page to pay on is not open for days
			ends = earlier(ends, t.Now().Add(d.hold))
		} else if later := o.PlacedAt.Add(d.waits(next)); later.After(ends) {
			ends, o.HoldUntil = later, later
			if err := t.KeepOrderHeld(o.Owner, o.ID, later); err != nil {
				return err
			}
		}
		virtual, err := t.HasVirtual(o.Owner, o.ID)
		if err != nil {
			return err
		}
		one := store.Payment{ID: fresh, Capture: d.reserves(next, s, virtual), Owner: o.Owner, Order: o.ID, Attempt: p.Attempt + 1, Provider: next,
			Status: order.PaymentOpen, Amount: o.Due(), ExpiresAt: ends, Here: here}
		if err := again(t, p, account, &one); err != nil {
			return err
		}
		return d.attempt(t, o, one)
	})
	if err == nil { // should the program die in between, the next sweep does it
		err = d.keepHeld(ctx, o)
	}
	return o, found, err
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Mailbox is where an order's letters go, for a letter and never for a page:
// the token alone shows nobody who that is.
func (d *Desk) Mailbox(ctx context.Context, number order.Number, token string) (to contact.Email, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := d.opened(v, number, token)
		if err != nil {
			return err
		}
		details, err := v.OrderDetails(o.Owner, o.ID)
		to = details.Email
		return err
	})
	return to, err
}
