package storefront

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// measure puts a measure of the staff into force for a while.
func (s *stall) measure(t *testing.T, k abuse.Kept, d time.Duration) {
	t.Helper()
	if err := s.DB.InTx(t.Context(), ledger.Staff("somebody"), func(tx *store.Tx) error { return tx.Measure(k, tx.Now().Add(d)) }); err != nil {
		t.Fatal(err)
	}
}

// TestAGuestDoesASumBeforePayingAndNothingTypedIsLost: the page that asks for
// work carries the whole form, so that its one button places the order.
func TestAGuestDoesASumBeforePayingAndNothingTypedIsLost(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(50)), "1"))
	b.post("/checkout", ada())
	s.measure(t, abuse.Demanded, time.Hour)
	form := pay(b.get("/checkout/review"))
	asked := b.post("/checkout/review", form).is(429, "Many payments fail here", `name="seen" value="`, `name="payment_method" value="bank"`, "data-challenge", "/assets/work.")
	if asked.header.Get("Retry-After") == "" || strings.Contains(asked.header.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("got the headers %v", asked.header)
	}
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders were placed", n)
	}
	form.Set(gate.FieldWork, "made up")
	b.post("/checkout/review", form).is(429)
	form.Set(gate.FieldWork, summed(t, asked.body))
	if got := b.post("/checkout/review", form); got.status != 303 || !strings.HasPrefix(got.header.Get("Location"), "https://bank.test") {
		t.Errorf("with work: got %d to %q, want the bank", got.status, got.header.Get("Location"))
	}

	other := s.shopper(t)
	other.post("/cart/lines", put(s.Product(t, "cup", 1950, shoptest.Counted(50)), "1"))
	other.post("/checkout", ada())
	again := pay(other.get("/checkout/review"))
	again.Set(gate.FieldWork, form.Get(gate.FieldWork))
	other.post("/checkout/review", again).is(429)
}

// TestGuestsWhoWaitAreToldForHowLongAndThatCustomersNeedNot.
func TestGuestsWhoWaitAreToldForHowLongAndThatCustomersNeedNot(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(50)), "1"))
	b.post("/checkout", ada())
	s.measure(t, abuse.Paused, 10*time.Minute)
	got := b.post("/checkout/review", pay(b.get("/checkout/review"))).is(429, "in 10 minutes", "Sign in", "Your cart is kept")
	if got.header.Get("Retry-After") != "600" {
		t.Errorf("again after %q seconds, want 600", got.header.Get("Retry-After"))
	}
	s.measure(t, abuse.Paused, 0)
	if got := b.post("/checkout/review", pay(b.get("/checkout/review"))); got.status != 303 {
		t.Errorf("after it was lifted: got %d", got.status)
	}
}
