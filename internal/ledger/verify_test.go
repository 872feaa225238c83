package ledger

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestAnExportOfAnyLengthIsFoundGood(t *testing.T) {
	leaves := testLeaves(t, 1100)
	for _, n := range []int{0, 1, 2, 255, 256, 257, 1100} {
		_, tree := grown(t, leaves[:n])
		r := verified(t, exported(t, leaves[:n], 0, n/2), "")
		if !r.OK() || r.Size != int64(n) || r.Root != tree.Root() || !r.Signed || r.FirstBad != -1 {
			t.Errorf("%d events: got %v, want ok with root %v", n, r, tree.Root())
		}
		if want := int64(min(n, 2)); r.Emptied != want && n != 1 {
			t.Errorf("%d events: got %d emptied, want %d", n, r.Emptied, want)
		}
	}
}

// linesOf gives the lines of an export with their line feeds.
func linesOf(export []byte) []string { return slices.Collect(strings.Lines(string(export))) }

func TestTamperingIsFoundAndPlaced(t *testing.T) {
	leaves := testLeaves(t, 600)
	export := exported(t, leaves, 7)
	other := exported(t, append(append([][]byte{}, leaves[:300]...), testLeaves(t, 301)[300]), 7)
	edit := func(change func(lines []string) []string) []byte {
		return []byte(strings.Join(change(linesOf(export)), ""))
	}
	for _, c := range []struct {
		name   string
		export []byte
		bad    int64
		exact  bool
	}{
		{"a byte of a leaf changed", edit(func(l []string) []string {
			l[300] = flip(l[300], strings.Index(l[300], `"leaf":"`)+20)
			return l
		}), 300, true},
		{"a byte of the stated hash changed", edit(func(l []string) []string {
			l[300] = flip(l[300], strings.Index(l[300], `"leaf_hash":"`)+20)
			return l
		}), 300, true},
		{"an emptied event's hash changed", edit(func(l []string) []string {
			l[7] = flip(l[7], strings.Index(l[7], `"hash":"`)+20)
			return l
		}), 0, false},
		{"an event removed", edit(func(l []string) []string { return append(l[:41], l[42:]...) }), 41, true},
		{"the first event removed", edit(func(l []string) []string { return l[1:] }), 0, true},
		{"the last event removed", edit(func(l []string) []string { return append(l[:599], l[600]) }), 599, true},
		{"an event repeated", edit(func(l []string) []string { return append(l[:42:42], l[41:]...) }), 41, true},
		{"two events swapped", edit(func(l []string) []string { l[9], l[10] = l[10], l[9]; return l }), 9, true},
		{"one event put in another's place", edit(func(l []string) []string {
			l[9] = strings.Replace(l[10], `"index":10`, `"index":9`, 1)
			return l
		}), 0, false},
		{"the checkpoint removed", edit(func(l []string) []string { return l[:600] }), 600, true},
		{"the tail and the checkpoint removed", edit(func(l []string) []string { return l[:123] }), 123, true},
		{"cut within a line", export[:len(export)/2], -2, true},
		{"an event after the checkpoint", edit(func(l []string) []string { return append(l, l[599]) }), 600, true},
		{"an event added before the checkpoint", edit(func(l []string) []string {
			more := linesOf(exported(t, testLeaves(t, 601)))[600]
			return []string{strings.Join(l[:600], ""), more, l[600]}
		}), 600, true},
		{"a leading zero in an index", edit(func(l []string) []string {
			l[5] = strings.Replace(l[5], `"index":5`, `"index":05`, 1)
			return l
		}), 5, true},
		{"a carriage return", edit(func(l []string) []string {
			l[5] = strings.Replace(l[5], "\n", "\r\n", 1)
			return l
		}), 5, true},
		{"history rewritten, signed by the shop", other, -3, false},
		{"nothing at all", nil, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := ""
			if c.bad == -3 {
				// Only who kept an older checkpoint can see this one.
				_, tree := grown(t, testLeaves(t, 250))
				old, _ = testSigner(t).Sign(250, tree.Root())
				c.bad = 0
			}
			r := verified(t, c.export, old)
			if r.OK() {
				t.Fatalf("got %v, want trouble at %d", r, c.bad)
			}
			if c.bad >= 0 && (r.FirstBad != c.bad || r.Exact != c.exact) {
				t.Errorf("got %v (exact %v), want trouble at %d (exact %v)", r, r.Exact, c.bad, c.exact)
			}
		})
	}
}

// flip changes one letter of base64 to another.
func flip(s string, at int) string {
	c := byte('A')
	if s[at] == c {
		c = 'B'
	}
	return s[:at] + string(c) + s[at+1:]
}

func TestATailCutIsFoundAgainstAnOlderCheckpoint(t *testing.T) {
	leaves := testLeaves(t, 500)
	_, tree := grown(t, leaves)
	kept, err := testSigner(t).Sign(500, tree.Root())
	if err != nil {
		t.Fatal(err)
	}
	short := exported(t, leaves[:400])
	if r := verified(t, short, ""); !r.OK() {
		t.Fatalf("by itself the short export is good, got %v", r)
	}
	if r := verified(t, short, kept); r.FirstBad != 400 || !r.Exact {
		t.Errorf("got %v, want the cut at 400", r)
	}
	if r := verified(t, exported(t, testLeaves(t, 0)), kept); r.FirstBad != 0 {
		t.Errorf("got %v, want the cut at 0", r)
	}
}

