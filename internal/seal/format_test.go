package seal

import (
	"errors"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// second is a format that no program has.
var second = Format{ID: 2, Cipher: chacha20poly1305.NewX, Step: 64}

// TestANewerFormatLivesBesideTheOld: what is in the old format opens and goes on
// in it, new dossiers are in the new one, and neither passes for the other.
func TestANewerFormatLivesBesideTheOld(t *testing.T) {
	keys := NewMemory()
	ring := func(newer ...Format) *Ring {
		r, err := Open(t.Context(), keys, newer...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := ring()
	id, err := old.NewEpoch(t.Context(), may)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Use(id); err != nil {
		t.Fatal(err)
	}
	_, wrapOld, err := old.NewDossier(ada)
	if err != nil {
		t.Fatal(err)
	}
	both := ring(second)
	if old.Newest() != 1 || both.Newest() != 2 {
		t.Errorf("newest formats: %d and %d", old.Newest(), both.Newest())
	}
	d1, err := both.Unwrap(ada, wrapOld)
	if err != nil {
		t.Fatal(err)
	}
	d2, wrapNew, err := both.NewDossier(ada)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := both.Rewrapper().Rewrap(ada, wrapNew)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		d    *Dossier
		wrap []byte
		id   byte
		size int
	}{{"old", d1, wrapOld, 1, 1 + 16 + 12 + 32 + 16}, {"new", d2, moved, 2, 1 + 16 + 24 + 64 + 16}} {
		sealed, err := c.d.Seal(where, []byte("Ada"))
		if err != nil {
			t.Fatal(err)
		}
		if sealed[0] != c.id || c.wrap[0] != c.id || len(sealed) != c.size {
			t.Errorf("%s: format %d under a wrap of %d, %d bytes, want %d and %d", c.name, sealed[0], c.wrap[0], len(sealed), c.id, c.size)
		}
		again, err := both.Unwrap(ada, c.wrap)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.Open(where, sealed); err != nil || string(got) != "Ada" {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
		for i, b := range [][]byte{sealed, c.wrap} {
			other := append([]byte{3 - c.id}, b[1:]...)
			if i == 0 {
				_, err = again.Open(where, other)
			} else {
				_, err = both.Unwrap(ada, other)
			}
			if !refused(err) {
				t.Errorf("%s, called the other format: %v", c.name, err)
			}
		}
	}
	if _, err := old.Unwrap(ada, wrapNew); !errors.Is(err, ErrFormat) {
		t.Errorf("a program that does not know the format: %v", err)
	}
	if _, err := old.Adopt(both, ada, ada, wrapNew); !errors.Is(err, ErrFormat) {
		t.Errorf("adopted by a program that does not know the format: %v", err)
	}
}

func TestFormatsAreWholeAndInOrder(t *testing.T) {
	for name, list := range map[string][]Format{
		"the number of an old one": {{ID: 1, Cipher: newGCM, Step: 32}},
		"no number":                {{Cipher: newGCM, Step: 32}},
		"no cipher":                {{ID: 2, Step: 32}},
		"no room for a length":     {{ID: 2, Cipher: newGCM, Step: 4}},
		"out of order":             {{ID: 3, Cipher: newGCM, Step: 32}, second},
	} {
		if _, err := Open(t.Context(), NewMemory(), list...); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
