package intake

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Reader hands out the products of one file, in its order.
type Reader struct {
	rows     *rows
	currency money.Currency
	clean    cleaner
	find     func(source string) (url string, ok bool) // nil: this shop has no picture of the file

	header *header
	open   *product            // the product whose rows are being read
	bad    []*RowError         // found, not yet handed out
	seen   map[uint64]struct{} // handles of earlier products, as hashes
	seed   maphash.Seed
	loads  int   // downloads of the products so far
	failed error // the error that ended the reading
}

// Read starts reading a product file. Prices are in currency, whatever the
// file was made for. Nothing is read before the first Next.
func Read(r io.Reader, currency money.Currency) *Reader {
	return &Reader{
		rows:     newRows(r),
		currency: currency,
		clean:    newCleaner(),
		seen:     make(map[uint64]struct{}),
		seed:     maphash.MakeSeed(),
	}
}

// WithPictures lets find say which pictures the shop already has, such as those
// of the demo catalogue: find gets what the file names as the picture's source
// and returns its path in this shop. A picture that find does not know must
// have an address on another host, and counts as missing.
func (r *Reader) WithPictures(find func(source string) (url string, ok bool)) *Reader {
	r.find = find
	return r
}

// Next returns the next product. It returns io.EOF at the end of the file and
// a *RowError for a row that could not be used; after a *RowError reading goes
// on. Any other error is final: a *fault.Error when the file is not one that
// we read, else the error of the underlying reader.
func (r *Reader) Next() (Draft, error) {
	for {
		if len(r.bad) > 0 {
			bad := r.bad[0]
			r.bad = r.bad[1:]
			return Draft{}, bad
		}
		if r.failed != nil {
			return Draft{}, r.failed
		}
		draft, ready := r.step()
		if ready {
			return draft, nil
		}
	}
}

// step reads one row. It returns a draft when that row began another product
// or the file came to its end.
func (r *Reader) step() (Draft, bool) {
	if r.header == nil {
		h, err := readHeader(r.rows)
		if err != nil {
			r.failed = err
			return Draft{}, false
		}
		r.header = &h
	}
	if r.header.woo != nil {
		return r.stepWoo()
	}
	next, err := r.rows.next()
	var bad *RowError
	switch {
	case errors.As(err, &bad):
		r.bad = append(r.bad, bad)
		return Draft{}, false
	case errors.Is(err, io.EOF):
		r.failed = err
		return r.finish()
	case err != nil:
		r.failed = err
		return Draft{}, false
	}
	c := cells{next, r.header}
	if c.blank() {
		return Draft{}, false
	}
	if len(c.fields) != r.header.width {
		r.note(c, "", "The row has another number of columns than the header.")
		return Draft{}, false
	}
	handle, err := catalog.ParseHandle(norm.NFC.String(c.get(colHandle)))
	if err != nil {
		r.note(c, "", "The handle is missing or is none: it is made of letters and digits joined by hyphens.")
		return Draft{}, false
	}
	if r.open != nil && r.open.handle == handle {
		r.addRow(c)
		return Draft{}, false
	}
	draft, ready := r.finish()
	r.begin(handle, c)
	return draft, ready
}

// begin opens a product with its first row.
func (r *Reader) begin(handle string, c cells) {
	r.open = &product{handle: handle, line: c.line}
	if len(r.seen) == MaxProducts {
		r.failed = refused("The file has too many products; please import it in parts.")
		r.open = nil
		return
	}
	if !r.firstSeen(handle) {
		r.open.refused = true
		r.note(c, handle, "A product with this handle stands further up; keep the rows of a product together.")
		return
	}
	r.openProduct(c)
}

// firstSeen remembers a handle, and reports whether it is new in this file.
func (r *Reader) firstSeen(handle string) bool {
	key := maphash.String(r.seed, handle)
	if _, twice := r.seen[key]; twice {
		return false
	}
	r.seen[key] = struct{}{}
	return true
}

// Warnings tells what is odd about the file as a whole, once it is read.
func (r *Reader) Warnings() (list []string) {
	if r.rows.latin > 0 {
		list = append(list, fmt.Sprintf("The file is not UTF-8: from line %d on it was read as Windows-1252. Please look at letters with accents.", r.rows.latin))
	}
	return list
}

// finish closes the open product and returns it when there is something to sell.
func (r *Reader) finish() (Draft, bool) {
	p := r.open
	r.open = nil
	if p == nil || p.refused {
		return Draft{}, false
	}
	if len(p.Variants) == 0 {
		r.bad = append(r.bad, &RowError{p.line, p.handle, "No row of the product can be sold; the product is left out."})
		return Draft{}, false
	}
	return p.draft(), true
}

// note remembers that a row, or a part of it, was left out.
func (r *Reader) note(c cells, handle, reason string) {
	r.bad = append(r.bad, &RowError{Line: c.line, Handle: handle, Reason: reason})
}
