package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// maxKey bounds an Idempotency-Key, in bytes.
const maxKey = 255

var (
	errKey        = fault.New(fault.IdempotencyKeyMissing, "Send an Idempotency-Key of 1 to 255 characters, new for each order.")
	errChanged    = fault.New(fault.Changed, "Something in your cart has changed since you last saw it. Please look at it again.")
	errEmpty      = fault.Field("lines", "The cart is empty.")
	errIncomplete = fault.Field("checkout", "We need your e-mail, name and delivery address first.")
)

// plan is what Place has decided on before any goods are held.
type plan struct {
	id       order.ID
	owner    string
	account  string // that is signed in; "" for a guest
	cart     cart.Cart
	email    contact.Email // of the details
	judged   judgement     // of who orders
	began    time.Time
	codes    []discount.Applied // the codes that it uses
	cards    string             // what is wished about kept cards, if anything
	customer store.KeptCards    // whose they are
	replayed bool
}

// payer is who orders, as far as limits go.
func (p plan) payer(ctx context.Context) store.Payer {
	return store.Payer{Cart: p.owner, Source: abuse.Of(ctx).Source, Account: p.account, Mailbox: p.email}
}

// Place makes an order of a cart: it holds the goods, commits the order with
// its event, and only then asks the payment service for a page to pay on.
//
// The same key gives the same order again, and opens the payment if the first
// try died before that. Of two orders of one cart one wins. Prices that moved
// since they were last shown are refused once, as fault.Changed, and accepted
// by trying again.
func (d *Desk) Place(ctx context.Context, id cart.ID, token string, in PlaceInput) (Placed, error) {
	if in.Key == "" || len(in.Key) > maxKey {
		return Placed{}, errKey
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return Placed{}, err
	}
	if s.Closed {
		return Placed{}, errPages
	}
	account := abuse.Of(ctx).Customer()
	p, err := d.begin(ctx, id, token, account, in, s, false)
	if errors.Is(err, errJudged) {
		if err = d.passes(ctx, abuse.Place, p.judged); err == nil {
			p, err = d.begin(ctx, id, token, account, in, s, true)
		}
	}
	if err != nil {
		return Placed{}, err
	}
	if !p.replayed {
		err := d.cardsFor(ctx, &p, in, s)
		if err == nil {
			err = d.commit(ctx, p, in, s)
		}
		if err != nil {
			d.giveUp(ctx, p, in.Key)
			var gone usedUp
			if errors.As(err, &gone) {
				err = d.withoutCode(ctx, p, gone, s)
			} else if errors.Is(err, credit.ErrShort) {
				err = d.withoutCredit(ctx, p, s)
			}
			return Placed{}, err
		}
		d.wake()
	}
	return d.placed(ctx, p)
}

