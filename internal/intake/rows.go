package intake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// row is one record of the file, cut into fields.
type row struct {
	line   int
	fields []string
}

// line is one physical line, without its end.
type line struct {
	number int
	text   []byte
	long   bool // longer than MaxRow; text is empty
}

// rows cuts a file into records (RFC 4180). It differs from encoding/csv in
// what happens when quotes are broken: a record that never closes its quote is
// given up at a bound, and reading starts again at the line after its first.
// So one stray quote costs one row and not the rest of the file.
type rows struct {
	in     *bufio.Reader
	window []line // lines that were read and may have to be read again
	at     int    // the next line in window
	number int    // lines read so far
	comma  byte   // what parts fields: a comma, or in Excel's Europe a semicolon or tab
	utf8   bool   // a field proved that the file is UTF-8
	latin  int    // the first line that was read as Windows-1252; 0 for none
}

func newRows(r io.Reader) *rows { return &rows{in: bufio.NewReaderSize(r, 64<<10), comma: ','} }

// next returns the next record that is not blank. A *RowError is not the end.
func (r *rows) next() (row, error) {
	for {
		r.window, r.at = r.window[r.at:], 0
		if len(r.window) == 0 {
			r.window = nil // let the old lines go
		}
		first, err := r.take()
		if err != nil {
			return row{}, err
		}
		if first.long {
			return row{}, &RowError{Line: first.number, Reason: "The row is too long."}
		}
		if len(bytes.TrimSpace(first.text)) == 0 {
			continue
		}
		fields, reason, err := r.record(first)
		if err != nil {
			return row{}, err
		}
		if reason == "" {
			reason = r.text(first.number, fields)
		}
		if reason != "" {
			return row{}, &RowError{Line: first.number, Reason: reason}
		}
		return row{first.number, fields}, nil
	}
}

// text makes the fields of a row UTF-8, or says why that cannot be. What is
// none is taken for Windows-1252, the other thing that spreadsheets write, as
// long as no row before proved the file to be UTF-8: then it is damage.
func (r *rows) text(number int, fields []string) string {
	valid, ascii := true, true
	for _, f := range fields {
		if strings.IndexByte(f, 0) >= 0 {
			return "The row holds a NUL byte."
		}
		valid = valid && utf8.ValidString(f)
		ascii = ascii && !strings.ContainsFunc(f, func(c rune) bool { return c >= utf8.RuneSelf })
	}
	switch {
	case valid:
		r.utf8 = r.utf8 || !ascii && r.latin == 0
		return ""
	case r.utf8:
		return "The row is not UTF-8, though the rows before it are."
	}
	if r.latin == 0 {
		r.latin = number
	}
	for i, f := range fields {
		if !utf8.ValidString(f) {
			fields[i], _ = charmap.Windows1252.NewDecoder().String(f) // every byte has a meaning, or becomes U+FFFD
		}
	}
	return ""
}

// record reads on from first until the record is complete. When it cannot be,
// it says why and leaves the lines after the first to be read again.
func (r *rows) record(first line) (fields []string, reason string, err error) {
	c := cutter{comma: r.comma}
	size, lines := 0, 0
	for l := first; ; {
		size += len(l.text) + 1
		lines++
		if l.long || size > MaxRow || lines > MaxLines {
			reason = "A quote is opened and not closed, or the row is too long."
			break
		}
		done, broken := c.feed(l.text)
		if broken {
			reason = "The quotes are broken: write a quote inside a quoted field twice."
			break
		}
		if done {
			return c.end()
		}
		l, err = r.take()
		if errors.Is(err, io.EOF) {
			reason = "A quote is opened and not closed."
			break
		}
		if err != nil {
			return nil, "", err
		}
	}
	r.at = 1
	return nil, reason, nil
}

// take returns the next line of the window, or of the file.
func (r *rows) take() (line, error) {
	if r.at == len(r.window) {
		l, err := r.read()
		if err != nil {
			return line{}, err
		}
		r.window = append(r.window, l)
	}
	r.at++
	return r.window[r.at-1], nil
}

// read reads one line of the file, keeping at most MaxRow bytes of it.
func (r *rows) read() (line, error) {
	l := line{number: r.number + 1}
	for {
		part, err := r.in.ReadSlice('\n')
		if len(part) == 0 && len(l.text) == 0 && !l.long && err != nil {
			return line{}, err
		}
		if !l.long && len(l.text)+len(part) > MaxRow {
			l.long, l.text = true, nil
		}
		if !l.long {
			l.text = append(l.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return line{}, err
		}
		r.number++
		l.text = bytes.TrimSuffix(l.text, []byte("\n"))
		l.text = bytes.TrimSuffix(l.text, []byte("\r"))
		return l, nil
	}
}

// cutter cuts the lines of one record into fields.
type cutter struct {
	comma  byte
	fields []string
	field  []byte
	state  int
	big    bool // a field went over MaxField; its bytes are dropped
	many   bool // more fields than MaxColumns
}

// Where the cutter stands.
const (
	atStart  = iota // before the first byte of a field
	inPlain         // in a field without quotes
	inQuoted        // between quotes
	atQuote         // after a quote that closes the field or begins a doubled one
)

// feed takes one line. The record is done unless the line ends inside quotes.
func (c *cutter) feed(text []byte) (done, broken bool) {
	for _, b := range text {
		switch {
		case c.state == inQuoted && b == '"':
			c.state = atQuote
		case c.state == inQuoted:
			c.put(b)
		case c.state == atQuote && b == '"':
			c.put(b)
			c.state = inQuoted
		case b == c.comma:
			c.close()
		case c.state == atQuote, c.state == inPlain && b == '"':
			return false, true
		case b == '"':
			c.state = inQuoted
		default:
			c.put(b)
			c.state = inPlain
		}
	}
	if c.state == inQuoted {
		c.put('\n')
		return false, false
	}
	c.close()
	return true, false
}

func (c *cutter) put(b byte) {
	if len(c.field) == MaxField {
		c.big = true
		return
	}
	c.field = append(c.field, b)
}

func (c *cutter) close() {
	if len(c.fields) == MaxColumns {
		c.many = true
	} else {
		c.fields = append(c.fields, string(c.field))
	}
	c.field, c.state = c.field[:0], atStart
}

// end returns the fields, or why they cannot be used.
func (c *cutter) end() ([]string, string, error) {
	if c.big {
		return nil, "A field is too long.", nil
	}
	if c.many {
		return nil, "The row has too many columns.", nil
	}
	return c.fields, "", nil
}
