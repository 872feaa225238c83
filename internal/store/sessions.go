package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Session is one browser in which somebody has proved something. One that
// stands on the lowest rung has proved the first of two factors and opens
// nothing yet.
type Session struct {
	Owner    string
	ID       string // a hash of its token
	Name     string // what its list calls it
	Device   string // the known device it runs on; "" for none
	Level    access.Level
	MadeAt   time.Time
	SeenAt   time.Time
	StrongAt time.Time // two factors were proved; zero when not
	FreshAt  time.Time // the last proof; zero when a device stood in for one; of half a session, when a passkey began it
	EndsAt   time.Time
	Agent    string // "Firefox on Linux"
}

// errNoSession says the same of a session that never was, has ended, or does
// not hold together.
var errNoSession = fault.Missing("You are not signed in.")

// SessionID is the id of the session with a token.
func SessionID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sessionParts is what the mac of a session binds together.
func sessionParts(s Session, role access.Role, token string) [][]byte {
	var n [40]byte
	binary.BigEndian.PutUint64(n[0:], uint64(s.Level))
	for i, at := range []time.Time{s.MadeAt, s.StrongAt, s.FreshAt, s.EndsAt} {
		binary.BigEndian.PutUint64(n[8+8*i:], uint64(stamp(at)))
	}
	return [][]byte{[]byte(token), []byte(s.Owner), []byte(s.Name), []byte(s.Device), []byte(role), n[:]}
}

// stamp is a time as kept, zero for none.
func stamp(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return ms(at)
}

const sessionLabel = "session v2"

// maxSessions bounds where one account is signed in; the oldest ends.
const maxSessions = 50

