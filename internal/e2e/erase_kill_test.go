package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

const ofAdaText = "ada@example.com"

// ofOne is in how many carts the person who is erased has left their address, besides
// orders: so many that a kill falls between two pages of them. living is how
// many others there are, so that it goes without a second person.
const ofOne, living = 300, 45_000

// erasing is a home in which somebody is erased.
type erasing struct {
	keeping
	before string // the dossiers that had ended before, as SQL
}

// template is a home as it is before anybody is erased. Each kill has a copy of it.
type template struct {
	erasing
	server *pg.Server // nil on SQLite
}

// newTemplate is a shop with Ada's orders, delivered or cancelled, her account, her
// carts and a wish, and everybody else.
func newTemplate(t *testing.T, database string) template {
	t.Helper()
	k := newKeeping(t, database)
	for range living / strangers {
		k.crowd(t)
	}
	db := k.open(t)
	a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ofAda(t)}
	err := db.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
		if err := tx.NewAccount(a); err != nil {
			return err
		}
		return tx.AddFactor(a, store.Factor{ID: store.NewID(), Kind: store.PasswordFactor, Secret: []byte("hash")})
	})
	for n := 0; n < ofOne && err == nil; n += 50 {
		err = db.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
			for range 50 {
				id := cart.ID(store.NewID())
				if _, err := tx.NewCart(id, "token"); err != nil {
					return err
				}
				if err := tx.SaveDetails(id, order.Details{Email: ofAda(t)}, true); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err == nil {
		err = db.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
			return errors.Join(tx.NewWish(store.NewID(), catalog.VariantID("nothing"), mailbox(t, "stranger", 1)), tx.NewWish(store.NewID(), catalog.VariantID("nothing"), ofAda(t)))
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	raw := k.raw(t)
	shoptest.Do(t, raw, `UPDATE orders SET status = CASE WHEN paid_at > 0 THEN 'delivered' ELSE 'cancelled' END`)
	before := shoptest.One[string](t, raw, `SELECT COALESCE(`+map[bool]string{true: "string_agg(id, ',')", false: "group_concat(id)"}[database != ""]+`, '') FROM dossiers WHERE state = 'destroyed'`)
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	out := template{erasing: erasing{k, "'" + strings.ReplaceAll(before, ",", "','") + "'"}}
	if database != "" {
		out.server = pg.Shared(t)
	}
	return out
}

func ofAda(t *testing.T) contact.Email {
	t.Helper()
	e, err := contact.ParseEmail(ofAdaText)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// again is the home as it was.
func (p template) again(t *testing.T) erasing {
	t.Helper()
	k := p.erasing
	base := t.TempDir()
	k.dir, k.key = filepath.Join(base, "data"), filepath.Join(base, "keys", "shop.key")
	for from, to := range map[string]string{p.dir: k.dir, filepath.Dir(p.key): filepath.Dir(k.key)} {
		if err := copyTree(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if p.server != nil {
		k.database = p.server.CopyOf(t, p.database)
	}
	return k
}

// copyTree copies a folder that nobody uses, but for its sockets.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
}

// erased is what a look beside the shop finds of an erasure.
type erased struct {
	state   string           // of the request; "" when nothing was asked yet
	gone    map[string]int64 // destroyed dossiers by purpose
	unnoted int64            // of those, without a line
}

func (e erased) sum() (n int64) {
	for p, v := range e.gone {
		if p != "rights" { // the request's own
			n += v
		}
	}
	return n
}

// look reads how far an erasure is, in one moment.
func (k erasing) look(t *testing.T, db *sql.DB) (e erased) {
	t.Helper()
	var opt *sql.TxOptions
	if k.database != "" {
		opt = &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	}
	tx, err := db.BeginTx(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	const noted = `SELECT dossier FROM erasures UNION ALL SELECT dossier FROM erasures_due`
	e.gone = map[string]int64{}
	rows, err := tx.Query(`SELECT d.purpose, count(*), sum(CASE WHEN d.id IN (` + noted + `) THEN 0 ELSE 1 END) FROM dossiers d WHERE d.state = 'destroyed'
		AND d.purpose NOT IN ('staff', 'shop') AND NOT (d.purpose = 'cart' AND d.subject IN (SELECT cart FROM orders WHERE paid_at > 0))
		AND d.id NOT IN (` + k.before + `) GROUP BY d.purpose`) // these end by themselves, or had ended before
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var purpose string
		var n, without int64
		if err := rows.Scan(&purpose, &n, &without); err != nil {
			t.Fatal(err)
		}
		e.gone[purpose] = n
		e.unnoted += without
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	err = tx.QueryRow(`SELECT state FROM requests`).Scan(&e.state)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return e
}

// TestKillingAnErasureErasesNobodyByHalf kills privacy erase --now at random moments,
// without and with --shred, and each time starts the shop. No key is gone without a
// line in the journal, then or later; the shop carries through by itself what was
// begun, and its receipt says what went; everybody else's values open.
func TestKillingAnErasureErasesNobodyByHalf(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		p := newTemplate(t, database)
		undisturbed := p.again(t)
		_, takes := undisturbed.timed(t, p.how(false)...)
		raw := undisturbed.raw(t)
		want := undisturbed.look(t, raw)
		raw.Close()
		if want.state != "done" || want.unnoted != 0 || want.gone["cart"] < ofOne || want.gone["marketing"] != 1 || want.gone["security"] != 1 || want.gone["rights"] != 1 {
			t.Fatalf("undisturbed: got %+v", want)
		}
		others := undisturbed.whole(t)
		counts := map[string]int{}
		kills := shoptest.Tenth(50)
		for i := range kills {
			t.Run(fmt.Sprint(i), func(t *testing.T) { counts[p.round(t, i, takes, want, others)]++ })
		}
		t.Logf("%d kills: %v; %d dossiers of the person and %d values of others each time", kills, counts, want.sum(), others)
		if counts["amid"] == 0 {
			t.Error("no kill fell amid the work, so nothing was tried")
		}
	})
}

func (p template) how(shred bool) []string {
	args := []string{"privacy", "erase", "--now", "--email", ofAdaText}
	if shred {
		args = append(args, "--shred")
	}
	return args
}

// round is one kill: every other one when the first of the person's keys are gone, or
// soon after, the others at any moment of the time that all of it takes. It returns where it fell.
func (p template) round(t *testing.T, i int, takes time.Duration, want erased, others int) (where string) {
	t.Helper()
	k, shred := p.again(t), i%4 >= 2
	raw := k.raw(t)
	if i%2 == 1 {
		k.killed(t, takes, p.how(shred)...)
	} else {
		later := time.Duration(0)
		if i%8 >= 4 {
			later = rand.N(takes / 4)
		}
		k.killedOnce(t, func() bool { return k.look(t, raw).sum() > 0 }, later, p.how(shred)...)
	}
	// A COMMIT of the killed one may still come.
	eventually(t, 30*time.Second, "the killed command's sessions are over", func() bool {
		return k.database == "" || shoptest.One[int64](t, raw, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`) == 0
	})
	at := k.look(t, raw)
	if at.unnoted != 0 {
		t.Errorf("kill %d: %d keys are gone without a line in the journal", i, at.unnoted)
	}
	switch sum := at.sum(); {
	case at.state == "":
		where = "before"
		if sum != 0 {
			t.Errorf("kill %d: %v are gone, and nobody asked", i, at.gone)
		}
	case at.state == "done":
		where = "after"
	case sum == 0:
		where = "asked, nothing begun"
	case sum < want.sum():
		where = "amid"
	default:
		where = "all gone, receipt open"
	}
	k.whole(t)
	s := k.start(t)
	if where != "before" {
		eventually(t, 2*time.Minute, "the shop has carried the erasure through", func() bool { return k.look(t, raw).state == "done" })
		eventually(t, time.Minute, "the journal is everywhere", func() bool {
			return shoptest.One[int64](t, raw, `SELECT count(*) FROM requests WHERE everywhere_at > 0`) == 1
		})
	}
	s.kill()
	after := k.look(t, raw)
	if where == "before" {
		if after.sum() != 0 || after.state != "" {
			t.Errorf("kill %d: got %+v, though nothing was asked", i, after)
		}
		return where
	}
	if !maps.Equal(after.gone, want.gone) || after.unnoted != 0 {
		t.Errorf("kill %d, %s: got %+v, want %+v", i, where, after, want)
	}
	var receipt string
	if err := raw.QueryRow(`SELECT receipt FROM requests`).Scan(&receipt); err != nil {
		t.Fatal(err)
	}
	for purpose, n := range want.gone {
		if told := strings.Contains(receipt, fmt.Sprintf(`"%s":%d`, purpose, n)); told == (purpose == "rights") {
			t.Errorf("kill %d, %s: the receipt says %s; %d of %s went", i, where, receipt, n, purpose)
		}
	}
	k.journalBeside(t, raw)
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM wishes`); n != 1 {
		t.Errorf("kill %d: %d wishes are left, want the stranger's", i, n)
	}
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM identities`); n != 0 {
		t.Errorf("kill %d: %d indexes still lead to the orders of who was erased", i, n)
	}
	if got := k.whole(t); got < others { // a start of the shop may add some
		t.Errorf("kill %d, %s: %d values of others open, want %d", i, where, got, others)
	}
	if alive := shoptest.One[int64](t, raw, `SELECT count(*) FROM epochs WHERE gone_at = 0`); shred && alive != 1 {
		t.Errorf("kill %d, %s: %d epochs are alive after shredding, want the newest alone", i, where, alive)
	}
	k.verified(t)
	return where
}

// journalBeside compares the copy of the journal beside the key file with the
// database's: as many lines, and the same last one.
func (k keeping) journalBeside(t *testing.T, raw *sql.DB) {
	t.Helper()
	text, err := os.ReadFile(strings.TrimSuffix(k.key, ".key") + ".erasures")
	if err != nil {
		t.Fatal(err)
	}
	db := k.open(t)
	defer db.Close()
	signer, err := erasure.Signer(db.ShopID(), db.Keys().Ledger)
	if err != nil {
		t.Fatal(err)
	}
	last, _, err := erasure.Read(strings.NewReader(string(text)), []string{signer.VerifierKey()}, func(erasure.Entry) error { return nil })
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM erasures`); err != nil || last.Number != n {
		t.Errorf("the journal beside the key file: %d lines, %v; the database has %d", last.Number, err, n)
	}
}

// killedOnce runs a command and kills it some time after something is so, or once it
// has ended by itself.
func (h home) killedOnce(t *testing.T, is func() bool, later time.Duration, args ...string) {
	t.Helper()
	c := h.command(t, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, over := context.WithCancel(context.Background())
	go func() {
		defer over()
		c.Wait()
	}()
	for ctx.Err() == nil && !is() {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(later)
	c.Process.Kill()
	<-ctx.Done()
}
