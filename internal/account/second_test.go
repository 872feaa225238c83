package account_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const phone = "+4915112345678"

// withCodes gives an account recovery codes and shows that they are saved.
func withCodes(t *testing.T, s *shoptest.Shop, e account.Entry) []string {
	t.Helper()
	st := who(t, s, e.Cookie)
	codes, err := s.Keeper.NewCodes(noCtx, st)
	if err != nil || len(codes) != 8 {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	if err := s.Keeper.ConfirmCodes(noCtx, st, strings.ToLower(codes[0]), visitor(e)); err != nil {
		t.Fatal(err)
	}
	return codes
}

// withPhone gives an account a number that gets codes.
func withPhone(t *testing.T, s *shoptest.Shop, e account.Entry) {
	t.Helper()
	st := who(t, s, e.Cookie)
	if err := s.Keeper.BeginPhone(noCtx, st, e.Cookie, phone, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Keeper.ConfirmPhone(noCtx, st, e.Cookie, s.Code(t, phone), visitor(e)); err != nil {
		t.Fatal(err)
	}
	s.Clock.Move(2 * time.Hour) // the budgets of texts begin anew
}

func TestAPasswordAloneOpensNothingWhereASecondFactorIsOn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withPhone(t, s, e)
		if half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); err != nil || half.Half {
			t.Fatalf("before the recovery codes are saved: %+v, %v", half, err)
		}
		e, err := s.Keeper.SignIn(noCtx, ada, good, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		codes := withCodes(t, s, e)

		half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Agent: safariOn})
		if err != nil || !half.Half || half.Device != "" {
			t.Fatalf("got %+v, %v", half, err)
		}
		if st := who(t, s, half.Cookie); st != (access.Standing{}) {
			t.Errorf("half a session stands as %+v", st)
		}
		id, ok, err := s.Keeper.Half(noCtx, half.Cookie)
		if id != e.Account || !ok || err != nil {
			t.Errorf("half a session is %q, %v, %v", id, ok, err)
		}
		m, err := s.Keeper.Methods(noCtx, half.Cookie)
		if err != nil || len(m) != 2 || m[0] != account.BySMS || m[1] != account.ByRecovery {
			t.Errorf("offered %v, %v", m, err)
		}
		v := account.Visitor{Cookie: half.Cookie, Agent: safariOn}
		if _, err := s.Keeper.Prove(noCtx, v, account.Proof{Method: account.ByPassword, Typed: good}); err == nil {
			t.Error("the password is its own second factor")
		}
		if err := s.Keeper.SendText(noCtx, half.Cookie); err != nil {
			t.Fatal(err)
		}
		code := s.Code(t, phone)
		other, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: other.Cookie}, account.Proof{Method: account.BySMS, Typed: code}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a text to one session works in another: %v", err)
		}
		for _, wrong := range []string{"000000", "null", "[]", "", "0", strings.Repeat("1", 10000)} {
			if _, err := s.Keeper.Prove(noCtx, v, account.Proof{Method: account.BySMS, Typed: wrong}); !fault.Is(err, fault.Invalid) && wrong != code {
				t.Errorf("%.10q: %v", wrong, err)
			}
		}
		whole, err := s.Keeper.Prove(noCtx, v, account.Proof{Method: account.BySMS, Typed: code})
		if err != nil || whole.Half || whole.Cookie == half.Cookie {
			t.Fatalf("got %+v, %v", whole, err)
		}
		if st := who(t, s, whole.Cookie); st.Level != access.TwoFactors || !st.Fresh || !st.Strong {
			t.Errorf("stands as %+v", st)
		}
		if _, ok, _ := s.Keeper.Half(noCtx, half.Cookie); ok {
			t.Error("the half session lives on")
		}

		// A recovery code works once, and the mailbox hears of it.
		half, err = s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByRecovery, Typed: codes[3]}); err != nil {
			t.Fatal(err)
		}
		if m := s.Letter(t, ada); !strings.Contains(m.Subject, "recovery code was used") && !strings.Contains(m.Subject, "new sign-in") {
			t.Errorf("the mailbox got %q", m.Subject)
		}
		half, _ = s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByRecovery, Typed: codes[3]}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a recovery code twice: %v", err)
		}

		// A new password does not get round the second factor.
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
		if e, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{}); err != nil || !e.Half {
			t.Errorf("after a reset: %+v, %v", e, err)
		}
	})
}

