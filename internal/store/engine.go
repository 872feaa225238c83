package store

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sys/unix"
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

// engineFor tells the engine of a database setting.
func engineFor(database string) (engine, error) {
	if isPostgres(database) {
		return onPostgres, nil
	}
	if strings.Contains(database, "://") {
		return "", errors.New("database: give a postgres:// URL, or nothing for SQLite")
	}
	return onSQLite, nil
}

func isPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// sealedConfig reads a postgres:// URL, with all that the environment and a
// service file add to it, into a configuration none of whose attempts crosses a
// network in the clear. libpq's default, "prefer", tries once more without TLS
// when the server declines it, as anybody on the way can pretend: it becomes
// "require". What demands more already stays as it is.
func sealedConfig(database string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(database)
	if err == nil && inTheClear(c) && mayUpgrade(database) {
		c, err = pgx.ParseConfig(withRequire(database))
	}
	if err != nil {
		return nil, errors.New("database: the postgres:// URL, or what the PG… environment adds to it, does not parse")
	}
	if inTheClear(c) {
		return nil, errors.New("database: a PostgreSQL connection needs TLS (sslmode=require or better) or a local socket (host=/run/postgresql)")
	}
	impatient(c)
	return c, nil
}

// How long a server that says nothing is waited for. A machine that lost its
// power refuses nothing and closes nothing; without these bounds a transaction
// would wait for it for minutes, while the standby is ready to take over.
const (
	answerWithin = 3 * time.Second  // a new connection, to each host; connect_timeout in the URL overrules it
	silentAfter  = 10 * time.Second // bytes that nobody acknowledges
)

// impatient bounds the waiting for silent servers.
func impatient(c *pgx.ConnConfig) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = answerWithin
	}
	dial := &net.Dialer{Timeout: c.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control: func(network, _ string, raw syscall.RawConn) (err error) {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			outer := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silentAfter.Milliseconds()))
			})
			return errors.Join(outer, err)
		}}
	c.DialFunc = dial.DialContext
}

// inTheClear asks of every attempt that pgx would make, fallbacks and further
// hosts included, whether it leaves the machine's sockets without TLS. What is
// a socket, pgx decides; a name that begins with @ is none to it.
func inTheClear(c *pgx.ConnConfig) bool {
	crosses := func(host string, port uint16, t *tls.Config) bool {
		network, _ := pgconn.NetworkAddress(host, port)
		return network != "unix" && t == nil
	}
	return crosses(c.Host, c.Port, c.TLSConfig) || slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return crosses(f.Host, f.Port, f.TLSConfig)
	})
}

// mayUpgrade tells whether the URL leaves it open if there is TLS. A URL that
// says sslmode=disable is refused instead of understood in another way.
func mayUpgrade(database string) bool {
	q, err := url.ParseQuery(query(database))
	mode := ""
	if said := q["sslmode"]; len(said) > 0 {
		mode = said[len(said)-1] // as pgx reads it
	}
	return err == nil && (mode == "" || mode == "prefer" || mode == "allow")
}

func withRequire(database string) string {
	if strings.HasSuffix(database, "?"+query(database)) {
		return database + "&sslmode=require"
	}
	return database + "?sslmode=require"
}

// query is what follows the question mark of a postgres:// URL. The host part
// can be a list and the password can hold anything but a slash, so the URL is
// none that net/url knows.
func query(database string) string {
	_, rest, _ := strings.Cut(database, "://")
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		rest = rest[i+1:]
	}
	_, q, _ := strings.Cut(rest, "?")
	return q
}

const (
	readers = 4  // reading connections on SQLite
	pgConns = 24 // connections on PostgreSQL

	pragmas = "_pragma=busy_timeout(5000)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)"
	lasting = "&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)"
	// scratch is for a file that is thrown away and filled at once: large pages, and
	// never a wait for the disk. The driver sorts what is named by _pragma; turning to WAL
	// has to come after both, or the pages are small and the turning waits.
	scratch  = "&_pragma=page_size(32768)&_pragma=synchronous(OFF)&_pragma=secure_delete(OFF)&_pragma=cache_size(-65536)&_journal_mode=WAL"
	readOnly = "&_pragma=query_only(ON)"
)

func (db *DB) connect(ctx context.Context, c Config) error {
	database := c.Database
	if db.engine == onPostgres {
		sealed, err := sealedConfig(database)
		if err != nil {
			return err
		}
		pool := stdlib.OpenDB(*sealed)
		pool.SetMaxOpenConns(pgConns)
		pool.SetMaxIdleConns(pgConns)
		db.pool = pool
		if err := pool.PingContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("reach database: %w", withoutSecrets(err)), pool.Close())
		}
		var version int64
		if err := pool.QueryRowContext(ctx, `SELECT CAST(current_setting('server_version_num') AS BIGINT)`).Scan(&version); err != nil {
			return errors.Join(fmt.Errorf("ask the database's version: %w", withoutSecrets(err)), pool.Close())
		}
		if err := newEnough(version); err != nil {
			return errors.Join(err, pool.Close())
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
	if c.Scratch {
		dsn += scratch
	} else {
		dsn += lasting
	}
	write, err := sql.Open("sqlite", dsn)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	write.SetMaxOpenConns(1)
	db.writer, err = newWriter(ctx, db, write)
	if err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), write.Close())
	}
	db.path = database
	db.pool, err = sql.Open("sqlite", dsn+readOnly)
	if err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), db.writer.close())
	}
	db.pool.SetMaxOpenConns(readers)
	db.pool.SetMaxIdleConns(readers)
	db.stmts = &stmtCache{prepare: db.pool.PrepareContext}
	return nil
}

// newEnough refuses a PostgreSQL that finds rows by their place (see wrapsByPlace) by
// reading all of a table. version is its server_version_num.
func newEnough(version int64) error {
	if version < 140000 {
		return fmt.Errorf("database: this is PostgreSQL %d, and Cartkeep needs 14 or newer", version/10000)
	}
	return nil
}

// reader returns what a View asks.
func (db *DB) reader() querier {
	if db.stmts != nil {
		return prepared{db.stmts}
	}
	return plain{db.pool}
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
	if e == onPostgres && (lostConnection(err) || retryable(err) || lacking(err) || errors.Is(err, context.DeadlineExceeded)) {
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

// lacking reports that PostgreSQL, or the machine that it is on, lacks something: room
// on the disk, memory, connections (class 53 of its codes), or a disk that works (58).
func lacking(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "58"))
}

// GaveWay reports that a transaction that waits briefly would have had to wait for
// longer.
func GaveWay(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// withoutSecrets keeps a connection error's kind and drops its text, which can
// hold the database URL.
func withoutSecrets(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if pg.Code == "53100" {
			return errors.New("PostgreSQL's disk is full (53100)")
		}
		return fmt.Errorf("PostgreSQL says %s (%s)", pg.Code, pg.Severity)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return errors.New("PostgreSQL does not answer, or refuses the sign-in or the TLS")
	}
	return err
}
