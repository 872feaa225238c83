package checkout

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// reserve holds every line for the order, or none. SKUs are locked in the
// order of their keys, so that of two buyers of the same last things one gets
// them all and neither waits for the other in a circle.
func (d *Desk) reserve(ctx context.Context, id order.ID, by store.Payer, lines []cart.Line, until time.Time) error {
	sorted := slices.SortedFunc(slices.Values(lines), func(a, b cart.Line) int { return strings.Compare(string(a.Variant), string(b.Variant)) })
	return d.db.InTx(ctx, ledger.Guest(by.Cart), func(t *store.Tx) error {
		for _, l := range sorted {
			err := t.Reserve(l.Variant, id, by, l.Quantity, until)
			if fault.Is(err, fault.RateLimited) {
				err = hoarded(l, fault.Of(err).RetryAfter)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// hoarded refuses an order of which more would be held than a share. It names the
// thing: a cart may hold many.
func hoarded(l cart.Line, wait time.Duration) error {
	return fault.Limited("Much of “"+l.Title+"” is being held for unpaid orders of yours or of your network, and some has to stay for others. Your cart is kept. Please take fewer, pay what you have ordered, or try again later.", wait)
}

// giveUp forgets a failed request and gives back what it held, unless its
// order was committed after all (the answer to COMMIT was lost), or a repeat of
// the request has taken it over, which needs what is held.
func (d *Desk) giveUp(ctx context.Context, p plan, key string) {
	ctx = context.WithoutCancel(ctx)
	owner, ours := p.owner, false
	err := d.db.InTx(ctx, ledger.Guest(owner), func(t *store.Tx) error {
		ours = false
		_, err := t.Order(owner, p.id)
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		ours, err = t.DropRequest(p.cart.ID, key, p.began)
		return err
	})
	if err == nil && ours {
		err = d.release(ctx, p.id)
	}
	if err != nil {
		// The hold ends by itself and the key may be tried again later.
		d.log.WarnContext(ctx, "order given up, its hold ends later", "order", string(p.id))
	}
}

// release gives back everything held for an order.
func (d *Desk) release(ctx context.Context, id order.ID) error {
	err := d.eachHold(ctx, id, func(t *store.Tx, h store.Hold) error { return t.Release(h.Variant, id) })
	if err != nil {
		return err
	}
	ever := time.UnixMilli(math.MaxInt64) // whatever their end is
	if err := d.releaseUses(ctx, id, ever); err != nil {
		return err
	}
	return d.releaseCredit(ctx, id, ever)
}

// releaseEnded gives back what is held for an order until a moment. What was
// held afresh meanwhile stays.
func (d *Desk) releaseEnded(ctx context.Context, id order.ID, before time.Time) error {
	err := d.eachHold(ctx, id, func(t *store.Tx, h store.Hold) error { return t.ReleaseEnded(h.Variant, id, before) })
	if err != nil {
		return err
	}
	if err := d.releaseUses(ctx, id, before); err != nil {
		return err
	}
	return d.releaseCredit(ctx, id, before)
}

func (d *Desk) releaseUses(ctx context.Context, id order.ID, before time.Time) error {
	has := false
	err := d.db.View(ctx, func(v *store.View) (err error) {
		has, err = v.HoldsUses(id)
		return err
	})
	if err != nil || !has {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.ReleaseUses(id, before) })
}

// eachHold runs fn for every hold of an order, in the order in which stock is
// locked.
func (d *Desk) eachHold(ctx context.Context, id order.ID, fn func(*store.Tx, store.Hold) error) error {
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		holds, err := t.HoldsOf(id)
		if err != nil {
			return err
		}
		for _, h := range holds {
			if err := fn(t, h); err != nil {
				return err
			}
		}
		return nil
	})
}
