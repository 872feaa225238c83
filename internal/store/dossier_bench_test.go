package store_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// BenchmarkOneDossier seals one value under a new dossier, and opens one: the
// whole transaction with its event and the disk, and the whole look.
func BenchmarkOneDossier(b *testing.B) {
	email, err := contact.ParseEmail("ada@example.com")
	if err != nil {
		b.Fatal(err)
	}
	for _, engine := range shoptest.Engines() {
		s := shoptest.Open(b, engine)
		reference := store.NewReference()
		seal := func(b *testing.B) {
			r := store.Request{Reference: reference, Kind: "erase", State: store.Waiting, Email: email, DueAt: s.DB.Now()}
			if err := s.DB.InTx(noCtx, ledger.System("bench"), func(t *store.Tx) error { return t.NewRequest(r) }); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(engine+"/seal", func(b *testing.B) {
			for b.Loop() {
				reference = store.NewReference()
				seal(b)
			}
		})
		b.Run(engine+"/open", func(b *testing.B) {
			reference = store.NewReference()
			seal(b)
			for b.Loop() {
				err := s.DB.View(noCtx, func(v *store.View) error {
					r, err := v.Request(reference)
					if err == nil && !r.Email.Equal(email) {
						b.Fatal("another e-mail opened")
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
