package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// Reception takes the rows of a backup into a database that has none yet.
//
// Rows of the data part are kept bit by bit, and with them how far they go; those
// of the key part, what is paired and what that told, in one transaction. Whoever
// is cut short is followed by another who goes on from there (see received.go).
//
// The restored shop has an id of its own, so whatever the old shop owned itself
// (its secrets, its goods, the events that are about nobody) changes its owner.
type Reception struct {
	db      *DB
	ctx     context.Context
	conn    bulk
	from    Arrival
	before  received // what an earlier try has kept
	scratch bool
	live    map[string][]string
	table   string
	change  func([]Value)
	sink    sink
	wider   []Value // room for a row that gets one more column
}

// Arrival says what a database is to be filled with.
type Arrival struct {
	Shop   string // the id of the shop that the backup is of
	Backup string // names that one backup
	Schema int64  // the newest migration that it has seen
}

// ErrNotEmpty means that a restore was to go into a database that has tables.
var ErrNotEmpty = errors.New("the database is not empty; a restore needs an empty one")

// ErrNewerSchema means a backup that a newer Cartkeep has made.
var ErrNewerSchema = errors.New("a newer Cartkeep has made this backup")

// Receive opens a database that is empty, or that an earlier try for the same
// shop and of the same backup has begun to fill, gives it the schema that the
// backup was made with and lets fn fill it. [Open] brings the schema up to date.
func Receive(ctx context.Context, c Config, from Arrival, fn func(*Reception) error) (err error) {
	e, err := engineFor(c.Database)
	if err != nil {
		return err
	}
	db := &DB{engine: e, shop: c.ShopID, clock: time.Now, log: c.Log}
	if err := db.connect(ctx, c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r := &Reception{db: db, ctx: ctx, from: from, scratch: c.Scratch}
	paired, err := db.beginReceiving(ctx, from)
	if err != nil {
		return err
	}
	if !paired { // else it may be at a newer schema already
		if err := db.migrateTo(ctx, from.Schema); err != nil {
			return err
		}
	}
	if r.live, err = db.columns(ctx); err != nil {
		return err
	}
	if r.conn, err = db.writeBulk(ctx, c.Scratch); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.drop(), r.conn.close()) }()
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.look(); err != nil {
		return err
	}
	if err := fn(r); err != nil {
		return err
	}
	return r.do(`COMMIT`)
}

// begin begins a transaction. On PostgreSQL the one of a try that was killed may
// still be at its COMMIT; it is waited for.
func (r *Reception) begin() error {
	if err := r.do(`BEGIN`); err != nil || r.db.engine == onSQLite {
		return err
	}
	return r.do(`LOCK TABLE restoring IN EXCLUSIVE MODE`)
}

