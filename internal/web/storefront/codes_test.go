package storefront

import (
	"net/url"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestOneNetworkLeavesCodesForOthers: who asks for another's codes from one
// network uses up their own share, and is answered the same all along.
func TestOneNetworkLeavesCodesForOthers(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, s.Product(t, "mug", 1950, shoptest.Counted(5)))))
	p := s.placed(t, b)
	raw := s.Raw(t)
	mailed := func() int64 {
		return shoptest.One[int64](t, raw, `SELECT count(*) FROM jobs WHERE kind = 'mail.code'`)
	}
	ask := func(from string) {
		t.Helper()
		got := s.from(from, "POST", "/find-order", "", url.Values{"number": {string(p.Order.Number)}, "email": {"ada@lovelace.example"}})
		if got.Code != 303 || got.Header().Get("Location") != "/find-order/code" || len(got.Result().Cookies()) != 1 {
			t.Fatalf("got %d to %q, want the same answer as ever", got.Code, got.Header().Get("Location"))
		}
		s.Clock.Move(9 * time.Minute) // the code before is not shared any more
	}
	for range 7 {
		ask("192.0.2.7")
	}
	if got := mailed(); got != 4 {
		t.Errorf("one network had %d codes mailed, want 4", got)
	}
	ask("198.51.100.7")
	if got := mailed(); got != 5 {
		t.Errorf("%d codes are mailed, want one more for the other network", got)
	}
}
