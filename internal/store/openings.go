package store

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// ErrNoOpening means that nobody has asked to look under a reference.
var ErrNoOpening = fault.New(fault.NotFound, "Nobody has asked to open anything under this reference.")

// maxOpenings bounds how many are listed.
const maxOpenings = 100

// Opening is somebody's wish to look at what is kept though it is shut.
type Opening struct {
	Reference string
	Subject   string
	Case      string
	Purpose   personal.Purpose // empty for everything of the case that is kept
	Order     order.Number     // what the case is, if it is an order
	AskedBy   string           // as the ledger writes it
	AllowedBy string           // "" while nobody has
	AskedAt   time.Time
	EndsAt    time.Time    // until when it may be shown
	ShownAt   time.Time    // zero before
	Reason    contact.Note // zero unless it was asked for
}

// Openable reports whether dossiers of a purpose are opened so. What somebody
// signs in with is nobody's to look at, and reasons are read where they belong.
func Openable(p personal.Purpose) bool {
	return Holdable(p) && p != personal.Rights && p != personal.Staff
}

// Kept lists the dossiers of a case that law or a legal hold keeps; with a purpose,
// those of that alone.
func (v *View) Kept(subject, caseID string, p personal.Purpose) (out []DueDossier, err error) {
	rows, err := v.rows(`SELECT subject, id, case_id, purpose FROM dossiers WHERE subject = $1 AND case_id = $2 AND (purpose = $3 OR $3 = '')
		AND state <> 'destroyed' AND (state = 'restricted' OR held_until > $4) ORDER BY purpose, id`+v.forShare(), subject, caseID, string(p), ms(v.now))
	if err != nil {
		return nil, fmt.Errorf("list what is kept of a case: %w", err)
	}
	list, err := scanDue(rows)
	for _, d := range list {
		if Openable(d.Purpose) {
			out = append(out, d)
		}
	}
	return out, err
}

