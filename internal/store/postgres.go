package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// patience bounds how long a transaction is tried again: a failover of a
// standby is a pause for the shopper, not an error.
const patience = 30 * time.Second

// retrying runs fn in a PostgreSQL transaction, again after a deadlock, a
// serialization failure or a lost connection. The transaction's own id is
// written with its work, so that after a connection lost during COMMIT it is
// known whether it ran: it never runs twice.
func (db *DB) retrying(ctx context.Context, actor ledger.Actor, fn func(*Tx) error) error {
	id, end, pause := NewID(), time.Now().Add(patience), 5*time.Millisecond
	for try := 0; ; try++ {
		err, unsure := db.once(ctx, id, actor, fn)
		if err == nil || !(retryable(err) || lostConnection(err)) {
			return err
		}
		if unsure {
			ran, look := db.committed(ctx, id, end)
			if look != nil {
				return err
			}
			if ran {
				return nil
			}
		}
		if time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause + time.Duration(rand.Int64N(int64(pause)))):
		}
		pause = min(2*pause, time.Second)
	}
}

// once tries the transaction one time. unsure tells that COMMIT was sent and
// its answer lost.
func (db *DB) once(ctx context.Context, id string, actor ledger.Actor, fn func(*Tx) error) (err error, unsure bool) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return err, false
	}
	defer conn.Close()
	bg := context.WithoutCancel(ctx)
	t := db.newTx(ctx, actor, conn)
	if err := begin(bg, conn, id, ms(t.now)); err != nil {
		abandon(conn)
		if duplicate(err) {
			// An earlier try of this transaction, thought lost, has committed.
			return nil, false
		}
		return err, false
	}
	db.count.Add(3) // begin, the transaction's id, and the end
	if err := t.run(fn); err != nil {
		if _, undo := conn.ExecContext(bg, "ROLLBACK"); undo != nil {
			abandon(conn)
		}
		return err, false
	}
	if _, err := conn.ExecContext(bg, "COMMIT"); err != nil {
		abandon(conn)
		return err, true
	}
	return nil, false
}

// begin opens the transaction and writes its id, in one round trip.
func begin(ctx context.Context, conn *sql.Conn, id string, at int64) error {
	return conn.Raw(func(c any) error {
		var both pgx.Batch
		both.Queue("BEGIN")
		both.Queue("INSERT INTO commits (id, at) VALUES ($1, $2)", id, at)
		return c.(*stdlib.Conn).Conn().SendBatch(ctx, &both).Close()
	})
}

// abandon throws a connection away instead of giving it back to the pool.
func abandon(conn *sql.Conn) {
	conn.Raw(func(any) error { return driver.ErrBadConn })
}

// committed looks up whether the transaction ran, on whichever server now answers.
func (db *DB) committed(ctx context.Context, id string, end time.Time) (bool, error) {
	for {
		var n int64
		err := db.pool.QueryRowContext(ctx, `SELECT count(*) FROM commits WHERE id = $1`, id).Scan(&n)
		if err == nil || !lostConnection(err) || time.Now().After(end) {
			return n > 0, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// lostConnection reports that the server went away or is not ready to write.
func lostConnection(err error) bool {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return true
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	if errors.As(err, &connect) || errors.As(err, &network) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "57P01", "57P02", "57P03", "25006", "08000", "08003", "08006":
			return true // shutting down, crashed, starting up, read-only standby, connection failures
		}
	}
	return false
}
