package keylife_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

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

// TestAnIndexKeyThatIsGoneLeavesTheFilesToo cuts a change off between the end of the
// old key and the scrubbing of the files: a backup reads, so that it waits. Whoever
// comes next scrubs them, once.
func TestAnIndexKeyThatIsGoneLeavesTheFilesToo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		due := func() int64 {
			return shoptest.One[int64](t, raw, `SELECT count(*) FROM settings WHERE name = 'scrub.due'`)
		}
		cut, stop := context.WithCancel(t.Context())
		err := s.DB.Snapshot(t.Context(), func(*store.Snapshot) error {
			go func() {
				defer stop()
				for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
					var gone int64
					if raw.QueryRow(`SELECT count(*) FROM index_keys WHERE gone_at > 0`).Scan(&gone) == nil && gone > 0 {
						return
					}
				}
			}()
			_, _, err := keeper(s).RotateIndex(cut, ada, func(keylife.Progress) {})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want a change that was cut off", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if due() != 1 {
			t.Fatal("nothing tells that the files are to be scrubbed")
		}
		log := s.Database + "-wal"
		if !s.OnPostgres() {
			if info, err := os.Stat(log); err != nil || info.Size() == 0 {
				t.Fatalf("%v, %v: the log holds nothing, so nothing is tried", info, err)
			}
		}
		// A program that is closed in order writes the log back by itself: the next one
		// is another keeper on what is there.
		if err := keeper(s).TendIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		if due() != 0 {
			t.Error("the files were not scrubbed")
		}
		if !s.OnPostgres() {
			// What is left is the note that it was done.
			if info, err := os.Stat(log); err != nil || info.Size() > 64<<10 {
				t.Errorf("%v, %v: the log was not cut", info, err)
			}
		}
	})
}
