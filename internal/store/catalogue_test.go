package store_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/search"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func found(t testing.TB, s *shoptest.Shop, q store.ProductQuery) (handles []string) {
	t.Helper()
	view(t, s, func(v *store.View) error {
		f, err := v.Find(q)
		for _, p := range f.Products {
			handles = append(handles, p.Handle)
		}
		return err
	})
	return handles
}

// TestAChangeIsFoundAtOnce: what is committed is found by the next question,
// in this process and in another; what is rolled back never is.
func TestAChangeIsFoundAtOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.Product(t, "bowl", 3900, shoptest.Counted(5))
		other, err := store.Open(noCtx, store.Config{Database: s.Database, Ring: s.Ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		inBoth := func(text string) (n int) {
			n = len(found(t, s, store.ProductQuery{Text: text}))
			if err := other.View(noCtx, func(v *store.View) error {
				list, _, err := v.Products(store.ProductQuery{Text: text})
				if len(list) != n {
					t.Errorf("%q: here %d, there %d", text, n, len(list))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := inBoth("bowl"); n != 1 {
			t.Fatalf("got %d bowls, want 1", n)
		}
		p := product(t, s, "bowl")
		p.Title = "Dish"
		undone := s.DB.InTx(noCtx, ledger.System("test"), func(t2 *store.Tx) error {
			if err := t2.SaveProduct(p); err != nil {
				return err
			}
			list, _, err := t2.Products(store.ProductQuery{Text: "dish"})
			if err != nil || len(list) != 1 {
				t.Errorf("inside its transaction the dish is not found: %d, %v", len(list), err)
			}
			return fault.New(fault.Changed, "never mind")
		})
		if !fault.Is(undone, fault.Changed) {
			t.Fatal(undone)
		}
		if n := inBoth("dish"); n != 0 {
			t.Errorf("what was rolled back is found")
		}
		inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(p) })
		if inBoth("dish") != 1 || inBoth("the bowl") != 0 {
			t.Error("a change is not found at once")
		}
		p.Published = false
		inTx(t, s, func(t *store.Tx) error { return t.SaveProduct(p) })
		if inBoth("dish") != 0 {
			t.Error("what was taken down is found")
		}
	})
}

// TestSoldOutIsFilteredAway follows the last one from the shelf into an order.
func TestSoldOutIsFilteredAway(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1))
		s.Product(t, "cup", 900, shoptest.Counted(9))
		available := store.ProductQuery{Available: true}
		if got := found(t, s, available); len(got) != 2 {
			t.Fatalf("got %v, want both", got)
		}
		placed(t, s, s.Ready(t, bowl.ID, 1))
		time.Sleep(1100 * time.Millisecond) // what is sold out may be a second old
		if got := found(t, s, available); !slices.Equal(got, []string{"cup"}) {
			t.Errorf("got %v, want the cup alone", got)
		}
		if got := found(t, s, store.ProductQuery{}); len(got) != 2 {
			t.Errorf("got %v, want the bowl still shown where nobody filters", got)
		}
	})
}

// TestACursorOfAnotherListIsRefused: the interface for programs says so; it
// must not begin anew without a word.
func TestACursorOfAnotherListIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.Product(t, "bowl", 3900, shoptest.Counted(1))
		for _, cursor := range []string{"x", "' OR 1=1", "p10.id", "s.", "s1", "r\x00.1"} {
			err := s.DB.View(noCtx, func(v *store.View) error {
				_, _, err := v.Products(store.ProductQuery{Cursor: cursor})
				return err
			})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: got %v, want it refused", cursor, err)
			}
		}
	})
}

func TestCollectionsComeBackWhole(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for _, h := range []string{"bowl", "cup", "pan"} {
			s.Product(t, h, 3900, shoptest.Counted(1))
		}
		all := func() (list []catalog.Collection) {
			view(t, s, func(v *store.View) (err error) { list, err = v.Collections(); return err })
			return list
		}
		if got := all(); len(got) != 1 || got[0].Handle != "kitchen" || got[0].Kind != "Kitchen" {
			t.Fatalf("got %+v, want the shelf of the kind", got)
		}
		rapid.Check(t, func(rt *rapid.T) {
			c := catalog.Collection{Handle: "gifts", ID: "gifts", Title: rapid.StringMatching(`[A-Z][a-z']{0,20}`).Draw(rt, "title"),
				Description: rapid.StringMatching(`[a-z\n"<&]{0,40}`).Draw(rt, "words"), Position: int64(rapid.IntRange(2, 9).Draw(rt, "position")),
				Unlisted: rapid.Bool().Draw(rt, "unlisted"), Any: rapid.Bool().Draw(rt, "any"),
				Products: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"bowl", "cup", "pan"}), 0, 3, rapid.ID).Draw(rt, "products"),
				Rules: rapid.SliceOfN(rapid.SampledFrom([]catalog.Rule{{On: catalog.RuleKind, Value: "Kitchen"}, {On: catalog.RulePrice, From: 1, To: 5},
					{On: catalog.RuleAvailable}, {On: catalog.RuleTitle, Value: "a \"b\""}}), 0, 3).Draw(rt, "rules")}
			if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SaveCollection(c) }); err != nil {
				rt.Fatal(err)
			}
			got := all()[1]
			if got.Title != c.Title || got.Description != c.Description || got.Unlisted != c.Unlisted || got.Any != c.Any || got.Position != c.Position ||
				!slices.Equal(got.Products, c.Products) || !slices.Equal(got.Rules, c.Rules) {
				rt.Fatalf("got %+v, want %+v", got, c)
			}
			if len(c.Rules) == 0 {
				if list := found(t, s, store.ProductQuery{Collection: "gifts"}); !slices.Equal(list, c.Products) {
					rt.Fatalf("got %v, want %v in this order", list, c.Products)
				}
			}
		})
		inTx(t, s, func(t *store.Tx) error { return t.RemoveCollection("gifts") })
		if got := all(); len(got) != 1 {
			t.Errorf("got %+v, want it gone", got)
		}
		if got := found(t, s, store.ProductQuery{Collection: "gifts"}); len(got) != 0 {
			t.Errorf("a removed collection has %v", got)
		}
		for _, bad := range []catalog.Collection{{}, {Handle: "x"}, {Handle: "X y", Title: "X"}, {Handle: "x", Title: "X", Products: []string{"none"}},
			{Handle: "x", Title: "X", Products: []string{"cup", "cup"}}, {Handle: "x", Title: "X", Rules: []catalog.Rule{{On: "sku"}}},
			{Handle: "x", Title: "X", Rules: []catalog.Rule{{On: catalog.RulePrice, From: 5, To: 1}}}, {Handle: "x", Title: "X", Rules: []catalog.Rule{{On: catalog.RuleTag}}}} {
			err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.SaveCollection(bad) })
			if !fault.Is(err, fault.Invalid) || len(fault.Of(err).Problems) == 0 {
				t.Errorf("%+v: got %v, want the field named", bad, err)
			}
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.RemoveCollection("none") }); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want not found", err)
		}
	})
}

