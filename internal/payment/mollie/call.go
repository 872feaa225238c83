package mollie

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// maxAnswer bounds what is read of an answer, in bytes: a full list of refunds has
// some 200 KB.
const maxAnswer = 1 << 20

// mostRefunds is the most that one answer lists. A payment with more is none of ours.
const mostRefunds = 250

// amount is money as Mollie writes it: a decimal with exactly the decimals of its
// currency.
type amount struct {
	Currency string `json:"currency"`
	Value    string `json:"value"`
}

func amountOf(a money.Amount) amount { return amount{a.Currency().Code(), a.Decimal()} }

// money reads an amount that is written as we would write it, and no other.
func (a amount) money() (money.Amount, error) {
	c, err := money.ParseCurrency(a.Currency)
	if err != nil {
		return money.Amount{}, payment.ErrNotice
	}
	out, err := money.Parse(a.Value, c)
	if err != nil || amountOf(out) != a || out.Minor() <= 0 {
		return money.Amount{}, payment.ErrNotice
	}
	return out, nil
}

// metadata says whose a payment or a refund is.
type metadata struct {
	Shop    string `json:"cartkeep_shop,omitempty"`
	Order   string `json:"cartkeep_order,omitempty"`
	Attempt string `json:"cartkeep_attempt,omitempty"`
	Refund  string `json:"cartkeep_refund,omitempty"`
}

// UnmarshalJSON reads an object of ours. What others keep there, a text or a list,
// is none.
func (m *metadata) UnmarshalJSON(b []byte) error {
	type plain metadata
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*m = metadata(p)
	}
	return nil
}

type newPayment struct {
	Amount      amount   `json:"amount"`
	Description string   `json:"description"`
	RedirectURL string   `json:"redirectUrl"`
	CancelURL   string   `json:"cancelUrl"`
	WebhookURL  string   `json:"webhookUrl"`
	Metadata    metadata `json:"metadata"`
}

// paid is what is read of a payment.
type paid struct {
	Resource   string   `json:"resource"`
	ID         string   `json:"id"`
	Mode       string   `json:"mode"`
	Profile    string   `json:"profileId"`
	Amount     amount   `json:"amount"`
	Metadata   metadata `json:"metadata"`
	Status     string   `json:"status"`
	Cancelable bool     `json:"isCancelable"`
	Links      struct {
		Checkout struct {
			Href string `json:"href"`
		} `json:"checkout"`
	} `json:"_links"`
}

type newRefund struct {
	Amount      amount   `json:"amount"`
	Description string   `json:"description"`
	Metadata    metadata `json:"metadata"`
}

type refund struct {
	ID       string   `json:"id"`
	Amount   amount   `json:"amount"`
	Metadata metadata `json:"metadata"`
	Status   string   `json:"status"`
}

// failed reports whether nothing was paid back, and nothing will be.
func (r refund) failed() bool { return r.Status == "failed" || r.Status == "canceled" }

func (p *Provider) payment(ctx context.Context, ref string) (paid, error) {
	if !isID(ref, "tr_") {
		return paid{}, payment.ErrRefused
	}
	var got paid
	err := p.call(ctx, http.MethodGet, "/v2/payments/"+ref, "", nil, &got)
	if err == nil && got.ID != ref {
		err = errors.New("the answer is about another payment")
	}
	return got, err
}

func (p *Provider) refunds(ctx context.Context, ref string) ([]refund, error) {
	var list struct {
		Embedded struct {
			Refunds []refund `json:"refunds"`
		} `json:"_embedded"`
		Links struct {
			Next *struct{} `json:"next"`
		} `json:"_links"`
	}
	if err := p.call(ctx, http.MethodGet, fmt.Sprintf("/v2/payments/%s/refunds?limit=%d", ref, mostRefunds), "", nil, &list); err != nil {
		return nil, err
	}
	if list.Links.Next != nil {
		return nil, fmt.Errorf("there are too many: %w", payment.ErrRefused)
	}
	return list.Embedded.Refunds, nil
}

// call asks Mollie. A refusal for good is payment.ErrRefused; anything else may pass.
// What Mollie says in words, and every address, stays out of the error.
func (p *Provider) call(ctx context.Context, method, path, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.c.API+path, body)
	if err != nil {
		return errors.New("a request that can't be written")
	}
	r.Header.Set("Authorization", "Bearer "+p.c.Key)
	r.Header.Set("Accept", "application/hal+json")
	r.Header.Set("User-Agent", "Cartkeep")
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := p.c.Client.Do(r)
	if err != nil {
		return payment.Unquoted(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return errors.New("the answer broke off")
	case len(text) > maxAnswer:
		return errors.New("the answer is too long")
	}
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated:
		if json.Unmarshal(text, out) != nil {
			return errors.New("the answer can't be read")
		}
		return nil
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return fmt.Errorf("answer %d: %w", res.StatusCode, payment.ErrRefused)
	}
	return fmt.Errorf("answer %d", res.StatusCode)
}
