package store

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Signup is somebody who has typed an address that is not proved yet. It
// belongs to the challenge that proves it, and ends with it.
type Signup struct {
	ID       string // of its challenge, and its subject
	Email    contact.Email
	Password []byte // a hash; nil when none was chosen
}

// signupEnds is when the key of a signup goes if no sweep came before.
const signupEnds = 2 * challengeKept

// NewSignup keeps a signup.
func (t *Tx) NewSignup(s Signup) error {
	f := t.newFolder(s.ID, s.ID)
	if err := t.newDossiers(f, s.ID, s.ID, map[personal.Purpose]time.Time{personal.Security: t.now.Add(signupEnds)}); err != nil {
		return err
	}
	seal, box := sealer{row: s.ID}, f.open(personal.Security)
	email, password := put(&seal, box, personal.SignupEmail, s.Email), put(&seal, box, personal.SignupPassword, s.Password)
	if seal.err != nil {
		return fmt.Errorf("seal signup: %w", seal.err)
	}
	return t.later("keep signup", nil, `INSERT INTO signups (owner, email, password, made_at) VALUES ($1, $2, $3, $4)`, s.ID, email, password, ms(t.now))
}

// Signup opens a signup.
func (v *View) Signup(id string) (Signup, error) {
	s := Signup{ID: id}
	var email, password []byte
	err := v.row(`SELECT email, password FROM signups WHERE owner = $1`, id).Scan(&email, &password)
	if errors.Is(err, sql.ErrNoRows) {
		return Signup{}, errNoChallenge
	}
	if err != nil {
		return Signup{}, fmt.Errorf("read signup: %w", err)
	}
	f, err := v.folder(id, id)
	if err != nil {
		return Signup{}, err
	}
	seal, box := sealer{row: id}, f.open(personal.Security)
	if box.Key == nil && !f.clear {
		return Signup{}, errNoChallenge
	}
	s.Email, s.Password = get(&seal, box, personal.SignupEmail, email), get(&seal, box, personal.SignupPassword, password)
	return s, seal.err
}

// EndSignup destroys the key of a signup and removes it.
func (t *Tx) EndSignup(id string) error {
	if err := t.endCase(id, id, personal.Security); err != nil {
		return err
	}
	return t.later("remove signup", nil, `DELETE FROM signups WHERE owner = $1`, id)
}

// SweepSignups ends signups that nobody finished.
func (t *Tx) SweepSignups(limit int) error {
	rows, err := t.rows(`SELECT owner FROM signups WHERE made_at < $1 ORDER BY made_at LIMIT $2`, ms(t.now.Add(-challengeKept)), limit)
	if err != nil {
		return fmt.Errorf("list old signups: %w", err)
	}
	old, err := column[string](rows)
	if err != nil {
		return fmt.Errorf("list old signups: %w", err)
	}
	for _, id := range old {
		if err := t.EndSignup(id); err != nil {
			return err
		}
	}
	return nil
}

// MailboxName names a mailbox for the budget of codes that are sent to it
// before it has an account: a keyed hash.
func (db *DB) MailboxName(e contact.Email) string {
	mac := db.keys.Token.Sum("mailbox of codes v1", []byte(e.Key()))
	return "mailbox:" + base64.RawURLEncoding.EncodeToString(mac[:])
}
