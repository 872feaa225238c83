package seal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	may   = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	ada   = Owner{Dossier: "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5b", Subject: "ada", Purpose: "fulfilment", Case: "order-1"}
	where = Place{Table: "orders", Column: "ship_to", Row: "order-1"}
)

func testRing(t testing.TB) (*Ring, *Memory) {
	t.Helper()
	m := NewMemory()
	r, err := Open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.NewEpoch(context.Background(), may); err != nil {
		t.Fatal(err)
	}
	return r, m
}

func testDossier(t testing.TB, r *Ring, o Owner) (*Dossier, []byte) {
	t.Helper()
	d, wrap, err := r.NewDossier(o)
	if err != nil {
		t.Fatal(err)
	}
	return d, wrap
}

func TestAValueComesBack(t *testing.T) {
	r, _ := testRing(t)
	d, wrap := testDossier(t, r, ada)
	again, err := r.Unwrap(ada, wrap)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "plain")
		p := Place{rapid.String().Draw(rt, "table"), rapid.String().Draw(rt, "column"), rapid.String().Draw(rt, "row")}
		sealed, err := d.Seal(p, plain)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := again.Open(p, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			rt.Fatalf("got %q, %v, want %q", got, err, plain)
		}
	})
	for _, n := range []int{MaxPlain - 1, MaxPlain} {
		sealed, err := d.Seal(where, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.Open(where, sealed); err != nil || len(got) != n {
			t.Errorf("%d bytes: got %d, %v", n, len(got), err)
		}
	}
	if _, err := d.Seal(where, make([]byte, MaxPlain+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v, want ErrTooLong", err)
	}
}

func TestAWrapOpensForItsOwnerOnly(t *testing.T) {
	r, _ := testRing(t)
	_, wrap := testDossier(t, r, ada)
	for name, change := range map[string]func(*Owner){
		"another dossier":              func(o *Owner) { o.Dossier = "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5c" },
		"another subject":              func(o *Owner) { o.Subject = "bob" },
		"another purpose":              func(o *Owner) { o.Purpose = "marketing" },
		"another case":                 func(o *Owner) { o.Case = "order-2" },
		"no case":                      func(o *Owner) { o.Case = "" },
		"a letter moved to the left":   func(o *Owner) { o.Subject, o.Purpose = "adaf", "ulfilment" },
		"a letter moved to the right":  func(o *Owner) { o.Purpose, o.Case = "fulfilmen", "torder-1" },
		"subject and purpose swapped":  func(o *Owner) { o.Subject, o.Purpose = o.Purpose, o.Subject },
		"the dossier in capitals":      func(o *Owner) { o.Dossier = "01985A2E-6A4E-7C3B-9A1E-0C9D8E7F6A5B" },
		"the subject with a NUL added": func(o *Owner) { o.Subject += "\x00" },
	} {
		o := ada
		change(&o)
		if _, err := r.Unwrap(o, wrap); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: got %v, want ErrOpen", name, err)
		}
		if _, err := r.Rewrapper().Rewrap(o, wrap); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: re-wrapped, %v", name, err)
		}
	}
}

