package store

import (
	"hash/fnv"
	"strconv"
)

// turnsOf is how many rows the things of one kind share: enough that strangers
// seldom wait for one another, and no more rows than that ever.
const turnsOf = 64

// turn makes transactions that count the same thing, and add to it, come one
// after the other. Without it two of them would count the same, since neither
// sees what the other adds. SQLite has one writer anyway.
func (t *Tx) turn(kind, thing string) error {
	if t.forUpdate() == "" {
		return nil
	}
	h := fnv.New32a()
	h.Write([]byte(thing))
	return t.later("wait for a turn", nil, `INSERT INTO turns (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at`,
		kind+"/"+strconv.Itoa(int(h.Sum32()%turnsOf)), ms(t.now))
}
