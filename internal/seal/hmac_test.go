package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestWhatIsExpandedIsHKDF: of one HMAC again and again, as of the library's.
func TestWhatIsExpandedIsHKDF(t *testing.T) {
	key := [KeySize]byte(NewKey())
	mac := hmacOf(&key)
	rapid.Check(t, func(rt *rapid.T) {
		info := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "info")
		n := rapid.IntRange(0, 255*sha256.Size).Draw(rt, "length")
		want, err := hkdf.Expand(sha256.New, key[:], string(info), n)
		if err != nil {
			rt.Fatal(err)
		}
		got := make([]byte, n)
		mac.Reset()
		expand(mac, info, got)
		if !bytes.Equal(got, want) {
			rt.Errorf("%d bytes: got %x, want %x", n, got, want)
		}
	})
}

// TestAPageIsRewrapped: of many owners and two epochs, each wrap for its owner alone;
// what the page keeps opens nothing whose epoch has ended.
func TestAPageIsRewrapped(t *testing.T) {
	r, _ := testRing(t)
	var owners []Owner
	var wraps [][]byte
	for i := range 20 {
		if i == 10 {
			begin(t, r, may.AddDate(0, 1, 0))
		}
		o := ada
		o.Case = fmt.Sprint("order-", i)
		_, wrap := testDossier(t, r, o)
		owners, wraps = append(owners, o), append(wraps, wrap)
	}
	begin(t, r, may.AddDate(0, 2, 0))
	page := r.Rewrapper()
	begin(t, r, may.AddDate(0, 3, 0)) // the page goes on as it began
	for i, o := range owners {
		moved, err := page.Rewrap(o, wraps[i])
		if err != nil {
			t.Fatal(err)
		}
		if id, err := WrapEpoch(moved); err != nil || id != 3 {
			t.Errorf("got epoch %d, %v, want 3", id, err)
		}
		if _, err := r.Unwrap(o, moved); err != nil {
			t.Errorf("%s: %v", o.Case, err)
		}
		if _, err := r.Unwrap(owners[(i+1)%len(owners)], moved); !errors.Is(err, ErrOpen) {
			t.Errorf("%s opens for another: %v", o.Case, err)
		}
	}
	if err := r.DestroyEpoch(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := page.Rewrap(owners[0], wraps[0]); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("after its epoch: got %v, want ErrEpochUnknown", err)
	}
	// A number returns, with another key, where the newest were not used in the end.
	r.sealing = 2
	if err := errors.Join(r.DestroyEpoch(t.Context(), 4), r.DestroyEpoch(t.Context(), 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := page.Rewrap(owners[19], wraps[19]); !errors.Is(err, ErrEpochUnknown) {
		t.Errorf("under an epoch that is gone: got %v, want ErrEpochUnknown", err)
	}
	if begin(t, r, may.AddDate(0, 4, 0)); r.Sealing() != 3 {
		t.Fatalf("got epoch %d, want 3 again", r.Sealing())
	}
	moved, err := page.Rewrap(owners[19], wraps[19])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Unwrap(owners[19], moved); err != nil {
		t.Errorf("under the new key of an old number: %v", err)
	}
}
