package checkout

import (
	"context"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// The steps of Place and Settle one by one, for tests that stop between them
// as a crash or a slow colleague would.

// SettleFirst is the first step of Settle; it reports whether the approval is late.
func (d *Desk) SettleFirst(ctx context.Context, n payment.Notice) (store.Payment, bool, error) {
	p, meaning, err := d.settle(ctx, ledger.Provider("bank"), "bank", n, nil)
	return p, meaning == store.NoticeLate, err
}

// SettleLate is the second step of Settle for a late approval.
func (d *Desk) SettleLate(ctx context.Context, p store.Payment) error { return d.settleLate(ctx, p) }

// HoldOnly begins an order and holds its goods, and goes no further.
func (d *Desk) HoldOnly(ctx context.Context, id cart.ID, token string, in PlaceInput) error {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return err
	}
	p, err := d.begin(ctx, id, token, "", in, s, false)
	if err != nil {
		return err
	}
	return d.reserve(ctx, p.id, p.payer(ctx), p.cart.Lines, d.db.Now().Add(d.hold))
}

// Judges finds out what stands before an attempt to pay.
func (d *Desk) Judges(t *store.Tx, by store.Payer) error {
	_, err := d.judge(t, by)
	return err
}
