package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

var noCtx = context.Background()

const (
	ada      = "ada@example.com"
	good     = "kestrel over quiet harbour"
	better   = "seventeen lanterns at noon"
	firefox  = "Firefox on Linux"
	safariOn = "Safari on iPhone"
)

// join registers somebody and signs them in.
func join(t *testing.T, s *shoptest.Shop, email, pass string) account.Entry {
	t.Helper()
	ticket, err := s.Keeper.Register(noCtx, email, pass)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Keeper.FinishRegister(noCtx, ticket, s.Code(t, email), account.Visitor{Agent: firefox})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func who(t *testing.T, s *shoptest.Shop, cookie string) access.Standing {
	t.Helper()
	st, err := s.Keeper.Who(noCtx, cookie)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// visitor is the browser that an entry was given to.
func visitor(e account.Entry) account.Visitor {
	return account.Visitor{Cookie: e.Cookie, Device: e.Device, Agent: firefox}
}

func TestAnAccountIsMadeByItsMailboxAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ticket, err := s.Keeper.Register(noCtx, "Ada@Example.com", good)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("signed in before the mailbox was proved: %v", err)
		}
		if _, err := s.Keeper.FinishRegister(noCtx, ticket, "0000 0000", account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong code: %v", err)
		}
		other, err := s.Keeper.Register(noCtx, ada, better)
		if err != nil {
			t.Fatal(err)
		}
		code := s.Code(t, "Ada@Example.com")
		e, err := s.Keeper.FinishRegister(noCtx, ticket, code, account.Visitor{Agent: firefox})
		if err != nil || !e.First || e.Half {
			t.Fatalf("got %+v, %v", e, err)
		}
		if _, err := s.Keeper.FinishRegister(noCtx, other, code, account.Visitor{}); err == nil {
			t.Error("the same code made a second account")
		}
		if st := who(t, s, e.Cookie); st.Level != access.Password || !st.Fresh || st.Account != e.Account || st.CSRF == "" {
			t.Errorf("stands as %+v", st)
		}
		if m := s.Letter(t, "Ada@Example.com"); !strings.Contains(m.Text, firefox) || !strings.Contains(m.Subject, "Your account") {
			t.Errorf("the mailbox got %q", m.Subject)
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the password of the one who did not prove the mailbox works: %v", err)
		}
	})
}

func TestANameIsOneOfThisAccountAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		lovelace := join(t, s, ada, good)
		bob := join(t, s, "bob@example.com", good)
		st := who(t, s, lovelace.Cookie)
		called := func(want string) {
			t.Helper()
			for _, is := range []struct{ account, name string }{{lovelace.Account, want}, {bob.Account, ""}} {
				if a, err := s.Keeper.Account(noCtx, is.account); err != nil || a.Name.Reveal() != is.name {
					t.Errorf("got %q, %v, want %q", a.Name.Reveal(), err, is.name)
				}
			}
		}
		called("")
		if err := s.Keeper.CallMe(noCtx, st, " Zoë  of Ockham "); err != nil {
			t.Fatal(err)
		}
		called("Zoë of Ockham")
		if err := s.Keeper.CallMe(noCtx, st, "line\nbreak"); !fault.Is(err, fault.Invalid) {
			t.Errorf("two lines: got %v, want invalid", err)
		}
		called("Zoë of Ockham")
		if err := s.Keeper.CallMe(noCtx, st, ""); err != nil {
			t.Fatal(err)
		}
		called("")
		if err := s.Keeper.SignOut(noCtx, lovelace.Cookie); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.CallMe(noCtx, st, "Too Late"); err == nil {
			t.Error("a session that has ended names the account")
		}
		called("")
	})
}

func TestAMailboxWithAnAccountIsToldByMailAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		join(t, s, ada, good)
		for range 5 {
			ticket, err := s.Keeper.Register(noCtx, ada, better)
			if err != nil || len(ticket) != 80 {
				t.Fatalf("got %q, %v", ticket, err)
			}
		}
		if code := s.Code(t, ada); code != "" {
			t.Error("a code was mailed for a mailbox that has an account")
		}
		n := 0
		for _, m := range s.Letters.All() {
			if strings.Contains(m.Subject, "account already") {
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d letters say that there is an account, want 3", n)
		}
	})
}

