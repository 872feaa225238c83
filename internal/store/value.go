package store

// Kind says what a Value is. Nothing in it is of one engine.
type Kind byte

// The kinds of value.
const (
	KindNull  Kind = 'n'
	KindInt   Kind = 'i' // numbers, times, yes and no
	KindText  Kind = 't'
	KindBytes Kind = 'b'
)

// Value is one value of a row as a backup holds it. It is no interface: a row of
// an order line has a dozen of them, and each would be an allocation.
type Value struct {
	Kind Kind
	Int  int64  // of a number
	Raw  []byte // of text and bytes
}

// IntValue makes a number.
func IntValue(n int64) Value { return Value{Kind: KindInt, Int: n} }

// TextValue makes a text.
func TextValue(s string) Value { return Value{Kind: KindText, Raw: []byte(s)} }

// BytesValue makes bytes; nil is NULL.
func BytesValue(b []byte) Value {
	if b == nil {
		return Value{Kind: KindNull}
	}
	return Value{Kind: KindBytes, Raw: b}
}

// is says that a value is this text.
func (v Value) is(text string) bool { return v.Kind == KindText && string(v.Raw) == text }
