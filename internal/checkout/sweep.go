package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// orphanGrace is how much longer a hold without an order stays: its order may
// be in the middle of being committed.
const orphanGrace = 30 * time.Second

const sweepMax = 200

// askFor bounds how long a provider may take to say how a payment ended.
const askFor = 5 * time.Second

// SweepHolds ends the holds whose time has come: an unpaid order is cancelled
// and its goods return, a paid one's are taken, and a hold without an order
// just expires. Before it cancels, it asks the provider, in case a call-back
// was lost. It returns how many orders it looked at.
func (d *Desk) SweepHolds(ctx context.Context) (int, error) {
	var ended []store.Hold
	now := d.db.Now()
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if ended, err = v.EndedHolds(sweepMax); err != nil {
			return err
		}
		uses, err := v.EndedUses(sweepMax)
		if err != nil {
			return err
		}
		credits, err := v.EndedCreditHolds(sweepMax)
		ended = append(append(ended, uses...), credits...)
		return err
	})
	seen, silent := map[order.ID]bool{}, false
	for _, h := range ended {
		if seen[h.Order] {
			continue
		}
		seen[h.Order] = true
		if !silent {
			settled, asked := d.ask(ctx, h)
			silent = asked != nil // a provider that is away is asked once a pass
			if settled {
				continue
			}
		}
		err = errors.Join(err, d.sweep(ctx, h, now))
	}
	return len(seen), err
}

// ask settles an order whose payment was decided without our hearing of it.
// The error says that the provider did not answer; then the order is cancelled,
// and an approval that arrives after all is a late one.
func (d *Desk) ask(ctx context.Context, h store.Hold) (settled bool, err error) {
	var p store.Payment
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := v.Order(h.Owner, h.Order)
		if err != nil || o.Status != order.Pending || o.HoldUntil.After(v.Now()) {
			return err
		}
		p, err = v.LastPayment(h.Owner, h.Order)
		return err
	})
	finder, can := d.providers[p.Provider].(payment.Finder)
	if err != nil || !can || p.Status != order.PaymentOpen || p.Ref == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	n, decided, err := finder.Find(ctx, p.Ref)
	if err != nil || !decided || n.Outcome != payment.Approved {
		return false, err
	}
	if err := d.Settle(ctx, p.Provider, n); err != nil {
		d.log.WarnContext(ctx, "a payment that was asked for can't be settled", "order", string(h.Order), "kind", string(fault.Of(err).Kind))
		return false, nil
	}
	return true, nil
}

// askAgain asks a provider about an attempt that nobody heard of again, after
// its order was paid by another one or cancelled. Money that came in all the
// same finds its way: back, or to the order. A page that still takes a payment
// is ended, where the provider lets us.
func (d *Desk) askAgain(ctx context.Context, j store.Job) error {
	var p store.Payment
	err := d.db.View(ctx, func(v *store.View) (err error) {
		p, err = v.Payment(j.Owner, j.Ref)
		return err
	})
	finder, can := d.providers[p.Provider].(payment.Finder)
	if err != nil || !can || p.Ref == "" || settled(p) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	n, decided, err := finder.Find(ctx, p.Ref)
	if closer, can := finder.(payment.Closer); can && err == nil && !decided {
		if err := closer.Close(ctx, p.Ref); err != nil {
			return err
		}
		n, decided, err = finder.Find(ctx, p.Ref) // paid in the very last moment, perhaps
	}
	if errors.Is(err, payment.ErrRefused) {
		return nil // it knows of no such page: asking for ever would not help
	}
	if err != nil || !decided || n.Outcome != payment.Approved {
		return err
	}
	return d.Settle(ctx, p.Provider, n)
}

func (d *Desk) sweep(ctx context.Context, h store.Hold, now time.Time) error {
	err := d.expire(ctx, h.Owner, h.Order)
	if fault.Is(err, fault.NotFound) {
		if h.ExpiresAt.Add(orphanGrace).After(now) {
			return nil
		}
		// Held afresh since we looked, it belongs to an order that is being placed.
		return d.releaseEnded(ctx, h.Order, now.Add(-orphanGrace))
	}
	return err
}

// SweepCarts ends the carts that were left alone until their date, with
// everything typed in them.
func (d *Desk) SweepCarts(ctx context.Context) (int, error) {
	total := 0
	for {
		n := 0
		err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
			ended, err := t.EndedCarts(50)
			if err != nil {
				return err
			}
			n = len(ended)
			return t.EndCarts(store.CartExpired, ended...)
		})
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}
