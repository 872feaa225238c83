package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// orphanGrace is how much longer a hold without an order stays: its order may
// be in the middle of being committed.
const orphanGrace = 30 * time.Second

const sweepMax = 200

// SweepHolds ends the holds whose time has come: an unpaid order is cancelled
// and its goods return, a paid one's are taken, and a hold without an order
// just expires. It returns how many orders it looked at.
func (d *Desk) SweepHolds(ctx context.Context) (int, error) {
	var ended []store.Hold
	now := d.db.Now()
	err := d.db.View(ctx, func(v *store.View) (err error) {
		ended, err = v.EndedHolds(sweepMax)
		return err
	})
	seen := map[order.ID]bool{}
	for _, h := range ended {
		if seen[h.Order] {
			continue
		}
		seen[h.Order] = true
		err = errors.Join(err, d.sweep(ctx, h, now))
	}
	return len(seen), err
}

func (d *Desk) sweep(ctx context.Context, h store.Hold, now time.Time) error {
	err := d.expire(ctx, h.Owner, h.Order)
	if fault.Is(err, fault.NotFound) {
		// Held afresh since we looked, it belongs to an order that is being placed.
		return d.eachHold(ctx, h.Order, func(t *store.Tx, h store.Hold) error {
			return t.ReleaseEnded(h.Variant, h.Order, now.Add(-orphanGrace))
		})
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
			for _, id := range ended {
				if err := t.EndCart(id, "expired"); err != nil {
					return err
				}
			}
			return nil
		})
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}
