package app

import (
	"context"
	"errors"
	"io"
	"maps"
	"testing"

	"github.com/cartkeep/cartkeep/internal/demo"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/store"
)

// dying is a context that ends after it was asked some times, in the middle of
// what somebody does with it.
type dying struct {
	context.Context
	left int
}

func (d *dying) Err() error {
	if d.left--; d.left < 0 {
		return context.Canceled
	}
	return nil
}

// furnished opens the site's shop, furnishes it under ctx and counts its goods.
func furnished(t *testing.T, s site, ctx context.Context) (goods int, shop store.Settings, err error) {
	t.Helper()
	f, fault := openFolder(s.dir)
	if fault != nil {
		t.Fatal(fault)
	}
	v, fault := f.unlock(context.Background(), s.set, noLog)
	if fault != nil {
		t.Fatal(fault)
	}
	defer v.close()
	err = furnish(ctx, v.db, s.set)
	v.db.ForgetSettings()
	if shop, fault = v.db.Settings(context.Background()); fault != nil {
		t.Fatal(fault)
	}
	fault = v.db.View(context.Background(), func(w *store.View) error {
		n, err := w.CountProducts()
		goods = int(n)
		return err
	})
	if fault != nil {
		t.Fatal(fault)
	}
	return goods, shop, err
}

// TestTheDemoTellsPricesToCompare: what is sold by content shows the price of a
// unit of it.
func TestTheDemoTellsPricesToCompare(t *testing.T) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := intake.Read(demo.Products(), eur).WithPictures(demoPicture); ; {
		d, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Product.Variants {
			if u, ok := v.UnitPrice(); ok {
				got[d.Product.Handle] = u.Format()
			}
		}
	}
	if want := map[string]string{"bottle-of-ink": "€27.50 / 100 ml", "garden-twine": "€0.11 / 1 m"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestADemoThatWasCutShortIsFurnishedAgain ends the first furnishing at
// different places; the next start has all the goods.
func TestADemoThatWasCutShortIsFurnishedAgain(t *testing.T) {
	s := newSite(t, "", true)
	s.set.ShopName = "Corner & Sons"
	if _, err := s.found(t); err != nil {
		t.Fatal(err)
	}
	before := 0
	for _, life := range []int{0, 1, 2, 3, 10, 30} {
		goods, shop, err := furnished(t, s, &dying{context.Background(), life})
		if err == nil {
			t.Fatalf("after %d: not cut short", life)
		}
		if shop.ShopName != "" || goods < before || goods > 30 {
			t.Errorf("after %d: got name %q and %d goods, want no name yet and not fewer than %d", life, shop.ShopName, goods, before)
		}
		before = goods
	}
	for range 2 {
		goods, shop, err := furnished(t, s, context.Background())
		if err != nil || goods != 30 || shop.ShopName != "Corner & Sons" || !shop.Demo || shop.Descriptor != "CORNER SONS" {
			t.Errorf("got %d goods, %q, %q, %v; want 30 and the shop's name", goods, shop.ShopName, shop.Descriptor, err)
		}
	}
}

func TestARealShopDoesNotSettleInADemo(t *testing.T) {
	s := newSite(t, "", true)
	if _, err := s.found(t); err != nil {
		t.Fatal(err)
	}
	if _, _, err := furnished(t, s, &dying{context.Background(), 3}); err == nil {
		t.Fatal("not cut short")
	}
	f, err := openFolder(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.unlock(t.Context(), s.set, noLog)
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	s.set.ShopName = "Real"
	if err := initialise(t.Context(), v.db, s.set); err == nil {
		t.Error("a half furnished demo became a real shop")
	}
}

func TestDescriptor(t *testing.T) {
	for name, want := range map[string]string{
		demo.ShopName: "HAZELMOTT", "Corner & Sons": "CORNER SONS", "  x y 1 ": "X Y 1", "木の店": "CARTKEEP SHOP", "": "CARTKEEP SHOP",
		"The Very Long Name Of A Shop": "THE VERY LONG NAME OF", "Ö X": "CARTKEEP SHOP",
	} {
		if got := descriptor(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
