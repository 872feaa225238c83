package checkout_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// member is somebody with an account, in a shop whose bank keeps cards.
type member struct {
	*shoptest.Shop
	t   *testing.T
	a   store.Account
	ctx context.Context
}

func newMember(t *testing.T, s *shoptest.Shop, mail string) *member {
	t.Helper()
	s.Bank.KeepsCards = true
	e, err := contact.ParseEmail(mail)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{Shop: s, t: t, a: store.Account{ID: store.NewID(), State: store.AccountOpen, Email: e}}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.NewAccount(m.a) }); err != nil {
		t.Fatal(err)
	}
	m.ctx = abuse.With(noCtx, &abuse.Caller{Account: func() string { return m.a.ID }})
	return m
}

// order places one, with a wish about cards, as somebody who has shown or not that it
// is them.
func (m *member) order(key, cards string, fresh bool) (checkout.Placed, error) {
	m.t.Helper()
	b := m.Ready(m.t, m.Product(m.t, key, 900, shoptest.Counted(9)).ID, 1)
	p, err := m.Desk.Place(m.ctx, b.ID, b.Token, checkout.PlaceInput{Key: key, Cards: cards, Fresh: fresh})
	if err == nil {
		err = m.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { _, err := t.Link(m.a.ID, p.Order.Owner, "signed-in"); return err })
	}
	return p, err
}

func (m *member) must(p checkout.Placed, err error) checkout.Placed {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// pays has the bank approve, and keep the card if it was asked to.
func (m *member) pays(p checkout.Placed) {
	m.t.Helper()
	m.Bank.KeepFrom(p.Payment.RedirectURL)
	if err := m.Approve(p); err != nil {
		m.t.Fatal(err)
	}
	m.RunAll(m.t)
	wantStatus(m.t, m.Shop, p, order.Paid)
}

func (m *member) cards(want int) []checkout.KeptCards {
	m.t.Helper()
	all, err := m.Desk.Cards(noCtx, m.a.ID)
	n := 0
	for _, k := range all {
		n += len(k.Cards)
	}
	if err != nil || n != want {
		m.t.Fatalf("%d cards are kept, %v, want %d", n, err, want)
	}
	return all
}

// home puts Ada's address into the account's book.
func (m *member) home() {
	m.t.Helper()
	to, err := contact.ParseAddress(shoptest.Ada().ShipTo)
	if err == nil {
		err = m.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			return t.SavePlace(m.a, store.Place{ID: store.NewID(), Address: to})
		})
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

const adas = "ada@example.com"

func TestACardIsKeptByWishAndPaysAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		plain := m.must(m.order("plain", "", true))
		m.pays(plain)
		if q := s.Bank.Opened(plain.Payment.RedirectURL); q.Customer != "" || q.Keep || s.Bank.Knows() != 0 {
			t.Fatalf("nobody wished it, and the bank was asked for %q, keep %v", q.Customer, q.Keep)
		}
		m.cards(0)

		wished := m.must(m.order("wished", store.CardKeep, true))
		if q := s.Bank.Opened(wished.Payment.RedirectURL); q.Customer == "" || !q.Keep || q.Amount != wished.Order.Due() {
			t.Fatalf("the bank is asked for customer %q, keep %v, %v", q.Customer, q.Keep, q.Amount)
		}
		m.pays(wished)
		if got := m.cards(1); got[0].Who != "the bank" || got[0].Cards[0].Last != "4242" {
			t.Errorf("got %+v", got[0])
		}
		if n := count(t, s, `SELECT count(*) FROM payments WHERE customer IS NOT NULL`); n != 0 {
			t.Error("an attempt that is over still says whose card it was")
		}

		m.home()
		again := m.must(m.order("again", store.CardKept, false))
		if q := s.Bank.Opened(again.Payment.RedirectURL); q.Customer == "" || q.Keep {
			t.Errorf("with a kept card the bank is asked for customer %q, keep %v", q.Customer, q.Keep)
		}
		m.pays(again)
		m.cards(1)
		if s.Bank.Knows() != 1 {
			t.Errorf("the bank knows her as %d customers", s.Bank.Knows())
		}
		if n := count(t, s, `SELECT count(*) FROM events WHERE action = 'cards.used' AND owner = $1`, m.a.ID); n != 1 {
			t.Errorf("her activity tells of %d uses, want 1", n)
		}
	})
}

