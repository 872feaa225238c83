package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/keystore"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// pluginEnv makes the program of this test a key plugin that keeps its keys in a
// folder.
const pluginEnv = "E2E_KEY_PLUGIN"

// strangers is how many dossiers are re-wrapped besides those of the orders: so
// many that a kill falls between two pages of them.
const strangers = 1500

// keeping is a home whose keys move between a file and a plugin.
type keeping struct {
	home
	plugin, store string
	id            string
}

func newKeeping(t *testing.T, database string) keeping {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	k := keeping{home: newHome(t, database), plugin: self, store: t.TempDir()}
	k.env = append(k.env, pluginEnv+"="+k.store, "CARTKEEP_KEY_PLUGIN="+self)
	s := k.start(t)
	variants := crashVariants(t, s)
	for n := range 6 {
		p := s.ready(variants[plenty], fmt.Sprint("bought-", n))
		s.order1(p)
		if n%2 == 0 {
			s.approve(p)
		}
	}
	s.quiet(t)
	s.kill()
	id, err := os.ReadFile(filepath.Join(k.dir, "shop.id"))
	if err != nil {
		t.Fatal(err)
	}
	k.id = strings.TrimSpace(string(id))
	k.crowd(t)
	return k
}

// crowd stores the strangers' dossiers.
func (k keeping) crowd(t *testing.T) {
	t.Helper()
	ring, _ := k.ring(t)
	db := k.raw(t)
	defer db.Close()
	far := time.Now().AddDate(1, 0, 0).UnixMilli()
	for range strangers / 50 {
		var values []string
		var args []any
		for range 50 {
			o := seal.Owner{Dossier: store.NewID(), Subject: store.NewID(), Purpose: "fulfilment", Case: store.NewID()}
			_, wrap, err := ring.NewDossier(o)
			if err != nil {
				t.Fatal(err)
			}
			n := len(args)
			values = append(values, fmt.Sprintf("($%d,$%d,$%d,$%d,'open',1,$%d,0,$%d)", n+1, n+2, n+3, n+4, n+5, n+6))
			args = append(args, o.Subject, o.Dossier, o.Purpose, o.Case, wrap, far)
		}
		shoptest.Do(t, db, `INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after) VALUES `+strings.Join(values, ","), args...)
	}
}

// ring opens what keeps the keys now, and says which it is: "" for a file.
func (k keeping) ring(t *testing.T) (*seal.Ring, string) {
	t.Helper()
	word, err := keystore.Provider(k.key)
	if err != nil {
		t.Fatalf("the key file: %v", err)
	}
	var keys seal.KeyStore
	if word == "" {
		keys, err = keyfile.Open(k.key, k.id, keyfile.Options{})
	} else {
		var with *keystore.Plugin
		if with, err = keystore.NewPlugin(k.plugin, []string{pluginEnv + "=" + k.store}); err == nil {
			keys, err = keystore.Open(k.key, k.id, with)
		}
	}
	if err != nil {
		t.Fatalf("the key file: %v", err)
	}
	ring, err := seal.Open(t.Context(), keys)
	if err != nil {
		t.Fatalf("the keys: %v", err)
	}
	t.Cleanup(ring.Close)
	return ring, word
}

