package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// memory is a TileStore that counts what is written.
type memory struct {
	tiles  map[[2]int64][]byte
	writes int
}

func newMemory() *memory { return &memory{tiles: map[[2]int64][]byte{}} }

func (m *memory) ReadTile(level int, n int64) ([]byte, error) {
	data, ok := m.tiles[[2]int64{int64(level), n}]
	if !ok {
		return nil, errors.New("no such tile")
	}
	return data, nil
}

func (m *memory) WriteTile(level int, n int64, data []byte) error {
	m.writes++
	m.tiles[[2]int64{int64(level), n}] = data
	return nil
}

var noon = time.Date(2026, 5, 4, 12, 0, 0, 123_000_000, time.UTC)

func testEvent(t testing.TB, i int) Event {
	t.Helper()
	e, err := NewEvent(fmt.Sprintf("e%d", i), noon.Add(time.Duration(i)*time.Millisecond), "order.placed",
		Guest("3b0c"), "3b0c", fmt.Sprintf("order:%d", i), fmt.Sprintf(`{"lines":%d}`, i))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func testLeaves(t testing.TB, n int) [][]byte {
	leaves := make([][]byte, n)
	for i := range leaves {
		leaves[i] = Leaf(testEvent(t, i))
	}
	return leaves
}

func testSigner(t testing.TB) *Signer {
	t.Helper()
	s, err := NewSigner("shop.example/ledger", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// grown is a tree with leaves, appended in batches of the given sizes.
func grown(t testing.TB, leaves [][]byte, batches ...int) (*memory, *Tree) {
	t.Helper()
	m := newMemory()
	tree, err := OpenTree(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range append(batches, len(leaves)) {
		n = min(n, len(leaves))
		if err := tree.Append(leaves[:n]); err != nil {
			t.Fatal(err)
		}
		leaves = leaves[n:]
	}
	return m, tree
}

// exported is an export of leaves, of which some are emptied, ending with a
// signed checkpoint.
func exported(t testing.TB, leaves [][]byte, emptied ...int) []byte {
	t.Helper()
	_, tree := grown(t, leaves)
	signed, err := testSigner(t).Sign(tree.Size(), tree.Root())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	x := NewExportWriter(&b)
	for i, leaf := range leaves {
		if slices.Contains(emptied, i) {
			err = x.Emptied(LeafHash(leaf))
		} else {
			err = x.Leaf(leaf)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(signed); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verified(t testing.TB, export []byte, old string) Report {
	t.Helper()
	r, err := VerifyExport(bytes.NewReader(export), old, testSigner(t).VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	return r
}
