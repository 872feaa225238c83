package gate

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// TestGuessesEndForOneNetworkAndForAllTogether: one network tries few, many
// networks together not much more, and what is right costs nothing.
func TestGuessesEndForOneNetworkAndForAllTogether(t *testing.T) {
	c := newClock()
	g := New(Config{Now: c.now})
	right, tried := false, 0
	h := g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := g.Prove(r, Attempt{Act: abuse.Discount}, func() error {
			tried++
			if right {
				return nil
			}
			return fault.Field("code", "No.")
		})
		if err != nil {
			g.Refuse(w, r, err)
		}
	}))
	for range 500 {
		knock(h, "192.0.2.7:1")
	}
	if tried != abuse.Discounts.Burst() {
		t.Errorf("one network tried %d, want %d", tried, abuse.Discounts.Burst())
	}
	right = true
	if got := knock(h, "192.0.2.7:1"); got.Code != 429 || got.Header().Get("Retry-After") != "10" {
		t.Errorf("beyond the limit the right one is answered with %d, again after %s", got.Code, got.Header().Get("Retry-After"))
	}
	for range 10 * abuse.Discounts.Burst() {
		if got := knock(h, "198.51.100.7:1"); got.Code != 200 {
			t.Fatalf("what is right is answered with %d", got.Code)
		}
	}
	right, tried = false, 0
	for i := range 5000 {
		knock(h, fmt.Sprintf("10.%d.%d.7:1", i/250, i%250))
	}
	if most := abuse.AllDiscounts.Burst(); tried > most || tried < most-2*abuse.Discounts.Burst() {
		t.Errorf("5000 networks tried %d, want about %d", tried, most)
	}
	if got := knock(h, "203.0.113.7:1"); got.Code != 429 {
		t.Errorf("one more network is answered with %d, want 429", got.Code)
	}
	c.move(10 * time.Second)
	right = true
	for _, from := range []string{"192.0.2.7:1", "203.0.113.7:1"} {
		if got := knock(h, from); got.Code != 200 {
			t.Errorf("%s, later: got %d, want 200", from, got.Code)
		}
	}
}
