package checkout

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// HoldTime is how long goods are kept for an order that is being paid.
const HoldTime = 15 * time.Minute

// Config is what a Desk needs.
type Config struct {
	Store     *store.DB          // needed
	Providers []payment.Provider // the payment services that are wired in
	Origin    string             // the shop's public origin, "https://shop.example"; needed
	Hold      time.Duration      // default HoldTime
	Writer    func() (*message.Writer, error)
	// Deliver hands a letter about an order over, to be sent or kept. Nil
	// leaves letters waiting.
	Deliver func(ctx context.Context, owner string, id order.ID, m message.Message) error
	// Alarm is told once when many payments fail. It must not take long; may be nil.
	Alarm func(abuse.Alarm)
	// Tell has the owners told, in the transaction of what it is about; may be nil.
	Tell func(*store.Tx, message.NoticeKind) error
	Wake func() // tells the job runner that there is work; may be nil
	Log  *slog.Logger
}

// Desk is the till: every use case of cart and order. Its methods may be
// called from many goroutines.
type Desk struct {
	db        *store.DB
	providers map[string]payment.Provider
	origin    string
	hold      time.Duration
	writer    func() (*message.Writer, error)
	deliver   func(ctx context.Context, owner string, id order.ID, m message.Message) error
	alarm     func(abuse.Alarm)
	tell      func(*store.Tx, message.NoticeKind) error
	wake      func()
	log       *slog.Logger
	pings     pings
}

// New makes a Desk.
func New(c Config) (*Desk, error) {
	if c.Store == nil || c.Origin == "" {
		return nil, errors.New("checkout: a desk needs a store and the shop's origin")
	}
	d := &Desk{db: c.Store, providers: map[string]payment.Provider{}, origin: strings.TrimSuffix(c.Origin, "/"), hold: c.Hold,
		writer: c.Writer, deliver: c.Deliver, alarm: c.Alarm, tell: c.Tell, wake: c.Wake, log: c.Log}
	if d.hold <= 0 {
		d.hold = HoldTime
	}
	if d.alarm == nil {
		d.alarm = func(abuse.Alarm) {}
	}
	if d.tell == nil {
		d.tell = func(*store.Tx, message.NoticeKind) error { return nil }
	}
	if d.wake == nil {
		d.wake = func() {}
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	for _, p := range c.Providers {
		d.providers[p.Name()] = p
	}
	return d, nil
}

// newToken draws 256 random bits.
func newToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewCart makes an empty cart. The token is its only credential; it is shown
// once and kept hashed.
func (d *Desk) NewCart(ctx context.Context) (cart.Cart, string, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, "", err
	}
	id, token := cart.ID(store.NewID()), newToken()
	var c cart.Cart
	err = d.db.InTx(ctx, ledger.Guest(string(id)), func(t *store.Tx) error {
		row, err := t.NewCart(id, token)
		if err != nil {
			return err
		}
		c, err = priced(row, nil, s, t.Now())
		return err
	})
	return c, token, err
}

// Cart returns the cart at today's prices.
func (d *Desk) Cart(ctx context.Context, id cart.ID, token string) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	var c cart.Cart
	err = d.db.View(ctx, func(v *store.View) error {
		row, err := v.Cart(id, token)
		if err != nil {
			return err
		}
		lines, err := v.CartLines(id)
		if err != nil {
			return err
		}
		if c, err = priced(row, lines, s, v.Now()); err != nil {
			return err
		}
		return payWith(v, row, &c, "")
	})
	return c, err
}

// AddLine adds units of a variant; one that is there already raises its line.
func (d *Desk) AddLine(ctx context.Context, id cart.ID, token string, variant catalog.VariantID, quantity int64) (cart.Cart, error) {
	if _, err := cart.ParseQuantity(quantity); err != nil {
		return cart.Cart{}, err
	}
	return d.change(ctx, id, token, func(l cart.Line) bool { return l.Variant == variant }, func(t *store.Tx) error { return t.AddToCart(id, variant, quantity) })
}

// SetQuantity sets the quantity of a line, 1 to 999.
func (d *Desk) SetQuantity(ctx context.Context, id cart.ID, token string, line cart.LineID, quantity int64) (cart.Cart, error) {
	if _, err := cart.ParseQuantity(quantity); err != nil {
		return cart.Cart{}, err
	}
	return d.change(ctx, id, token, func(l cart.Line) bool { return l.ID == line }, func(t *store.Tx) error { return t.SetQuantity(id, line, quantity) })
}

// RemoveLine takes a line out of the cart.
func (d *Desk) RemoveLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error) {
	return d.change(ctx, id, token, nil, func(t *store.Tx) error { return t.RemoveLine(id, line) })
}

// SaveLine sets a line aside for later. It is in no sum then, and no goods are
// held for it.
func (d *Desk) SaveLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error) {
	return d.change(ctx, id, token, nil, func(t *store.Tx) error { return t.SetAside(id, line, true) })
}