func (r *Reception) do(query string) error {
	if err := r.conn.exec(query); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// Begin says which table the next rows are of; again, that an earlier try has
// kept some of them. Names that the schema does not have are refused. The dossiers of a data part are only noted: their keys come
// from a key part, by [Reception.Keys].
func (r *Reception) Begin(table string, columns []string, again bool) error {
	if err := r.End(); err != nil {
		return err
	}
	live, ok := r.live[table]
	if !ok || personal.NotInBackups()[table]["*"] != "" {
		return fmt.Errorf("the backup holds a table that does not belong there: %q", table)
	}
	for _, c := range columns {
		if !slices.Contains(live, c) {
			return fmt.Errorf("the backup holds a column that does not belong there: %q.%q", table, c)
		}
	}
	into := table
	columns = slices.Clone(columns)
	at := func(c string) int { return slices.Index(columns, c) }
	r.change = func([]Value) {}
	switch table {
	case "dossiers":
		into = listed
		r.change = r.adopt(at("subject"))
	case "secrets", "retired":
		r.change = r.adopt(at("subject"))
	case "settings":
		name, value := at("name"), at("value")
		r.change = func(row []Value) {
			if row[name].is("shop.id") {
				row[value] = TextValue(r.db.shop)
			}
		}
	case "tree":
		origin := at("origin")
		r.change = func(row []Value) { row[origin] = TextValue(ledgerOrigin(r.db.shop)) }
	default:
		if i := at("owner"); i >= 0 {
			r.change = r.adopt(i)
		}
	}
	r.wider = nil
	if table == "wishes" && slices.Contains(live, "email_mac") && !slices.Contains(live, "email_mac_even") {
		columns = append(columns, "email_mac") // empty, until its schema is up to date and lets it be none
		r.wider = make([]Value, len(columns))
		r.wider[len(columns)-1] = BytesValue([]byte{})
	}
	if !again { // what a migration has put there
		if err := r.do(`DELETE FROM ` + into); err != nil {
			return err
		}
	}
	return r.open(into, columns)
}

// adopt makes the new shop the owner of what was the old one's.
func (r *Reception) adopt(i int) func([]Value) {
	shop := TextValue(r.db.shop)
	return func(row []Value) {
		if i >= 0 && row[i].is(r.from.Shop) {
			row[i] = shop
		}
	}
}

// Keys says that the next rows are dossiers with their wraps, in the order of
// [KeyTable], already under the new shop's epoch and of their new owner.
func (r *Reception) Keys() error {
	if err := r.End(); err != nil {
		return err
	}
	r.change, r.wider = func([]Value) {}, nil
	return r.open("dossiers", dossierColumns)
}

func (r *Reception) open(table string, columns []string) (err error) {
	r.table = table
	r.sink, err = r.conn.into(table, columns)
	return err
}

// Row keeps a row of the table that was begun. It may change it.
func (r *Reception) Row(row []Value) error {
	if r.sink == nil {
		return errors.New("a row of no table")
	}
	if r.wider != nil {
		copy(r.wider[:len(r.wider)-1], row)
		row = r.wider
	}
	r.change(row)
	if err := r.sink.row(row); err != nil {
		return fmt.Errorf("restore %s: %w", r.table, err)
	}
	return nil
}

// drop lets go of the table that was begun.
func (r *Reception) drop() (err error) {
	if r.sink != nil {
		err, r.sink = r.sink.end(), nil
	}
	return err
}

// End finishes the table that was begun.
func (r *Reception) End() error {
	if r.sink == nil {
		return nil
	}
	if err := errors.Join(r.sink.flush(), r.drop()); err != nil {
		return fmt.Errorf("restore %s: %w", r.table, err)
	}
	return nil
}

// Unpaired is a dossier that the data part has values of.
type Unpaired struct {
	Owner                 seal.Owner
	Created, DestroyAfter int64
}

// Pair throws away the keys that nothing in the data part belongs to and returns
// the dossiers that have no key: nothing says that they were destroyed, and
// still there is none.
func (r *Reception) Pair() ([]Unpaired, error) {
	if err := r.End(); err != nil {
		return nil, err
	}
	const same = `l.subject = d.subject AND l.case_id = d.case_id AND l.purpose = d.purpose AND l.id = d.id`
	// The restored shop draws an index key of its own: the old one may be destroyed
	// by now, and all that was computed under it is computed again.
	index := ` = '` + r.db.shop + `' AND (case_id = '` + secretIndex + `' OR case_id LIKE '` + secretIndex + `.%')`
	var queries []string
	if _, ok := r.live["retired"]; ok { // what still had values needs its key like a dossier
		queries = append(queries, `INSERT INTO `+listed+` (subject, id, purpose, case_id, state, created_at, destroy_after) SELECT subject, id, purpose, case_id, 'open', retired_at, retired_at FROM retired`)
	}
	queries = append(queries,
		`DELETE FROM `+listed+` WHERE subject`+index,
		`DELETE FROM secrets WHERE subject`+strings.ReplaceAll(index, "case_id", "name"),
		`DELETE FROM dossiers WHERE id NOT IN (SELECT id FROM `+listed+`)`,
		// Of what was destroyed before, the newer part may have forgotten it by now.
		`INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, wrap, created_at, destroy_after, destroyed_at)
			SELECT subject, id, purpose, case_id, 'destroyed', 0, NULL, created_at, destroy_after, destroyed_at FROM `+listed+` l
			WHERE state = 'destroyed' AND NOT EXISTS (SELECT 1 FROM dossiers d WHERE `+same+`)`,
	)
	if _, ok := r.live["legal_holds"]; ok {
		queries = append(queries, `UPDATE dossiers SET held_until = `+heldUntil+` WHERE state <> 'destroyed' AND id IN (SELECT dossier FROM legal_holds)`)
	}
	for _, query := range queries {
		if err := r.do(query); err != nil {
			return nil, err
		}
	}
	var out []Unpaired
	err := r.conn.read(`SELECT subject, id, purpose, case_id, created_at, destroy_after FROM `+listed+` l
		WHERE NOT EXISTS (SELECT 1 FROM dossiers d WHERE `+same+`) ORDER BY id`, func(v []Value) error {
		text := func(i int) string { return string(v[i].Raw) }
		out = append(out, Unpaired{seal.Owner{Subject: text(0), Dossier: text(1), Purpose: text(2), Case: text(3)}, v[4].Int, v[5].Int})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pair the parts: %w", err)
	}
	return out, nil
}

// Retire puts the keys that were found for retired dossiers where they belong.
func (r *Reception) Retire() error {
	if err := r.End(); err != nil {
		return err
	}
	if _, ok := r.live["retired"]; !ok {
		return nil
	}
	const same = ` FROM dossiers d WHERE d.subject = retired.subject AND d.case_id = retired.case_id AND d.purpose = retired.purpose AND d.id = retired.id)`
	for _, query := range []string{
		`UPDATE retired SET wrap = (SELECT d.wrap` + same + `, epoch = COALESCE((SELECT d.epoch` + same + `, 0)`,
		`DELETE FROM dossiers WHERE id IN (SELECT id FROM retired)`,
	} {
		if err := r.do(query); err != nil {
			return err
		}
	}
	return nil
}

// Wipe empties a PostgreSQL database in which a restore for this shop was cut
// short. Any other database is left as it is, which is no error.
func Wipe(ctx context.Context, database, shop string) (err error) {
	e, err := engineFor(database)
	if err != nil || e != onPostgres {
		return errors.Join(err, errors.New("only a PostgreSQL database is wiped"))
	}
	db := &DB{engine: e, shop: shop, clock: time.Now}
	if err := db.connect(ctx, Config{Database: database}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.pool.Close()) }()
	if !db.marked(ctx) {
		return nil
	}
	live, err := db.columns(ctx)
	if err != nil {
		return err
	}
	var names []string
	for name := range live {
		names = append(names, pgx.Identifier{name}.Sanitize())
	}
	if _, err := db.pool.ExecContext(ctx, `DROP TABLE `+strings.Join(names, ", ")+` CASCADE`); err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	rows, err := db.pool.QueryContext(ctx, `SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = current_schema() AND p.proname LIKE '%\_guard'`)
	if err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	guards, err := column[string](rows)
	for _, g := range guards {
		_, drop := db.pool.ExecContext(ctx, `DROP FUNCTION `+pgx.Identifier{g}.Sanitize())
		err = errors.Join(err, drop)
	}
	return err
}
