package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// Up to which index events have been emptied, and those that keep longer.
const (
	emptiedSetting = "ledger.emptied"
	revealsSetting = "ledger.emptied.reveals"
)

// revealed is the event of somebody being shown what is shut otherwise. Whose data
// it was can ask for two years who looked, also when it is erased meanwhile.
const revealed = "opening.shown"

// EmptyEvents takes the values and salts out of up to limit numbered events
// that happened before a time, oldest first. Their leaves stay, so the tree
// still stands; without its salt a commitment tells nothing. It returns how
// many there were.
func (t *Tx) EmptyEvents(before time.Time, limit int) (int, error) {
	return t.emptyEvents(emptiedSetting, `action <> '`+revealed+`'`, before, limit)
}

// EmptyReveals does the same to the events that keep longer.
func (t *Tx) EmptyReveals(before time.Time, limit int) (int, error) {
	return t.emptyEvents(revealsSetting, `action = '`+revealed+`'`, before, limit)
}

func (t *Tx) emptyEvents(setting, which string, before time.Time, limit int) (int, error) {
	var done string
	err := t.row(`SELECT value FROM settings WHERE name = $1`, setting).Scan(&done)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("empty old events: %w", err)
	}
	from, _ := strconv.ParseInt(done, 10, 64) // written below, or "" the first time
	old, err := t.leavesBefore(from, before, limit)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	for _, e := range old {
		if _, err := t.exec(`UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL WHERE owner = $1 AND id = $2 AND `+which, e.owner, e.id); err != nil {
			return 0, fmt.Errorf("empty old events: %w", err)
		}
	}
	_, err = t.exec(`INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		setting, strconv.FormatInt(from+int64(len(old)), 10))
	return len(old), err
}

// leavesBefore reads the leaves from an index on, as long as they are old enough.
func (t *Tx) leavesBefore(from int64, before time.Time, limit int) ([]numbered, error) {
	rows, err := t.rows(`SELECT leaf, owner, event FROM leaves WHERE idx >= $1 ORDER BY idx LIMIT $2`, from, limit)
	if err != nil {
		return nil, fmt.Errorf("read old leaves: %w", err)
	}
	defer rows.Close()
	var out []numbered
	for rows.Next() {
		var e numbered
		if err := rows.Scan(&e.leaf, &e.owner, &e.id); err != nil {
			return nil, fmt.Errorf("read old leaves: %w", err)
		}
		c, err := ledger.ParseLeaf(e.leaf)
		if err != nil {
			return nil, fmt.Errorf("read old leaves: %w", err)
		}
		if !c.At.Before(before) {
			break
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// ForgetDossiers removes up to limit rows of dossiers whose keys were destroyed
// before a time: by then nobody asks any more whether there was one.
func (t *Tx) ForgetDossiers(before time.Time, limit int) (int, error) {
	// No two are alike in this order, so that both statements take the same ones.
	const old = ` FROM dossiers WHERE state = 'destroyed' AND destroyed_at < $1 ORDER BY destroyed_at, purpose, subject, case_id, id LIMIT $2)`
	if err := t.later("forget retired dossiers", nil, `DELETE FROM retired WHERE (subject, case_id, purpose) IN (SELECT subject, case_id, purpose`+old, ms(before), limit); err != nil {
		return 0, err
	}
	n, err := t.exec(`DELETE FROM dossiers WHERE (subject, case_id, purpose, id) IN (SELECT subject, case_id, purpose, id`+old, ms(before), limit)
	if err != nil {
		return 0, fmt.Errorf("forget dossiers: %w", err)
	}
	return int(n), nil
}
