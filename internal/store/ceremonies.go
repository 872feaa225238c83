package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Ceremony is what the shop remembers between the two requests of a passkey.
type Ceremony struct {
	ID      string
	Purpose string // what its end opens
	Account string // "" where the passkey says who it is
	State   []byte
}

// ceremonyKept is how long one is remembered; it works for less (package passkey).
const ceremonyKept = 15 * time.Minute

var errNoCeremony = fault.New(fault.Invalid, "That took too long. Please try the passkey again.")

// NewCeremony keeps a ceremony that only the browser with this token can end.
func (t *Tx) NewCeremony(c Ceremony, token string) error {
	mac := t.db.keys.Token.Sum(ceremonyLabel, c.bound(t.now, token)...)
	return t.later("keep ceremony", nil, `INSERT INTO ceremonies (owner, purpose, account, state, browser_mac, made_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, 0)`,
		c.ID, c.Purpose, c.Account, c.State, mac[:], ms(t.now))
}

const ceremonyLabel = "ceremony browser v2"

// bound is what the mac of a ceremony binds together.
func (c Ceremony) bound(made time.Time, token string) [][]byte {
	return [][]byte{[]byte(c.ID), []byte(token), []byte(c.Purpose), []byte(c.Account), c.State, number(ms(made))}
}

// UseCeremony returns a ceremony once, to the browser that began it, for the
// purpose it was begun for.
func (t *Tx) UseCeremony(id, token, purpose string) (Ceremony, error) {
	c := Ceremony{ID: id, Purpose: purpose}
	var mac []byte
	var made int64
	err := t.row(`SELECT account, state, browser_mac, made_at FROM ceremonies WHERE owner = $1 AND purpose = $2 AND used_at = 0 AND made_at > $3`, id, purpose, ms(t.now.Add(-ceremonyKept))).Scan(&c.Account, &c.State, &mac, &made)
	if errors.Is(err, sql.ErrNoRows) {
		return Ceremony{}, errNoCeremony
	}
	if err != nil {
		return Ceremony{}, fmt.Errorf("read ceremony: %w", err)
	}
	if !t.db.keys.Token.Matches(mac, ceremonyLabel, c.bound(when(made), token)...) {
		return Ceremony{}, errNoCeremony
	}
	n, err := t.exec(`UPDATE ceremonies SET used_at = $2 WHERE owner = $1 AND used_at = 0`, id, ms(t.now))
	if err == nil && n == 0 {
		err = errNoCeremony
	}
	return c, err
}

// SweepCeremonies forgets old ceremonies.
func (t *Tx) SweepCeremonies() error {
	_, err := t.exec(`DELETE FROM ceremonies WHERE made_at < $1`, ms(t.now.Add(-ceremonyKept)))
	return err
}
