// Package checkout turns a cart into an order and an order into a paid one.
//
// It works in steps. Place holds the goods in a transaction of their own; then
// commits the order with its sealed details and its event; and only then
// calls the payment service. A hold without an order just expires. Settle is
// the only way an order becomes paid.
//
// It knows no SQL (store) and no HTTP (web).
package checkout

import (
	"fmt"
	"log/slog"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// DetailsInput is what a shopper typed, not yet parsed. It is personal: it is
// never logged and never stored as it is.
type DetailsInput struct {
	Email          string                 `json:"email"`
	Name           string                 `json:"name"`
	Phone          string                 `json:"phone,omitempty"` // optional
	Note           string                 `json:"note,omitempty"`  // optional
	ShipTo         contact.AddressFields  `json:"shipping_address"`
	BillTo         *contact.AddressFields `json:"billing_address,omitempty"` // nil: the delivery address
	ShippingMethod string                 `json:"shipping_method,omitempty"` // "": the cheapest that is brought
	Window         string                 `json:"delivery_window,omitempty"` // the time of delivery, where there is a choice; "": the first
	OrderNote      string                 `json:"order_note,omitempty"`      // optional, to the shop
	GiftName       string                 `json:"gift_name,omitempty"`       // optional
	GiftMessage    string                 `json:"gift_message,omitempty"`    // optional
	VAT            string                 `json:"vat_number,omitempty"`      // optional, of a business
}

// Format prints [form], whatever the verb.
func (DetailsInput) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[form]") }

// LogValue is [form].
func (DetailsInput) LogValue() slog.Value { return slog.StringValue("[form]") }

// PlaceInput is a request for an order.
type PlaceInput struct {
	Key           string        // the caller's Idempotency-Key
	PaymentMethod string        // "": the first that is enabled
	Here          bool          // the card is typed on a page of ours, into fields of the service; see payment.Embedder
	Cards         string        // about cards that a payment service keeps: "", store.CardKeep or store.CardKept; nothing for guests
	Fresh         bool          // whoever orders has shown a moment ago that it is them
	Seen          string        // what Desk.Seen said of the page whose button this is; "" for callers without one
	Total         *money.Amount // the total that was shown by a caller without such a page; nil: whatever it is
	AcceptTerms   bool          // the box is ticked; asked only where the merchant wants it
	Request       []byte        // canonical bytes of the request, for the MAC that a replay must match
}

// PaymentView is where a payment stands and where the shopper pays.
type PaymentView struct {
	Status      order.Payment
	RedirectURL string    // "" when there is nowhere to go
	Withheld    bool      // the attempt is about kept cards of an account that is not signed in: no way leads there
	Transfer    *Transfer // how to send the money, where that is what is waited for; else nil
	Reserved    bool      // approved, and the money is only reserved: it is taken later
}

// Placed is an order just made, or the one that the same key made before. A
// repeat tells the same as the first answer did, whatever has happened since;
// Now tells where payment really stands.
type Placed struct {
	Order    order.Order // pending, as it was placed
	Token    string      // opens the order; computed, not stored
	Payment  PaymentView // the first attempt, open, and where it is made
	Now      PaymentView
	Replayed bool
}

// OrderView is what the token of an order shows.
type OrderView struct {
	Order   order.Order
	Payment PaymentView
}
