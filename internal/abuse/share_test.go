package abuse_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/abuse"
)

func TestShares(t *testing.T) {
	for _, c := range []struct{ left, buyer, source int64 }{{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 3, 3}, {5, 3, 3}, {10, 5, 7}, {50, 25, 37}} {
		if b, s := abuse.BuyerShare(c.left), abuse.SourceShare(c.left); b != c.buyer || s != c.source {
			t.Errorf("of %d a buyer holds %d and a source %d, want %d and %d", c.left, b, s, c.buyer, c.source)
		}
	}
}

// TestNobodyIsKeptFromOneAndNobodyHoldsAll: one buyer alone always gets one, even
// the last; and from four on one unit stays that a source can't hold.
func TestNobodyIsKeptFromOneAndNobodyHoldsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(1, 1<<62)).Draw(t, "left")
		buyer, source := abuse.BuyerShare(left), abuse.SourceShare(left)
		if (abuse.Held{Left: left, Buyer: 1, Source: 1}).Hoards(false) {
			t.Fatalf("of %d one is too much", left)
		}
		if buyer > source || source > left {
			t.Fatalf("of %d a buyer holds %d, a source %d", left, buyer, source)
		}
		if left > 3 && source >= left {
			t.Fatalf("of %d one source holds all", left)
		}
		full := abuse.Held{Left: left, Buyer: 1, Source: source + 1}
		if !full.Hoards(false) || full.Hoards(true) {
			t.Fatal("where a source's share is full, customers get one each and guests wait")
		}
		full.Buyer = buyer + 1
		if !full.Hoards(true) {
			t.Fatal("a customer holds more than a buyer's share")
		}
	})
}
