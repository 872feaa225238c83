package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// gather runs all functions at the same time. On SQLite it first keeps the
// writer busy until they all wait, so that they share a batch.
func gather(t *testing.T, s *shoptest.Shop, fns ...func(*store.Tx) error) []error {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	if !s.OnPostgres() {
		group.Go(func() {
			// It shares the batch, and so its fate.
			_ = s.DB.InTx(noCtx, ledger.System("test"), func(*store.Tx) error { close(busy); <-free; return nil })
		})
		<-busy
	}
	errs := make([]error, len(fns))
	for i, fn := range fns {
		group.Go(func() { errs[i] = s.DB.InTx(noCtx, ledger.System("test"), fn) })
	}
	for !s.OnPostgres() && s.DB.Waiting() < len(fns) {
	}
	close(free)
	group.Wait()
	return errs
}

func set(t *store.Tx, name string) error { return t.Set("test."+name, "1") }

func isSet(t testing.TB, s *shoptest.Shop, name string) bool {
	t.Helper()
	var n int64
	view(t, s, func(v *store.View) error {
		return v.Row(`SELECT count(*) FROM settings WHERE name = $1`, "test."+name).Scan(&n)
	})
	return n == 1
}

func TestTransactionsShareACommit(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	together := 0
	var fns []func(*store.Tx) error
	for i := range 20 {
		fns = append(fns, func(t *store.Tx) error {
			if err := set(t, fmt.Sprint(i)); err != nil {
				return err
			}
			var ours, theirs int64
			if err := t.Row(`SELECT count(*) FROM settings WHERE name LIKE 'test.%'`).Scan(&ours); err != nil {
				return err
			}
			err := s.DB.View(noCtx, func(v *store.View) error {
				return v.Row(`SELECT count(*) FROM settings WHERE name LIKE 'test.%'`).Scan(&theirs)
			})
			together = max(together, int(ours-theirs)) // one goroutine runs them all
			return err
		})
	}
	if err := errors.Join(gather(t, s, fns...)...); err != nil {
		t.Fatal(err)
	}
	if together != 20 {
		t.Errorf("got at most %d transactions before a commit, want all 20 in one", together)
	}
}

func TestAFailingTransactionHarmsNoNeighbour(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		sorry := errors.New("sorry")
		errs := gather(t, s,
			func(t *store.Tx) error { return set(t, "before") },
			func(t *store.Tx) error { return errors.Join(set(t, "failed"), sorry) },
			func(t *store.Tx) error { panic(fmt.Sprint("oh", set(t, "panicked"))) },
			func(t *store.Tx) error {
				_, err := t.Exec(`INSERT INTO settings (name, value) VALUES ('shop.id', 'x')`)
				return errors.Join(set2(err, t, "broken"), err)
			},
			func(t *store.Tx) error { return set(t, "after") },
		)
		if errs[0] != nil || errs[4] != nil {
			t.Errorf("the neighbours got %v and %v, want no error", errs[0], errs[4])
		}
		if !errors.Is(errs[1], sorry) || errs[2] == nil || errs[3] == nil {
			t.Errorf("got %v, want an error for each that failed", errs[1:4])
		}
		for name, want := range map[string]bool{"before": true, "after": true, "failed": false, "panicked": false, "broken": false} {
			if got := isSet(t, s, name); got != want {
				t.Errorf("%s: kept %v, want %v", name, got, want)
			}
		}
		if err := s.DB.Healthy(noCtx); err != nil {
			t.Errorf("the store is not well afterwards: %v", err)
		}
	})
}

