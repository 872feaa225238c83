package password

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/FastFilter/xorfilter"
)

func sample(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/common-sample.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

func TestNoCommonPasswordIsMissed(t *testing.T) {
	entries := sample(t)
	if len(entries) != 400 {
		t.Fatalf("got %d entries, want 400", len(entries))
	}
	for _, e := range entries {
		for _, typed := range []string{e, strings.ToUpper(e), strings.ToLower(e), strings.ToUpper(e[:1]) + e[1:]} {
			if !isCommon(parsed(t, typed)) {
				t.Errorf("%q is missed", typed)
			}
		}
	}
}

// TestTheFilterIsReadAsItsMakerReadsIt compares our reading where the bytes lie
// with the library that made them.
func TestTheFilterIsReadAsItsMakerReadsIt(t *testing.T) {
	for name, bytes := range map[string]string{"common": commonBytes, "parts": partsBytes} {
		theirs, err := xorfilter.LoadBinaryFuse[uint16](strings.NewReader(bytes))
		if err != nil {
			t.Fatal(err)
		}
		if want := filterHead + 2*len(theirs.Fingerprints); len(bytes) != want {
			t.Errorf("%s: got %d bytes, want %d", name, len(bytes), want)
		}
		texts := sample(t)
		for range 100_000 {
			texts = append(texts, random(12))
		}
		for _, text := range texts {
			sum := sha256.Sum256([]byte(text))
			if ours, want := filter(bytes).has([]byte(text)), theirs.Contains(binary.LittleEndian.Uint64(sum[:])); ours != want {
				t.Fatalf("%s: %q: got %v, want %v", name, text, ours, want)
			}
		}
	}
}

// TestGoodPasswordsAreNotTakenForCommonOnes counts false hits.
func TestGoodPasswordsAreNotTakenForCommonOnes(t *testing.T) {
	const probes = 2_000_000
	hits := 0
	for range probes {
		if filter(commonBytes).has([]byte(random(15))) {
			hits++
		}
	}
	t.Logf("%d entries in %d bytes; %d false hits in %d probes, %.4f %%", common, len(commonBytes), hits, probes, 100*float64(hits)/probes)
	// One in 65,536 is 30.5 of them; 80 is nine deviations away.
	if hits > 80 {
		t.Errorf("got %d false hits in %d, want about 31", hits, probes)
	}
}

// random is text that is on no list.
func random(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

func BenchmarkIsCommon(b *testing.B) {
	p := parsed(b, "correct horse battery staple")
	b.ReportAllocs()
	for b.Loop() {
		isCommon(p)
	}
	b.ReportMetric(float64(len(commonBytes)), "filter-bytes")
}
