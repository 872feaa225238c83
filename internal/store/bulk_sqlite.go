package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// lite speaks to SQLite's own functions, as its driver does, for the one purpose
// that the driver is slow at. Its connection is one goroutine's at a time, so it
// needs none of the locks that SQLite would take for each value.
type lite struct {
	ctx context.Context
	tls *libc.TLS
	db  uintptr
}

// What a connection is set to.
const (
	liteReads = `PRAGMA busy_timeout = 5000; PRAGMA query_only = ON`
	liteFills = `PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; `
	// liteKept loses no COMMIT to a kill, and to a lost power the newest alone. What
	// pairing takes out again does not stay in free pages.
	liteKept = `PRAGMA secure_delete = ON; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16384`
	// liteScratch is for a file that is thrown away when anything goes wrong.
	liteScratch = `PRAGMA synchronous = OFF; PRAGMA secure_delete = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF`
)

// openLite opens a file that is there.
func openLite(ctx context.Context, path, pragmas string) (*lite, error) {
	l := &lite{ctx: ctx, tls: libc.NewTLS()}
	err := l.named(path, func(name uintptr) error {
		return l.handle(&l.db, func(h uintptr) int32 {
			return sqlite3.Xsqlite3_open_v2(l.tls, name, h, sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_NOMUTEX, 0)
		})
	})
	if err == nil {
		err = l.exec(pragmas)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), l.close())
	}
	return l, nil
}

// named calls fn with a text as C keeps it.
func (l *lite) named(text string, fn func(uintptr) error) error {
	p, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(l.tls, p)
	return fn(p)
}

// handle calls fn with a place where it leaves a pointer.
func (l *lite) handle(into *uintptr, fn func(uintptr) int32) error {
	p := libc.Xmalloc(l.tls, libc.Tsize_t(unsafe.Sizeof(uintptr(0))))
	if p == 0 {
		return errors.New("out of memory")
	}
	defer libc.Xfree(l.tls, p)
	*(*uintptr)(pointer(p)) = 0
	rc := fn(p)
	*into = *(*uintptr)(pointer(p))
	return l.check(rc)
}

// pointer makes a pointer of an address outside of Go's memory.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// check turns a code that is no success into an error, in SQLite's words, which
// name tables and columns and no values.
func (l *lite) check(rc int32) error {
	switch rc {
	case sqlite3.SQLITE_OK, sqlite3.SQLITE_ROW, sqlite3.SQLITE_DONE:
		return nil
	}
	return fmt.Errorf("SQLite says %s (%d)", libc.GoString(sqlite3.Xsqlite3_errmsg(l.tls, l.db)), rc)
}

func (l *lite) exec(query string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	return l.named(query, func(q uintptr) error {
		return l.check(sqlite3.Xsqlite3_exec(l.tls, l.db, q, 0, 0, 0))
	})
}

func (l *lite) prepare(query string) (stmt uintptr, err error) {
	err = l.named(query, func(q uintptr) error {
		return l.handle(&stmt, func(h uintptr) int32 { return sqlite3.Xsqlite3_prepare_v2(l.tls, l.db, q, -1, h, 0) })
	})
	return stmt, err
}

