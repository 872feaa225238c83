package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/seal"
)

// Wrapped is a dossier's key as it is stored, and whose it is.
type Wrapped struct {
	Owner seal.Owner
	Wrap  []byte
	Moved []byte // the same key under another epoch, to be stored instead

	table wrapTable
	place tid // on PostgreSQL: where its row lay when it was read
}

// wrapTable is a table that keeps wraps, and which of its rows have one.
type wrapTable struct{ name, kept string }

// wrapTables are both, in the order in which WrapsBefore goes over them.
var wrapTables = [...]wrapTable{{"dossiers", "state <> 'destroyed'"}, {"retired", "wrap IS NOT NULL"}}

// WrapsBefore returns about limit wraps that were made under an earlier epoch than
// the given one, and none only where there are none any more: first those of dossiers,
// in the order in which they lie, then those that were retired. after is where the page
// before it ended; nil begins.
//
// A row that another transaction moves meanwhile may be missed. Who needs them all
// begins anew until there are none.
func (v *View) WrapsBefore(epoch seal.EpochID, after *Wrapped, limit int) ([]Wrapped, error) {
	for _, table := range wrapTables {
		var from *Wrapped
		if after != nil && after.table != table {
			if table == wrapTables[0] {
				continue
			}
		} else if after != nil {
			from = after
		}
		read := v.wrapsByKey
		if v.db.engine == onPostgres {
			read = v.wrapsByPlace
		}
		list, err := read(table, epoch, from, limit)
		if err != nil {
			return nil, fmt.Errorf("read wraps: %w", err)
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	return nil, nil
}

const wrapColumns = `subject, case_id, purpose, id, wrap`

// wrapsByKey reads in the order of the key, in which rows lie on SQLite.
func (v *View) wrapsByKey(table wrapTable, epoch seal.EpochID, after *Wrapped, limit int) ([]Wrapped, error) {
	const inOrder = ` ORDER BY subject, case_id, purpose, id LIMIT $2`
	query, args := `SELECT `+wrapColumns+` FROM `+table.name+` WHERE epoch < $1 AND `+table.kept, []any{int64(epoch), limit}
	if after != nil {
		query += ` AND (subject, case_id, purpose, id) > ($3, $4, $5, $6)`
		o := after.Owner
		args = append(args, o.Subject, o.Case, o.Purpose, o.Dossier)
	}
	return v.wraps(nil, table, query+inOrder, args...)
}

// blockRows is about how many dossiers lie in a block of PostgreSQL's, which is half
// full.
const blockRows = 15

// mostBlocks is how much of a table is looked through at once where none of it is old.
const mostBlocks = 4096

// wrapsByPlace reads some blocks of the table after those that were read, until it
// has a page or the table ends. A million rows are then a million beside each other,
// where in the order of their keys each would be somewhere else. Where nothing is found
// it takes longer and longer steps.
func (v *View) wrapsByPlace(table wrapTable, epoch seal.EpochID, after *Wrapped, limit int) (out []Wrapped, err error) {
	const query = `SELECT ` + wrapColumns + `, CAST(ctid AS TEXT) FROM %s WHERE epoch < $1 AND %s AND ctid >= CAST($2 AS tid) AND ctid < CAST($3 AS tid)`
	out = make([]Wrapped, 0, limit+blockRows)
	page := max(1, int64(limit/blockRows))
	next, blocks := int64(0), page
	if after != nil {
		next = after.place.block() + 1
	}
	for len(out) <= limit/2 {
		found := len(out)
		out, err = v.wraps(out, table, fmt.Sprintf(query, table.name, table.kept), int64(epoch), startOf(next), startOf(next+blocks))
		if err != nil {
			return nil, err
		}
		next += blocks
		if len(out) > found {
			blocks = page
			continue
		}
		blocks = min(2*blocks, max(page, mostBlocks))
		var all int64
		if err := v.row(`SELECT pg_relation_size(CAST($1 AS regclass)) / current_setting('block_size')::BIGINT`, table.name).Scan(&all); err != nil {
			return nil, err
		}
		if next >= all {
			break
		}
	}
	return out, nil
}

// wraps reads more of a table's wraps, and on PostgreSQL their places.
func (v *View) wraps(list []Wrapped, table wrapTable, query string, args ...any) ([]Wrapped, error) {
	rows, err := v.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	w := Wrapped{table: table}
	into := []any{&w.Owner.Subject, &w.Owner.Case, &w.Owner.Purpose, &w.Owner.Dossier, &w.Wrap}
	if v.db.engine == onPostgres {
		into = append(into, &w.place)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, rows.Err()
}

// tid is the place of a row of PostgreSQL's: (block,line). VACUUM gives it to another
// row, and a change of its row leaves it behind.
type tid string

func (t tid) block() (n int64) {
	fmt.Sscanf(string(t), "(%d,", &n)
	return n
}

// startOf is before the first row of a block.
func startOf(block int64) tid { return tid(fmt.Sprintf("(%d,0)", block)) }

// rewrapRows is how many wraps one statement of Rewrap stores on SQLite, whose driver
// looks every parameter up by name; between two statements it is seen whether somebody
// waits. PostgreSQL gets a page in one journey.
const rewrapRows = 8

// The queries move the wraps of one statement, on each engine. The key under a
// wrap never changes, so it matters not which wrap is replaced, only that the
// dossier is alive. PostgreSQL is told where the row lay, which spares it a way
// through the index; whose row it is is asked all the same.
var (
	rewrapByKey = rewrapQuery(onSQLite, `n (subject, case_id, purpose, id, wrap) AS (VALUES `+rewrapParameters()+`)`,
		`d.subject = n.subject AND d.case_id = n.case_id AND d.purpose = n.purpose AND d.id = n.id`)
	rewrapByPlace = rewrapQuery(onPostgres, `n AS (SELECT CAST(place AS tid) AS place, id, wrap
		FROM unnest(CAST($2 AS TEXT[]), CAST($3 AS TEXT[]), CAST($4 AS BYTEA[])) AS list (place, id, wrap))`,
		`d.ctid = n.place AND d.id = n.id`)
)

func rewrapQuery(e engine, list, same string) map[wrapTable]string {
	out := map[wrapTable]string{}
	for _, table := range wrapTables {
		out[table] = `WITH ` + list + ` UPDATE ` + table.name + ` AS d SET epoch = ` + e.usable(1) + `, wrap = n.wrap
			FROM n WHERE ` + same + ` AND epoch < $1 AND d.` + table.kept
	}
	return out
}

func rewrapParameters() string {
	var rows []string
	for i := range rewrapRows {
		k := 5 * i
		rows = append(rows, fmt.Sprintf(`($%d, $%d, $%d, $%d, $%d)`, k+2, k+3, k+4, k+5, k+6))
	}
	return strings.Join(rows, ", ")
}

// Rewrap stores the moved wraps of a page, all of one epoch, each unless its dossier was
// destroyed or re-wrapped since it was read. It returns how many of the list it
// has seen to: where one writes at a time it stops when somebody waits.
//
// It is for InLaggingTx. Nothing is lost when it is cut off: the old wraps open as
// well, until their epoch is closed, and the COMMIT of that waits for the disk,
// and so for everything before it.
func (t *Tx) Rewrap(list []Wrapped) (n int, err error) {
	rows := rewrapRows
	if t.db.engine == onPostgres {
		rows = max(1, len(list))
	}
	for part := range slices.Chunk(list, rows) {
		if n > 0 && t.db.writer.awaited() {
			return n, nil
		}
		epoch, err := oneEpoch(part)
		if err != nil {
			return 0, fmt.Errorf("re-wrap dossiers: %w", err)
		}
		query, args := rewrapByKey[part[0].table], rewrapKeys
		if t.db.engine == onPostgres {
			query, args = rewrapByPlace[part[0].table], rewrapPlaces
		}
		if err := t.later("re-wrap dossiers", nil, query, args(epoch, part)...); err != nil {
			return 0, err
		}
		n += len(part)
	}
	return n, nil
}

// oneEpoch tells under which epoch a statement's wraps were moved. The row notes it,
// and a key is destroyed by what the rows note.
func oneEpoch(part []Wrapped) (epoch seal.EpochID, err error) {
	for i, w := range part {
		id, err := seal.WrapEpoch(w.Moved)
		if err != nil {
			return 0, err
		}
		if i > 0 && (id != epoch || w.table != part[0].table) {
			return 0, errors.New("the wraps of a page are of several epochs or tables")
		}
		epoch = id
	}
	return epoch, nil
}

func rewrapKeys(epoch seal.EpochID, part []Wrapped) []any {
	args := make([]any, 1, 1+5*rewrapRows)
	args[0] = int64(epoch)
	for i := range rewrapRows {
		w := part[min(i, len(part)-1)] // the last stands for those that are not there
		args = append(args, w.Owner.Subject, w.Owner.Case, w.Owner.Purpose, w.Owner.Dossier, w.Moved)
	}
	return args
}

func rewrapPlaces(epoch seal.EpochID, part []Wrapped) []any {
	places, ids, moved := make([]string, len(part)), make([]string, len(part)), make([][]byte, len(part))
	for i, w := range part {
		places[i], ids[i], moved[i] = string(w.place), w.Owner.Dossier, w.Moved
	}
	return []any{int64(epoch), places, ids, moved}
}
