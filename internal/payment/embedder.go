package payment

import "context"

// Embedder is a Provider whose card fields can also stand on a page of the shop, in
// frames of the provider's own origin: the shop's page holds a script of the provider
// and never a card number.
type Embedder interface {
	Provider
	// Embed tells what such a page needs; false where the merchant has not switched it on.
	Embed() (Embedding, bool)
	// Secret is what the script opens a session with that was asked for with
	// Request.Here. Whoever has it can pay that session, and nothing else. The error is
	// ErrRefused for a session that is over, or is none of these.
	Secret(ctx context.Context, ref string) (string, error)
}

// Embedding is what a page with a provider's card fields loads and reaches, each origin
// written out: no wildcard ever (see gate.Embed).
type Embedding struct {
	Who    string // who shows the fields: "Stripe"
	Key    string // by which the script knows the merchant; it may be seen
	Script string // the script's address, on one of Scripts
	Reason string // why it is loaded, and what holds it in bounds where no hash can

	Scripts, Frames, Connects []string // origins for script-src, frame-src and connect-src
}