// AskOpening keeps a wish to look. The reason is sealed for the subject's rights:
// whose data it is may ask who looked, and why.
func (t *Tx) AskOpening(o Opening) error {
	terms, err := personal.TermsOf(personal.Rights)
	if err != nil {
		return err
	}
	box, err := t.dossier(o.Subject, personal.Rights, o.Reference, terms.Keep.After(t.now))
	if err != nil {
		return err
	}
	s := sealer{row: o.Reference}
	sealed := put(&s, box, personal.OpeningReason, o.Reason)
	if s.err != nil {
		return fmt.Errorf("seal why somebody wants to look: %w", s.err)
	}
	if err := t.later("keep a wish to look", nil, `INSERT INTO openings (owner, id, case_id, purpose, reason, asked_by, asked_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		o.Subject, o.Reference, o.Case, string(o.Purpose), sealed, t.actor.String(), ms(t.now), ms(o.EndsAt)); err != nil {
		return err
	}
	return t.Event("opening.asked", o.Subject, o.Reference, "")
}

const openingColumns = `p.owner, p.id, p.case_id, p.purpose, COALESCE(o.number, ''), p.asked_by, p.allowed_by, p.asked_at, p.ends_at, p.shown_at
	FROM openings p LEFT JOIN orders o ON o.owner = p.owner AND o.id = p.case_id`

func scanOpening(r row) (o Opening, err error) {
	var asked, ends, shown int64
	err = r.Scan(&o.Subject, &o.Reference, &o.Case, &o.Purpose, &o.Order, &o.AskedBy, &o.AllowedBy, &asked, &ends, &shown)
	o.AskedAt, o.EndsAt, o.ShownAt = when(asked), when(ends), since(shown)
	return o, err
}

// Opening reads a wish to look, without its reason.
func (v *View) Opening(reference string) (Opening, error) {
	o, err := scanOpening(v.row(`SELECT `+openingColumns+` WHERE p.id = $1`, reference))
	if errors.Is(err, sql.ErrNoRows) {
		return o, ErrNoOpening
	}
	if err != nil {
		return o, fmt.Errorf("read a wish to look: %w", err)
	}
	return o, nil
}

// Openings lists the newest wishes to look, without their reasons.
func (v *View) Openings() (out []Opening, err error) {
	rows, err := v.rows(`SELECT `+openingColumns+` ORDER BY p.asked_at DESC, p.id LIMIT $1`, maxOpenings)
	if err != nil {
		return nil, fmt.Errorf("list wishes to look: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanOpening(rows)
		if err != nil {
			return nil, fmt.Errorf("list wishes to look: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// OpeningReason opens why somebody wants to look; it is zero when that has ended.
func (v *View) OpeningReason(o Opening) (contact.Note, error) {
	var sealed []byte
	if err := v.row(`SELECT reason FROM openings WHERE owner = $1 AND id = $2`, o.Subject, o.Reference).Scan(&sealed); err != nil {
		return contact.Note{}, fmt.Errorf("read why somebody wants to look: %w", err)
	}
	f, err := v.folder(o.Subject, o.Reference)
	if err != nil {
		return contact.Note{}, err
	}
	box := f.open(personal.Rights)
	if box.Key == nil && !f.clear {
		return contact.Note{}, nil
	}
	s := sealer{row: o.Reference}
	return get(&s, box, personal.OpeningReason, sealed), s.err
}

// AllowOpening notes who let somebody look. It reports false when another one was
// quicker.
func (t *Tx) AllowOpening(o Opening) (bool, error) {
	n, err := t.exec(`UPDATE openings SET allowed_by = $3 WHERE owner = $1 AND id = $2 AND allowed_by = ''`, o.Subject, o.Reference, t.actor.String())
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.Event("opening.allowed", o.Subject, o.Reference, "")
}

// OpeningShown notes that somebody is shown what they wanted to see, once: false
// when that has been.
func (t *Tx) OpeningShown(o Opening, list []DueDossier) (bool, error) {
	n, err := t.exec(`UPDATE openings SET shown_at = $3 WHERE owner = $1 AND id = $2 AND allowed_by <> '' AND shown_at = 0`, o.Subject, o.Reference, ms(t.now))
	if err != nil || n == 0 {
		return false, err
	}
	for _, d := range list {
		if err := t.Event(revealed, o.Subject, d.ID, How(string(d.Purpose))); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Shown is a value as it is shown, under the label of the register.
type Shown struct {
	Purpose personal.Purpose
	Label   string
	Text    string
}

// Show opens everything that the register says is sealed under a dossier, even
// when that is restricted or past its date. It is for the one who was allowed to
// look, after the event; everybody else goes by the folder.
func (t *Tx) Show(d DueDossier) (out []Shown, err error) {
	var wrap []byte
	err = t.row(`SELECT wrap FROM dossiers WHERE subject = $1 AND case_id = $2 AND purpose = $3 AND id = $4 AND state <> 'destroyed'`, d.Subject, d.Case, string(d.Purpose), d.ID).Scan(&wrap)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoDossier
	}
	if err != nil {
		return nil, fmt.Errorf("read a dossier: %w", err)
	}
	key, err := t.db.ring.Unwrap(seal.Owner{Dossier: d.ID, Subject: d.Subject, Purpose: string(d.Purpose), Case: d.Case}, wrap)
	if err != nil {
		return nil, fmt.Errorf("open dossier %s: %w", d.ID, err)
	}
	defer key.Destroy()
	box := personal.Dossier{Purpose: d.Purpose, Key: key}
	fields := sealedFields(d.Purpose)
	for _, table := range slices.Sorted(maps.Keys(fields)) {
		list, err := t.showTable(box, d, table, fields[table])
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func (t *Tx) showTable(box personal.Dossier, d DueDossier, table string, fields []personal.Field) (out []Shown, err error) {
	s, value := standings()[table], d.Case
	columns := make([]string, 0, len(fields))
	for _, f := range fields {
		columns = append(columns, f.Column)
	}
	switch s.by {
	case "owner":
		value = d.Subject
	case "dossier":
		value = d.ID
	}
	slices.Sort(columns)
	rows, err := t.rows(`SELECT `+s.row+`, `+strings.Join(columns, ", ")+` FROM `+table+` WHERE owner = $1 AND `+s.by+` = $2 ORDER BY 1`, d.Subject, value)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		sealed := make([][]byte, len(columns))
		into := []any{&name}
		for i := range sealed {
			into = append(into, &sealed[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		for i, column := range columns {
			if sealed[i] == nil {
				continue
			}
			label, text, err := personal.Show(table, column, box, name, sealed[i])
			if err != nil {
				return nil, err
			}
			out = append(out, Shown{d.Purpose, label, text})
		}
	}
	return out, rows.Err()
}
