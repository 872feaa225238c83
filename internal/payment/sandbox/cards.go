package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// Make-believe cards that the bank keeps for a customer. A customer is a random word;
// the bank is not told who that is. A card that is kept is made up when somebody approves
// a payment whose page was asked to keep it.

// customer is whose cards the bank keeps. Guarded by Service.mu.
type customer struct {
	gone  bool
	cards []cardBody
}

// cardBody is a card as the journal and the API write it.
type cardBody struct {
	ID    string `json:"id"`
	Last  string `json:"last"`
	Month int    `json:"month"`
	Year  int    `json:"year"`
}

type (
	customerBody struct {
		Customer string `json:"customer"`
	}
	cardsBody struct {
		Cards []cardBody `json:"cards"`
	}
)

// brand is what make-believe cards are called.
const brand = "Make-believe card"

// keepFor is how long one is good.
const keepFor = 3 // years

// applyCard repeats a record about a customer.
func (s *Service) applyCard(r record) error {
	c := s.customers[r.Ref]
	switch {
	case r.Kind == arrived && c == nil:
		s.customers[r.Ref] = &customer{}
	case c == nil || c.gone:
		return errors.New("an unknown customer")
	case r.Kind == kept && r.Kept != nil:
		c.cards = append(c.cards, *r.Kept)
	case r.Kind == dropped && r.Card == "":
		c.gone, c.cards = true, nil
	case r.Kind == dropped:
		for i, one := range c.cards {
			if one.ID == r.Card {
				c.cards = append(c.cards[:i:i], c.cards[i+1:]...)
			}
		}
	default:
		return errors.New("not a record of a customer")
	}
	return nil
}

// living finds a customer that is not gone. s.mu is held.
func (s *Service) living(id string) *customer {
	if c := s.customers[id]; c != nil && !c.gone {
		return c
	}
	return nil
}

// keepCard makes up the card that paid, where the page was asked to keep it. s.mu is held.
func (s *Service) keepCard(one *session, at time.Time) error {
	if !one.Keep || s.living(one.Customer) == nil {
		return nil
	}
	id := random()
	made := cardBody{ID: "card_" + id, Last: digits(id), Month: int(at.Month()), Year: at.Year() + keepFor}
	return s.keep(record{Kind: kept, Ref: one.Customer, Kept: &made})
}

// digits makes four of a random word.
func digits(word string) string {
	n := 0
	for _, c := range []byte(word) {
		n = (n*31 + int(c)) % 10000
	}
	return fmt.Sprintf("%04d", n)
}

// cardsOf are the cards that the page of a session offers; none where it is to keep the
// one that pays. s.mu is held.
func (s *Service) cardsOf(one *session) []cardBody {
	if c := s.living(one.Customer); c != nil && !one.Keep {
		return append([]cardBody(nil), c.cards...)
	}
	return nil
}

// offers reports whether the page of a session offers a card.
func (s *Service) offers(one *session, card string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.cardsOf(one), func(c cardBody) bool { return c.ID == card })
}

func (s *Service) apiCustomer(w http.ResponseWriter, _ *http.Request) {
	id := "cus_" + random()
	s.mu.Lock()
	err := s.keep(record{Kind: arrived, Ref: id})
	s.mu.Unlock()
	if err != nil {
		s.apiFail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, customerBody{id})
}

func (s *Service) apiCards(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.living(r.PathValue("customer"))
	if c == nil {
		s.apiFail(w, errAbsent)
		return
	}
	writeJSON(w, http.StatusOK, cardsBody{c.cards})
}

// apiForget ends a card of a customer, or the customer. One of somebody else is not there.
func (s *Service) apiForget(w http.ResponseWriter, r *http.Request) {
	id, card := r.PathValue("customer"), r.PathValue("card")
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.living(id)
	if c == nil {
		s.apiFail(w, errAbsent)
		return
	}
	there := card == ""
	for _, one := range c.cards {
		there = there || one.ID == card
	}
	if !there {
		s.apiFail(w, errAbsent)
		return
	}
	if err := s.keep(record{Kind: dropped, Ref: id, Card: card}); err != nil {
		s.apiFail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

// Keeps says that the make-believe bank keeps cards.
func (p *Provider) Keeps() (who string, more bool) { return "the make-believe bank", true }

// Customer opens a place for somebody's cards.
func (p *Provider) Customer(ctx context.Context) (string, error) {
	var got customerBody
	if err := p.call(ctx, http.MethodPost, "/v1/customers", nil, &got); err != nil {
		return "", fmt.Errorf("make customer: %w", err)
	}
	if !isWord(got.Customer) {
		return "", errors.New("make customer: the answer is about something else")
	}
	return got.Customer, nil
}

// Cards lists what is kept for a customer.
func (p *Provider) Cards(ctx context.Context, of string) (out []payment.Card, err error) {
	var got cardsBody
	if !isWord(of) {
		err = payment.ErrRefused
	} else {
		err = p.call(ctx, http.MethodGet, "/v1/customers/"+of+"/cards", nil, &got)
	}
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	for _, c := range got.Cards {
		out = append(out, payment.Card{ID: c.ID, Brand: brand, Last: c.Last, Month: c.Month, Year: c.Year})
	}
	return out, nil
}

// Forget ends a card of a customer, or the customer with all of them.
func (p *Provider) Forget(ctx context.Context, of, card string) error {
	path := "/v1/customers/" + of
	if card != "" {
		path += "/cards/" + card
	}
	if !isWord(of) || card != "" && !isWord(card) {
		return nil // there is no such thing
	}
	err := p.call(ctx, http.MethodDelete, path, nil, nil)
	if err != nil && !errors.Is(err, payment.ErrRefused) {
		return fmt.Errorf("forget cards: %w", err)
	}
	return nil
}
