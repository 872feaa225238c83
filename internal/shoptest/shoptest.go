// Package shoptest gives tests a real shop: a real database on each engine, a
// real ring of keys, a clock that can stand still, Ada the customer and a
// provider that pays when it is told to.
//
// It is for tests only; nothing of the product imports it. Start at Each.
package shoptest

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/job"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// Engines names the databases every test of the store runs on.
func Engines() []string { return []string{"sqlite", "postgres"} }

// Each runs fn once on each engine, with an empty shop that has settings but
// no products.
func Each(t *testing.T, fn func(t *testing.T, s *Shop)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(engine, func(t *testing.T) { fn(t, Open(t, engine)) })
	}
}

// Clock is a clock that a test moves.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// Now is the time of the test.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Move moves the clock on.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// T is what a helper needs of a test, whether of testing or of a property.
type T interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// Shop is a shop for tests.
type Shop struct {
	DB       *store.DB
	Desk     *checkout.Desk
	Keeper   *account.Keeper
	Clock    *Clock
	Bank     *Bank
	Keys     *seal.Memory // the key store under Ring
	Ring     *seal.Ring
	Letters  *Letters
	Database string // what it was opened with
	Dir      string // on SQLite, the folder of the database file
	Outbox   bool   // letters are kept in the database too, as the demo does
	alarms   alarms
	more     []payment.Provider // other ways to pay
}

// Open opens an empty shop on an engine.
func Open(t testing.TB, engine string) *Shop {
	t.Helper()
	dir := t.TempDir()
	database := filepath.Join(dir, "shop.db")
	if engine == "postgres" {
		database = pg.Shared(t).NewDatabase(t)
	}
	return OpenAt(t, database, dir)
}

// ID is the id of the shop in tests.
const ID = "018f2e6a-0000-7000-8000-000000000001"

