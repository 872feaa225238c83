package storefront

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/demo"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/store"
)

// counter is a bank with a page of its own, on another origin.
type counter struct {
	*shoptest.Bank
	server *httptest.Server
}

func (c counter) Title() string  { return "Card" }
func (c counter) Origin() string { return c.server.URL }
func (c counter) Open(ctx context.Context, q payment.Request) (payment.Session, error) {
	s, err := c.Bank.Open(ctx, q)
	s.URL = c.server.URL + "/pay/" + s.Ref
	return s, err
}

// hazelmott opens the shop of the demo, with its goods and drawings.
func hazelmott(t *testing.T) *stall {
	t.Helper()
	bank := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>Bank</title><h1>This is the bank</h1>")
	}))
	t.Cleanup(bank.Close)
	s := openWith(t, func(s *shoptest.Shop, origin string) *checkout.Desk {
		d, err := checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{counter{s.Bank, bank}}, Origin: origin})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
	eur, err := money.ParseCurrency(demo.Currency)
	if err != nil {
		t.Fatal(err)
	}
	goods := intake.Read(demo.Products(), eur).WithPictures(func(source string) (string, bool) {
		name, ok := strings.CutPrefix(source, demo.Scheme)
		return "/pictures/" + name, ok
	})
	if _, err := intake.Import(t.Context(), goods, shelves{s.DB}, nil); err != nil {
		t.Fatal(err)
	}
	err = s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error { return tx.Set("shop.tagline", demo.Tagline) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type shelves struct{ db *store.DB }

func (s shelves) Save(ctx context.Context, list []catalog.Product) ([]intake.Saved, error) {
	return make([]intake.Saved, len(list)), s.db.InTx(ctx, ledger.System("test"), func(tx *store.Tx) error {
		for _, p := range list {
			if err := tx.SaveProduct(p); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestBuyingInChromium(t *testing.T) {
	for name, view := range map[string]browser.View{
		"scripts":   {Width: browser.Narrow, Dark: true},
		"noscripts": {NoScript: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := hazelmott(t)
			tab := browser.Start(t, s.server.Certificate()).Page(t, view)
			look := func(at string, want int, got int) {
				t.Helper()
				if got != want {
					t.Fatalf("%s: got status %d, want %d", at, got, want)
				}
				tab.Shot("front-" + name + "-" + at)
			}
			write := func(id, text string) {
				t.Helper()
				browser.Eval[string](tab, fmt.Sprintf("document.getElementById(%q).value = %q", id, text))
			}
			look("home", 200, tab.Open(s.server.URL+"/"))
			look("shelf", 200, tab.Open(s.server.URL+"/collections/kitchen"))
			look("product", 200, tab.Open(s.server.URL+"/products/slow-teapot"))
			look("cart", 200, tab.Submit("form[action='/cart/lines'] .btn"))
			look("checkout", 200, tab.Open(s.server.URL+"/checkout"))
			write("email", "ada at lovelace")
			write("name", "Ada")
			look("wrong", 422, tab.Submit("#details .btn"))
			if got := tab.Value("#name"); got != "Ada" {
				t.Errorf("got name %q, want what was typed", got)
			}
			write("email", "ada@lovelace.example")
			write("shipping_address-street_address", "12 Analytical Way")
			write("shipping_address-postal_code", "10115")
			write("shipping_address-address_locality", "Berlin")
			look("review", 200, tab.Submit("#details .btn"))
			look("bank", 200, tab.Submit("#pay .btn"))
			if got := tab.Text("h1"); got != "This is the bank" {
				t.Fatalf("got %q, want to be at the bank", got)
			}
			number := ""
			for _, c := range tab.Cookies() { // ports are not told apart: the demo gives its bank another name
				if n, ok := strings.CutPrefix(c.Name, orderCookie); ok {
					number = n
				}
			}
			look("waiting", 200, tab.Open(s.server.URL+"/orders/"+number))
			look("bank-again", 200, tab.Submit("#pay .btn"))
			var o order.Order
			err := s.DB.View(t.Context(), func(v *store.View) (err error) {
				o, err = v.OrderByNumber(order.Number(number))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Approve(checkout.Placed{Order: o}); err != nil {
				t.Fatal(err)
			}
			look("paid", 200, tab.Open(s.server.URL+"/orders/"+number))
			look("empty", 200, tab.Open(s.server.URL+"/cart"))
			look("privacy", 200, tab.Open(s.server.URL+"/privacy"))
			look("missing", 404, tab.Open(s.server.URL+"/nothing"))
			for _, c := range tab.Complaints() {
				// The two answers above; and which features a browser knows depends on its age.
				if !strings.Contains(c, "422") && !strings.Contains(c, "404") && !strings.Contains(c, "Unrecognized feature") {
					t.Errorf("the browser complains: %s", c)
				}
			}
		})
	}
}
