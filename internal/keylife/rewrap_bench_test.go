package keylife_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// fill stores n living dossiers of strangers.
func fill(b *testing.B, s *shoptest.Shop, n int) {
	b.Helper()
	raw := s.Raw(b)
	const rows = 50
	far := time.Now().AddDate(1, 0, 0).UnixMilli()
	for at := 0; at < n; at += rows {
		var values []string
		var args []any
		for range min(rows, n-at) {
			o := seal.Owner{Dossier: store.NewID(), Subject: store.NewID(), Purpose: "fulfilment", Case: store.NewID()}
			_, wrap, err := s.Ring.NewDossier(o)
			if err != nil {
				b.Fatal(err)
			}
			k := len(args)
			values = append(values, fmt.Sprintf("($%d,$%d,$%d,$%d,'open',1,$%d,0,$%d)", k+1, k+2, k+3, k+4, k+5, k+6))
			args = append(args, o.Subject, o.Dossier, o.Purpose, o.Case, wrap, far)
		}
		shoptest.Do(b, raw, `INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after) VALUES `+strings.Join(values, ","), args...)
	}
}

// serving puts things into carts and looks at an order, until it is stopped, at
// a pace of its own, and returns how long the slowest hundredth took.
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

// BenchmarkRewrap re-wraps a million dossiers (a tenth of it outside make soak)
// while the shop serves, and prints how long the slowest hundredth of what is
// served takes before and beside it.
func BenchmarkRewrap(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		for name, pace := range map[string]keylife.Pace{"calm": keylife.Calm, "swift": keylife.Swift} {
			b.Run(engine+"/"+name, func(b *testing.B) {
				s := shoptest.Open(b, engine)
				n := shoptest.Tenth(1_000_000)
				fill(b, s, n)
				v := s.Product(b, "cup", 900, shoptest.Counted(500))
				p, err := s.Place(s.Ready(b, v.ID, 1), "k")
				if err != nil {
					b.Fatal(err)
				}
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
				k := keeper(s)
				quiet := beside(func() { time.Sleep(3 * time.Second) })
				for b.Loop() {
					if _, err := k.Rotate(b.Context(), ada); err != nil {
						b.Fatal(err)
					}
					start := time.Now()
					loud := beside(func() {
						if err := k.Rewrap(b.Context(), pace, func(keylife.Progress) {}); err != nil {
							b.Fatal(err)
						}
					})
					b.ReportMetric(float64(n)/time.Since(start).Seconds(), "dossiers/s")
					b.ReportMetric(float64(quiet.Microseconds())/1000, "p99-before-ms")
					b.ReportMetric(float64(loud.Microseconds())/1000, "p99-beside-ms")
				}
			})
		}
	}
}
