package breach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cartkeep/cartkeep/internal/password"
)

// List is a file of sums as the downloader of Have I Been Pwned writes it:
//
//	000000005AD76BD555C1D6D771DE417A4B87E4B4:10
//
// one a line, sorted by sum. The whole of it has 40 GB, so it is never read:
// a look-up is a binary search of a few dozen small reads.
type List struct {
	r    io.ReaderAt
	size int64
}

const (
	sumDigits = 40
	lineMost  = 64   // bytes of a line, its end included
	window    = 4096 // from here on lines are read one after the other
	samples   = 64   // lines whose order is looked at when a list is opened
)

var (
	errLine  = errors.New("breach: a line of the list is not SUM:COUNT")
	errOrder = errors.New("breach: the list is not sorted by sum")
)

// OpenList opens a list. Close it when it is not needed any more.
func OpenList(name string) (*List, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open list of breached passwords: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open list of breached passwords: %w", err)
	}
	l, err := NewList(f, info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// NewList looks at some lines of a list, so that a list in another form or
// order is refused now and not silently empty later.
func NewList(r io.ReaderAt, size int64) (*List, error) {
	l := &List{r, size}
	first, _, err := l.line(0)
	if err != nil {
		return nil, err
	}
	for i := range int64(samples) {
		start, err := l.after(size / samples * i)
		if err != nil {
			return nil, err
		}
		if start >= size {
			break
		}
		sum, _, err := l.line(start)
		if err != nil {
			return nil, err
		}
		if bytes.Compare(first, sum) > 0 {
			return nil, errOrder
		}
		first = sum
	}
	return l, nil
}

// Close closes the file.
func (l *List) Close() error {
	if c, ok := l.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Breached looks for the password.
func (l *List) Breached(ctx context.Context, p password.Password) (bool, error) {
	want := []byte(sumHex(p))
	// The line, if it is there, begins in [low, high), and low begins a line.
	low, high := int64(0), l.size
	for high-low > window {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		middle := low + (high-low)/2
		start, err := l.after(middle)
		if err != nil {
			return false, err
		}
		if start >= high {
			high = middle + 1 // no line begins beyond it; the next rounds close in
			continue
		}
		sum, _, err := l.line(start)
		if err != nil {
			return false, err
		}
		switch bytes.Compare(sum, want) {
		case 0:
			return true, nil
		case -1:
			low = start
		default:
			high = start
		}
	}
	for low < high {
		sum, next, err := l.line(low)
		if err != nil {
			return false, err
		}
		switch bytes.Compare(sum, want) {
		case 0:
			return true, nil
		case 1:
			return false, nil
		}
		low = next
	}
	return false, nil
}

// after returns where the first line begins that begins at or after at.
func (l *List) after(at int64) (int64, error) {
	if at == 0 {
		return 0, nil
	}
	b, err := l.read(at - 1)
	if err != nil {
		return 0, err
	}
	end := bytes.IndexByte(b, '\n')
	switch {
	case end >= 0:
		return at + int64(end), nil
	case at-1+int64(len(b)) >= l.size:
		return l.size, nil
	}
	return 0, errLine
}

// line reads the line that begins at start: its sum in capitals, and where the
// next one begins.
func (l *List) line(start int64) (sum []byte, next int64, err error) {
	b, err := l.read(start)
	if err != nil {
		return nil, 0, err
	}
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if start+int64(len(b)) < l.size {
			return nil, 0, errLine
		}
		end = len(b)
	}
	text := bytes.TrimSuffix(b[:end], []byte("\r"))
	sum, count, ok := bytes.Cut(text, []byte(":"))
	sum = bytes.ToUpper(sum)
	if !ok || len(sum) != sumDigits || !only(sum, "0123456789ABCDEF") || len(count) == 0 || !only(count, "0123456789") {
		return nil, 0, errLine
	}
	return sum, start + int64(min(end+1, len(b))), nil
}

func only(b []byte, digits string) bool { return len(bytes.Trim(b, digits)) == 0 }

// read reads as much as a line may have.
func (l *List) read(at int64) ([]byte, error) {
	b := make([]byte, min(lineMost, max(l.size-at, 0)))
	n, err := l.r.ReadAt(b, at)
	if n < len(b) {
		return nil, fmt.Errorf("read list of breached passwords: %w", err)
	}
	return b, nil
}
