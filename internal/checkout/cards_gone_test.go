package checkout_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestWhatIsForgottenIsForgottenThere: a card, then all, while the bank is closed too.
func TestWhatIsForgottenIsForgottenThere(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		m.pays(m.must(m.order("one", store.CardKeep, true)))
		m.pays(m.must(m.order("two", store.CardKeep, true)))
		first := m.cards(2)[0].Cards[0].ID
		forget := func(card string) {
			t.Helper()
			if err := s.Desk.ForgetCards(noCtx, m.a.ID, "bank", card); err != nil {
				t.Fatal(err)
			}
		}
		forget("card_of_nobody")
		forget(first)
		m.cards(1) // before the bank has heard of it
		s.RunAll(t)
		m.cards(1)

		s.Bank.Down = true
		forget("")
		s.RunAll(t)
		if all, err := s.Desk.Cards(noCtx, m.a.ID); err != nil || len(all) != 0 {
			t.Errorf("got %d, %v: whose cards they are is not known any more", len(all), err)
		}
		if s.Bank.Knows() != 1 {
			t.Fatal("the bank was closed")
		}
		s.Bank.Down = false
		s.Clock.Move(time.Hour)
		s.RunAll(t)
		if n := s.Bank.Knows(); n != 0 {
			t.Errorf("the bank still knows %d customers", n)
		}
		if n := count(t, s, `SELECT count(*) FROM cards_to_forget`); n != 0 {
			t.Errorf("%d are still to be forgotten", n)
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'cards.forgotten'`); n != 3 {
			t.Errorf("%d events tell of it, want 3", n)
		}
		if err := s.Desk.ForgetCards(noCtx, m.a.ID, "bank", ""); !errors.Is(err, store.ErrNoCards) {
			t.Errorf("twice: got %v", err)
		}
	})
}

// TestCardsThatNobodyUsesAreGivenUp after as long as a payment is remembered.
func TestCardsThatNobodyUsesAreGivenUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		m.pays(m.must(m.order("one", store.CardKeep, true)))
		for range 60 { // what does not open, and was not used for longer, is in nobody's way
			shoptest.Do(t, s.Raw(t), `INSERT INTO kept_cards (owner, provider, customer, made_at, used_at) VALUES ($1, 'bank', $2, 1, 1)`, store.NewID(), []byte("unreadable"))
		}
		for _, step := range []struct {
			months, want int
		}{{17, 1}, {2, 0}} {
			s.Clock.Move(time.Duration(step.months) * 30 * 24 * time.Hour)
			if step.want == 0 {
				s.Clock.Move(10 * 24 * time.Hour)
			}
			if _, err := s.Desk.EndIdleCards(noCtx); err != nil {
				t.Fatal(err)
			}
			s.RunAll(t)
			if n := s.Bank.Knows(); n != step.want {
				t.Errorf("after %d more months the bank knows %d customers, want %d", step.months, n, step.want)
			}
		}
	})
}

// TestTheBankLostHer: what the service does not know is forgotten here, and a card can
// be kept anew. A service that is silent costs no order.
func TestTheBankLostHer(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	m := newMember(t, s, adas)
	m.home()
	one := m.must(m.order("one", store.CardKeep, true))
	m.pays(one)
	if err := s.Bank.Forget(noCtx, s.Bank.Opened(one.Payment.RedirectURL).Customer, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := m.order("gone", store.CardKept, true); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	m.pays(m.must(m.order("anew", store.CardKeep, true)))
	m.cards(1)
	s.Bank.Down = true
	if _, err := m.order("silent", store.CardKept, true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a bank that is closed: got %v", err)
	}
	if n := count(t, s, `SELECT count(*) FROM orders`); n != 2 {
		t.Errorf("%d orders were made, want 2", n)
	}
	if all, err := s.Desk.Cards(noCtx, m.a.ID); err != nil || len(all) != 1 || !all[0].Silent {
		t.Errorf("got %d, %v, want that the bank is silent", len(all), err)
	}
}

// meanwhile is a bank that answers which cards it keeps only after something else has
// happened.
type meanwhile struct {
	*shoptest.Bank
	first func()
}

// Cards implements payment.Keeper.
func (b *meanwhile) Cards(ctx context.Context, of string) ([]payment.Card, error) {
	cards, err := b.Bank.Cards(ctx, of)
	if first := b.first; first != nil {
		b.first = nil
		first()
	}
	return cards, err
}

// TestTwoOrdersMeetThatTheBankLostHer: the bank says so to both, and the first has a new
// place for her cards by then. The second forgets the old one and not the new one: what is
// kept there would be kept by a customer whom nobody knows any more.
func TestTwoOrdersMeetThatTheBankLostHer(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		one := m.must(m.order("one", store.CardKeep, true))
		m.pays(one)
		if err := s.Bank.Forget(noCtx, s.Bank.Opened(one.Payment.RedirectURL).Customer, ""); err != nil {
			t.Fatal(err)
		}
		bank := &meanwhile{Bank: s.Bank}
		desk, err := checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{bank}, Origin: "https://shop.test"})
		if err != nil {
			t.Fatal(err)
		}
		var first checkout.Placed
		bank.first = func() { first = m.must(m.order("first", store.CardKeep, true)) }
		b := m.Ready(t, m.Product(t, "second", 900, shoptest.Counted(9)).ID, 1)
		second := m.must(desk.Place(m.ctx, b.ID, b.Token, checkout.PlaceInput{Key: "second", Cards: store.CardKeep, Fresh: true}))
		if her, too := s.Bank.Opened(first.Payment.RedirectURL).Customer, s.Bank.Opened(second.Payment.RedirectURL).Customer; her == "" || her != too {
			t.Errorf("the orders are of the customers %q and %q", her, too)
		}
		if n := s.Bank.Knows(); n != 1 {
			t.Errorf("the bank knows her as %d customers, want 1", n)
		}
		m.pays(first)
		m.pays(second)
		m.cards(2)
	})
}

// TestAnOrderIsNotStrandedWithACustomerWhoIsGone: she was deleted at the service between
// two tries. The page opens without her, in the same request, and her word is forgotten;
// where the service only refuses, it is kept.
func TestAnOrderIsNotStrandedWithACustomerWhoIsGone(t *testing.T) {
	for name, row := range map[string]struct {
		harm func(s *shoptest.Shop, customer string)
		kept int
	}{
		"deleted there": {harm: func(s *shoptest.Shop, customer string) { s.Bank.Forget(noCtx, customer, "") }},
		"refused":       {harm: func(s *shoptest.Shop, _ string) { s.Bank.Aloof = true }, kept: 1},
	} {
		t.Run(name, func(t *testing.T) {
			shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
				m := newMember(t, s, adas)
				m.home()
				p := m.must(m.order("wished", store.CardKeep, true))
				if err := settle(s, s.Bank.Say(p, 1, "declined")); err != nil {
					t.Fatal(err)
				}
				row.harm(s, s.Bank.Opened(p.Payment.RedirectURL).Customer)
				urls := make([]string, 8)
				for i, err := range atOnce(len(urls), func(i int) error {
					v, err := s.Desk.PayAgain(m.ctx, p.Order.Number, p.Token)
					urls[i] = v.Payment.RedirectURL
					return err
				}) {
					if err != nil {
						t.Errorf("try %d: %v", i, err)
					}
				}
				v, err := s.Desk.PayAgain(m.ctx, p.Order.Number, p.Token)
				if q := s.Bank.Opened(v.Payment.RedirectURL); err != nil || q.Attempt != 3 || q.Customer != "" || q.Keep || q.Amount != p.Order.Due() {
					t.Fatalf("%v: attempt %d for customer %q, keep %v", err, q.Attempt, q.Customer, q.Keep)
				}
				for i, url := range urls {
					if url != v.Payment.RedirectURL {
						t.Errorf("try %d was led elsewhere", i)
					}
				}
				if all, err := s.Desk.Keepers(noCtx, m.a.ID); err != nil || len(all) != row.kept {
					t.Errorf("%d services keep her cards, %v, want %d", len(all), err, row.kept)
				}
				if n := count(t, s, `SELECT count(*) FROM payments WHERE customer IS NOT NULL`); n != 0 {
					t.Errorf("%d attempts still say whose cards", n)
				}
				if err := settle(s, s.Bank.Say(p, 3, "approved")); err != nil {
					t.Fatal(err)
				}
				wantStatus(t, s, p, order.Paid)
			})
		})
	}
}

// TestCardsThatAreUsedWhileTheyAreGivenUpStay: they have been idle for long, and the
// pass that gives them up comes while an order is paid with one.
func TestCardsThatAreUsedWhileTheyAreGivenUpStay(t *testing.T) {
	s := shoptest.Open(t, "postgres") // where two write at a time
	m := newMember(t, s, adas)
	m.pays(m.must(m.order("one", store.CardKeep, true)))
	s.Clock.Move(600 * 24 * time.Hour)
	raw := s.Raw(t)
	paying, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer paying.Rollback()
	if _, err := paying.Exec(`UPDATE kept_cards SET used_at = $1`, s.Clock.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	type end struct {
		n   int
		err error
	}
	over := make(chan end, 1)
	go func() {
		n, err := s.Desk.EndIdleCards(noCtx)
		over <- end{n, err}
	}()
	for i := 0; shoptest.One[int64](t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%kept_cards%'`) == 0; i++ {
		select {
		case got := <-over:
			t.Fatalf("%d were given up, %v, without waiting for who pays", got.n, got.err)
		case <-time.After(10 * time.Millisecond):
		}
		if i > 1000 {
			t.Fatal("nobody waits")
		}
	}
	if err := paying.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := <-over; got.n != 0 || got.err != nil {
		t.Errorf("%d were given up, %v, want none", got.n, got.err)
	}
	if n := count(t, s, `SELECT count(*) FROM kept_cards`); n != 1 {
		t.Errorf("%d are kept, want 1", n)
	}
}
