package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// Challenge is a code that was asked for, and the browser that may answer it.
// One without an Object is a decoy: nothing was sent and nothing opens it.
type Challenge struct {
	ID      string
	Purpose challenge.Purpose
	Subject string // whose thing it opens
	Object  string // the id of that thing
	CodeOf  string // the challenge whose code was mailed; "" for its own
	MadeAt  time.Time
	Lasts   time.Duration // of a long code, for how long it works; 0 for a short one
}

// Life is for how long the code of a challenge works.
func (c Challenge) Life() time.Duration {
	if c.Lasts > 0 {
		return c.Lasts
	}
	return c.Purpose.Life()
}

var errNoChallenge = fault.Missing("This page has ended. Please ask for a new code.")

// challengeKept is how long a challenge is remembered after it was made, for
// the budget of its object.
const challengeKept = 24 * time.Hour

// Code is the code of a challenge that was mailed: a keyed hash, so that it is
// never stored, over what it opens, so that who can write here can't have the
// code to one thing mailed as that to another.
func (db *DB) Code(c Challenge) challenge.Code {
	mac := db.keys.Token.Sum("challenge code v2", c.bound()...)
	if c.Lasts > 0 {
		return challenge.Long(mac[:])
	}
	return c.Purpose.Of(mac[:])
}

// bound is what a challenge is about.
func (c Challenge) bound() [][]byte {
	return [][]byte{[]byte(c.ID), []byte(c.Purpose), []byte(c.Subject), []byte(c.Object), number(stamp(c.MadeAt)), number(c.Lasts.Milliseconds())}
}

// browser is what the mac of the browser that asked binds together.
func (c Challenge) browser(token string) [][]byte {
	return append(c.bound(), []byte(c.CodeOf), []byte(token))
}

const browserLabel = "challenge browser v2"

// number is n as it is bound into a mac.
func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// NewChallenge keeps a challenge that only the browser with this token can answer.
func (t *Tx) NewChallenge(c Challenge, token string) error {
	c.MadeAt = t.now
	mac := t.db.keys.Token.Sum(browserLabel, c.browser(token)...)
	return t.later("new challenge", nil, `INSERT INTO challenges (owner, purpose, subject, object, code_of, browser_mac, tries, made_at, used_at, lasts) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0, $8)`,
		c.ID, string(c.Purpose), c.Subject, c.Object, c.CodeOf, mac[:], ms(t.now), c.Lasts.Milliseconds())
}