// TestOldHandlesLeadOn: there and back again, without a loop, and a new product
// takes what it needs.
func TestOldHandlesLeadOn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.Product(t, "bowl", 3900, shoptest.Counted(1))
		rename := func(old, new string) {
			t.Helper()
			inTx(t, s, func(t *store.Tx) error { return t.RenameProduct(old, new) })
		}
		leads := func(handle, want string) {
			t.Helper()
			var got string
			err := s.DB.View(noCtx, func(v *store.View) (err error) { got, err = v.MovedTo(handle); return err })
			if got != want || (want == "") != fault.Is(err, fault.NotFound) {
				t.Errorf("%s leads to %q, %v, want %q", handle, got, err, want)
			}
		}
		rename("bowl", "dish")
		rename("dish", "plate")
		leads("bowl", "plate")
		leads("dish", "plate")
		leads("plate", "")
		rename("plate", "bowl")
		leads("bowl", "")
		leads("dish", "bowl")
		s.Product(t, "dish", 100, shoptest.Counted(1)) // a new one takes the old handle
		leads("dish", "")
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.RenameProduct("bowl", "dish") }); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want a taken handle refused", err)
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.RenameProduct("none", "new") }); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v, want not found", err)
		}
		if got := found(t, s, store.ProductQuery{Sort: search.ByTitle}); len(got) != 2 {
			t.Errorf("got %v", got)
		}
	})
}

// TestAReductionTellsTheTruth lets a price wander for months and compares what
// may be struck with what was really charged in the thirty days before.
func TestAReductionTellsTheTruth(t *testing.T) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			handle := "thing-" + string(rune('a'+n/26%26)) + string(rune('a'+n%26)) + string(rune('a'+n/676))
			p := catalog.Product{Handle: handle, Title: "Thing", Published: true, Variants: []catalog.Variant{{}}}
			type moment struct {
				at             time.Time
				price, compare int64
			}
			var past []moment
			for range rapid.IntRange(1, 8).Draw(rt, "saves") {
				m := moment{price: int64(rapid.IntRange(1, 4).Draw(rt, "price")), compare: int64(rapid.SampledFrom([]int{0, 2, 3, 5}).Draw(rt, "compare"))}
				p.Variants[0].Price, p.Variants[0].CompareAt = money.Of(m.price, eur), money.Of(m.compare, eur)
				if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { m.at = t.Now(); return t.SaveProduct(p) }); err != nil {
					rt.Fatal(err)
				}
				past = append(past, m)
				s.Clock.Move(time.Duration(rapid.IntRange(1, 40).Draw(rt, "days")) * 24 * time.Hour)
			}
			// When did the reduction that runs begin?
			last := len(past) - 1
			begin := last
			for begin > 0 && past[begin-1].price == past[last].price && past[begin-1].compare > past[begin-1].price {
				begin--
			}
			lowest := int64(0) // of what was charged in the thirty days before
			for i := range begin {
				until := past[i+1].at
				if until.After(past[begin].at.Add(-catalog.ReductionWindow)) && (lowest == 0 || past[i].price < lowest) {
					lowest = past[i].price
				}
			}
			was, told, ok := product(t, s, handle).Variants[0].Was()
			reduced := past[last].compare > past[last].price
			switch {
			case !reduced && ok:
				rt.Fatalf("%+v: %v is struck, want nothing", past, was)
			case reduced && lowest == 0 && (!ok || was.Minor() != past[last].compare):
				rt.Fatalf("%+v: got %v %v, want the merchant's word for goods without a past", past, was, ok)
			case reduced && lowest > 0 && lowest <= past[last].price && ok:
				rt.Fatalf("%+v: %v is struck, though it was as cheap before", past, was)
			case reduced && lowest > past[last].price && (!ok || told.Minor() != lowest || was.Minor() > lowest || was.Minor() <= past[last].price):
				rt.Fatalf("%+v: got %v struck and %v told, want %d told and no more struck", past, was, told, lowest)
			}
		})
	})
}
