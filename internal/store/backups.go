package store

import (
	"fmt"
	"time"
)

// BackupTarget is what is known of a place that backups are brought to.
type BackupTarget struct {
	Target  string    // where it is
	Tried   time.Time // the last try ended then; zero before the first
	Made    time.Time // the snapshot of the last backup that is whole; zero before the first
	Part    string    // its data part
	Failure string    // why the last try went wrong; empty when it went well
	Failing time.Time // since when tries go wrong; zero when the last one went well
}

// BackupTargets lists the places that were tried so far, by name.
func (v *View) BackupTargets() ([]BackupTarget, error) {
	rows, err := v.rows(`SELECT target, tried_at, made_at, part, failure, failing FROM backup_targets ORDER BY target`)
	if err != nil {
		return nil, fmt.Errorf("list backup targets: %w", err)
	}
	defer rows.Close()
	var out []BackupTarget
	for rows.Next() {
		var b BackupTarget
		var tried, made, failing int64
		if err := rows.Scan(&b.Target, &tried, &made, &b.Part, &b.Failure, &failing); err != nil {
			return nil, fmt.Errorf("list backup targets: %w", err)
		}
		b.Tried, b.Made, b.Failing = since(tried), since(made), since(failing)
		out = append(out, b)
	}
	return out, rows.Err()
}

// LeaseBackup takes a place for one backup, or goes on holding it. holder is a
// random word. Of several nodes one gets it; when that one dies, the place is
// free again after the lease. Somebody who lost it in between gets no more of it.
func (t *Tx) LeaseBackup(target, holder string, for_ time.Duration, first bool) (bool, error) {
	if first {
		if _, err := t.exec(`INSERT INTO backup_targets (target) VALUES ($1) ON CONFLICT (target) DO NOTHING`, target); err != nil {
			return false, fmt.Errorf("lease %s: %w", target, err)
		}
	}
	query := `UPDATE backup_targets SET lease = $2, lease_until = $3 WHERE target = $1 AND lease = $2`
	args := []any{target, holder, ms(t.now.Add(for_))}
	if first {
		query = `UPDATE backup_targets SET lease = $2, lease_until = $3 WHERE target = $1 AND lease_until <= $4`
		args = append(args, ms(t.now))
	}
	n, err := t.exec(query, args...)
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", target, err)
	}
	return n == 1, nil
}

// BackupMade notes that a backup is whole in a place that is held.
func (t *Tx) BackupMade(target, holder, part string, at time.Time) error {
	_, err := t.exec(`UPDATE backup_targets SET tried_at = $3, made_at = $4, part = $5, failure = '', failing = 0 WHERE target = $1 AND lease = $2`,
		target, holder, ms(t.now), ms(at), part)
	if err != nil {
		return fmt.Errorf("note the backup: %w", err)
	}
	return nil
}

// BackupFailed gives a place back in which a try went wrong. Of a row of
// failures the first is an event.
func (t *Tx) BackupFailed(target, holder, why string) error {
	n, err := t.exec(`UPDATE backup_targets SET failing = $3 WHERE target = $1 AND lease = $2 AND failing = 0`, target, holder, ms(t.now))
	if err == nil && n == 1 {
		err = t.Event("backup.failed", "", target, "")
	}
	if err == nil {
		_, err = t.exec(`UPDATE backup_targets SET lease = '', lease_until = 0, tried_at = $3, failure = $4 WHERE target = $1 AND lease = $2`, target, holder, ms(t.now), why)
	}
	if err != nil {
		return fmt.Errorf("note a failed backup: %w", err)
	}
	return nil
}

// FreeBackups gives back the places that nobody is at work in: the caller holds
// the one lock of a shop on SQLite. On PostgreSQL leases end by themselves.
func (t *Tx) FreeBackups() error {
	if t.db.engine != onSQLite {
		return nil
	}
	_, err := t.exec(`UPDATE backup_targets SET lease = '', lease_until = 0 WHERE lease_until > 0`)
	return err
}

// LeaveBackup gives a place back.
func (t *Tx) LeaveBackup(target, holder string) error {
	if _, err := t.exec(`UPDATE backup_targets SET lease = '', lease_until = 0 WHERE target = $1 AND lease = $2`, target, holder); err != nil {
		return fmt.Errorf("leave %s: %w", target, err)
	}
	return nil
}
