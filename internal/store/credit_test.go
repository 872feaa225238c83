package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

var euro = func() money.Currency { c, _ := money.ParseCurrency("EUR"); return c }()

func eur(minor int64) money.Amount { return money.Of(minor, euro) }

// card issues a gift card and returns it with its code.
func card(t testing.TB, s *shoptest.Shop, minor int64, ends time.Time) (credit.ID, credit.Code) {
	t.Helper()
	id, code := credit.ID(store.NewID()), credit.NewCode()
	inTx(t, s, func(t *store.Tx) error {
		if _, err := t.OpenCredit(store.Credit{ID: id, Kind: credit.Card, Source: credit.Granted, EndsAt: ends}, code, euro); err != nil {
			return err
		}
		_, err := t.IssueCredit(id, "issue", eur(minor))
		return err
	})
	return id, code
}

func part(id credit.ID, minor int64) credit.Part {
	return credit.Part{ID: id, Kind: credit.Card, Amount: eur(minor)}
}

// wantCredit checks a card's figures, and that the whole journal adds up.
func wantCredit(t testing.TB, s *shoptest.Shop, id credit.ID, balance, held int64) {
	t.Helper()
	var c store.Credit
	view(t, s, func(v *store.View) (err error) { c, err = v.Credit(id); return err })
	if c.Balance.Minor() != balance || c.Held.Minor() != held {
		t.Errorf("balance %d and held %d, want %d and %d", c.Balance.Minor(), c.Held.Minor(), balance, held)
	}
	wantEven(t, s)
}

func wantEven(t testing.TB, s *shoptest.Shop) {
	t.Helper()
	r, err := s.DB.VerifyCredit(noCtx)
	if err != nil || len(r.Wrong) > 0 {
		t.Errorf("the journal does not add up: %v %v", r.Wrong, err)
	}
}

func TestFortyRedeemersOfOneCard(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, _ := card(t, s, 2500, time.Time{})
		won, errs := make([]bool, 40), make([]error, 40)
		var group sync.WaitGroup
		start := make(chan struct{})
		for i := range won {
			group.Go(func() {
				<-start
				o := order.ID(fmt.Sprint("order-", i))
				errs[i] = s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
					return t.HoldCredit(part(id, 1000), o, "cart", t.Now().Add(time.Hour))
				})
				won[i] = errs[i] == nil
			})
		}
		close(start)
		group.Wait()
		n := 0
		for i := range won {
			if won[i] {
				n++
			} else if !errors.Is(errs[i], credit.ErrShort) {
				t.Errorf("redeemer %d got %v, want to be told that not so much is left", i, errs[i])
			}
		}
		if n != 2 {
			t.Errorf("%d of 40 got 10 euro of a card of 25, want 2", n)
		}
		wantCredit(t, s, id, 500, 2000)
		// Whoever won is paid with it, several times at once, and it counts once.
		for i := range won {
			group.Go(func() {
				err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
					return t.TakeCredit(part(id, 1000), order.ID(fmt.Sprint("order-", i)), "cart")
				})
				if won[i] != (err == nil) {
					t.Errorf("order %d, which held: %v, was paid: %v", i, won[i], err)
				}
			})
		}
		group.Wait()
		wantCredit(t, s, id, 500, 0)
	})
}

func TestARefundGoesBackToTheCardOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, _ := card(t, s, 2500, time.Time{})
		inTx(t, s, func(t *store.Tx) error { return t.TakeCredit(part(id, 2000), "o1", "cart") })
		inTx(t, s, func(t *store.Tx) error { return t.TakeCredit(part(id, 2000), "o1", "cart") })
		wantCredit(t, s, id, 500, 0)
		var group sync.WaitGroup
		for i := range 30 { // three refunds of 8 euro, each ten times: two fit into 20
			group.Go(func() {
				err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
					return t.GiveBackCredit([]credit.Part{part(id, 0)}, "o1", fmt.Sprint("refund-", i%3), eur(800))
				})
				if err != nil && !errors.Is(err, credit.ErrShort) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		wantCredit(t, s, id, 500+1600, 0)
		inTx(t, s, func(t *store.Tx) error { return t.TakeCredit(part(id, 2000), "o1", "cart") }) // the job once more
		wantCredit(t, s, id, 500+1600, 0)
	})
}

func TestACardIsFoundByItsCodeAndItsCodeIsNowhere(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, code := card(t, s, 2500, time.Time{})
		view(t, s, func(v *store.View) error {
			c, err := v.CardByCode(code)
			if c.ID != id || c.Last != code.Last() || c.Spendable(v.Now()) != eur(2500) {
				t.Errorf("the code opens %+v", c)
			}
			if _, err := v.CardByCode(credit.NewCode()); !fault.Is(err, fault.NotFound) {
				t.Errorf("a code that nobody issued gave %v", err)
			}
			return err
		})
		dump := s.Dump(t)
		if strings.Contains(dump, code.Reveal()) || strings.Contains(dump, string(code.Key())) {
			t.Error("the code is in the database")
		}
		if !s.OnPostgres() && files(t, s, code.Reveal(), string(code.Key())) {
			t.Error("the code is in the shop's files")
		}
	})
}

