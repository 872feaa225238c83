// Package intake brings products from files into the catalogue.
//
// It reads the product CSV of Shopify and of WooCommerce as a stream, and writes
// both (export.go). Read recognises the file by its header and hands out one Draft for each product and one RowError for each
// row that could not be used; Import carries the drafts to a Sink. Reading does
// not know how products are stored and calls nobody: a picture on another host
// keeps its source, and Pictures.Bring fetches it afterwards.
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
	maxLoads    = 50_000    // downloads of one file
	MaxBad      = 10_000    // bad rows before the import gives up
)

// Draft is one product as the file tells it. Its product and variants have no
// ids yet: the catalogue finds them by handle, SKU and option values.
type Draft struct {
	Product   catalog.Product
	Line      int        // where its first row begins
	Downloads []Download // files that the shopper is to get, which are not in a CSV
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

// Sink takes finished products, some at a time. Each is added or, when it is
// known, becomes what the file tells about it; one that is so already is left
// alone. It answers for each product: what became of it, or with a fault why it
// was refused. An error of its own ends the import.
type Sink interface {
	Save(ctx context.Context, list []catalog.Product) ([]Saved, error)
}

// Saved is what a sink did with one product.
type Saved struct {
	Outcome Outcome
	Why     error // of Refused
}

// Report is what an import did.
type Report struct {
	Products        int         // read and not refused
	Variants        int         // read with them
	Outcomes        [3]int      // how many were New, Changed, Unchanged
	Bad             []*RowError // rows left out, in the order they were found
	Warnings        []string    // about the file as a whole
	MissingPictures int         // pictures on other hosts, which are not shown
	Downloads       []Download  // files of products that were kept, which are still to be fetched
}

// atOnce is how many products are saved together.
const atOnce = 50

// Import carries every product of r into sink. It calls progress, when that is
// not nil, with the number of products read so far.
//
// A row that cannot be used is noted in the report. So is a product that the
// sink refuses with a fault a person can mend; any other error ends the import
// and is returned together with what was done until then.
func Import(ctx context.Context, r *Reader, sink Sink, progress func(n int)) (Report, error) {
	in := &importing{sink: sink}
	for {
		if err := ctx.Err(); err != nil {
			return in.report, err
		}
		draft, err := r.Next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			err := in.save(ctx)
			in.report.Warnings = r.Warnings()
			return in.report, err
		case errors.As(err, &bad):
			err = in.note(bad)
		case err == nil:
			if in.waiting = append(in.waiting, draft); len(in.waiting) == atOnce {
				err = in.save(ctx)
			}
		default:
			err = errors.Join(in.save(ctx), err)
		}
		if err != nil {
			return in.report, err
		}
		if progress != nil && bad == nil {
			progress(in.report.Products + len(in.waiting))
		}
	}
}

// importing is an import under way.
type importing struct {
	sink    Sink
	waiting []Draft
	report  Report
}

func (in *importing) note(bad *RowError) error {
	if len(in.report.Bad) == MaxBad {
		return fault.New(fault.Invalid, "The file has too many bad rows; the import stopped. Please check the file.")
	}
	in.report.Bad = append(in.report.Bad, bad)
	return nil
}

// save hands what is waiting to the sink.
func (in *importing) save(ctx context.Context) error {
	list := make([]catalog.Product, len(in.waiting))
	for i, d := range in.waiting {
		list[i] = d.Product
	}
	if len(list) == 0 {
		return nil
	}
	saved, err := in.sink.Save(ctx, list)
	if err != nil {
		return fmt.Errorf("save products from line %d on: %w", in.waiting[0].Line, err)
	}
	for i, d := range in.waiting {
		if saved[i].Outcome == Refused {
			if err := in.note(&RowError{Line: d.Line, Handle: d.Product.Handle, Reason: fault.Of(saved[i].Why).Text}); err != nil {
				return err
			}
			continue
		}
		in.report.Products++
		in.report.Variants += len(d.Product.Variants)
		in.report.Outcomes[saved[i].Outcome]++
		in.report.Downloads = append(in.report.Downloads, d.Downloads...)
		for _, p := range d.Product.Pictures {
			if p.URL == "" {
				in.report.MissingPictures++
			}
		}
	}
	in.waiting = in.waiting[:0]
	return nil
}
