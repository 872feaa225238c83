package stripe

import (
	"context"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Printed is what Stripe has handed the card's network for the payer's statement
// (calculated_statement_descriptor, docs.stripe.com/api/charges/object): the account's
// descriptor, or the shortened one that cards get where the merchant has set it. It is
// asked of a payment and not of the account, since only there stands what came of both,
// and a restricted key need not read the account. No suffix is sent with a payment: Stripe
// would put it behind the shortened one and an asterisk
// (docs.stripe.com/get-started/account/statement-descriptors), which is never exactly what
// the shop tells.
func (p *Provider) Printed(ctx context.Context, ref string) (string, error) {
	paid, err := p.session(ctx, ref)
	if err == nil {
		_, err = p.read(paid)
	}
	if err != nil {
		return "", fmt.Errorf("read the statement's text: %w", err)
	}
	got, err := p.reservation(ctx, paid)
	if errors.Is(err, payment.ErrIgnored) {
		return "", nil // nobody has paid on it
	}
	if err != nil {
		return "", fmt.Errorf("read the statement's text: %w", err)
	}
	return got.Charge.Printed, nil
}
