package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const newPhone = "+4915155566677"

// goneTo counts what told a number that it gets no more codes.
func goneTo(t *testing.T, s *shoptest.Shop, to string) (n int) {
	t.Helper()
	s.Run(t)
	for _, m := range s.Letters.All() {
		if m.Channel != message.SMS || !strings.Contains(m.Text, "no more codes") {
			continue
		}
		if m.To == to {
			n++
		}
		for _, bad := range []string{newPhone, newPhone[4:], "http", "@"} {
			if strings.Contains(m.Text, bad) {
				t.Errorf("the text has %q: %s", bad, m.Text)
			}
		}
	}
	return n
}

// replacePhone gives an account another number.
func replacePhone(t *testing.T, s *shoptest.Shop, e account.Entry, to string) {
	t.Helper()
	st := who(t, s, e.Cookie)
	if err := s.Keeper.BeginPhone(noCtx, st, e.Cookie, to, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Keeper.ConfirmPhone(noCtx, st, e.Cookie, s.Code(t, to), visitor(e)); err != nil {
		t.Fatal(err)
	}
}

// TestTheOldNumberHearsThatItIsNoLongerUsed: by text, when it is changed and when
// it is removed, even after a thief has used up the codes it may get.
func TestTheOldNumberHearsThatItIsNoLongerUsed(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		replacePhone(t, s, e, phone)
		for range 4 { // the codes that this number gets in an hour are used up
			s.Clock.Move(2 * time.Minute)
			if err := s.Keeper.SendText(noCtx, e.Cookie); err != nil {
				t.Fatal(err)
			}
		}
		if n := goneTo(t, s, phone); n != 0 {
			t.Fatalf("told %d times before anything happened", n)
		}
		s.Clock.Move(2 * time.Minute)
		replacePhone(t, s, e, newPhone)
		if n, m := goneTo(t, s, phone), goneTo(t, s, newPhone); n != 1 || m != 0 {
			t.Errorf("the old number was told %d times and the new one %d times", n, m)
		}
		f, err := s.Keeper.Factors(noCtx, e.Account)
		if err != nil || len(f.Second) != 1 {
			t.Fatalf("%+v, %v", f, err)
		}
		if err := s.Keeper.RemoveFactor(noCtx, who(t, s, e.Cookie), f.Second[0].ID, visitor(e)); err != nil {
			t.Fatal(err)
		}
		if n, m := goneTo(t, s, phone), goneTo(t, s, newPhone); n != 1 || m != 1 {
			t.Errorf("after the removal: %d and %d times", n, m)
		}
		list, err := s.Keeper.Messages(noCtx, e.Account)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, l := range list {
			if l.Kind == string(message.NumberGone) && !l.SentAt.IsZero() {
				seen++
			}
		}
		if seen != 2 {
			t.Errorf("the message centre shows %d of 2", seen)
		}
	})
}

// TestANumberIsNotToldAgainAndAgain, however often it is added and removed.
func TestANumberIsNotToldAgainAndAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		a, err := s.Keeper.Account(noCtx, e.Account)
		if err != nil {
			t.Fatal(err)
		}
		st := who(t, s, e.Cookie)
		for i := range 6 {
			id := store.NewID()
			err := s.DB.InTx(noCtx, ledger.Customer(a.ID), func(tx *store.Tx) error {
				return tx.AddFactor(a, store.Factor{ID: id, Kind: store.SMSFactor, On: true, Secret: []byte(phone), Label: fmt.Sprint("number ", i)})
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Keeper.RemoveFactor(noCtx, st, id, visitor(e)); err != nil {
				t.Fatal(err)
			}
		}
		if n := goneTo(t, s, phone); n != 3 {
			t.Errorf("told %d times in an hour, want 3", n)
		}
	})
}
