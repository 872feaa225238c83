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
	"github.com/cartkeep/cartkeep/internal/keylife"
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

// TestTheIndexKeyIsReplacedWhileTheShopServes: from two nodes on PostgreSQL, one
// of which has loaded its keys before, pairs of people race for one mailbox, and
// others are erased. Each mailbox gets one account, and nobody who was erased is
// found by either key.
func TestTheIndexKeyIsReplacedWhileTheShopServes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCast(t, s)
		there := another(t, s)
		var orders []checkout.Placed
		for n := range 40 {
			orders = append(orders, c.buy(t, parsed(t, fmt.Sprintf("buyer%d@example.com", n))))
		}
		var over atomic.Bool
		var group sync.WaitGroup
		made := 0
		group.Go(func() {
			for n := 0; !over.Load() && n < 400; n++ {
				raced(t, []*store.DB{s.DB, there}, parsed(t, fmt.Sprintf("racer%d@example.com", n)))
				made = n + 1
			}
		})
		group.Go(func() {
			for i, o := range orders {
				if i%2 == 0 {
					continue
				}
				err := there.InTx(t.Context(), ada, func(tx *store.Tx) error {
					list, err := tx.DossiersOf(o.Order.Owner)
					for _, d := range list {
						err = errors.Join(err, tx.Erase(d.DueDossier))
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		k := keeper(s)
		for want := range int64(3) {
			version, began, err := k.RotateIndex(t.Context(), ada, func(keylife.Progress) {})
			if err != nil || !began || version != want+2 {
				t.Errorf("got version %d, begun %v, %v, want %d", version, began, err, want+2)
			}
		}
		over.Store(true)
		group.Wait()
		if _, _, err := k.RotateIndex(t.Context(), ada, func(keylife.Progress) {}); err != nil {
			t.Error(err)
		}
		for query, want := range map[string]int64{
			`SELECT count(*) FROM directory WHERE kind = 'account'`:                                 int64(made),
			`SELECT count(*) FROM accounts`:                                                         int64(made),
			`SELECT count(*) FROM directory WHERE kind IN ('account', 'provider') AND version <> 5`: 0,
			`SELECT count(*) FROM identities`:                                                       20,
			`SELECT count(*) FROM identities WHERE version <> 5`:                                    0,
			`SELECT count(*) FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier WHERE d.state = 'open'`: 20,
			`SELECT count(*) FROM code_uses WHERE customer IS NOT NULL`:                                                              20,
			`SELECT count(*) FROM code_uses WHERE customer_even IS NOT NULL`:                                                         0,
			`SELECT count(*) FROM directory WHERE kind = 'provider'`:                                                                 20,
		} {
			if got := shoptest.One[int64](t, c.raw, query); got != want {
				t.Errorf("%s: got %d, want %d", query, got, want)
			}
		}
		for n := range made {
			err := there.View(t.Context(), func(v *store.View) error {
				_, err := v.AccountOf(parsed(t, fmt.Sprintf("racer%d@example.com", n)), false)
				return err
			})
			if err != nil {
				t.Errorf("racer %d: %v", n, err)
			}
		}
		t.Logf("%d mailboxes raced for", made)
	})
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

// TestNobodyWritesByAnIndexKeyOfBefore: a node that has asked which keys live
// holds a change up until it has written; one that asks later writes both. A look
// that went on meanwhile is made again.
func TestNobodyWritesByAnIndexKeyOfBefore(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	there := another(t, s)
	early, late := parsed(t, "early@example.com"), parsed(t, "late@example.com")
	begin := func(tx *store.Tx) error { _, err := tx.BeginIndex(); return err }
	err := there.InTx(t.Context(), ada, func(tx *store.Tx) error {
		if _, err := tx.AccountOf(early, false); !errors.Is(err, store.ErrNoAccount) {
			return err
		}
		if err := s.DB.InTx(t.Context(), ada, begin); !errors.Is(err, store.ErrIndexHeld) {
			t.Errorf("got %v, want %v", err, store.ErrIndexHeld)
		}
		return tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: early})
	})
	if err != nil {
		t.Fatal(err)
	}
	inTx(t, s.DB, begin)
	inTx(t, there, func(tx *store.Tx) error {
		return tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: late})
	})
	raw := s.Raw(t)
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM directory WHERE version = 2`); n != 1 {
		t.Errorf("got %d accounts by the new key, want the later one", n)
	}
	looks := 0
	err = there.View(t.Context(), func(v *store.View) error {
		looks++
		if _, err := v.AccountOf(late, false); err != nil {
			return err
		}
		if looks == 1 {
			if err := keeper(s).TendIndex(t.Context()); err != nil {
				return err
			}
		}
		_, err := v.AccountOf(early, false)
		return err
	})
	if err != nil || looks != 2 {
		t.Errorf("got %v after %d looks, want the account by the second", err, looks)
	}
}

// TestAChangeOfTheIndexKeyGoesOn: two at once are refused, one that was cut off is
// carried through by whoever comes next.
func TestAChangeOfTheIndexKeyGoesOn(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCast(t, s)
		for range 3 {
			c.newcomer(t, false)
		}
		k := keeper(s)
		states := func(want string) {
			t.Helper()
			list, err := k.ListIndexes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, one := range list {
				got += fmt.Sprintf("%d %v %d/%d, ", one.Version, one.State, one.Done, one.All)
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		states("1 hashing 0/0, ")
		cut, stop := context.WithCancel(t.Context())
		_, _, err := k.RotateIndex(cut, ada, func(keylife.Progress) { stop() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a change that was cut off", err)
		}
		states("1 replaced 0/0, 2 filling 3/15, ")
		if err := s.DB.InTx(t.Context(), ada, func(tx *store.Tx) error { _, err := tx.BeginIndex(); return err }); !errors.Is(err, store.ErrIndexChanging) {
			t.Errorf("got %v, want %v", err, store.ErrIndexChanging)
		}
		s.Reopen(t)
		k = keeper(s)
		var told keylife.Progress
		version, began, err := k.RotateIndex(t.Context(), ada, func(p keylife.Progress) { told = p })
		if err != nil || began || version != 2 || told.Done != 15 || told.All != 15 {
			t.Errorf("got version %d, begun %v, told %+v, %v", version, began, told, err)
		}
		states("1 destroyed 0/0, 2 hashing 15/0, ")
		if err := k.TendIndex(t.Context()); err != nil {
			t.Error(err)
		}
		states("1 destroyed 0/0, 2 hashing 15/0, ")
		for _, p := range c.people {
			c.check(t, "after", p)
		}
	})
}
