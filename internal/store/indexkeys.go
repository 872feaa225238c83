package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// The key of the blind indexes is a secret of the shop's own that can be
// replaced. While one replaces another both live:
//
//	begin    every write stores the hashes of both, every question asks both
//	fill     page by page, what was there before gets its hashes under the new one
//	leave    the old one is not used any more
//	clear    page by page, the hashes of the old one go
//	end      the old key is destroyed
//
// Which keys live is asked in every transaction that uses one, so no node can be
// behind: whoever writes holds the answer until COMMIT, and begin and leave wait
// for all who hold one.

// IndexKey is what is known of a key of the blind indexes beside the key itself.
type IndexKey struct {
	Version int64
	Begun   time.Time
	Filled  time.Time // what was there before has its hashes too; zero before
	Left    time.Time // it is not used any more; zero before
	Gone    time.Time // no hash of it is left and it is destroyed; zero before
	Done    int64     // values that filling has looked at
}

// IndexKeys lists every key there ever was, oldest first.
func (v *View) IndexKeys() ([]IndexKey, error) {
	rows, err := v.rows(`SELECT version, begun_at, filled_at, left_at, gone_at, done FROM index_keys ORDER BY version`)
	if err != nil {
		return nil, fmt.Errorf("list index keys: %w", err)
	}
	defer rows.Close()
	var out []IndexKey
	for rows.Next() {
		var k IndexKey
		var begun, filled, left, gone int64
		if err := rows.Scan(&k.Version, &begun, &filled, &left, &gone, &k.Done); err != nil {
			return nil, fmt.Errorf("list index keys: %w", err)
		}
		k.Begun, k.Filled, k.Left, k.Gone = when(begun), since(filled), since(left), since(gone)
		out = append(out, k)
	}
	return out, rows.Err()
}

// indexSecret names the secret of a version, which is also the case of its
// dossier: each key has one of its own, and ends with it.
func indexSecret(version int64) string {
	if version == 1 {
		return secretIndex
	}
	return secretIndex + "." + strconv.FormatInt(version, 10)
}

// indexKeys are keys by which values are hashed, the older first.
type indexKeys []hashKey

type hashKey struct {
	version int64
	seal.IndexKey
}

// twin is a value's hashes under the keys with an odd and with an even version;
// nil where there is no such key. Of two that live at a time each has its own.
func (list indexKeys) twin(field, value string) (odd, even []byte) {
	for _, key := range list {
		if key.version%2 == 1 {
			odd = key.Hash(field, value)
		} else {
			even = key.Hash(field, value)
		}
	}
	return odd, even
}

// keyCache keeps the keys that were opened, so that they are opened once.
type keyCache struct {
	mu   sync.Mutex
	keys map[int64]seal.IndexKey
}

func (c *keyCache) get(version int64) (seal.IndexKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.keys[version]
	return k, ok
}

func (c *keyCache) put(version int64, k seal.IndexKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = map[int64]seal.IndexKey{}
	}
	c.keys[version] = k
}

// keep lets go of all but the given versions.
func (c *keyCache) keep(versions []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for version := range c.keys {
		if !slices.Contains(versions, version) {
			delete(c.keys, version)
		}
	}
}

// living are the index keys that are used at this moment. Who is about to write
// keeps it so until COMMIT.
func (v *View) living() (indexKeys, error) {
	if v.index != nil {
		return v.index, nil
	}
	if waits, ok := v.q.(counted).querier.(deferring); ok {
		v.db.count.Add(1)
		waits.later(statement{what: "hold the index keys", query: `LOCK TABLE index_keys IN ROW SHARE MODE`})
	}
	versions, err := v.livingVersions()
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, errors.New("the shop has no index key")
	}
	var out indexKeys
	for _, version := range versions {
		key, err := v.indexKey(version)
		if err != nil {
			return nil, err
		}
		out = append(out, hashKey{version, key})
	}
	v.db.index.keep(versions)
	v.index, v.asked = out, versions
	return out, nil
}

func (v *View) livingVersions() ([]int64, error) {
	rows, err := v.rows(`SELECT version FROM index_keys WHERE left_at = 0 ORDER BY version`)
	if err != nil {
		return nil, fmt.Errorf("ask which index keys live: %w", err)
	}
	versions, err := column[int64](rows)
	if err != nil {
		return nil, fmt.Errorf("ask which index keys live: %w", err)
	}
	return versions, nil
}

