package account_test

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/tries"
)

// TestWhatIsBoundAnewMayBeTriedAgain: strangers have closed a password, a phone
// and the recovery codes. Each works again once it is another one, and until
// then the others stay closed.
func TestWhatIsBoundAnewMayBeTriedAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		id := e.Account
		closed := func(who, factor string) (closed bool) {
			t.Helper()
			if err := s.DB.Tally(noCtx, who, factor, "", func(_ time.Time, tally *tries.Tally) { closed = tally.Closed() }); err != nil {
				t.Fatal(err)
			}
			return closed
		}
		all := [][2]string{{ada, "password"}, {id, "password"}, {id, "mail"}, {id, "sms"}, {id, "recovery"}, {id, "totp"}}
		for _, b := range all {
			if err := s.DB.Tally(noCtx, b[0], b[1], "", func(now time.Time, tally *tries.Tally) {
				*tally = tries.Tally{Failures: tries.Limit, At: now, Since: now, Until: now}
			}); err != nil {
				t.Fatal(err)
			}
		}
		only := func(when string, open ...string) {
			t.Helper()
			for _, b := range all {
				want := true
				for _, o := range open {
					want = want && o != b[1]
				}
				if got := closed(b[0], b[1]); got != want {
					t.Errorf("%s: %s is closed: %t", when, b[1], got)
				}
			}
		}
		withPhone(t, s, e)
		only("with a phone", "sms")
		e, err := s.Keeper.SignIn(noCtx, ada, good, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		withCodes(t, s, e)
		only("with codes", "sms", "recovery")

		ticket, err := s.Keeper.AskReset(noCtx, ada, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		pass, err := s.Keeper.AnswerReset(noCtx, ticket, s.Code(t, ada))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, better, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		only("with a new password", "sms", "recovery", "password", "mail")
	})
}
