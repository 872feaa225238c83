package paymenttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// keeps holds a provider to it that it keeps a card when that was asked for and not
// otherwise, shows it to its owner's customer alone, and forgets it for good.
func keeps(t *testing.T, s Subject) {
	k, ok := s.Provider.(payment.Keeper)
	if !ok {
		t.Skip("the provider keeps no cards")
	}
	ctx := context.Background()
	if who, more := k.Keeps(); who == "" || !more {
		t.Errorf("cards are kept by %q, more: %v", who, more)
	}
	person := func() string {
		t.Helper()
		id, err := k.Customer(ctx)
		if err != nil || id == "" {
			t.Fatalf("a customer: got %q, %v", id, err)
		}
		return id
	}
	ada, bob := person(), person()
	if ada == bob {
		t.Fatal("two customers are one")
	}
	has := func(of string, want int) []payment.Card {
		t.Helper()
		got, err := k.Cards(ctx, of)
		if err != nil || len(got) != want {
			t.Fatalf("got %d cards, %v, want %d", len(got), err, want)
		}
		return got
	}
	pays := func(order, of string, keep bool) {
		t.Helper()
		q := s.Request(order, 1)
		q.Customer, q.Keep = of, keep
		opened := open(t, s, q)
		if again := open(t, s, q); again.Ref != opened.Ref {
			t.Error("asked again for the same customer, it is another session")
		}
		n, _ := s.told(t, opened, payment.Approved)
		if n.OrderID != q.OrderID || n.Attempt != q.Attempt || n.Amount != q.Amount || n.Ref != opened.Ref || n.Account != opened.Account || n.Mode != opened.Mode {
			t.Errorf("got %+v, want a notice like of any other payment", n)
		}
	}
	forget := func(of, card string) {
		t.Helper()
		for range 2 { // what is gone is no error
			if err := k.Forget(ctx, of, card); err != nil {
				t.Fatalf("forget: %v", err)
			}
		}
	}
	pays("order-1", ada, false)
	has(ada, 0)
	pays("order-2", ada, true)
	card := has(ada, 1)[0]
	if card.ID == "" || len(card.Last) != 4 || strings.Trim(card.Last, "0123456789") != "" || card.Month < 1 || card.Month > 12 || card.Year < 2000 {
		t.Error("a card that its owner can't tell from others")
	}
	if text := fmt.Sprintf("%v %+v %s %#v", card, card, card, card); strings.Contains(text, card.Last) {
		t.Errorf("a card prints as %q", text)
	}
	has(bob, 0)
	pays("order-3", ada, false)
	has(ada, 1)

	forget(bob, card.ID)
	forget(ada, "unknown")
	has(ada, 1)
	forget(ada, card.ID)
	has(ada, 0)

	pays("order-4", ada, true)
	forget(ada, "")
	if got, err := k.Cards(ctx, ada); !errors.Is(err, payment.ErrRefused) || len(got) != 0 {
		t.Errorf("of a customer who is gone: got %d cards, %v", len(got), err)
	}
	if _, err := k.Cards(ctx, "unknown"); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("of an unknown customer: got %v", err)
	}
	forget("unknown", "")
	has(bob, 0)

	gone := s.Request("order-5", 1)
	gone.Customer = ada
	if _, err := k.Open(ctx, gone); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("a page for a customer who is gone: got %v, want ErrRefused", err)
	}
	q := s.Request("order-6", 1)
	q.Customer = bob
	open(t, s, q)
	q.Customer = ""
	if _, err := k.Open(ctx, q); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("the same attempt for somebody else: got %v, want ErrRefused", err)
	}
}