func TestOfManyThatShowOneCodeOneGetsIn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		codes := withCodes(t, s, e)
		withPhone(t, s, e)
		const n = 12
		var halves []account.Entry
		for range n {
			h, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
			if err != nil || !h.Half {
				t.Fatalf("%+v, %v", h, err)
			}
			halves = append(halves, h)
		}
		var mu sync.Mutex
		in := 0
		var group sync.WaitGroup
		for _, h := range halves {
			group.Go(func() {
				_, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: h.Cookie}, account.Proof{Method: account.ByRecovery, Typed: codes[5]})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					in++
				} else if !fault.Is(err, fault.Invalid) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if in != 1 {
			t.Errorf("%d got in with one code", in)
		}
	})
}

func TestATextIsBudgeted(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		withPhone(t, s, e)
		half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		texts := func() (n int) {
			s.Run(t)
			for _, m := range s.Letters.All() {
				if m.To == phone {
					n++
				}
			}
			return n
		}
		before := texts()
		if err := s.Keeper.SendText(noCtx, half.Cookie); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if err := s.Keeper.SendText(noCtx, half.Cookie); !fault.Is(err, fault.RateLimited) || fault.Of(err).RetryAfter < 28*time.Second || fault.Of(err).RetryAfter > 30*time.Second {
			t.Errorf("at once again: %v", err)
		}
		for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 2 * time.Minute} {
			s.Clock.Move(wait)
			if err := s.Keeper.SendText(noCtx, half.Cookie); err != nil {
				t.Fatalf("after %v: %v", wait, err)
			}
			s.Run(t)
		}
		if n := texts() - before; n != 3 {
			t.Errorf("%d texts to one number in an hour, want 3, and the same answer for the rest", n)
		}
	})
}

func TestABrowserCanBeSparedTheSecondFactorButNeverAStepUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		codes := withCodes(t, s, e)
		withPhone(t, s, e)
		half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		e, err = s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByRecovery, Typed: codes[1], Trust: true})
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Device: e.Device})
		if err != nil || again.Half {
			t.Fatalf("in a trusted browser: %+v, %v", again, err)
		}
		if st := who(t, s, again.Cookie); st.Fresh || st.Level != access.Password {
			t.Errorf("a trusted browser stands as %+v", st)
		}
		if _, err := s.Keeper.Prove(noCtx, visitor(again), account.Proof{Method: account.ByPassword, Typed: good}); err == nil {
			t.Error("a step-up by the password, where a second factor is on")
		}
		s.Clock.Move(account.TrustFor)
		if again, err = s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Device: e.Device}); err != nil || !again.Half {
			t.Errorf("after thirty days: %+v, %v", again, err)
		}
	})
}

