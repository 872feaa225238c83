package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
)

// querier is what a View asks: a connection, a pool, a cache of statements, or
// PostgreSQL's own connection.
type querier interface {
	exec(ctx context.Context, query string, args ...any) (int64, error) // rows affected
	query(ctx context.Context, query string, args ...any) (rows, error)
	queryRow(ctx context.Context, query string, args ...any) row
}

// deferring is a querier that can hold statements back, to send them together
// with the next one.
type deferring interface {
	later(s statement)
}

// statement is one that nobody waits for.
type statement struct {
	what  string          // for its error
	none  func() error    // asked when it changed no row; nil when that is fine
	read  func(row) error // takes the one row it asks for; nil for a statement that changes rows
	query string
	args  []any
}

// conditional tells that its answer decides whether the transaction goes on.
func (s statement) conditional() bool { return s.none != nil || s.read != nil }

// later carries out a statement whose rows nobody asks for. Where a statement
// is a journey to the database it travels with the next one, or with COMMIT,
// and its error is that one's: a transaction that it fails is undone all the
// same. none gives the error for a statement that changed no row.
func (t *Tx) later(what string, none func() error, query string, args ...any) error {
	if d, ok := t.q.(counted).querier.(deferring); ok {
		t.db.count.Add(1)
		d.later(statement{what: what, none: none, query: query, args: args})
		return nil
	}
	n, err := t.exec(query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n == 0 && none != nil {
		return none()
	}
	return nil
}

// laterRow asks for one row that nobody waits for. read gets it, at the latest
// when the answer of the next statement is there; what travels between the two
// is undone when read returns an error.
func (t *Tx) laterRow(read func(row) error, query string, args ...any) error {
	if d, ok := t.q.(counted).querier.(deferring); ok {
		t.db.count.Add(1)
		d.later(statement{read: read, query: query, args: args})
		return nil
	}
	return read(t.row(query, args...))
}

// rows and row are what database/sql and pgx have in common.
type (
	rows interface {
		Next() bool
		Scan(into ...any) error
		Err() error
		Close() error
	}
	row interface {
		Scan(into ...any) error
	}
)

func (v *View) exec(query string, args ...any) (int64, error) {
	return v.q.exec(v.ctx, query, args...)
}

func (v *View) rows(query string, args ...any) (rows, error) {
	return v.q.query(v.ctx, query, args...)
}

func (v *View) row(query string, args ...any) row {
	return v.q.queryRow(v.ctx, query, args...)
}

// counted counts statements for the benchmark that bounds them.
type counted struct {
	querier
	n *atomic.Int64
}

func (c counted) exec(ctx context.Context, query string, args ...any) (int64, error) {
	c.n.Add(1)
	return c.querier.exec(ctx, query, args...)
}

func (c counted) query(ctx context.Context, query string, args ...any) (rows, error) {
	c.n.Add(1)
	return c.querier.query(ctx, query, args...)
}

func (c counted) queryRow(ctx context.Context, query string, args ...any) row {
	c.n.Add(1)
	return c.querier.queryRow(ctx, query, args...)
}

// sqlQuerier is what database/sql offers on pools and connections.
type sqlQuerier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// plain asks database/sql as it is.
type plain struct{ db sqlQuerier }

func (p plain) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return affected(p.db.ExecContext(ctx, query, args...))
}

func (p plain) query(ctx context.Context, query string, args ...any) (rows, error) {
	return opened(p.db.QueryContext(ctx, query, args...))
}

func (p plain) queryRow(ctx context.Context, query string, args ...any) row {
	return p.db.QueryRowContext(ctx, query, args...)
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// opened keeps a nil *sql.Rows from becoming rows that are not nil.
func opened(r *sql.Rows, err error) (rows, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// stmtCache keeps one prepared statement for each SQL text. The texts are this
// package's own; those that grow with lines, words or a batch are bounded by
// the limits on these.
type stmtCache struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	stmts   sync.Map // text → *sql.Stmt
}

func (c *stmtCache) get(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if old, loaded := c.stmts.LoadOrStore(query, s); loaded {
		s.Close()
		return old.(*sql.Stmt), nil
	}
	return s, nil
}

func (c *stmtCache) close() {
	c.stmts.Range(func(_, s any) bool {
		s.(*sql.Stmt).Close()
		return true
	})
}

// prepared asks through the cache.
type prepared struct{ cache *stmtCache }

func (p prepared) exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := p.cache.get(ctx, query)
	if err != nil {
		return 0, err
	}
	return affected(s.ExecContext(ctx, args...))
}

func (p prepared) query(ctx context.Context, query string, args ...any) (rows, error) {
	s, err := p.cache.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return opened(s.QueryContext(ctx, args...))
}

func (p prepared) queryRow(ctx context.Context, query string, args ...any) row {
	s, err := p.cache.get(ctx, query)
	if err != nil {
		return noRow{err}
	}
	return s.QueryRowContext(ctx, args...)
}

// noRow is the row of a statement that failed.
type noRow struct{ err error }

// Scan returns why there is none.
func (r noRow) Scan(...any) error { return r.err }
