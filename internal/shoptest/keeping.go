package shoptest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// keeping is the part of the bank that keeps cards: by customer, nil once it is gone.
type keeping map[string][]payment.Card

// Keeps implements payment.Keeper. More are taken when the test says so.
func (b *Bank) Keeps() (who string, more bool) { return "the bank", b.KeepsCards }

// Customer implements payment.Keeper.
func (b *Bank) Customer(context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Down {
		return "", errors.New("the bank is closed")
	}
	id := fmt.Sprintf("cus_analytical_%d", len(b.kept)+1)
	b.kept[id] = []payment.Card{}
	return id, nil
}

// Cards implements payment.Keeper.
func (b *Bank) Cards(_ context.Context, of string) ([]payment.Card, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Down {
		return nil, errors.New("the bank is closed")
	}
	if b.kept[of] == nil {
		return nil, payment.ErrRefused
	}
	return slices.Clone(b.kept[of]), nil
}

// Forget implements payment.Keeper.
func (b *Bank) Forget(_ context.Context, of, card string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.Down:
		return errors.New("the bank is closed")
	case b.kept[of] == nil:
	case card == "":
		b.kept[of] = nil
	default:
		b.kept[of] = slices.DeleteFunc(b.kept[of], func(c payment.Card) bool { return c.ID == card })
	}
	return nil
}

// Knows counts the customers whom the bank keeps a place for.
func (b *Bank) Knows() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, cards := range b.kept {
		if cards != nil {
			n++
		}
	}
	return n
}

// KeepFrom keeps the card that paid on the page at an address, if the shop had asked
// for that, as the bank does when it approves.
func (b *Bank) KeepFrom(url string) {
	q := b.Opened(url)
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.Keep && b.kept[q.Customer] != nil {
		b.kept[q.Customer] = append(b.kept[q.Customer], payment.Card{ID: "card_" + q.OrderID, Brand: "Visa", Last: "4242", Month: 8, Year: 2030})
	}
}
