package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// pgTx is one transaction on PostgreSQL. Its BEGIN and its id travel with its
// first statement, and a statement that nobody waits for with the next one, so
// that neither costs a round trip of its own.
type pgTx struct {
	conn     *pgx.Conn
	id       string // written to commits
	at       int64
	begun    bool
	repeated bool        // the id is there: an earlier try has committed
	spoilt   bool        // the connection must not be used again
	waiting  []statement // not sent yet
}

func (p *pgTx) later(s statement) { p.waiting = append(p.waiting, s) }

// direct tells that a statement has no company to wait for or to bring along.
func (p *pgTx) direct() bool { return p.begun && len(p.waiting) == 0 }

// send sends what is waiting and a statement together, after BEGIN and the id
// if these are still to come, and returns the results, standing at those of the
// statement.
func (p *pgTx) send(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	var b pgx.Batch
	head := 0
	if !p.begun {
		b.Queue("BEGIN")
		b.Queue("INSERT INTO commits (id, at) VALUES ($1, $2)", p.id, p.at)
		head = 2
	}
	waiting := p.waiting
	for _, s := range waiting {
		b.Queue(s.query, s.args...)
	}
	b.Queue(query, args...)
	p.begun, p.waiting = true, nil
	results := p.conn.SendBatch(ctx, &b)
	for range head {
		if _, err := results.Exec(); err != nil {
			p.repeated = duplicate(err)
			results.Close() // the same error again
			return nil, err
		}
	}
	for _, s := range waiting {
		if err := s.answered(results); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// answered looks at what came back for s, which stands next in results. When
// that ends the transaction, results are closed.
func (s statement) answered(results pgx.BatchResults) error {
	if s.read != nil {
		r, err := results.Query()
		if err = s.read(oneRow{&pgRows{Rows: r}, err}); err != nil {
			results.Close() // what came after it goes the same way
		}
		return err
	}
	tag, err := results.Exec()
	if err != nil {
		results.Close() // the same error again
		return fmt.Errorf("%s: %w", s.what, err)
	}
	if tag.RowsAffected() == 0 && s.none != nil {
		if err := results.Close(); err != nil { // what came after it goes the same way
			return err
		}
		return s.none()
	}
	return nil
}

// settle sends what is waiting when some of it has to be looked at.
func (p *pgTx) settle(ctx context.Context) error {
	if !slices.ContainsFunc(p.waiting, statement.conditional) {
		return nil
	}
	last := p.waiting[len(p.waiting)-1]
	p.waiting = p.waiting[:len(p.waiting)-1]
	results, err := p.send(ctx, last.query, last.args)
	if err != nil {
		return err
	}
	if err := last.answered(results); err != nil {
		return err
	}
	return results.Close()
}

// commit ends the transaction. What is waiting and can only succeed or fail
// goes along; what has to be looked at first is sent before. unsure tells that
// COMMIT was on its way: whether it was carried out is to be looked up.
func (p *pgTx) commit(ctx context.Context) (err error, unsure bool) {
	if err := p.settle(ctx); err != nil {
		return err, false
	}
	if !p.begun && len(p.waiting) == 0 {
		return nil, false // it did nothing
	}
	_, err = p.exec(ctx, "COMMIT")
	return err, err != nil
}

func (p *pgTx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if p.direct() {
		tag, err := p.conn.Exec(ctx, query, args...)
		return tag.RowsAffected(), err
	}
	results, err := p.send(ctx, query, args)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if end := results.Close(); err == nil {
		err = end
	}
	return tag.RowsAffected(), err
}

func (p *pgTx) query(ctx context.Context, query string, args ...any) (rows, error) {
	if p.direct() {
		r, err := p.conn.Query(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		return &pgRows{Rows: r}, nil
	}
	results, err := p.send(ctx, query, args)
	if err != nil {
		return nil, err
	}
	r, err := results.Query()
	if err != nil {
		results.Close() // the same error again
		return nil, err
	}
	return &pgRows{r, results}, nil
}

func (p *pgTx) queryRow(ctx context.Context, query string, args ...any) row {
	r, err := p.query(ctx, query, args...)
	return oneRow{r, err}
}

// rollback undoes what was done, or gives the connection up.
func (p *pgTx) rollback(ctx context.Context) {
	if !p.begun {
		return
	}
	if _, err := p.conn.Exec(ctx, "ROLLBACK"); err != nil {
		p.spoilt = true
	}
}

// pgRows are rows of a statement, and the end of the batch it travelled in.
type pgRows struct {
	pgx.Rows
	batch pgx.BatchResults // nil unless it was the first
}

// Next goes to the next row. After the last one the connection is free again,
// as database/sql has it.
func (r *pgRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close() // an error of the rows stays in Err
	return false
}

// Close ends the rows. It may be called twice.
func (r *pgRows) Close() error {
	r.Rows.Close()
	if r.batch == nil {
		return nil
	}
	err := r.batch.Close()
	r.batch = nil
	return err
}

// oneRow is the first row of rows.
type oneRow struct {
	rows rows
	err  error
}

// Scan reads the row; there being none is sql.ErrNoRows.
func (o oneRow) Scan(into ...any) error {
	if o.err != nil {
		return o.err
	}
	defer o.rows.Close()
	if !o.rows.Next() {
		if err := o.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := o.rows.Scan(into...); err != nil {
		return err
	}
	return o.rows.Close()
}
