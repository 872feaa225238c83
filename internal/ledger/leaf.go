package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a hash of the tree: of a leaf, a node or the root.
type Hash = tlog.Hash

const (
	leafVersion = 1
	commitLabel = "cartkeep/commit/v1/"
	leafFixed   = 1 + 8 + 1 + partCount*sha256.Size
)

// ErrLeaf means bytes that are no leaf of a version we know.
var ErrLeaf = errors.New("ledger: not a leaf we know")

// Leaf gives the bytes that enter the tree, or nil for an event whose action
// or time cannot be written.
func Leaf(e Event) []byte {
	if !validAction(e.Action) {
		return nil
	}
	b := make([]byte, 0, leafFixed+len(e.Action))
	b = append(b, leafVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMilli()))
	b = append(b, byte(len(e.Action)))
	b = append(b, e.Action...)
	for i, v := range e.parts() {
		c := commit(e.Salts[i], i, v)
		b = append(b, c[:]...)
	}
	return b
}

// commit binds a value without showing it. The part's name is hashed with it,
// so that a subject is never shown as an object.
func commit(salt [16]byte, part int, value string) (c [sha256.Size]byte) {
	h := hmac.New(sha256.New, salt[:])
	h.Write([]byte(commitLabel + partNames[part]))
	h.Write([]byte(value))
	h.Sum(c[:0])
	return c
}

// LeafHash is the hash by which the tree knows a leaf.
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// LeafContent is what a leaf shows by itself.
type LeafContent struct {
	At          time.Time
	Action      string
	Commitments [partCount][sha256.Size]byte
}

// ParseLeaf reads a leaf. Bytes that parse are exactly what they would be
// written as again.
func ParseLeaf(b []byte) (LeafContent, error) {
	var c LeafContent
	if len(b) < leafFixed || b[0] != leafVersion {
		return c, ErrLeaf
	}
	n := int(b[9])
	if len(b) != leafFixed+n || !validAction(string(b[10:10+n])) {
		return c, ErrLeaf
	}
	c.At = time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:]))).UTC()
	c.Action = string(b[10 : 10+n])
	for i := range c.Commitments {
		copy(c.Commitments[i][:], b[10+n+i*sha256.Size:])
	}
	return c, nil
}

// MismatchError names the parts of an event that are not what its leaf says.
type MismatchError struct{ Parts []string }

// Error names the parts, never their values.
func (e *MismatchError) Error() string {
	return "ledger: event differs from its leaf in " + strings.Join(e.Parts, ", ")
}

// CheckLeaf compares an event with its leaf and names every part that does not
// match in a *MismatchError. Parts that were emptied prove nothing and are left
// out: Emptied names them.
func CheckLeaf(leaf []byte, e Event) error {
	c, err := ParseLeaf(leaf)
	if err != nil {
		return err
	}
	var bad []string
	if e.At.UnixMilli() != c.At.UnixMilli() {
		bad = append(bad, "time")
	}
	if e.Action != c.Action {
		bad = append(bad, "action")
	}
	for i, v := range e.parts() {
		if e.emptied(i) {
			continue
		}
		if commit(e.Salts[i], i, v) != c.Commitments[i] {
			bad = append(bad, partNames[i])
		}
	}
	if bad != nil {
		return &MismatchError{bad}
	}
	return nil
}

// Empty destroys a part's value and salt, after which nothing can prove what
// it was. The leaf, made before, stays as it is.
func (e *Event) Empty(part int) {
	switch part {
	case PartActor:
		e.Actor = ""
	case PartSubject:
		e.Subject = ""
	case PartObject:
		e.Object = ""
	case PartDetail:
		e.Detail = ""
	default:
		return
	}
	e.Salts[part] = [16]byte{}
}

// Emptied names the parts whose value and salt are gone.
func (e Event) Emptied() []string {
	var names []string
	for i := range partCount {
		if e.emptied(i) {
			names = append(names, partNames[i])
		}
	}
	return names
}

func (e Event) emptied(part int) bool {
	return e.Salts[part] == [16]byte{} && e.parts()[part] == ""
}