func TestACardExpiresAndAnotherIsCancelled(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		short, _ := card(t, s, 2500, s.DB.Now().Add(time.Hour))
		lost, _ := card(t, s, 4000, time.Time{})
		inTx(t, s, func(t *store.Tx) error { return t.TakeCredit(part(short, 1000), "o1", "cart") })
		inTx(t, s, func(t *store.Tx) error { return t.HoldCredit(part(lost, 1500), "o2", "cart", t.Now().Add(time.Hour)) })
		inTx(t, s, func(t *store.Tx) error { return t.CancelCredit(lost) })
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.CancelCredit(lost) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("cancelled twice: %v", err)
		}
		s.Clock.Move(2 * time.Hour)
		for _, id := range []credit.ID{short, lost} {
			err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.HoldCredit(part(id, 100), "o3", "cart", t.Now()) })
			if !errors.Is(err, credit.ErrShort) {
				t.Errorf("a dead card paid: %v", err)
			}
		}
		for range 2 {
			inTx(t, s, func(t *store.Tx) error { _, err := t.ExpireCredits(10); return err })
		}
		wantCredit(t, s, short, 0, 0)
		wantCredit(t, s, lost, 0, 1500)
		// Money that goes back to an expired card can be spent again for a while.
		inTx(t, s, func(t *store.Tx) error {
			return t.GiveBackCredit([]credit.Part{part(short, 0)}, "o1", "refund", eur(1000))
		})
		inTx(t, s, func(t *store.Tx) error { return t.HoldCredit(part(short, 1000), "o4", "cart", t.Now().Add(time.Hour)) })
		wantCredit(t, s, short, 0, 1000)
	})
}

// TestAnyActsInAnyOrderAddUp draws acts of two orders about a card, and
// holds the store against the rules.
func TestAnyActsInAnyOrderAddUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		rapid.Check(t, func(r *rapid.T) {
			id, _ := card(t, s, 3000, time.Time{})
			book := credit.Book{{Side: credit.Issued}: eur(-3000), {Side: credit.Balance}: eur(3000)}
			for i := range rapid.IntRange(1, 12).Draw(r, "acts") {
				o := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "order")
				amount := eur(rapid.Int64Range(1, 2500).Draw(r, "amount"))
				do := rapid.SampledFrom([]credit.Doing{credit.Hold, credit.Release, credit.Take, credit.GiveBack}).Draw(r, "do")
				owner := order.ID(string(id) + "/" + o)
				held := book[credit.Key{Side: credit.Held, Order: string(owner)}]
				if do == credit.Hold && held.Minor() > 0 || do != credit.Hold && do != credit.GiveBack && held.Minor() == 0 {
					continue
				}
				if do == credit.Release || do == credit.Take {
					amount = held
				}
				err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) (err error) {
					switch do {
					case credit.Hold:
						return t.HoldCredit(part(id, amount.Minor()), owner, "cart", t.Now().Add(time.Hour))
					case credit.Release:
						return t.ReleaseCredit(owner, t.Now().Add(2*time.Hour))
					case credit.Take:
						return t.TakeCredit(part(id, amount.Minor()), owner, "cart")
					}
					return t.GiveBackCredit([]credit.Part{part(id, 0)}, owner, fmt.Sprint("refund-", i), amount)
				})
				entries, _ := credit.Act(do, string(owner), amount)
				taken := do == credit.Hold && err == nil && !held.Currency().IsZero() && shoptest.One[int64](t, raw, `SELECT count(*) FROM credit_entries WHERE credit = $1 AND order_id = $2 AND doing = 'take'`, string(id), string(owner)) > 0
				if taken {
					continue // an order that has paid holds nothing again
				}
				if want := book.Post(entries); (err == nil) != (want == nil) {
					r.Fatalf("%s %v: the store says %v, the rules %v", do, amount, err, want)
				}
			}
			wantCredit(t, s, id, book[credit.Key{Side: credit.Balance}].Minor(), book[credit.Key{Side: credit.Held, Order: string(id) + "/a"}].Minor()+book[credit.Key{Side: credit.Held, Order: string(id) + "/b"}].Minor())
		})
	})
}

