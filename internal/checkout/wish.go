package checkout

import (
	"context"
	"errors"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// AskWish keeps an address that wants to hear when a variant is there again.
// It answers alike whether the address waits already. What can be bought is
// refused: else a stranger's address could be written to at once, time and again.
func (d *Desk) AskWish(ctx context.Context, variant catalog.VariantID, email string) error {
	to, err := contact.ParseEmail(email)
	if err != nil {
		return err
	}
	err = d.db.View(ctx, func(v *store.View) error {
		if _, err := v.ProductOf(variant); err != nil {
			return err
		}
		stock, err := v.StockOf(variant)
		if err == nil && stock.Has(1) {
			err = errThere
		}
		return err
	})
	if err != nil {
		return err
	}
	owner := store.NewID()
	return d.db.InTx(ctx, ledger.Guest(owner), func(t *store.Tx) error { return t.NewWish(owner, variant, to) })
}

var errThere = fault.Field("variant_id", "It is there: you can buy it now.")

// wishesAtOnce bounds the letters of one pass, the oldest wish first: a hundred
// people need not hear at once of three things.
const wishesAtOnce = 20

// SendWishes writes to those whose thing is there again, and forgets each
// address in the same breath. A letter that can't be handed over is tried
// again with the next pass.
func (d *Desk) SendWishes(ctx context.Context) (int, error) {
	if d.deliver == nil || d.writer == nil {
		return 0, nil // nothing can be sent: the wishes wait, until their date
	}
	var due []store.Wish
	err := d.db.View(ctx, func(v *store.View) (err error) {
		due, err = v.DueWishes(wishesAtOnce)
		return err
	})
	sent := 0
	for _, n := range due {
		one := d.sendWish(ctx, n.Owner) // one that fails holds up nobody else
		if one == nil {
			sent++
		}
		err = errors.Join(err, one)
	}
	return sent, err
}

func (d *Desk) sendWish(ctx context.Context, owner string) error {
	var n store.Wish
	var p catalog.Product
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if n, err = v.Wish(owner); err != nil || n.Email.IsZero() {
			return err
		}
		p, err = v.ProductOf(n.Variant)
		return err
	})
	if err != nil {
		return err
	}
	if !n.Email.IsZero() {
		w, err := d.writer()
		if err != nil {
			return err
		}
		m, err := w.BackInStock(owner, message.BackInStock{To: n.Email, Title: p.Title, Link: d.origin + "/products/" + p.Handle})
		if err != nil {
			return err
		}
		if err := d.deliver(ctx, owner, order.ID(owner), m); err != nil {
			return err
		}
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.EndWish(owner, "sent") })
}
