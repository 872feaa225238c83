package intake

import (
	"slices"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// Outcome is what became of one product of a file.
type Outcome int

// The outcomes.
const (
	New Outcome = iota
	Changed
	Unchanged
	Refused
)

// Same reports whether a product of the catalogue is already what a file tells
// about it, so that there is nothing to write. Ids, and what is held of the
// stock, are the catalogue's own.
func Same(have, want catalog.Product) bool {
	return have.Handle == want.Handle && have.Title == want.Title && have.Description == want.Description && have.Vendor == want.Vendor &&
		have.Kind == want.Kind && have.Published == want.Published &&
		slices.Equal(have.Tags, want.Tags) && slices.Equal(have.Options, want.Options) &&
		slices.EqualFunc(have.Variants, want.Variants, sameVariant) &&
		slices.EqualFunc(have.Pictures, want.Pictures, func(a, b catalog.Picture) bool { return a.Source == b.Source && a.Alt == b.Alt })
}

func sameVariant(a, b catalog.Variant) bool {
	return a.SKU == b.SKU && slices.Equal(a.Values, b.Values) && a.Price == b.Price && a.CompareAt.Minor() == b.CompareAt.Minor() &&
		a.Grams == b.Grams && a.Barcode == b.Barcode && a.TaxClass == b.TaxClass && a.Virtual == b.Virtual && a.Measure == b.Measure &&
		a.Stock.Counted == b.Stock.Counted && a.Stock.Backorder == b.Stock.Backorder && kept(a.Stock) == kept(b.Stock)
}

// kept is the count in the house as the catalogue keeps it: never below zero
// unless it is sold on.
func kept(s catalog.Stock) int64 {
	if s.Counted && !s.Backorder {
		return max(0, s.OnHand)
	}
	return s.OnHand
}
