package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const eve = "eve@example.com"

// The tests of this file are about Eve, who can write the database and has none
// of the shop's keys. She signs in as nobody but herself.

func TestWhoWritesTheDatabaseTurnsNoCodeIntoAnothers(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		victim, thief := join(t, s, ada, good), join(t, s, eve, better)
		raw := s.Raw(t)
		ask := func(email string) (ticket, id string) {
			t.Helper()
			s.Clock.Move(20 * time.Minute) // no code of before is shared
			ticket, err := s.Keeper.AskReset(noCtx, email, account.Visitor{})
			if err != nil {
				t.Fatal(err)
			}
			id, _, _ = strings.Cut(ticket, ".")
			return ticket, id
		}
		opens := func(how, ticket string) {
			t.Helper()
			if pass, err := s.Keeper.AnswerReset(noCtx, ticket, s.Code(t, eve)); err == nil {
				t.Errorf("%s: it opens %.36s", how, pass)
			}
		}

		ticket, id := ask(eve)
		s.Run(t)
		shoptest.Do(t, raw, `UPDATE challenges SET subject = $1 WHERE owner = $2`, victim.Account, id)
		opens("her code, and then another's account", ticket)

		mine, own := ask(eve)
		_ = mine
		s.Run(t)
		ticket, id = ask(ada)
		shoptest.Do(t, raw, `UPDATE challenges SET code_of = $1 WHERE owner = $2`, own, id)
		opens("another's challenge, and her code", ticket)

		ticket, id = ask(ada)
		shoptest.Do(t, raw, `UPDATE challenges SET subject = $1 WHERE owner = $2`, thief.Account, id)
		shoptest.Do(t, raw, `UPDATE letters SET object = $1 WHERE owner = $2`, id, thief.Account)
		shoptest.Do(t, raw, `UPDATE jobs SET owner = $1, ref = (SELECT max(id) FROM letters WHERE owner = $1) WHERE ref IN (SELECT id FROM letters WHERE owner = $2 AND object = $3)`, thief.Account, victim.Account, id)
		s.Run(t)
		shoptest.Do(t, raw, `UPDATE challenges SET subject = $1 WHERE owner = $2`, victim.Account, id)
		opens("another's code in a letter to her", ticket)
	})
}

func TestWhoWritesTheDatabaseMakesNoWaitShorter(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withPhone(t, s, e)
		e, err := s.Keeper.SignIn(noCtx, ada, good, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		withCodes(t, s, e)
		half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		v := account.Visitor{Cookie: half.Cookie}
		lost := func() (account.Entry, error) {
			t.Helper()
			s.Clock.Move(time.Minute)
			if err := s.Keeper.AskLost(noCtx, half.Cookie); err != nil {
				t.Fatal(err)
			}
			return s.Keeper.AnswerLost(noCtx, s.Code(t, ada), v)
		}
		if got, err := lost(); err != nil || got.Cookie != "" {
			t.Fatalf("got %+v, %v", got, err)
		}
		raw := s.Raw(t)
		if n := shoptest.Do(t, raw, `UPDATE changes SET due_at = $1 WHERE kind = 'lost'`, s.Clock.Now().UnixMilli()); n != 1 {
			t.Fatalf("%d waits", n)
		}
		if got, err := lost(); err == nil {
			t.Errorf("a wait made shorter: %+v", got)
		}
		shoptest.Do(t, raw, `UPDATE changes SET old_value = NULL, new_value = NULL WHERE kind = 'lost'`)
		if got, err := lost(); err == nil {
			t.Errorf("a wait made up: %+v", got)
		}
	})
}

