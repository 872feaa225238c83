package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
)

// What is remembered of the recovery file, in the settings.
const (
	recoverySetting = "keys.recovery"
	triedSetting    = "keys.tried"
)

// Recovery is what is remembered of the recovery file, which lies elsewhere.
type Recovery struct {
	Holds   string       // which epochs the newest file holds, for whom
	Tried   seal.EpochID // the newest epoch in a file that was tried; 0 before
	TriedAt time.Time
}

// Recovery reads what is remembered; all zero when there is no recovery file.
func (v *View) Recovery() (r Recovery, err error) {
	var tried string
	for name, into := range map[string]*string{recoverySetting: &r.Holds, triedSetting: &tried} {
		err := v.row(`SELECT value FROM settings WHERE name = $1`, name).Scan(into)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Recovery{}, fmt.Errorf("read what is known of the recovery file: %w", err)
		}
	}
	if tried == "" {
		return r, nil
	}
	var at int64
	if _, err := fmt.Sscanf(tried, "%d %d", &r.Tried, &at); err != nil {
		return Recovery{}, fmt.Errorf("read when the recovery file was tried: %w", err)
	}
	r.TriedAt = when(at)
	return r, nil
}

// RecoveryWritten remembers which epochs the new recovery file holds, for whom.
func (t *Tx) RecoveryWritten(holds string) error {
	if err := t.remember(recoverySetting, holds); err != nil {
		return err
	}
	return t.Event("keys.recovery", "", "", "")
}

// RecoveryTried remembers that a recovery file was opened, and that it holds the
// epochs up to the given one.
func (t *Tx) RecoveryTried(newest seal.EpochID) error {
	if err := t.remember(triedSetting, fmt.Sprintf("%d %d", newest, ms(t.now))); err != nil {
		return err
	}
	return t.Event("keys.recovery_tried", "", fmt.Sprintf("epoch %d", newest), "")
}

func (t *Tx) remember(name, value string) error {
	return t.later("remember "+name, nil, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}
