package checkout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestNoFormsTogetherBuryAMailbox: each form has a bound of its own; somebody who
// uses all of them against one address meets one for all. What the owner of the
// mailbox pays for is written about all the same, and codes still come.
func TestNoFormsTogetherBuryAMailbox(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const victim = "ada@example.com"
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(500))
		for i := range 30 {
			v := s.Product(t, fmt.Sprint("gone-", i), 900, shoptest.Counted(0))
			if _, err := s.Desk.AskWish(noCtx, v.ID, victim); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 6 {
			p := place(t, s, s.Ready(t, bowl.ID, 1), fmt.Sprint("key-", i))
			for range 3 {
				if err := s.Desk.Resend(noCtx, p.Order.Number, p.Token); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Desk.AskCode(noCtx, string(p.Order.Number), victim, false); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Keeper.Register(noCtx, victim, "kestrel over quiet harbour"); err != nil {
					t.Fatal(err)
				}
			}
			s.RunAll(t)
			if _, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token); err != nil {
				t.Fatal(err)
			}
			s.RunAll(t)
		}
		for i := range 30 {
			s.Product(t, fmt.Sprint("gone-", i), 900, shoptest.Counted(3))
		}
		for range 3 {
			if _, err := s.Desk.SendWishes(noCtx); err != nil {
				t.Fatal(err)
			}
		}
		got := len(s.Letters.All())
		t.Logf("six orders, resends, codes, sign-ups and 30 wishes made %d letters", got)
		// Twenty of all kinds, and a long code for each thing that has one.
		if got < 15 || got > 20+7 {
			t.Errorf("%d letters came, want about 20 and no more than 27", got)
		}
		// What does not fit waits, and comes one by one: nobody who asked is forgotten.
		waiting := count(t, s, `SELECT count(*) FROM wishes`)
		if waiting == 0 {
			t.Error("no wish waits: this test shows nothing")
		}
		for left := waiting; left > 0; left-- {
			s.Clock.Move(abuse.Letters.Weight().One + time.Second)
			before := len(s.Letters.All())
			if n, err := s.Desk.SendWishes(noCtx); err != nil || n > 2 {
				t.Fatalf("%d of %d wishes were sent at once: %v", n, left, err)
			}
			if n := len(s.Letters.All()) - before; n > 2 {
				t.Errorf("%d letters came in three quarters of an hour", n)
			}
		}
		if left := count(t, s, `SELECT count(*) FROM wishes`); left != 0 {
			t.Errorf("%d of %d wishes are still unsent", left, waiting)
		}
		got = len(s.Letters.All())
		p := place(t, s, s.Ready(t, bowl.ID, 1), "paid")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if n := len(s.Letters.All()) - got; n != 1 {
			t.Errorf("%d letters about the order that was paid, want 1", n)
		}
		before := len(s.Letters.All())
		if _, err := s.Desk.AskCode(noCtx, string(p.Order.Number), victim, false); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if n := len(s.Letters.All()) - before; n != 1 {
			t.Errorf("the mailbox gets no code any more")
		}
	})
}

