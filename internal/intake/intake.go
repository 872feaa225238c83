// Package intake brings products from files into the catalogue.
//
// It reads Shopify's product CSV as a stream: Read recognises the file by its
// header and hands out one Draft for each product and one RowError for each
// row that could not be used; Import carries the drafts to a Sink. It does not
// know how products are stored, and it never fetches a picture: a picture on
// another host keeps its source and is counted as missing.
//
// How a row is read:
//
//	first row of a handle    the product's words, its first variant, its first picture
//	a following row          one more variant, one more picture, or both
//	"Title"/"Default Title"  a single variant without options
//	inventory tracker        blank: not counted, the quantity is kept for staff;
//	                         anything else: counted, so that nothing is oversold
//	inventory policy         deny (also when blank) or continue (sell on at zero)
//	price                    a decimal number in the shop's currency
//	description              HTML, reduced to a short list of harmless elements
//
// The file comes from outside and is trusted in nothing: rows, fields, counts
// and the number of bad rows are bounded, a row that cannot be used is named
// by its line, and the good rows around it are kept. A cell that looks like a
// spreadsheet formula is plain data.
//
// Start reading at Reader.Next; the rules for one product are in product.go.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// Bounds of one file. A file beyond them is refused or loses the row concerned.
const (
	MaxRow      = 1 << 20   // bytes of one row
	MaxField    = 256 << 10 // bytes of one field
	MaxLines    = 10_000    // lines that one row may spread over
	MaxColumns  = 500       // columns of the header
	MaxProducts = 500_000   // products of one file
	MaxBad      = 10_000    // bad rows before the import gives up
)

// Draft is one product as the file tells it. Its product and variants have no
// ids yet: the catalogue finds them by handle, SKU and option values.
type Draft struct {
	Product catalog.Product
	Line    int // where its first row begins
}

// RowError names one row, or a part of it, that was left out. Reading goes on
// after it.
type RowError struct {
	Line   int    // of the file, counted from 1; the header is line 1
	Handle string // the product concerned; "" when the row does not tell
	Reason string // what is wrong, without the value
}

// Error tells the place and the reason.
func (e *RowError) Error() string {
	if e.Handle == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d (%s): %s", e.Line, e.Handle, e.Reason)
}

// Sink takes finished products. SaveProduct adds the product or, when its
// handle is known, replaces what the file tells about it.
type Sink interface {
	SaveProduct(ctx context.Context, p catalog.Product) error
}

// Report is what an import did.
type Report struct {
	Products        int         // saved
	Variants        int         // saved with them
	Bad             []*RowError // rows left out, in the order they were found
	MissingPictures int         // pictures on other hosts, which are not shown
}

// Import carries every product of r into sink. It calls progress, when that is
// not nil, with the number of products saved so far.
//
// A row that cannot be used is noted in the report. So is a product that the
// sink refuses with a fault a person can mend; any other error ends the import
// and is returned together with what was done until then.
func Import(ctx context.Context, r *Reader, sink Sink, progress func(n int)) (Report, error) {
	var report Report
	for {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		draft, err := r.Next()
		if errors.Is(err, io.EOF) {
			return report, nil
		}
		if err == nil {
			err = save(ctx, sink, draft)
		}
		var bad *RowError
		switch {
		case errors.As(err, &bad):
			if len(report.Bad) == MaxBad {
				return report, fault.New(fault.Invalid, "The file has too many bad rows; the import stopped. Please check the file.")
			}
			report.Bad = append(report.Bad, bad)
			continue
		case err != nil:
			return report, err
		}
		report.Products++
		report.Variants += len(draft.Product.Variants)
		for _, p := range draft.Product.Pictures {
			if p.URL == "" {
				report.MissingPictures++
			}
		}
		if progress != nil {
			progress(report.Products)
		}
	}
}

// save turns a refusal of the sink that concerns this product alone into a
// RowError.
func save(ctx context.Context, sink Sink, d Draft) error {
	err := sink.SaveProduct(ctx, d.Product)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		return &RowError{Line: d.Line, Handle: d.Product.Handle, Reason: fault.Of(err).Text}
	}
	if err != nil {
		return fmt.Errorf("save product of line %d: %w", d.Line, err)
	}
	return nil
}
