package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// KeySize is the length in bytes of every key in this package.
const KeySize = 32

// NewKey draws the 32 random bytes of a new index, mac or signing key, for
// [NewIndexKey], [NewMacKey] or a ledger signer. The bytes themselves do print:
// seal them or hand them to a typed key at once.
func NewKey() []byte {
	b := make([]byte, KeySize)
	rand.Read(b) // never fails: the program ends when the system has no randomness
	return b
}

var errKeySize = errors.New("seal: a key has 32 bytes")

// secret is 32 bytes that never show themselves. fmt prints what stands in
// unexported fields without asking any method, and follows one pointer where a
// verb does not fit, so the bytes are behind two.
type secret struct{ at **[KeySize]byte }

// hide copies 32 bytes into a secret.
func hide(b *[KeySize]byte) secret {
	kept := new([KeySize]byte)
	*kept = *b
	return secret{&kept}
}

func newSecret(b []byte) (secret, error) {
	if len(b) != KeySize {
		return secret{}, errKeySize
	}
	return hide((*[KeySize]byte)(b)), nil
}

// key is where the bytes are; nil for the zero secret.
func (s secret) key() *[KeySize]byte {
	if s.at == nil {
		return nil
	}
	return *s.at
}

func (s secret) zero() {
	if k := s.key(); k != nil {
		clear(k[:])
	}
}

const keyText = "[key]"

// String hides the key.
func (s secret) String() string { return keyText }

// GoString hides the key from %#v.
func (s secret) GoString() string { return keyText }

// Format hides the key from every verb.
func (s secret) Format(f fmt.State, _ rune) { io.WriteString(f, keyText) }

// LogValue hides the key from slog.
func (s secret) LogValue() slog.Value { return slog.StringValue(keyText) }

// MarshalText hides the key from encoders.
func (s secret) MarshalText() ([]byte, error) { return []byte(keyText), nil }

// MarshalJSON hides the key from JSON.
func (s secret) MarshalJSON() ([]byte, error) { return []byte(`"` + keyText + `"`), nil }

// EpochKey is the key of one epoch. It prints as [key].
type EpochKey struct{ secret }

// NewEpochKey draws a random epoch key.
func NewEpochKey() EpochKey {
	b := (*[KeySize]byte)(NewKey())
	return EpochKey{secret{&b}}
}

// ParseEpochKey copies an epoch key from 32 bytes.
func ParseEpochKey(b []byte) (EpochKey, error) {
	s, err := newSecret(b)
	return EpochKey{s}, err
}

// IsZero reports whether no key was set, or it was wiped.
func (k EpochKey) IsZero() bool { return k.at == nil || *k.key() == [KeySize]byte{} }

// Reveal gives the bytes to a key store. They are a copy.
func (k EpochKey) Reveal() []byte {
	if k.at == nil {
		return nil
	}
	return append([]byte(nil), k.key()[:]...)
}

// Wipe overwrites the key.
func (k EpochKey) Wipe() { k.zero() }

// IndexKey makes blind indexes: keyed hashes by which a row is found without
// its value standing there. It prints as [key]. The zero key hashes nothing and
// gives nil.
type IndexKey struct{ secret }

// NewIndexKey copies an index key from 32 bytes.
func NewIndexKey(b []byte) (IndexKey, error) {
	s, err := newSecret(b)
	return IndexKey{s}, err
}

// IndexSize is the length in bytes of a blind index.
const IndexSize = 16

// Hash is the blind index of a normalised value in one field:
// HMAC-SHA256(key, lp(field) ‖ value), cut to 16 bytes. A hit is a hint only;
// the sealed value decides.
func (k IndexKey) Hash(field, normalised string) []byte {
	if k.at == nil {
		return nil
	}
	var room [192]byte
	sum := hmacSum(*k.at, append(appendString(room[:0], field), normalised...))
	return append(make([]byte, 0, IndexSize), sum[:IndexSize]...)
}

// MacKey authenticates things that must be shown again or recognised: tokens,
// idempotency keys, session rows, notices. It prints as [key]. Sums of the zero
// key match nothing.
type MacKey struct{ secret }

// NewMacKey copies a mac key from 32 bytes.
func NewMacKey(b []byte) (MacKey, error) {
	s, err := newSecret(b)
	return MacKey{s}, err
}

// Sum is HMAC-SHA256(key, lp(label) ‖ lp(part) ‖ …). The label says what the
// sum is for, so that one kind of token is never another kind. The sum of a
// zero key is random: it must not become a value that anyone can compute.
func (k MacKey) Sum(label string, parts ...[]byte) [sha256.Size]byte {
	if k.at == nil {
		return [sha256.Size]byte(NewKey())
	}
	var room [256]byte
	buf := appendString(room[:0], label)
	for _, p := range parts {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(p)))
		buf = append(buf, p...)
	}
	return hmacSum(*k.at, buf)
}

// Matches tells in constant time whether mac is the sum of label and parts.
func (k MacKey) Matches(mac []byte, label string, parts ...[]byte) bool {
	sum := k.Sum(label, parts...)
	return hmac.Equal(mac, sum[:])
}

// appendString adds lp(s): the length as u32, then the bytes.
func appendString(buf []byte, s string) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(s)))
	return append(buf, s...)
}
