package store

import (
	"fmt"
	"sync"
	"time"
)

// suspects are accounts that were found tampered with and that nobody was told
// of yet. Whoever finds one often stands in a transaction that is given up.
type suspects struct {
	mu  sync.Mutex
	who map[string]bool
}

// maxSuspects bounds how many are remembered at once.
const maxSuspects = 1000

// note remembers one and reports whether it is new.
func (s *suspects) note(owner string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.who[owner] || len(s.who) >= maxSuspects {
		return false
	}
	if s.who == nil {
		s.who = map[string]bool{}
	}
	s.who[owner] = true
	return true
}

// Tampered returns the accounts that were found tampered with since it was
// asked last.
func (db *DB) Tampered() (out []string) {
	db.tampered.mu.Lock()
	defer db.tampered.mu.Unlock()
	for owner := range db.tampered.who {
		out = append(out, owner)
	}
	db.tampered.who = nil
	return out
}

// EventsSince counts the events of one kind about an account since a time.
func (v *View) EventsSince(account, action string, since time.Time) (n int64, err error) {
	err = v.row(`SELECT count(*) FROM events WHERE owner = $1 AND action = $2 AND at > $3`, account, action, ms(since)).Scan(&n)
	return n, err
}

// careAfterRepair is how long nothing leaves an account that was repaired.
const careAfterRepair = 24 * time.Hour

// Repair takes away everything that an account proves itself with, where it is
// signed in and which browsers it knows, and guards what is left: nothing. Its
// data stay. It asks no guard: it is for accounts whose guard does not hold.
func (t *Tx) Repair(a Account) error {
	for _, table := range []string{"factors", "recovery_codes", "sessions", "devices"} {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE owner = $1`, a.ID); err != nil {
			return fmt.Errorf("repair an account: %w", err)
		}
	}
	_, err := t.exec(`UPDATE accounts SET preferred = '', careful_until = $2 WHERE owner = $1`, a.ID, ms(t.now.Add(careAfterRepair)))
	if err != nil {
		return fmt.Errorf("repair an account: %w", err)
	}
	return t.reguard(a.ID)
}
