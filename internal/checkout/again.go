package checkout

import (
	"context"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Resend mails the confirmation of an order again, to the sealed address and
// to no other, at most three times a day. It tells the same whether it did.
func (d *Desk) Resend(ctx context.Context, number order.Number, token string) error {
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error {
		o, err := d.opened(&t.View, number, token)
		if err != nil || o.Status == order.Cancelled {
			return err
		}
		may, err := t.CountResend(o.Owner, o.ID)
		if err != nil || !may {
			return err
		}
		return t.Enqueue(JobConfirm, o.Owner, string(o.ID), t.Now())
	})
	if err == nil {
		d.wake()
	}
	return err
}

// Again says what of an order went into a cart once more.
type Again struct {
	Added   int // lines
	Missing int // lines that are not sold any more, or that are sold out
}

// Reorder puts the goods of an order into a cart: as many of each as there
// were, as are left, and as a cart may hold.
func (d *Desk) Reorder(ctx context.Context, number order.Number, token string, id cart.ID, cartToken string) (Again, error) {
	var out Again
	v, err := d.Order(ctx, number, token)
	if err != nil {
		return out, err
	}
	for _, l := range v.Order.Lines {
		n := l.Quantity
		var stock int64
		limited := false
		err := d.db.View(ctx, func(v *store.View) error {
			s, err := v.StockOf(l.Variant)
			stock, limited = s.Left()
			return err
		})
		if fault.Is(err, fault.NotFound) {
			out.Missing++
			continue
		}
		if err != nil {
			return out, err
		}
		if limited {
			n = min(n, stock)
		}
		if n > 0 {
			_, err = d.AddLine(ctx, id, cartToken, l.Variant, n)
		}
		switch {
		case err == nil && n > 0:
			out.Added++
		case err == nil, fault.Is(err, fault.Invalid), fault.Is(err, fault.OutOfStock):
			out.Missing++
		default:
			return out, err
		}
	}
	return out, nil
}
