package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// Challenge is a code that was asked for. One without an Object is a decoy:
// nothing was sent and nothing opens it.
type Challenge struct {
	ID      string
	Purpose challenge.Purpose
	Subject string // whose thing it opens
	Object  string // the id of that thing
	MadeAt  time.Time
}

var errNoChallenge = fault.Missing("This page has ended. Please ask for a new code.")

// challengeKept is how long a challenge is remembered after it was made, for
// the budget of its object.
const challengeKept = 24 * time.Hour

// Code is the code of a challenge: a keyed hash of its id, so that it is never
// stored.
func (db *DB) Code(c Challenge) challenge.Code {
	mac := db.keys.Token.Sum("challenge code v1", []byte(c.ID), []byte(c.Purpose))
	return challenge.Of(mac[:])
}

func (db *DB) browserMAC(id, token string) []byte {
	mac := db.keys.Token.Sum("challenge browser v1", []byte(id), []byte(token))
	return mac[:]
}

// NewChallenge keeps a challenge that only the browser with this token can answer.
func (t *Tx) NewChallenge(c Challenge, token string) error {
	return t.later("new challenge", nil, `INSERT INTO challenges (owner, purpose, subject, object, browser_mac, tries, made_at, used_at) VALUES ($1, $2, $3, $4, $5, 0, $6, 0)`,
		c.ID, string(c.Purpose), c.Subject, c.Object, t.db.browserMAC(c.ID, token), ms(t.now))
}

// ChallengesOf counts the challenges about one thing that were made since.
func (v *View) ChallengesOf(object string, since time.Time) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM challenges WHERE object = $1 AND made_at > $2`, object, ms(since)).Scan(&n)
	return n, err
}

// Challenge returns a challenge that can still be answered.
func (v *View) Challenge(id string) (Challenge, error) {
	c, _, err := v.challenge(id)
	return c, err
}

func (v *View) challenge(id string) (c Challenge, mac []byte, err error) {
	c.ID = id
	var made, used, tries int64
	err = v.row(`SELECT purpose, subject, object, browser_mac, tries, made_at, used_at FROM challenges WHERE owner = $1`+v.forUpdate(), id).
		Scan(&c.Purpose, &c.Subject, &c.Object, &mac, &tries, &made, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return Challenge{}, nil, errNoChallenge
	}
	if err != nil {
		return Challenge{}, nil, fmt.Errorf("read challenge: %w", err)
	}
	c.MadeAt = when(made)
	if used != 0 || tries >= challenge.Tries || !c.MadeAt.Add(challenge.Life).After(v.now) {
		return Challenge{}, nil, errNoChallenge
	}
	return c, mac, nil
}

// Answer counts one try at a challenge and reports whether it was right; then
// the challenge is used up. The transaction must be kept whatever it reports:
// a try that is undone is a try for nothing. A challenge that has ended, or
// whose browser is another one, is not there.
func (t *Tx) Answer(id, token string, typed challenge.Code) (Challenge, bool, error) {
	c, mac, err := t.challenge(id)
	if err != nil {
		return Challenge{}, false, err
	}
	if !t.db.keys.Token.Matches(mac, "challenge browser v1", []byte(id), []byte(token)) {
		return Challenge{}, false, errNoChallenge
	}
	right := c.Object != "" && t.db.Code(c).Is(typed)
	used := int64(0)
	if right {
		used = ms(t.now)
	}
	n, err := t.exec(`UPDATE challenges SET tries = tries + 1, used_at = $2 WHERE owner = $1 AND used_at = 0`, id, used)
	if err != nil {
		return Challenge{}, false, fmt.Errorf("count a try: %w", err)
	}
	return c, right && n == 1, nil
}

// SweepChallenges forgets the challenges that no budget counts any more.
func (t *Tx) SweepChallenges() error {
	_, err := t.exec(`DELETE FROM challenges WHERE made_at < $1`, ms(t.now.Add(-challengeKept)))
	return err
}
