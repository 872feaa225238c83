// Package purchase measures what protection costs: the same whole purchase
// (cart session, checkout, order, settlement, letter, numbering in the ledger)
// in a shop with sealing and ledger, and in one that was opened without them.
//
// The two shops stand side by side in one process, each behind the real gate
// and API with TLS, and take turns in short rounds, so that whatever else the
// machine does hits both.
package purchase

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cartkeep/cartkeep/internal/bench/load"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
	"github.com/cartkeep/cartkeep/internal/web/api"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Shop is one of the two shops.
type Shop struct {
	db       *store.DB
	desk     *checkout.Desk
	variants []catalog.VariantID
	server   *httptest.Server
	letters  atomic.Int64
}

// Open makes a shop with products at an empty database.
func Open(ctx context.Context, database string, unprotected bool, products int) (*Shop, error) {
	ring, err := seal.Open(ctx, seal.NewMemory())
	if err != nil {
		return nil, err
	}
	if _, err := ring.NewEpoch(ctx, time.Now()); err != nil {
		return nil, err
	}
	s := &Shop{}
	if s.db, err = store.Open(ctx, store.Config{Database: database, Ring: ring, ShopID: store.NewID(), Unprotected: unprotected}); err != nil {
		return nil, err
	}
	s.desk, err = checkout.New(checkout.Config{Store: s.db, Providers: []payment.Provider{bank{}}, Origin: "https://shop.test",
		Writer: func() (*message.Writer, error) {
			return message.NewWriter(message.Shop{Name: "Bench", Origin: "https://shop.test", Statement: "BENCH"})
		},
		Deliver: func(context.Context, string, order.ID, message.Message) error { s.letters.Add(1); return nil }})
	if err == nil {
		err = s.fill(ctx, products)
	}
	if err == nil {
		err = s.serve()
	}
	if err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

func (s *Shop) fill(ctx context.Context, products int) error {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return err
	}
	err = s.db.InTx(ctx, ledger.System("bench"), func(t *store.Tx) error {
		for name, value := range map[string]string{"shop.name": "Bench", "shop.currency": "EUR", "shop.country": "DE", "shop.descriptor": "BENCH", "payment.providers": "bank"} {
			if err := t.Set(name, value); err != nil {
				return err
			}
		}
		if err := t.SetTaxes([]tax.Rule{{Country: "DE", Rate: 190000}}, nil); err != nil {
			return err
		}
		return t.SetShipping(shipping.Plan{Zones: []shipping.Zone{shipping.ZoneOf(shipping.Anywhere)},
			Methods: shipping.Methods{{ID: "standard", Title: "Standard", Rates: []shipping.Rate{shipping.FlatRate("world", money.Of(490, eur))}}}})
	})
	for i := 0; i < products && err == nil; i++ {
		p := catalog.Product{Handle: fmt.Sprintf("thing-%d", i), Title: fmt.Sprintf("Thing %d", i), Published: true, Variants: []catalog.Variant{
			{SKU: fmt.Sprintf("T-%d", i), Price: money.Of(int64(100+i), eur), CompareAt: money.Zero(eur), Stock: catalog.Stock{Counted: true, OnHand: 1 << 40}}}}
		err = s.db.InTx(ctx, ledger.System("bench"), func(t *store.Tx) error { return t.SaveProduct(p) })
	}
	if err != nil {
		return err
	}
	return s.db.View(ctx, func(v *store.View) error {
		list, _, err := v.Products(store.ProductQuery{Limit: 100})
		for _, p := range list {
			s.variants = append(s.variants, p.Variants[0].ID)
		}
		return err
	})
}

// Close closes the shop.
func (s *Shop) Close() error {
	s.server.Close()
	return s.db.Close()
}

// session is a cart session of six requests over HTTPS: create, three adds,
// change a quantity, read. It returns the cart's path and token.
func (s *Shop) session(ctx context.Context, n int) (cart, token string, err error) {
	var c struct {
		ID, Token string
		Lines     []struct{ ID string }
	}
	if err := s.call(ctx, "POST", "/api/v1/carts", "", struct{}{}, &c); err != nil {
		return "", "", err
	}
	cart, token = "/api/v1/carts/"+c.ID, c.Token
	for i := range 3 {
		line := map[string]any{"variant_id": s.variants[(n*7+i*13)%len(s.variants)], "quantity": 1}
		if err := s.call(ctx, "POST", cart+"/lines", token, line, &c); err != nil {
			return "", "", err
		}
	}
	if err := s.call(ctx, "PATCH", cart+"/lines/"+c.Lines[0].ID, token, map[string]any{"quantity": 2}, nil); err != nil {
		return "", "", err
	}
	return cart, token, s.call(ctx, "GET", cart, token, nil, nil)
}

