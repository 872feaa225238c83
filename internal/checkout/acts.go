package checkout

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What staff do with an order that is paid, or on account. Each act moves it along its drawing, writes
// its event, and leaves the letter that goes with it. Doing one twice is
// refused, so nobody is written to twice.

// Parcel is what staff note when they send an order. Both may be empty.
type Parcel struct {
	Carrier  string
	Tracking string // personal: it leads to where somebody lives
}

func parseParcel(p Parcel) (Parcel, error) {
	var bad fault.Fields
	for _, f := range []struct {
		name string
		text *string
		most int
	}{{"carrier", &p.Carrier, order.MaxCarrier}, {"tracking", &p.Tracking, order.MaxTracking}} {
		if *f.text == "" {
			continue
		}
		note, err := contact.ParseNote(*f.text, f.most)
		if bad.Take(f.name, err) {
			*f.text = note.Reveal()
		}
	}
	return p, bad.Err()
}

// Pack notes that an order is packed.
func (d *Desk) Pack(ctx context.Context, actor ledger.Actor, number order.Number) error {
	return d.act(ctx, actor, number, order.Packed, "", nil)
}

// Ship notes that an order was sent, and writes to the shopper.
func (d *Desk) Ship(ctx context.Context, actor ledger.Actor, number order.Number, p Parcel) error {
	p, err := parseParcel(p)
	if err != nil {
		return err
	}
	return d.act(ctx, actor, number, order.Shipped, JobShipped, func(t *store.Tx, o order.Order) error { return t.KeepParcel(o, p.Carrier, p.Tracking) })
}

// Deliver notes that an order has arrived. What is kept for its delivery ends
// counting from now.
func (d *Desk) Deliver(ctx context.Context, actor ledger.Actor, number order.Number) error {
	return d.act(ctx, actor, number, order.Delivered, "", func(t *store.Tx, o order.Order) error { return t.KeepDelivered(o.Owner, o.ID) })
}

// act moves an order to a state, does what goes with it and leaves a letter.
func (d *Desk) act(ctx context.Context, actor ledger.Actor, number order.Number, to order.Status, letter string, with func(*store.Tx, order.Order) error) error {
	err := d.db.InTx(ctx, actor, func(t *store.Tx) error {
		o, err := t.OrderByNumber(number)
		if err != nil {
			return err
		}
		if !o.May(to) {
			return fault.New(fault.Conflict, fmt.Sprintf("The order is %s; from there it can't become %s.", o.Status, to))
		}
		moved, err := t.MoveOrder(o.Owner, o.ID, o.Status, to, "")
		if err != nil || !moved {
			return errors.Join(err, unless(moved, errRaced))
		}
		if err := d.secured(t, o, to); err != nil {
			return err
		}
		if err := d.sent(t, o, to); err != nil {
			return err
		}
		if with != nil {
			if err := with(t, o); err != nil {
				return err
			}
		}
		if letter == "" {
			return nil
		}
		return t.Enqueue(letter, o.Owner, string(o.ID), t.Now())
	})
	if err == nil {
		d.wake()
	}
	return err
}