// NewSession keeps a session that the browser with this token is in.
func (t *Tx) NewSession(a Account, s Session, token string) error {
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	s.ID = SessionID(token)
	mac := t.db.keys.Token.Sum(sessionLabel, sessionParts(s, a.Role, token)...)
	seal := sealer{row: s.ID}
	agent := put(&seal, box, personal.SessionAgent, s.Agent)
	if seal.err != nil {
		return fmt.Errorf("seal session: %w", seal.err)
	}
	// Half sessions have a bound of their own: they take the password alone.
	least, most := s.Level, s.Level
	if s.Level > access.Guest {
		least, most = access.Guest+1, math.MaxInt
	}
	_, err = t.exec(`DELETE FROM sessions WHERE owner = $1 AND id IN (SELECT id FROM sessions WHERE owner = $1 AND level >= $2 AND level <= $3 ORDER BY made_at DESC, id LIMIT 100 OFFSET $4)`,
		s.Owner, int64(least), int64(most), maxSessions-1)
	if err != nil {
		return fmt.Errorf("end old sessions: %w", err)
	}
	return t.later("new session", nil, `INSERT INTO sessions (owner, id, name, device, level, made_at, seen_at, strong_at, fresh_at, ends_at, mac, agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		s.Owner, s.ID, s.Name, s.Device, int64(s.Level), ms(s.MadeAt), ms(s.SeenAt), stamp(s.StrongAt), stamp(s.FreshAt), ms(s.EndsAt), mac[:], agent)
}

// Signed is a session with what its account says meanwhile.
type Signed struct {
	Session
	Role   access.Role
	State  AccountState
	Strong bool // see View.Strong
}

// Signed finds the session of a token and holds it together: a row that was
// written or changed by somebody without the shop's key is none.
func (v *View) Signed(owner, token string) (Signed, error) {
	s := Signed{Session: Session{Owner: owner, ID: SessionID(token)}}
	var level, made, seen, strong, fresh, ends int64
	var mac []byte
	err := v.row(`SELECT s.name, s.device, s.level, s.made_at, s.seen_at, s.strong_at, s.fresh_at, s.ends_at, s.mac, a.role, a.state, `+strongIs+`
		FROM sessions s JOIN accounts a ON a.owner = s.owner WHERE s.owner = $1 AND s.id = $2`, owner, s.ID).
		Scan(&s.Name, &s.Device, &level, &made, &seen, &strong, &fresh, &ends, &mac, &s.Role, &s.State, &s.Strong)
	if errors.Is(err, sql.ErrNoRows) {
		return Signed{}, errNoSession
	}
	if err != nil {
		return Signed{}, fmt.Errorf("read session: %w", err)
	}
	s.Level = access.Level(level)
	s.MadeAt, s.SeenAt, s.StrongAt, s.FreshAt, s.EndsAt = when(made), when(seen), since(strong), since(fresh), when(ends)
	if !v.db.keys.Token.Matches(mac, sessionLabel, sessionParts(s.Session, s.Role, token)...) || !s.EndsAt.After(v.now) || s.State != AccountOpen {
		return Signed{}, errNoSession
	}
	if err := v.Guarded(owner); errors.Is(err, ErrTampered) || errors.Is(err, ErrNoAccount) {
		return Signed{}, errNoSession // whoever is in may be the one who changed it
	} else if err != nil {
		return Signed{}, err
	}
	return s, nil
}

// CSRF is what a form of a session carries: a keyed hash of its token.
func (db *DB) CSRF(token string) string {
	mac := db.keys.Token.Sum("form v1", []byte(token))
	return base64.RawURLEncoding.EncodeToString(mac[:])
}

// TouchSession remembers that a session was used, and on which rung it stands
// from now on.
func (t *Tx) TouchSession(s Signed, token string) error {
	mac := t.db.keys.Token.Sum(sessionLabel, sessionParts(s.Session, s.Role, token)...)
	return t.later("touch session", nil, `UPDATE sessions SET seen_at = $3, level = $4, mac = $5 WHERE owner = $1 AND id = $2`,
		s.Owner, s.ID, ms(t.now), int64(s.Level), mac[:])
}

// StillIn fails when a session of an account, by its id, has ended meanwhile.
func (t *Tx) StillIn(a Account, id string) error {
	var n int64
	err := t.row(`SELECT count(*) FROM sessions WHERE owner = $1 AND id = $2 AND ends_at > $3`, a.ID, id, ms(t.now)).Scan(&n)
	if err == nil && (n == 0 || a.State != AccountOpen) {
		err = errNoSession
	}
	return err
}

// EndSession ends one session by its id and reports whether it was there.
func (t *Tx) EndSession(owner, id string) (bool, error) {
	n, err := t.exec(`DELETE FROM sessions WHERE owner = $1 AND id = $2`, owner, id)
	return n > 0, err
}

// EndNamedSession ends one of somebody's sessions by the name in its list.
func (t *Tx) EndNamedSession(owner, name string) (bool, error) {
	n, err := t.exec(`DELETE FROM sessions WHERE owner = $1 AND name = $2`, owner, name)
	return n > 0, err
}

// EndSessions ends every session of an account but one, "" for all.
func (t *Tx) EndSessions(owner, but string) (int64, error) {
	n, err := t.exec(`DELETE FROM sessions WHERE owner = $1 AND id <> $2`, owner, but)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}

// Sessions lists where somebody is signed in, the last used first.
func (v *View) Sessions(owner string) ([]Session, error) {
	box, err := v.safe(owner)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT id, name, device, level, made_at, seen_at, strong_at, fresh_at, ends_at, agent FROM sessions WHERE owner = $1 AND ends_at > $2 AND level > $3 ORDER BY seen_at DESC`,
		owner, ms(v.now), int64(access.Guest))
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	var out []Session
	for rows.Next() {
		s := Session{Owner: owner}
		var level, made, seen, strong, fresh, ends int64
		var agent []byte
		if err := rows.Scan(&s.ID, &s.Name, &s.Device, &level, &made, &seen, &strong, &fresh, &ends, &agent); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		s.Level, s.MadeAt, s.SeenAt, s.StrongAt, s.FreshAt, s.EndsAt = access.Level(level), when(made), when(seen), since(strong), since(fresh), when(ends)
		seal := sealer{row: s.ID}
		if s.Agent = get(&seal, box, personal.SessionAgent, agent); seal.err != nil {
			return nil, seal.err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// SweepSessions forgets sessions that have ended.
func (t *Tx) SweepSessions() error {
	_, err := t.exec(`DELETE FROM sessions WHERE ends_at < $1`, ms(t.now))
	return err
}
