package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answer is what a call gave.
type answer struct {
	status int
	header http.Header
	body   string
}

// into decodes a JSON body or ends the test.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("got %d %.200q: %v", a.status, a.body, err)
	}
}

// read decodes a JSON body and reports whether it was one. It may be called
// beside the test's own goroutine, where into may not.
func (a answer) read(v any) bool { return json.Unmarshal([]byte(a.body), v) == nil }

// try makes a request. Headers are "Name: value".
func (s *shop) try(method, path, body string, headers ...string) (answer, error) {
	address := path
	if strings.HasPrefix(path, "/") {
		address = s.origin + path
	}
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, address, in)
	if err != nil {
		return answer{}, err
	}
	if body != "" && strings.Contains(path, "/api/") {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(b)}, err
}

// ask is try for a server that has to answer.
func (s *shop) ask(method, path, body string, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, headers...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.said)
	}
	return a
}

// want is ask for an answer with a known status.
func (s *shop) want(status int, method, path, body string, headers ...string) answer {
	s.t.Helper()
	a := s.ask(method, path, body, headers...)
	if a.status != status {
		s.t.Fatalf("%s %s: got %d %.400s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// The documents of the API, as a stranger would write them down.
type (
	amount struct {
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
	}
	apiTotals struct {
		Items, Discount, Shipping, Tax, Total amount
	}
	apiVariant struct {
		ID        string  `json:"id"`
		SKU       string  `json:"sku"`
		Title     string  `json:"title"`
		Price     amount  `json:"price"`
		CompareAt *amount `json:"compare_at_price"`
		Available bool    `json:"available"`
	}
	apiProduct struct {
		Handle      string       `json:"handle"`
		Title       string       `json:"title"`
		Description string       `json:"description"`
		Images      []any        `json:"images"`
		Variants    []apiVariant `json:"variants"`
	}
	apiLine struct {
		ID        string `json:"id"`
		VariantID string `json:"variant_id"`
		Title     string `json:"title"`
		Quantity  int64  `json:"quantity"`
		UnitPrice amount `json:"unit_price"`
		Total     amount `json:"total"`
	}
	apiCart struct {
		ID       string    `json:"id"`
		Token    string    `json:"token"`
		Lines    []apiLine `json:"lines"`
		Totals   apiTotals `json:"totals"`
		Checkout struct {
			Complete       bool    `json:"complete"`
			ShippingMethod *string `json:"shipping_method"`
		} `json:"checkout"`
	}
	apiPayment struct {
		Status      string  `json:"status"`
		RedirectURL *string `json:"redirect_url"`
	}
	apiPlaced struct {
		Order struct {
			Number string    `json:"number"`
			Token  string    `json:"token"`
			Status string    `json:"status"`
			Totals apiTotals `json:"totals"`
		} `json:"order"`
		Payment apiPayment `json:"payment"`
	}
	apiOrder struct {
		Order struct {
			Number string    `json:"number"`
			Status string    `json:"status"`
			Lines  []apiLine `json:"lines"`
			Totals apiTotals `json:"totals"`
		} `json:"order"`
		Payment apiPayment `json:"payment"`
	}
)

// person is what somebody types at the till.
type person struct {
	Email   string  `json:"email"`
	Name    string  `json:"name"`
	Phone   string  `json:"phone,omitempty"`
	Note    string  `json:"note,omitempty"`
	Address address `json:"shipping_address"`

	Billing     *address `json:"billing_address,omitempty"`
	OrderNote   string   `json:"order_note,omitempty"`
	GiftName    string   `json:"gift_name,omitempty"`
	GiftMessage string   `json:"gift_message,omitempty"`
	VAT         string   `json:"vat_number,omitempty"`
}

type address struct {
	Street   string `json:"street_address"`
	Locality string `json:"address_locality"`
	Region   string `json:"address_region,omitempty"`
	Postal   string `json:"postal_code"`
	Country  string `json:"address_country"`
}

func ada() person {
	return person{Email: "ada@example.com", Name: "Ada Lovelace", Phone: "+49 30 1234567",
		Address: address{Street: "12 Analytical Way", Locality: "Berlin", Postal: "10115", Country: "DE"}}
}

func (p person) json() string {
	b, _ := json.Marshal(p)
	return string(b)
}

// products reads the whole catalogue, page by page.
func (s *shop) products() []apiProduct {
	s.t.Helper()
	var all []apiProduct
	for cursor := ""; ; {
		var page struct {
			Products   []apiProduct `json:"products"`
			NextCursor *string      `json:"next_cursor"`
		}
		s.want(200, "GET", "/api/v1/products?limit=20&cursor="+url.QueryEscape(cursor), "").into(s.t, &page)
		all = append(all, page.Products...)
		if page.NextCursor == nil {
			return all
		}
		cursor = *page.NextCursor
	}
}

// product reads one.
func (s *shop) product(handle string) (p apiProduct) {
	s.t.Helper()
	s.want(200, "GET", "/api/v1/products/"+handle, "").into(s.t, &p)
	return p
}

// cart makes a cart with one variant in it.
func (s *shop) cart(variant string, quantity int) apiCart {
	s.t.Helper()
	var c apiCart
	s.want(201, "POST", "/api/v1/carts", "{}").into(s.t, &c)
	s.want(201, "POST", "/api/v1/carts/"+c.ID+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":%d}`, variant, quantity), "Cart-Token: "+c.Token)
	return c
}

// place gives the details and orders.
func (s *shop) place(c apiCart, p person, key string) (placed apiPlaced) {
	s.t.Helper()
	s.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", p.json(), "Cart-Token: "+c.Token)
	s.want(201, "POST", "/api/v1/carts/"+c.ID+"/orders", "{}", "Cart-Token: "+c.Token, "Idempotency-Key: "+key).into(s.t, &placed)
	if placed.Payment.RedirectURL == nil {
		s.t.Fatalf("order %s: got no redirect_url", placed.Order.Number)
	}
	return placed
}

// order reads an order by its token.
func (s *shop) order(p apiPlaced) (o apiOrder) {
	s.t.Helper()
	s.want(200, "GET", "/api/v1/orders/"+p.Order.Number, "", "Order-Token: "+p.Order.Token).into(s.t, &o)
	return o
}

// bankSays posts an outcome at the make-believe bank.
func (s *shop) bankSays(redirect, outcome string) answer {
	s.t.Helper()
	return s.ask("POST", redirect, url.Values{"outcome": {outcome}}.Encode(), "Content-Type: application/x-www-form-urlencoded")
}

// buy buys a variant through the API alone and returns the paid order.
func (s *shop) buy(variant string, quantity int, p person) apiPlaced {
	s.t.Helper()
	placed := s.place(s.cart(variant, quantity), p, "k")
	if a := s.bankSays(*placed.Payment.RedirectURL, "approved"); a.status != http.StatusSeeOther {
		s.t.Fatalf("approve: got %d %.200s, want 303", a.status, a.body)
	}
	if o := s.order(placed); o.Order.Status != "paid" {
		s.t.Fatalf("order %s: got %q after the bank's redirect, want paid", placed.Order.Number, o.Order.Status)
	}
	return placed
}

// letter is one line of `cartkeep outbox list --json`.
type letter struct {
	ID, At, Channel, To, Subject, Text, HTML string
}

// letters lists the outbox, newest last.
func (h home) letters(t testing.TB) []letter {
	t.Helper()
	var out []letter
	d := json.NewDecoder(bytes.NewBufferString(h.must(t, "outbox", "list", "--json")))
	for d.More() {
		var l letter
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func encode(form map[string][]string) string { return url.Values(form).Encode() }
