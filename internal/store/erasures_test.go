package store_test

import (
	"fmt"
	"testing"

	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestTheJournalHasEachDossierOnceAndNoGap takes pages of erasures into the journal,
// some of which it has, and some of which two owners wait for.
func TestTheJournalHasEachDossierOnceAndNoGap(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		wish := func(owner string, from, to int) {
			for i := from; i < to; i++ {
				shoptest.Do(t, raw, `INSERT INTO erasures_due (owner, dossier, at) VALUES ($1, $2, $3)`, owner, fmt.Sprintf("d%03d", i), int64(1000+i))
			}
		}
		numbered := func(want int) (list []erasure.Entry) {
			t.Helper()
			last, err := s.DB.SequenceErasures(noCtx)
			if err != nil {
				t.Fatal(err)
			}
			view(t, s, func(v *store.View) (err error) { list, err = v.Erasures(0, 1000); return err })
			if len(list) != want || last != list[want-1] {
				t.Fatalf("got %d entries and %v as the last, want %d", len(list), last, want)
			}
			var before erasure.Entry
			seen := map[string]bool{}
			for _, e := range list {
				if e != before.Next(e.Dossier, e.At) || seen[e.Dossier] {
					t.Errorf("%v does not follow %v, or is there twice", e, before)
				}
				before, seen[e.Dossier] = e, true
			}
			if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM erasures_due`); n != 0 {
				t.Errorf("%d erasures still wait", n)
			}
			return list
		}
		wish("a", 0, 70)
		before := numbered(70)
		wish("a", 40, 130)
		wish("b", 100, 110)
		list := numbered(130)
		for i, e := range before {
			if list[i] != e {
				t.Errorf("entry %d has become %v", i+1, list[i])
			}
		}
		// What a copy knows is taken where it follows on, and nothing twice.
		var copied []erasure.Entry
		for i := 90; i < 190; i++ {
			copied = append(copied, erasure.Entry{Dossier: fmt.Sprintf("d%03d", i), At: list[0].At})
		}
		if n, err := s.DB.LearnErasures(noCtx, copied); err != nil || n != 60 {
			t.Errorf("got %d learnt, %v, want the 60 that were missing", n, err)
		}
		numbered(190)
	})
}
