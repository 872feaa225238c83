package keylife_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const password = "kestrel over quiet harbour"

var once = discount.Code{Word: "ONCE", Kind: discount.FreeDelivery, Each: 1}

// person is somebody who has bought, signed up and wishes for something.
type person struct {
	email    contact.Email
	placed   checkout.Placed
	account  string
	password bool
	subjects []string
}

func parsed(t *testing.T, email string) contact.Email {
	t.Helper()
	e, err := contact.ParseEmail(email)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func inTx(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), ada, fn); err != nil {
		t.Fatal(err)
	}
}

// cast is a shop in which people do what an index leads to.
type cast struct {
	*shoptest.Shop
	cup, jug catalog.VariantID
	raw      *sql.DB
	people   []person
	hashes   map[string]bool // every hash under the first index key that was ever there
	names    int
}

func newCast(t *testing.T, s *shoptest.Shop) *cast {
	t.Helper()
	c := &cast{Shop: s, raw: s.Raw(t), hashes: map[string]bool{}}
	c.cup, c.jug = s.Product(t, "cup", 900, shoptest.Counted(500)).ID, s.Product(t, "jug", 900, shoptest.Counted(0)).ID
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	inTx(t, s.DB, func(tx *store.Tx) error { return tx.SetCodes(discount.Codes{once.Key(): once}, eur) })
	s.DB.ForgetSettings()
	return c
}

// newcomer buys as a guest with a code, signs up, and asks twice to hear of the jug.
func (c *cast) newcomer(t *testing.T, withPassword bool) *person {
	t.Helper()
	c.names++
	p := person{email: parsed(t, fmt.Sprintf("person%d@example.com", c.names)), password: withPassword}
	p.placed = c.buy(t, p.email)
	secret := ""
	if withPassword {
		secret = password
	}
	ticket, err := c.Keeper.Register(t.Context(), p.email.Reveal(), secret)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Keeper.FinishRegister(t.Context(), ticket, c.Code(t, p.email.Reveal()), account.Visitor{})
	if err != nil {
		t.Fatal(err)
	}
	p.account = e.Account
	p.subjects = []string{p.account, p.placed.Order.Owner}
	for range 2 {
		w, err := c.Desk.AskWish(t.Context(), c.jug, p.email.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		p.subjects = append(p.subjects, w.Owner)
	}
	slices.Sort(p.subjects)
	c.people = append(c.people, p)
	return &p
}

// buy places an order with a code that each customer has once.
func (c *cast) buy(t *testing.T, email contact.Email) checkout.Placed {
	t.Helper()
	b := c.Basket(t, c.cup, 1)
	in := shoptest.Ada()
	in.Email = email.Reveal()
	_, err := c.Desk.SaveDetails(t.Context(), b.ID, b.Token, in)
	if err == nil {
		_, err = c.Desk.TryCode(t.Context(), b.ID, b.Token, once.Word)
	}
	if err != nil {
		t.Fatal(err)
	}
	placed, err := c.Place(b, "key-1")
	if err != nil || len(placed.Order.Codes) != 1 {
		t.Fatalf("got %v, %v, want an order with a code", placed.Order.Codes, err)
	}
	return placed
}

var errGivenUp = errors.New("given up")

// check tries whatever an index leads to for one person.
func (c *cast) check(t *testing.T, stage string, p person) {
	t.Helper()
	var found []string
	var unpaid int64
	var linked bool
	err := c.DB.View(t.Context(), func(v *store.View) (err error) {
		if found, err = v.PersonOf(p.email); err != nil {
			return err
		}
		if unpaid, err = v.UnpaidBefore(p.email.Key(), v.Now().Add(time.Minute)); err != nil {
			return err
		}
		if linked, err = v.Linked(p.account, p.placed.Order.Owner); err != nil {
			return err
		}
		a, err := v.AccountOf(p.email, false)
		if err == nil && a.ID != p.account {
			err = fmt.Errorf("another account: %s", a.ID)
		}
		return err
	})
	if err != nil || unpaid != 1 || !linked || !slices.Equal(found, p.subjects) {
		t.Errorf("%s: got %v (%d unpaid, claimed %v), %v, want %v", stage, found, unpaid, linked, err, p.subjects)
	}
	err = c.DB.InTx(t.Context(), ada, func(tx *store.Tx) error {
		pay, err := tx.FirstPayment(p.placed.Order.Owner, p.placed.Order.ID)
		if err != nil {
			return err
		}
		if got, err := tx.PaymentByRef("bank", pay.Ref); err != nil || got.ID != pay.ID {
			t.Errorf("%s: a notice of payment %s finds %q, %v", stage, pay.ID, got.ID, err)
		}
		if ok, err := tx.UseCode(once, "another", "another", p.email, tx.Now().Add(time.Hour)); err != nil || ok {
			t.Errorf("%s: one customer used a code twice: %v", stage, err)
		}
		return errGivenUp
	})
	if !errors.Is(err, errGivenUp) {
		t.Error(err)
	}
	err = c.DB.InTx(t.Context(), ada, func(tx *store.Tx) error {
		return tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: p.email})
	})
	if !errors.Is(err, store.ErrTaken) {
		t.Errorf("%s: got %v, want %v: one mailbox, one account", stage, err, store.ErrTaken)
	}
	asked := func() int64 {
		return shoptest.One[int64](t, c.raw, `SELECT count(*) FROM challenges WHERE subject = $1`, p.placed.Order.Owner)
	}
	before := asked()
	if _, err := c.Desk.AskCode(t.Context(), string(p.placed.Order.Number), p.email.Reveal(), false); err != nil || asked() != before+1 {
		t.Errorf("%s: a guest's look-up: %v, asked %d times before and %d after", stage, err, before, asked())
	}
	if p.password {
		if _, err := c.Keeper.SignIn(t.Context(), p.email.Reveal(), password, account.Visitor{}); err != nil {
			t.Errorf("%s: sign-in: %v", stage, err)
		}
	}
}