// OpenAt opens the shop at a database setting.
func OpenAt(t testing.TB, database, dir string) *Shop {
	t.Helper()
	ctx := context.Background()
	s := &Shop{Clock: &Clock{}, Database: database, Dir: dir, Letters: &Letters{}, Keys: seal.NewMemory()}
	var err error
	if s.Ring, err = seal.Open(ctx, s.Keys); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Ring.NewEpoch(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	err = s.DB.InTx(ctx, ledger.System("test"), Settings)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Settings gives a shop what it needs to sell: German tax included in the
// prices, standard and express delivery, one provider.
func Settings(t *store.Tx) error {
	for name, value := range map[string]string{"shop.name": "Test Shop", "shop.currency": "EUR", "shop.country": "DE",
		"shop.descriptor": "TESTSHOP", "payment.providers": "bank"} {
		if err := t.Set(name, value); err != nil {
			return err
		}
	}
	if err := t.SetTaxes([]tax.Rule{{Country: "DE", Rate: 190000}}, nil); err != nil {
		return err
	}
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		return err
	}
	flat := func(zone string, minor int64) shipping.Rate { return shipping.FlatRate(zone, money.Of(minor, eur)) }
	return t.SetShipping(shipping.Plan{Zones: []shipping.Zone{shipping.ZoneOf("DE"), shipping.ZoneOf(shipping.Anywhere)}, Methods: shipping.Methods{
		{ID: "standard", Title: "Standard", Rates: []shipping.Rate{flat("de", 490), flat("world", 990)}},
		{ID: "express", Title: "Express", Rates: []shipping.Rate{flat("de", 1290)}},
	}})
}

func (s *Shop) reopen(t testing.TB) {
	t.Helper()
	var err error
	s.DB, err = store.Open(context.Background(), store.Config{Database: s.Database, Ring: s.Ring, ShopID: ID, Clock: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	db := s.DB
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.Bank == nil { // it does not forget when the shop starts again
		s.Bank = NewBank()
	}
	writer := func() (*message.Writer, error) {
		return message.NewWriter(message.Shop{Name: "Test Shop", Origin: "https://shop.test", Statement: "TESTSHOP"})
	}
	s.keeper(t, writer)
	providers := append([]payment.Provider{s.Bank}, s.more...)
	s.Desk, err = checkout.New(checkout.Config{Store: s.DB, Providers: providers, Origin: "https://shop.test",
		Writer: writer, Alarm: s.alarms.add,
		Deliver: func(ctx context.Context, owner string, id order.ID, m message.Message) error {
			s.Letters.add(m)
			if !s.Outbox {
				return nil
			}
			return s.DB.InTx(ctx, ledger.System("outbox"), func(t *store.Tx) error {
				return t.KeepLetter(owner, id, store.Letter{ID: m.ID, Channel: string(m.Channel), To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
			})
		}})
	if err != nil {
		t.Fatal(err)
	}
}

// Reopen closes the shop and opens it again on the same database and ring.
func (s *Shop) Reopen(t testing.TB) {
	t.Helper()
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
}

// SecondBank opens the shop again with another way to pay, "second".
func (s *Shop) SecondBank(t testing.TB) *Bank {
	t.Helper()
	second := NewBank()
	second.name = "second"
	s.Offer(t, second)
	return second
}

// Offer opens the shop again with one more way to pay.
func (s *Shop) Offer(t testing.TB, p payment.Provider) {
	t.Helper()
	s.more = append(s.more, p)
	names := s.Bank.Name()
	for _, one := range s.more {
		names += " " + one.Name()
	}
	if err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error { return t.Set("payment.providers", names) }); err != nil {
		t.Fatal(err)
	}
	s.Reopen(t)
}

// PlaceWith orders a basket, to be paid in a certain way.
func (s *Shop) PlaceWith(b Basket, key, method string) (checkout.Placed, error) {
	return s.Desk.Place(context.Background(), b.ID, b.Token, checkout.PlaceInput{Key: key, PaymentMethod: method, Request: []byte("{}")})
}

// Product saves a product with one variant and returns the variant.
func (s *Shop) Product(t T, handle string, price int64, stock catalog.Stock) catalog.Variant {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	p := catalog.Product{Handle: handle, Title: "The " + handle, Description: "<p>A good one.</p>", Kind: "Kitchen", Published: true,
		Variants: []catalog.Variant{{SKU: "SKU-" + handle, Price: money.Of(price, eur), CompareAt: money.Zero(eur), Stock: stock}}}
	if err := s.DB.InTx(context.Background(), ledger.System("test"), func(t *store.Tx) error { return t.SaveProduct(p) }); err != nil {
		t.Fatal(err)
	}
	err = s.DB.View(context.Background(), func(v *store.View) (err error) {
		p, err = v.ProductByHandle(handle)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.Variants[0]
}

// Counted is stock of n units that are not sold on at zero.
func Counted(n int64) catalog.Stock { return catalog.Stock{Counted: true, OnHand: n} }

// Ada is what a customer types.
func Ada() checkout.DetailsInput {
	return checkout.DetailsInput{Email: "ada@example.com", Name: "Ada Lovelace", Phone: "+49 30 1234567",
		ShipTo: contact.AddressFields{Street: "12 Analytical Way", Locality: "Berlin", PostalCode: "10115", Country: "DE"}}
}

// Basket is a cart with its token.
type Basket struct {
	ID    cart.ID
	Token string
}

// Basket makes a cart with one variant in it.
func (s *Shop) Basket(t T, variant catalog.VariantID, quantity int64) Basket {
	t.Helper()
	ctx := context.Background()
	c, token, err := s.Desk.NewCart(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Desk.AddLine(ctx, c.ID, token, variant, quantity); err != nil {
		t.Fatal(err)
	}
	return Basket{c.ID, token}
}

// Ready is Basket with Ada's details given.
func (s *Shop) Ready(t T, variant catalog.VariantID, quantity int64) Basket {
	t.Helper()
	b := s.Basket(t, variant, quantity)
	if _, err := s.Desk.SaveDetails(context.Background(), b.ID, b.Token, Ada()); err != nil {
		t.Fatal(err)
	}
	return b
}

// Place orders a basket.
func (s *Shop) Place(b Basket, key string) (checkout.Placed, error) {
	return s.Desk.Place(context.Background(), b.ID, b.Token, checkout.PlaceInput{Key: key, Request: []byte("{}")})
}

// Run carries out the jobs that are due and returns how many there were.
func (s *Shop) Run(t T) int {
	t.Helper()
	ctx := context.Background()
	handlers := s.handlers()
	var jobs []store.Job
	if err := s.DB.View(ctx, func(v *store.View) (err error) { jobs, err = v.DueJobs(1000); return err }); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if err := handlers[j.Kind](ctx, j); err != nil {
			t.Fatalf("job %s: %v", j.Kind, err)
		}
		if err := s.DB.InTx(ctx, ledger.System("test"), func(t *store.Tx) error { return t.FinishJob(j) }); err != nil {
			t.Fatal(err)
		}
	}
	return len(jobs)
}

// RunAll carries out the jobs that are due, several at a time, and returns how
// many there were.
func (s *Shop) RunAll(t T) int {
	t.Helper()
	runner := job.New(s.DB, slog.New(slog.DiscardHandler))
	for kind, h := range s.handlers() {
		runner.Handle(kind, h)
	}
	return runner.Drain(context.Background())
}

// Stock returns what is left of a variant.
func (s *Shop) Stock(t T, variant catalog.VariantID) (out catalog.Stock) {
	t.Helper()
	if err := s.DB.View(context.Background(), func(v *store.View) (err error) { out, err = v.StockOf(variant); return err }); err != nil {
		t.Fatal(err)
	}
	return out
}

// Order returns an order as it is stored.
func (s *Shop) Order(t T, p checkout.Placed) (out order.Order) {
	t.Helper()
	if err := s.DB.View(context.Background(), func(v *store.View) (err error) { out, err = v.Order(p.Order.Owner, p.Order.ID); return err }); err != nil {
		t.Fatal(err)
	}
	return out
}

// Letters keeps what the shop wrote.
type Letters struct {
	mu   sync.Mutex
	list []message.Message
}

func (l *Letters) add(m message.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, m)
}

// All returns the letters so far.
func (l *Letters) All() []message.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]message.Message(nil), l.list...)
}

// Approve settles the first attempt of an order.
func (s *Shop) Approve(p checkout.Placed) error {
	return s.Desk.Settle(context.Background(), "bank", s.Bank.Say(p, 1, payment.Approved))
}

// EventsAbout counts the events that name a subject.
func (s *Shop) EventsAbout(t testing.TB, subject string) int64 {
	t.Helper()
	return One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE owner = $1 AND subject = $1`, subject)
}
