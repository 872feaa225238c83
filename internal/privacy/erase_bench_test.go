package privacy_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// BenchmarkErase erases one customer with a thousand orders, each of them a guest
// of its own: found, destroyed, in the journal, scrubbed from the files.
func BenchmarkErase(b *testing.B) {
	const orders = 1000
	for _, engine := range shoptest.Engines() {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				s := shoptest.Open(b, engine)
				cup := s.Product(b, "cup", 900, shoptest.Counted(2*orders))
				for i := range orders {
					if _, err := s.Place(s.Ready(b, cup.ID, 1), fmt.Sprint(i)); err != nil {
						b.Fatal(err)
					}
				}
				shoptest.Do(b, s.Raw(b), `UPDATE orders SET status = 'delivered', paid_at = placed_at`)
				shoptest.Do(b, s.Raw(b), `ANALYZE`) // as a shop that has run for a while is
				beside, _, err := privacy.Meet(noCtx, s.DB, filepath.Join(b.TempDir(), "erasures"))
				if err != nil {
					b.Fatal(err)
				}
				o := privacy.NewOfficer(s.DB, slog.New(slog.DiscardHandler), nil, beside)
				start := time.Now()
				r, err := o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{Now: true})
				if err != nil {
					b.Fatal(err)
				}
				if err := o.Run(noCtx, clerk, r.Reference); errors.Is(err, privacy.ErrHeld) {
					err = errors.Join(o.Allow(noCtx, ledger.OS("owner"), r.Reference), o.Run(noCtx, clerk, r.Reference))
					if err != nil {
						b.Fatal(err)
					}
				}
				if err := o.Spread(noCtx); err != nil {
					b.Fatal(err)
				}
				took := time.Since(start)
				if r, err = o.Request(noCtx, r.Reference); err != nil || r.State != store.Done || r.Receipt.Erased[personal.Fulfilment] != orders {
					b.Fatalf("got %+v, %v", r, err)
				}
				b.ReportMetric(took.Seconds(), "s/customer")
			}
		})
	}
}
