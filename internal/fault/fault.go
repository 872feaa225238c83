// Package fault gives every refusal a kind and a text that a stranger may read.
//
// It knows the kinds of things that go wrong for a caller or a shopper and the
// fields they concern. It does not know HTTP, SQL or templates: web/gate turns
// a Kind into a status, a page or an RFC 9457 problem. An error that is not a
// *fault.Error is internal, and nobody outside ever reads its text.
//
// Texts never carry the value that was refused: an error is a log line waiting
// to happen.
package fault

import (
	"errors"
	"strings"
	"time"
)

// Kind is the word of a problem type, as in /problems/WORD (RFC 9457 "type").
type Kind string

// The kinds. Each one is also a public problem type of the REST API.
const (
	Malformed             Kind = "malformed"               // the bytes are no document of the agreed form
	Invalid               Kind = "invalid"                 // well formed, but a value is not acceptable
	NotFound              Kind = "not-found"               // unknown, another's, or without its token: one answer
	OutOfStock            Kind = "out-of-stock"            // fewer left than asked for
	Changed               Kind = "changed"                 // price or stock moved since it was shown
	CartClosed            Kind = "cart-closed"             // the cart has become an order
	InProgress            Kind = "in-progress"             // the same request is being carried out
	Conflict              Kind = "conflict"                // the state does not allow the act
	IdempotencyMismatch   Kind = "idempotency-mismatch"    // same key, other request
	IdempotencyKeyMissing Kind = "idempotency-key-missing" // an order without an Idempotency-Key
	Method                Kind = "method"                  // the path exists, the method does not
	TooLarge              Kind = "too-large"               // more bytes than the bound
	MediaType             Kind = "media-type"              // not the content type we read
	Forbidden             Kind = "forbidden"               // refused by a guard, such as the cross-origin one
	RateLimited           Kind = "rate-limited"            // too many requests; RetryAfter says when again
	Unavailable           Kind = "unavailable"             // try again later; nothing was changed
	Internal              Kind = "internal"                // everything else
)

// Problem is one thing wrong with one field.
type Problem struct {
	// Field is the path of the field, parts joined by "/" and without a
	// leading one: "quantity", "shipping_address/postal_code". The API shows
	// it as a JSON Pointer (RFC 6901), a form finds its input by it.
	Field string
	// Detail says what is wrong and how to mend it, to the person who typed it.
	Detail string
}

// Error is a refusal that a caller or a shopper can act on.
type Error struct {
	Kind       Kind
	Text       string        // one sentence or two, readable by anyone
	Problems   []Problem     // the fields concerned, for Invalid
	RetryAfter time.Duration // for RateLimited and Unavailable; zero means unknown
	cause      error
}

// Error returns the public text and, for logs, the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Kind))
	b.WriteString(": ")
	b.WriteString(e.Text)
	for _, p := range e.Problems {
		b.WriteString(" [" + p.Field + "]")
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause, which stays on our side of the boundary.
func (e *Error) Unwrap() error { return e.cause }

// New makes an error of a kind with a public text.
func New(kind Kind, text string) *Error { return &Error{Kind: kind, Text: text} }

// Because makes an error of a kind with a public text and an internal cause.
func Because(kind Kind, text string, cause error) *Error {
	return &Error{Kind: kind, Text: text, cause: cause}
}

// Field makes an Invalid error about one field.
func Field(field, detail string) *Error {
	return &Error{Kind: Invalid, Text: detail, Problems: []Problem{{field, detail}}}
}

// Missing is the one answer for what is unknown, another's, or asked for
// without its token.
func Missing(text string) *Error { return New(NotFound, text) }

// Limited says when to try again.
func Limited(text string, retry time.Duration) *Error {
	return &Error{Kind: RateLimited, Text: text, RetryAfter: retry}
}

// Of returns err as *Error, wrapping what is none as Internal. It returns nil for nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Because(Internal, "Something went wrong on our side.", err)
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && Of(err).Kind == kind }

// Fields gathers the problems of several fields, so that a form can show all
// of them at once. The zero value is ready.
type Fields struct{ problems []Problem }

// Add notes a problem with a field. A field has one at a time, the first: a
// second would be about what the first one left.
func (f *Fields) Add(field, detail string) {
	for _, p := range f.problems {
		if p.Field == field {
			return
		}
	}
	f.problems = append(f.problems, Problem{field, detail})
}

// Take notes err's problems under prefix ("" for none) and reports whether
// there were none. The field of an err without problems is the prefix itself.
func (f *Fields) Take(prefix string, err error) bool {
	if err == nil {
		return true
	}
	e := Of(err)
	if len(e.Problems) == 0 {
		f.Add(prefix, e.Text)
		return false
	}
	for _, p := range e.Problems {
		f.Add(strings.Trim(prefix+"/"+p.Field, "/"), p.Detail)
	}
	return false
}

// As notes err's problems under the one name of a field, for a value whose own
// kind calls it something else.
func (f *Fields) As(field string, err error) {
	if err == nil {
		return
	}
	e := Of(err)
	for _, p := range e.Problems {
		f.Add(field, p.Detail)
	}
	if len(e.Problems) == 0 {
		f.Add(field, e.Text)
	}
}

// Err returns nil, or one Invalid error with every problem noted.
func (f *Fields) Err() error {
	if len(f.problems) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Text: "Please check what is marked.", Problems: f.problems}
}