// RestoreLine puts what was saved for later into the cart again, at today's
// price. When fewer are left than were saved, the cart says so.
func (d *Desk) RestoreLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error) {
	return d.change(ctx, id, token, nil, func(t *store.Tx) error { return t.SetAside(id, line, false) })
}

// Clear ends the cart: everything in it and about it is gone.
func (d *Desk) Clear(ctx context.Context, id cart.ID, token string) error {
	return d.inCart(ctx, id, token, func(t *store.Tx, _ store.CartRow) error { return t.EndCarts(store.CartCleared, id) })
}

// inCart runs fn in a transaction of the one who holds a cart that is open.
func (d *Desk) inCart(ctx context.Context, id cart.ID, token string, fn func(*store.Tx, store.CartRow) error) error {
	return d.db.InTx(ctx, ledger.Guest(string(id)), func(t *store.Tx) error {
		row, err := t.Cart(id, token)
		if err != nil {
			return err
		}
		if err := stillOpen(row); err != nil {
			return err
		}
		return fn(t, row)
	})
}

func stillOpen(row store.CartRow) error {
	if row.State != cart.Open {
		return errClosed
	}
	return nil
}

var errClosed = fault.New(fault.CartClosed, "This cart has already been ordered.")

// change carries out one change of an open cart and prices it again. Of the
// line that touched finds there must be enough left. The total that comes out
// has been seen by the caller, so it becomes the one that Place compares with.
func (d *Desk) change(ctx context.Context, id cart.ID, token string, touched func(cart.Line) bool, fn func(*store.Tx) error) (cart.Cart, error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return cart.Cart{}, err
	}
	var c cart.Cart
	err = d.db.InTx(ctx, ledger.Guest(string(id)), func(t *store.Tx) error {
		// The cart, its change and its lines are one journey to the database.
		row, err := t.CartLater(id, token, stillOpen)
		if err != nil {
			return err
		}
		if err := fn(t); err != nil {
			return err
		}
		lines, err := t.CartLines(id)
		if err != nil {
			return err
		}
		if c, err = d.quote(t, *row, row.Checkout, lines, s); err != nil {
			return err
		}
		for _, l := range c.Lines {
			if touched != nil && touched(l) && !l.Stock.Has(l.Quantity) {
				return notEnough(l.Stock)
			}
		}
		return nil
	})
	return c, err
}

// freshFor is how much earlier than thirty days after its last change a cart
// may end: its end date is written once an hour at most.
const freshFor = time.Hour

// requote prices the cart as it now is and saves the total as shown. was is
// what its checkout said before this change.
func (d *Desk) requote(t *store.Tx, row store.CartRow, was cart.Checkout, s store.Settings) (cart.Cart, error) {
	lines, err := t.CartLines(row.ID)
	if err != nil {
		return cart.Cart{}, err
	}
	return d.quote(t, row, was, lines, s)
}

// quote is requote with the lines at hand.
func (d *Desk) quote(t *store.Tx, row store.CartRow, was cart.Checkout, lines []cart.Line, s store.Settings) (cart.Cart, error) {
	if len(lines) > cart.MaxLines {
		return cart.Cart{}, fault.Field("variant_id", "A cart holds at most 100 different things.")
	}
	if now, _ := cart.Apart(lines); row.Checkout.Complete && len(now) > 0 && d.stillGoes(row.Checkout, now, s) != nil {
		// Too heavy by now, say: how it travels has to be chosen again.
		row.Checkout.Complete, row.Checkout.ShippingMethod, row.Checkout.Window = false, "", ""
	}
	c, err := priced(row, lines, s, t.Now())
	if err != nil {
		return cart.Cart{}, err
	}
	if err := payWith(&t.View, row, &c, ""); err != nil {
		return cart.Cart{}, err
	}
	said := row.Credits
	row.Credits = shown(c.Credits)
	before := row.Quoted
	if row.Checkout.Complete {
		row.Quoted = c.Totals.Total.Minor() // Place compares with it
	}
	if row.Quoted == before && slices.Equal(row.Credits, said) && row.ExpiresAt.After(t.Now().Add(cart.IdleAfter-freshFor)) && row.Checkout == was {
		return c, nil // nothing of the cart's own row has changed
	}
	row, err = t.SaveCart(row)
	c.ExpiresAt = row.ExpiresAt
	return c, err
}

// notEnough says how many are left, as the product page does too.
func notEnough(s catalog.Stock) error {
	left, _ := s.Left()
	switch left {
	case 0:
		return fault.New(fault.OutOfStock, "Sorry, none is left.")
	case 1:
		return fault.New(fault.OutOfStock, "Sorry, only one is left.")
	default:
		return fault.New(fault.OutOfStock, fmt.Sprintf("Sorry, only %d are left.", left))
	}
}
