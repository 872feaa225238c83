package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// Job is work to be done later, about one owner's thing. It carries ids only:
// who does it opens what it needs when it runs.
type Job struct {
	Owner    string
	ID       string
	Kind     string
	Ref      string
	Attempts int
}

// Enqueue writes a job in the same transaction as the change that needs it.
func (t *Tx) Enqueue(kind, owner, ref string, at time.Time) error {
	return t.later("enqueue "+kind, nil, `INSERT INTO jobs (owner, id, kind, ref, run_at, lease_until, attempts, failure) VALUES ($1, $2, $3, $4, $5, 0, 0, '')`,
		owner, NewID(), kind, ref, ms(at))
}

// DueJobs returns up to limit jobs whose time has come and that nobody holds.
func (v *View) DueJobs(limit int) ([]Job, error) {
	rows, err := v.rows(`SELECT owner, id, kind, ref, attempts FROM jobs WHERE run_at <= $1 AND lease_until <= $1 ORDER BY run_at LIMIT $2`, ms(v.now), limit)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	defer rows.Close()
	var out []Job
	for rows.Next() {
		var j Job
		if err := rows.Scan(&j.Owner, &j.ID, &j.Kind, &j.Ref, &j.Attempts); err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		out = append(out, j)
	}
	return out, rows.Err()
}

// HasJob reports whether a kind of job about one thing is still to be done.
func (v *View) HasJob(owner, kind, ref string) (bool, error) {
	var n int64
	if err := v.row(`SELECT count(*) FROM jobs WHERE owner = $1 AND kind = $2 AND ref = $3`, owner, kind, ref).Scan(&n); err != nil {
		return false, fmt.Errorf("look up job: %w", err)
	}
	return n > 0, nil
}

// Lease takes a job for a while. Of several workers one gets it; when that one
// dies, the job is free again after the lease.
func (t *Tx) Lease(j Job, for_ time.Duration) (bool, error) {
	n, err := t.exec(`UPDATE jobs SET lease_until = $3, attempts = attempts + 1 WHERE owner = $1 AND id = $2 AND lease_until <= $4`,
		j.Owner, j.ID, ms(t.now.Add(for_)), ms(t.now))
	if err != nil {
		return false, fmt.Errorf("lease job: %w", err)
	}
	return n == 1, nil
}

// FreeLeases gives back the jobs that a crash left half done, so that they are
// not waited for. On SQLite the caller holds the only lock there is; on
// PostgreSQL another node may be working on them, and their leases end alone.
func (db *DB) FreeLeases(ctx context.Context) error {
	if db.engine != onSQLite {
		return nil
	}
	return db.InTx(ctx, ledger.System("start"), func(t *Tx) error {
		_, err := t.exec(`UPDATE jobs SET lease_until = 0 WHERE lease_until > 0`)
		return errors.Join(err, t.FreeBackups())
	})
}

// FinishJob removes a job that is done.
func (t *Tx) FinishJob(j Job) error {
	_, err := t.exec(`DELETE FROM jobs WHERE owner = $1 AND id = $2`, j.Owner, j.ID)
	return err
}

// PostponeJob gives a failed job back, to be tried again at a later time. why
// is the kind of the failure, never its text.
func (t *Tx) PostponeJob(j Job, at time.Time, why string) error {
	_, err := t.exec(`UPDATE jobs SET run_at = $3, lease_until = 0, failure = $4 WHERE owner = $1 AND id = $2`, j.Owner, j.ID, ms(at), why)
	return err
}

// CountJobs returns how many jobs wait.
func (v *View) CountJobs() (n int64, err error) {
	err = v.row(`SELECT count(*) FROM jobs`).Scan(&n)
	return n, err
}

// SweepCommits forgets transaction ids older than an hour.
func (db *DB) SweepCommits(ctx context.Context) error {
	return db.InTx(ctx, ledger.System("jobs"), func(t *Tx) error {
		_, err := t.exec(`DELETE FROM commits WHERE at < $1`, ms(t.now.Add(-time.Hour)))
		return err
	})
}