// TestNeighboursBeginAgainOnlyWhenThereIsSomethingToUndo: being refused is
// cheap for everybody else, and what is carried out twice is kept once.
func TestNeighboursBeginAgainOnlyWhenThereIsSomethingToUndo(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	refused := fault.New(fault.Conflict, "No.")
	for _, row := range []struct {
		fails func(*store.Tx) error
		most  int
	}{
		{func(*store.Tx) error { return refused }, 1},
		{func(t *store.Tx) error { return errors.Join(set(t, "failed"), refused) }, 2},
		{func(t *store.Tx) error { return errors.New("nobody expects this") }, 2},
		{func(t *store.Tx) error { // a change that is asked like a question
			var size int64
			return errors.Join(t.Row(`UPDATE tree SET size = size + 100 RETURNING size`).Scan(&size), refused)
		}, 2},
	} {
		runs := [2]int{}
		raise := func(i int) func(*store.Tx) error {
			return func(t *store.Tx) error {
				runs[i]++
				_, err := t.Exec(`UPDATE tree SET size = size + 1`)
				return err
			}
		}
		raw := s.Raw(t)
		before := shoptest.One[int64](t, raw, `SELECT size FROM tree`)
		errs := gather(t, s, raise(0), row.fails, raise(1))
		if errs[0] != nil || errs[1] == nil || errs[2] != nil {
			t.Errorf("got %v, want only the second to fail", errs)
		}
		for _, n := range runs { // who comes first is chance
			if n < 1 || n > row.most {
				t.Errorf("the neighbours ran %v times, want at most %d", runs, row.most)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT size FROM tree`); n != before+2 {
			t.Errorf("got %d changes, want each of the two once", n-before)
		}
	}
	if isSet(t, s, "failed") {
		t.Error("what failed was kept")
	}
}

// TestAPanicTellsItsPlaceAndNothingElse: its error goes to a log, and the value
// can be anything, an address too.
func TestAPanicTellsItsPlaceAndNothingElse(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		var none map[string]int
		for want, fn := range map[string]func(*store.Tx) error{
			"panic (string)":              func(*store.Tx) error { panic("ada@example.org") },
			"panic (*errors.errorString)": func(*store.Tx) error { panic(errors.New("ada@example.org")) },
			"panic (assignment to entry in nil map)": func(*store.Tx) error {
				none["ada@example.org"] = 1
				return nil
			},
		} {
			err := s.DB.InTx(noCtx, ledger.System("test"), fn)
			if err == nil || strings.Contains(err.Error(), "ada") || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "commit_test.go:") {
				t.Errorf("got %v, want %s with its place and without its value", err, want)
			}
		}
	})
}

// set2 goes on in a transaction after an error, as a careless function would.
func set2(err error, t *store.Tx, name string) error {
	if err == nil {
		return errors.New("a key was written twice")
	}
	return set(t, name)
}

// TestAFullDiskIsAnAnswer fills the database up to a page limit. Nothing
// half-done stays, and there is room again afterwards.
func TestAFullDiskIsAnAnswer(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	limit := func(pages int64) {
		inTx(t, s, func(t *store.Tx) error {
			var got int64
			return t.Row(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)).Scan(&got)
		})
	}
	limit(shoptest.One[int64](t, s.Raw(t), `PRAGMA page_count`) + 3)
	long := string(make([]byte, 100_000))
	errs := gather(t, s,
		func(t *store.Tx) error { return set(t, "before") },
		func(t *store.Tx) error { return t.Set("test.long", long) },
		func(t *store.Tx) error { return set(t, "after") },
	)
	if !fault.Is(errs[1], fault.Unavailable) {
		t.Errorf("got %v, want to be told to come back later", errs[1])
	}
	for i, name := range []string{"before", "after"} {
		if kept := isSet(t, s, name); kept != (errs[2*i] == nil) {
			t.Errorf("%s: answered %v, but kept is %v", name, errs[2*i], kept)
		}
	}
	if isSet(t, s, "long") {
		t.Error("what did not fit is there")
	}
	limit(1 << 30)
	inTx(t, s, func(t *store.Tx) error { return set(t, "later") })
}

// TestAFailedCommitStopsTheWriter makes COMMIT itself fail: what is on the disk
// is unknown then, so nothing more is written until a restart.
func TestAFailedCommitStopsTheWriter(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	errs := gather(t, s,
		func(t *store.Tx) error { return set(t, "neighbour") },
		func(t *store.Tx) error {
			if _, err := t.Exec(`PRAGMA defer_foreign_keys = ON`); err != nil {
				return err
			}
			_, err := t.Exec(`INSERT INTO pictures (product, position, url, source, alt) VALUES ('nobody', 0, '', '', '')`)
			return err
		},
	)
	for i, err := range errs {
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("transaction %d got %v, want unavailable: none of them is on the disk", i, err)
		}
	}
	if err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return set(t, "later") }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want no more writing", err)
	}
	if s.DB.Healthy(noCtx) == nil {
		t.Error("the store says that it is well")
	}
	view(t, s, func(v *store.View) error { _, err := v.CountProducts(); return err })
	s.Reopen(t)
	if isSet(t, s, "neighbour") || isSet(t, s, "later") {
		t.Error("something refused was kept")
	}
	inTx(t, s, func(t *store.Tx) error { return set(t, "after the restart") })
}

func TestAClosedStoreRefuses(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		if err := s.DB.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.DB.InTx(noCtx, ledger.System("test"), func(*store.Tx) error { return nil }); err == nil {
			t.Error("a closed store took a transaction")
		}
		if err := s.DB.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}