// TestSpellingsOfOneMailboxHaveOneBound: a service that delivers ada+anything to Ada is
// no way around it. Two people with such addresses are two people all the same: nobody
// is found, or let in, by another's.
func TestSpellingsOfOneMailboxHaveOneBound(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		order := func(email string) checkout.Placed {
			b := s.Basket(t, s.Product(t, "bowl-"+store.NewID(), 3900, shoptest.Counted(5)).ID, 1)
			in := shoptest.Ada()
			in.Email = email
			if _, err := s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
				t.Fatal(err)
			}
			p := place(t, s, b, "key-1")
			if err := s.Approve(p); err != nil {
				t.Fatal(err)
			}
			s.RunAll(t)
			return p
		}
		ada, eve := order("team+ada@example.com"), order("team+eve@example.com")
		codes := func(p checkout.Placed, email string) int {
			before := len(s.Letters.All())
			if _, err := s.Desk.AskCode(noCtx, string(p.Order.Number), email, false); err != nil {
				t.Fatal(err)
			}
			s.RunAll(t)
			return len(s.Letters.All()) - before
		}
		if codes(ada, "team+eve@example.com") != 0 || codes(ada, "team@example.com") != 0 || codes(eve, "team+eve@example.com") != 1 {
			t.Error("an order is not found by its own address alone")
		}
		for _, p := range []checkout.Placed{ada, eve} {
			to, err := contact.ParseEmail(map[string]string{string(ada.Order.ID): "team+ada@example.com", string(eve.Order.ID): "team+eve@example.com"}[string(p.Order.ID)])
			if err != nil {
				t.Fatal(err)
			}
			err = s.DB.View(noCtx, func(v *store.View) error {
				found, err := v.PersonOf(to)
				if len(found) != 1 || found[0] != p.Order.Owner {
					t.Errorf("got %v, want the one who ordered", found)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}

		before := len(s.Letters.All())
		for i := range 30 {
			if _, err := s.Keeper.Register(noCtx, fmt.Sprintf("team+%d@example.com", i), "kestrel over quiet harbour"); err != nil {
				t.Fatal(err)
			}
			s.RunAll(t)
		}
		if got := len(s.Letters.All()) - before; got < 15 || got > 20 {
			t.Errorf("%d letters came by thirty spellings, want about 20 and no more", got)
		}
		// Who has the plain address, or bought something, still gets codes.
		before = len(s.Letters.All())
		if _, err := s.Keeper.Register(noCtx, "team@example.com", "kestrel over quiet harbour"); err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if got := len(s.Letters.All()) - before; got != 1 {
			t.Errorf("got %d letters to the plain address, want a code", got)
		}
		// So does who spells an address as people do at Gmail, while strangers spell it on.
		letters := func(email string) int {
			before := len(s.Letters.All())
			if _, err := s.Keeper.Register(noCtx, email, "kestrel over quiet harbour"); err != nil {
				t.Fatal(err)
			}
			s.RunAll(t)
			return len(s.Letters.All()) - before
		}
		sum := 0
		for i := range 20 {
			sum += letters(fmt.Sprintf("gracehopper+%d@gmail.com", i)) + letters(fmt.Sprintf("g.r.acehopper%s@gmail.com", strings.Repeat("+", i+1)))
		}
		if sum < 15 || sum > 20 {
			t.Errorf("%d letters came by forty spellings, want about 20 and no more", sum)
		}
		for _, email := range []string{"grace.hopper@gmail.com", "gracehopper@googlemail.com"} {
			if got := letters(email); got != 1 {
				t.Errorf("got %d letters to %s, want a code", got, email)
			}
		}
		if codes(ada, "team+ada@example.com") != 1 {
			t.Error("whoever ordered gets no code any more")
		}
		if got := s.Dump(t); strings.Contains(got, "team@example.com") {
			t.Error("the database tells the mailbox")
		}
	})
}

// TestALetterThatIsTriedAgainCountsOnce: a mail server that is away takes nobody's
// letters; over midnight neither.
func TestALetterThatIsTriedAgainCountsOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		to, err := contact.ParseEmail("ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		now := s.DB.Now()
		s.Clock.Move(now.Truncate(24 * time.Hour).Add(24*time.Hour - time.Minute).Sub(now))
		may := func(id string) (ok bool) {
			t.Helper()
			err := s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) (err error) { ok, err = tx.MayWrite(to, id); return err })
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		fill := func(name string) (n int) {
			for may(fmt.Sprint(name, " ", n)) {
				if n++; n > 100 {
					break
				}
			}
			return n
		}
		for i := range 100 {
			if !may("the same") {
				t.Fatalf("try %d of one letter was one letter more", i+1)
			}
		}
		if n := fill("before midnight"); n != 19 {
			t.Errorf("%d letters may be written at once, want 20", n+1)
		}
		s.Clock.Move(2 * time.Minute) // into the next day
		if !may("the same") || may("after midnight") {
			t.Error("what was counted before midnight is forgotten after it")
		}
		s.Clock.Move(44 * time.Minute)
		if n := fill("later"); n != 1 {
			t.Errorf("after three quarters of an hour %d more may come, want 1", n)
		}
	})
}