func TestWhoWritesIntoTheBooksIsNoticed(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, _ := card(t, s, 2500, time.Time{})
		wantEven(t, s)
		raw := s.Raw(t)
		for _, q := range []string{`UPDATE credit_entries SET amount = 9 WHERE credit = $1`, `DELETE FROM credit_entries WHERE credit = $1`, `UPDATE credit_sides SET amount = -1 WHERE credit = $1 AND side = 'balance'`} {
			if _, err := raw.Exec(q, string(id)); err == nil {
				t.Errorf("the database let it happen: %s", q)
			}
		}
		shoptest.Do(t, raw, `UPDATE credit_sides SET amount = 9900 WHERE credit = $1 AND side = 'balance'`, string(id))
		r, err := s.DB.VerifyCredit(noCtx)
		if err != nil || len(r.Wrong) != 1 || !strings.Contains(r.Wrong[0], string(id)) {
			t.Errorf("a balance that was raised by hand gave %v, %v", r.Wrong, err)
		}
	})
}

// TestWhoWritesAllOfAnActIsNoticed: an act that adds up, on both sides and in its
// entries, is in the books and not in the ledger; and one that is gone from the ledger
// is missing there.
func TestWhoWritesAllOfAnActIsNoticed(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, _ := card(t, s, 2500, time.Time{})
		r, err := s.DB.VerifyCredit(noCtx)
		if err != nil || len(r.Wrong) != 0 || r.Events != 1 {
			t.Fatalf("got %+v, %v, want one act, in both", r, err)
		}
		raw := s.Raw(t)
		for _, q := range []string{
			`INSERT INTO credit_entries (credit, act, side, order_id, doing, amount, at) VALUES ($1, 'forged', 'issued', '', 'issue', -7400, 0), ($1, 'forged', 'balance', '', 'issue', 7400, 0)`,
			`UPDATE credit_sides SET amount = amount + CASE WHEN side = 'issued' THEN -7400 ELSE 7400 END WHERE credit = $1`,
		} {
			shoptest.Do(t, raw, q, string(id))
		}
		want := "credit " + string(id) + ", issue : 2 in the books, of 9900 together, and 1 in the ledger, of 2500"
		if r, err = s.DB.VerifyCredit(noCtx); err != nil || len(r.Wrong) != 1 || r.Wrong[0] != want {
			t.Errorf("an act that was written by hand gave %q, %v", r.Wrong, err)
		}
		other, _ := card(t, s, 500, time.Time{})
		if s.OnPostgres() {
			shoptest.Do(t, raw, `ALTER TABLE events DISABLE TRIGGER USER`)
		} else {
			for _, name := range triggers(t, s) {
				shoptest.Do(t, raw, `DROP TRIGGER `+name)
			}
		}
		shoptest.Do(t, raw, `DELETE FROM events WHERE owner = $1 AND action = 'credit.issue'`, string(other))
		if r, err = s.DB.VerifyCredit(noCtx); err != nil || len(r.Wrong) != 2 {
			t.Errorf("an act that is gone from the ledger gave %q, %v", r.Wrong, err)
		}
	})
}

// TestAnHonestShopsBooksStayEven: a card that is spent is cancelled, and the years go
// by, after which the ledger has the names of its events and no more. A forged act is
// noticed all the same.
func TestAnHonestShopsBooksStayEven(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		id, _ := card(t, s, 2500, time.Time{})
		inTx(t, s, func(t *store.Tx) error { return t.TakeCredit(part(id, 2500), "o1", "cart") })
		inTx(t, s, func(t *store.Tx) error { return t.CancelCredit(id) })
		wantEven(t, s)
		raw := s.Raw(t)
		shoptest.Do(t, raw, `UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL WHERE action LIKE 'credit.%'`)
		wantEven(t, s)
		s.Clock.Move(time.Hour)
		young, _ := card(t, s, 900, time.Time{})
		inTx(t, s, func(t *store.Tx) error { return t.TakeCredit(part(young, 300), "o2", "cart") })
		wantEven(t, s)
		for _, q := range []string{
			`INSERT INTO credit_entries (credit, act, side, order_id, doing, amount, at) VALUES ($1, 'forged', 'issued', '', 'issue', -7400, 0), ($1, 'forged', 'balance', '', 'issue', 7400, 0)`,
			`UPDATE credit_sides SET amount = amount + CASE WHEN side = 'issued' THEN -7400 ELSE 7400 END WHERE credit = $1 AND side IN ('issued', 'balance')`,
		} {
			shoptest.Do(t, raw, q, string(id))
		}
		if r, err := s.DB.VerifyCredit(noCtx); err != nil || len(r.Wrong) != 1 || !strings.Contains(r.Wrong[0], string(id)) {
			t.Errorf("an act that was dated back gave %q, %v", r.Wrong, err)
		}
	})
}

// triggers names the triggers that guard the events on SQLite.
func triggers(t *testing.T, s *shoptest.Shop) (out []string) {
	t.Helper()
	rows, err := s.Raw(t).Query(`SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	return out
}
