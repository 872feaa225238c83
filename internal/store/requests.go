package store

import (
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// RequestState is where a request stands.
type RequestState string

// The states of a request.
const (
	Waiting RequestState = "waiting" // for the end of the cool-off
	Running RequestState = "running" // begun; something waits for an order to finish, or for a hold to end
	Held    RequestState = "held"    // for a second person
	Done    RequestState = "done"
	Stopped RequestState = "stopped"
)

// Request is what a person has asked for under a right of theirs.
type Request struct {
	Reference  string // what the person keeps
	Kind       string // "erase" or "restrict"
	State      RequestState
	AskedBy    string // who entered it, as the ledger writes it; "" where nobody can tell for sure
	AllowedBy  string // the second person, where one was needed
	Shred      bool
	AskedAt    time.Time
	DueAt      time.Time
	DoneAt     time.Time // here; zero before
	Everywhere time.Time // in every copy of the journal; zero before
	Tail       int64     // the number in the journal that they must have reached
	Email      contact.Email
	Subjects   []string
	Receipt    Receipt
}

// Receipt tells what became of a request, without what was in it.
type Receipt struct {
	Erased map[personal.Purpose]int `json:"erased,omitempty"`
	Kept   []Kept                   `json:"kept,omitempty"`
}

// Kept is what outlives an erasure.
type Kept struct {
	Purpose personal.Purpose `json:"purpose"`
	Count   int              `json:"count"`
	Until   time.Time        `json:"until"` // the last of them; of what waits for an order, when its own end comes
	Why     string           `json:"why"`
}

// NewReference draws a reference: 80 random bits as 16 letters and digits.
func NewReference() string {
	b := make([]byte, 10)
	rand.Read(b)
	return base32.StdEncoding.EncodeToString(b)
}

// ParseReference reads a reference as somebody types it.
func ParseReference(s string) (string, error) {
	s = strings.ToUpper(strings.NewReplacer("-", "", " ", "", "0", "O", "1", "I", "8", "B").Replace(strings.TrimSpace(s)))
	if b, err := base32.StdEncoding.DecodeString(s); err != nil || len(b) != 10 {
		return "", fault.New(fault.Invalid, "A reference has 16 letters and digits, like ABCD-EFGH-IJKL-MNOP.")
	}
	return s, nil
}

// SpellReference writes a reference in groups of four.
func SpellReference(s string) string {
	var groups []string
	for len(s) > 4 {
		groups, s = append(groups, s[:4]), s[4:]
	}
	return strings.Join(append(groups, s), "-")
}

var errNoRequest = fault.Missing("There is no request with this reference.")

// NewRequest keeps a request. Its e-mail is sealed in a dossier of its own, which
// ends once the request has begun.
func (t *Tx) NewRequest(r Request) error {
	terms, err := personal.TermsOf(personal.Rights)
	if err != nil {
		return err
	}
	f := t.newFolder(r.Reference, r.Reference)
	if err := t.newDossiers(f, r.Reference, r.Reference, map[personal.Purpose]time.Time{personal.Rights: terms.Keep.After(t.now)}); err != nil {
		return err
	}
	s := sealer{row: r.Reference}
	sealed := put(&s, f.open(personal.Rights), personal.RequestEmail, r.Email)
	if s.err != nil {
		return fmt.Errorf("seal request: %w", s.err)
	}
	err = t.later("keep request", nil, `INSERT INTO requests (owner, kind, state, asked_by, allowed_by, shred, asked_at, due_at, done_at, tail, everywhere_at, email, receipt)
		VALUES ($1, $2, $3, $4, '', $5, $6, $7, 0, 0, 0, $8, '{}')`, r.Reference, r.Kind, string(r.State), r.AskedBy, r.Shred, ms(t.now), ms(r.DueAt), sealed)
	if err != nil {
		return err
	}
	if err := t.NameSubjects(r.Reference, r.Subjects); err != nil {
		return err
	}
	return t.Event("request.asked", "", r.Reference, How(r.Kind))
}

// NameSubjects says whose dossiers a request is about, beside those it knows.
func (t *Tx) NameSubjects(reference string, subjects []string) error {
	for page := range slices.Chunk(subjects, many) {
		var pairs []any
		for _, s := range texts(page) {
			pairs = append(pairs, reference, s)
		}
		if err := t.later("keep whom a request is about", nil, `INSERT INTO request_subjects (owner, subject) `+tuples(0, 2)+` ON CONFLICT (owner, subject) DO NOTHING`, pairs...); err != nil {
			return err
		}
	}
	return nil
}

// Request reads a request, in a transaction with a lock. Its e-mail is zero once
// it has begun.
func (v *View) Request(reference string) (Request, error) {
	r := Request{Reference: reference}
	var asked, due, done, everywhere int64
	var sealed []byte
	var receipt string
	err := v.row(`SELECT kind, state, asked_by, allowed_by, shred, asked_at, due_at, done_at, tail, everywhere_at, email, receipt FROM requests WHERE owner = $1`+v.forUpdate(), reference).
		Scan(&r.Kind, &r.State, &r.AskedBy, &r.AllowedBy, &r.Shred, &asked, &due, &done, &r.Tail, &everywhere, &sealed, &receipt)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errNoRequest
	}
	if err != nil {
		return r, fmt.Errorf("read request: %w", err)
	}
	r.AskedAt, r.DueAt, r.DoneAt, r.Everywhere = when(asked), when(due), since(done), since(everywhere)
	if err := json.Unmarshal([]byte(receipt), &r.Receipt); err != nil {
		return r, fmt.Errorf("read receipt: %w", err)
	}
	rows, err := v.rows(`SELECT subject FROM request_subjects WHERE owner = $1 ORDER BY subject`, reference)
	if err != nil {
		return r, fmt.Errorf("read whom a request is about: %w", err)
	}
	if r.Subjects, err = column[string](rows); err != nil || sealed == nil {
		return r, err
	}
	f, err := v.folder(reference, reference)
	if err != nil {
		return r, err
	}
	box := f.open(personal.Rights)
	if box.Key == nil && !f.clear {
		return r, nil
	}
	s := sealer{row: reference}
	r.Email = get(&s, box, personal.RequestEmail, sealed)
	return r, s.err
}

