package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Networks, mailboxes and cards are named under keys of the day, so that what is
// over can't be named any more. There are two kinds: under one things are counted,
// and it goes after two days; under the other goods are held, for as long as it
// takes until they are paid.

// limitKeysKept is how many days the key of a day is there: its own and the
// next one. What was counted under it can't be named any more afterwards.
const limitKeysKept = 2

// limitKeys are the keys that buckets are named under, today's and yesterday's.
// They change at midnight (UTC).
type limitKeys struct {
	day              int64
	today, yesterday seal.MacKey
}

// holdKeys are the keys that whoever holds goods is named under: today's, and those
// of the days before of which something may still be held, the newest first.
type holdKeys struct {
	day   int64
	today seal.MacKey
	older []seal.MacKey
}

type (
	limitCache = atomic.Pointer[limitKeys]
	holdCache  = atomic.Pointer[holdKeys]
)

func dayOf(now time.Time) int64 { return now.Unix() / int64(24*time.Hour/time.Second) }

// limits returns the keys of this transaction's day. A new day's key is made by
// whoever comes first, and remembered once the transaction is kept: what is
// counted under a key that nobody else can read counts for nothing.
func (t *Tx) limits() (*limitKeys, error) {
	day := dayOf(t.now)
	if k := t.db.limits.Load(); k != nil && k.day == day {
		return k, nil
	}
	if t.limitKeys == nil {
		k, err := t.limitKeysOf(day)
		if err != nil {
			return nil, err
		}
		t.limitKeys = k
	}
	return t.limitKeys, nil
}

func (t *Tx) limitKeysOf(day int64) (*limitKeys, error) {
	k := &limitKeys{day: day}
	var err error
	if k.yesterday, _, err = t.keyOfDay(ofLimits, day-1); err == nil {
		k.today, err = t.keyOfToday(ofLimits, day)
	}
	return k, err
}

// holders returns the keys of this transaction's day for holds, as limits does.
func (t *Tx) holders() (*holdKeys, error) {
	day := dayOf(t.now)
	if k := t.db.holders.Load(); k != nil && k.day == day {
		return k, nil
	}
	if t.holdKeys == nil {
		k, err := t.holdKeysOf(day)
		if err != nil {
			return nil, err
		}
		t.holdKeys = k
	}
	return t.holdKeys, nil
}

func (t *Tx) holdKeysOf(day int64) (*holdKeys, error) {
	rows, err := t.rows(`SELECT day FROM hold_keys WHERE day < $1 ORDER BY day DESC`, day)
	if err != nil {
		return nil, fmt.Errorf("list the days of holds: %w", err)
	}
	days, err := column[int64](rows)
	if err != nil {
		return nil, fmt.Errorf("list the days of holds: %w", err)
	}
	k := &holdKeys{day: day}
	for _, d := range days {
		key, there, err := t.keyOfDay(ofHolds, d)
		if err != nil {
			return nil, err
		}
		if there { // else it went meanwhile, with the last hold of its day
			k.older = append(k.older, key)
		}
	}
	k.today, err = t.keyOfToday(ofHolds, day)
	return k, err
}

// dayKey is one kind of keys of the day.
type dayKey struct {
	table string
	field personal.Value[[]byte]
}

var (
	ofLimits = dayKey{"limit_keys", personal.LimitKey}
	ofHolds  = dayKey{"hold_keys", personal.HoldKey}
)

func dayPlace(day int64) string { return strconv.FormatInt(day, 10) }

// keyOfToday returns the key of a day, and makes it where there is none.
func (t *Tx) keyOfToday(of dayKey, day int64) (seal.MacKey, error) {
	key, there, err := t.keyOfDay(of, day)
	if err != nil || there {
		return key, err
	}
	if err := t.newKeyOfDay(of, day); err != nil {
		return seal.MacKey{}, err
	}
	key, _, err = t.keyOfDay(of, day)
	return key, err
}

func (t *Tx) keyOfDay(of dayKey, day int64) (key seal.MacKey, there bool, err error) {
	var sealed []byte
	err = t.row(`SELECT sealed FROM `+of.table+` WHERE day = $1`, day).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return seal.MacKey{}, false, nil
	}
	if err != nil {
		return seal.MacKey{}, false, fmt.Errorf("read a day's key: %w", err)
	}
	f, err := t.folder(t.db.shop, secretToken)
	if err != nil {
		return seal.MacKey{}, false, err
	}
	raw, err := of.field.Open(f.open(personal.ShopSecrets), dayPlace(day), sealed)
	if err != nil {
		return seal.MacKey{}, false, fmt.Errorf("open a day's key: %w", err)
	}
	defer clear(raw)
	key, err = seal.NewMacKey(raw)
	return key, true, err
}

func (t *Tx) newKeyOfDay(of dayKey, day int64) error {
	f, err := t.folder(t.db.shop, secretToken)
	if err != nil {
		return err
	}
	raw := seal.NewKey()
	defer clear(raw)
	sealed, err := of.field.Seal(f.open(personal.ShopSecrets), dayPlace(day), raw)
	if err != nil {
		return fmt.Errorf("seal a day's key: %w", err)
	}
	_, err = t.exec(`INSERT INTO `+of.table+` (day, sealed) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING`, day, sealed)
	return err
}
