package backup

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

// other is the id of the restored shop.
const other = "018f2e6a-0000-7000-8000-000000000002"

// empty is where a restore goes: a database without tables and a ring of its own.
func empty(t *testing.T, engine string) store.Config {
	t.Helper()
	ring, err := seal.Open(t.Context(), seal.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.NewEpoch(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(t.TempDir(), "shop.db")
	if engine == "postgres" {
		database = pg.Shared(t).NewDatabase(t)
	}
	return store.Config{Database: database, Ring: ring, ShopID: other}
}

func reopened(t *testing.T, c store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// place orders a pot for somebody and pays it.
func place(t *testing.T, s *shoptest.Shop, who string) checkout.Placed {
	t.Helper()
	v := s.Product(t, "pot-"+who, 1900, shoptest.Counted(9))
	b := s.Basket(t, v.ID, 2)
	d := shoptest.Ada()
	d.Email, d.Name = who+"@example.com", "Marker "+who
	if _, err := s.Desk.SaveDetails(t.Context(), b.ID, b.Token, d); err != nil {
		t.Fatal(err)
	}
	p, err := s.Place(b, who)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// file puts a file on sale that says what it is called.
func file(t *testing.T, s *shoptest.Shop, name string) store.File {
	t.Helper()
	v := s.Product(t, name, 100, shoptest.Counted(1))
	f, err := s.DB.AddFile(t.Context(), someone, v.ID, name, strings.NewReader(name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// readFiles opens all files by their ids.
func readFiles(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	var list []store.File
	if err := db.View(t.Context(), func(v *store.View) (err error) { list, err = v.Files(""); return err }); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range list {
		var text strings.Builder
		if err := db.ReadFile(t.Context(), f, 0, &text); err != nil {
			t.Errorf("file %s: %v", f.ID, err)
		}
		out[f.ID] = text.String()
	}
	return out
}

// nameOf opens who an order was for; "" when nobody can any more.
func nameOf(t *testing.T, db *store.DB, p checkout.Placed) string {
	t.Helper()
	var out string
	err := db.View(t.Context(), func(v *store.View) error {
		d, err := v.OrderDetails(p.Order.Owner, p.Order.ID)
		if err == nil {
			out = d.Name.Reveal()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func erase(t *testing.T, s *shoptest.Shop, p checkout.Placed) {
	t.Helper()
	raw := s.Raw(t)
	rows, err := raw.Query(`SELECT id, purpose FROM dossiers WHERE subject = $1 AND state <> 'destroyed'`, p.Order.Owner)
	if err != nil {
		t.Fatal(err)
	}
	var list []store.DueDossier
	for rows.Next() {
		d := store.DueDossier{Subject: p.Order.Owner, Case: string(p.Order.ID)}
		if err := rows.Scan(&d.ID, &d.Purpose); err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	if err := rows.Close(); err != nil || len(list) == 0 {
		t.Fatalf("got %v dossiers, %v", list, err)
	}
	err = s.DB.InTx(t.Context(), someone, func(t *store.Tx) error {
		for _, d := range list {
			if err := t.Destroy(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s *shoptest.Shop, to Folder, pair *Pair) Made {
	t.Helper()
	m, err := Create(t.Context(), s.DB, to, pair, nil, someone)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // so that the next has a name of its own
	return m
}

func pairOf(t *testing.T) *Pair {
	t.Helper()
	pair, err := OpenPair(filepath.Join(t.TempDir(), "shop.identity"))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestARestoredShopIsWholeAndForgets restores an old data part, from each engine
// into each: with the newest key part, who was erased since stays erased.
func TestARestoredShopIsWholeAndForgets(t *testing.T) {
	for _, from := range shoptest.Engines() {
		for _, into := range shoptest.Engines() {
			t.Run(from+" into "+into, func(t *testing.T) {
				s := shoptest.Open(t, from)
				to, pair := Folder(t.TempDir()), pairOf(t)
				ada, bob := place(t, s, "ada"), place(t, s, "bob")
				score, removed := file(t, s, "score"), file(t, s, "draft")
				old := create(t, s, to, pair)
				erase(t, s, bob)
				place(t, s, "eve")
				if err := s.DB.InTx(t.Context(), someone, func(t *store.Tx) error { return t.RemoveFile(removed.ID) }); err != nil {
					t.Fatal(err)
				}
				now := create(t, s, to, pair)

				c := empty(t, into)
				got, err := Restore(t.Context(), Source{File: filepath.Join(string(to), old.Data), IDs: pair.Identities()}, s.Ring, c, someone)
				if err != nil {
					t.Fatal(err)
				}
				if filepath.Base(got.Key) != now.Keys || len(got.Lost)+len(got.Taken) > 0 || got.Shut > 0 {
					t.Errorf("got %+v, want the newest key part and nothing lost", got)
				}
				if got.Ended == 0 || got.Opened == 0 {
					t.Errorf("got %d ended and %d opened, want some of both", got.Ended, got.Opened)
				}
				if got.Branch.Lost() == 0 || got.Branch.Origin != "cartkeep/"+shoptest.ID+"/ledger/1" {
					t.Errorf("got branch %+v, want events lost since the data part", got.Branch)
				}
				db := reopened(t, c)
				if name := nameOf(t, db, ada); name != "Marker ada" {
					t.Errorf("got %q, want Ada as she was", name)
				}
				if name := nameOf(t, db, bob); name != "" {
					t.Errorf("got %q, want nobody: Bob was erased", name)
				}
				for who, want := range map[string]int{"ada": 1, "bob": 0, "eve": 0} {
					var found []string
					err := db.View(t.Context(), func(v *store.View) (err error) { found, err = v.Subjects(who + "@example.com"); return err })
					if err != nil || len(found) != want {
						t.Errorf("%s: got %v, %v by e-mail, want %d", who, found, err, want)
					}
				}
				err = db.View(t.Context(), func(v *store.View) error {
					o, err := v.Order(bob.Order.Owner, bob.Order.ID)
					if err == nil && o.Totals.Total != bob.Order.Totals.Total {
						t.Errorf("got total %v, want %v: orders add up without their people", o.Totals.Total, bob.Order.Totals.Total)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				files := readFiles(t, db)
				if len(files) != 1 || files[score.ID] != "score" {
					t.Errorf("got files %v, want the one that was not removed since", files)
				}
				report, err := db.VerifyLedger(t.Context(), "")
				if err != nil || !report.OK() || len(report.Branches) != 1 {
					t.Errorf("got %v with %v, %v, want a ledger that verifies and tells of one branch", report, report.Branches, err)
				}
				if from == into {
					return
				}
				// The restored shop is one: it seals, backs up, and is restored again.
				again := &shoptest.Shop{DB: db, Ring: c.Ring}
				m := create(t, again, to, pair)
				c2 := empty(t, from)
				c2.ShopID = "018f2e6a-0000-7000-8000-000000000003"
				second, err := Restore(t.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}, c.Ring, c2, someone)
				if err != nil || second.Branch.Lost() != 0 || len(second.Ledger.Branches) != 2 {
					t.Errorf("got %+v, %v, want a second branch with nothing lost", second, err)
				}
			})
		}
	}
}

func TestWhatHasNoKeyIsNamed(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	pair := pairOf(t)
	ada := place(t, s, "ada")
	early, late := Folder(t.TempDir()), Folder(t.TempDir())
	create(t, s, early, pair)
	bob := place(t, s, "bob")
	m := create(t, s, late, pair)

	// Only an older key part is left: Bob's keys are lost, and named.
	if err := late.Delete(t.Context(), m.Keys); err != nil {
		t.Fatal(err)
	}
	src := Source{File: filepath.Join(string(late), m.Data), IDs: pair.Identities()}
	if _, err := Restore(t.Context(), src, s.Ring, empty(t, "sqlite"), someone); err == nil || !strings.Contains(err.Error(), "--keys") {
		t.Fatalf("got %v without a key part, want a refusal that says what to give", err)
	}
	src.Keys = []string{string(early)}
	c := empty(t, "sqlite")
	got, err := Restore(t.Context(), src, s.Ring, c, someone)
	if err != nil {
		t.Fatal(err)
	}
	lost := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE subject = $1 AND state <> 'destroyed'`, bob.Order.Owner)
	if int64(len(got.Lost)) < lost || !got.KeyAt.Before(got.From.At) {
		t.Errorf("got %d lost, want at least Bob's %d", len(got.Lost), lost)
	}
	for _, l := range got.Lost {
		if l.Dossier == "" || l.Purpose == "" {
			t.Errorf("got %+v, want it named", l)
		}
	}
	db := reopened(t, c)
	if a, b := nameOf(t, db, ada), nameOf(t, db, bob); a != "Marker ada" || b != "" {
		t.Errorf("got %q and %q, want Ada alone", a, b)
	}
}

// TestAKeyThatTheNewestPartLacksIsTakenFromAnOlderOne: no line says that it was
// destroyed, so it was lost, and an older copy has it.
func TestAKeyThatTheNewestPartLacksIsTakenFromAnOlderOne(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	to, pair := Folder(t.TempDir()), pairOf(t)
	ada := place(t, s, "ada")
	m := create(t, s, to, pair)
	n := shoptest.Do(t, s.Raw(t), `DELETE FROM dossiers WHERE subject = $1 AND state <> 'destroyed'`, ada.Order.Owner)
	create(t, s, to, pair)
	c := empty(t, "sqlite")
	got, err := Restore(t.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}, s.Ring, c, someone)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(got.Taken)) != n || len(got.Lost) > 0 || filepath.Base(got.Taken[0].From) != m.Keys {
		t.Errorf("got %+v and lost %+v, want %d keys taken from %s", got.Taken, got.Lost, n, m.Keys)
	}
	if name := nameOf(t, reopened(t, c), ada); name != "Marker ada" {
		t.Errorf("got %q", name)
	}
}

func TestARestoreRefusesWhatDoesNotVerify(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	m, to, pair := made(t, s)
	src := Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}

	// another key store
	ring := empty(t, "sqlite").Ring
	if _, err := Restore(t.Context(), src, ring, empty(t, "sqlite"), someone); err == nil || !strings.Contains(err.Error(), "key store") {
		t.Errorf("got %v with another key store, want a refusal", err)
	}
	// a database that has something in it
	if _, err := Restore(t.Context(), src, s.Ring, store.Config{Database: s.Database, Ring: ring, ShopID: other}, someone); err == nil {
		t.Error("a database with a shop in it was overwritten")
	}
	// the parts the wrong way round
	if _, err := Restore(t.Context(), Source{File: filepath.Join(string(to), m.Keys), IDs: pair.Identities()}, s.Ring, empty(t, "sqlite"), someone); err == nil {
		t.Error("a key part was taken for a data part")
	}
	// a manifest that somebody else signed
	forged := Folder(t.TempDir())
	forge(t, to, forged, m, pair)
	src.File = filepath.Join(string(forged), m.Data)
	if _, err := Restore(t.Context(), src, s.Ring, empty(t, "sqlite"), someone); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("got %v for a forged part, want a refusal", err)
	}
}

// forge writes a data part anew with one price changed, as somebody can who
// knows the recipients and not the shop's key.
func forge(t *testing.T, from, to Folder, m Made, pair *Pair) {
	t.Helper()
	keys, err := os.ReadFile(filepath.Join(string(from), m.Keys))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(string(to), m.Keys), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	in, closer, err := held{from, m.Data}.open(t.Context(), pair.Identities())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	defer in.close()
	out, err := os.Create(filepath.Join(string(to), m.Data))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p, err := newPartWriter(out, pair.recipients(Data, nil), in.Header)
	if err != nil {
		t.Fatal(err)
	}
	price := -1
	err = in.each(func(table string, columns []string) error {
		price = -1
		for i, c := range columns {
			if table == "variants" && c == "price" {
				price = i
			}
		}
		return p.begin(table, columns)
	}, func(row []store.Value) error {
		if price >= 0 {
			row[price] = store.IntValue(1)
		}
		return p.row(row)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.NewSigner("cartkeep/"+shoptest.ID+"/backup/1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.sign(signer, Manifest{Key: m.Keys}); err != nil {
		t.Fatal(err)
	}
}

// TestARestoreAroundAChangeOfTheIndexKey restores what was copied before, amid and
// after one, with the newest key part, in which the old key is destroyed: the new
// shop has an index key of its own, finds everybody by it and can change it.
func TestARestoreAroundAChangeOfTheIndexKey(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		to, pair := Folder(t.TempDir()), pairOf(t)
		place(t, s, "ada")
		bob := place(t, s, "bob")
		step := func(fn func(*store.Tx) error) {
			t.Helper()
			if err := s.DB.InTx(t.Context(), someone, fn); err != nil {
				t.Fatal(err)
			}
		}
		copies := []Made{create(t, s, to, pair)}
		step(func(tx *store.Tx) error {
			version, err := tx.BeginIndex()
			if err == nil {
				_, err = tx.FillIndex(version, 1)
			}
			return err
		})
		copies = append(copies, create(t, s, to, pair))
		k := keylife.New(s.DB, s.Ring, 0, slog.New(slog.DiscardHandler))
		if err := k.TendIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		erase(t, s, bob)
		copies = append(copies, create(t, s, to, pair))
		for i, m := range copies {
			c := empty(t, engineOf(s))
			got, err := Restore(t.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}, s.Ring, c, someone)
			if err != nil || got.Shut != 0 || len(got.Lost) != 0 {
				t.Fatalf("copy %d: got %d shut, lost %v, %v", i, got.Shut, got.Lost, err)
			}
			db := reopened(t, c)
			for who, want := range map[string]int{"ada": 1, "bob": 0} {
				var found []string
				err := db.View(t.Context(), func(v *store.View) (err error) { found, err = v.Subjects(who + "@example.com"); return err })
				if err != nil || len(found) != want {
					t.Errorf("copy %d: %s: got %v, %v by e-mail, want %d", i, who, found, err, want)
				}
			}
			raw := (&shoptest.Shop{Database: c.Database}).Raw(t)
			if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM secrets WHERE name LIKE 'index%'`); n != 1 {
				t.Errorf("copy %d: got %d index keys, want the new shop's own", i, n)
			}
			version, began, err := keylife.New(db, c.Ring, 0, slog.New(slog.DiscardHandler)).RotateIndex(t.Context(), someone, func(keylife.Progress) {})
			if err != nil || !began || version != 2 {
				t.Errorf("copy %d: the new shop's index key: got version %d, begun %v, %v", i, version, began, err)
			}
		}
	})
}