// TestAKeptCardStaysAtHome: whoever is signed in pays with it for what goes to an address
// of the book; anywhere else they first show that it is them.
func TestAKeptCardStaysAtHome(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		m.pays(m.must(m.order("wished", store.CardKeep, true)))
		refused := func(key string, want error) {
			t.Helper()
			held := count(t, s, `SELECT count(*) FROM holds`)
			if _, err := m.order(key, store.CardKept, false); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", key, err, want)
			}
			if now := count(t, s, `SELECT count(*) FROM holds`); now != held {
				t.Errorf("%s: %d holds are left of what was refused", key, now-held)
			}
		}
		refused("nowhere-yet", checkout.ErrProve)
		shown := m.must(m.order("shown", store.CardKept, true))
		m.pays(shown)
		refused("still-nowhere", checkout.ErrProve)
		err := s.Desk.Pack(noCtx, ledger.OS("test"), shown.Order.Number)
		if err == nil {
			err = s.Desk.Ship(noCtx, ledger.OS("test"), shown.Order.Number, checkout.Parcel{})
		}
		if err != nil {
			t.Fatal(err)
		}
		refused("sent-there", checkout.ErrProve) // by whoever ordered it
		m.home()
		m.must(m.order("in-the-book", store.CardKept, false))
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			return t.Mark(m.a.ID, t.Now().Add(24*time.Hour), store.CarefulUntil)
		}); err != nil {
			t.Fatal(err)
		}
		m.must(m.order("in-the-book-before", store.CardKept, false))

		// In the day after a change of contact a proof does not help elsewhere.
		other := newMember(t, s, "eve@example.com") // Ada's order, on somebody else's account
		other.pays(other.must(other.order("eves", store.CardKeep, true)))
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			return t.Mark(other.a.ID, t.Now().Add(24*time.Hour), store.CarefulUntil)
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.order("careful", store.CardKept, true); !fault.Is(err, fault.Invalid) {
			t.Errorf("right after a change of contact: got %v", err)
		}
		s.Clock.Move(25 * time.Hour)
		if _, err := other.order("a-day-later", store.CardKept, false); !errors.Is(err, checkout.ErrProve) {
			t.Errorf("letters of the order go elsewhere: got %v, want ErrProve", err)
		}
	})
}

// TestAKeptCardBuysNothingThatIsOnlyShown without a proof: a key or a file is there for
// whoever is signed in, and letters at home do not change that.
func TestAKeptCardBuysNothingThatIsOnlyShown(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		m.home()
		m.pays(m.must(m.order("wished", store.CardKeep, true)))
		eur, _ := money.ParseCurrency("EUR")
		save(t, s, catalog.Product{Handle: "song", Title: "Song", Published: true, Variants: []catalog.Variant{{SKU: "SONG", Price: money.Of(900, eur), CompareAt: money.Zero(eur), Virtual: true}}})
		var song catalog.Product
		if err := s.DB.View(noCtx, func(v *store.View) (err error) { song, err = v.ProductByHandle("song"); return err }); err != nil {
			t.Fatal(err)
		}
		alone := s.Ready(t, song.Variants[0].ID, 1)
		beside := s.Ready(t, s.Product(t, "bowl", 900, shoptest.Counted(9)).ID, 1)
		if _, err := s.Desk.AddLine(noCtx, beside.ID, beside.Token, song.Variants[0].ID, 1); err != nil {
			t.Fatal(err)
		}
		try := func(b shoptest.Basket, key string, fresh bool) error {
			_, err := s.Desk.Place(m.ctx, b.ID, b.Token, checkout.PlaceInput{Key: key, Cards: store.CardKept, Fresh: fresh})
			return err
		}
		careful := func(span time.Duration) {
			t.Helper()
			if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.Mark(m.a.ID, t.Now().Add(span), store.CarefulUntil) }); err != nil {
				t.Fatal(err)
			}
		}
		for key, b := range map[string]shoptest.Basket{"alone": alone, "beside": beside} {
			if err := try(b, key, false); !errors.Is(err, checkout.ErrProve) {
				t.Errorf("%s: got %v, want ErrProve", key, err)
			}
		}
		careful(24 * time.Hour)
		if err := try(alone, "careful", true); !fault.Is(err, fault.Invalid) {
			t.Errorf("right after a change of contact: got %v", err)
		}
		careful(-time.Hour)
		if err := try(alone, "shown", true); err != nil {
			t.Errorf("after a proof: %v", err)
		}
	})
}

