package gate

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
)

// answer remembers what was said, for the log line and for a panic that comes
// too late to be answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader remembers the first final status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the real writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

const referenceAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newReference draws the name of a request: ten characters that can be read
// out on the telephone and tell nothing.
func newReference() string {
	var raw [10]byte
	rand.Read(raw[:]) // never fails
	for i, b := range raw {
		raw[i] = referenceAlphabet[b&31]
	}
	return string(raw[:])
}

// panicWord tells what kind of panic it was. The text of the runtime's own
// errors holds indexes and type names only; any other value may hold anything,
// so only its type is told.
func panicWord(caught any) string {
	if err, ok := caught.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", caught)
}

// panicPlace names the functions and lines the panic went through, without the
// arguments that a usual stack trace shows.
func panicPlace() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.Function != "" {
			if b.Len() > 0 {
				b.WriteString(" < ")
			}
			fmt.Fprintf(&b, "%s %s:%d", filepath.Base(f.Function), filepath.Base(f.File), f.Line)
		}
		if !more || b.Len() > 1000 {
			return b.String()
		}
	}
}
