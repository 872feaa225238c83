package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// copying reads and writes PostgreSQL's rows with COPY, in its binary form, which
// is close to what a backup keeps: a length before each value, and no text to be
// parsed.
type copying struct {
	ctx  context.Context
	conn *sql.Conn
}

func openCopying(ctx context.Context, pool *sql.DB) (*copying, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach database: %w", withoutSecrets(err))
	}
	return &copying{ctx, conn}, nil
}

func (c *copying) raw(fn func(*pgconn.PgConn) error) error {
	return c.conn.Raw(func(d any) error { return fn(d.(*stdlib.Conn).Conn().PgConn()) })
}

func (c *copying) exec(query string) error {
	_, err := c.conn.ExecContext(c.ctx, query)
	return withoutSecrets(err)
}

// types asks of what types the columns of an answer are.
func (c *copying) types(p *pgconn.PgConn, query string) ([]uint32, error) {
	d, err := p.Prepare(c.ctx, "", query, nil)
	if err != nil {
		return nil, err
	}
	out := make([]uint32, len(d.Fields))
	for i, f := range d.Fields {
		out[i] = f.DataTypeOID
	}
	return out, nil
}

func (c *copying) read(query string, each func([]Value) error) error {
	err := c.raw(func(p *pgconn.PgConn) error {
		types, err := c.types(p, query)
		if err != nil {
			return err
		}
		r := &copyReader{types: types, row: make([]Value, len(types)), each: each, head: true}
		_, err = p.CopyTo(c.ctx, r, `COPY (`+query+`) TO STDOUT (FORMAT binary)`)
		return err
	})
	return withoutSecrets(err)
}

// copyHead begins every COPY in binary form: its signature, no flags, no extension.
const copyHead = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// copyReader takes what COPY sends, in pieces of any length, apart into rows.
type copyReader struct {
	types []uint32
	row   []Value
	each  func([]Value) error
	head  bool   // is still to come
	rest  []byte // of a row that has not come whole
}

var errCopy = errors.New("PostgreSQL sent rows that do not read")

// Write takes the next piece.
func (r *copyReader) Write(b []byte) (int, error) {
	n := len(b)
	if len(r.rest) > 0 {
		r.rest = append(r.rest, b...)
		b = r.rest
	}
	if r.head {
		if len(b) < len(copyHead) {
			r.rest = append(r.rest[:0:0], b...)
			return n, nil
		}
		if string(b[:len(copyHead)]) != copyHead {
			return 0, errCopy
		}
		b, r.head = b[len(copyHead):], false
	}
	for {
		size, err := r.next(b)
		if err != nil {
			return 0, err
		}
		if size == 0 {
			break
		}
		b = b[size:]
	}
	r.rest = append(r.rest[:0:0], b...)
	return n, nil
}

// next reads a row and tells how long it was; 0 when it has not come whole, or
// was the mark of the end.
func (r *copyReader) next(b []byte) (size int, err error) {
	if len(b) < 2 {
		return 0, nil
	}
	columns := int16(binary.BigEndian.Uint16(b))
	if columns == -1 {
		return 0, nil
	}
	if int(columns) != len(r.types) {
		return 0, errCopy
	}
	at := 2
	for i := range r.row {
		if len(b)-at < 4 {
			return 0, nil
		}
		length := int(int32(binary.BigEndian.Uint32(b[at:])))
		if at += 4; length == -1 {
			r.row[i] = Value{Kind: KindNull}
			continue
		}
		if length < 0 {
			return 0, errCopy
		}
		if len(b)-at < length {
			return 0, nil
		}
		if r.row[i], err = ofPostgres(r.types[i], b[at:at+length]); err != nil {
			return 0, err
		}
		at += length
	}
	return at, r.each(r.row)
}

// ofPostgres reads a value in binary form.
func ofPostgres(kind uint32, b []byte) (Value, error) {
	switch {
	case kind == pgtype.TextOID:
		return Value{Kind: KindText, Raw: b}, nil
	case kind == pgtype.ByteaOID:
		return Value{Kind: KindBytes, Raw: b}, nil
	case kind == pgtype.Int8OID && len(b) == 8:
		return IntValue(int64(binary.BigEndian.Uint64(b))), nil
	case kind == pgtype.Int4OID && len(b) == 4:
		return IntValue(int64(int32(binary.BigEndian.Uint32(b)))), nil
	case kind == pgtype.BoolOID && len(b) == 1:
		return IntValue(int64(b[0])), nil
	}
	return Value{}, errors.New("a value of a kind that no column has")
}

func (c *copying) into(table string, columns []string) (s sink, err error) {
	list := strings.Join(columns, ", ")
	err = c.raw(func(p *pgconn.PgConn) error {
		types, err := c.types(p, `SELECT `+list+` FROM `+table)
		s = &copySink{copying: c, types: types, to: `COPY ` + table + ` (` + list + `) FROM STDIN (FORMAT binary)`}
		return err
	})
	return s, withoutSecrets(err)
}

// copyBytes is how much is held before it goes to PostgreSQL.
const copyBytes = 4 << 20

// copySink holds rows and sends many at once.
type copySink struct {
	*copying
	types []uint32
	to    string
	rows  []byte
}

func (s *copySink) row(values []Value) error {
	if len(s.rows) == 0 {
		s.rows = append(s.rows, copyHead...)
	}
	b := binary.BigEndian.AppendUint16(s.rows, uint16(len(values)))
	for i, v := range values {
		var err error
		if b, err = appendPostgres(b, s.types[i], v); err != nil {
			return err
		}
	}
	if s.rows = b; len(b) < copyBytes {
		return s.ctx.Err()
	}
	return s.flush()
}

// appendPostgres writes a value in binary form. Kinds that do not fit are left to
// PostgreSQL, which refuses them.
func appendPostgres(b []byte, kind uint32, v Value) ([]byte, error) {
	switch v.Kind {
	case KindNull:
		return append(b, 0xff, 0xff, 0xff, 0xff), nil
	case KindText, KindBytes:
		if kind != pgtype.TextOID && kind != pgtype.ByteaOID {
			return nil, errors.New("a text where a number belongs")
		}
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v.Raw))), v.Raw...), nil
	case KindInt:
		switch kind {
		case pgtype.BoolOID:
			return append(b, 0, 0, 0, 1, byte(min(max(v.Int, 0), 1))), nil
		case pgtype.Int8OID:
			return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v.Int)), nil
		}
	}
	return nil, errors.New("a value of a kind that its column does not hold")
}

func (s *copySink) flush() error {
	if len(s.rows) == 0 {
		return nil
	}
	s.rows = append(s.rows, 0xff, 0xff)
	err := s.raw(func(p *pgconn.PgConn) error {
		_, err := p.CopyFrom(s.ctx, bytes.NewReader(s.rows), s.to)
		return err
	})
	s.rows = s.rows[:0]
	return withoutSecrets(err)
}

func (s *copySink) end() error { return nil }

// close rolls back what is open. Where that fails the connection is gone, and
// the transaction with it.
func (c *copying) close() error {
	c.conn.ExecContext(context.WithoutCancel(c.ctx), `ROLLBACK`)
	return c.conn.Close()
}
