package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// folder is all dossiers about one subject in one case, opened for one
// transaction and wiped at its end.
type folder struct {
	dossiers map[personal.Purpose]personal.Dossier
	ids      map[personal.Purpose]string
	ended    map[personal.Purpose]bool // destroyed, restricted or due: nothing may be sealed there
	others   map[string]*seal.Dossier  // by id: see View.other
	clear    bool
}

// open returns the dossier of a purpose. Of one that is gone it returns an
// empty dossier, which opens nothing.
func (f *folder) open(p personal.Purpose) personal.Dossier {
	if d, ok := f.dossiers[p]; ok {
		return d
	}
	return personal.Dossier{Purpose: p, Clear: f.clear}
}

// folder opens the dossiers of (subject, case). Destroyed ones stay shut: what
// was sealed under them is gone.
func (v *View) folder(subject, caseID string) (*folder, error) {
	name := subject + "/" + caseID
	if f, ok := v.folders[name]; ok {
		return f, nil
	}
	f := v.newFolder(subject, caseID)
	if !f.clear {
		if err := v.fill(f, subject, caseID); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// newFolder is the folder of a case that has no dossier yet.
func (v *View) newFolder(subject, caseID string) *folder {
	f := &folder{dossiers: map[personal.Purpose]personal.Dossier{}, ids: map[personal.Purpose]string{}, ended: map[personal.Purpose]bool{}, clear: v.db.plain}
	if v.folders == nil {
		v.folders = map[string]*folder{}
	}
	v.folders[subject+"/"+caseID] = f
	return f
}

func (v *View) fill(f *folder, subject, caseID string) error {
	rows, err := v.rows(`SELECT `+keyColumns+` FROM dossiers WHERE subject = $1 AND case_id = $2`+v.forShare(), subject, caseID)
	if err != nil {
		return fmt.Errorf("read dossiers: %w", err)
	}
	list, err := scanKeys(rows)
	if err != nil {
		return fmt.Errorf("read dossiers: %w", err)
	}
	return v.unlock(f, subject, caseID, list)
}

// ahead opens the folders of many subjects with few statements, for who is about to
// ask for each of them.
func (v *View) ahead(subjects []string) error {
	if v.db.plain {
		return nil
	}
	for page := range slices.Chunk(subjects, many) {
		rows, err := v.rows(`SELECT `+keyColumns+` FROM dossiers WHERE subject IN `+marks(0, many)+v.forShare(), texts(page)...)
		if err != nil {
			return fmt.Errorf("read dossiers: %w", err)
		}
		list, err := scanKeys(rows)
		if err != nil {
			return fmt.Errorf("read dossiers: %w", err)
		}
		cases := map[[2]string][]keyRow{}
		for _, k := range list {
			of := [2]string{k.Subject, k.Case}
			cases[of] = append(cases[of], k)
		}
		for of, list := range cases {
			if _, open := v.folders[of[0]+"/"+of[1]]; open {
				continue
			}
			if err := v.unlock(v.newFolder(of[0], of[1]), of[0], of[1], list); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyRow is a dossier as it is stored.
type keyRow struct {
	seal.Owner
	state string
	wrap  []byte
	due   time.Time
}

const keyColumns = `subject, case_id, purpose, id, state, wrap, destroy_after`

func scanKeys(rows rows) (out []keyRow, err error) {
	defer rows.Close()
	for rows.Next() {
		var k keyRow
		var due int64
		if err := rows.Scan(&k.Subject, &k.Case, &k.Purpose, &k.Dossier, &k.state, &k.wrap, &due); err != nil {
			return nil, err
		}
		k.due = when(due)
		out = append(out, k)
	}
	return out, rows.Err()
}

// unlock opens the dossiers of a case into its folder.
func (v *View) unlock(f *folder, subject, caseID string, list []keyRow) error {
	var restricted []personal.Purpose
	for _, k := range list {
		p, due := personal.Purpose(k.Purpose), !k.due.After(v.now)
		if k.state != "open" || due {
			f.ended[p] = true
		}
		if k.wrap == nil {
			continue
		}
		f.ids[p] = k.Dossier
		if due {
			continue // it stays shut, but can still be destroyed
		}
		if k.state == "restricted" {
			restricted = append(restricted, p)
		}
		d, err := v.db.ring.Unwrap(k.Owner, k.wrap)
		if err != nil {
			return fmt.Errorf("open dossier %s: %w", k.Dossier, err)
		}
		f.dossiers[p] = personal.Dossier{Purpose: p, Key: d, Other: func(id string) (*seal.Dossier, error) { return v.other(f, subject, caseID, p, id) }}
	}
	return v.shut(f, subject, caseID, restricted)
}

// shut closes the restricted dossiers of a case again, but for those that serve
// what cannot be given up: money that may have to go back, and the delivery of an
// order that is under way (GDPR Art. 18(2)).
func (v *View) shut(f *folder, subject, caseID string, restricted []personal.Purpose) error {
	if len(restricted) == 0 {
		return nil
	}
	var open int64
	err := v.row(`SELECT count(*) FROM orders o WHERE o.owner = $1 AND o.id = $2 AND (`+underWay+` OR `+isOwed+`)`, subject, caseID, ms(v.now.Add(-openOrder))).Scan(&open)
	if err != nil {
		return fmt.Errorf("read order of a dossier: %w", err)
	}
	for _, p := range restricted {
		terms, err := personal.TermsOf(p)
		if err != nil {
			return err
		}
		if terms.Restricted == personal.Opens || terms.Restricted == personal.OpensUnderWay && open > 0 {
			continue
		}
		f.dossiers[p].Key.Destroy()
		delete(f.dossiers, p)
	}
	return nil
}

// forget wipes every key this look or transaction opened.
func (v *View) forget() {
	for _, f := range v.folders {
		f.wipe()
	}
	v.folders = nil
}

func (f *folder) wipe() {
	for _, d := range f.dossiers {
		if d.Key != nil {
			d.Key.Destroy()
		}
	}
	for _, d := range f.others {
		d.Destroy()
	}
}

// reopen lets the folder of a case be read again when it is next asked for.
func (v *View) reopen(subject, caseID string) {
	if f, ok := v.folders[subject+"/"+caseID]; ok {
		f.wipe()
		delete(v.folders, subject+"/"+caseID)
	}
}

// ErrEnded means that nothing more is sealed there: the dossier is destroyed,
// restricted or due.
var ErrEnded = fault.New(fault.Conflict, "This part of the data has been closed for good.")

// dossier opens the dossier for sealing, and makes it when there is none yet.
// It fails for one that is destroyed, restricted or due: nothing is ever
// sealed under a key that is going away. The end date of one that is there
// already moves to the given one.
func (t *Tx) dossier(subject string, p personal.Purpose, caseID string, destroyAfter time.Time) (personal.Dossier, error) {
	f, err := t.folder(subject, caseID)
	if err != nil {
		return personal.Dossier{}, err
	}
	if f.ended[p] {
		return personal.Dossier{}, ErrEnded
	}
	if _, ok := f.dossiers[p]; ok {
		err = t.keepUntil(subject, caseID, p, destroyAfter)
	} else {
		err = t.newDossiers(f, subject, caseID, map[personal.Purpose]time.Time{p: destroyAfter})
	}
	return f.open(p), err
}

// newDossiers makes one dossier for each purpose, in one statement.
func (t *Tx) newDossiers(f *folder, subject, caseID string, ends map[personal.Purpose]time.Time) error {
	if f.clear {
		return nil
	}
	var values []string
	var args []any
	for p, end := range ends {
		if end.IsZero() {
			return errors.New("a dossier needs an end date")
		}
		id := NewID()
		d, wrap, err := t.db.ring.NewDossier(seal.Owner{Dossier: id, Subject: subject, Purpose: string(p), Case: caseID})
		if err != nil {
			return fmt.Errorf("make dossier for %s: %w", p, err)
		}
		epoch, err := seal.WrapEpoch(wrap)
		if err != nil {
			return fmt.Errorf("make dossier for %s: %w", p, err)
		}
		f.dossiers[p], f.ids[p] = personal.Dossier{Purpose: p, Key: d}, id
		n := len(args)
		values = append(values, fmt.Sprintf("($%d, $%d, $%d, $%d, 'open', %s, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, t.usable(n+5), n+6, n+7, n+8))
		args = append(args, subject, id, string(p), caseID, int64(epoch), wrap, ms(t.now), ms(end))
	}
	return t.later("keep dossiers", nil, `INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after) VALUES `+strings.Join(values, ", "), args...)
}

// keepUntil moves the end date of a case's dossiers of one purpose.
func (t *Tx) keepUntil(subject, caseID string, p personal.Purpose, end time.Time) error {
	return t.later("move the end of a case", nil, `UPDATE dossiers SET destroy_after = $4`+ofCase+` AND state <> 'destroyed'`,
		subject, caseID, string(p), ms(end))
}

// ofCase is the dossiers of a subject, $1, for a case, $2, and a purpose, $3. Of
// the living there is one. It is called so, and not by its id, wherever a change
// must not miss it: the id is another once it has been sealed anew.
const ofCase = ` WHERE subject = $1 AND case_id = $2 AND purpose = $3`

// endIndexes takes out the blind indexes that lead to the dossiers of a case. It
// comes after what ends or shuts them, so that it finds what is there by then.
const endIndexes = `DELETE FROM identities WHERE subject = $1 AND dossier IN (SELECT id FROM dossiers` + ofCase + `)`

// destroy ends a dossier for good: its key, and the blind indexes that lead to
// it. One that is held stays.
func (t *Tx) destroy(d DueDossier) error {
	n, err := t.exec(`UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = $4`+ofCase+` AND state <> 'destroyed' AND held_until <= $4`, d.Subject, d.Case, string(d.Purpose), ms(t.now))
	if err != nil {
		return fmt.Errorf("destroy dossier %s: %w", d.ID, err)
	}
	if n == 0 {
		held, err := t.held(d)
		if err != nil {
			return err
		}
		if held {
			return ErrHeld
		}
	}
	if _, err := t.exec(endIndexes, d.Subject, d.Case, string(d.Purpose)); err != nil {
		return fmt.Errorf("end the indexes of dossier %s: %w", d.ID, err)
	}
	return nil
}

// endCase destroys a case's dossier of one purpose, if there is one.
func (t *Tx) endCase(subject, caseID string, p personal.Purpose) error {
	if t.db.plain {
		return nil
	}
	if f, ok := t.folders[subject+"/"+caseID]; ok {
		if d := f.dossiers[p]; d.Key != nil {
			d.Key.Destroy()
		}
		delete(f.dossiers, p)
		f.ended[p] = true
	}
	err := t.later("destroy the dossier of a case", nil, `UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = $4`+ofCase+` AND state <> 'destroyed'`, subject, caseID, string(p), ms(t.now))
	if err == nil {
		err = t.later("end the retired wraps of a case", nil, `UPDATE retired SET wrap = NULL`+ofCase+` AND wrap IS NOT NULL`, subject, caseID, string(p))
	}
	if err != nil || !indexed(p) {
		return err
	}
	// After the key: who is about to write an index row holds the dossier.
	return t.later("end the indexes of a case", nil, endIndexes, subject, caseID, string(p))
}

// indexed reports whether the register has a blind index for a purpose.
func indexed(p personal.Purpose) bool { return indexedPurposes()[p] }

var indexedPurposes = sync.OnceValue(func() map[personal.Purpose]bool {
	out := map[personal.Purpose]bool{}
	for _, f := range personal.All() {
		if f.Kind == personal.Index && f.Table == "identities" {
			out[f.Purpose] = true
		}
	}
	return out
})
