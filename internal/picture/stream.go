package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"path"
	"strings"
	"time"
)

// Bounds of fetching one file.
const (
	fileTime  = 15 * time.Minute
	stallTime = 20 * time.Second // without a byte
)

// Stream hands the file at an address to into, which reads it as it comes, and
// returns what into says. It is fetched under the guard of pictures; what
// breaks off, stands still or goes beyond limit bytes is a fault, which into
// meets as an error of its reader.
func (f *Fetcher) Stream(ctx context.Context, source string, limit int64, into func(io.Reader) error) error {
	return f.stream(ctx, source, limit, stallTime, into)
}

func (f *Fetcher) stream(ctx context.Context, source string, limit int64, stall time.Duration, into func(io.Reader) error) error {
	return f.visit(ctx, source, fileTime, func(ctx context.Context, u *url.URL) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		answer, err := f.ask(ctx, u, "*/*")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		switch {
		case kind == "text/html" && !strings.HasPrefix(path.Ext(u.Path), ".htm"):
			return refuse("The host answered with a page instead of the file.")
		case answer.ContentLength == 0:
			return refuse("The file is empty.")
		case answer.ContentLength > limit:
			return fileTooLarge(limit)
		}
		clock := time.AfterFunc(stall, stop)
		defer clock.Stop()
		in := &fileReader{in: answer.Body, left: limit, limit: limit, clock: clock, stall: stall}
		if err = into(in); err == nil {
			return nil
		}
		if in.err != nil {
			return in.err
		}
		return &oursError{err}
	})
}

func fileTooLarge(limit int64) error {
	return refuse(fmt.Sprintf("The file is larger than %d MB.", limit>>20))
}

// oursError is one of whoever reads the file, and none of the host's.
type oursError struct{ err error }

func (e *oursError) Error() string { return e.err.Error() }

// fileReader counts, watches the clock only while the host is at work, and
// remembers what the host did wrong.
type fileReader struct {
	in          io.Reader
	left, limit int64
	clock       *time.Timer
	stall       time.Duration
	err         error
}

func (r *fileReader) Read(p []byte) (int, error) {
	r.clock.Reset(r.stall)
	n, err := r.in.Read(p)
	r.clock.Stop()
	if r.left -= int64(n); r.left < 0 {
		err = fileTooLarge(r.limit)
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case r.left < 0:
		r.err = err
	default:
		r.err = refuse("The file broke off or stood still.")
		err = r.err
	}
	return n, err
}
