package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// strangers stores living dossiers, and begins an epoch after them.
func strangers(t *testing.T, s *shoptest.Shop, n int) (epoch seal.EpochID) {
	t.Helper()
	raw := s.Raw(t)
	for range n {
		o := seal.Owner{Dossier: store.NewID(), Subject: store.NewID(), Purpose: "fulfilment", Case: store.NewID()}
		_, wrap, err := s.Ring.NewDossier(o)
		if err != nil {
			t.Fatal(err)
		}
		shoptest.Do(t, raw, `INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after) VALUES ($1, $2, $3, $4, 'open', 1, $5, 0, $6)`,
			o.Subject, o.Dossier, o.Purpose, o.Case, wrap, time.Now().AddDate(1, 0, 0).UnixMilli())
	}
	epoch, err := s.Ring.NewEpoch(noCtx, s.Clock.Now())
	if err == nil {
		err = errors.Join(s.DB.NoteEpoch(noCtx, ledger.System("test"), epoch), s.Ring.Use(epoch))
	}
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// pass reads all that is under older epochs, page by page, and what it moves to.
func pass(t *testing.T, s *shoptest.Shop, epoch seal.EpochID, limit int) (all []store.Wrapped) {
	t.Helper()
	var after *store.Wrapped
	for {
		var list []store.Wrapped
		view(t, s, func(v *store.View) (err error) {
			list, err = v.WrapsBefore(epoch, after, limit)
			return err
		})
		if len(list) == 0 {
			return all
		}
		for i, w := range list {
			var err error
			if list[i].Moved, err = s.Ring.Rewrapper().Rewrap(w.Owner, w.Wrap); err != nil {
				t.Fatal(err)
			}
		}
		after = &list[len(list)-1]
		all = append(all, list...)
	}
}

// moves stores what a pass has read.
func moves(t *testing.T, s *shoptest.Shop, list []store.Wrapped) {
	t.Helper()
	for len(list) > 0 {
		var n int
		err := s.DB.InLaggingTx(noCtx, ledger.System("test"), func(t *store.Tx) (err error) {
			n, err = t.Rewrap(list)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list = list[n:]
	}
}

// TestAPassMeetsEveryWrapOnce: whatever the pages are, and however much of the table
// between them has been moved already.
func TestAPassMeetsEveryWrapOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const limit = 40
		epoch := strangers(t, s, 900)
		n := int(shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers`)) // some are the shop's own
		meets := func(what string, want int) []store.Wrapped {
			t.Helper()
			all, times := pass(t, s, epoch, limit), map[string]int{}
			for _, w := range all {
				if times[w.Owner.Dossier]++; times[w.Owner.Dossier] > 1 {
					t.Fatalf("%s: a dossier is met twice", what)
				}
			}
			if len(all) != want {
				t.Fatalf("%s: %d dossiers are met, want %d", what, len(all), want)
			}
			return all
		}
		first := meets("all", n)
		moves(t, s, first[50:n-50])
		rest := meets("what lies before and behind those that were moved", 100)
		moves(t, s, rest)
		meets("none", 0)
		if left := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE epoch < $1`, int64(epoch)); left != 0 {
			t.Errorf("%d are left", left)
		}
	})
}

// TestAWrapIsForItsDossierAlone: between the reading and the storing of a page a
// dossier goes, PostgreSQL gives its place to another, and that one keeps its own key.
func TestAWrapIsForItsDossierAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		epoch := strangers(t, s, 5)
		list := pass(t, s, epoch, 100)
		goes, stays := list[1].Owner, list[3].Owner
		raw := s.Raw(t)
		place := func(o seal.Owner) string {
			if !s.OnPostgres() {
				return ""
			}
			return shoptest.One[string](t, raw, `SELECT CAST(ctid AS TEXT) FROM dossiers WHERE id = $1`, o.Dossier)
		}
		was := place(goes)
		shoptest.Do(t, raw, `DELETE FROM dossiers WHERE id = $1`, goes.Dossier)
		shoptest.Do(t, raw, map[bool]string{true: `VACUUM dossiers`, false: `VACUUM`}[s.OnPostgres()])
		shoptest.Do(t, raw, `UPDATE dossiers SET destroy_after = destroy_after + 1 WHERE id = $1`, stays.Dossier)
		if now := place(stays); now != was {
			t.Fatalf("the other dossier lies at %s and not at %s: the test shows nothing", now, was)
		}
		moves(t, s, list)
		for _, w := range list {
			if w.Owner == goes {
				continue
			}
			wrap := shoptest.One[[]byte](t, raw, `SELECT wrap FROM dossiers WHERE id = $1`, w.Owner.Dossier)
			if _, err := s.Ring.Rewrapper().Rewrap(w.Owner, wrap); err != nil {
				t.Errorf("a dossier does not open any more: %v", err)
			}
		}
		moves(t, s, pass(t, s, epoch, 100)) // what was not where it had been read
		if left := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE epoch < $1`, int64(epoch)); left != 0 {
			t.Errorf("%d are left under the old epoch", left)
		}
	})
}

// TestAPageOfSeveralEpochsIsRefused: a row would note another epoch than its wrap's,
// and that key be destroyed as one that nobody needs.
func TestAPageOfSeveralEpochsIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		epoch := strangers(t, s, 5)
		list := pass(t, s, epoch, 100)
		last := &list[len(list)-1]
		last.Moved = last.Wrap // of the epoch before
		err := s.DB.InLaggingTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			_, err := t.Rewrap(list[len(list)-2:])
			return err
		})
		if err == nil {
			t.Error("a page of two epochs is stored")
		}
		if left := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE epoch < $1`, int64(epoch)); left != int64(len(list)) {
			t.Errorf("%d are left under the old epoch, want all %d", left, len(list))
		}
	})
}
