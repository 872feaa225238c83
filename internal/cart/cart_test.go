package cart

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestQuantityIsFromOneTo999(t *testing.T) {
	for _, n := range []int64{1, 2, 999} {
		if got, err := ParseQuantity(n); err != nil || got != n {
			t.Errorf("ParseQuantity(%d) = %d, %v", n, got, err)
		}
	}
	for _, n := range []int64{0, -1, 1000, 1 << 62, -1 << 63} {
		got, err := ParseQuantity(n)
		e := fault.Of(err)
		if got != 0 || e == nil || e.Kind != fault.Invalid || e.Problems[0].Field != "quantity" {
			t.Errorf("ParseQuantity(%d) = %d, %v; want a problem with the quantity", n, got, err)
		}
	}
}

func TestCountAddsUnitsNotLines(t *testing.T) {
	if got := (Cart{}).Count(); got != 0 {
		t.Errorf("an empty cart has %d units", got)
	}
	if got := (Cart{Lines: []Line{{Quantity: 2}, {Quantity: 3}}}).Count(); got != 5 {
		t.Errorf("got %d units, want 5", got)
	}
}