func TestALostFactorTakesTwoProofsAWaitAndNotice(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		withPhone(t, s, e)
		pass := good
		lose := func() (account.Entry, error) {
			half, err := s.Keeper.SignIn(noCtx, ada, pass, account.Visitor{Agent: safariOn})
			if err != nil || !half.Half {
				t.Fatalf("%+v, %v", half, err)
			}
			if err := s.Keeper.AskLost(noCtx, half.Cookie); err != nil {
				t.Fatal(err)
			}
			return s.Keeper.AnswerLost(noCtx, s.Code(t, ada), account.Visitor{Cookie: half.Cookie, Agent: safariOn})
		}
		if e, err := lose(); err != nil || e.Cookie != "" {
			t.Fatalf("at once: %+v, %v", e, err)
		}
		mail, text := s.Letter(t, ada), s.Letter(t, phone)
		if !strings.Contains(mail.Text, "/account/undo?token=") || !strings.Contains(text.Text, "second step") {
			t.Errorf("told by %q and %q", mail.Subject, text.Text)
		}
		s.Clock.Move(71 * time.Hour)
		if e, err := lose(); err != nil || e.Cookie != "" {
			t.Fatalf("after 71 hours: %+v, %v", e, err)
		}
		// One click stops it.
		_, link, _ := strings.Cut(mail.Text, "/account/undo?token=")
		link, _, _ = strings.Cut(link, "\n")
		if u, err := s.Keeper.Undoing(noCtx, link); err != nil || u.Kind != "lost" {
			t.Fatalf("the link is about %+v, %v", u, err)
		}
		if err := s.Keeper.Undo(noCtx, link, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the password that the thief knew signs in: %v", err)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM sessions WHERE owner = $1`, e.Account); n != 0 {
			t.Errorf("%d sessions live on", n)
		}
		if m := s.Letter(t, ada); !strings.Contains(m.Text, "Forgotten password?") {
			t.Errorf("the mailbox is not told how to set a new one: %q", m.Text)
		}
		resetTo(t, s, ada, better)
		pass = better
		s.Clock.Move(8 * 24 * time.Hour) // the reset by mail is long enough ago
		if e, err := lose(); err != nil || e.Cookie != "" {
			t.Fatalf("stopped, and then: %+v, %v", e, err)
		}
		s.Clock.Move(72 * time.Hour)
		e, err := lose()
		if err != nil || e.Cookie == "" {
			t.Fatalf("after 72 hours: %+v, %v", e, err)
		}
		f, err := s.Keeper.Factors(noCtx, e.Account)
		if err != nil || len(f.Second) != 0 || f.Codes != 0 || f.Strong {
			t.Errorf("left: %+v, %v", f, err)
		}
	})
}

func TestAPasswordSetByMailIsNoProofBesideTheMail(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		withPhone(t, s, e)
		ticket, _ := s.Keeper.AskReset(noCtx, ada, account.Visitor{})
		pass, err := s.Keeper.AnswerReset(noCtx, ticket, s.Code(t, ada))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, better, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		half, err := s.Keeper.SignIn(noCtx, ada, better, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.AskLost(noCtx, half.Cookie); !fault.Is(err, fault.Conflict) {
			t.Errorf("one mailbox is two proofs: %v", err)
		}
	})
}

func TestAnotherMailboxAndTheWayBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const newer = "ada@lovelace.example"
		e := join(t, s, ada, good)
		join(t, s, "bob@example.com", better)
		st := who(t, s, e.Cookie)
		if _, err := s.Keeper.AskMove(noCtx, st, "bob@example.com"); err != nil {
			t.Errorf("a mailbox that has an account answers differently: %v", err)
		}
		if s.Code(t, "bob@example.com") != "" {
			t.Error("a code was mailed to somebody else's account")
		}
		ticket, err := s.Keeper.AskMove(noCtx, st, newer)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.AnswerMove(noCtx, st, ticket, s.Code(t, newer), visitor(e)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the old address signs in: %v", err)
		}
		if _, err := s.Keeper.SignIn(noCtx, newer, good, account.Visitor{}); err != nil {
			t.Errorf("the new address: %v", err)
		}
		if err := s.Keeper.SavePlace(noCtx, st, store.Place{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("an address is added in the day after: %v", err)
		}
		mail := s.Letter(t, ada)
		_, link, ok := strings.Cut(mail.Text, "/account/undo?token=")
		if !ok {
			t.Fatalf("the old mailbox got %q", mail.Text)
		}
		link, _, _ = strings.Cut(link, "\n")
		if err := s.Keeper.Undo(noCtx, link+"x", account.Visitor{}); err == nil {
			t.Error("a forged link undoes something")
		}
		if err := s.Keeper.Undo(noCtx, link, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		if st := who(t, s, e.Cookie); st.Account != "" {
			t.Error("whoever changed it is still signed in")
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("the password that the thief knows still works: %v", err)
		}
		if err := s.Keeper.Undo(noCtx, link, account.Visitor{}); err == nil {
			t.Error("undone twice")
		}
	})
}

func TestGuestOrdersComeWithTheMailboxAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		v := s.Product(t, "kettle", 4900, shoptest.Counted(10))
		placed, err := s.Place(s.Ready(t, v.ID, 1), "one")
		if err != nil {
			t.Fatal(err)
		}
		mailbox := shoptest.Ada().Email
		ticket, err := s.Keeper.Register(noCtx, mailbox, good)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Keeper.FinishRegister(noCtx, ticket, s.Code(t, mailbox), account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.Keeper.Orders(noCtx, e.Account, 10)
		if err != nil || len(list) != 1 || list[0].Number != placed.Order.Number {
			t.Fatalf("got %d orders, %v", len(list), err)
		}
		b := join(t, s, "bob@example.com", better)
		if _, err := s.Keeper.Order(noCtx, b.Account, placed.Order.Number); !fault.Is(err, fault.NotFound) {
			t.Errorf("another's order: %v", err)
		}
		// A later guest order of the same mailbox comes after a new proof, not before.
		later, err := s.Place(s.Ready(t, v.ID, 1), "two")
		if err != nil {
			t.Fatal(err)
		}
		if list, _ = s.Keeper.Orders(noCtx, e.Account, 10); len(list) != 1 {
			t.Errorf("%d orders without a proof", len(list))
		}
		st := who(t, s, e.Cookie)
		ticket, err = s.Keeper.AskClaim(noCtx, st)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Keeper.AnswerClaim(noCtx, st, ticket, s.Code(t, mailbox)); n != 1 || err != nil {
			t.Errorf("%d found, %v", n, err)
		}
		if _, err := s.Keeper.Order(noCtx, e.Account, later.Order.Number); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAccountThatEndsTakesEverythingWithIt(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		withPhone(t, s, e)
		s.Clock.Move(37 * 31 * 24 * time.Hour)
		var due []store.DueDossier
		err := s.DB.InTx(context.Background(), ledger.System("test"), func(tx *store.Tx) (err error) {
			for _, p := range []personal.Purpose{personal.Account, personal.Security} {
				list, err := tx.DueDossiers(p, 100)
				if err != nil {
					return err
				}
				due = append(due, list...)
			}
			for _, d := range due {
				if err := tx.Destroy(d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		raw := s.Raw(t)
		for _, table := range []string{"accounts", "account_details", "factors", "recovery_codes", "sessions", "devices", "letters", "changes", "texts_sent"} {
			if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM `+table+` WHERE owner = $1`, e.Account); n != 0 {
				t.Errorf("%s keeps %d rows", table, n)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE subject = $1 AND state <> 'destroyed'`, e.Account); n != 0 {
			t.Errorf("%d dossiers live on", n)
		}
	})
}

func TestTheMessageCentreListsWhatWasSent(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		v := s.Product(t, "kettle", 4900, shoptest.Counted(10))
		placed, err := s.Place(s.Ready(t, v.ID, 1), "one")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(placed); err != nil {
			t.Fatal(err)
		}
		mailbox := shoptest.Ada().Email
		s.Run(t)
		e := join(t, s, mailbox, good)
		s.Run(t)
		list, err := s.Keeper.Messages(noCtx, e.Account)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, l := range list {
			got[l.Kind] = true
			if l.SentAt.IsZero() {
				t.Errorf("%s is not marked as sent", l.Kind)
			}
		}
		if !got["welcome"] || !got["mail.confirmed"] {
			t.Errorf("listed: %v", got)
		}
		b := join(t, s, "bob@example.com", better)
		if list, _ := s.Keeper.Messages(noCtx, b.Account); len(list) != 1 {
			t.Errorf("somebody else's centre has %d messages, want the welcome", len(list))
		}
	})
}