// whole opens everything: each wrap with the keys there are now, and each sealed
// value with what its wrap gives. It returns how many values it opened.
func (k keeping) whole(t *testing.T) (values int) {
	t.Helper()
	ring, _ := k.ring(t)
	db := k.raw(t)
	defer db.Close()
	open, gone := map[string]*seal.Dossier{}, map[string]bool{}
	rows, err := db.Query(`SELECT id, subject, purpose, case_id, state, wrap FROM dossiers`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var o seal.Owner
		var state string
		var wrap []byte
		if err := rows.Scan(&o.Dossier, &o.Subject, &o.Purpose, &o.Case, &state, &wrap); err != nil {
			t.Fatal(err)
		}
		if state == "destroyed" {
			gone[o.Dossier] = true
			continue
		}
		if open[o.Dossier], err = ring.Unwrap(o, wrap); err != nil {
			epoch, _ := seal.WrapEpoch(wrap)
			t.Fatalf("a %s dossier under epoch %d, which is %s: %v", o.Purpose, epoch, state, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	rows.Close()
	for _, f := range personal.All() {
		if f.Kind == personal.Sealed {
			values += opened(t, db, f, open, gone)
		}
	}
	return values
}

// opened opens every value of a field.
func opened(t *testing.T, db *sql.DB, f personal.Field, open map[string]*seal.Dossier, gone map[string]bool) (n int) {
	t.Helper()
	shoptest.Cells(t, db, f, func(cells []any, sealed []byte) {
		id, err := seal.ValueDossier(sealed)
		if err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		if gone[id] {
			return
		}
		if open[id] == nil {
			t.Errorf("%s: nothing knows the dossier of a value", f.Name())
		} else if _, ok := shoptest.OpenAnywhere(open[id], f.Table, f.Column, cells, sealed); !ok {
			t.Errorf("%s: a value does not open", f.Name())
		} else {
			n++
		}
	})
	return n
}

// epochs counts the epochs that the database knows of, and those destroyed.
func (k keeping) epochs(t *testing.T) (begun, destroyed int64) {
	t.Helper()
	db := k.raw(t)
	defer db.Close()
	return shoptest.One[int64](t, db, `SELECT count(*) FROM epochs`), shoptest.One[int64](t, db, `SELECT count(*) FROM epochs WHERE gone_at > 0`)
}

// TestKillingAMoveOfTheKeysLosesNone kills keys move at a random moment, to a
// plugin and back to a file: one of both keeps the keys, whole, and when the move
// is made again no key is left with the plugin.
func TestKillingAMoveOfTheKeysLosesNone(t *testing.T) {
	k := newKeeping(t, "")
	k.must(t, "keys", "rotate")
	k.must(t, "keys", "rotate")
	counts := map[string]int{}
	for _, to := range []string{"plugin", "file"} {
		back := map[string]string{"plugin": "file", "file": "plugin"}[to]
		k.moved(t, back)
		_, takes := k.timed(t, "keys", "move", to)
		k.moved(t, back)
		there := func() bool {
			word, err := keystore.Provider(k.key)
			return err == nil && (word == "plugin") == (to == "plugin")
		}
		for i := range shoptest.Tenth(50) {
			switch i % 4 {
			case 0: // as soon as the keys have moved
				k.killedOnce(t, there, 0, "keys", "move", to)
			case 1: // before they have
				k.killed(t, takes/4, "keys", "move", to)
			default:
				k.killed(t, takes, "keys", "move", to)
			}
			k.whole(t)
			if there() {
				counts["moved to a "+to]++
			} else {
				counts["stayed with a "+back]++
			}
			k.moved(t, to)
			k.whole(t)
			k.moved(t, back)
		}
	}
	k.moved(t, "plugin")
	k.moved(t, "file")
	values := k.whole(t)
	k.verified(t)
	if held := found(t, filepath.Join(k.store, "*")); len(held) != 0 {
		t.Errorf("%d keys are left with the plugin", len(held))
	}
	if left := found(t, k.key+".*"); len(left) != 0 {
		t.Errorf("%v left over", left)
	}
	t.Logf("%d kills of a move: %v; %d values open", 2*shoptest.Tenth(50), counts, values)
	for _, way := range []string{"moved to a plugin", "stayed with a file", "moved to a file", "stayed with a plugin"} {
		if counts[way] == 0 {
			t.Errorf("no kill after which the keys %s, so that was not tried", way)
		}
	}
}

// moved makes somebody keep the keys, whoever does now. A move that was cut off is
// made again, also where the keys are there already.
func (k keeping) moved(t *testing.T, to string) {
	t.Helper()
	_, errs, code := k.run(t, "keys", "move", to)
	if code != 0 && !strings.Contains(errs, "keeps the keys already") {
		t.Fatalf("keys move %s: exit %d, %s", to, code, errs)
	}
	if left, err := keystore.Left(k.key); err != nil || left != "" {
		t.Fatalf("after a whole move: %q is left, %v", left, err)
	}
}

// TestTwoProcessesRotateAtOnce: on one shop each waits for the other or says that
// it is at work, every epoch is there, and everything opens.
func TestTwoProcessesRotateAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		k := newKeeping(t, database)
		before, _ := k.epochs(t)
		// With a shop that serves, both ask it; without one, each is the shop.
		for _, serving := range []bool{true, false} {
			if serving {
				k.start(t)
			}
			var mu sync.Mutex
			var both sync.WaitGroup
			done := int64(0)
			for range 2 {
				both.Go(func() {
					for range 3 {
						c := k.command(t, "keys", "rotate")
						var errs bytes.Buffer
						c.Stderr = &errs
						err := c.Run()
						mu.Lock()
						if err == nil {
							done++
						} else if !strings.Contains(errs.String(), "is using this folder") {
							t.Errorf("%v: %s", err, errs.String())
						}
						mu.Unlock()
						time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
					}
				})
			}
			both.Wait()
			after, _ := k.epochs(t)
			if after-before != done || done == 0 {
				t.Errorf("%d rotations were done, and %d epochs began", done, after-before)
			}
			before = after
			t.Logf("serving %v: %d of 6 rotations done", serving, done)
			k.whole(t)
		}
		k.verified(t)
	})
}
