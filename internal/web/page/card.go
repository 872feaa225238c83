package page

import (
	"fmt"
	"log/slog"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Card is the page with the card fields of a payment service. It loads the service's
// script, and is the only page that loads anything from elsewhere. Without JavaScript
// its button leads to the service's own page.
type Card struct {
	Layout
	Script     string // address of the service's script
	Empty      bool   // there is no order to pay; all below is not shown
	Who        string // whose fields they are
	Number     order.Number
	Amount     money.Amount
	Key        string // by which the script knows the merchant
	Secret     Secret // opens the one session
	Origin     string // of the script
	Method     string // the service, for the button
	Action     string // where the button posts to
	Descriptor string // what the statement says; "" when not known
}

// Secret is what a page gives to a script and nobody else. It prints as [secret].
type Secret struct{ text string }

// SecretOf wraps a text.
func SecretOf(text string) Secret { return Secret{text} }

// Reveal is the text.
func (s Secret) Reveal() string { return s.text }

// Format prints [secret], whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// LogValue is [secret].
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

func (Card) template() string { return "card" }
func (p Card) head(site) head {
	return head{Title: "Pay by card", NoIndex: true, Fields: p.Script}
}

// Here is how a choice is called that has the card typed on a page of the shop.
func Here(service string) string { return service + "/here" }
