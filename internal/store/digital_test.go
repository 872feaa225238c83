package store_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestAFileComesBackWholeOrNotAtAll(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx, actor := t.Context(), ledger.System("test")
		variant := catalog.VariantID("v-" + store.NewID())
		for _, size := range []int{0, 1, store.FileChunk - 1, store.FileChunk, store.FileChunk + 1, 3*store.FileChunk + 7} {
			plain := make([]byte, size)
			rand.NewChaCha8([32]byte{byte(size)}).Read(plain)
			f, err := s.DB.AddFile(ctx, actor, variant, "knots.pdf", bytes.NewReader(plain))
			if err != nil {
				t.Fatal(err)
			}
			all := soldFiles(t, s, variant)
			f = all[len(all)-1]
			for _, from := range []int{0, 1, size / 2, max(0, size-1)} {
				var got bytes.Buffer
				if err := s.DB.ReadFile(ctx, f, int64(from), &got); err != nil || !bytes.Equal(got.Bytes(), plain[min(from, size):]) {
					t.Errorf("%d bytes from %d: got %d, %v", size, from, got.Len(), err)
				}
			}
		}
		// Whoever can write to the database changes nothing unseen.
		all := soldFiles(t, s, variant)
		f, raw := all[len(all)-1], s.Raw(t)
		for _, change := range []string{
			`UPDATE file_chunks SET n = 101 - n WHERE file = $1 AND n < 2`, // the first two change places
			`UPDATE file_chunks SET n = n - 100 WHERE file = $1 AND n >= 100`,
		} {
			if _, err := raw.Exec(change, f.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.DB.ReadFile(ctx, f, 0, io.Discard); err == nil {
			t.Error("parts in another order were read")
		}
		if _, err := raw.Exec(`UPDATE files SET chunks = 1, size = $2 WHERE id = $1`, all[len(all)-2].ID, store.FileChunk); err != nil {
			t.Fatal(err)
		}
		cut := soldFiles(t, s, variant)[len(all)-2]
		if err := s.DB.ReadFile(ctx, cut, 0, io.Discard); err == nil {
			t.Error("a file that was cut off was read as whole")
		}
		// An ended file is gone with its key.
		if err := s.DB.InTx(ctx, actor, func(tx *store.Tx) error { return tx.RemoveFile(all[1].ID) }); err != nil {
			t.Fatal(err)
		}
		if err := s.DB.ReadFile(ctx, all[1], 0, io.Discard); err == nil {
			t.Error("a removed file was read")
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE case_id = $1 AND wrap IS NOT NULL`, all[1].ID); n != 0 {
			t.Error("the key of a removed file is still there")
		}
		// A source that breaks leaves nothing behind.
		before := shoptest.One[int64](t, raw, `SELECT count(*) FROM file_chunks`)
		_, err := s.DB.AddFile(ctx, actor, variant, "broken.pdf", io.MultiReader(bytes.NewReader(make([]byte, 2*store.FileChunk)), broken{}))
		if after := shoptest.One[int64](t, raw, `SELECT count(*) FROM file_chunks`); err == nil || after != before {
			t.Errorf("got %v and %d parts more", err, after-before)
		}
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func soldFiles(t testing.TB, s *shoptest.Shop, variant catalog.VariantID) (all []store.File) {
	t.Helper()
	if err := s.DB.View(t.Context(), func(v *store.View) (err error) { all, err = v.Files(variant); return err }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSixtyOrdersAndThirtyKeys(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx, actor := t.Context(), ledger.System("test")
		variant := catalog.VariantID("v-" + store.NewID())
		add := func(key string) (fresh bool) {
			err := s.DB.InTx(ctx, actor, func(tx *store.Tx) (err error) { fresh, err = tx.AddLicence(variant, key); return err })
			if err != nil {
				t.Fatal(err)
			}
			return fresh
		}
		for n := range 30 {
			if !add(fmt.Sprintf("KEY-%02d", n)) {
				t.Errorf("key %d: not taken", n)
			}
		}
		if add("KEY-07") {
			t.Error("a key was taken twice")
		}
		var served, waiting sync.Map
		give := func(id order.ID) {
			var missing int64
			err := s.DB.InTx(ctx, actor, func(tx *store.Tx) (err error) { missing, err = tx.GiveLicences(id, variant, 1); return err })
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
			if missing == 0 {
				served.Store(id, true)
			} else {
				waiting.Store(id, true)
			}
		}
		var all sync.WaitGroup
		for n := range 60 {
			id := order.ID(fmt.Sprintf("order-%02d", n))
			all.Go(func() { give(id); give(id) }) // the job runs again, as jobs may
		}
		all.Wait()
		seen := map[string]order.ID{}
		served.Range(func(id, _ any) bool {
			err := s.DB.View(ctx, func(v *store.View) error {
				keys, err := v.LicencesOf(id.(order.ID))
				if len(keys) != 1 {
					t.Errorf("%s has %d keys, want 1", id, len(keys))
				}
				for _, k := range keys {
					if other, twice := seen[k.Key]; twice {
						t.Errorf("%s has the key of %s", id, other)
					}
					seen[k.Key] = id.(order.ID)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return true
		})
		n := 0
		waiting.Range(func(any, any) bool { n++; return true })
		if len(seen) != 30 || n != 30 {
			t.Errorf("got %d keys given and %d orders waiting, want 30 and 30", len(seen), n)
		}
	})
}
