package privacy_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestNobodysCardsAreForgottenByAClockThatJumped: what is destroyed at a payment service
// can't be had back either, so it waits for an owner like all else that the clock ends.
func TestNobodysCardsAreForgottenByAClockThatJumped(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	customer, err := s.Bank.Customer(noCtx)
	if err != nil {
		t.Fatal(err)
	}
	a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}
	if err := s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
		if err := tx.NewAccount(a); err != nil {
			return err
		}
		_, err := tx.KeepCards(a, store.KeptCards{Provider: "bank", Customer: customer})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	ends := func() error {
		_, err := privacy.Retention(noCtx, s.DB, slog.New(slog.DiscardHandler), s.Desk.EndIdleCards)
		s.RunAll(t)
		return err
	}
	if err := ends(); err != nil {
		t.Fatal(err)
	}
	s.Clock.Move(2 * year)
	if err := ends(); !errors.Is(err, privacy.ErrWaits) || s.Bank.Knows() != 1 {
		t.Fatalf("two years ahead: got %v, and the bank knows %d customers", err, s.Bank.Knows())
	}
	confirm(t, s)
	if err := ends(); err != nil || s.Bank.Knows() != 0 {
		t.Errorf("an owner has confirmed: got %v, and the bank knows %d customers", err, s.Bank.Knows())
	}
}

// TestAnErasedAccountsCardsAreForgottenAtThePaymentService, though that does not answer
// when she is erased: the erasure does not wait for it, and it is told later.
func TestAnErasedAccountsCardsAreForgottenAtThePaymentService(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		customer, err := s.Bank.Customer(noCtx)
		if err != nil {
			t.Fatal(err)
		}
		a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}
		if err := s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
			if err := tx.NewAccount(a); err != nil {
				return err
			}
			_, err := tx.KeepCards(a, store.KeptCards{Provider: "bank", Customer: customer})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		s.Bank.Down = true
		o.erase(t, privacy.Options{})
		s.RunAll(t)
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM kept_cards`); n != 0 {
			t.Error("the shop still says whose cards are kept")
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE subject = $1 AND purpose = 'account' AND wrap IS NOT NULL`, a.ID); n != 0 {
			t.Error("the account waits for the bank")
		}
		if _, err := s.Bank.Cards(noCtx, customer); s.Bank.Knows() != 1 || err == nil {
			t.Fatalf("the bank was closed: %v", err)
		}
		s.Bank.Down = false
		s.Clock.Move(time.Hour)
		s.RunAll(t)
		if _, err := s.Bank.Cards(noCtx, customer); err != payment.ErrRefused {
			t.Errorf("the bank still knows her: %v", err)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE subject = $1 AND wrap IS NOT NULL AND purpose <> 'rights'`, a.ID); n != 0 {
			t.Errorf("%d dossiers of hers still have their key", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM cards_to_forget`); n != 0 {
			t.Errorf("%d rows of what the bank was to forget are left", n)
		}
	})
}

// TestCardsOfAnAccountThatJustEndsAreForgotten: past its date, and restricted, it opens to
// nobody, and the payment service is told all the same.
func TestCardsOfAnAccountThatJustEndsAreForgotten(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		ends := map[string]string{
			"due":        `UPDATE dossiers SET destroy_after = 1 WHERE subject = $1`,
			"restricted": `UPDATE dossiers SET destroy_after = 1, state = 'restricted' WHERE subject = $1`,
			"unreadable": `UPDATE dossiers SET destroy_after = 1 WHERE subject = $1`,
		}
		of := map[string]string{}
		for name, how := range ends {
			customer, err := s.Bank.Customer(noCtx)
			if err != nil {
				t.Fatal(err)
			}
			a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}
			if a.Email, err = contact.ParseEmail(name + "@example.com"); err != nil {
				t.Fatal(err)
			}
			if err := s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
				if err := tx.NewAccount(a); err != nil {
					return err
				}
				_, err := tx.KeepCards(a, store.KeptCards{Provider: "bank", Customer: customer})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			of[name] = customer
			shoptest.Do(t, raw, how, a.ID)
			if name != "unreadable" {
				continue
			}
			shoptest.Do(t, raw, `UPDATE kept_cards SET customer = $2 WHERE owner = $1`, a.ID, []byte("altered by somebody"))
		}
		if _, err := privacy.Retention(noCtx, s.DB, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		for name, customer := range of {
			if _, err := s.Bank.Cards(noCtx, customer); (err == payment.ErrRefused) != (name != "unreadable") {
				t.Errorf("%s: the bank says %v", name, err)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'cards.unforgotten'`); n != 1 {
			t.Errorf("%d events tell that the bank was not told, want 1", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM kept_cards WHERE customer IS NOT NULL`); n != 0 {
			t.Errorf("%d accounts still have cards", n)
		}
	})
}
