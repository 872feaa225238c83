package privacy_test

import (
	"log/slog"
	"testing"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// BenchmarkRetention destroys a million due dossiers (a tenth of it outside make
// soak) while the shop serves.
func BenchmarkRetention(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				s := shoptest.Open(b, engine)
				v := s.Product(b, "cup", 900, shoptest.Counted(500))
				p, err := s.Place(s.Ready(b, v.ID, 1), "k")
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Approve(p); err != nil {
					b.Fatal(err)
				}
				s.Run(b)
				shoptest.Do(b, s.Raw(b), `UPDATE orders SET status = 'delivered'`)
				n := s.Copies(b, p.Order.ID, shoptest.Tenth(1_000_000)/4)
				if _, err := privacy.Confirm(b.Context(), s.DB, owner); err != nil {
					b.Fatal(err)
				}
				var got map[personal.Purpose]int
				s.ReportBeside(b, "dossiers", n, func() (err error) {
					got, err = privacy.Retention(b.Context(), s.DB, slog.New(slog.DiscardHandler))
					return err
				})
				all := 0
				for _, n := range got {
					all += n
				}
				if all != n {
					b.Fatalf("got %v destroyed, want %d", got, n)
				}
			}
		})
	}
}