// begin checks the cart, remembers the request and draws the order's id. judged
// says that whoever orders may do so, whatever the buckets say.
func (d *Desk) begin(ctx context.Context, id cart.ID, token, account string, in PlaceInput, s store.Settings, judged bool) (plan, error) {
	var p plan
	changed, spent := false, false // spent: what changed is what credit pays
	again := false                 // a first try was cut off
	err := d.db.InTx(ctx, ledger.Guest(string(id)), func(t *store.Tx) error {
		p, changed = plan{owner: string(id), account: account, began: t.Now()}, false
		spent, again = false, false
		row, err := t.Cart(id, token)
		if err != nil {
			return err
		}
		fresh := order.ID(store.NewID())
		p.id, err = t.BeginOrder(id, in.Key, in.Request, fresh)
		if err != nil {
			return err
		}
		if again = p.id != fresh; again {
			if _, err := t.Order(string(id), p.id); err == nil {
				p.replayed = true
				return nil
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		if row.State != cart.Open {
			return errClosed
		}
		if err := ticked(in, s); err != nil {
			return err
		}
		p.cart, err = d.ready(t, row, s, p.id)
		if err != nil {
			return err
		}
		with, err := d.payableAt(in.PaymentMethod, p.cart, s)
		if err == nil {
			err = d.room(&t.View, with)
		}
		if err != nil {
			return err
		}
		details, _, err := t.Details(id)
		if err != nil {
			return err
		}
		p.codes, p.email = counting(p.cart.Codes), details.Email
		if p.judged, err = d.judge(t, p.payer(ctx)); err != nil {
			return err
		}
		if p.judged.friction != abuse.None && !judged && !p.cart.Due().IsZero() {
			return errJudged
		}
		if err := ownCredit(&t.View, p.cart.Credits, account); err != nil {
			return err
		}
		total := p.cart.Totals.Total
		if total.Minor() != row.Quoted || slices.ContainsFunc(p.cart.Lines, cart.Line.Changed) || in.Total != nil && *in.Total != total || !slices.Equal(row.Credits, shown(p.cart.Credits)) {
			changed = true
			spent = !slices.Equal(row.Credits, shown(p.cart.Credits)) && total.Minor() == row.Quoted
			row.Quoted, row.Credits = total.Minor(), shown(p.cart.Credits)
			row.Codes = slices.DeleteFunc(row.Codes, func(w string) bool {
				return slices.ContainsFunc(p.cart.Codes, func(a discount.Applied) bool { return a.Key == keyOf(w) && a.Ended })
			})
			if err := t.SeePrices(id); err != nil {
				return err
			}
			if _, err := t.SaveCart(row); err != nil {
				return err
			}
			_, err := t.DropRequest(id, in.Key, p.began)
			return err
		}
		return nil
	})
	if err == nil && changed && again {
		err = d.release(ctx, p.id) // the request is forgotten, and so is what its first try holds
	}
	if err == nil && spent {
		err = errSpent
	} else if err == nil && changed {
		err = whatChanged(p.cart)
	}
	return p, err
}

// whatChanged refuses an order at prices that nobody has seen, and says which.
func whatChanged(c cart.Cart) error {
	var said []string
	for _, a := range c.Codes {
		if a.Ended {
			return fault.New(fault.Changed, "The code "+a.Word+" can't be used any more, so we took it out. Please look at the total again.")
		}
	}
	for _, l := range c.Lines {
		if l.Changed() && len(said) < 3 {
			said = append(said, fmt.Sprintf("%s was %s and is now %s.", l.Title, l.Was.Format(), l.Unit.Format()))
		}
	}
	if len(said) == 0 {
		return errChanged
	}
	return fault.New(fault.Changed, "A price in your cart has changed since you last saw it. "+strings.Join(said, " ")+" Please look at it again.")
}

// ready prices a cart that is about to be ordered and says what is missing.
// Whether enough is left is for reserve to say: what this very order holds
// already, after a crash, must not count against it. Neither does what it holds of
// credit.
func (d *Desk) ready(t *store.Tx, row store.CartRow, s store.Settings, id order.ID) (cart.Cart, error) {
	lines, err := t.CartLines(row.ID)
	if err != nil {
		return cart.Cart{}, err
	}
	lines, _ = cart.Apart(lines)
	if len(lines) == 0 {
		return cart.Cart{}, errEmpty
	}
	for _, l := range lines {
		if !l.Sold {
			return cart.Cart{}, fault.New(fault.OutOfStock, "Something in your cart is not sold any more. Please take it out.")
		}
	}
	if !row.Checkout.Complete {
		return cart.Cart{}, errIncomplete
	}
	if err := d.stillGoes(row.Checkout, lines, s); err != nil {
		return cart.Cart{}, err
	}
	c, err := priced(row, lines, s, t.Now())
	if err != nil {
		return cart.Cart{}, err
	}
	return c, payWith(&t.View, row, &c, id)
}

// commit holds the goods and writes the order.
func (d *Desk) commit(ctx context.Context, p plan, in PlaceInput, s store.Settings) error {
	provider, err := d.payableAt(in.PaymentMethod, p.cart, s)
	if err != nil {
		return err
	}
	// What is held ends soon when no order follows; the order's own holds end with it.
	now := d.db.Now()
	until, soon := now.Add(d.waits(provider)), now.Add(d.hold)
	if err := d.reserve(ctx, p.id, p.payer(ctx), p.cart.Lines, soon); err != nil {
		if fault.Is(err, fault.RateLimited) {
			abuse.Of(ctx).Note(abuse.Place, abuse.Blocked)
		}
		return err
	}
	if err := d.useCodes(ctx, p.id, p.owner, p.codes, p.email, s, soon); err != nil {
		return err
	}
	if err := d.holdCredit(ctx, p.id, p.owner, paying(p.cart.Credits), soon); err != nil {
		return err
	}
	number := order.NewNumber()
	var o order.Order
	err = d.db.InTx(ctx, ledger.Guest(p.owner), func(t *store.Tx) error {
		row, err := t.OwnCart(p.cart.ID)
		if err != nil {
			return err
		}
		if row.State != cart.Open {
			return errClosed
		}
		// The goods are held by now: what is left of them does not matter any more.
		held, err := t.CartLines(row.ID)
		if err != nil {
			return err
		}
		now, sums, err := reckoned(row, held, s, t.Now())
		if err != nil {
			return err
		}
		// What each credit pays was decided before it was held, of the same total.
		now.Credits = p.cart.Credits
		if !sameGoods(now, p.cart) || !slices.Equal(row.Credits, shown(p.cart.Credits)) {
			return errChanged
		}
		if !soon.After(t.Now()) {
			return errChanged // the hold has ended while we were waiting
		}
		details, _, err := t.Details(row.ID)
		if err != nil {
			return err
		}
		if !details.Complete() {
			return errIncomplete
		}
		if err := d.asSeen(in, now, details, s); err != nil {
			return err
		}
		if p.cards != "" {
			if err := d.mayUse(&t.View, p, details, in.Fresh, s); err != nil {
				return err
			}
		}
		if p.cards == store.CardKept {
			if err := t.Event("cards.used", p.account, string(p.id), ""); err != nil {
				return err
			}
		}
		if len(p.codes) > 0 && details.Email.Key() != p.email.Key() {
			return errChanged // the uses are held for somebody else
		}
		k := row.Checkout
		o = order.Order{ID: p.id, Owner: string(row.ID), Number: number, Status: order.Pending, Lines: orderLines(now, sums), Totals: now.Totals, Codes: counting(now.Codes), Credits: paying(now.Credits),
			Country: k.Country, Region: k.Region, ShippingMethod: k.ShippingMethod, Window: k.Window, Reverse: k.Reverse && s.Tax.ReverseCharge, Accepted: wordings(s),
			PaymentMethod: provider, OnAccount: d.onAccount(provider), PlacedAt: t.Now(), HoldUntil: until}
		if err := t.InsertOrder(o, row.ID, details, sums.Sums); err != nil {
			return err
		}
		row.State, row.OrderID = cart.Ordered, string(o.ID)
		if _, err = t.SaveCart(row); err != nil {
			return err
		}
		if o.Covered() { // as it was reckoned just now, in this very transaction
			return d.paid(t, o, store.Payment{})
		}
		first := store.NewID()
		if err := t.Remember(first, p.payer(ctx)); err != nil {
			return err
		}
		virtual := slices.ContainsFunc(now.Lines, func(l cart.Line) bool { return l.Virtual })
		if p.cards != "" {
			if err := t.UseCards(p.customer); err != nil {
				return err
			}
		}
		return d.attempt(t, o, store.Payment{ID: first, Capture: d.reserves(provider, s, virtual), Owner: o.Owner, Order: o.ID, Attempt: 1, Provider: provider,
			Status: order.PaymentOpen, Amount: o.Due(), ExpiresAt: until, Cards: p.cards, Customer: p.customer.Customer, Here: in.Here && d.embeds(provider)})
	})
	if err != nil || !until.After(soon) {
		return err
	}
	if err := d.keepHeld(ctx, o); err != nil { // the sweep comes before they end
		d.log.WarnContext(ctx, "the holds of an order were not kept yet", "order", o.ID, "error", err)
	}
	return nil
}

func sameGoods(a, b cart.Cart) bool {
	return a.Totals == b.Totals && a.Checkout == b.Checkout && slices.Equal(a.Codes, b.Codes) && slices.EqualFunc(a.Lines, b.Lines, func(x, y cart.Line) bool {
		return x.Variant == y.Variant && x.Quantity == y.Quantity && x.Unit == y.Unit
	})
}

// placed puts the answer together: the order, its token and where to pay.
func (d *Desk) placed(ctx context.Context, p plan) (Placed, error) {
	var o order.Order
	err := d.db.View(ctx, func(v *store.View) (err error) {
		o, err = v.Order(p.owner, p.id)
		return err
	})
	if err != nil {
		return Placed{}, err
	}
	out := Placed{Order: o, Token: d.OrderToken(o.ID), Replayed: p.replayed}
	if out.Now, err = d.open(ctx, o); err != nil {
		return Placed{}, err
	}
	out.Payment = out.Now
	if p.replayed && o.Covered() {
		out.Order.Status = order.Paid
	} else if p.replayed {
		out.Order.Status = order.Pending
		out.Payment, err = d.firstPayment(ctx, o)
	}
	return out, err
}

// firstPayment is what the first answer said of payment.
func (d *Desk) firstPayment(ctx context.Context, o order.Order) (PaymentView, error) {
	if o.Covered() {
		return PaymentView{Status: order.PaymentApproved}, nil
	}
	account := abuse.Of(ctx).Customer()
	out := PaymentView{Status: order.PaymentOpen}
	err := d.db.View(ctx, func(v *store.View) error {
		p, err := v.FirstPayment(o.Owner, o.ID)
		if err != nil {
			return err
		}
		own, err := ownCards(v, p, account)
		if err != nil {
			return err
		}
		if own {
			out.RedirectURL = p.URL
		}
		// As it was then: open, and kept for as long as was said at first.
		p.Status, o.Status, o.HoldUntil, o.DueAt = order.PaymentOpen, order.Pending, p.ExpiresAt, time.Time{}
		out.Transfer = d.transfer(o, p)
		return nil
	})
	return out, err
}
