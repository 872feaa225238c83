package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// passSetting holds the Pass, as four numbers.
const passSetting = "retention.pass"

// endless is an end date that only the shop's own dossiers have.
const endless = 100 // years

// Pass is what retention remembers between its passes, to notice a clock that
// jumped and an amount that is out of the ordinary.
type Pass struct {
	At      time.Time // by the clock of then; zero before the first pass
	Usual   int64     // thousandths of a dossier that a pass finds due on average
	Events  int64     // events before this place in the ledger tell nothing about the clock: an owner said so
	Allowed int64     // dossiers that an owner has allowed the next pass to destroy
}

// LastPass returns what retention remembers; the zero Pass before its first.
func (v *View) LastPass() (p Pass, err error) {
	var text string
	err = v.row(`SELECT value FROM settings WHERE name = $1`, passSetting).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return Pass{}, nil
	}
	var at int64
	if err == nil {
		_, err = fmt.Sscanf(text, "%d %d %d %d", &at, &p.Usual, &p.Events, &p.Allowed)
	}
	if err != nil {
		return Pass{}, fmt.Errorf("read the last pass: %w", err)
	}
	p.At = since(at)
	return p, nil
}

// KeepPass remembers a pass. It writes no event: what a pass destroyed and who
// confirmed one have events of their own.
func (t *Tx) KeepPass(p Pass) error {
	return t.later("keep the pass", nil, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		passSetting, fmt.Sprintf("%d %d %d %d", ms(p.At), p.Usual, p.Events, p.Allowed))
}

// CountDue counts the dossiers whose end date has passed and that nobody holds.
func (v *View) CountDue() (n int64, err error) {
	err = v.row(`SELECT count(*) FROM dossiers WHERE state <> 'destroyed' AND destroy_after <= $1 AND held_until <= $1 AND purpose IN (`+purposes()+`)`, ms(v.now)).Scan(&n)
	return n, err
}

// purposes are all there are, in SQL: the index of end dates begins with them.
func purposes() string {
	var names []string
	for _, t := range personal.Purposes() {
		names = append(names, `'`+string(t.Purpose)+`'`)
	}
	return strings.Join(names, ", ")
}

// CountLiving counts the dossiers that will end one day: all but the
// shop's own.
func (v *View) CountLiving() (n int64, err error) {
	err = v.row(`SELECT count(*) FROM dossiers WHERE state <> 'destroyed' AND destroy_after < $1`, ms(v.now.AddDate(endless, 0, 0))).Scan(&n)
	return n, err
}

// CountEvents returns how many events are numbered.
func (v *View) CountEvents() (n int64, err error) {
	err = v.row(`SELECT size FROM tree WHERE id = 1`).Scan(&n)
	return n, err
}

// CountAlive counts the dossiers that have a key.
func (v *View) CountAlive() (n int64, err error) {
	err = v.row(`SELECT count(*) FROM dossiers WHERE state <> 'destroyed'`).Scan(&n)
	return n, err
}
