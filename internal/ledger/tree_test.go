package ledger

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// stranger checks a ledger with golang.org/x/mod/sumdb only: nothing of this
// package takes part in the checking half.
type stranger struct{ hashes []tlog.Hash }

func (s *stranger) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = s.hashes[index]
	}
	return out, nil
}

func (s *stranger) add(t testing.TB, n int64, leaf []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(n, leaf, s)
	if err != nil {
		t.Fatal(err)
	}
	s.hashes = append(s.hashes, hashes...)
}

func TestAStrangerAgreesOnRootsAndProofs(t *testing.T) {
	leaves := testLeaves(t, 1500)
	m, tree := grown(t, leaves, 1, 255, 3, 600)
	signed, err := testSigner(t).Sign(tree.Size(), tree.Root(), "branch 1")
	if err != nil {
		t.Fatal(err)
	}

	var s stranger
	roots := []tlog.Hash{{}}
	for i, leaf := range leaves {
		s.add(t, int64(i), leaf)
		root, err := tlog.TreeHash(int64(i)+1, &s)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, root)
	}
	v, err := note.NewVerifier(testSigner(t).VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	want := "shop.example/ledger\n1500\n" + roots[1500].String() + "\nbranch 1\n"
	if opened.Text != want {
		t.Fatalf("got checkpoint %q, want %q", opened.Text, want)
	}
	for _, size := range []int64{1, 2, 255, 256, 257, 1024, 1499, 1500} {
		root, err := Root(m, size)
		if err != nil || root != roots[size] {
			t.Errorf("size %d: got root %v, %v, want %v", size, root, err, roots[size])
		}
		for _, index := range []int64{0, 1, size / 2, size - 1} {
			if index >= size {
				continue
			}
			proof, err := ProveInclusion(m, size, index)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(proof, size, roots[size], index, tlog.RecordHash(leaves[index])); err != nil {
				t.Errorf("inclusion of %d in %d: %v", index, size, err)
			}
		}
		for _, from := range []int64{1, size/2 + 1, size} {
			from = min(from, size)
			proof, err := ProveConsistency(m, from, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(proof, size, roots[size], from, roots[from]); err != nil {
				t.Errorf("from %d to %d: %v", from, size, err)
			}
		}
	}
}

func TestATreeGrowsTheSameInAnyBatches(t *testing.T) {
	leaves := testLeaves(t, 900)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, len(leaves)).Draw(rt, "leaves")
		batches := rapid.SliceOfN(rapid.IntRange(0, 300), 0, 6).Draw(rt, "batches")
		m, tree := grown(t, leaves[:n], batches...)
		_, once := grown(t, leaves[:n])
		if tree.Root() != once.Root() {
			rt.Fatalf("got root %v, want %v", tree.Root(), once.Root())
		}
		// Opened again from its tiles it is the same tree.
		again, err := OpenTree(m, int64(n))
		if err != nil || again.Root() != once.Root() {
			rt.Fatalf("opened again: %v, got root %v, want %v", err, again.Root(), once.Root())
		}
		if n == 0 {
			return
		}
		index := rapid.Int64Range(0, int64(n)-1).Draw(rt, "index")
		proof, err := ProveInclusion(m, int64(n), index)
		if err != nil {
			rt.Fatal(err)
		}
		hash := LeafHash(leaves[index])
		if err := CheckInclusion(proof, int64(n), once.Root(), index, hash); err != nil {
			rt.Fatal(err)
		}
		hash[3]++
		if CheckInclusion(proof, int64(n), once.Root(), index, hash) == nil {
			rt.Fatal("a proof held for another leaf")
		}
	})
}

func TestAppendWritesOnlyTheTilesItTouches(t *testing.T) {
	leaves := testLeaves(t, 66_000)
	m, tree := grown(t, leaves[:1000])
	for _, c := range []struct{ n, most int }{{1, 1}, {10, 1}, {14, 3}, {256, 3}, {1000, 6}, {63_000, 247 + 3}} {
		m.writes = 0
		at := tree.Size()
		if err := tree.Append(leaves[at:min(at+int64(c.n), int64(len(leaves)))]); err != nil {
			t.Fatal(err)
		}
		if m.writes > c.most {
			t.Errorf("appending %d at %d: got %d tiles written, want at most %d", c.n, at, m.writes, c.most)
		}
	}
	if again, err := OpenTree(m, tree.Size()); err != nil || again.Root() != tree.Root() {
		t.Errorf("opened again: %v", err)
	}
}

func TestAnEmptyTreeHasTheRootOfNothing(t *testing.T) {
	tree, err := OpenTree(newMemory(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tlog.TreeHash(0, &stranger{})
	if err != nil || tree.Root() != want {
		t.Errorf("got %v, want %v (%v)", tree.Root(), want, err)
	}
}

func TestAChangedTileIsNotBelieved(t *testing.T) {
	leaves := testLeaves(t, 700)
	m, tree := grown(t, leaves)
	hashes, err := LeafHashes(m, 700, tree.Root(), 100, 700)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range hashes {
		if h != LeafHash(leaves[100+i]) {
			t.Fatalf("leaf %d: got %v", 100+i, h)
		}
	}
	for _, at := range [][2]int64{{0, 1}, {1, 0}} {
		data := append([]byte(nil), m.tiles[at]...)
		data[40] ^= 1
		changed := &memory{tiles: map[[2]int64][]byte{}}
		for k, v := range m.tiles {
			changed.tiles[k] = v
		}
		changed.tiles[at] = data
		if _, err := LeafHashes(changed, 700, tree.Root(), 256, 600); !errors.Is(err, ErrTile) {
			t.Errorf("tile %v changed: got %v, want ErrTile", at, err)
		}
	}
	delete(m.tiles, [2]int64{0, 1})
	if _, err := LeafHashes(m, 700, tree.Root(), 256, 600); err == nil || errors.Is(err, ErrTile) {
		t.Errorf("got %v, want the store's own error", err)
	}
}

func TestProofsOutsideTheTreeAreRefused(t *testing.T) {
	m, tree := grown(t, testLeaves(t, 5))
	for _, c := range [][2]int64{{5, 5}, {5, -1}, {0, 0}} {
		if _, err := ProveInclusion(m, c[0], c[1]); err == nil {
			t.Errorf("leaf %d in size %d: proved", c[1], c[0])
		}
		if CheckInclusion(nil, c[0], tree.Root(), c[1], Hash{}) == nil {
			t.Errorf("leaf %d in size %d: believed", c[1], c[0])
		}
	}
	for _, c := range [][2]int64{{0, 5}, {4, 3}, {-1, 5}, {5, 6}} {
		if _, err := ProveConsistency(m, c[0], c[1]); err == nil {
			t.Errorf("from %d to %d: proved", c[0], c[1])
		}
	}
	if CheckConsistency(nil, 5, tree.Root(), 0, Hash{}) == nil {
		t.Error("a proof from nothing was believed")
	}
	if err := tree.Append([][]byte{nil}); !errors.Is(err, ErrLeaf) {
		t.Errorf("got %v, want ErrLeaf for an empty leaf", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	leaves := testLeaves(b, 1024)
	tree, err := OpenTree(newMemory(), 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := tree.Append(leaves); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(leaves)), "ns/leaf")
}
