// Package contact holds what we know about people: names, e-mail addresses,
// telephone numbers, postal addresses and notes.
//
// Everything in it is personal, so no type in it shows itself: whatever prints
// a Name writes [name], and Reveal is the one way out. It knows how each thing
// is written in the countries of the world, as far as a shop needs it. It does
// not know who the person is, or where the values are kept.
//
// The content of each type stands behind two pointers. A value that somebody
// keeps in an unexported field of their own struct is printed by package fmt
// without asking its methods; then an address in memory is all that shows. One
// pointer is not enough: %s does not fit it, and the complaint about a verb
// that does not fit follows a pointer to a struct and prints what is there.
//
// Refusals are *fault.Error with a Problem for each field. They say how to
// mend it and never repeat the value.
package contact

import (
	"fmt"
	"io"
	"log/slog"
)

// word is what a personal type shows instead of itself.
type word interface{ word() string }

// veil gives a type every method by which Go prints values; each answers with
// the word. It stands in one place, so that no type can miss one.
type veil[W word] struct{}

func (veil[W]) shown() string {
	var w W
	return w.word()
}

// String returns the word in brackets, such as [name].
func (v veil[W]) String() string { return v.shown() }

// GoString is String, for %#v.
func (v veil[W]) GoString() string { return v.shown() }

// Format is String for every verb and flag, %x and %q among them.
func (v veil[W]) Format(f fmt.State, _ rune) { io.WriteString(f, v.shown()) }

// LogValue is String, for log/slog.
func (v veil[W]) LogValue() slog.Value { return slog.StringValue(v.shown()) }

// MarshalJSON writes the word as a JSON string.
func (v veil[W]) MarshalJSON() ([]byte, error) { return []byte(`"` + v.shown() + `"`), nil }

// MarshalText writes the word, for XML, TOML, map keys and the like.
func (v veil[W]) MarshalText() ([]byte, error) { return []byte(v.shown()), nil }

type (
	nameWord    struct{}
	emailWord   struct{}
	phoneWord   struct{}
	addressWord struct{}
	noteWord    struct{}
)

func (nameWord) word() string    { return "[name]" }
func (emailWord) word() string   { return "[email]" }
func (phoneWord) word() string   { return "[phone]" }
func (addressWord) word() string { return "[address]" }
func (noteWord) word() string    { return "[note]" }

// hide puts a value behind two pointers, in one piece of memory.
func hide[T any](v T) **T {
	box := &struct {
		p *T
		v T
	}{v: v}
	box.p = &box.v
	return &box.p
}

// content returns what hide has hidden, or the zero value.
func content[T any](f **T) T {
	if f == nil {
		var none T
		return none
	}
	return **f
}
