package gate

import (
	"crypto/rand"
	"net/http"
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
