package backup

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// cut is a folder that breaks off what is read of one kind of part.
type cut struct {
	Folder
	kind  string
	after *int64
}

var errCut = errors.New("cut off")

func (c cut) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := c.Folder.Get(ctx, name)
	if err != nil || !strings.HasSuffix(name, c.kind) || *c.after < 0 {
		return in, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(in, *c.after), broken{}), in}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// TestARestoreGoesOnFromWhereItWasCutOff breaks the reading of the data part off at
// many places, one after the other on one database, and at last lets it through.
// What comes of it is the shop that an undisturbed restore makes.
func TestARestoreGoesOnFromWhereItWasCutOff(t *testing.T) {
	defer func(n int64) { keepEvery = n }(keepEvery)
	keepEvery = 1
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		to, pair := Folder(t.TempDir()), pairOf(t)
		ada := place(t, s, "ada")
		fill(t, s, 4000)
		m := create(t, s, to, pair)
		engine := "sqlite"
		if s.OnPostgres() {
			engine = "postgres"
		}
		undisturbed := empty(t, engine)
		src := Source{File: m.Data, From: to, IDs: pair.Identities()}
		want, err := Restore(t.Context(), src, s.Ring, undisturbed, someone)
		if err != nil {
			t.Fatal(err)
		}
		list, err := to.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		size := list[0].Size
		c := empty(t, engine)
		at := &shoptest.Shop{Database: c.Database}
		before, went := int64(0), 0
		for _, part := range []int64{1, 3, 5, 7} {
			after := size * part / 8
			src.From = cut{to, Data, &after}
			if _, err := Restore(t.Context(), src, s.Ring, c, someone); err == nil {
				t.Fatal("a part that broke off was restored")
			}
			kept := shoptest.One[int64](t, at.Raw(t), `SELECT received FROM restoring`)
			if kept < before {
				t.Errorf("got %d rows kept, %d before", kept, before)
			}
			if kept > before {
				went++
			}
			before = kept
		}
		if went < 2 {
			t.Errorf("went on %d times", went)
		}
		// Another backup of the same shop is never mixed in.
		other := create(t, s, to, pair)
		if _, err := Restore(t.Context(), Source{File: other.Data, From: to, IDs: pair.Identities()}, s.Ring, c, someone); !errors.Is(err, store.ErrAnother) {
			t.Errorf("got %v for another backup, want a refusal", err)
		}
		// All rows are in, and what the key parts tell of erasures does not read.
		src.From, src.Journal = to, filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(src.Journal, []byte("not a journal\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), src, s.Ring, c, someone); err == nil {
			t.Fatal("a damaged journal was passed over")
		}
		src.Journal = ""
		got, err := Restore(t.Context(), src, s.Ring, c, someone)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rows != want.Rows || got.Alive != want.Alive || got.Ended != want.Ended || got.Opened != want.Opened || got.Shut != 0 || len(got.Lost) != len(want.Lost) || !got.Ledger.OK() {
			t.Errorf("got %+v, want what an undisturbed restore gives, %+v", got, want)
		}
		if name := nameOf(t, reopened(t, c), ada); name != "Marker ada" {
			t.Errorf("got %q", name)
		}
		first := &shoptest.Shop{Database: undisturbed.Database}
		for _, query := range []string{`SELECT count(*) FROM order_lines`, `SELECT count(*) FROM order_details`, `SELECT count(*) FROM dossiers`, `SELECT count(*) FROM identities`, `SELECT count(*) FROM directory`,
			`SELECT count(*) FROM events WHERE action = 'backup.restored'`, `SELECT count(*) FROM branches`} {
			if a, b := shoptest.One[int64](t, first.Raw(t), query), shoptest.One[int64](t, at.Raw(t), query); a != b {
				t.Errorf("%s: got %d, want %d", query, b, a)
			}
		}
		// Once more: it is whole, and nothing is done again.
		if got, err = Restore(t.Context(), src, s.Ring, c, someone); err != nil || !got.Whole || !got.Ledger.OK() {
			t.Errorf("got %+v, %v, want it known for whole", got, err)
		}

		// Rows of something that only says it is the same.
		c = empty(t, engine)
		after := size * 3 / 4
		src.From = cut{to, Data, &after}
		if _, err := Restore(t.Context(), src, s.Ring, c, someone); err == nil {
			t.Fatal("a part that broke off was restored")
		}
		shoptest.Do(t, (&shoptest.Shop{Database: c.Database}).Raw(t), `UPDATE restoring SET sum = 'other'`)
		src.From = to
		if _, err := Restore(t.Context(), src, s.Ring, c, someone); !errors.Is(err, ErrStartOver) {
			t.Errorf("got %v for rows of something else, want a refusal", err)
		}
	})
}

// TestANewerKeyPartIsNotPassedOverByAResume: somebody was erased between two tries.
func TestANewerKeyPartIsNotPassedOverByAResume(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	to, pair := Folder(t.TempDir()), pairOf(t)
	place(t, s, "ada")
	bob := place(t, s, "bob")
	m := create(t, s, to, pair)
	c := empty(t, "sqlite")
	src := Source{File: m.Data, From: to, IDs: pair.Identities(), Journal: filepath.Join(t.TempDir(), "journal")}
	if err := os.WriteFile(src.Journal, []byte("not a journal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), src, s.Ring, c, someone); err == nil {
		t.Fatal("a damaged journal was passed over")
	}
	erase(t, s, bob)
	create(t, s, to, pair)
	src.Journal = ""
	if _, err := Restore(t.Context(), src, s.Ring, c, someone); !errors.Is(err, ErrStartOver) {
		t.Errorf("got %v, want the older pair not gone on with", err)
	}
}
