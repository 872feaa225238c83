package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSignIns measures how many sign-ins a shop carries out, how a cart
// fares beside four times as many, and what a thousand at once take of memory.
// Everybody comes from a known browser with the right password, so that each
// costs a whole hash.
func BenchmarkSignIns(b *testing.B) {
	s := people(b, "")
	var emails []string
	for i := range 64 {
		emails = append(emails, fmt.Sprintf("bench%02d@example.com", i))
	}
	members := s.settle(b, emails...)
	idle := s.resident(b)

	// As fast as it goes.
	signIn := func(n int) (answer response, err error) {
		i := n % len(members)
		return members[i].do("POST", "/sign-in", url.Values{"email": {emails[i]}, "password": {passphrase}})
	}
	var done atomic.Int64
	run := func(workers int, for_ time.Duration) float64 {
		done.Store(0)
		start := time.Now()
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				for n := w; time.Since(start) < for_; n += workers {
					if a, err := signIn(n); err == nil && a.to == "/account" {
						done.Add(1)
					}
				}
			})
		}
		group.Wait()
		return float64(done.Load()) / time.Since(start).Seconds()
	}
	most := run(32, 8*time.Second)
	b.ReportMetric(most, "sign-ins/s")

	// A cart beside four times as many, sent whether they are answered or not.
	quiet, _ := browsing(b, s, func() { time.Sleep(5 * time.Second) })
	var sent, served, refused atomic.Int64
	loud, _ := browsing(b, s, func() {
		tick := time.NewTicker(time.Duration(float64(time.Second) / (4 * most)))
		defer tick.Stop()
		var group sync.WaitGroup
		slots := make(chan struct{}, 2000) // bounds what waits for an answer
		for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
			<-tick.C
			select {
			case slots <- struct{}{}:
			default:
				continue
			}
			n := int(sent.Add(1))
			group.Go(func() {
				defer func() { <-slots }()
				a, err := signIn(n)
				switch {
				case err == nil && a.to == "/account":
					served.Add(1)
				case err == nil && (a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests):
					refused.Add(1)
				}
			})
		}
		group.Wait()
	})
	b.ReportMetric(float64(quiet)/1e6, "cart-p99-ms")
	b.ReportMetric(float64(loud)/1e6, "cart-p99-beside-4x-ms")
	b.ReportMetric(float64(served.Load())/15, "served-beside/s")

	// A thousand at the same moment.
	var peak float64
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				peak = max(peak, s.resident(b))
			}
		}
	}()
	var took []time.Duration
	var mu sync.Mutex
	var group sync.WaitGroup
	var got atomic.Int64
	for n := range 1000 {
		group.Go(func() {
			a, err := signIn(n)
			if err != nil {
				return
			}
			if a.to == "/account" {
				got.Add(1)
			}
			mu.Lock()
			took = append(took, a.took)
			mu.Unlock()
		})
	}
	group.Wait()
	close(stop)
	<-watched
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	b.ReportMetric(peak, "MiB-at-1000")
	b.ReportMetric(idle, "MiB-idle")
	b.ReportMetric(float64(got.Load()), "of-1000-served")
	b.ReportMetric(0, "ns/op")
	b.Logf("%d sent beside the cart, %d served, %d told to come again; of 1000 at once %d got in, the slowest answer after %v",
		sent.Load(), served.Load(), refused.Load(), got.Load(), took[len(took)-1].Round(time.Millisecond))
}
