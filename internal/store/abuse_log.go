package store

import (
	"fmt"
	"time"
)

// AbuseLine is something that was done against abuse, or seen of it.
type AbuseLine struct {
	At     time.Time
	Action string
	Actor  string
	Detail string
}

// AbuseLog lists what the ledger holds of the last day about measures and
// alarms, the newest first.
func (v *View) AbuseLog(limit int) ([]AbuseLine, error) {
	since := ms(v.now.Add(-24 * time.Hour))
	// Ids begin with their time, so that this reads a day and no more.
	first := fmt.Sprintf("%08x-%04x", since>>16, since&0xffff)
	rows, err := v.rows(`SELECT at, action, COALESCE(actor, ''), COALESCE(detail, '') FROM events WHERE owner = $3 AND id > $1
		AND action IN ('abuse.measure', 'abuse.eased', 'alarm.attack-begins', 'alarm.attack-ends', 'alarm.factor-closed', 'alarm.carding-begins', 'alarm.carding-rises', 'alarm.carding-ends')
		ORDER BY id DESC LIMIT $2`, first, limit, v.db.ownerOf(""))
	if err != nil {
		return nil, fmt.Errorf("list measures: %w", err)
	}
	defer rows.Close()
	var out []AbuseLine
	for rows.Next() {
		var d AbuseLine
		var at int64
		if err := rows.Scan(&at, &d.Action, &d.Actor, &d.Detail); err != nil {
			return nil, err
		}
		d.At = when(at)
		out = append(out, d)
	}
	return out, rows.Err()
}
