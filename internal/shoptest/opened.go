package shoptest

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Value is a sealed value that opens.
type Value struct {
	Field          personal.Field
	Subject, State string // of its dossier
	Text           []byte
}

// Opened opens every sealed value of every field in the register, with every wrap
// that the shop's ring opens, and cares for no rule of the store: also what is
// restricted. It returns those that open.
func (s *Shop) Opened(t testing.TB) (out []Value) {
	t.Helper()
	type held struct {
		subject, state string
		key            *seal.Dossier
	}
	keys := map[string]held{}
	raw := s.Raw(t)
	rows, err := raw.Query(`SELECT id, subject, purpose, case_id, state, wrap FROM dossiers WHERE wrap IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var o seal.Owner
		var state string
		var wrap []byte
		if err := rows.Scan(&o.Dossier, &o.Subject, &o.Purpose, &o.Case, &state, &wrap); err != nil {
			t.Fatal(err)
		}
		if key, err := s.Ring.Unwrap(o, wrap); err == nil {
			keys[o.Dossier] = held{o.Subject, state, key}
		}
	}
	if err := rows.Err(); err != nil || len(keys) == 0 {
		t.Fatalf("%d keys open, %v", len(keys), err)
	}
	for _, f := range personal.All() {
		if f.Kind != personal.Sealed {
			continue
		}
		Cells(t, raw, f, func(cells []any, sealed []byte) {
			id, err := seal.ValueDossier(sealed)
			if err != nil {
				t.Errorf("%s: %v", f.Name(), err)
			}
			if h, ok := keys[id]; ok {
				if text, ok := OpenAnywhere(h.key, f.Table, f.Column, cells, sealed); ok {
					out = append(out, Value{f, h.subject, h.state, text})
				} else {
					t.Errorf("%s: a value does not open with its own key", f.Name())
				}
			}
		})
	}
	return out
}

// Cells gives each row of a field's table that has a value, and the value.
func Cells(t testing.TB, raw *sql.DB, f personal.Field, each func(cells []any, sealed []byte)) {
	t.Helper()
	rows, err := raw.Query(`SELECT * FROM ` + f.Table + ` WHERE ` + f.Column + ` IS NOT NULL`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		cells, at := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			at[i] = &cells[i]
		}
		if err := rows.Scan(at...); err != nil {
			t.Fatal(err)
		}
		sealed, ok := cells[slices.Index(names, f.Column)].([]byte)
		if !ok {
			t.Fatalf("%s is no sealed value", f.Name())
		}
		each(cells, sealed)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// OpenAnywhere opens a value of a row with a key, in whichever way the row is named.
func OpenAnywhere(key *seal.Dossier, table, column string, cells []any, sealed []byte) ([]byte, bool) {
	for _, row := range Places(cells) {
		if text, err := key.Open(seal.Place{Table: table, Column: column, Row: row}, sealed); err == nil {
			return text, true
		}
	}
	return nil, false
}

// Places are the ways in which a row may be named. Where a value stands is made of
// the row's other columns, each field in its own way, so all of these are tried.
func Places(cells []any) []string {
	var texts []string
	for _, c := range cells {
		switch c := c.(type) {
		case string:
			texts = append(texts, c)
		case int64:
			texts = append(texts, fmt.Sprint(c))
		}
	}
	out := slices.Clone(texts)
	for _, a := range texts {
		for _, b := range texts {
			out = append(out, a+"/"+b, a+"/"+b+"/more", a+"/"+b+"/last")
		}
	}
	return out
}
