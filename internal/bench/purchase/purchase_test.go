package purchase

import (
	"context"
	"path/filepath"
	"testing"
)

// TestBothShopsSell keeps the benchmark honest: the protected shop writes
// events and dossiers, the other one sells the same without.
func TestBothShopsSell(t *testing.T) {
	ctx := context.Background()
	sealed, err := Open(ctx, filepath.Join(t.TempDir(), "a.db"), false, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	bare, err := Open(ctx, filepath.Join(t.TempDir(), "b.db"), true, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	r, err := Compare(ctx, []*Shop{sealed, bare}, 1, 20, 4)
	if err != nil {
		t.Fatal(err)
	}
	if r[0].Purchases != 20 || r[1].Purchases != 20 || sealed.letters.Load() != 40 || bare.letters.Load() != 40 {
		t.Errorf("got %+v and %d, %d letters, want 20 purchases each and a letter for all 40", r, sealed.letters.Load(), bare.letters.Load())
	}
}

func BenchmarkPurchase(b *testing.B) {
	ctx := context.Background()
	for name, unprotected := range map[string]bool{"protected": false, "unprotected": true} {
		b.Run(name, func(b *testing.B) {
			s, err := Open(ctx, filepath.Join(b.TempDir(), "shop.db"), unprotected, 100)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ResetTimer()
			if err := s.round(ctx, b.N, 8, (*Shop).buy); err != nil {
				b.Fatal(err)
			}
		})
	}
}
