package privacy_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// serving changes a cart and looks at an order, until it is stopped, at a pace of
// its own, and returns how long the slowest hundredth took.
func serving(b *testing.B, s *shoptest.Shop, cart shoptest.Basket, p checkout.Placed, stop <-chan struct{}) time.Duration {
	var took []time.Duration
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	lines, err := s.Desk.Cart(context.Background(), cart.ID, cart.Token)
	if err != nil {
		b.Error(err)
		return 0
	}
	for n := int64(1); ; n++ {
		select {
		case <-stop:
			slices.Sort(took)
			return took[len(took)*99/100]
		case <-tick.C:
		}
		start := time.Now()
		_, err := s.Desk.SetQuantity(context.Background(), cart.ID, cart.Token, lines.Lines[0].ID, 1+n%9)
		if err == nil {
			err = s.DB.View(context.Background(), func(v *store.View) error {
				_, err := v.OrderDetails(p.Order.Owner, p.Order.ID)
				return err
			})
		}
		if err != nil {
			b.Error(err)
			return 0
		}
		took = append(took, time.Since(start))
	}
}

// BenchmarkRetention destroys a million due dossiers (a tenth of it outside make
// soak) while the shop serves, and prints how long the slowest hundredth of what
// is served takes before and beside it.
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
				cart := s.Basket(b, v.ID, 1)
				beside := func(act func()) (p99 time.Duration) {
					stop := make(chan struct{})
					var group sync.WaitGroup
					group.Go(func() { p99 = serving(b, s, cart, p, stop) })
					act()
					close(stop)
					group.Wait()
					return p99
				}
				quiet := beside(func() { time.Sleep(3 * time.Second) })
				if _, err := privacy.Confirm(b.Context(), s.DB, owner); err != nil {
					b.Fatal(err)
				}
				start := time.Now()
				var got map[personal.Purpose]int
				loud := beside(func() {
					if got, err = privacy.Retention(b.Context(), s.DB, slog.New(slog.DiscardHandler)); err != nil {
						b.Fatal(err)
					}
				})
				took := time.Since(start)
				all := 0
				for _, n := range got {
					all += n
				}
				if all != n {
					b.Fatalf("got %v destroyed, want %d", got, n)
				}
				b.ReportMetric(float64(n)/took.Seconds(), "dossiers/s")
				b.ReportMetric(float64(quiet.Microseconds())/1000, "p99-before-ms")
				b.ReportMetric(float64(loud.Microseconds())/1000, "p99-beside-ms")
			}
		})
	}
}
