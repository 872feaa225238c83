package backup

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const day = 24 * time.Hour

// routine is one that makes a backup a day and keeps it for a week.
func routine(t *testing.T, s *shoptest.Shop, to ...Target) *Routine {
	t.Helper()
	pair := pairOf(t)
	return &Routine{DB: s.DB, Targets: to, Every: day, Window: 7 * day, Log: slog.New(slog.DiscardHandler),
		Pair: func() (*Pair, error) { return pair, nil }, Brake: func(context.Context) (string, error) { return "", nil }}
}

func sets(t *testing.T, to Target) []Set {
	t.Helper()
	list, err := to.List(t.Context())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return Sets(list)
}

// events counts those of an action.
func events(t *testing.T, s *shoptest.Shop, action string) int64 {
	t.Helper()
	return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE action = $1`, action)
}

func TestAMonthOfBackupsKeepsAWeek(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		one, two := Folder(t.TempDir()), Folder(t.TempDir())
		r := routine(t, s, one, two)
		for range 30 {
			for range 3 { // rounds come often; a day has one backup
				if err := r.Round(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s.Clock.Move(day)
		}
		for _, to := range []Folder{one, two} {
			got := sets(t, to)
			if len(got) != 7 || !got[0].Whole() {
				t.Errorf("got %d sets in %s, want those of a week", len(got), to)
			}
		}
		if made, gone := events(t, s, "backup.made"), events(t, s, "backup.deleted"); made != 60 || gone != 2*2*23 {
			t.Errorf("got %d events of backups and %d of parts deleted, want 60 and 92", made, gone)
		}
		known, err := r.Known(t.Context())
		if err != nil || known[one.String()].Failure != "" || known[one.String()].Part != sets(t, one)[0].Data.Name {
			t.Errorf("got %+v, %v", known, err)
		}
	})
}

// away is a place that is not there while it is said to be.
type away struct {
	Folder
	why error
}

func (a *away) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if a.why != nil {
		return a.why
	}
	return a.Folder.Put(ctx, name, write)
}

func (a *away) Delete(ctx context.Context, name string) error {
	if a.why != nil {
		return a.why
	}
	return a.Folder.Delete(ctx, name)
}

func TestAPlaceThatIsAwayIsToldAndHoldsUpNoOther(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bad, good := &away{Folder: Folder(t.TempDir()), why: errors.New("no such disk")}, Folder(t.TempDir())
	r := routine(t, s, bad, good)
	for range 4 {
		err := r.Round(t.Context())
		if err == nil && len(sets(t, good)) == 0 {
			t.Fatal("nothing is wrong, and nothing was made")
		}
		s.Clock.Move(again + time.Second)
	}
	known, err := r.Known(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b := known[bad.String()]; !strings.Contains(b.Failure, "no such disk") || b.Failing.IsZero() || !b.Made.IsZero() || !b.Tried.After(b.Failing) {
		t.Errorf("got %+v, want what is wrong and since when", b)
	}
	if n := events(t, s, "backup.failed"); n != 1 {
		t.Errorf("got %d events, want one for a row of failures", n)
	}
	if n := len(sets(t, good)); n != 1 || known[good.String()].Failure != "" {
		t.Errorf("got %d sets in the other place", n)
	}
	bad.why = nil
	if err := r.Round(t.Context()); err != nil || len(sets(t, bad.Folder)) != 1 {
		t.Errorf("got %v once the disk is back", err)
	}
	// A place where nothing can be deleted has its backup all the same, and it is
	// not made again every quarter of an hour.
	for range 9 {
		s.Clock.Move(day)
		if err := r.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	keepsAll := &undeletable{bad.Folder}
	r.Targets = []Target{keepsAll}
	s.Clock.Move(day)
	if err := r.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "the backup is whole") {
		t.Errorf("got %v where nothing can be deleted", err)
	}
	n := len(sets(t, bad.Folder))
	s.Clock.Move(time.Hour)
	if err := r.Round(t.Context()); err != nil || len(sets(t, bad.Folder)) != n {
		t.Errorf("got %v and %d sets, want no further one", err, len(sets(t, bad.Folder)))
	}
}

type undeletable struct{ Folder }

func (undeletable) Delete(context.Context, string) error { return errors.New("not allowed") }

// TestNothingIsDeletedByAWrongClock: after a jump every backup looks old.
func TestNothingIsDeletedByAWrongClock(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	to := Folder(t.TempDir())
	r := routine(t, s, to)
	for range 3 {
		if err := r.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(day)
	}
	r.Brake = func(context.Context) (string, error) { return "the clock jumped", nil }
	s.Clock.Move(365 * day)
	if err := r.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "the clock jumped") || len(sets(t, to)) != 4 {
		t.Errorf("got %v and %d sets, want all four", err, len(sets(t, to)))
	}
	// Back again: what was made in the wrong year is not waited for.
	s.Clock.Move(-365 * day)
	if err := r.Round(t.Context()); err != nil || len(sets(t, to)) != 5 {
		t.Errorf("got %v and %d sets, want a fifth", err, len(sets(t, to)))
	}
}

// TestOfSeveralNodesOneMakesTheBackup on PostgreSQL, where several may be.
func TestOfSeveralNodesOneMakesTheBackup(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		if !s.OnPostgres() {
			t.Skip("one node has the folder")
		}
		to := Folder(t.TempDir())
		first := routine(t, s, to)
		nodes := []*Routine{first}
		for range 3 {
			db, err := store.Open(t.Context(), store.Config{Database: s.Database, Ring: s.Ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			n := *first
			n.DB = db
			nodes = append(nodes, &n)
		}
		for range 3 {
			var group sync.WaitGroup
			for _, n := range nodes {
				group.Go(func() {
					if err := n.Round(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			s.Clock.Move(day)
		}
		if n := len(sets(t, to)); n != 3 {
			t.Errorf("got %d backups in three days, want 3", n)
		}
		// One that died holds the place until its lease ends, and no longer.
		err := s.DB.InTx(t.Context(), someone, func(t *store.Tx) error {
			_, err := t.LeaseBackup(to.String(), "dead", lease, true)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := nodes[1].All(t.Context(), someone, func(Target, Made) {}); !errors.Is(err, ErrUnderWay) {
			t.Errorf("got %v while another holds the place", err)
		}
		s.Clock.Move(lease + time.Second)
		if err := nodes[1].Round(t.Context()); err != nil || len(sets(t, to)) != 4 {
			t.Errorf("got %v and %d sets once the lease has ended", err, len(sets(t, to)))
		}
	})
}

// TestSwitchingOffIsNoFailure: what was begun leaves no part and no word.
func TestSwitchingOffIsNoFailure(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	ctx, off := context.WithCancel(t.Context())
	to := &leaving{Folder: Folder(t.TempDir()), off: off}
	r := routine(t, s, to)
	if err := r.Round(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	known, err := r.Known(t.Context())
	if err != nil || known[to.String()].Failure != "" || len(sets(t, to.Folder)) > 0 {
		t.Errorf("got %+v, %v", known, err)
	}
	if err := r.Round(t.Context()); err != nil || len(sets(t, to.Folder)) != 1 {
		t.Errorf("got %v after a new start", err)
	}
}

// leaving is a place that is being written to when the shop is switched off.
type leaving struct {
	Folder
	off func()
}

func (l *leaving) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	l.off()
	return l.Folder.Put(ctx, name, write)
}

// TestARestoreLooksIntoEveryPlace: the newest key part may lie elsewhere, and a
// place that can't be looked into is not passed over.
func TestARestoreLooksIntoEveryPlace(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	here, there, pair := Folder(t.TempDir()), Folder(t.TempDir()), pairOf(t)
	bob := place(t, s, "bob")
	old := create(t, s, here, pair)
	erase(t, s, bob)
	now := create(t, s, there, pair)
	src := Source{File: old.Data, From: here, Also: []Target{here, there}, IDs: pair.Identities()}
	c := empty(t, "sqlite")
	got, err := Restore(t.Context(), src, s.Ring, c, someone)
	if err != nil || filepath.Base(got.Key) != now.Keys {
		t.Fatalf("got %+v, %v, want the key part of the other place", got, err)
	}
	if name := nameOf(t, reopened(t, c), bob); name != "" {
		t.Errorf("got %q, want nobody", name)
	}
	src.Also = slices.Insert(src.Also, 1, Target(Folder("/nowhere/at/all")))
	if _, err := Restore(t.Context(), src, s.Ring, empty(t, "sqlite"), someone); err == nil || !strings.Contains(err.Error(), "/nowhere/at/all") {
		t.Errorf("got %v with a place that is away, want it named", err)
	}
}
