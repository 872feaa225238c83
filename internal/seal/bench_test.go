package seal

import (
	"crypto/rand"
	"testing"
)

var text256 = make([]byte, 256)

func BenchmarkSealOpen(b *testing.B) {
	r, _ := testRing(b)
	d, _ := testDossier(b, r, ada)
	sealed, err := d.Seal(where, text256)
	if err != nil {
		b.Fatal(err)
	}
	box, err := newGCM(NewKey())
	if err != nil {
		b.Fatal(err)
	}
	nonce := make([]byte, 12)
	raw := box.Seal(nil, nonce, text256, nil)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Seal(where, text256); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("seal/raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			rand.Read(nonce)
			box.Seal(nil, nonce, text256, nil)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Open(where, sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open/raw", func(b *testing.B) {
		b.ReportAllocs()
		clear(nonce)
		for b.Loop() {
			if _, err := box.Open(nil, nonce, raw, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnwrap(b *testing.B) {
	r, _ := testRing(b)
	d, wrap := testDossier(b, r, ada)
	sealed, err := d.Seal(where, text256)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("unwrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Unwrap(ada, wrap); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unwrap and open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d, err := r.Unwrap(ada, wrap)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := d.Open(where, sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRewrap(b *testing.B) {
	r, _ := testRing(b)
	_, wrap := testDossier(b, r, ada)
	page := r.Rewrapper()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := page.Rewrap(ada, wrap); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	k, err := NewIndexKey(NewKey())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		k.Hash("email", "ada@example.org")
	}
}
