package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// patience bounds how long a transaction is tried again: a failover to a
// standby is a pause for the shopper, not an error. It is shorter than the time
// a request has, so that who waited in vain still gets an answer.
const patience = 20 * time.Second

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
			return err // what is wrong with the database, rather than that time is up
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
	// pgx's own connection, because it can send statements together.
	raw := conn.Raw(func(c any) error {
		p := &pgTx{conn: c.(*stdlib.Conn).Conn(), id: id, at: ms(db.Now())}
		err, unsure = db.carryOut(ctx, p, actor, fn)
		if p.spoilt {
			return driver.ErrBadConn // not given back to the pool
		}
		return nil
	})
	if err == nil && raw != nil && !errors.Is(raw, driver.ErrBadConn) {
		err = raw
	}
	return err, unsure
}

func (db *DB) carryOut(ctx context.Context, p *pgTx, actor ledger.Actor, fn func(*Tx) error) (err error, unsure bool) {
	bg := context.WithoutCancel(ctx)
	if err := db.newTx(ctx, actor, p).run(fn); err != nil {
		p.rollback(bg)
		if p.repeated {
			// An earlier try of this transaction, thought lost, has committed.
			return nil, false
		}
		return err, false
	}
	err, unsure = p.commit(bg)
	if p.begun {
		db.count.Add(3) // begin, the transaction's id, and the end
	}
	switch {
	case p.repeated:
		p.spoilt = true // it stands in a transaction that has failed
		return nil, false
	case unsure:
		p.spoilt = true
	case err != nil:
		p.rollback(bg)
	}
	return err, unsure
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
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) {
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