// buy is one whole purchase: a session, then checkout, order and the
// provider's notice.
func (s *Shop) buy(ctx context.Context, n int) error {
	cart, token, err := s.session(ctx, n)
	if err != nil {
		return err
	}
	if err := s.call(ctx, "PUT", cart+"/checkout", token, map[string]any{"email": "ada@example.com", "name": "Ada Lovelace", "phone": "+49301234567",
		"shipping_address": contact.AddressFields{Street: "12 Analytical Way", Locality: "Berlin", PostalCode: "10115", Country: "DE"}}, nil); err != nil {
		return err
	}
	var placed struct {
		Order   struct{ Totals struct{ Total money.Amount } }
		Payment struct {
			URL string `json:"redirect_url"`
		}
	}
	if err := s.call(ctx, "POST", cart+"/orders", token, struct{}{}, &placed); err != nil {
		return err
	}
	return s.call(ctx, "POST", "/notice", "", notice{Ref: strings.TrimPrefix(placed.Payment.URL, bankURL), Amount: placed.Order.Totals.Total}, nil)
}

// call makes one request and reads its answer.
func (s *Shop) call(ctx context.Context, method, path, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.server.URL+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "k")
	if token != "" {
		r.Header.Set("Cart-Token", token)
	}
	res, err := s.server.Client().Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, r.URL.Path, res.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// notice is what the bank of the benchmark sends.
type notice struct {
	Ref    string
	Amount money.Amount
}

// serve puts the real gate and API around the desk, behind TLS.
func (s *Shop) serve() error {
	everybody, err := gate.ParsePrefixes("127.0.0.1/32,::1/128")
	if err != nil {
		return err
	}
	g := gate.New(gate.Config{Exempt: everybody})
	rest, err := api.New(api.Config{Gate: g, Desk: s.desk, Shelf: noShelf{}, Proofs: noProofs{}})
	if err != nil {
		return err
	}
	settle := func(w http.ResponseWriter, r *http.Request) {
		var n notice
		err := json.NewDecoder(r.Body).Decode(&n)
		if err == nil {
			id, _, _ := strings.Cut(n.Ref, ".")
			err = s.desk.Settle(r.Context(), "bank", payment.Notice{Ref: n.Ref, OrderID: id, Attempt: 1, Outcome: payment.Approved, Amount: n.Amount, Mode: payment.ModeTest, Account: "bank"})
		}
		if err != nil {
			g.Refuse(w, r, err)
		}
	}
	table := g.Table()
	if err := errors.Join(rest.Register(table), table.Add("bank", gate.Route{Method: "POST", Path: "/notice", Need: gate.Anybody, Handle: settle})); err != nil {
		return err
	}
	table.Seal()
	s.server = httptest.NewTLSServer(g.Wrap(table))
	s.server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	return nil
}

// The benchmark buys; it does not browse or prove.
type noShelf struct{}

func (noShelf) Products(context.Context, api.Query) ([]catalog.Product, string, error) {
	return nil, "", nil
}

func (noShelf) ProductByHandle(context.Context, string) (catalog.Product, error) {
	return catalog.Product{}, fault.Missing("not here")
}

type noProofs struct{}

func (noProofs) Inclusion(context.Context, int64, int64) ([]ledger.Hash, error)   { return nil, nil }
func (noProofs) Consistency(context.Context, int64, int64) ([]ledger.Hash, error) { return nil, nil }

// Result is what a shop did in its rounds.
type Result struct {
	Purchases int
	Took      time.Duration
	Processor time.Duration
}

// Rate is purchases a second.
func (r Result) Rate() float64 { return float64(r.Purchases) / r.Took.Seconds() }

