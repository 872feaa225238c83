package account_test

import (
	"encoding/base32"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// resetTo sets a password by proving the mailbox alone.
func resetTo(t *testing.T, s *shoptest.Shop, email, pass string) {
	t.Helper()
	s.Clock.Move(20 * time.Minute) // another code than before
	ticket, err := s.Keeper.AskReset(noCtx, email, account.Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	may, err := s.Keeper.AnswerReset(noCtx, ticket, s.Code(t, email))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keeper.SetPassword(noCtx, may, pass, account.Visitor{}); err != nil {
		t.Fatal(err)
	}
}

// withApp gives an account an authenticator app and returns its key.
func withApp(t *testing.T, s *shoptest.Shop, e account.Entry) []byte {
	t.Helper()
	st := who(t, s, e.Cookie)
	if err := s.Keeper.BeginTOTP(noCtx, st); err != nil {
		t.Fatal(err)
	}
	app, err := s.Keeper.TOTP(noCtx, st)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(app.Key, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keeper.ConfirmTOTP(noCtx, st, shoptest.TOTP(t, key, s.Clock.Now()), visitor(e)); err != nil {
		t.Fatal(err)
	}
	return key
}

// TestWhoWritesTheDatabaseBringsNothingOldBack: an old password, a used code of
// an app, and a bound that has a time, each put back or moved in its row.
func TestWhoWritesTheDatabaseBringsNothingOldBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		raw := s.Raw(t)
		const secret = `SELECT secret FROM factors WHERE owner = $1 AND kind = 'password'`
		old := shoptest.One[[]byte](t, raw, secret, e.Account)
		if err := s.Keeper.ChangePassword(noCtx, who(t, s, e.Cookie), better, visitor(e)); err != nil {
			t.Fatal(err)
		}
		now := shoptest.One[[]byte](t, raw, secret, e.Account)
		shoptest.Do(t, raw, `UPDATE factors SET secret = $2 WHERE owner = $1 AND kind = 'password'`, e.Account, old)
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the old password, put back: %v", err)
		}
		shoptest.Do(t, raw, `UPDATE factors SET secret = $2 WHERE owner = $1 AND kind = 'password'`, e.Account, now)
		withPhone(t, s, e)
		e, err := s.Keeper.SignIn(noCtx, ada, better, visitor(e))
		if err != nil {
			t.Fatalf("put right again: %v", err)
		}
		withCodes(t, s, e)
		key := withApp(t, s, e)

		s.Clock.Move(time.Minute)
		half, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{})
		if err != nil || !half.Half {
			t.Fatalf("got %+v, %v", half, err)
		}
		code := shoptest.TOTP(t, key, s.Clock.Now())
		before := shoptest.One[int64](t, raw, `SELECT step FROM factors WHERE owner = $1 AND kind = 'totp'`, e.Account)
		if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByTOTP, Typed: code}); err != nil {
			t.Fatal(err)
		}
		if half, err = s.Keeper.SignIn(noCtx, ada, better, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct{ what, set string }{
			{"the counter of the app", `UPDATE factors SET step = $2 WHERE owner = $1 AND kind = 'totp'`},
			{"the drift of the app", `UPDATE factors SET step = $2, drift = -3 WHERE owner = $1 AND kind = 'totp'`},
		} {
			after := shoptest.One[int64](t, raw, `SELECT step FROM factors WHERE owner = $1 AND kind = 'totp'`, e.Account)
			shoptest.Do(t, raw, row.set, e.Account, before)
			if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByTOTP, Typed: code}); err == nil {
				t.Errorf("%s set back: a used code opens", row.what)
			}
			shoptest.Do(t, raw, `UPDATE factors SET step = $2, drift = 0 WHERE owner = $1 AND kind = 'totp'`, e.Account, after)
		}

		resetTo(t, s, ada, good)
		if half, err = s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); err != nil || !half.Half {
			t.Fatalf("got %+v, %v", half, err)
		}
		shoptest.Do(t, raw, `UPDATE accounts SET reset_at = 0 WHERE owner = $1`, e.Account)
		if err := s.Keeper.AskLost(noCtx, half.Cookie); err == nil {
			t.Error("the time of the reset set back: the mailbox counts twice")
		}
	})
}

// TestALiveSessionEndsWithATamperedAccount, also in what it has begun.
func TestALiveSessionEndsWithATamperedAccount(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		st := who(t, s, e.Cookie)
		shoptest.Do(t, s.Raw(t), `UPDATE accounts SET careful_until = 1 WHERE owner = $1`, e.Account)
		if now := who(t, s, e.Cookie); now != (access.Standing{}) {
			t.Errorf("it stands as %+v", now)
		}
		if err := s.Keeper.EndSessions(noCtx, st); !errors.Is(err, store.ErrTampered) {
			t.Errorf("what it has begun: %v", err)
		}
	})
}

