package account_test

import (
	"errors"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestWhoWritesTheDatabaseTakesNoFactorAway: Eve knows Ada's password and can
// write in the database. Whatever row of Ada's she takes away, adds or changes,
// the password alone opens nothing; put back as it was, Ada's account works.
func TestWhoWritesTheDatabaseTakesNoFactorAway(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e, own := join(t, s, ada, good), join(t, s, eve, better)
		withPhone(t, s, e)
		withPhone(t, s, own)
		e, err := s.Keeper.SignIn(noCtx, ada, good, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		key := newStick(t, s, e)
		codes := withCodes(t, s, e)
		raw := s.Raw(t)
		used := func() account.Entry { // one code is used up
			t.Helper()
			half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
			if err != nil || !half.Half {
				t.Fatalf("got %+v, %v", half, err)
			}
			whole, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByRecovery, Typed: codes[1]})
			if err != nil {
				t.Fatal(err)
			}
			return whole
		}
		used()
		st := who(t, s, e.Cookie)
		guard := shoptest.One[[]byte](t, raw, `SELECT guard FROM accounts WHERE owner = $1`, e.Account)
		hers := shoptest.One[[]byte](t, raw, `SELECT guard FROM accounts WHERE owner = $1`, own.Account)

		opens := func(what string) {
			t.Helper()
			in, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
			if err == nil && !in.Half {
				t.Errorf("%s: the password alone opens", what)
			}
			if err == nil {
				v := account.Visitor{Cookie: in.Cookie}
				if whole, err := s.Keeper.Prove(noCtx, v, account.Proof{Method: account.ByRecovery, Typed: codes[1]}); err == nil {
					t.Errorf("%s: a used code opens %v", what, who(t, s, whole.Cookie).Level)
				}
			} else if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: the answer is %v, which tells that there is an account", what, err)
			}
			if c, err := s.Keeper.BeginPasskey(noCtx, false); err == nil {
				if in, err := s.Keeper.FinishPasskey(noCtx, false, c.Ticket, key.touch(t, c), account.Visitor{}); err == nil && !in.Half {
					t.Errorf("%s: the key alone opens", what)
				}
			}
		}
		// Each is done and taken back.
		for _, row := range []struct{ what, do, undo string }{
			{"no factor but the password", `UPDATE factors SET owner = 'x' WHERE owner = $1 AND kind <> 'password'`, `UPDATE factors SET owner = $1 WHERE owner = 'x'`},
			{"no passkey", `UPDATE factors SET owner = 'x' WHERE owner = $1 AND kind = 'passkey'`, `UPDATE factors SET owner = $1 WHERE owner = 'x'`},
			{"no number", `UPDATE factors SET owner = 'x' WHERE owner = $1 AND kind = 'sms'`, `UPDATE factors SET owner = $1 WHERE owner = 'x'`},
			{"factors that were never tried", `UPDATE factors SET state = 'new' WHERE owner = $1 AND kind <> 'password'`, `UPDATE factors SET state = 'on' WHERE owner = $1`},
			{"factors that are passwords", `UPDATE factors SET kind = 'totp' WHERE owner = $1 AND kind = 'sms'`, `UPDATE factors SET kind = 'sms' WHERE owner = $1 AND kind = 'totp'`},
			{"no recovery code", `UPDATE recovery_codes SET owner = 'x' WHERE owner = $1`, `UPDATE recovery_codes SET owner = $1 WHERE owner = 'x'`},
			{"recovery codes that were never saved", `UPDATE recovery_codes SET state = 'new' WHERE owner = $1`, `UPDATE recovery_codes SET state = 'on' WHERE owner = $1`},
			{"no guard", `UPDATE accounts SET guard = NULL WHERE owner = $1`, ""},
		} {
			shoptest.Do(t, raw, row.do, e.Account)
			opens(row.what)
			if row.undo != "" {
				shoptest.Do(t, raw, row.undo, e.Account)
			}
			shoptest.Do(t, raw, `UPDATE accounts SET guard = $2 WHERE owner = $1`, e.Account, guard)
		}
		at := shoptest.One[int64](t, raw, `SELECT max(used_at) FROM recovery_codes WHERE owner = $1`, e.Account)
		shoptest.Do(t, raw, `UPDATE recovery_codes SET used_at = 0 WHERE owner = $1 AND used_at = $2`, e.Account, at)
		opens("a used code made unused")
		shoptest.Do(t, raw, `UPDATE accounts SET guard = $2 WHERE owner = $1`, e.Account, hers)
		opens("Eve's guard beside it")
		shoptest.Do(t, raw, `UPDATE accounts SET guard = $2 WHERE owner = $1`, e.Account, guard)

		// What was tampered with is not made good by the next change.
		shoptest.Do(t, raw, `UPDATE recovery_codes SET owner = 'x' WHERE owner = $1`, e.Account)
		if err := s.Keeper.RemoveFactor(noCtx, st, "none", account.Visitor{}); !errors.Is(err, store.ErrTampered) {
			t.Errorf("a change on top of it: %v", err)
		}
		opens("a change on top of it")
	})
}

// TestAGuardHoldsNobodyUp: whatever the owner changes, the account goes on working.
func TestAGuardHoldsNobodyUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withPhone(t, s, e)
		e, err := s.Keeper.SignIn(noCtx, ada, good, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		withCodes(t, s, e)
		codes := withCodes(t, s, e) // again, in place of the first
		for _, code := range codes[1:3] {
			half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
			if err != nil || !half.Half {
				t.Fatalf("got %+v, %v", half, err)
			}
			whole, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByRecovery, Typed: code})
			if err != nil || who(t, s, whole.Cookie).Level != access.TwoFactors {
				t.Errorf("a recovery code: %v", err)
			}
		}
	})
}
