package payment

import "context"

// Printer is a Provider that can say what a payer's statement says of a payment. A
// shopper is told those words before and after paying, and asks the bank for the money
// back when the statement has others.
type Printer interface {
	// Printed is that text; "" where the provider does not say.
	Printed(ctx context.Context, ref string) (string, error)
}
