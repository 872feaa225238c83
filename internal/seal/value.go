package seal

import (
	"bytes"
	"cmp"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
)

// MaxPlain is the longest value that can be sealed, in bytes.
const MaxPlain = 64 << 10

const (
	valueHead  = 1 + 16 // format, dossier id
	lengthSize = 4
)

// Place says where a sealed value stands. It opens nowhere else.
type Place struct {
	Table, Column, Row string
}

// Dossier seals and opens the values of one owner, from several goroutines if
// need be. It lives no longer than one transaction; Destroy, called last, ends it.
type Dossier struct {
	id     [16]byte
	format *Format
	box    cipher.AEAD
}

// Format hides the key from every verb: a cipher holds it too.
func (*Dossier) Format(f fmt.State, _ rune) { io.WriteString(f, keyText) }

func newDossier(id string, key []byte, f *Format) (*Dossier, error) {
	d := &Dossier{format: f}
	if err := parseUUID(&d.id, id); err != nil {
		return nil, err
	}
	if len(key) != KeySize {
		return nil, errKeySize
	}
	var valueKey [KeySize]byte
	defer clear(valueKey[:])
	expand(hmacOf((*[KeySize]byte)(key)), []byte(f.valueLabel), valueKey[:])
	var err error
	if d.box, err = f.Cipher(valueKey[:]); err != nil {
		return nil, err
	}
	return d, nil
}

// ID is the dossier's id.
func (d *Dossier) ID() string {
	var s [36]byte
	putUUID(&s, d.id)
	return string(s[:])
}

// Destroy ends the dossier in memory: it seals and opens nothing any more.
func (d *Dossier) Destroy() { d.box = nil }

// Seal protects a value for one place.
func (d *Dossier) Seal(p Place, plain []byte) ([]byte, error) {
	if d.box == nil {
		return nil, ErrOpen
	}
	if len(plain) > MaxPlain {
		return nil, ErrTooLong
	}
	padded, at := d.format.padded(len(plain)), valueHead+d.box.NonceSize()
	out := make([]byte, at+padded+d.box.Overhead())
	out[0] = d.format.ID
	copy(out[1:], d.id[:])
	rand.Read(out[valueHead:at])
	text := out[at : at+padded]
	binary.BigEndian.PutUint32(text, uint32(len(plain)))
	copy(text[lengthSize:], plain)
	var room [192]byte
	d.box.Seal(text[:0], out[valueHead:at], text, d.format.valueData(room[:0], p, out[:valueHead]))
	return out, nil
}

// Open gives back the value that was sealed for this place.
func (d *Dossier) Open(p Place, sealed []byte) ([]byte, error) {
	if d.box == nil {
		return nil, ErrOpen
	}
	if !d.Sealed(sealed) {
		_, err := valueID(sealed)
		return nil, cmp.Or(err, ErrOpen)
	}
	at := valueHead + d.box.NonceSize()
	if !d.fits(len(sealed)-at-d.box.Overhead()) || sealed[0] != d.format.ID {
		return nil, ErrFormat
	}
	var room [192]byte
	text, err := d.box.Open(nil, sealed[valueHead:at], sealed[at:], d.format.valueData(room[:0], p, sealed[:valueHead]))
	if err != nil {
		return nil, ErrOpen
	}
	n := binary.BigEndian.Uint32(text)
	if n > MaxPlain || d.format.padded(int(n)) != len(text) {
		return nil, ErrOpen
	}
	plain, pad := text[lengthSize:lengthSize+n], text[lengthSize+n:]
	if len(bytes.TrimLeft(pad, "\x00")) != 0 {
		return nil, ErrOpen
	}
	return plain[:n:n], nil
}

// ValueDossier tells which dossier a sealed value belongs to, before it is opened.
func ValueDossier(sealed []byte) (string, error) {
	id, err := valueID(sealed)
	if err != nil {
		return "", err
	}
	var s [36]byte
	putUUID(&s, id)
	return string(s[:]), nil
}

// Sealed reports whether a value was sealed under this dossier, by its head.
func (d *Dossier) Sealed(sealed []byte) bool {
	id, err := valueID(sealed)
	return err == nil && id == d.id
}

// fits reports whether a text of n bytes has a length that the format makes.
func (d *Dossier) fits(n int) bool {
	return n >= d.format.Step && n <= d.format.padded(MaxPlain) && n%d.format.Step == 0
}

// valueID reads the head that values of every format begin with.
func valueID(sealed []byte) (id [16]byte, err error) {
	if len(sealed) <= valueHead || sealed[0] == 0 {
		return id, ErrFormat
	}
	copy(id[:], sealed[1:])
	return id, nil
}

// parseUUID takes one spelling only: two spellings of an id would be two owners.
func parseUUID(id *[16]byte, s string) error {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return errUUID
	}
	at := 0
	for i := 0; i < len(s); i++ {
		var digit byte
		switch c := s[i]; {
		case c == '-' && (i == 8 || i == 13 || i == 18 || i == 23):
			continue
		case c >= '0' && c <= '9':
			digit = c - '0'
		case c >= 'a' && c <= 'f':
			digit = c - 'a' + 10
		default:
			return errUUID
		}
		id[at/2] = id[at/2]<<4 | digit
		at++
	}
	return nil
}

var errUUID = fmt.Errorf("dossier id is no UUID: %w", ErrFormat)

func putUUID(s *[36]byte, id [16]byte) {
	hex.Encode(s[0:], id[0:4])
	s[8] = '-'
	hex.Encode(s[9:], id[4:6])
	s[13] = '-'
	hex.Encode(s[14:], id[6:8])
	s[18] = '-'
	hex.Encode(s[19:], id[8:10])
	s[23] = '-'
	hex.Encode(s[24:], id[10:16])
}