func (l *lite) read(query string, each func([]Value) error) error {
	stmt, err := l.prepare(query)
	if err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_finalize(l.tls, stmt)
	row := make([]Value, sqlite3.Xsqlite3_column_count(l.tls, stmt))
	for {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		rc := sqlite3.Xsqlite3_step(l.tls, stmt)
		if rc != sqlite3.SQLITE_ROW {
			return l.check(rc)
		}
		for i := range row {
			if err := l.column(stmt, int32(i), &row[i]); err != nil {
				return err
			}
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// column reads a value where SQLite keeps it.
func (l *lite) column(stmt uintptr, i int32, v *Value) error {
	switch sqlite3.Xsqlite3_column_type(l.tls, stmt, i) {
	case sqlite3.SQLITE_NULL:
		*v = Value{Kind: KindNull}
	case sqlite3.SQLITE_INTEGER:
		*v = IntValue(sqlite3.Xsqlite3_column_int64(l.tls, stmt, i))
	case sqlite3.SQLITE_TEXT:
		p := sqlite3.Xsqlite3_column_text(l.tls, stmt, i)
		*v = Value{Kind: KindText, Raw: unsafe.Slice((*byte)(pointer(p)), sqlite3.Xsqlite3_column_bytes(l.tls, stmt, i))}
	case sqlite3.SQLITE_BLOB:
		p := sqlite3.Xsqlite3_column_blob(l.tls, stmt, i)
		*v = Value{Kind: KindBytes, Raw: unsafe.Slice((*byte)(pointer(p)), sqlite3.Xsqlite3_column_bytes(l.tls, stmt, i))}
	default:
		return errors.New("a value of a kind that no column has")
	}
	return nil
}

// rowsAtOnce is how many rows one INSERT takes.
const rowsAtOnce = 16

func (l *lite) into(table string, columns []string) (sink, error) {
	s := &liteSink{lite: l, table: table + ` (` + strings.Join(columns, ", ") + `)`, columns: len(columns)}
	var err error
	s.many, err = l.prepare(s.words(rowsAtOnce))
	return s, err
}

// liteSink inserts rows, many at once. Values wait beside each other in memory of
// C's, since SQLite must not be given Go's.
type liteSink struct {
	*lite
	table   string
	columns int
	many    uintptr // the statement for rowsAtOnce
	values  []Value // that wait; of what they hold only the lengths count
	held    []byte  // what they hold, in C's memory
}

// words is the statement for so many rows.
func (s *liteSink) words(rows int) string {
	row := `(?` + strings.Repeat(`,?`, s.columns-1) + `)`
	return `INSERT INTO ` + s.table + ` VALUES ` + row + strings.Repeat(`,`+row, rows-1)
}

func (s *liteSink) row(values []Value) error {
	for _, v := range values {
		if err := s.hold(v.Raw); err != nil {
			return err
		}
	}
	if s.values = append(s.values, values...); len(s.values) < rowsAtOnce*s.columns {
		return s.ctx.Err()
	}
	return s.insert(s.many)
}

// hold copies what a value holds behind what is held already.
func (s *liteSink) hold(raw []byte) error {
	if need := len(s.held) + len(raw) + 1; need > cap(s.held) { // 1: nothing has an address too, or it would be NULL
		p := libc.Xmalloc(s.tls, libc.Tsize_t(2*need))
		if p == 0 {
			return errors.New("out of memory")
		}
		room := unsafe.Slice((*byte)(pointer(p)), 2*need)
		copy(room, s.held)
		old := s.held
		s.held = room[:len(old)]
		s.free(old)
	}
	s.held = append(s.held, raw...)
	return nil
}

func (s *liteSink) free(held []byte) {
	if cap(held) > 0 {
		libc.Xfree(s.tls, uintptr(unsafe.Pointer(unsafe.SliceData(held))))
	}
}

// insert gives the rows that wait to a statement.
func (s *liteSink) insert(stmt uintptr) error {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(s.held)))
	for i, v := range s.values {
		var rc int32
		n, size := int32(i+1), len(v.Raw)
		switch v.Kind {
		case KindNull:
			rc = sqlite3.Xsqlite3_bind_null(s.tls, stmt, n)
		case KindInt:
			rc = sqlite3.Xsqlite3_bind_int64(s.tls, stmt, n, v.Int)
		case KindText:
			rc = sqlite3.Xsqlite3_bind_text(s.tls, stmt, n, at, int32(size), sqlite3.SQLITE_STATIC)
		case KindBytes:
			rc = sqlite3.Xsqlite3_bind_blob(s.tls, stmt, n, at, int32(size), sqlite3.SQLITE_STATIC)
		default:
			return errors.New("a value of no kind")
		}
		if err := s.check(rc); err != nil {
			return err
		}
		at += uintptr(size)
	}
	err := s.check(sqlite3.Xsqlite3_step(s.tls, stmt))
	sqlite3.Xsqlite3_reset(s.tls, stmt)
	s.values, s.held = s.values[:0], s.held[:0]
	return err
}

func (s *liteSink) flush() error {
	left := len(s.values) / s.columns
	if left == 0 {
		return nil
	}
	rest, err := s.prepare(s.words(left))
	if err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_finalize(s.tls, rest)
	return s.insert(rest)
}

func (s *liteSink) end() error {
	s.free(s.held)
	s.held = nil
	sqlite3.Xsqlite3_finalize(s.tls, s.many) // says again what the last INSERT said
	return nil
}

func (l *lite) close() error {
	err := l.check(sqlite3.Xsqlite3_close_v2(l.tls, l.db))
	l.tls.Close()
	return err
}
