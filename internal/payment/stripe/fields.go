package stripe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Stripe's card fields on a page of the shop. The session is a Checkout Session like
// any other, with ui_mode elements: it is settled, asked for, ended and paid back by the
// same calls and call-backs as one with a page at Stripe. A PaymentIntent of our own
// would need all of that a second time.
//
// The hosts are those that Stripe documents (docs.stripe.com/security/guide): its script
// and fields, its API, and the frame for a bank's question. Stripe also names all hosts
// below js.stripe.com and one for maps; the first would be a wildcard and the second is
// for addresses, so neither is let in.
const (
	scriptHost = "https://js.stripe.com"
	scriptPath = "/dahlia/stripe.js" // of the API's version, see stripe.APIMajorVersion
	frameHost  = "https://hooks.stripe.com"
)

// scriptReason stands in the inventory (PCI DSS 4.0.1, 6.4.3).
const scriptReason = "Shows the card fields, in frames of Stripe. Stripe changes it at any time and forbids copies, so that no hash can stand beside it " +
	"(docs.stripe.com/js/including; stripe/stripe-js issue 167): the page’s policy says what it may load and reach, and it is on no other page."

// checkKey accepts a publishable key of the mode.
func checkKey(c Config) error {
	if c.PublishableKey != "" && (!isID(c.PublishableKey, "pk_"+c.Mode+"_") || len(c.PublishableKey) < len("pk__")+len(c.Mode)+16) {
		return fmt.Errorf("stripe: a publishable key of %s mode begins with pk_%s_", c.Mode, c.Mode)
	}
	return nil
}

// Embed tells what a page with Stripe's card fields needs.
func (p *Provider) Embed() (payment.Embedding, bool) {
	return payment.Embedding{Who: "Stripe", Key: p.c.PublishableKey, Script: p.c.Scripts + scriptPath, Reason: scriptReason,
		Scripts: []string{p.c.Scripts}, Frames: []string{p.c.Scripts, frameHost}, Connects: []string{p.c.API}}, p.c.PublishableKey != ""
}

// here has a session's fields stand on the shop's page. What Stripe would redirect to
// when the shopper gives up is no matter then.
func here(params *stripe.CheckoutSessionParams) {
	params.UIMode = new(string(stripe.CheckoutSessionUIModeElements))
	params.ReturnURL, params.SuccessURL, params.CancelURL = params.SuccessURL, nil, nil
}

// Secret asks Stripe what the script opens a session with. It is kept nowhere.
func (p *Provider) Secret(ctx context.Context, ref string) (string, error) {
	got, err := p.session(ctx, ref)
	if err == nil {
		_, err = p.read(got)
	}
	if err != nil {
		return "", fmt.Errorf("open fields: %w", err)
	}
	if got.Mode != string(stripe.CheckoutSessionUIModeElements) || got.Status != string(stripe.CheckoutSessionStatusOpen) {
		return "", fmt.Errorf("open fields: %w", payment.ErrRefused)
	}
	if !strings.HasPrefix(got.Secret, ref+"_secret_") {
		return "", errors.New("open fields: the answer is about something else")
	}
	return got.Secret, nil
}