// TestATamperedAccountIsToldOfAndRepaired: the ledger and the owners hear of it
// once, and after the repair the person comes back by the mailbox.
func TestATamperedAccountIsToldOfAndRepaired(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		raw := s.Raw(t)
		shoptest.Do(t, raw, `UPDATE accounts SET guard = NULL WHERE owner = $1`, e.Account)
		for range 3 {
			if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v", err)
			}
			if err := s.Keeper.Sweep(noCtx); err != nil {
				t.Fatal(err)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'account.tampered'`); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		if err := s.Keeper.Repair(noCtx, ledger.OS("owner"), "nobody@example.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("nobody: %v", err)
		}
		if err := s.Keeper.Repair(noCtx, ledger.OS("owner"), ada); err != nil {
			t.Fatal(err)
		}
		if who(t, s, e.Cookie).Account != "" {
			t.Error("a session of before lives on")
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the old password: %v", err)
		}
		resetTo(t, s, ada, better)
		if in, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{}); err != nil || in.Half {
			t.Errorf("after the repair: %+v, %v", in, err)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'account.repaired' AND actor = 'os:owner'`); n != 1 {
			t.Errorf("%d events of the repair, want 1", n)
		}
	})
}

// TestAMailboxIsNoSecondFactor: whoever has only a passkey, or never saved the
// recovery codes, does not fall to whoever reads the mail.
func TestAMailboxIsNoSecondFactor(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const bob = "bob@example.com"
		e := join(t, s, ada, "") // no password at all
		key := newStick(t, s, e)
		other := join(t, s, bob, good)
		withPhone(t, s, other)
		for _, email := range []string{ada, bob} {
			resetTo(t, s, email, better)
			half, err := s.Keeper.SignIn(noCtx, email, better, account.Visitor{})
			if err != nil || !half.Half || who(t, s, half.Cookie).Account != "" {
				t.Fatalf("%s by the mailbox alone: %+v, %v", email, half, err)
			}
			if err := s.Keeper.AskLost(noCtx, half.Cookie); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: one mailbox is two proofs: %v", email, err)
			}
			for _, m := range []account.Method{account.ByPassword, account.ByRecovery} {
				if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: m, Typed: better}); err == nil {
					t.Errorf("%s: %s opens it", email, m)
				}
			}
		}

		// The passkey opens.
		half, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Keeper.BeginProve(noCtx, half.Cookie)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := s.Keeper.FinishProve(noCtx, c.Ticket, key.touch(t, c), account.Visitor{Cookie: half.Cookie}, false)
		if err != nil || whole.Half || who(t, s, whole.Cookie).Account != e.Account {
			t.Fatalf("the passkey: %+v, %v", whole, err)
		}

		// Without it there is the way of a lost factor, and no shorter one.
		lose := func() (account.Entry, error) {
			half, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{})
			if err != nil || !half.Half {
				t.Fatalf("%+v, %v", half, err)
			}
			if err := s.Keeper.AskLost(noCtx, half.Cookie); err != nil {
				t.Fatal(err)
			}
			return s.Keeper.AnswerLost(noCtx, s.Code(t, ada), account.Visitor{Cookie: half.Cookie})
		}
		s.Clock.Move(8 * 24 * time.Hour)
		if in, err := lose(); err != nil || in.Cookie != "" {
			t.Fatalf("a week later, at once: %+v, %v", in, err)
		}
		s.Clock.Move(73 * time.Hour)
		if in, err := lose(); err != nil || who(t, s, in.Cookie).Account != e.Account {
			t.Fatalf("after the wait: %+v, %v", in, err)
		}
	})
}

// TestAnUntouchedAccountIsNeverCalledTampered, however often it changes while
// it is looked at.
func TestAnUntouchedAccountIsNeverCalledTampered(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withPhone(t, s, e)
		st := who(t, s, e.Cookie)
		done := make(chan struct{})
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if _, err := s.Keeper.Factors(noCtx, e.Account); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		var change sync.WaitGroup
		for range 2 {
			change.Go(func() {
				for range 60 {
					if _, err := s.Keeper.NewCodes(noCtx, st); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		change.Wait()
		close(done)
		group.Wait()
		if list := s.DB.Tampered(); len(list) > 0 {
			t.Errorf("called tampered: %v", list)
		}
	})
}

// TestSessionsAreBounded, and who knows the password alone ends no whole one.
func TestSessionsAreBounded(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		first := join(t, s, ada, good)
		count := func(where string) int64 {
			return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM sessions WHERE owner = $1 AND `+where, first.Account)
		}
		last := first
		for range 52 {
			s.Clock.Move(time.Second)
			e, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Device: first.Device})
			if err != nil {
				t.Fatal(err)
			}
			last = e
		}
		if n := count("level > 1"); n != 50 {
			t.Errorf("%d sessions, want 50", n)
		}
		if who(t, s, first.Cookie).Account != "" || who(t, s, last.Cookie).Account == "" {
			t.Error("another one than the oldest has ended")
		}
		withPhone(t, s, last)
		last, err := s.Keeper.SignIn(noCtx, ada, good, visitor(last))
		if err != nil {
			t.Fatal(err)
		}
		withCodes(t, s, last)
		for range 52 {
			if half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); err != nil || !half.Half {
				t.Fatalf("got %+v, %v", half, err)
			}
		}
		if n := count("level = 1"); n != 50 || who(t, s, last.Cookie).Account == "" {
			t.Errorf("%d half sessions, want 50 beside the whole one", n)
		}
	})
}
