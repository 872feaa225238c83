package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// marks stand in every value that a marked shopper types: one for each kind of
// value, so that the search needs to look for a few texts only.
var marks = []string{"Zyrqvalith", "wexmorbund", "Kvornastreet", "+49156612", "+49 156612", "Pflimquagg", "Tobrinxholm", "Gwelkbilling", "Dralmgift", "Vornquist"}

// marked is what shopper n types.
func marked(n int) checkout.DetailsInput {
	in := checkout.DetailsInput{
		Email: fmt.Sprintf("wexmorbund.%d@example.com", n),
		Name:  "Zyrqvalith " + strings.Repeat("n", 1+n%50),
		Phone: fmt.Sprintf("+49 156612%05d", n),
		Note:  fmt.Sprintf("Pflimquagg %d\nat the back door", n),
		ShipTo: contact.AddressFields{Street: fmt.Sprintf("Kvornastreet %d", n), Locality: "Tobrinxholm",
			PostalCode: "10115", Country: "DE"},
	}
	in.OrderNote = fmt.Sprintf("Vornquist %d", n)
	if n%3 == 0 {
		in.GiftName, in.GiftMessage = "Dralmgift "+strings.Repeat("n", n%9), "From Dralmgift with love"
	}
	if n%2 == 0 {
		in.BillTo = &contact.AddressFields{Street: fmt.Sprintf("Gwelkbilling %d", n), Locality: "Berlin", PostalCode: "10115", Country: "DE"}
	}
	return in
}

// purchase takes a marked shopper from an empty cart to a paid order.
func purchase(s *shoptest.Shop, n int, v catalog.VariantID) error {
	ctx := context.Background()
	c, token, err := s.Desk.NewCart(ctx)
	if err != nil {
		return err
	}
	if _, err := s.Desk.AddLine(ctx, c.ID, token, v, 1); err != nil {
		return err
	}
	if _, err := s.Desk.SaveDetails(ctx, c.ID, token, marked(n)); err != nil {
		return err
	}
	p, err := s.Place(shoptest.Basket{ID: c.ID, Token: token}, fmt.Sprintf("key-%d", n))
	if err != nil {
		return err
	}
	return s.Approve(p)
}

// TestAThiefFindsNobody has a thousand people buy and then reads every byte
// that the shop and its database left on the disk.
func TestAThiefFindsNobody(t *testing.T) {
	const orders, buyers = 1000, 16
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		began := time.Now()
		s.Outbox = true
		bowl := s.Product(t, "plainlyvisible", 3900, shoptest.Counted(orders+10))
		queue := make(chan int)
		var group sync.WaitGroup
		for range buyers {
			group.Go(func() {
				for n := range queue {
					if err := purchase(s, n, bowl.ID); err != nil {
						t.Errorf("order %d: %v", n, err)
					}
				}
			})
		}
		for n := range orders {
			queue <- n
		}
		close(queue)
		group.Wait()
		// Some only fill the form in and leave.
		for n := range 10 {
			b := s.Basket(t, bowl.ID, 1)
			if _, err := s.Desk.SaveDetails(t.Context(), b.ID, b.Token, marked(orders+n)); err != nil {
				t.Error(err)
			}
			if err := s.Desk.KeepDraft(t.Context(), b.ID, b.Token, marked(orders+n)); err != nil {
				t.Error(err)
			}
		}
		bought := time.Since(began)
		for s.RunAll(t) > 0 {
		}
		if _, err := s.DB.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		mailed := time.Since(began)
		if got := len(s.Letters.All()); got != orders {
			t.Errorf("got %d letters, want %d", got, orders)
		}
		if l := s.Letters.All(); len(l) > 0 && !strings.Contains(l[0].Text, marks[0]) {
			t.Error("a letter does not greet the marked shopper: the search below would prove nothing")
		}
		files := s.Files(t)
		found, read := shoptest.Search(t, files, marks...)
		for i, f := range found {
			if i == 20 {
				t.Errorf("and %d more", len(found)-i)
				break
			}
			t.Errorf("a thief finds %s", f)
		}
		// The search itself must work: what nobody hides is found.
		if control, _ := shoptest.Search(t, files, "plainlyvisible"); len(control) == 0 {
			t.Error("the title of the product was not found either: the search does not work")
		}
		t.Logf("bought in %v, mailed after %v, searched %d files with %d MB after %v", bought.Round(time.Millisecond),
			mailed.Round(time.Millisecond), len(files), read>>20, time.Since(began).Round(time.Millisecond))
	})
}