func TestWhoWritesTheDatabaseGivesNobodyARole(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		invite := func(id string) {
			t.Helper()
			if err := s.DB.InTx(noCtx, ledger.System("test"), func(x *store.Tx) error {
				return x.NewInvite(store.Invite{ID: id, Role: access.Auditor, MadeBy: "o", EndsAt: s.Clock.Now().Add(time.Hour)}, "t")
			}); err != nil {
				t.Fatal(err)
			}
		}
		taken := func(id string) error {
			return s.DB.View(noCtx, func(v *store.View) error { _, err := v.Invite(id, "t"); return err })
		}
		raw := s.Raw(t)
		for _, set := range []string{`role = 'owner'`, `confirmed = TRUE`, `made_by = ''`, `account = 'o'`, `ends_at = ends_at + 1`} {
			id := store.NewID()
			invite(id)
			if err := taken(id); err != nil {
				t.Fatal(err)
			}
			shoptest.Do(t, raw, `UPDATE invites SET `+set+` WHERE owner = $1`, id)
			if taken(id) == nil {
				t.Errorf("an invitation with %s can be taken", set)
			}
		}

		staff := store.Account{ID: store.NewID(), Role: access.Auditor, State: store.AccountOpen}
		staff.Email = email(t, "sam@example.com")
		token := strings.Repeat("a", 43)
		session := store.Session{Owner: staff.ID, Name: "n", Level: access.TwoFactors, MadeAt: s.Clock.Now(), SeenAt: s.Clock.Now(), EndsAt: s.Clock.Now().Add(time.Hour)}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(x *store.Tx) error {
			if err := x.NewAccount(staff); err != nil {
				return err
			}
			return x.NewSession(staff, session, token)
		}); err != nil {
			t.Fatal(err)
		}
		cookie := staff.ID + "." + token
		if st := who(t, s, cookie); st.Role != access.Auditor {
			t.Fatalf("stands as %+v", st)
		}
		shoptest.Do(t, raw, `UPDATE accounts SET role = 'owner' WHERE owner = $1`, staff.ID)
		if st := who(t, s, cookie); st.Account != "" {
			t.Errorf("a session got the role %q", st.Role)
		}
		if a, err := s.Keeper.Account(noCtx, staff.ID); err == nil {
			t.Errorf("an account got the role %q", a.Role)
		}
		shoptest.Do(t, raw, `UPDATE accounts SET role = 'auditor', state = 'disabled' WHERE owner = $1`, staff.ID)
		if _, err := s.Keeper.Account(noCtx, staff.ID); err == nil {
			t.Error("an account was disabled, or opened, by a word in the database")
		}
		shoptest.Do(t, raw, `UPDATE accounts SET state = 'open' WHERE owner = $1`, staff.ID)

		// The shop itself changes both, back and forth.
		by := ledger.System("test")
		owner := store.Account{ID: store.NewID(), Role: access.Owner, State: store.AccountWaiting, Email: email(t, "olga@example.com")}
		if err := s.DB.InTx(noCtx, by, func(x *store.Tx) error { return x.NewAccount(owner) }); err != nil {
			t.Fatal(err)
		}
		for _, step := range []func() error{
			func() error { return s.Keeper.ConfirmStaff(noCtx, by, owner.ID) },
			func() error { return s.Keeper.SetRole(noCtx, by, staff.ID, access.Manager) },
			func() error { return s.Keeper.DisableStaff(noCtx, by, staff.ID) },
			func() error { return s.Keeper.EnableStaff(noCtx, by, staff.ID) },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		a, err := s.Keeper.Account(noCtx, staff.ID)
		if err != nil || a.Role != access.Manager || a.State != store.AccountOpen || !a.Email.Equal(staff.Email) {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

func email(t *testing.T, typed string) contact.Email {
	t.Helper()
	e, err := contact.ParseEmail(typed)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhoWritesTheDatabaseTrustsNoBrowserAndOwnsNoOrder(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withPhone(t, s, e)
		e, err := s.Keeper.SignIn(noCtx, ada, good, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		withCodes(t, s, e)
		raw := s.Raw(t)
		shoptest.Do(t, raw, `UPDATE devices SET trusted_until = $1`, s.Clock.Now().Add(time.Hour).UnixMilli())
		if got, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Device: e.Device}); err == nil && !got.Half {
			t.Errorf("a browser is trusted by a word in the database: %+v", got)
		}
		shoptest.Do(t, raw, `UPDATE devices SET agent = NULL`)
		if got, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{Device: e.Device}); err != nil || !got.Half {
			t.Errorf("a browser without a seal is trusted: %+v, %v", got, err)
		}

		thief := join(t, s, eve, better)
		subject := store.NewID()
		shoptest.Do(t, raw, `INSERT INTO links (owner, subject, how, made_at) VALUES ($1, $2, 'mailbox', 1)`, thief.Account, subject)
		own := func(owner string) (own bool) {
			if err := s.DB.View(noCtx, func(v *store.View) (err error) { own, err = v.Linked(owner, subject); return err }); err != nil {
				t.Fatal(err)
			}
			return own
		}
		if own(thief.Account) {
			t.Error("an order was made her own by a word in the database")
		}
		shoptest.Do(t, raw, `DELETE FROM links`)
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(x *store.Tx) error { _, err := x.Link(e.Account, subject, "mailbox"); return err }); err != nil {
			t.Fatal(err)
		}
		if !own(e.Account) {
			t.Error("the shop's own link does not hold")
		}
		shoptest.Do(t, raw, `UPDATE links SET owner = $1`, thief.Account)
		if own(thief.Account) {
			t.Error("a link was turned to another account")
		}
	})
}

// TestUndoingANewNumberBringsTheOldOneBack: whoever reads the mail of an
// account does not take its second factor away.
func TestUndoingANewNumberBringsTheOldOneBack(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		withPhone(t, s, e)
		half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.SendText(noCtx, half.Cookie); err != nil {
			t.Fatal(err)
		}
		e, err = s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.BySMS, Typed: s.Code(t, phone)})
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(5 * time.Minute)
		const next = "+4916055512345"
		st := who(t, s, e.Cookie)
		if err := s.Keeper.BeginPhone(noCtx, st, e.Cookie, next, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.ConfirmPhone(noCtx, st, e.Cookie, s.Code(t, next), visitor(e)); err != nil {
			t.Fatal(err)
		}
		_, link, _ := strings.Cut(s.Letter(t, ada).Text, "/account/undo?token=")
		link, _, _ = strings.Cut(link, "\n")
		if err := s.Keeper.Undo(noCtx, link, account.Visitor{}); err != nil {
			t.Fatal(err)
		}
		f, err := s.Keeper.Factors(noCtx, e.Account)
		if err != nil || !f.Strong || f.Password || len(f.Second) != 1 || string(f.Second[0].Secret) != phone {
			t.Errorf("left: %+v, %v", f, err)
		}
	})
}
