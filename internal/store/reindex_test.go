package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tries"
)

// TestAnotherIndexKeyLosesNothing: all that the index key makes is computed again
// from sealed values; what cannot be, tries and texts that are counted, does not
// hang on it.
func TestAnotherIndexKeyLosesNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		v := s.Product(t, "pot", 1900, shoptest.Counted(9))
		p := placed(t, s, s.Ready(t, v.ID, 1))
		ada, err := contact.ParseEmail(shoptest.Ada().Email)
		if err != nil {
			t.Fatal(err)
		}
		phone, err := contact.ParsePhone("+4915112345678", "")
		if err != nil {
			t.Fatal(err)
		}
		shopper := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}
		owner := store.Account{ID: store.NewID(), Role: access.Owner, State: store.AccountOpen, Email: ada}
		once := discount.Code{Word: "ONCE", Kind: discount.FreeDelivery, Each: 1}
		wish, mailbox := store.NewID(), s.DB.MailboxName(ada)
		inTx(t, s, func(tx *store.Tx) error {
			if ok, err := tx.UseCode(once, p.Order.ID, p.Order.Owner, ada, s.Clock.Now().Add(time.Hour)); err != nil || !ok {
				t.Errorf("got %v, %v, want the code's first use", ok, err)
			}
			return errors.Join(tx.NewAccount(shopper), tx.NewAccount(owner), tx.NewWish(wish, v.ID, ada), tx.TextSent(shopper.ID, store.NewID(), phone, "+4915"))
		})
		for range tries.Free + 1 {
			begin(t, s.DB, "ada", "password", "")
			begin(t, s.DB, "ada", "password", "her browser")
		}
		var pay store.Payment
		view(t, s, func(v *store.View) (err error) {
			pay, err = v.FirstPayment(p.Order.Owner, p.Order.ID)
			return err
		})
		raw := s.Raw(t)
		before := indexes(t, s)

		shoptest.Do(t, raw, `DELETE FROM index_keys`)
		shoptest.Do(t, raw, `DELETE FROM secrets WHERE name = 'index'`)
		shoptest.Do(t, raw, `DELETE FROM dossiers WHERE case_id = 'index'`)
		s.Reopen(t)
		view(t, s, func(v *store.View) error {
			if _, err := v.AccountOf(ada, false); !errors.Is(err, store.ErrNoAccount) {
				t.Errorf("got %v: the new key finds what the old one made", err)
			}
			return nil
		})
		shoptest.Do(t, raw, `DELETE FROM identities`)
		shoptest.Do(t, raw, `DELETE FROM directory WHERE kind IN ('account', 'staff', 'provider')`)
		c, err := s.DB.Reindex(t.Context())
		if err != nil || c.Shut > 0 || c.Opened != 5 {
			t.Errorf("got %+v, %v, want an order, a payment, a wish and two accounts opened", c, err)
		}

		for name, old := range before {
			if now := indexes(t, s)[name]; len(now) == 0 || bytes.Equal(now, old) {
				t.Errorf("%s: got %x, was %x: it was not computed again", name, now, old)
			}
		}
		view(t, s, func(v *store.View) error {
			if got, err := v.Subjects(ada.Key()); err != nil || len(got) != 1 || got[0] != p.Order.Owner {
				t.Errorf("got %v, %v, want the order's subject", got, err)
			}
			for _, want := range []store.Account{shopper, owner} {
				if got, err := v.AccountOf(ada, want.Staff()); err != nil || got.ID != want.ID {
					t.Errorf("got %v, %v, want account %s", got.ID, err, want.ID)
				}
			}
			if got, err := v.PaymentByRef(pay.Provider, pay.Ref); err != nil || got.ID != pay.ID {
				t.Errorf("got %v, %v, want payment %s", got.ID, err, pay.ID)
			}
			return nil
		})
		err = s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
			if ok, err := tx.UseCode(once, "another", p.Order.Owner, ada, s.Clock.Now().Add(time.Hour)); err != nil || ok {
				t.Errorf("got %v, %v: one customer used a code twice", ok, err)
			}
			return errGivenUp
		})
		if !errors.Is(err, errGivenUp) {
			t.Fatal(err)
		}
		inTx(t, s, func(tx *store.Tx) error {
			if err := tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}); !errors.Is(err, store.ErrTaken) {
				t.Errorf("got %v, want %v: one mailbox, one account", err, store.ErrTaken)
			}
			b, err := tx.TextBudget(shopper.ID, phone, "+4915")
			if b.Number != 1 || b.Prefix != 1 {
				t.Errorf("got %+v: a text is forgotten", b)
			}
			return err
		})
		for _, device := range []string{"", "her browser"} {
			if _, ok := begin(t, s.DB, "ada", "password", device); ok {
				t.Errorf("browser %q: the tries are forgotten", device)
			}
		}
		if got := s.DB.MailboxName(ada); got != mailbox {
			t.Errorf("got %s, want %s: what a mailbox's codes are counted by", got, mailbox)
		}
	})
}

