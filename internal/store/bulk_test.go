package store

import (
	"bytes"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

var copied = [][]Value{
	{TextValue("a"), IntValue(-1), BytesValue([]byte{0, 0xff}), IntValue(1)},
	{TextValue(""), {Kind: KindNull}, BytesValue([]byte{}), IntValue(0)},
	{TextValue("Ærø"), IntValue(1 << 62), {Kind: KindNull}, {Kind: KindNull}},
}

var copiedTypes = []uint32{pgtype.TextOID, pgtype.Int8OID, pgtype.ByteaOID, pgtype.BoolOID}

func asCopied(t testing.TB) []byte {
	t.Helper()
	b := []byte(copyHead)
	for _, row := range copied {
		b = append(b, 0, byte(len(row)))
		for i, v := range row {
			var err error
			if b, err = appendPostgres(b, copiedTypes[i], v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return append(b, 0xff, 0xff)
}

// TestRowsOfCopyComeInPiecesOfAnyLength: PostgreSQL promises no border between
// rows where it cuts what it sends.
func TestRowsOfCopyComeInPiecesOfAnyLength(t *testing.T) {
	text := asCopied(t)
	same := func(a, b Value) bool { return a.Kind == b.Kind && a.Int == b.Int && bytes.Equal(a.Raw, b.Raw) }
	for size := 1; size <= len(text); size++ {
		n := 0
		r := &copyReader{types: copiedTypes, row: make([]Value, len(copiedTypes)), head: true, each: func(row []Value) error {
			if n >= len(copied) || !slices.EqualFunc(row, copied[n], same) {
				t.Fatalf("pieces of %d: got %v as row %d", size, row, n)
			}
			n++
			return nil
		}}
		for piece := range slices.Chunk(text, size) {
			if m, err := r.Write(piece); err != nil || m != len(piece) {
				t.Fatalf("pieces of %d: got %d, %v", size, m, err)
			}
		}
		if n != len(copied) {
			t.Errorf("pieces of %d: got %d rows, want %d", size, n, len(copied))
		}
	}
}

// FuzzCopyReader: whatever comes, nothing panics.
func FuzzCopyReader(f *testing.F) {
	f.Add(asCopied(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &copyReader{types: copiedTypes, row: make([]Value, len(copiedTypes)), head: true, each: func([]Value) error { return nil }}
		r.Write(b)
	})
}

// TestAValueGoesWhereItFits: PostgreSQL would take a text of eight letters for a
// number.
func TestAValueGoesWhereItFits(t *testing.T) {
	for _, row := range []struct {
		kind uint32
		v    Value
	}{{pgtype.Int8OID, TextValue("eight888")}, {pgtype.TextOID, IntValue(8)}, {pgtype.ByteaOID, IntValue(8)}, {pgtype.BoolOID, TextValue("1")}, {pgtype.TextOID, Value{}}} {
		if _, err := appendPostgres(nil, row.kind, row.v); err == nil {
			t.Errorf("%v went into a column of type %d", row.v, row.kind)
		}
	}
}