// CodesOf counts the codes about one thing that were mailed for a purpose since.
func (v *View) CodesOf(p challenge.Purpose, object string, since time.Time) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM challenges WHERE object = $1 AND purpose = $3 AND code_of = '' AND made_at > $2`, object, ms(since), string(p)).Scan(&n)
	return n, err
}

// LivingCode finds the code about one thing that was mailed, was not used and
// will work for a while yet, and tells whether one more browser may answer it: a
// long one rather than a short one. "" when there is none.
func (v *View) LivingCode(p challenge.Purpose, object string) (id string, room bool, err error) {
	var browsers, lasts int64
	err = v.row(`SELECT c.owner, c.lasts, 1 + (SELECT count(*) FROM challenges o WHERE o.object = $1 AND o.code_of = c.owner) FROM challenges c
		WHERE c.object = $1 AND c.purpose = $2 AND c.code_of = '' AND c.used_at = 0 AND (c.lasts = 0 AND c.made_at > $3 OR c.lasts > 0 AND c.made_at > $4)
		ORDER BY c.lasts DESC, c.made_at DESC LIMIT 1`, object, string(p), ms(v.now.Add(challenge.WorthSharing-p.Life())), ms(v.now.Add(challenge.LongWorthSharing-challenge.LongLife))).
		Scan(&id, &lasts, &browsers)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return id, lasts > 0 || browsers < challenge.Browsers, err
}

// Choose makes a challenge about an object one for the code that works already,
// or for a code of its own. Where short codes were asked for too often it is a
// long one, of which there is one at a time; where there is none for the purpose, a decoy. So who
// else asks, too often, does not lock out those whose mailbox it is. A mailbox that
// has had enough letters, about whatever, gets no short codes either: each long one
// is one letter in a day. Only where the address is nobody's yet and varied,
// see [contact.Email.Varied], the long ones count too, or there would be one for each.
func (t *Tx) Choose(c Challenge, to contact.Email, subject, object string) (Challenge, error) {
	if err := t.turn("codes", object); err != nil {
		return c, err
	}
	living, room, err := t.LivingCode(c.Purpose, object)
	if err != nil {
		return c, err
	}
	if living != "" && room {
		c.Subject, c.Object, c.CodeOf = subject, object, living
		return c, nil
	}
	hour, err := t.CodesOf(c.Purpose, object, t.now.Add(-time.Hour))
	if err != nil {
		return c, err
	}
	day, err := t.CodesOf(c.Purpose, object, t.now.Add(-24*time.Hour))
	if err != nil {
		return c, err
	}
	short := living == "" && hour < challenge.AnHour-1 && day < challenge.ADay-1
	if short && !c.Purpose.Texted() {
		if short, err = t.MayWrite(to, c.ID); err != nil {
			return c, err
		}
	}
	switch {
	case short:
	case c.Purpose.Long():
		if c.Purpose.Unknown() && to.Varied() {
			if may, err := t.MayWrite(to, c.ID); err != nil || !may {
				return c, err
			}
		}
		c.Lasts = challenge.LongLife
	case c.Purpose.Texted() && living == "" && hour < challenge.AnHour && day < challenge.ADay:
	default:
		return c, nil
	}
	c.Subject, c.Object = subject, object
	return c, nil
}

// NewestChallenge finds the last challenge about an object and a purpose, whose
// code is the one that counts; "" when there is none.
func (v *View) NewestChallenge(p challenge.Purpose, object string) (id string, err error) {
	err = v.row(`SELECT owner FROM challenges WHERE object = $1 AND purpose = $2 ORDER BY made_at DESC, owner DESC LIMIT 1`, object, string(p)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// Challenge returns a challenge whose code can still be used.
func (v *View) Challenge(id string) (Challenge, error) {
	r, err := v.challenge(id)
	if err == nil && !r.works(v.now) {
		err = errNoChallenge
	}
	return r.Challenge, err
}

// challengeRow is a challenge with what is counted of it.
type challengeRow struct {
	Challenge
	mac   []byte
	tries int64
	used  bool
}

// works reports whether a mailed code has neither been used nor ended.
func (r challengeRow) works(now time.Time) bool {
	return !r.used && r.MadeAt.Add(r.Life()).After(now)
}

func (v *View) challenge(id string) (r challengeRow, err error) {
	r.ID = id
	var made, used, lasts int64
	err = v.row(`SELECT purpose, subject, object, code_of, browser_mac, tries, made_at, used_at, lasts FROM challenges WHERE owner = $1`+v.forUpdate(), id).
		Scan(&r.Purpose, &r.Subject, &r.Object, &r.CodeOf, &r.mac, &r.tries, &made, &used, &lasts)
	if errors.Is(err, sql.ErrNoRows) {
		return challengeRow{}, errNoChallenge
	}
	if err != nil {
		return challengeRow{}, fmt.Errorf("read challenge: %w", err)
	}
	r.MadeAt, r.used, r.Lasts = when(made), used != 0, time.Duration(lasts)*time.Millisecond
	return r, nil
}

// Answer counts one try of a browser at a challenge and reports whether it was
// right; then the code is used up for every browser. The transaction must be
// kept whatever it reports: a try that is undone is a try for nothing. A
// challenge that has ended, or whose browser is another one, is not there.
// Tries are each browser's own: nobody uses up another's.
func (t *Tx) Answer(id, token string, typed challenge.Code) (Challenge, bool, error) {
	r, err := t.challenge(id)
	if err != nil {
		return Challenge{}, false, err
	}
	if r.tries >= challenge.Tries || !t.db.keys.Token.Matches(r.mac, browserLabel, r.browser(token)...) {
		return Challenge{}, false, errNoChallenge
	}
	mailed := r
	if r.CodeOf != "" {
		if mailed, err = t.challenge(r.CodeOf); err != nil {
			return Challenge{}, false, err
		}
	}
	if !mailed.works(t.now) {
		return Challenge{}, false, errNoChallenge
	}
	if _, err := t.exec(`UPDATE challenges SET tries = tries + 1 WHERE owner = $1`, id); err != nil {
		return Challenge{}, false, fmt.Errorf("count a try: %w", err)
	}
	if fits := t.db.Code(mailed.Challenge).Is(typed); !fits || r.Object == "" {
		return r.Challenge, false, nil
	}
	n, err := t.exec(`UPDATE challenges SET used_at = $2 WHERE owner = $1 AND used_at = 0`, mailed.ID, ms(t.now))
	if err != nil {
		return Challenge{}, false, fmt.Errorf("use a code: %w", err)
	}
	return r.Challenge, n == 1, nil
}

// SweepChallenges forgets the challenges that no budget counts any more.
func (t *Tx) SweepChallenges() error {
	_, err := t.exec(`DELETE FROM challenges WHERE made_at < $1`, ms(t.now.Add(-challengeKept)))
	return err
}
