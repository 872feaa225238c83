package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Format is one way to seal the values of a dossier. A dossier has one for as
// long as it lives: its wrap says which, and each of its values does. A value
// comes into another format by moving to another dossier, so no key is ever used
// in two ways.
//
// All formats share the wrap, and the head of a value. What may differ is the
// cipher, and in which steps lengths show.
type Format struct {
	// ID is the first byte of the wrap and of every value. A newer format has a
	// higher one.
	ID byte
	// Cipher seals under a key of 32 bytes that is derived for this dossier and
	// this format alone.
	Cipher func(key []byte) (cipher.AEAD, error)
	// Step is what lengths are filled to.
	Step int

	wrapLabel, valueLabel string
}

// formatV1 is what every value is sealed in today.
func formatV1() Format { return Format{ID: 1, Cipher: newGCM, Step: 32} }

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// formats is the table of those that a ring knows, the newest last.
func formats(newer []Format) ([]*Format, error) {
	out := make([]*Format, 0, 1+len(newer))
	last := byte(0)
	for _, f := range append([]Format{formatV1()}, newer...) {
		if f.ID <= last || f.Cipher == nil || f.Step <= lengthSize {
			return nil, fmt.Errorf("seal: format %d is not whole, or out of order", f.ID)
		}
		f.wrapLabel, f.valueLabel = fmt.Sprintf("cartkeep/wrap/v%d", f.ID), fmt.Sprintf("cartkeep/value/v%d", f.ID)
		out, last = append(out, &f), f.ID
	}
	return out, nil
}

func (r *Ring) newest() *Format { return r.formats[len(r.formats)-1] }

// Newest is the id of the format that new dossiers are in.
func (r *Ring) Newest() byte { return r.newest().ID }

// Formats is how many formats the ring opens.
func (r *Ring) Formats() int { return len(r.formats) }

func (r *Ring) formatOf(id byte) (*Format, error) {
	for _, f := range r.formats {
		if f.ID == id {
			return f, nil
		}
	}
	return nil, ErrFormat
}

// valueData is the associated data of a value: where it stands, and its head.
func (f *Format) valueData(buf []byte, p Place, head []byte) []byte {
	buf = append(buf, f.valueLabel...)
	buf = appendString(buf, p.Table)
	buf = appendString(buf, p.Column)
	buf = appendString(buf, p.Row)
	return append(buf, head...)
}

// padded is the length of n bytes with their length field, in whole steps.
func (f *Format) padded(n int) int { return (n + lengthSize + f.Step - 1) / f.Step * f.Step }