// DueRequests lists the requests that may go on now, the oldest first.
func (v *View) DueRequests() ([]string, error) {
	rows, err := v.rows(`SELECT owner FROM requests WHERE state IN ('waiting', 'running', 'held') AND due_at <= $1 ORDER BY due_at, owner`, ms(v.now))
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return column[string](rows)
}

// Requests lists the newest requests.
func (v *View) Requests(limit int) ([]string, error) {
	rows, err := v.rows(`SELECT owner FROM requests ORDER BY asked_at DESC, owner LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return column[string](rows)
}

// SaveRequest keeps where a request stands.
func (t *Tx) SaveRequest(r Request) error {
	receipt, err := json.Marshal(r.Receipt)
	if err != nil {
		return err
	}
	return t.later("save request", nil, `UPDATE requests SET state = $2, allowed_by = $3, due_at = $4, done_at = $5, tail = $6, receipt = $7 WHERE owner = $1`,
		r.Reference, string(r.State), r.AllowedBy, ms(r.DueAt), stamp(r.DoneAt), r.Tail, string(receipt))
}

// BeginRequest forgets who asked: from now on the request is about subjects
// alone. Until the given time a keyed hash of the e-mail tells that there was one.
func (t *Tx) BeginRequest(r Request) error {
	if r.Email.IsZero() {
		return nil
	}
	terms, err := personal.TermsOf(personal.Rights)
	if err != nil {
		return err
	}
	mac := t.db.forgottenMac(r.Email)
	if err := t.later("remember that there was an erasure", nil, `INSERT INTO forgotten (mac, request, until_at) VALUES ($1, $2, $3) ON CONFLICT (mac, request) DO NOTHING`,
		mac, r.Reference, ms(terms.Keep.After(t.now))); err != nil {
		return err
	}
	return t.ForgetAsker(r.Reference)
}

// ForgetAsker destroys the e-mail of a request.
func (t *Tx) ForgetAsker(reference string) error {
	if err := t.wished(reference, reference, personal.Rights); err != nil {
		return err
	}
	if err := t.endCase(reference, reference, personal.Rights); err != nil {
		return err
	}
	return t.later("forget who asked", nil, `UPDATE requests SET email = NULL WHERE owner = $1`, reference)
}

// EndRequest ends a request: it is about nobody any more.
func (t *Tx) EndRequest(r Request) error {
	if err := t.ForgetAsker(r.Reference); err != nil {
		return err
	}
	if err := t.later("end request", nil, `DELETE FROM request_subjects WHERE owner = $1`, r.Reference); err != nil {
		return err
	}
	return t.SaveRequest(r)
}

// CopiesReached notes that every copy of the journal has come to a number, and
// returns how many requests are thereby done everywhere.
func (t *Tx) CopiesReached(number int64) (int64, error) {
	return t.exec(`UPDATE requests SET everywhere_at = $1 WHERE state = 'done' AND kind = 'erase' AND everywhere_at = 0 AND tail <= $2`, ms(t.now), number)
}

// SomewhereMissing reports whether a request that is done here waits for a copy
// of the journal.
func (v *View) SomewhereMissing() (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM requests WHERE state = 'done' AND kind = 'erase' AND everywhere_at = 0`).Scan(&n)
	return n > 0, err
}

func (db *DB) forgottenMac(e contact.Email) []byte {
	mac := db.keys.Token.Sum("forgotten v1", []byte(e.Key()))
	return mac[:]
}

// Forgotten finds the references of the erasures that one e-mail has had, the
// newest first.
func (v *View) Forgotten(e contact.Email) ([]string, error) {
	rows, err := v.rows(`SELECT f.request FROM forgotten f JOIN requests r ON r.owner = f.request WHERE f.mac = $1 AND f.until_at > $2 ORDER BY r.asked_at DESC`, v.db.forgottenMac(e), ms(v.now))
	if err != nil {
		return nil, fmt.Errorf("look for an erasure: %w", err)
	}
	return column[string](rows)
}

// ForgetRequests removes what is left of up to limit requests that ended before
// a time, and the hashes whose own time has come.
func (t *Tx) ForgetRequests(before time.Time, limit int) (int, error) {
	if _, err := t.exec(`DELETE FROM forgotten WHERE until_at <= $1`, ms(t.now)); err != nil {
		return 0, fmt.Errorf("forget erasures: %w", err)
	}
	n, err := t.exec(`DELETE FROM requests WHERE owner IN (SELECT owner FROM requests WHERE state IN ('done', 'stopped') AND done_at < $1 ORDER BY done_at LIMIT $2)`, ms(before), limit)
	if err != nil {
		return 0, fmt.Errorf("forget requests: %w", err)
	}
	return int(n), nil
}
