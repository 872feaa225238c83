package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/web/api"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

const (
	adasCart  = "0190aaaa-0000-7000-8000-000000000001"
	adasToken = "ada-token-0123456789abcdefghijklmnopqrstuvw"
	adasOrder = "K7Q2M-9F3XA"
	bowl      = "0190bbbb-0000-7000-8000-000000000001"
)

var _ api.Desk = (*checkout.Desk)(nil)

// desk is a checkout that knows one cart, Ada's, and notes every change.
type desk struct {
	mu      sync.Mutex
	eur     money.Currency
	qty     int64
	details *checkout.DetailsInput
	placed  map[string][]byte // Idempotency-Key to request
	changes int
	broken  error // answers everything, when set

	unpayable error // answers PayAgain, when set
	transfer  *checkout.Transfer
}

func (d *desk) open(id cart.ID, token string) error {
	if d.broken != nil {
		return d.broken
	}
	if id != adasCart || token != adasToken {
		return fault.Missing("Some text about " + string(id))
	}
	return nil
}

func (d *desk) cart() cart.Cart {
	c := cart.Cart{ID: adasCart, State: cart.Open, ExpiresAt: time.Date(2026, 12, 1, 10, 0, 0, 5e8, time.FixedZone("", 3600))}
	unit := money.Of(4800, d.eur)
	total, _ := unit.Times(d.qty)
	if d.qty > 0 {
		c.Lines = []cart.Line{{ID: "0190cccc-0000-7000-8000-000000000001", Variant: bowl, Handle: "bowl", Title: "Bowl", Quantity: d.qty, Unit: unit, Total: total, Sold: true}}
	}
	zero := money.Zero(d.eur)
	c.Totals = cart.Totals{Items: total, Discount: zero, Shipping: zero, Tax: zero, Total: total, TaxIncluded: true}
	c.Checkout.Complete = d.details != nil
	return c
}

func (d *desk) NewCart(context.Context) (cart.Cart, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cart(), adasToken, d.broken
}

func (d *desk) Cart(_ context.Context, id cart.ID, token string) (cart.Cart, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cart(), d.open(id, token)
}

func (d *desk) AddLine(_ context.Context, id cart.ID, token string, v catalog.VariantID, n int64) (cart.Cart, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(id, token); err != nil {
		return cart.Cart{}, err
	}
	if v != bowl {
		return cart.Cart{}, fault.Field("variant_id", "This variant is not for sale.")
	}
	d.qty += n
	d.changes++
	return d.cart(), nil
}

func (d *desk) Pass(_ context.Context, id cart.ID, token string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return "1.pass", d.open(id, token)
}

func (d *desk) SetQuantity(_ context.Context, id cart.ID, token string, _ cart.LineID, n int64) (cart.Cart, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(id, token); err != nil {
		return cart.Cart{}, err
	}
	d.qty = n
	d.changes++
	return d.cart(), nil
}

func (d *desk) SaveLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error) {
	return d.RemoveLine(ctx, id, token, line)
}

func (d *desk) RestoreLine(ctx context.Context, id cart.ID, token string, _ cart.LineID) (cart.Cart, error) {
	return d.AddLine(ctx, id, token, bowl, 1)
}

func (d *desk) TryCode(ctx context.Context, id cart.ID, token, code string) (cart.Cart, error) {
	c, err := d.Cart(ctx, id, token)
	if err == nil && code != "WELCOME10" {
		err = fault.Field("code", "That code can't be used here.")
	}
	return c, err
}

func (d *desk) DropCode(ctx context.Context, id cart.ID, token, _ string) (cart.Cart, error) {
	return d.Cart(ctx, id, token)
}

func (d *desk) Accept(_ context.Context, id cart.ID, token string) (cart.Cart, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	return d.cart(), d.open(id, token)
}

func (d *desk) RemoveLine(_ context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(id, token); err != nil {
		return cart.Cart{}, err
	}
	if line == "gone" {
		return cart.Cart{}, fault.Missing("That line is gone.")
	}
	d.qty = 0
	d.changes++
	return d.cart(), nil
}

