package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Cards that Stripe keeps hang on a customer of the account (docs.stripe.com, "Save
// payment details during payment"). The shop makes one without name or e-mail.
//
//	Customer  POST   /v1/customers
//	Cards     GET    /v1/customers/{id} and /v1/customers/{id}/payment_methods
//	Forget    POST   /v1/payment_methods/{card}/detach, or DELETE /v1/customers/{id}
//
// What is paid with a kept card is a session like any other, of the customer: Stripe's
// page offers the cards, and asks for what the bank wants to be shown. A session that is
// to keep a card offers none.

// mostCards is how many cards of a customer are read. Nobody chooses among more.
const mostCards = 100

// Keeps says whether shoppers may have cards kept from now on.
func (p *Provider) Keeps() (who string, more bool) { return "Stripe", p.c.KeepCards }

// customer is what is read of one.
type customer struct {
	stripe.APIResource
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Live     bool              `json:"livemode"`
	Deleted  bool              `json:"deleted"`
	Metadata map[string]string `json:"metadata"`
}

// Customer makes a customer that says nothing but whose shop it is of.
func (p *Provider) Customer(ctx context.Context) (string, error) {
	params := &stripe.CustomerParams{Params: stripe.Params{Context: ctx}, Metadata: map[string]string{metaShop: p.c.Shop}}
	var got customer
	if err := p.call(http.MethodPost, "/v1/customers", params, &got); err != nil {
		return "", fmt.Errorf("make customer: %w", err)
	}
	if got.Object != "customer" || !isID(got.ID, "cus_") || got.Live != (p.c.Mode == payment.ModeLive) {
		return "", errors.New("make customer: the answer is about something else")
	}
	return p.wordFor(got.ID), nil
}

// errBooks: a key of another mode or account knows nothing of the customer, and that it
// does not says nothing.
var errBooks = errors.New("the customer is of another mode, account or shop than the key")

// wordFor is what the shop keeps of a customer: the number, and in which books it stands.
func (p *Provider) wordFor(id string) string { return p.c.Mode + "/" + p.c.Account + "/" + id }

// idOf is the number that a word of ours stands for. One of other books is errBooks.
func (p *Provider) idOf(word string) (string, error) {
	id := word[strings.LastIndex(word, "/")+1:]
	if !isID(id, "cus_") {
		return "", payment.ErrRefused
	}
	if word != p.wordFor(id) {
		return "", errBooks
	}
	return id, nil
}

// ofShop is the number of a customer of this shop. The error is ErrRefused only where
// Stripe says that the customer is deleted, or was never in these books.
func (p *Provider) ofShop(ctx context.Context, word string) (string, error) {
	id, err := p.idOf(word)
	if err != nil {
		return "", err
	}
	var got customer
	if err := p.call(http.MethodGet, "/v1/customers/"+id, &stripe.CustomerParams{Params: stripe.Params{Context: ctx}}, &got); err != nil {
		return "", unsure(err)
	}
	switch {
	case got.ID != id:
		return "", errors.New("the answer is about another customer")
	case got.Deleted:
		return "", payment.ErrRefused
	case got.Metadata[metaShop] != p.c.Shop:
		return "", errBooks
	}
	return id, nil
}

// unsure takes out of an error that nothing is there, unless Stripe says just that: a
// request that is refused for another reason has ended nothing.
func unsure(err error) error {
	if errors.Is(err, payment.ErrRefused) && !errors.Is(err, errMissing) {
		return fmt.Errorf("refused, which does not say that nothing is there: %s", err.Error())
	}
	return err
}

// cardQuery asks for a page of a list.
type cardQuery struct {
	stripe.Params `form:"*"`
	Type          string `form:"type"`
	Limit         int64  `form:"limit"`
}

type cardList struct {
	stripe.APIResource
	Data []struct {
		ID   string `json:"id"`
		Card struct {
			Brand string `json:"brand"`
			Last  string `json:"last4"`
			Month int    `json:"exp_month"`
			Year  int    `json:"exp_year"`
		} `json:"card"`
	} `json:"data"`
}

// Cards lists what Stripe keeps for a customer.
func (p *Provider) Cards(ctx context.Context, of string) ([]payment.Card, error) {
	id, err := p.ofShop(ctx, of)
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	var got cardList
	query := &cardQuery{Params: stripe.Params{Context: ctx}, Type: string(stripe.PaymentMethodTypeCard), Limit: mostCards}
	if err := p.call(http.MethodGet, "/v1/customers/"+id+"/payment_methods", query, &got); err != nil {
		return nil, fmt.Errorf("list cards: %w", unsure(err))
	}
	var out []payment.Card
	for _, one := range got.Data {
		if !isID(one.ID, "") || len(one.Card.Last) != 4 || strings.Trim(one.Card.Last, "0123456789") != "" {
			return nil, errors.New("list cards: the answer is not of the agreed form")
		}
		out = append(out, payment.Card{ID: one.ID, Brand: brandOf(one.Card.Brand), Last: one.Card.Last, Month: one.Card.Month, Year: one.Card.Year})
	}
	return out, nil
}

// Forget ends a card, or the customer with all of them. Which cards are whose is asked
// before: a card's name comes from a form.
func (p *Provider) Forget(ctx context.Context, of, card string) error {
	err := p.forget(ctx, of, card)
	if errors.Is(err, payment.ErrRefused) {
		return nil // it is gone
	}
	if err != nil {
		return fmt.Errorf("forget cards: %w", err)
	}
	return nil
}

func (p *Provider) forget(ctx context.Context, of, card string) error {
	if card == "" {
		id, err := p.ofShop(ctx, of)
		if err != nil {
			return err
		}
		return unsure(p.call(http.MethodDelete, "/v1/customers/"+id, &stripe.CustomerParams{Params: stripe.Params{Context: ctx}}, &customer{}))
	}
	theirs, err := p.Cards(ctx, of)
	if err != nil {
		return err
	}
	for _, one := range theirs {
		if one.ID == card {
			return unsure(p.call(http.MethodPost, "/v1/payment_methods/"+card+"/detach", &stripe.PaymentMethodDetachParams{Params: stripe.Params{Context: ctx}}, &stripe.PaymentMethod{}))
		}
	}
	return nil
}

// offer has a session keep the card that pays, or offer those that are kept, never both:
// whoever ticks a box that has a card kept has not shown that the others are theirs, and a
// page stays open while a first card is being kept by another. Without our saying
// otherwise a page offers those of "always" alone, which no card of ours is.
func offer(params *stripe.CheckoutSessionParams, of string, keep bool) {
	if of == "" {
		return
	}
	params.Customer = &of
	if keep {
		params.PaymentIntentData.SetupFutureUsage = new(string(stripe.PaymentIntentSetupFutureUsageOnSession))
		return
	}
	// Limited is what Stripe calls a card that was kept by a session like ours.
	params.SavedPaymentMethodOptions = &stripe.CheckoutSessionSavedPaymentMethodOptionsParams{AllowRedisplayFilters: []*string{new("always"), new("limited")}}
}

// brandOf writes Stripe's word for a brand as people do.
func brandOf(word string) string {
	switch brand := stripe.PaymentMethodCardBrand(word); brand {
	case stripe.PaymentMethodCardBrandVisa:
		return "Visa"
	case stripe.PaymentMethodCardBrandMastercard:
		return "Mastercard"
	case stripe.PaymentMethodCardBrandAmex:
		return "American Express"
	case stripe.PaymentMethodCardBrandDiscover:
		return "Discover"
	case stripe.PaymentMethodCardBrandDiners:
		return "Diners Club"
	case stripe.PaymentMethodCardBrandJCB:
		return "JCB"
	case stripe.PaymentMethodCardBrandUnionpay:
		return "UnionPay"
	}
	return ""
}
