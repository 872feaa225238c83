package shoptest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// SoakEnv names the environment variable that makes the long matrices run
// whole. make soak sets it.
const SoakEnv = "CARTKEEP_SOAK"

// Tenth returns n when the long tests were asked for, and a tenth of it otherwise.
func Tenth(n int) int {
	if os.Getenv(SoakEnv) != "" {
		return n
	}
	return max(1, n/10)
}

// OnPostgres reports which engine the shop stands on.
func (s *Shop) OnPostgres() bool { return strings.HasPrefix(s.Database, "postgres://") }

// Raw opens the database beside the shop, as somebody would who holds the file
// or the password and cares for no rule of the store.
func (s *Shop) Raw(t testing.TB) *sql.DB {
	t.Helper()
	driver, source := "pgx", s.Database
	if !s.OnPostgres() {
		driver, source = "sqlite", "file:"+(&url.URL{Path: s.Database}).EscapedPath()+"?_pragma=busy_timeout(5000)"
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	})
	return raw
}

// Do runs statements through raw and fails the test when one fails.
func Do(t T, raw *sql.DB, query string, args ...any) int64 {
	t.Helper()
	res, err := raw.ExecContext(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// One asks raw for one value.
func One[V any](t T, raw *sql.DB, query string, args ...any) (v V) {
	t.Helper()
	if err := raw.QueryRowContext(context.Background(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Column asks raw for one column of all rows.
func Column[V any](t T, raw *sql.DB, query string, args ...any) (out []V) {
	t.Helper()
	rows, err := raw.QueryContext(context.Background(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var v V
		if err := rows.Scan(&v); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// Tables lists the tables of the shop's database.
func (s *Shop) Tables(t testing.TB, raw *sql.DB) []string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1`
	if s.OnPostgres() {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`
	}
	rows, err := raw.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		out = append(out, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Dump writes every row of every table as text, to compare two moments.
func (s *Shop) Dump(t testing.TB) string {
	t.Helper()
	raw := s.Raw(t)
	var b strings.Builder
	for _, table := range s.Tables(t, raw) {
		rows := dumpTable(t, raw, table)
		sort.Strings(rows)
		fmt.Fprintf(&b, "%s\n%s\n", table, strings.Join(rows, "\n"))
	}
	return b.String()
}

func dumpTable(t testing.TB, raw *sql.DB, table string) []string {
	t.Helper()
	rows, err := raw.QueryContext(context.Background(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, v := range values {
			if raw, ok := v.([]byte); ok {
				v = fmt.Sprintf("%q", raw)
			}
			fmt.Fprintf(&b, "  %s=%v", names[i], v)
		}
		out = append(out, b.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Files lists every file that the shop's database consists of, with what the
// engine still held in memory written out: on SQLite the folder with database,
// WAL and index of the WAL, on PostgreSQL the server's whole data folder with
// its WAL, and its log.
func (s *Shop) Files(t testing.TB) []string {
	t.Helper()
	var out []string
	dir := s.Dir
	if s.OnPostgres() {
		server := pg.Shared(t)
		server.Flush(t)
		dir, out = server.DataDir(), []string{server.LogFile()}
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		if os.IsNotExist(err) {
			return nil // a temporary file that has gone meanwhile
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
