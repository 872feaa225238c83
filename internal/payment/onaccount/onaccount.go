// Package onaccount takes payments after the goods went: in cash to whoever brings
// them, or on an invoice.
//
// There is no service behind it, and nobody has paid when the parcel leaves. So the
// merchant says how much an order may cost at most and which countries it may go
// to; without both, neither way can be offered. An order that nothing is sent for
// can't be paid so.
//
// It knows who may buy on account. It decides on no order (checkout), and its
// references are those of payment/transfer. Start reading at OnDelivery and Invoice.
package onaccount

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/transfer"
)

// The words for these providers in settings, rows and paths.
const (
	NameOnDelivery = "on-delivery"
	NameInvoice    = "invoice"
)

const (
	// SendWithin is how long a merchant has to send an order; then it lapses, and its
	// goods are for others.
	SendWithin = 30 * 24 * time.Hour
	// MostOpen is how many orders may wait to be sent at once.
	MostOpen = 100
	// DefaultDays and MaxDays bound when an invoice is due.
	DefaultDays, MaxDays = 14, 120
)

// Config is what a merchant has to say.
type Config struct {
	Limit     string   // the most that an order may cost, in the shop's currency: "200.00"
	Countries []string // where it may go, ISO 3166-1 alpha-2
	Mode      string   // payment.ModeTest or ModeLive
}

// Provider is one of the two ways.
type Provider struct {
	c     Config
	name  string
	title string
	terms payment.Terms
}

var (
	_ payment.ByHand = (*Provider)(nil)
	_ payment.Choosy = (*Provider)(nil)
)

// OnDelivery is paying whoever brings the goods.
func OnDelivery(c Config) (*Provider, error) {
	return newProvider(c, NameOnDelivery, "Cash on delivery", payment.Terms{Note: "You pay whoever brings it. Please have the money ready."})
}

// Invoice is paying so many days after the goods were sent, to an account.
func Invoice(c Config, to payment.Account, days int) (*Provider, error) {
	if to.IBAN == "" {
		return nil, errors.New("invoice: give the account that it is paid to: transfer-payee and transfer-iban")
	}
	if days < 1 || days > MaxDays {
		return nil, fmt.Errorf("invoice: give 1 to %d days", MaxDays)
	}
	return newProvider(c, NameInvoice, "Invoice", payment.Terms{Account: to, Due: time.Duration(days) * 24 * time.Hour,
		Note: fmt.Sprintf("We send your things first. You pay by bank transfer within %d days after that.", days)})
}

func newProvider(c Config, name, title string, terms payment.Terms) (*Provider, error) {
	if c.Limit == "" || len(c.Countries) == 0 {
		return nil, fmt.Errorf("%s: say how much an order may cost and where it may go: %s-limit and %s-countries", name, name, name)
	}
	for _, country := range c.Countries {
		if len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return nil, fmt.Errorf("%s: a country is two capital letters, like DE", name)
		}
	}
	if c.Mode != payment.ModeTest && c.Mode != payment.ModeLive {
		return nil, fmt.Errorf("%s: no mode", name)
	}
	if c.Mode == payment.ModeTest {
		title += " (test mode, nothing is sent)"
	}
	terms.OnAccount, terms.Wait, terms.Most = true, SendWithin, MostOpen
	return &Provider{c, name, title, terms}, nil
}

// Fits says why a shop can't be paid this way: its limit is no amount of its currency.
func (p *Provider) Fits(_ string, c money.Currency) error {
	if limit, err := money.Parse(p.c.Limit, c); err != nil || limit.Minor() <= 0 {
		return fmt.Errorf("%s-limit is no amount in %s", p.name, c)
	}
	return nil
}

// Takes holds an order against the merchant's limits.
func (p *Provider) Takes(total money.Amount, country string, sent bool) bool {
	limit, err := money.Parse(p.c.Limit, total.Currency())
	return err == nil && sent && total.Cmp(limit) <= 0 && slices.Contains(p.c.Countries, country)
}

// Name is "on-delivery" or "invoice".
func (p *Provider) Name() string { return p.name }

// Title is what a shopper reads when choosing.
func (p *Provider) Title() string { return p.title }

// Origin is none: nobody is sent anywhere.
func (p *Provider) Origin() string { return "" }

// Terms says when and where to.
func (p *Provider) Terms() payment.Terms { return p.terms }

// Open gives an order and attempt its reference. Cash is paid to no account.
func (p *Provider) Open(_ context.Context, q payment.Request) (payment.Session, error) {
	ref, err := transfer.NewReference(q.OrderNumber, q.Attempt)
	if err != nil {
		return payment.Session{}, fmt.Errorf("open %s: %w: %w", p.name, err, payment.ErrRefused)
	}
	account := p.terms.Account.IBAN
	if account == "" {
		account = "cash"
	}
	return payment.Session{Ref: ref, Mode: p.c.Mode, Account: account, ExpiresAt: q.ExpiresAt}, nil
}

// Notice believes nobody.
func (p *Provider) Notice(*http.Request, []byte) (payment.Notice, error) {
	return payment.Notice{}, payment.ErrSignature
}

// Refund sends nothing: that is for a person to do.
func (p *Provider) Refund(context.Context, payment.RefundRequest) error {
	return fmt.Errorf("refund: a person has to send it: %w", payment.ErrRefused)
}
