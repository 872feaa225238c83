package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/tries"
)

// How long failures are remembered after the last one. A few are everybody's
// and are forgotten soon, so that made-up names don't fill the table; who is
// past the free ones would get a hundred guesses more.
const (
	fewFailuresKept  = 30 * 24 * time.Hour
	manyFailuresKept = 366 * 24 * time.Hour
)

// What is counted by stands nowhere sealed, so its hash could not be computed
// again under another index key: it is made with the token key.
func (db *DB) throttled(who string) []byte {
	mac := db.keys.Token.Sum("throttled v1", []byte(who))
	return mac[:]
}

func (db *DB) throttledDevice(who, device string) []byte {
	mac := db.keys.Token.Sum("throttled device v1", []byte(who), []byte(device))
	return mac[:]
}

// Tally lets fn look at what is counted for an identity, a factor and a known
// browser ("" for strangers), with nobody else between, and keeps what fn makes
// of it. fn may run twice.
func (db *DB) Tally(ctx context.Context, who, factor, device string, fn func(now time.Time, t *tries.Tally)) error {
	return db.InTx(ctx, ledger.System("throttle"), func(t *Tx) error { return t.tally(who, factor, device, fn) })
}

func (t *Tx) tally(who, factor, device string, fn func(time.Time, *tries.Tally)) error {
	key, browser := t.db.throttled(who), t.db.throttledDevice(who, device)
	for range 10 {
		old, err := t.readTally(key, factor, browser)
		if err != nil {
			return err
		}
		now := old
		fn(t.now, &now)
		switch {
		case now == old:
			return nil // a try that has to wait writes nothing
		case now.Failures == 0:
			return t.later("forget tries", nil, `DELETE FROM throttles WHERE who = $1 AND factor = $2 AND device = $3`, key, factor, browser)
		case old.Failures > 0: // and the row is locked
			return t.later("count a try", nil, `UPDATE throttles SET failures = $4, until_at = $5, at = $6, since = $7 WHERE who = $1 AND factor = $2 AND device = $3`,
				key, factor, browser, now.Failures, stamp(now.Until), stamp(now.At), stamp(now.Since))
		}
		n, err := t.exec(`INSERT INTO throttles (who, factor, device, failures, until_at, at, since) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (who, factor, device) DO NOTHING`,
			key, factor, browser, now.Failures, stamp(now.Until), stamp(now.At), stamp(now.Since))
		if err != nil {
			return fmt.Errorf("count a try: %w", err)
		}
		if n == 1 {
			return nil
		}
		// Somebody else began this row meanwhile: look again.
	}
	return errors.New("count a try: the row comes and goes")
}

func (t *Tx) readTally(key []byte, factor string, device []byte) (out tries.Tally, err error) {
	var until, at, first int64
	err = t.row(`SELECT failures, until_at, at, since FROM throttles WHERE who = $1 AND factor = $2 AND device = $3`+t.forUpdate(), key, factor, device).Scan(&out.Failures, &until, &at, &first)
	if errors.Is(err, sql.ErrNoRows) {
		return tries.Tally{}, nil
	}
	if err != nil {
		return tries.Tally{}, fmt.Errorf("read tries: %w", err)
	}
	out.Until, out.At, out.Since = since(until), since(at), since(first)
	return out, nil
}

// ClearTries forgets every failure of an identity with a factor, on every
// browser: the factor was bound anew.
func (t *Tx) ClearTries(who, factor string) error {
	return t.later("forget tries", nil, `DELETE FROM throttles WHERE who = $1 AND factor = $2`, t.db.throttled(who), factor)
}

// forgetTries forgets every failure of an identity.
func (t *Tx) forgetTries(who string) error {
	if _, err := t.exec(`DELETE FROM throttles WHERE who = $1`, t.db.throttled(who)); err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
}

// SweepTries forgets failures that are long ago.
func (t *Tx) SweepTries() error {
	_, err := t.exec(`DELETE FROM throttles WHERE at < $1 OR (at < $2 AND failures <= $3)`, ms(t.now.Add(-manyFailuresKept)), ms(t.now.Add(-fewFailuresKept)), int64(tries.Free))
	if err != nil {
		return fmt.Errorf("forget old tries: %w", err)
	}
	return nil
}
