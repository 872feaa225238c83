// Package personal is the register: every personal value that Cartkeep stores
// is declared here once, with its table and column, its purpose, its category
// and who receives it.
//
// Storage can't seal a value without naming a declared field, so a value can't
// be stored undeclared. What is sealed, exported, erased, kept back from logs
// and told in the privacy notice and the records of processing (GDPR Art. 30)
// is a loop over All. A column of the live schema that is neither declared
// here nor listed in notpersonal.go with a reason stops the shop from starting.
//
// The package knows purposes and fields. It does not know SQL, keys or law
// texts: seal holds the keys, store the rows, docs/personal-data.md is
// generated from here. Start reading at purposes.go, then fields.go.
package personal

import (
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Kind says how a declared field is kept.
type Kind string

// The kinds of keeping.
const (
	Sealed Kind = "sealed" // encrypted under its dossier's key
	Index  Kind = "index"  // a keyed hash of a normalised value, to look up by; ends with its dossier
	Hash   Kind = "hash"   // a keyed hash of a secret or a token, to compare with
	Linked Kind = "linked" // clear, but tied to a person only by the random subject id
)

// Recipient is someone outside the shop who gets a value.
type Recipient string

// The recipients a field can have.
const (
	Courier         Recipient = "courier"
	PaymentProvider Recipient = "payment provider"
	MailProvider    Recipient = "mail provider"
	SMSProvider     Recipient = "SMS provider"
	TaxOffice       Recipient = "tax office and accountant"
)

// Field is the declaration of one stored column that says something about a person.
type Field struct {
	Table, Column string
	Kind          Kind
	Purpose       Purpose
	Category      string // fideslang data category
	Recipients    []Recipient
	Part          map[Recipient]string // what of it a recipient gets, where that is not the whole
	Label         string               // what a person calls it
	Reason        string               // why it is not sealed, for every kind but Sealed
}

// Name returns "table.column".
func (f Field) Name() string { return f.Table + "." + f.Column }

// Value is a sealed field together with the type of its values. Sealing and
// opening go through it, so that a value always lands where it was declared.
type Value[T any] struct {
	Field
	encode func(T) []byte
	decode func([]byte) (T, error)
	zero   func(T) bool
}

// Dossier is an open dossier: its key, and the one purpose it serves.
type Dossier struct {
	Purpose Purpose
	Key     *seal.Dossier
	// Other finds a dossier that stood in this one's place before, or has taken it
	// meanwhile: a value that is being sealed anew may still be, or already be,
	// under that. Nil where there is none.
	Other func(id string) (*seal.Dossier, error)
	// Clear leaves values unsealed. It exists so that the benchmark can say
	// what sealing costs; store sets it only when opened as Unprotected.
	Clear bool
}

// Seal encrypts v for the row under dossier d, which must be of the field's
// purpose. A value that is not there (zero) is nil and stored as NULL.
func (f Value[T]) Seal(d Dossier, row string, v T) ([]byte, error) {
	if f.zero(v) {
		return nil, nil
	}
	if err := f.fits(d); err != nil {
		return nil, err
	}
	if d.Clear {
		return f.encode(v), nil
	}
	return d.Key.Seal(f.place(row), f.encode(v))
}

// Open decrypts what Seal made. NULL opens to the zero value.
func (f Value[T]) Open(d Dossier, row string, sealed []byte) (T, error) {
	var none T
	if sealed == nil {
		return none, nil
	}
	if err := f.fits(d); err != nil {
		return none, err
	}
	plain := sealed
	if !d.Clear {
		var err error
		key := d.Key
		if d.Other != nil && !key.Sealed(sealed) {
			if key, err = d.other(sealed); err != nil {
				return none, fmt.Errorf("open %s: %w", f.Name(), err)
			}
		}
		if plain, err = key.Open(f.place(row), sealed); err != nil {
			return none, fmt.Errorf("open %s: %w", f.Name(), err)
		}
	}
	v, err := f.decode(plain)
	if err != nil {
		// The cause could quote the value, so it stays here.
		return none, fmt.Errorf("read %s: the opened value does not parse", f.Name())
	}
	return v, nil
}

func (d Dossier) other(sealed []byte) (*seal.Dossier, error) {
	id, err := seal.ValueDossier(sealed)
	if err != nil {
		return nil, err
	}
	return d.Other(id)
}

// Move seals a value anew: under another dossier of its field's purpose, or for a
// row that is called otherwise now. What it means is not asked.
func (f Field) Move(from *seal.Dossier, was string, to *seal.Dossier, is string, sealed []byte) ([]byte, error) {
	plain, err := from.Open(f.place(was), sealed)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name(), err)
	}
	defer clear(plain)
	return to.Seal(f.place(is), plain)
}

func (f Field) place(row string) seal.Place {
	return seal.Place{Table: f.Table, Column: f.Column, Row: row}
}

func (f Value[T]) fits(d Dossier) error {
	if d.Purpose != f.Purpose {
		return fmt.Errorf("%s belongs to purpose %s, not %s", f.Name(), f.Purpose, d.Purpose)
	}
	if d.Key == nil && !d.Clear {
		return fmt.Errorf("%s: no dossier: %w", f.Name(), seal.ErrOpen)
	}
	return nil
}

// Show opens a value of any field, and gives it as text that a person reads, with
// the field's label.
func Show(table, column string, d Dossier, row string, sealed []byte) (label, text string, err error) {
	show, ok := shows[table+"."+column]
	if !ok {
		return "", "", fmt.Errorf("%s.%s is no sealed field", table, column)
	}
	return show(d, row, sealed)
}

// shows are what Show does for each field, filled and left alone like fields.
var shows = map[string]func(d Dossier, row string, sealed []byte) (label, text string, err error){}

// All returns every declared field, in the order of declaration.
func All() []Field { return append([]Field(nil), fields...) }

// fields is the one package-level list of the program. It is filled while the
// variables of fields.go are initialised and never written to afterwards.
var fields []Field

func declare[T any](f Field, encode func(T) []byte, decode func([]byte) (T, error), zero func(T) bool) Value[T] {
	f.Kind = Sealed
	fields = append(fields, f)
	v := Value[T]{Field: f, encode: encode, decode: decode, zero: zero}
	shows[f.Name()] = func(d Dossier, row string, sealed []byte) (string, string, error) {
		value, err := v.Open(d, row, sealed)
		if err != nil {
			return f.Label, "", err
		}
		if a, ok := any(value).(contact.Address); ok {
			return f.Label, strings.Join(a.Lines(), "\n"), nil
		}
		return f.Label, string(encode(value)), nil
	}
	return v
}

func note(f Field) Field {
	fields = append(fields, f)
	return f
}
