package storefront

import (
	"net/url"
	"sync"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// Whoever makes the shop write to addresses that they type, by looking orders
// up or by wishes, is slowed down on both roads together, and still browses.
func TestMakingTheShopWriteLettersIsSlowedDown(t *testing.T) {
	s := open(t)
	gone := s.Product(t, "mug", 1950, shoptest.Counted(0))
	ask := func(path string, form url.Values) seen { return s.shopper(t).post(path, form) }
	kinds, late := map[int]int{}, ""
	var mu sync.Mutex
	var group sync.WaitGroup
	for range abuse.Lookups.Burst() + 5 {
		group.Go(func() {
			got := ask(page.PathFind, url.Values{"number": {"00000-00000"}, "email": {"ada@lovelace.example"}})
			mu.Lock()
			defer mu.Unlock()
			if kinds[got.status]++; got.status == 429 {
				late = got.header.Get("Retry-After")
			}
		})
	}
	group.Wait()
	if kinds[200] > abuse.Lookups.Burst()+1 || kinds[429] < 4 || late == "" {
		t.Errorf("got %v and Retry-After %q, want %d answers and refusals that say until when", kinds, late, abuse.Lookups.Burst())
	}
	if abuse.Lookups.Burst() > 30 || abuse.Lookups.PerSecond() > 0.2 {
		t.Errorf("one network may have %d at once and %v a second", abuse.Lookups.Burst(), abuse.Lookups.PerSecond())
	}
	ask(page.PathWishes, url.Values{"variant_id": {string(gone.ID)}, "email": {"ada@lovelace.example"}}).is(429)
	s.shopper(t).get("/products/mug").is(200)
}
