package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const olga = "olga@example.com"

// TestOwnersHearOnceThatTextsAreHeldBack: somebody has texts sent to number after
// number and types none back. The owners get one letter for the opening of the
// breaker, with what to do, and another one when it opens again.
func TestOwnersHearOnceThatTextsAreHeldBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		mailbox, err := contact.ParseEmail(olga)
		if err != nil {
			t.Fatal(err)
		}
		err = s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
			return tx.NewAccount(store.Account{ID: store.NewID(), Role: access.Owner, State: store.AccountOpen, Email: mailbox})
		})
		if err != nil {
			t.Fatal(err)
		}
		thief := join(t, s, eve, better)
		told := func() (n int) {
			s.Run(t)
			for _, m := range s.Letters.All() {
				if m.To == olga {
					n++
					if !strings.Contains(m.Text, "sms-countries") || strings.Contains(m.Text, "+49") {
						t.Errorf("the letter says %s", m.Text)
					}
				}
			}
			return n
		}
		next := 0
		pump := func(times int) {
			t.Helper()
			for i := range times {
				s.Clock.Move(13 * time.Minute)
				if i%6 == 0 { // it stays fresh
					e, err := s.Keeper.SignIn(noCtx, eve, better, visitor(thief))
					if err != nil {
						t.Fatal(err)
					}
					thief = e
				}
				next++
				if err := s.Keeper.BeginPhone(noCtx, who(t, s, thief.Cookie), thief.Cookie, fmt.Sprintf("+4916%02d55%04d", next%100, next), ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		pump(20)
		if n := told(); n != 0 {
			t.Fatalf("told %d times before the breaker opened", n)
		}
		pump(40)
		if n := told(); n != 1 {
			t.Errorf("told %d times of one opening", n)
		}
		s.Clock.Move(48 * time.Hour)
		pump(30)
		if n := told(); n != 2 {
			t.Errorf("told %d times of two openings", n)
		}
		if dump := s.Dump(t); strings.Count(dump, "alarm.texts") != 2 || !strings.Contains(dump, `{"how":"breaker"}`) {
			t.Errorf("the ledger has %d alarms", strings.Count(dump, "alarm.texts"))
		}
	})
}