func (d *desk) Shipping(_ context.Context, id cart.ID, token string, to area.Place) ([]checkout.Option, error) {
	if err := d.open(id, token); err != nil {
		return nil, err
	}
	if to.Country != "DE" {
		return nil, fault.Field("country", "We do not deliver there.")
	}
	return []checkout.Option{{Option: shipping.Option{Method: shipping.Method{ID: "standard", Title: "Standard"}, Price: money.Of(490, d.eur)}}}, nil
}

func (d *desk) SaveDetails(_ context.Context, id cart.ID, token string, in checkout.DetailsInput) (cart.Cart, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(id, token); err != nil {
		return cart.Cart{}, err
	}
	if in.ShipTo.PostalCode == "bad" {
		return cart.Cart{}, fault.Field("shipping_address/postal_code", "Please check the postal code.")
	}
	if _, err := checkout.ParseDetails(in); err != nil {
		return cart.Cart{}, err
	}
	d.details = &in
	d.changes++
	return d.cart(), nil
}

func (d *desk) Place(_ context.Context, id cart.ID, token string, in checkout.PlaceInput) (checkout.Placed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(id, token); err != nil {
		return checkout.Placed{}, err
	}
	if in.Total != nil && *in.Total != d.order().Totals.Total {
		return checkout.Placed{}, fault.New(fault.Changed, "The total is another one.")
	}
	before, again := d.placed[in.Key]
	if again && !bytes.Equal(before, in.Request) {
		return checkout.Placed{}, fault.New(fault.IdempotencyMismatch, "This key belongs to another order.")
	}
	if !again {
		d.placed[in.Key] = bytes.Clone(in.Request)
		d.changes++
	}
	return checkout.Placed{Order: d.order(), Token: adasToken, Replayed: again,
		Payment: checkout.PaymentView{Status: order.PaymentOpen, RedirectURL: "https://127.0.0.1:1/pay/x"}}, nil
}

func (d *desk) order() order.Order {
	c := d.cart()
	return order.Order{Number: adasOrder, Status: order.Pending, Totals: c.Totals, PlacedAt: c.ExpiresAt, HoldUntil: c.ExpiresAt.Add(15 * time.Minute),
		Lines: []order.Line{{Variant: bowl, Handle: "bowl", Title: "Bowl", Quantity: 1, Unit: c.Totals.Items, Total: c.Totals.Items}}}
}

func (d *desk) Order(_ context.Context, number order.Number, token string) (checkout.OrderView, error) {
	if number != adasOrder || token != adasToken {
		return checkout.OrderView{}, fault.Missing("Some text about " + string(number))
	}
	return checkout.OrderView{Order: d.order(), Payment: checkout.PaymentView{Status: order.PaymentExpired, Transfer: d.transfer}}, nil
}

func (d *desk) MoreTime(ctx context.Context, number order.Number, token string) (checkout.OrderView, error) {
	if d.unpayable != nil {
		return checkout.OrderView{}, d.unpayable
	}
	return d.Order(ctx, number, token)
}

func (d *desk) HoldLimit(o order.Order) time.Time { return o.PlacedAt.Add(time.Hour) }

func (d *desk) Cancel(ctx context.Context, number order.Number, token string) (checkout.OrderView, error) {
	return d.Order(ctx, number, token)
}

func (d *desk) PayAgain(ctx context.Context, number order.Number, token string) (checkout.OrderView, error) {
	if d.unpayable != nil {
		return checkout.OrderView{}, d.unpayable
	}
	return d.Order(ctx, number, token)
}

func (d *desk) Products(_ context.Context, q api.Query) ([]catalog.Product, string, error) {
	p, _ := d.ProductByHandle(context.Background(), "bowl")
	if q.Cursor == "" && q.Limit == 1 {
		return []catalog.Product{p}, "more", nil
	}
	return []catalog.Product{p}, "", nil
}