func TestAnHonestExportAgreesWithEveryOlderCheckpoint(t *testing.T) {
	leaves := testLeaves(t, 520)
	export := exported(t, leaves)
	for _, n := range []int{0, 1, 255, 256, 257, 519, 520} {
		_, tree := grown(t, leaves[:n])
		old, err := testSigner(t).Sign(int64(n), tree.Root())
		if err != nil {
			t.Fatal(err)
		}
		if r := verified(t, export, old); !r.OK() {
			t.Errorf("older size %d: got %v, want ok", n, r)
		}
	}
}

func TestAStrangersCheckpointIsRefused(t *testing.T) {
	leaves := testLeaves(t, 3)
	stranger, err := NewSigner("shop.example/ledger", bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	export := exported(t, leaves)
	r, err := VerifyExport(bytes.NewReader(export), "", stranger.VerifierKey())
	if err != nil || r.OK() || r.Signed {
		t.Errorf("got %v, %v, want an unknown signature", r, err)
	}
	r, err = VerifyExport(bytes.NewReader(export), "")
	if err != nil || !r.OK() || r.Signed {
		t.Errorf("without a key: got %v, %v, want ok and not signed", r, err)
	}
	_, tree := grown(t, leaves)
	old, _ := stranger.Sign(3, tree.Root())
	if _, err := VerifyExport(bytes.NewReader(export), old, testSigner(t).VerifierKey()); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v, want ErrSignature for a stranger's older checkpoint", err)
	}
	if _, err := VerifyExport(bytes.NewReader(export), "", "no key"); err == nil {
		t.Error("a key that is none was taken")
	}
}

func TestAnExportThatCannotBeReadIsAnError(t *testing.T) {
	export := exported(t, testLeaves(t, 3000))
	broken := io.MultiReader(bytes.NewReader(export[:len(export)-100]), iotest.ErrReader(errors.New("disk gone")))
	if _, err := VerifyExport(broken, "", testSigner(t).VerifierKey()); err == nil {
		t.Error("a broken disk looked like a verdict")
	}
	slow := iotest.OneByteReader(bytes.NewReader(export[:5000]))
	if r := verified(t, mustRead(t, slow), ""); r.OK() {
		t.Error("half an export was good")
	}
}

func mustRead(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnEndlessLineDoesNotFillTheMemory(t *testing.T) {
	endless := io.LimitReader(iotest.DataErrReader(repeat('x')), 64<<20)
	r, err := VerifyExport(endless, "", testSigner(t).VerifierKey())
	if err != nil || r.FirstBad != 0 || !r.Exact {
		t.Errorf("got %v, %v, want line 0 damaged", r, err)
	}
}

type repeat byte

func (c repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

// Whatever the history, no change of one byte, no removal and no cut passes.
func TestNoChangePasses(t *testing.T) {
	leaves := testLeaves(t, 700)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, len(leaves)).Draw(rt, "events")
		emptied := rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 5).Draw(rt, "emptied")
		export := exported(t, leaves[:n], emptied...)
		if r := verified(t, export, ""); !r.OK() {
			rt.Fatalf("untouched: got %v", r)
		}
		changed := bytes.Clone(export)
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			at := rapid.IntRange(0, len(export)-1).Draw(rt, "at")
			changed[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "by"))
		case 1:
			lines := linesOf(export)
			at := rapid.IntRange(0, len(lines)-1).Draw(rt, "line")
			changed = []byte(strings.Join(append(lines[:at], lines[at+1:]...), ""))
			if at < n {
				if r := verified(t, changed, ""); r.FirstBad != int64(at) || !r.Exact {
					rt.Fatalf("line %d removed: got %v", at, r)
				}
			}
		case 2:
			changed = changed[:rapid.IntRange(0, len(export)-1).Draw(rt, "length")]
		case 3:
			at := rapid.IntRange(0, len(export)-1).Draw(rt, "at")
			changed = append(changed[:at], export[at+1:]...)
		}
		if r := verified(t, changed, ""); r.OK() {
			rt.Fatalf("a changed export passes: %v", r)
		}
	})
}

func FuzzExport(f *testing.F) {
	export := exported(f, testLeaves(f, 3), 1)
	f.Add(export)
	f.Add(export[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		// One block by itself: goroutines would make the fuzzer see new paths
		// where there are none.
		v, b := verifier{report: Report{FirstBad: -1}}, &block{data: data}
		if b.parse(nil); v.block(b) == nil {
			v.finish()
		}
		r := v.report
		var again bytes.Buffer
		x := NewExportWriter(&again)
		signed, err := ReadExport(bytes.NewReader(data), func(l Line) error {
			if l.Emptied {
				return x.Emptied(l.Hash)
			}
			return x.Leaf(l.Leaf)
		})
		if err != nil {
			if r.OK() {
				t.Fatalf("verified but not readable: %v", err)
			}
			return
		}
		if err := x.Close(signed); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Fatalf("got %q, want %q", again.Bytes(), data)
		}
	})
}

func BenchmarkVerifyExport(b *testing.B) {
	const n = 200_000
	export := exported(b, testLeaves(b, n))
	vkey := testSigner(b).VerifierKey()
	b.SetBytes(int64(len(export)))
	for b.Loop() {
		r, err := VerifyExport(bytes.NewReader(export), "", vkey)
		if err != nil || !r.OK() {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