// stale reports that other index keys live than those that this look has asked
// by: it may have missed something.
func (v *View) stale() (bool, error) {
	if v.index == nil {
		return false, nil
	}
	now, err := v.livingVersions()
	return !slices.Equal(now, v.asked), err
}

func (v *View) indexKey(version int64) (seal.IndexKey, error) {
	if k, ok := v.db.index.get(version); ok {
		return k, nil
	}
	name := indexSecret(version)
	raw, err := v.secret(name)
	if err != nil {
		return seal.IndexKey{}, misfit(name, err)
	}
	defer clear(raw)
	k, err := seal.NewIndexKey(raw)
	if err == nil {
		v.db.index.put(version, k)
	}
	return k, err
}

// twin is a value's hashes under the living keys.
func (v *View) twin(field, value string) (odd, even []byte, err error) {
	list, err := v.living()
	if err != nil {
		return nil, nil, err
	}
	odd, even = list.twin(field, value)
	return odd, even, nil
}

// ErrIndexChanging means that an index key is being replaced already.
var ErrIndexChanging = errors.New("the index key is being replaced already")

// ErrIndexHeld means that transactions went on for too long which had asked
// which index keys live. Nothing was changed; it is to be tried again.
var ErrIndexHeld = errors.New("others have used the index keys for too long")

// holdIndexes waits until nobody is about to write who has asked which index keys
// live, and lets nobody ask before COMMIT. It gives up soon: whoever asks waits
// behind it.
func (t *Tx) holdIndexes() error {
	if t.db.engine != onPostgres {
		return nil // one writes at a time
	}
	for _, query := range []string{`SET LOCAL lock_timeout = 500`, `LOCK TABLE index_keys IN EXCLUSIVE MODE`} {
		if _, err := t.exec(query); err != nil {
			if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" {
				err = ErrIndexHeld
			}
			return fmt.Errorf("wait for the index keys: %w", err)
		}
	}
	return nil
}

// BeginIndex draws a new index key, which lives beside the present one from now
// on, and returns its version.
func (t *Tx) BeginIndex() (version int64, err error) {
	if err := t.holdIndexes(); err != nil {
		return 0, err
	}
	list, err := t.IndexKeys()
	if err != nil {
		return 0, err
	}
	last := list[len(list)-1]
	if last.Filled.IsZero() || slices.ContainsFunc(list, func(k IndexKey) bool { return k.Version != last.Version && k.Gone.IsZero() }) {
		return 0, ErrIndexChanging
	}
	version = last.Version + 1
	if err := t.drawIndexKey(version, time.Time{}); err != nil {
		return 0, err
	}
	return version, t.indexEvent("keys.begun", version)
}

