package app

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAShopMovesToPostgreSQLAndBack restores a backup into an empty database, and
// that one's into a folder again.
func TestAShopMovesToPostgreSQLAndBack(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	database := pg.Shared(t).NewDatabase(t)
	run := func(want int, args ...string) (string, string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := Run(context.Background(), args, Process{In: strings.NewReader(""), Out: &out, Err: &errs, Env: os.LookupEnv, Environ: nil})
		if code != want {
			t.Fatalf("%v: got exit %d, want %d\n%s%s", args, code, want, &out, &errs)
		}
		return out.String(), errs.String()
	}
	last := func(out string) string {
		lines := strings.Split(strings.TrimSpace(out), "\n")
		return lines[len(lines)-1]
	}
	in := func(dir string) string { return filepath.Join(home, dir) }
	run(0, "init", "--shop-name", "Corner Shop", "--data", in("data"))
	out, _ := run(0, "backup", "create", "--data", in("data"), "--to", in("copies"))
	part := last(out)

	out, _ = run(0, "backup", "restore", part, "--data", in("data"), "--into", database, "--folder", in("big"))
	if last(out) != in("big") {
		t.Errorf("got %q, want the new folder last", last(out))
	}
	out, _ = run(0, "ledger", "verify", "--data", in("big"), "--database", database)
	if !strings.Contains(out, "lost by restore") {
		t.Errorf("got %q", out)
	}
	// A database with a shop in it is no place for another, and stays as it is.
	if _, errs := run(1, "backup", "restore", part, "--data", in("data"), "--into", database, "--folder", in("other")); !strings.Contains(errs, "not empty") {
		t.Errorf("got %q", errs)
	}
	for _, left := range []string{"other", "other.restoring"} {
		if _, err := os.Lstat(in(left)); !os.IsNotExist(err) {
			t.Errorf("got %v, want no %s", err, left)
		}
	}
	run(0, "ledger", "verify", "--data", in("big"), "--database", database)

	out, _ = run(0, "backup", "create", "--data", in("big"), "--database", database, "--to", in("copies"))
	run(0, "backup", "restore", last(out), "--data", in("nowhere"), "--into", in("small"))
	out, _ = run(0, "ledger", "verify", "--data", in("small"))
	if strings.Count(out, "lost by restore") != 2 {
		t.Errorf("got %q, want two branches", out)
	}
}

func TestARestoreThatWasCutShortStartsCleanOnPostgreSQL(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	database := pg.Shared(t).NewDatabase(t)
	in := func(dir string) string { return filepath.Join(home, dir) }
	run := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := Run(context.Background(), args, Process{In: strings.NewReader(""), Out: &out, Err: &errs, Env: os.LookupEnv}); code != 0 {
			t.Fatalf("%v: got exit %d\n%s%s", args, code, &out, &errs)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return lines[len(lines)-1]
	}
	run("init", "--shop-name", "Corner Shop", "--data", in("data"))
	part := run("backup", "create", "--data", in("data"), "--to", in("copies"))
	run("backup", "restore", part, "--data", in("data"), "--into", database, "--folder", in("big"))
	// Somebody else's tables are never taken for what a restore has left.
	strangers := pg.Shared(t).NewDatabase(t)
	raw := (&shoptest.Shop{Database: strangers}).Raw(t)
	shoptest.Do(t, raw, `CREATE TABLE schema_migrations (version_id BIGINT)`)
	shoptest.Do(t, raw, `CREATE TABLE letters (text TEXT)`)
	if code := Run(context.Background(), []string{"backup", "restore", part, "--data", in("data"), "--into", strangers, "--folder", in("far")}, Process{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard, Env: os.LookupEnv}); code != 1 {
		t.Errorf("got exit %d for a database that is not empty, want 1", code)
	}
	shoptest.One[int64](t, raw, `SELECT count(*) FROM letters`)
	shoptest.One[int64](t, raw, `SELECT count(*) FROM schema_migrations`)

	// As if it had been killed while the database was being filled.
	half := pg.Shared(t).NewDatabase(t)
	id := store.NewID()
	raw = (&shoptest.Shop{Database: half}).Raw(t)
	shoptest.Do(t, raw, `CREATE TABLE restoring AS SELECT CAST($1 AS TEXT) AS shop`, id)
	shoptest.Do(t, raw, `CREATE TABLE orders (half TEXT)`)
	if err := os.Mkdir(in("half.restoring"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("half.restoring/"+draftName), []byte(id+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("backup", "restore", part, "--data", in("data"), "--into", half, "--folder", in("half"))
	run("ledger", "verify", "--data", in("half"), "--database", half)

	// As if it had been killed just before the folder got its name.
	if err := os.Rename(in("big"), in("big.restoring")); err != nil {
		t.Fatal(err)
	}
	run("backup", "restore", part, "--data", in("data"), "--into", database, "--folder", in("big"))
	run("ledger", "verify", "--data", in("big"), "--database", database)
	keys, err := filepath.Glob(filepath.Join(home, "config", "cartkeep", "*.key"))
	if err != nil || len(keys) != 3 {
		t.Errorf("got %d key files, %v, want those of the three shops", len(keys), err)
	}
}