// Each is the processor time of one purchase, in milliseconds.
func (r Result) Each() float64 {
	return r.Processor.Seconds() * 1000 / float64(max(r.Purchases, 1))
}

// Compare lets the shops take turns: in each round every one makes n purchases
// with some clients at the same time and then does the jobs and the numbering
// that follow from them.
func Compare(ctx context.Context, shops []*Shop, rounds, n, clients int) ([]Result, error) {
	return compare(ctx, shops, rounds, n, clients, (*Shop).buy)
}

// Sessions is Compare with cart sessions alone.
func Sessions(ctx context.Context, shops []*Shop, rounds, n, clients int) ([]Result, error) {
	return compare(ctx, shops, rounds, n, clients, func(s *Shop, ctx context.Context, i int) error {
		_, _, err := s.session(ctx, i)
		return err
	})
}

func compare(ctx context.Context, shops []*Shop, rounds, n, clients int, act func(*Shop, context.Context, int) error) ([]Result, error) {
	out := make([]Result, len(shops))
	for r := range rounds + 1 {
		for i := range shops {
			s := shops[(i+r)%len(shops)]
			began := time.Now()
			before, err := load.OwnTime()
			if err != nil {
				return nil, err
			}
			if err := s.round(ctx, n, clients, act); err != nil {
				return nil, err
			}
			if r == 0 {
				continue // the first round warms up
			}
			after, err := load.OwnTime()
			if err != nil {
				return nil, err
			}
			o := &out[(i+r)%len(shops)]
			o.Purchases += n
			o.Took += time.Since(began)
			o.Processor += after - before
		}
	}
	return out, nil
}

func (s *Shop) round(ctx context.Context, n, clients int, act func(*Shop, context.Context, int) error) error {
	var group sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, clients)
	for c := range clients {
		group.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(n) || errs[c] != nil {
					return
				}
				errs[c] = act(s, ctx, int(i))
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	_, err := s.db.Sequence(ctx)
	return err
}

// drain does every job that is due.
func (s *Shop) drain(ctx context.Context) error {
	handlers := s.desk.Jobs()
	for {
		var due []store.Job
		err := s.db.View(ctx, func(v *store.View) (err error) { due, err = v.DueJobs(500); return err })
		if err != nil || len(due) == 0 {
			return err
		}
		for _, j := range due {
			if err := handlers[j.Kind](ctx, j); err != nil {
				return err
			}
		}
		err = s.db.InTx(ctx, ledger.System("bench"), func(t *store.Tx) error {
			for _, j := range due {
				if err := t.FinishJob(j); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// StatementsPerChange counts the SQL statements of one change of a cart.
func (s *Shop) StatementsPerChange(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	cart, token, err := s.desk.NewCart(ctx)
	if err != nil {
		return nil, err
	}
	count := func(what string, fn func() error) {
		before := s.db.Statements()
		if e := fn(); e != nil {
			err = errors.Join(err, e)
		}
		out[what] = s.db.Statements() - before
	}
	count("add", func() error {
		cart, err = s.desk.AddLine(ctx, cart.ID, token, s.variants[0], 1)
		return err
	})
	count("change", func() error { _, err := s.desk.SetQuantity(ctx, cart.ID, token, cart.Lines[0].ID, 3); return err })
	count("read", func() error { _, err := s.desk.Cart(ctx, cart.ID, token); return err })
	count("remove", func() error { _, err := s.desk.RemoveLine(ctx, cart.ID, token, cart.Lines[0].ID); return err })
	return out, err
}

// bank opens sessions without any network, the same for both shops.
type bank struct{}

const bankURL = "https://bank.test/"

func (bank) Name() string   { return "bank" }
func (bank) Title() string  { return "Bank" }
func (bank) Origin() string { return "https://bank.test" }

func (bank) Open(_ context.Context, q payment.Request) (payment.Session, error) {
	r := fmt.Sprintf("%s.%d", q.OrderID, q.Attempt)
	return payment.Session{Ref: r, URL: bankURL + r, Mode: payment.ModeTest, Account: "bank", ExpiresAt: q.ExpiresAt}, nil
}

func (bank) Notice(*http.Request, []byte) (payment.Notice, error) {
	return payment.Notice{}, payment.ErrSignature
}

func (bank) Refund(context.Context, payment.RefundRequest) error { return nil }
