package keylife_test

import (
	"fmt"
	"testing"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// BenchmarkReplaceIndexKey replaces the index key of a shop with 100,000 people (a
// tenth of it outside make soak) while the shop serves.
func BenchmarkReplaceIndexKey(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := shoptest.Open(b, engine)
			n := shoptest.Tenth(100_000)
			crowd(b, s, n)
			k := keeper(s)
			for b.Loop() {
				s.ReportBeside(b, "values", n, func() error {
					_, _, err := k.RotateIndex(b.Context(), ada, func(keylife.Progress) {})
					return err
				})
			}
		})
	}
}

// crowd makes n people wish for something, each from a mailbox of their own.
func crowd(b *testing.B, s *shoptest.Shop, n int) {
	b.Helper()
	const together = 100
	for from := 0; from < n; from += together {
		err := s.DB.InTx(b.Context(), ada, func(tx *store.Tx) error {
			for i := from; i < from+together; i++ {
				e, err := contact.ParseEmail(fmt.Sprintf("wisher%d@example.com", i))
				if err != nil {
					return err
				}
				if err := tx.NewWish(store.NewID(), "jug", e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
