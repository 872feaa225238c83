package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// ErrTampered tells that what an account proves itself with is not what the shop
// has put there: somebody wrote in the database. Nobody gets in by it.
var ErrTampered = fault.New(fault.Conflict, "The ways to sign in to this account were changed by somebody other than this shop. It stays shut to keep you safe: please write to the shop.")

// ways are what an account proves itself with, and the guard that is kept of it:
// a keyed hash over which factors work, what each is made of and which of its
// codes was used last, which recovery codes there are and which of them are used
// up, and the times that bound what may be done. Else a row that is taken away
// would leave the password alone, and one that is put back would bring an old
// password or a used code to life. Whoever puts everything back as it was on an
// earlier day, the guard too, is beyond it.
type ways struct{ kept, now []byte }

// ways reads them all by one statement: it sees a change whole or not at all.
func (v *View) ways(owner string) (w ways, err error) {
	rows, err := v.rows(`SELECT 'account', '', guard, reset_at, careful_until, 0, 0 FROM accounts WHERE owner = $1
		UNION ALL SELECT kind, id, secret, step, drift, astray, made_at FROM factors WHERE owner = $1 AND state = 'on'
		UNION ALL SELECT CASE WHEN used_at = 0 THEN state ELSE 'used' END, '', code, 0, 0, 0, 0 FROM recovery_codes WHERE owner = $1`, owner)
	if err != nil {
		return ways{}, fmt.Errorf("read the ways to sign in: %w", err)
	}
	defer rows.Close()
	parts, there := [][]byte{}, false
	for rows.Next() {
		var kind, id string
		var what []byte
		var n [4]int64
		if err := rows.Scan(&kind, &id, &what, &n[0], &n[1], &n[2], &n[3]); err != nil {
			return ways{}, fmt.Errorf("read the ways to sign in: %w", err)
		}
		if kind == "account" {
			w.kept, what, there = what, nil, true
		}
		sum := sha256.Sum256(what)
		part := append([]byte(kind+"/"+id+"/"), sum[:]...)
		for _, i := range n {
			part = append(part, number(i)...)
		}
		parts = append(parts, part)
	}
	if err := rows.Err(); err != nil {
		return ways{}, fmt.Errorf("read the ways to sign in: %w", err)
	}
	if !there {
		return ways{}, ErrNoAccount
	}
	slices.SortFunc(parts, bytes.Compare) // databases do not agree on an order
	sum := v.db.keys.Token.Sum("account guard v2", append([][]byte{[]byte(owner), number(int64(len(parts)))}, parts...)...)
	w.now = sum[:]
	return w, nil
}

// Guarded fails with ErrTampered when what an account proves itself with was
// changed by anybody but us. Of two transactions that change it one waits.
func (v *View) Guarded(owner string) error {
	if lock := v.forUpdate(); lock != "" {
		var one int64
		err := v.row(`SELECT 1 FROM accounts WHERE owner = $1`+lock, owner).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoAccount
		}
		if err != nil {
			return fmt.Errorf("lock an account: %w", err)
		}
	}
	w, err := v.ways(owner)
	if err != nil || hmac.Equal(w.kept, w.now) {
		return err
	}
	if v.db.tampered.note(owner) {
		v.db.log.ErrorContext(v.ctx, "the ways to sign in to an account were changed behind the shop's back", "account", owner)
	}
	return ErrTampered
}

// guarding changes what an account proves itself with, and guards it as it is
// then. What was tampered with before is not made good by it.
func (t *Tx) guarding(owner string, change func() error) error {
	if err := t.Guarded(owner); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return t.reguard(owner)
}

func (t *Tx) reguard(owner string) error {
	w, err := t.ways(owner)
	if err != nil {
		return err
	}
	return t.later("guard an account", func() error { return ErrNoAccount }, `UPDATE accounts SET guard = $2 WHERE owner = $1`, owner, w.now)
}
