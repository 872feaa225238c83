package api

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// maxDepth bounds how deep arrays and objects may stand in each other.
const maxDepth = 16

// malformed is all that is told: what exactly it was could repeat what was sent.
func malformed() error {
	return fault.New(fault.Malformed, "The body is not one JSON document as RFC 8259 has it, in UTF-8, "+
		"with each member once and in its own letter case.")
}

// decode reads exactly one JSON document. It is stricter than encoding/json in
// what two programs could understand differently: doubled members, invalid
// UTF-8, half surrogate pairs, NUL, bytes after the end. The tree is made of
// map[string]any, []any, string, float64, bool and nil; a number beyond
// float64 becomes an infinity, which no schema accepts.
func decode(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, malformed()
	}
	d := decoder{data: data}
	v, ok := d.value(0)
	if !ok {
		return nil, malformed()
	}
	d.space()
	if d.at != len(data) {
		return nil, malformed()
	}
	return v, nil
}

type decoder struct {
	data []byte
	at   int
}

func (d *decoder) space() {
	for d.at < len(d.data) {
		switch d.data[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// next returns the byte at hand, or 0 at the end; NUL is refused everywhere.
func (d *decoder) next() byte {
	if d.at < len(d.data) {
		return d.data[d.at]
	}
	return 0
}

// take steps over one byte if it is b.
func (d *decoder) take(b byte) bool {
	if d.next() != b || d.at >= len(d.data) {
		return false
	}
	d.at++
	return true
}

func (d *decoder) word(w string) bool {
	if len(d.data)-d.at < len(w) || string(d.data[d.at:d.at+len(w)]) != w {
		return false
	}
	d.at += len(w)
	return true
}

func (d *decoder) value(depth int) (any, bool) {
	d.space()
	switch c := d.next(); {
	case c == '{':
		return d.object(depth + 1)
	case c == '[':
		return d.array(depth + 1)
	case c == '"':
		return d.text()
	case c == 't':
		return true, d.word("true")
	case c == 'f':
		return false, d.word("false")
	case c == 'n':
		return nil, d.word("null")
	default:
		return d.number()
	}
}

func (d *decoder) object(depth int) (any, bool) {
	if depth > maxDepth || !d.take('{') {
		return nil, false
	}
	members := map[string]any{}
	d.space()
	if d.take('}') {
		return members, true
	}
	for {
		d.space()
		name, ok := d.text()
		if !ok {
			return nil, false
		}
		if _, twice := members[name]; twice {
			return nil, false
		}
		d.space()
		if !d.take(':') {
			return nil, false
		}
		if members[name], ok = d.value(depth); !ok {
			return nil, false
		}
		d.space()
		if d.take('}') {
			return members, true
		}
		if !d.take(',') {
			return nil, false
		}
	}
}

func (d *decoder) array(depth int) (any, bool) {
	if depth > maxDepth || !d.take('[') {
		return nil, false
	}
	items := []any{}
	d.space()
	if d.take(']') {
		return items, true
	}
	for {
		item, ok := d.value(depth)
		if !ok {
			return nil, false
		}
		items = append(items, item)
		d.space()
		if d.take(']') {
			return items, true
		}
		if !d.take(',') {
			return nil, false
		}
	}
}

// text reads a string. The common one, without escapes, is one slice.
func (d *decoder) text() (string, bool) {
	if !d.take('"') {
		return "", false
	}
	start := d.at
	for d.at < len(d.data) {
		switch c := d.data[d.at]; {
		case c == '"':
			d.at++
			return string(d.data[start : d.at-1]), true
		case c == '\\':
			return d.escaped(append([]byte{}, d.data[start:d.at]...))
		case c < ' ':
			return "", false
		}
		d.at++
	}
	return "", false
}

func (d *decoder) escaped(out []byte) (string, bool) {
	for d.at < len(d.data) {
		c := d.data[d.at]
		d.at++
		switch {
		case c == '"':
			return string(out), true
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
			continue
		}
		e := d.next()
		d.at++
		switch e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := d.unicode()
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
		default:
			return "", false
		}
	}
	return "", false
}

// unicode reads the digits of \uXXXX and, for a surrogate, of its other half.
func (d *decoder) unicode() (rune, bool) {
	r, ok := d.hex()
	if !ok || r == 0 {
		return 0, false
	}
	if !utf16.IsSurrogate(r) {
		return r, true
	}
	if !d.take('\\') || !d.take('u') {
		return 0, false
	}
	low, ok := d.hex()
	whole := utf16.DecodeRune(r, low)
	return whole, ok && whole != utf8.RuneError
}

func (d *decoder) hex() (rune, bool) {
	if len(d.data)-d.at < 4 {
		return 0, false
	}
	var r rune
	for _, c := range d.data[d.at : d.at+4] {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c-'a') + 10
		case 'A' <= c && c <= 'F':
			r |= rune(c-'A') + 10
		default:
			return 0, false
		}
	}
	d.at += 4
	return r, true
}

// number reads -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?
func (d *decoder) number() (any, bool) {
	start := d.at
	d.take('-')
	if !d.take('0') && !d.digits() {
		return nil, false
	}
	if d.take('.') && !d.digits() {
		return nil, false
	}
	if d.take('e') || d.take('E') {
		if !d.take('+') {
			d.take('-')
		}
		if !d.digits() {
			return nil, false
		}
	}
	f, err := strconv.ParseFloat(string(d.data[start:d.at]), 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, false
	}
	return f, true
}

func (d *decoder) digits() bool {
	start := d.at
	for c := d.next(); '0' <= c && c <= '9'; c = d.next() {
		d.at++
	}
	return d.at > start
}
