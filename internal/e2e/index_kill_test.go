package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// waiting is how many people wish for something, and holders how many have an
// account: so many that a kill falls between two pages of them.
const waiting, holders = 600, 150

// open opens the shop's store beside no shop.
func (k keeping) open(t *testing.T) *store.DB {
	t.Helper()
	ring, _ := k.ring(t)
	database := k.database
	if database == "" {
		database = filepath.Join(k.dir, "shop.db")
	}
	db, err := store.Open(t.Context(), store.Config{Database: database, Ring: ring, ShopID: k.id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mailbox(t *testing.T, who string, n int) contact.Email {
	t.Helper()
	e, err := contact.ParseEmail(fmt.Sprintf("%s%d@example.com", who, n))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// people are those who wait and those who have an account.
func (k keeping) people(t *testing.T) {
	t.Helper()
	db := k.open(t)
	for from := 0; from < waiting+holders; from += 50 {
		err := db.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
			for n := from; n < from+50; n++ {
				var err error
				if n < waiting {
					err = tx.NewWish(store.NewID(), catalog.VariantID("nothing"), mailbox(t, "wisher", n))
				} else {
					err = tx.NewAccount(store.Account{ID: store.NewID(), State: store.AccountOpen, Email: mailbox(t, "holder", n)})
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// indexed checks that whatever an index leads to has its hash under a key that is
// used and filled, and none under one that is gone. It returns how far a change
// has come.
func (k keeping) indexed(t *testing.T, orders int64) string {
	t.Helper()
	db := k.raw(t)
	defer db.Close()
	var opt *sql.TxOptions
	if k.database != "" {
		opt = &sql.TxOptions{Isolation: sql.LevelRepeatableRead} // the killed one's last COMMIT may still come
	}
	tx, err := db.BeginTx(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	count := func(query string, args ...any) (n int64) {
		t.Helper()
		if err := tx.QueryRow(query, args...).Scan(&n); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return n
	}
	used := count(`SELECT min(version) FROM index_keys WHERE left_at = 0`)
	newest := count(`SELECT max(version) FROM index_keys`)
	clearing := count(`SELECT count(*) FROM index_keys WHERE left_at > 0 AND gone_at = 0`)
	filled := count(`SELECT count(*) FROM index_keys WHERE version = $1 AND filled_at > 0`, newest)
	columns := [2]string{"email_mac_even", "email_mac"}
	for what, pair := range map[string][2]int64{
		"orders":   {count(`SELECT count(*) FROM identities WHERE version = $1`, used), orders},
		"payments": {count(`SELECT count(*) FROM directory WHERE kind = 'provider' AND version = $1`, used), orders},
		"accounts": {count(`SELECT count(*) FROM directory WHERE kind = 'account' AND version = $1`, used), holders},
		"wishes":   {count(`SELECT count(*) FROM wishes WHERE ` + columns[used%2] + ` IS NOT NULL`), waiting},
		"gone":     {count(`SELECT count(*) FROM identities WHERE version < $1`, newest-1) + count(`SELECT count(*) FROM directory WHERE version < $1 AND kind <> 'order'`, newest-1), 0},
		"keys": {count(`SELECT count(*) FROM dossiers WHERE state <> 'destroyed' AND (case_id = 'index' OR case_id LIKE 'index.%')`),
			count(`SELECT count(*) FROM index_keys WHERE gone_at = 0`)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %d by index key %d of %d, want %d", what, pair[0], used, newest, pair[1])
		}
	}
	switch {
	case filled == 0:
		return "amid the filling"
	case clearing > 0:
		return "amid the clearing"
	case used < newest:
		return "between the two"
	}
	other := count(`SELECT count(*) FROM wishes WHERE `+columns[(newest+1)%2]+` IS NOT NULL`) + count(`SELECT count(*) FROM identities WHERE version <> $1`, newest)
	if other != 0 {
		t.Errorf("%d hashes under another key than the one there is", other)
	}
	return "before or after"
}

// TestKillingAChangeOfTheIndexKeyLosesNobody kills keys rotate --index at random
// moments: each time everybody is found by the keys there are, every value opens,
// and the same command goes on.
func TestKillingAChangeOfTheIndexKeyLosesNobody(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		k := newKeeping(t, database)
		k.people(t)
		db := k.raw(t)
		orders := shoptest.One[int64](t, db, `SELECT count(*) FROM identities`)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		_, takes := k.timed(t, "keys", "rotate", "--index")
		counts := map[string]int{}
		for range shoptest.Tenth(50) {
			k.killed(t, takes, "keys", "rotate", "--index")
			k.whole(t)
			counts[k.indexed(t, orders)]++
		}
		k.must(t, "keys", "rotate", "--index")
		if at := k.indexed(t, orders); at != "before or after" {
			t.Errorf("after a whole change: %s", at)
		}
		values := k.whole(t)
		k.verified(t)
		store := k.open(t)
		for n := 0; n < waiting+holders; n += 97 {
			who := "wisher"
			if n >= waiting {
				who = "holder"
			}
			if found, err := personOf(t, store, mailbox(t, who, n)); err != nil || len(found) != 1 {
				t.Errorf("%s %d: got %v, %v", who, n, found, err)
			}
		}
		t.Logf("%d kills: %v; %d people by index, %d values open", shoptest.Tenth(50), counts, waiting+holders+int(orders), values)
	})
}

func personOf(t *testing.T, db *store.DB, e contact.Email) (found []string, err error) {
	t.Helper()
	look := db.View(context.Background(), func(v *store.View) (err error) {
		found, err = v.PersonOf(e)
		return err
	})
	return found, errors.Join(err, look)
}
