package ledger

import (
	"bytes"
	"strings"
	"testing"
)

// branched is an export of kept old events and more new ones, under a new origin
// that announces the old one's newest known checkpoint.
func branched(t *testing.T, kept, known, more int64) (export string, keys []string, old func(size int64) string) {
	t.Helper()
	seed := bytes.Repeat([]byte{7}, 32)
	was, err := NewSigner("cartkeep/old/ledger/1", seed)
	if err != nil {
		t.Fatal(err)
	}
	is, err := NewSigner("cartkeep/new/ledger/1", seed)
	if err != nil {
		t.Fatal(err)
	}
	rootOf := func(leaves [][]byte) Hash {
		var tree rangeHash
		for _, l := range leaves {
			tree.add(LeafHash(l), 0)
		}
		return tree.root()
	}
	var before [][]byte
	for i := range known + 5 {
		before = append(before, Leaf(testEvent(t, int(i))))
	}
	after := append([][]byte{}, before[:kept]...)
	for i := range more {
		after = append(after, Leaf(testEvent(t, int(1000+i))))
	}
	b := Branch{Origin: was.Origin(), Kept: kept, Known: known, Root: rootOf(before[:known])}
	note, err := is.Sign(int64(len(after)), rootOf(after), b.Line())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	w := NewExportWriter(&out)
	for _, l := range after {
		if err := w.Leaf(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(note); err != nil {
		t.Fatal(err)
	}
	return out.String(), []string{is.VerifierKey(), was.VerifierKey()}, func(size int64) string {
		note, err := was.Sign(size, rootOf(before[:size]))
		if err != nil {
			t.Fatal(err)
		}
		return note
	}
}

func TestVerificationWalksBranches(t *testing.T) {
	export, keys, old := branched(t, 10, 15, 2)
	for _, c := range []struct {
		size int64
		want string // of the problem; "" for none
	}{
		{3, ""}, {10, ""}, // kept, and compared
		{12, ""}, {15, ""}, // lost, and announced
		{16, "had 15 events"}, // lost, and not announced
	} {
		report, err := VerifyExport(strings.NewReader(export), old(c.size), keys...)
		if err != nil {
			t.Fatal(err)
		}
		if (c.want == "") != report.OK() || !strings.Contains(report.Problem, c.want) {
			t.Errorf("older checkpoint of %d: got %v, want a problem %q", c.size, report, c.want)
		}
		if report.OK() && (len(report.Branches) != 1 || report.Branches[0].Lost() != 5) {
			t.Errorf("got branches %+v, want one with 5 events lost", report.Branches)
		}
	}
}

func TestAForkThatNobodyAnnouncedIsTampering(t *testing.T) {
	_, keys, old := branched(t, 10, 15, 2)
	is, err := NewSigner("cartkeep/new/ledger/1", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	leaf := Leaf(testEvent(t, 0))
	note, err := is.Sign(1, LeafHash(leaf))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	w := NewExportWriter(&out)
	if err := w.Leaf(leaf); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(note); err != nil {
		t.Fatal(err)
	}
	report, err := VerifyExport(strings.NewReader(out.String()), old(12), keys...)
	if err != nil || report.OK() || !strings.Contains(report.Problem, "no restore") {
		t.Errorf("got %v, %v, want a problem", report, err)
	}
}

// FuzzParseBranch: what parses is written back the same.
func FuzzParseBranch(f *testing.F) {
	f.Add(Branch{Origin: "cartkeep/x/ledger/1", Kept: 3, Known: 9}.Line())
	f.Add("branch 1 2 AAAA x")
	f.Fuzz(func(t *testing.T, line string) {
		if b, ok := ParseBranch(line); ok && (b.Line() != line || b.Lost() < 0) {
			t.Fatalf("got %q, want %q", b.Line(), line)
		}
	})
}
