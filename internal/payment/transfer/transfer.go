// Package transfer takes payments by bank transfer.
//
// There is no service behind it. The shopper is told an account, an amount and a
// reference; the money arrives days later, and a person or a bank statement says
// so. The reference is a creditor reference of ISO 11649 (RF…), whose check digits
// tell a slip of the pen from another order.
//
//	RF 90 K7Q2M9F3XA 1
//	│  │  │          └ the attempt to pay
//	│  │  └ the order's number
//	│  └ check digits, ISO 7064 MOD 97-10
//	└ creditor reference
//
// It knows references and accounts. It reads no statement (payment/statement) and
// decides on no order (checkout). Start reading at New.
package transfer

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Name is the word for this provider in settings, rows and paths.
const Name = "transfer"

// Bounds of a merchant's choices.
const (
	DefaultDays = 7
	MaxDays     = 20 // the cart of an order, which opens again when it lapses, lives a month
	DefaultOpen = 100
	MaxOpen     = 10_000
)

// Config is what a merchant has to say.
type Config struct {
	Payee, IBAN, BIC string
	Days             int    // how long the goods are kept
	Open             int    // how many orders may wait at once
	Mode             string // payment.ModeTest or ModeLive
}

// Provider is a bank account as a way to pay.
type Provider struct {
	mode  string
	terms payment.Terms
}

var _ payment.ByHand = (*Provider)(nil)

// New checks the account.
func New(c Config) (*Provider, error) {
	account, err := ParseAccount(c.Payee, c.IBAN, c.BIC)
	if err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	if c.Days < 1 || c.Days > MaxDays {
		return nil, fmt.Errorf("transfer: give 1 to %d days", MaxDays)
	}
	if c.Open < 1 || c.Open > MaxOpen {
		return nil, fmt.Errorf("transfer: give 1 to %d orders that may wait", MaxOpen)
	}
	if c.Mode != payment.ModeTest && c.Mode != payment.ModeLive {
		return nil, fmt.Errorf("transfer: no mode")
	}
	days := fmt.Sprintf("%d days", c.Days)
	if c.Days == 1 {
		days = "one day"
	}
	return &Provider{c.Mode, payment.Terms{Account: account, Wait: time.Duration(c.Days) * 24 * time.Hour, Most: c.Open,
		Note: "We show you our account and a reference, and mail them to you. Your things are kept for " + days + " and sent when the money has arrived."}}, nil
}

// Name is "transfer".
func (p *Provider) Name() string { return Name }

// Title is what a shopper reads when choosing.
func (p *Provider) Title() string {
	if p.mode == payment.ModeTest {
		return "Bank transfer (test mode, send no money)"
	}
	return "Bank transfer"
}

// Origin is none: nobody is sent anywhere.
func (p *Provider) Origin() string { return "" }

// Terms says where to and until when.
func (p *Provider) Terms() payment.Terms { return p.terms }

// Open gives an order and attempt its reference.
func (p *Provider) Open(_ context.Context, q payment.Request) (payment.Session, error) {
	ref, err := NewReference(q.OrderNumber, q.Attempt)
	if err != nil {
		return payment.Session{}, fmt.Errorf("open transfer: %w: %w", err, payment.ErrRefused)
	}
	return payment.Session{Ref: ref, Mode: p.mode, Account: p.terms.Account.IBAN, ExpiresAt: q.ExpiresAt}, nil
}

// Notice believes nobody: no bank calls.
func (p *Provider) Notice(*http.Request, []byte) (payment.Notice, error) {
	return payment.Notice{}, payment.ErrSignature
}

// Refund sends nothing: that is for a person to do.
func (p *Provider) Refund(context.Context, payment.RefundRequest) error {
	return fmt.Errorf("refund: a person has to send it: %w", payment.ErrRefused)
}