func TestSigningInAndOut(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		first := join(t, s, ada, good)
		s.Run(t)
		before := len(s.Letters.All())
		e, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Cookie: first.Cookie, Device: first.Device, Agent: firefox})
		if err != nil || e.Half {
			t.Fatalf("got %+v, %v", e, err)
		}
		s.Run(t)
		if n := len(s.Letters.All()); n != before {
			t.Error("a known browser is told of as a new one")
		}
		if st := who(t, s, first.Cookie); st.Account != "" {
			t.Error("the session of before lives on in the same browser")
		}
		if _, err = s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Agent: safariOn}); err != nil {
			t.Fatal(err)
		}
		if m := s.Letter(t, ada); !strings.Contains(m.Subject, "new sign-in") || !strings.Contains(m.Text, safariOn) {
			t.Errorf("a new browser is told as %q", m.Subject)
		}
		list, err := s.Keeper.Sessions(noCtx, e.Account)
		if err != nil || len(list) != 2 {
			t.Fatalf("%d sessions, %v", len(list), err)
		}
		for _, wrong := range []string{"", "x", good + "x"} {
			if _, err := s.Keeper.SignIn(noCtx, ada, wrong, account.Visitor{}); !fault.Is(err, fault.Invalid) {
				t.Errorf("a wrong password: %v", err)
			}
		}
		if err := s.Keeper.EndSessions(noCtx, who(t, s, e.Cookie)); err != nil {
			t.Fatal(err)
		}
		if list, _ = s.Keeper.Sessions(noCtx, e.Account); len(list) != 1 {
			t.Errorf("%d sessions are left, want this one", len(list))
		}
		if err := s.Keeper.SignOut(noCtx, e.Cookie); err != nil {
			t.Fatal(err)
		}
		if st := who(t, s, e.Cookie); st != (access.Standing{}) {
			t.Errorf("signed out and still %+v", st)
		}
	})
}

func TestSessionsEndByTheServersClock(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		s.Clock.Move(access.FreshFor)
		if st := who(t, s, e.Cookie); st.Fresh || st.Level != access.Password {
			t.Errorf("after ten minutes: %+v", st)
		}
		for range 3 {
			s.Clock.Move(9 * 24 * time.Hour)
			if st := who(t, s, e.Cookie); st.Level != access.Password {
				t.Fatalf("used every nine days, and %+v", st)
			}
		}
		s.Clock.Move(4 * 24 * time.Hour)
		if st := who(t, s, e.Cookie); st.Account != "" {
			t.Error("it lives longer than thirty days")
		}
		e, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(14 * 24 * time.Hour)
		if st := who(t, s, e.Cookie); st.Account != "" {
			t.Error("it lives through fourteen idle days")
		}
	})
}

func TestAForgedSessionOpensNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		a, b := join(t, s, ada, good), join(t, s, "bob@example.com", better)
		raw := s.Raw(t)
		// Who can write the database raises a session, prolongs it, or gives it
		// to somebody else.
		for _, forged := range []string{`UPDATE sessions SET level = 4, strong_at = made_at`, `UPDATE sessions SET ends_at = ends_at + 1`,
			`UPDATE sessions SET fresh_at = fresh_at + 1`} {
			e, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
			if err != nil {
				t.Fatal(err)
			}
			shoptest.Do(t, raw, forged+` WHERE owner = $1`, e.Account)
			if st := who(t, s, e.Cookie); st.Account != "" {
				t.Errorf("%s: stands as %+v", forged, st)
			}
		}
		shoptest.Do(t, raw, `UPDATE sessions SET owner = $1 WHERE owner = $2`, a.Account, b.Account)
		if st := who(t, s, a.Account+b.Cookie[36:]); st.Account != "" {
			t.Error("a session was given to somebody else")
		}
		for _, bad := range []string{"", ".", a.Account, a.Account + ".", a.Account + "." + strings.Repeat("A", 43), "x" + a.Cookie, a.Cookie + "x", strings.Repeat("x", 4000)} {
			if st := who(t, s, bad); st.Account != "" {
				t.Errorf("%q opens something", bad)
			}
		}
	})
}

func TestANewPasswordEndsWhatHungOnTheOldOne(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		other, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := s.Keeper.AskReset(noCtx, ada, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		pass, err := s.Keeper.AnswerReset(noCtx, ticket, s.Code(t, ada))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, "short", account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a short password: %v", err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, "ada example test shop", account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a password of names: %v", err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, better, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, good, account.Visitor{}); err == nil {
			t.Error("a proved mailbox sets two passwords")
		}
		for _, c := range []string{e.Cookie, other.Cookie} {
			if st := who(t, s, c); st.Account != "" {
				t.Error("a session outlives the password")
			}
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the old password: %v", err)
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{}); err != nil {
			t.Errorf("the new password: %v", err)
		}
		if ticket, err = s.Keeper.AskReset(noCtx, "nobody@example.com", account.Visitor{}); err != nil || len(ticket) != 80 {
			t.Errorf("a mailbox without an account: %q, %v", ticket, err)
		}
	})
}