// drawIndexKey keeps a new index key. filled is zero when there may be values
// without hashes of it.
func (t *Tx) drawIndexKey(version int64, filled time.Time) error {
	key := seal.NewKey()
	defer clear(key)
	if err := t.putSecret(indexSecret(version), key); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO index_keys (version, begun_at, filled_at) VALUES ($1, $2, $3)`, version, ms(t.now), stamp(filled)); err != nil {
		return fmt.Errorf("note index key %d: %w", version, err)
	}
	return nil
}

func (t *Tx) indexEvent(action string, version int64) error {
	return t.Event(action, "", "index "+strconv.FormatInt(version, 10), "")
}

// LeaveIndex ends the use of the key before the given one, when all that was
// there has its hashes under this one.
func (t *Tx) LeaveIndex(version int64) error {
	if err := t.holdIndexes(); err != nil {
		return err
	}
	n, err := t.exec(`UPDATE index_keys SET left_at = $2 WHERE version < $1 AND left_at = 0
		AND EXISTS (SELECT 1 FROM index_keys k WHERE k.version = $1 AND k.filled_at > 0)`, version, ms(t.now))
	if err != nil {
		return fmt.Errorf("leave the index key before %d: %w", version, err)
	}
	if n == 0 {
		return nil
	}
	return t.indexEvent("keys.closed", version-1)
}

// EndIndex destroys an index key that is not used any more. No hash of it is left:
// see ClearIndex.
func (t *Tx) EndIndex(version int64) error {
	n, err := t.exec(`UPDATE index_keys SET gone_at = $2 WHERE version = $1 AND left_at > 0 AND gone_at = 0`, version, ms(t.now))
	if err != nil {
		return fmt.Errorf("end index key %d: %w", version, err)
	}
	if n == 0 {
		return nil
	}
	name := indexSecret(version)
	if _, err := t.exec(`DELETE FROM secrets WHERE subject = $1 AND name = $2`, t.db.shop, name); err != nil {
		return fmt.Errorf("end index key %d: %w", version, err)
	}
	if err := errors.Join(t.endCase(t.db.shop, name, personal.ShopSecrets), t.scrubLater()); err != nil {
		return err
	}
	return t.indexEvent("keys.destroyed", version)
}

// IndexPlace is how far ClearIndex has come; the zero value begins.
type IndexPlace struct {
	table int
	at    [2]any
}

// cleared says how the hashes of one version go: what a page of a table is, and
// what is done from $1, $2, where the page before it ended, up to $3, $4.
type cleared struct {
	from      [2]any
	page, end string
}

// clearings are the tables with hashes under index keys.
func clearings(version int64) []cleared {
	none, suffix, which := []byte{}, "", strconv.FormatInt(version, 10)
	if version%2 == 0 {
		suffix = "_even"
	}
	return []cleared{
		{[2]any{none, ""}, `SELECT hash, subject FROM identities WHERE (hash, subject) > ($1, $2) ORDER BY hash, subject LIMIT $3`,
			`DELETE FROM identities WHERE version = ` + which + ` AND (hash, subject) > ($1, $2) AND (hash, subject) <= ($3, $4)`},
		{[2]any{"", none}, `SELECT kind, key FROM directory WHERE kind IN ('account', 'provider', 'staff') AND (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3`,
			`DELETE FROM directory WHERE kind IN ('account', 'provider', 'staff') AND version = ` + which + ` AND (kind, key) > ($1, $2) AND (kind, key) <= ($3, $4)`},
		{[2]any{"", ""}, `SELECT owner, owner FROM wishes WHERE (owner, owner) > ($1, $2) ORDER BY owner LIMIT $3`,
			`UPDATE wishes SET email_mac` + suffix + ` = NULL WHERE (owner, owner) > ($1, $2) AND (owner, owner) <= ($3, $4)`},
		{[2]any{"", ""}, `SELECT code, order_id FROM code_uses WHERE (code, order_id) > ($1, $2) ORDER BY code, order_id LIMIT $3`,
			`UPDATE code_uses SET customer` + suffix + ` = NULL WHERE (code, order_id) > ($1, $2) AND (code, order_id) <= ($3, $4)`},
	}
}

// ClearIndex takes the next page of hashes away that were computed under a key
// which is not used any more. It returns where it has come to, and whether that is
// the end.
func (t *Tx) ClearIndex(version int64, at IndexPlace, size int) (IndexPlace, bool, error) {
	list := clearings(version)
	if at.table == len(list) {
		return at, true, nil
	}
	// Another node may have ended it, and a key of the same parity have begun since.
	var leaving int64
	err := t.row(`SELECT version FROM index_keys WHERE version = $1 AND left_at > 0 AND gone_at = 0`+t.forShare(), version).Scan(&leaving)
	if errors.Is(err, sql.ErrNoRows) {
		return at, true, nil
	}
	if err != nil {
		return at, false, fmt.Errorf("clear hashes: %w", err)
	}
	c := list[at.table]
	from := at.at
	if from[0] == nil {
		from = c.from
	}
	rows, err := t.rows(c.page, from[0], from[1], size)
	if err != nil {
		return at, false, fmt.Errorf("read hashes: %w", err)
	}
	to, n := from, 0
	for ; rows.Next(); n++ {
		if err := rows.Scan(&to[0], &to[1]); err != nil {
			return at, false, errors.Join(err, rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return at, false, fmt.Errorf("read hashes: %w", err)
	}
	if n > 0 {
		if _, err := t.exec(c.end, from[0], from[1], to[0], to[1]); err != nil {
			return at, false, fmt.Errorf("clear hashes: %w", err)
		}
	}
	if n < size {
		return IndexPlace{table: at.table + 1}, at.table+1 == len(list), nil
	}
	return IndexPlace{table: at.table, at: to}, false, nil
}