// remember notes every hash that stands somewhere under the first index key.
func (c *cast) remember(t *testing.T) {
	t.Helper()
	for _, query := range []string{`SELECT hash FROM identities WHERE version = 1`, `SELECT key FROM directory WHERE version = 1`,
		`SELECT email_mac FROM wishes WHERE email_mac IS NOT NULL`, `SELECT customer FROM code_uses WHERE customer IS NOT NULL`} {
		rows, err := c.raw.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var hash []byte
			if err := rows.Scan(&hash); err != nil {
				t.Fatal(err)
			}
			c.hashes[fmt.Sprintf("%q", hash)] = true
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// erase erases a person and returns how many hashes still lead to them.
func (c *cast) erase(t *testing.T, p person) int64 {
	t.Helper()
	beside, _, err := privacy.Meet(t.Context(), c.DB, filepath.Join(t.TempDir(), "erasures"))
	if err != nil {
		t.Fatal(err)
	}
	o := privacy.NewOfficer(c.DB, slog.New(slog.DiscardHandler), nil, beside)
	r, err := o.Ask(t.Context(), ada, privacy.KindErase, p.email, privacy.Options{Now: true})
	if err == nil {
		err = o.Run(t.Context(), ada, r.Reference)
	}
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	for _, subject := range p.subjects {
		for _, query := range []string{`SELECT count(*) FROM identities WHERE subject = $1`, `SELECT count(*) FROM directory WHERE kind = 'account' AND owner = $1`,
			`SELECT count(*) FROM wishes WHERE owner = $1`, `SELECT count(*) FROM code_uses WHERE owner = $1 AND (customer IS NOT NULL OR customer_even IS NOT NULL)`} {
			left += shoptest.One[int64](t, c.raw, query, subject)
		}
	}
	c.people = slices.DeleteFunc(c.people, func(one person) bool { return one.account == p.account })
	return left
}

// delivered brings an order to its end, so that its person can be erased whole.
func (c *cast) delivered(t *testing.T, p person) {
	t.Helper()
	n := p.placed.Order.Number
	err := c.Approve(p.placed)
	if err == nil {
		c.Run(t)
		err = errors.Join(c.Desk.Pack(t.Context(), ada, n), c.Desk.Ship(t.Context(), ada, n, checkout.Parcel{}), c.Desk.Deliver(t.Context(), ada, n))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestEverythingIsFoundThroughAChangeOfTheIndexKey: before it, at each of its
// steps and after it people buy, sign up, sign in, are limited and are erased, and
// in the end no hash of the old key is left anywhere.
func TestEverythingIsFoundThroughAChangeOfTheIndexKey(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCast(t, s)
		fill := func(pages int) func(*store.Tx) error {
			return func(tx *store.Tx) error {
				for range pages {
					if _, err := tx.FillIndex(2, 2); err != nil {
						return err
					}
				}
				return nil
			}
		}
		var at store.IndexPlace
		clearing := func(pages int) func(*store.Tx) error {
			return func(tx *store.Tx) (err error) {
				for over := false; pages > 0 && !over; pages-- {
					if at, over, err = tx.ClearIndex(1, at, 3); err != nil {
						return err
					}
				}
				return nil
			}
		}
		for i, stage := range []struct {
			name string
			step func(*store.Tx) error
		}{
			{"before", func(*store.Tx) error { return nil }},
			{"begun", func(tx *store.Tx) error { _, err := tx.BeginIndex(); return err }},
			{"amid the first filling", fill(1)},
			{"amid the filling", fill(2)},
			{"filled", fill(100)},
			{"left", func(tx *store.Tx) error { return tx.LeaveIndex(2) }},
			{"amid the clearing", clearing(3)},
			{"ended", func(tx *store.Tx) error { return errors.Join(clearing(1000)(tx), tx.EndIndex(1)) }},
		} {
			inTx(t, s.DB, stage.step)
			c.remember(t)
			c.newcomer(t, i == 0)
			c.remember(t)
			for _, p := range c.people {
				c.check(t, stage.name, p)
			}
			if i != 3 && i != 6 {
				continue
			}
			// One who was there before goes, and one who has just come.
			for _, p := range []person{*c.newcomer(t, false), c.people[1]} {
				c.delivered(t, p)
				if left := c.erase(t, p); left != 0 {
					t.Errorf("%s: %d hashes lead to somebody who was erased", stage.name, left)
				}
			}
		}
		c.once(t)
		c.clean(t)
		s.Reopen(t)
		for _, p := range c.people {
			c.check(t, "reopened", p)
		}
	})
}

// once sends the wishes: each person hears once, however often they asked and
// under whichever key.
func (c *cast) once(t *testing.T) {
	t.Helper()
	eur, _ := money.ParseCurrency("EUR")
	inTx(t, c.DB, func(tx *store.Tx) error {
		p, err := tx.ProductByHandle("jug")
		if err != nil {
			return err
		}
		p.Variants[0].Stock, p.Variants[0].CompareAt = shoptest.Counted(50), money.Zero(eur)
		return tx.SaveProduct(p)
	})
	before := len(c.Letters.All())
	for n := 1; n > 0; {
		var err error
		if n, err = c.Desk.SendWishes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	heard := map[string]int{}
	for _, m := range c.Letters.All()[before:] {
		heard[m.To]++
	}
	for _, p := range c.people {
		if heard[p.email.Reveal()] != 1 {
			t.Errorf("%s heard %d times", p.email.Reveal(), heard[p.email.Reveal()])
		}
		delete(heard, p.email.Reveal())
	}
	if len(heard) != 0 {
		t.Errorf("%d who are gone heard too", len(heard))
	}
	for i, p := range c.people {
		c.people[i].subjects = slices.DeleteFunc(slices.Clone(p.subjects), func(s string) bool { return s != p.account && s != p.placed.Order.Owner })
	}
}

// clean looks for the old key and for whatever was computed under it.
func (c *cast) clean(t *testing.T) {
	t.Helper()
	if n := shoptest.One[int64](t, c.raw, `SELECT count(*) FROM secrets WHERE name = 'index'`) +
		shoptest.One[int64](t, c.raw, `SELECT count(*) FROM dossiers WHERE case_id = 'index' AND (state <> 'destroyed' OR wrap IS NOT NULL)`); n != 0 {
		t.Error("the old key is there")
	}
	dump := c.Dump(t)
	if len(c.hashes) < 10 {
		t.Fatalf("only %d hashes were remembered", len(c.hashes))
	}
	for hash := range c.hashes {
		if strings.Contains(dump, "="+hash) {
			t.Errorf("a hash of the old key is left: %s", hash)
		}
	}
	for action, n := range map[string]int64{"keys.begun": 2, "keys.closed": 1, "keys.destroyed": 1} { // the first epoch began too
		if got := shoptest.One[int64](t, c.raw, `SELECT count(*) FROM events WHERE action = '`+action+`'`); got != n {
			t.Errorf("events %s: got %d, want %d", action, got, n)
		}
	}
}

// another opens the shop on a second node; on SQLite there is but one.
func another(t *testing.T, s *shoptest.Shop) *store.DB {
	t.Helper()
	if !s.OnPostgres() {
		return s.DB
	}
	there, err := store.Open(t.Context(), store.Config{Database: s.Database, Ring: s.Ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	return there
}

// raced lets two make an account for one mailbox at once.
func raced(t *testing.T, nodes []*store.DB, email contact.Email) {
	var both sync.WaitGroup
	var won, lost atomic.Int64
	for _, db := range nodes {
		both.Go(func() {
			a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: email}
			switch err := db.InTx(context.Background(), ledger.Guest(a.ID), func(tx *store.Tx) error { return tx.NewAccount(a) }); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, store.ErrTaken):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	both.Wait()
	if won.Load() != 1 || lost.Load() != 1 {
		t.Errorf("%d accounts for one mailbox, and %d told that it is taken", won.Load(), lost.Load())
	}
}
