package checkout_test

import (
	"database/sql"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	books "github.com/cartkeep/cartkeep/internal/tax"
)

// journalOf adds up what the journal says of one order.
func journalOf(t shoptest.T, s *shoptest.Shop, id order.ID) (lines int, net, tax int64) {
	t.Helper()
	err := s.DB.View(noCtx, func(v *store.View) error {
		lines, net, tax = 0, 0, 0
		return v.Journal("0000", "9999", func(l store.JournalLine) error {
			if l.Order == id {
				lines, net, tax = lines+1, net+l.Net.Minor(), tax+l.Tax.Minor()
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, net, tax
}

func TestTheBooksSayWhatWasPaidAndPaidBack(t *testing.T) {
	shared(t, map[string]int{"sqlite": 300, "postgres": 60}, func(r *rapid.T, s *shoptest.Shop, raw *sql.DB, fresh string) {
		classes := []string{"", books.Reduced, books.Exempt}
		err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			if err := t.Set("tax.included", fmt.Sprint(rapid.Bool().Draw(r, "included"))); err != nil {
				return err
			}
			if err := t.Set("tax.delivery", rapid.SampledFrom([]string{"", books.ProRata}).Draw(r, "delivery")); err != nil {
				return err
			}
			rate := func(name string) money.Rate { return money.Rate(rapid.IntRange(0, 300_000).Draw(r, name)) }
			return t.SetTaxes([]books.Rule{{Country: "DE", Rate: rate("rate")}, {Country: "DE", Class: books.Reduced, Rate: rate("reduced")}}, nil)
		})
		if err != nil {
			r.Fatal(err)
		}
		s.DB.ForgetSettings()
		c, token, err := s.Desk.NewCart(noCtx)
		if err != nil {
			r.Fatal(err)
		}
		used := map[string]bool{}
		for i := range rapid.IntRange(1, 4).Draw(r, "lines") {
			v := taxed(r, s, fmt.Sprintf("%s-%d", fresh, i), rapid.Int64Range(0, 99_999).Draw(r, "price"), rapid.SampledFrom(classes).Draw(r, "class"))
			used[v.TaxClass] = true
			if _, err := s.Desk.AddLine(noCtx, c.ID, token, v.ID, rapid.Int64Range(1, 20).Draw(r, "quantity")); err != nil {
				r.Fatal(err)
			}
		}
		if _, err := s.Desk.SaveDetails(noCtx, c.ID, token, shoptest.Ada()); err != nil {
			r.Fatal(err)
		}
		p, err := s.Place(shoptest.Basket{ID: c.ID, Token: token}, "key-1")
		if err != nil {
			r.Fatal(err)
		}
		if n, _, _ := journalOf(r, s, p.Order.ID); n != 0 {
			r.Fatalf("%d lines of an order that nobody has paid", n)
		}
		for range 2 { // the second notice changes nothing
			if err := s.Approve(p); err != nil {
				r.Fatal(err)
			}
		}
		n, net, tax := journalOf(r, s, p.Order.ID)
		total := p.Order.Totals
		if n < len(used) || net+tax != total.Total.Minor() || tax != total.Tax.Minor() {
			r.Fatalf("the books say %d + %d in %d lines, the order %v with tax %v", net, tax, n, total.Total, total.Tax)
		}
		back := func() (moved bool) {
			err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) (err error) {
				moved, err = t.MoveOrder(p.Order.Owner, p.Order.ID, order.Paid, order.Refunded, "")
				return err
			})
			if err != nil {
				r.Fatal(err)
			}
			return moved
		}
		if !back() || back() {
			r.Fatal("an order is not paid back exactly once")
		}
		if n, net, tax := journalOf(r, s, p.Order.ID); net != 0 || tax != 0 || n < 2 && !total.Total.IsZero() {
			r.Fatalf("after it was paid back the books say %d + %d in %d lines", net, tax, n)
		}
	})
}

// taxed is a product of a tax class.
func taxed(t shoptest.T, s *shoptest.Shop, handle string, price int64, class string) catalog.Variant {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	p := catalog.Product{Handle: handle, Title: handle, Published: true, Variants: []catalog.Variant{
		{SKU: handle, Price: money.Of(price, eur), CompareAt: money.Zero(eur), TaxClass: class, Grams: 400}}}
	err = s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SaveProduct(p) })
	if err == nil {
		err = s.DB.View(noCtx, func(v *store.View) (err error) { p, err = v.ProductByHandle(handle); return err })
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Variants[0]
}