func TestAValueOpensInItsPlaceOnly(t *testing.T) {
	r, _ := testRing(t)
	d, _ := testDossier(t, r, ada)
	sealed, err := d.Seal(where, []byte("12 Analytical Way"))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Place{
		"another row":    {"orders", "ship_to", "order-2"},
		"another column": {"orders", "bill_to", "order-1"},
		"another table":  {"carts", "ship_to", "order-1"},
		"a moved letter": {"orders", "ship_toorder", "-1"},
		"nowhere":        {},
	} {
		if _, err := d.Open(p, sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: got %v, want ErrOpen", name, err)
		}
	}
	bob := ada
	bob.Dossier = "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5c"
	other, _ := testDossier(t, r, bob)
	if _, err := other.Open(where, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("another dossier: got %v, want ErrOpen", err)
	}
	// Even with the head changed to the other's id.
	moved := bytes.Clone(sealed)
	copy(moved[1:17], other.id[:])
	if _, err := other.Open(where, moved); !errors.Is(err, ErrOpen) {
		t.Errorf("another dossier's id written in: got %v, want ErrOpen", err)
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	r, _ := testRing(t)
	d, wrap := testDossier(t, r, ada)
	sealed, err := d.Seal(where, []byte("12 Analytical Way"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(wrap) * 8 {
		b := bytes.Clone(wrap)
		b[i/8] ^= 1 << (i % 8)
		if _, err := r.Unwrap(ada, b); !refused(err) {
			t.Fatalf("bit %d of the wrap flipped: got %v", i, err)
		}
	}
	for i := range len(sealed) * 8 {
		b := bytes.Clone(sealed)
		b[i/8] ^= 1 << (i % 8)
		if got, err := d.Open(where, b); !refused(err) || got != nil {
			t.Fatalf("bit %d of the value flipped: got %q, %v", i, got, err)
		}
	}
	for i := range sealed {
		if _, err := d.Open(where, sealed[:i]); !refused(err) {
			t.Fatalf("value cut at %d: got %v", i, err)
		}
	}
	for i := range wrap {
		if _, err := r.Unwrap(ada, wrap[:i]); !refused(err) {
			t.Fatalf("wrap cut at %d: got %v", i, err)
		}
	}
}

func refused(err error) bool {
	return errors.Is(err, ErrOpen) || errors.Is(err, ErrFormat) || errors.Is(err, ErrEpochUnknown)
}

// Two epoch keys and one wrap: without a commitment a wrap can be built that
// opens under both. With it, the second key is refused before GCM is asked.
func TestAWrapCommitsToItsKey(t *testing.T) {
	r, _ := testRing(t)
	_, wrap := testDossier(t, r, ada)
	other, _ := testRing(t)
	if _, err := other.Unwrap(ada, wrap); !errors.Is(err, ErrOpen) {
		t.Errorf("got %v, want ErrOpen", err)
	}
	// The commitment is checked, not only carried: with a rightly sealed box but
	// another's commitment the wrap is refused.
	_, wrap2, err := other.NewDossier(ada)
	if err != nil {
		t.Fatal(err)
	}
	mixed := bytes.Clone(wrap)
	copy(mixed[wrapCommit:wrapNonce], wrap2[wrapCommit:wrapNonce])
	if _, err := r.Unwrap(ada, mixed); !errors.Is(err, ErrOpen) {
		t.Errorf("another's commitment: got %v, want ErrOpen", err)
	}
}

func TestLengthsShowInStepsOnly(t *testing.T) {
	r, _ := testRing(t)
	d, _ := testDossier(t, r, ada)
	for n := range 200 {
		sealed, err := d.Seal(where, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		want := 1 + 16 + 12 + (n+4+31)/32*32 + 16
		if len(sealed) != want {
			t.Errorf("%d bytes: got %d sealed, want %d", n, len(sealed), want)
		}
	}
}

// Padding is inside the seal, so only the holder of the key can make it wrong.
// It is refused all the same: one value has one spelling.
func TestCrookedPaddingIsRefused(t *testing.T) {
	r, _ := testRing(t)
	d, _ := testDossier(t, r, ada)
	craft := func(length uint32, text ...byte) []byte {
		b := make([]byte, valueHead+12, 256)
		b[0] = 1
		copy(b[1:], d.id[:])
		rand.Read(b[valueHead:])
		padded := make([]byte, max(32, (len(text)+4+31)/32*32))
		binary.BigEndian.PutUint32(padded, length)
		copy(padded[4:], text)
		return d.box.Seal(b, b[valueHead:], padded, d.format.valueData(nil, where, b[:valueHead]))
	}
	if got, err := d.Open(where, craft(2, 'o', 'k')); err != nil || string(got) != "ok" {
		t.Fatalf("the crafting works: got %q, %v", got, err)
	}
	for name, sealed := range map[string][]byte{
		"not zeros":          craft(2, 'o', 'k', 0, 1),
		"last byte not zero": craft(2, append([]byte("ok"), append(make([]byte, 25), 1)...)...),
		"a step too many":    craft(2, make([]byte, 40)...),
		"longer than it is":  craft(29, 'x'),
		"far longer":         craft(1<<32-1, 'x'),
	} {
		if got, err := d.Open(where, sealed); !errors.Is(err, ErrOpen) || got != nil {
			t.Errorf("%s: got %q, %v, want ErrOpen", name, got, err)
		}
	}
}

func TestADestroyedDossierIsDead(t *testing.T) {
	r, _ := testRing(t)
	d, _ := testDossier(t, r, ada)
	sealed, err := d.Seal(where, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	d.Destroy()
	if _, err := d.Open(where, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("opened: %v", err)
	}
	if _, err := d.Seal(where, nil); !errors.Is(err, ErrOpen) {
		t.Errorf("sealed: %v", err)
	}
}

func TestOwnersThatNameNobodyAreRefused(t *testing.T) {
	r, _ := testRing(t)
	for _, o := range []Owner{
		{}, {Dossier: ada.Dossier}, {Dossier: ada.Dossier, Subject: "s"}, {Subject: "s", Purpose: "p"},
		{Dossier: "no uuid", Subject: "s", Purpose: "p"},
		{Dossier: "01985a2e06a4e-7c3b-9a1e-0c9d8e7f6a5b", Subject: "s", Purpose: "p"},
		{Dossier: "01985a2g-6a4e-7c3b-9a1e-0c9d8e7f6a5b", Subject: "s", Purpose: "p"},
	} {
		if _, _, err := r.NewDossier(o); err == nil {
			t.Errorf("%v got a dossier", o)
		}
	}
}

func FuzzWrapIsNotMalleable(f *testing.F) {
	r, _ := testRing(f)
	_, wrap := testDossier(f, r, ada)
	f.Add(wrap, uint16(0), byte(1))
	f.Add(wrap[:96], uint16(3), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, by byte) {
		if !bytes.Equal(b, wrap) {
			if _, err := r.Unwrap(ada, b); !refused(err) {
				t.Fatalf("opened what was never wrapped: %x", b)
			}
		}
		changed := bytes.Clone(wrap)
		changed[int(at)%len(wrap)] ^= by
		if _, err := r.Unwrap(ada, changed); (err == nil) != (by == 0) {
			t.Fatalf("byte %d changed by %#x: got %v", int(at)%len(wrap), by, err)
		}
	})
}

func FuzzValueIsNotMalleable(f *testing.F) {
	r, _ := testRing(f)
	d, _ := testDossier(f, r, ada)
	sealed, err := d.Seal(where, []byte("12 Analytical Way"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, uint16(0), byte(1), "order-2")
	f.Add([]byte{}, uint16(30), byte(0), "order-1")
	f.Fuzz(func(t *testing.T, b []byte, at uint16, by byte, row string) {
		if !bytes.Equal(b, sealed) {
			if _, err := d.Open(where, b); !refused(err) {
				t.Fatalf("opened what was never sealed: %x", b)
			}
		}
		changed := bytes.Clone(sealed)
		changed[int(at)%len(sealed)] ^= by
		p := where
		p.Row = row
		if _, err := d.Open(p, changed); (err == nil) != (by == 0 && row == where.Row) {
			t.Fatalf("byte %d changed by %#x, row %q: got %v", int(at)%len(sealed), by, row, err)
		}
	})
}