func (d *desk) ProductByHandle(_ context.Context, handle string) (catalog.Product, error) {
	if handle == "panic" {
		panic("secret " + handle)
	}
	if handle != "bowl" {
		return catalog.Product{}, fault.Missing("We have no such product.")
	}
	return catalog.Product{Handle: "bowl", Title: "Bowl", Description: "<p>Round.</p>",
		Pictures: []catalog.Picture{{URL: "/pictures/bowl.svg", Alt: "A bowl"}, {Source: "https://elsewhere.example/x.png"}},
		Variants: []catalog.Variant{
			{ID: bowl, SKU: "B-1", Values: []string{"Blue"}, Price: money.Of(4800, d.eur), CompareAt: money.Of(5200, d.eur)},
			{ID: bowl + "2", Values: []string{"Red"}, Price: money.Of(4800, d.eur), Stock: catalog.Stock{Counted: true}},
		}}, nil
}

// shop is the API behind a real gate and a real mux.
type shop struct {
	*httptest.Server
	desk *desk
	log  *bytes.Buffer
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return newShopBehind(t, gate.Config{})
}

func newShopBehind(t *testing.T, cfg gate.Config) *shop {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{desk: &desk{eur: eur, placed: map[string][]byte{}}, log: &bytes.Buffer{}}
	cfg.Log = slog.New(slog.NewTextHandler(&lockedWriter{w: s.log}, nil))
	g := gate.New(cfg)
	a, err := api.New(api.Config{Gate: g, Desk: s.desk, Shelf: s.desk, Proofs: fakeProofs{}, Origin: "https://shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	table := g.Table()
	if err := a.Register(table); err != nil {
		t.Fatal(err)
	}
	table.Seal()
	s.Server = httptest.NewServer(g.Wrap(table))
	t.Cleanup(s.Close)
	return s
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request. headers are "Name: value".
func (s *shop) ask(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, s.URL+path, in)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(raw)}
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatalf("got %d %q, want JSON: %v", r.status, r.body, err)
	}
	return out
}

// problem checks that the answer is a problem of the kind and returns its pointers.
func (r reply) problem(t *testing.T, status int, word string) (pointers []string) {
	t.Helper()
	p := r.json(t)
	if r.status != status || p["type"] != "/problems/"+word || r.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %d %s %s, want %d %s", r.status, r.header.Get("Content-Type"), r.body, status, word)
	}
	if p["status"] != float64(status) || p["title"] == "" {
		t.Errorf("got %s, want its status and title in it", r.body)
	}
	list, _ := p["errors"].([]any)
	for _, e := range list {
		pointers = append(pointers, fmt.Sprint(e.(map[string]any)["pointer"]))
	}
	return pointers
}

// fakeProofs is a ledger of three events.
type fakeProofs struct{}

func (fakeProofs) Inclusion(_ context.Context, _, size int64) ([]ledger.Hash, error) {
	return prove("size", size)
}

func (fakeProofs) Consistency(_ context.Context, _, to int64) ([]ledger.Hash, error) {
	return prove("to", to)
}

func prove(name string, size int64) ([]ledger.Hash, error) {
	if size > 3 {
		return nil, fault.Field(name, "The ledger is not that long.")
	}
	return []ledger.Hash{{1}, {2}}, nil
}

func (d *desk) AskPayCode(_ context.Context, id cart.ID, token string) (string, error) {
	return "ticket", d.open(id, token)
}

func (d *desk) AskOrderPayCode(ctx context.Context, number order.Number, token string) (string, error) {
	_, err := d.Order(ctx, number, token)
	return "ticket", err
}

func (d *desk) AnswerPayCode(_ context.Context, id cart.ID, token, _, code string) error {
	if err := d.open(id, token); err != nil {
		return err
	}
	return rightPayCode(code)
}

func (d *desk) AnswerOrderPayCode(ctx context.Context, number order.Number, token, _, code string) error {
	if _, err := d.Order(ctx, number, token); err != nil {
		return err
	}
	return rightPayCode(code)
}

func rightPayCode(code string) error {
	if code != "12345678" {
		return fault.Field("code", "That is not the code.")
	}
	return nil
}