func TestALineOfTheBooksStays(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		v := s.Product(t, "bowl", 1000, catalog.Stock{})
		p := place(t, s, s.Ready(t, v.ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		raw := s.Raw(t)
		for _, query := range []string{`UPDATE tax_journal SET tax = 0`, `DELETE FROM tax_journal`} {
			if _, err := raw.Exec(query); err == nil {
				t.Errorf("%s was carried out", query)
			}
		}
		if n, net, tax := journalOf(t, s, p.Order.ID); n != 1 || net+tax != 1490 {
			t.Errorf("the books say %d + %d in %d lines", net, tax, n)
		}
	})
}

func TestABusinessOfAnotherEUCountryIsNotCharged(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
		if err := t.Set("tax.reverse_charge", "true"); err != nil {
			return err
		}
		return t.SetTaxes([]books.Rule{{Country: "DE", Rate: 190_000}, {Country: "AT", Rate: 200_000}}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.DB.ForgetSettings()
	b := s.Basket(t, s.Product(t, "bowl", 1000, catalog.Stock{}).ID, 1)
	in := shoptest.Ada()
	in.ShipTo.Country, in.ShipTo.PostalCode, in.ShipTo.Locality = "AT", "1010", "Wien"
	tax := func(number string) (int64, error) {
		in.VAT = number
		c, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in)
		return c.Totals.Tax.Minor(), err
	}
	for number, want := range map[string]int64{"": 332, "DE136695976": 332, "ATU 1358 5627": 0} {
		if got, err := tax(number); err != nil || got != want {
			t.Errorf("with %q tax is %d, %v; want %d", number, got, err, want)
		}
	}
	if _, err := tax("ATU13585628"); err == nil {
		t.Error("a number whose check digit is wrong was taken")
	}
	if _, err := tax("ATU13585627"); err != nil {
		t.Fatal(err)
	}
	p := place(t, s, b, "key-1")
	if !p.Order.Reverse || p.Order.Totals.Tax.Minor() != 0 {
		t.Errorf("the order: reverse %v, tax %v", p.Order.Reverse, p.Order.Totals.Tax)
	}
	err = s.DB.View(noCtx, func(v *store.View) error {
		d, err := v.OrderDetails(p.Order.Owner, p.Order.ID)
		if d.VAT.Reveal() != "ATU13585627" {
			t.Errorf("the order keeps %q", d.VAT.Reveal())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Once the merchant switches it off, nobody is spared because of yesterday.
	again := s.Basket(t, s.Product(t, "mug", 1000, catalog.Stock{}).ID, 1)
	if _, err := s.Desk.SaveDetails(noCtx, again.ID, again.Token, in); err != nil {
		t.Fatal(err)
	}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Set("tax.reverse_charge", "false") }); err != nil {
		t.Fatal(err)
	}
	s.DB.ForgetSettings()
	if c, err := s.Desk.Cart(noCtx, again.ID, again.Token); err != nil || c.Totals.Tax.Minor() != 332 {
		t.Errorf("switched off, tax is %v, %v", c.Totals.Tax, err)
	}
	if n := count(t, s, `SELECT count(*) FROM order_details WHERE CAST(vat AS TEXT) LIKE '%13585627%'`); n != 0 {
		t.Error("the number stands in the clear")
	}
}