var errGivenUp = errors.New("given up")

// indexes are the blind indexes of a shop with one order, wish and account.
func indexes(t *testing.T, s *shoptest.Shop) map[string][]byte {
	t.Helper()
	raw, out := s.Raw(t), map[string][]byte{}
	for name, query := range map[string]string{
		"order":    `SELECT hash FROM identities`,
		"code":     `SELECT customer FROM code_uses`,
		"wish":     `SELECT email_mac FROM wishes`,
		"provider": `SELECT key FROM directory WHERE kind = 'provider'`,
		"account":  `SELECT key FROM directory WHERE kind = 'account'`,
		"staff":    `SELECT key FROM directory WHERE kind = 'staff'`,
	} {
		out[name] = shoptest.One[[]byte](t, raw, `SELECT (`+query+`)`)
	}
	return out
}

// TestAShopOfBeforeKeepsItsIndexKey opens the database of a shop from before index
// keys had versions: all that led to something still does.
func TestAShopOfBeforeKeepsItsIndexKey(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		jug := s.Product(t, "jug", 1900, shoptest.Counted(9))
		p := placed(t, s, s.Ready(t, jug.ID, 1))
		ada, err := contact.ParseEmail(shoptest.Ada().Email)
		if err != nil {
			t.Fatal(err)
		}
		shopper, wish := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}, store.NewID()
		once := discount.Code{Word: "ONCE", Kind: discount.FreeDelivery, Each: 1}
		inTx(t, s, func(tx *store.Tx) error {
			if ok, err := tx.UseCode(once, p.Order.ID, p.Order.Owner, ada, s.Clock.Now().Add(time.Hour)); err != nil || !ok {
				t.Errorf("got %v, %v, want the code's first use", ok, err)
			}
			return errors.Join(tx.NewAccount(shopper), tx.NewWish(wish, jug.ID, ada))
		})
		before := indexes(t, s)
		s.Database = older(t, s, 45)
		s.Reopen(t)
		for name, old := range before {
			if now := indexes(t, s)[name]; !bytes.Equal(now, old) {
				t.Errorf("%s: got %x, was %x", name, now, old)
			}
		}
		var found []string
		view(t, s, func(v *store.View) (err error) {
			found, err = v.PersonOf(ada)
			return err
		})
		if len(found) != 3 {
			t.Errorf("got %v, want order, account and wish", found)
		}
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.BeginIndex() // it knows that everything has its hashes
			return err
		})
	})
}

// older makes a database of an older schema with whatever of the shop's fits in.
func older(t *testing.T, s *shoptest.Shop, schema int64) string {
	t.Helper()
	from, database := s.Raw(t), filepath.Join(t.TempDir(), "shop.db")
	if s.OnPostgres() {
		database = pg.Shared(t).NewDatabase(t)
	}
	err := store.Receive(noCtx, store.Config{Database: database, ShopID: shoptest.ID}, store.Arrival{Shop: shoptest.ID, Schema: schema}, func(*store.Reception) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	into := (&shoptest.Shop{Database: database}).Raw(t)
	into.SetMaxOpenConns(1)
	for _, table := range []string{"restoring", "restoring_listed"} { // go when a restore has ended
		shoptest.Do(t, into, `DROP TABLE `+table)
	}
	if s.OnPostgres() {
		shoptest.Do(t, into, `SET session_replication_role = replica`) // rows come in any order
	}
	for _, table := range s.Tables(t, into) {
		if table == "schema_migrations" {
			continue
		}
		_, columns := rowsOf(t, into, `SELECT * FROM `+table+` LIMIT 0`)
		list := strings.Join(columns, ", ")
		rows, _ := rowsOf(t, from, `SELECT `+list+` FROM `+table)
		shoptest.Do(t, into, `DELETE FROM `+table)
		for _, row := range rows {
			marks := make([]string, len(row))
			for i := range marks {
				marks[i] = fmt.Sprintf("$%d", i+1)
			}
			shoptest.Do(t, into, `INSERT INTO `+table+` (`+list+`) VALUES (`+strings.Join(marks, ", ")+`)`, row...)
		}
	}
	return database
}

// rowsOf reads what a query finds, and the names of its columns.
func rowsOf(t *testing.T, raw *sql.DB, query string) (out [][]any, columns []string) {
	t.Helper()
	rows, err := raw.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out, columns
}
