package store

import (
	"bytes"
	"crypto/hmac"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// ErrTampered tells that what an account proves itself with is not what the shop
// has put there: somebody wrote in the database. Nobody gets in by it.
var ErrTampered = fault.New(fault.Conflict, "The ways to sign in to this account were changed by somebody other than this shop. It stays shut to keep you safe: please write to the shop.")

// guard is the keyed hash of the ways in which an account proves itself: which
// factors work, which recovery codes there are and which of them are used up. A
// row that is taken away would otherwise leave the password alone. What a factor
// is made of is sealed for its row, so it cannot be exchanged. Whoever puts
// everything back as it was on an earlier day, this hash too, is beyond it.
func (v *View) guard(owner string) ([]byte, error) {
	parts := [][]byte{[]byte(owner)}
	for _, query := range []string{
		`SELECT kind, id FROM factors WHERE owner = $1 AND state = 'on'`,
		`SELECT CASE WHEN used_at = 0 THEN state ELSE 'used' END, code FROM recovery_codes WHERE owner = $1`,
	} {
		list, err := v.pairs(query, owner)
		if err != nil {
			return nil, fmt.Errorf("read the ways to sign in: %w", err)
		}
		parts = append(parts, binary.BigEndian.AppendUint32(nil, uint32(len(list))))
		for _, p := range list {
			parts = append(parts, p[0], p[1])
		}
	}
	sum := v.db.keys.Token.Sum("account guard v1", parts...)
	return sum[:], nil
}

// pairs reads two columns, in the order of the second one's bytes: databases do
// not agree on the order of texts.
func (v *View) pairs(query string, args ...any) ([][2][]byte, error) {
	rows, err := v.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][2][]byte
	for rows.Next() {
		var what string
		var which []byte
		if err := rows.Scan(&what, &which); err != nil {
			return nil, err
		}
		out = append(out, [2][]byte{[]byte(what), which})
	}
	slices.SortFunc(out, func(a, b [2][]byte) int { return bytes.Compare(a[1], b[1]) })
	return out, rows.Err()
}

// Guarded fails with ErrTampered when what an account proves itself with was
// changed by anybody but us. Of two transactions that change it one waits; a look
// that falls between the two halves of a change looks again.
func (v *View) Guarded(owner string) error {
	const looks = 3
	for range looks {
		var kept []byte
		err := v.row(`SELECT guard FROM accounts WHERE owner = $1`+v.forUpdate(), owner).Scan(&kept)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoAccount
		}
		if err != nil {
			return fmt.Errorf("read an account's guard: %w", err)
		}
		now, err := v.guard(owner)
		if err != nil {
			return err
		}
		if hmac.Equal(kept, now) {
			return nil
		}
	}
	v.db.log.ErrorContext(v.ctx, "the ways to sign in to an account were changed behind the shop's back", "account", owner)
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
	sum, err := t.guard(owner)
	if err != nil {
		return err
	}
	return t.later("guard an account", func() error { return ErrNoAccount }, `UPDATE accounts SET guard = $2 WHERE owner = $1`, owner, sum)
}
