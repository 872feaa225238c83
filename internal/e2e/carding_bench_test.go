package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCarding measures how a cart fares beside ten thousand stolen cards from
// two hundred networks, a hundred in a second, each with a cart and a mailbox of
// its own. The thieves do no sums: they would be done on the same two processors.
func BenchmarkCarding(b *testing.B) {
	const cards, sources, each = 10_000, 200, 100
	h := newHome(b, "")
	h.env = append(h.env, "CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
	s := h.start(b)
	(&attacked{shop: s}).imports(b, "Handle,Title,Variant SKU,Variant Price\nplenty,Plenty of it,PLENTY,20.00\n")
	cup := s.product("plenty").Variants[0].ID
	quiet, _ := browsing(b, s, func() { time.Sleep(5 * time.Second) })
	var reached, paid atomic.Int64
	var took time.Duration
	loud, steps := browsing(b, s, func() {
		began := time.Now()
		tick := time.NewTicker(time.Second / each)
		defer tick.Stop()
		var group sync.WaitGroup
		slots := make(chan struct{}, 200) // bounds what waits for an answer
		for i := range cards {
			<-tick.C
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				c := carder{shop: s, source: fmt.Sprintf("10.%d.7.7", i%sources), email: fmt.Sprintf("thief%d@example.com", i)}
				got, bought, _, err := c.pays(cup, "declined", fmt.Sprintf("stolen-%d", i))
				if err != nil {
					b.Error(err)
				}
				if got {
					reached.Add(1)
				}
				if bought {
					paid.Add(1)
				}
			})
		}
		group.Wait()
		took = time.Since(began)
	})
	if paid.Load() != 0 || reached.Load() == 0 {
		b.Errorf("%d stolen cards have paid and %d reached the bank", paid.Load(), reached.Load())
	}
	b.ReportMetric(float64(quiet)/1e6, "cart-p99-ms")
	b.ReportMetric(float64(loud)/1e6, "cart-p99-beside-ms")
	b.ReportMetric(cards/took.Seconds(), "cards/s")
	b.ReportMetric(float64(reached.Load()), "reached-the-bank")
	b.ReportMetric(0, "ns/op")
	b.Logf("%d steps of a cart beside it", steps)
}
