package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// engine is the seam: all that differs between SQLite and PostgreSQL.
type engine string

const (
	onSQLite   engine = "sqlite"
	onPostgres engine = "postgres"
)

// engineFor tells the engine of a database setting and refuses a PostgreSQL
// connection that would travel a network in the clear.
func engineFor(database string) (engine, error) {
	if !strings.HasPrefix(database, "postgres://") && !strings.HasPrefix(database, "postgresql://") {
		if strings.Contains(database, "://") {
			return "", errors.New("database: give a postgres:// URL, or nothing for SQLite")
		}
		return onSQLite, nil
	}
	c, err := pgx.ParseConfig(database)
	if err != nil {
		return "", errors.New("database: the postgres:// URL does not parse")
	}
	if !strings.HasPrefix(c.Host, "/") && c.TLSConfig == nil {
		return "", errors.New("database: a PostgreSQL connection needs TLS (sslmode=require or better) or a local socket (host=/run/postgresql)")
	}
	return onPostgres, nil
}

// demandTLS turns libpq's "prefer", which falls back to clear text, into "require".
func demandTLS(database string) string {
	u, err := url.Parse(database)
	if err != nil {
		return database
	}
	q := u.Query()
	if q.Get("sslmode") == "" || q.Get("sslmode") == "prefer" || q.Get("sslmode") == "allow" {
		host := u.Hostname()
		if h := q.Get("host"); h != "" {
			host = h
		}
		if host != "" && !strings.HasPrefix(host, "/") {
			q.Set("sslmode", "require")
			u.RawQuery = q.Encode()
		}
	}
	return u.String()
}

const (
	readers  = 4  // reading connections on SQLite
	pgConns  = 24 // connections on PostgreSQL
	pragmas  = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)"
	readOnly = "&_pragma=query_only(ON)"
)

func (db *DB) connect(ctx context.Context, database string) error {
	if db.engine == onPostgres {
		pool, err := sql.Open("pgx", demandTLS(database))
		if err != nil {
			return fmt.Errorf("open database: %w", err)
		}
		pool.SetMaxOpenConns(pgConns)
		pool.SetMaxIdleConns(pgConns)
		db.pool = pool
		if err := pool.PingContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("reach database: %w", withoutSecrets(err)), pool.Close())
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	// The file is made by us first, so that it is never readable by others.
	f, err := os.OpenFile(database, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	dsn := "file:" + (&url.URL{Path: database}).EscapedPath() + "?" + pragmas
	write, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	write.SetMaxOpenConns(1)
	db.writer, err = newWriter(ctx, db, write)
	if err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), write.Close())
	}
	db.pool, err = sql.Open("sqlite", dsn+readOnly)
	if err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), db.writer.close())
	}
	db.pool.SetMaxOpenConns(readers)
	db.pool.SetMaxIdleConns(readers)
	db.stmts = &stmtCache{prepare: db.pool.PrepareContext}
	return nil
}

// reader returns what a View asks.
func (db *DB) reader() querier {
	if db.stmts != nil {
		return prepared{db.stmts, db.pool}
	}
	return db.pool
}

// forUpdate and forShare lock the rows a change is based on, where the engine
// has several writers. SQLite has one.
func (v *View) forUpdate() string { return v.lock(" FOR UPDATE") }
func (v *View) forShare() string  { return v.lock(" FOR SHARE") }

func (v *View) lock(words string) string {
	if v.locking && v.db.engine == onPostgres {
		return words
	}
	return ""
}

var ddlWords = regexp.MustCompile(`\b(BIGINT|BYTEA|BOOLEAN)\b`)

// dialect makes a migration fit the engine: SQLite's STRICT tables know no
// BIGINT, BYTEA or BOOLEAN, and "-- only:" lines keep the other engine's part
// out. On SQLite rows lie in the order of their key (WITHOUT ROWID): one tree
// less to write for each.
func (e engine) dialect(text string) string {
	var b strings.Builder
	only, inTable := engine("both"), false
	for line := range strings.Lines(text) {
		if word, ok := strings.CutPrefix(strings.TrimSpace(line), "-- only: "); ok {
			only = engine(word)
			continue
		}
		if only != "both" && only != e {
			continue
		}
		if e == onSQLite {
			line = ddlWords.ReplaceAllStringFunc(line, func(w string) string {
				return map[string]string{"BIGINT": "INTEGER", "BYTEA": "BLOB", "BOOLEAN": "INTEGER"}[w]
			})
			inTable = inTable || strings.HasPrefix(line, "CREATE TABLE")
			if inTable && strings.HasPrefix(line, ");") {
				line, inTable = ") STRICT, WITHOUT ROWID;\n", false
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// explain turns an engine's error into one of ours where a caller can act on it.
func (e engine) explain(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
			return fault.Because(fault.Unavailable, "The shop can't save anything right now. Please try again in a minute.", err)
		}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22021" {
		// NUL or broken UTF-8 in what is asked for: nothing is called that.
		return fault.Because(fault.NotFound, "We cannot find that.", withoutSecrets(err))
	}
	if e == onPostgres && (lostConnection(err) || retryable(err)) {
		return fault.Because(fault.Unavailable, "The shop can't save anything right now. Please try again in a minute.", withoutSecrets(err))
	}
	return err
}

// duplicate reports a violated unique key.
func duplicate(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

// retryable reports that PostgreSQL asks to run the transaction again.
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// withoutSecrets keeps a connection error's kind and drops its text, which can
// hold the database URL.
func withoutSecrets(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("PostgreSQL says %s (%s)", pg.Code, pg.Severity)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return errors.New("PostgreSQL does not answer, or refuses the sign-in or the TLS")
	}
	return err
}