// TestTheBoxToKeepACardIsNoWayAroundTheProof: whoever finds her signed in and ticks the
// box is asked like somebody who would pay with a kept card, and the page that keeps a
// card is never one that offers them.
func TestTheBoxToKeepACardIsNoWayAroundTheProof(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m := newMember(t, s, adas)
		if _, err := m.order("first-stale", store.CardKeep, false); !errors.Is(err, checkout.ErrProve) || s.Bank.Knows() != 0 {
			t.Errorf("a first card, without a proof: got %v, and the bank knows %d customers", err, s.Bank.Knows())
		}
		m.pays(m.must(m.order("first", store.CardKeep, true)))
		made := count(t, s, `SELECT count(*) FROM orders`)
		if _, err := m.order("strange", store.CardKeep, false); !errors.Is(err, checkout.ErrProve) {
			t.Errorf("to an address that nothing went to: got %v, want ErrProve", err)
		}
		if n := count(t, s, `SELECT count(*) FROM orders`); n != made {
			t.Error("an order was made of what was refused")
		}
		shown := m.must(m.order("shown", store.CardKeep, true))
		if q := s.Bank.Opened(shown.Payment.RedirectURL); q.Customer == "" || !q.Keep {
			t.Errorf("after a proof the bank is asked for customer %q, keep %v", q.Customer, q.Keep)
		}
		m.home()
		m.must(m.order("home", store.CardKeep, false))
	})
}

// TestNobodyElsesCardPays: a guest, a stranger with an account, and somebody who merely
// holds the order.
func TestNobodyElsesCardPays(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	m := newMember(t, s, adas)
	m.home()
	m.pays(m.must(m.order("wished", store.CardKeep, true)))
	b := s.Ready(t, s.Product(t, "guest", 900, shoptest.Counted(9)).ID, 1)
	if _, err := s.Desk.Place(noCtx, b.ID, b.Token, checkout.PlaceInput{Key: "guest", Cards: store.CardKept, Fresh: true}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a guest: got %v", err)
	}
	p, err := s.Desk.Place(noCtx, b.ID, b.Token, checkout.PlaceInput{Key: "guest-2", Cards: store.CardKeep})
	if err != nil || s.Bank.Opened(p.Payment.RedirectURL).Customer != "" {
		t.Errorf("a guest's box: %v, customer %q", err, s.Bank.Opened(p.Payment.RedirectURL).Customer)
	}
	if _, err := newMember(t, s, "eve@example.com").order("eve", store.CardKept, true); !fault.Is(err, fault.Invalid) {
		t.Errorf("somebody for whom nothing is kept: got %v", err)
	}

	own := m.must(m.order("own", store.CardKept, false))
	eve := newMember(t, s, "eve@example.org")
	for name, ctx := range map[string]context.Context{"a guest": noCtx, "another account": eve.ctx} {
		if v, err := s.Desk.Order(ctx, own.Order.Number, own.Token); err != nil || v.Payment.RedirectURL != "" {
			t.Errorf("%s who holds the order is led to her cards: %q, %v", name, v.Payment.RedirectURL, err)
		}
	}
	if v, err := s.Desk.Order(m.ctx, own.Order.Number, own.Token); err != nil || v.Payment.RedirectURL != own.Payment.RedirectURL {
		t.Errorf("she herself is led to %q, %v", v.Payment.RedirectURL, err)
	}
	theirs, err := s.Desk.PayAgain(eve.ctx, own.Order.Number, own.Token)
	if q := s.Bank.Opened(theirs.Payment.RedirectURL); err != nil || q.OrderID == "" || q.Customer != "" {
		t.Errorf("who holds the order pays as anybody while her page is open: %v, customer %q of %q", err, q.Customer, q.OrderID)
	}
	s.RunAll(t)
	if ref := strings.TrimPrefix(own.Payment.RedirectURL, "https://bank.test/pay/"); !s.Bank.Closed(ref) {
		t.Error("the page with her cards is still open")
	}

	own = m.must(m.order("own-2", store.CardKept, false))
	decline := func(attempt int) {
		t.Helper()
		if err := settle(s, s.Bank.Say(own, attempt, "declined")); err != nil {
			t.Fatal(err)
		}
	}
	decline(1)
	v, err := s.Desk.PayAgain(noCtx, own.Order.Number, own.Token)
	if err != nil || s.Bank.Opened(v.Payment.RedirectURL).Customer != "" {
		t.Errorf("who holds the order pays as anybody: %v, customer %q", err, s.Bank.Opened(v.Payment.RedirectURL).Customer)
	}
}

// TestTheNextTryOfItsOwnerAsksForTheSame: after a decline the kept card is offered again.
func TestTheNextTryOfItsOwnerAsksForTheSame(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	m := newMember(t, s, adas)
	m.home()
	p := m.must(m.order("wished", store.CardKeep, true))
	if err := settle(s, s.Bank.Say(p, 1, "declined")); err != nil {
		t.Fatal(err)
	}
	v, err := s.Desk.PayAgain(m.ctx, p.Order.Number, p.Token)
	if q := s.Bank.Opened(v.Payment.RedirectURL); err != nil || q.Customer == "" || !q.Keep {
		t.Errorf("%v: asked for customer %q, keep %v", err, q.Customer, q.Keep)
	}
}
