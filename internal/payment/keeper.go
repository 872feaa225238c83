package payment

import (
	"context"
	"fmt"
	"log/slog"
)

// Keeper is a Provider that keeps cards for whoever wishes it, so that they need not
// be typed again. The shop keeps the provider's word for the shopper and nothing of
// any card: it asks for the cards when their owner wants to see them.
type Keeper interface {
	Provider
	// Keeps tells who keeps them, in a shopper's words ("Stripe"), and whether more are
	// taken. What was kept before can be seen, used and forgotten all the same.
	Keeps() (who string, more bool)
	// Customer opens a place for somebody's cards. The provider is not told whose.
	Customer(ctx context.Context) (customer string, err error)
	// Cards lists what is kept for a customer. The error is ErrRefused where there is
	// no such customer, or none any more.
	Cards(ctx context.Context, customer string) ([]Card, error)
	// Forget ends a card of a customer, or with "" the customer and all cards. What is
	// gone already, or was never theirs, is no error: it is not there any more.
	Forget(ctx context.Context, customer, card string) error
}

// Card is what a provider tells of a card that it keeps, enough for its owner to tell
// it from others (PCI DSS 4.0.1, 3.4.1 allows the last four digits to be shown). It is
// personal and prints as [card].
type Card struct {
	ID          string // the provider's word for it; with the customer alone it opens nothing
	Brand       string // "Visa"; "" where the provider does not say
	Last        string // the last digits
	Month, Year int    // until when it is good
}

// Format prints [card], whatever the verb.
func (Card) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[card]") }

// LogValue is [card].
func (Card) LogValue() slog.Value { return slog.StringValue("[card]") }

// MarshalText gives [card].
func (Card) MarshalText() ([]byte, error) { return []byte("[card]"), nil }
