package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// open opens the shop's database once more, as a start would.
func open(s *shoptest.Shop) error {
	db, err := store.Open(context.Background(), store.Config{Database: s.Database, Ring: s.Ring, ShopID: shoptest.ID, Clock: s.Clock.Now})
	if err != nil {
		return err
	}
	return db.Close()
}

func TestAColumnNobodyDeclaredStopsTheShop(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		if got, err := s.DB.Undeclared(t.Context()); err != nil || len(got) > 0 {
			t.Fatalf("got %v, %v for our own schema, want nothing undeclared", got, err)
		}
		raw := s.Raw(t)
		shoptest.Do(t, raw, `ALTER TABLE orders ADD COLUMN birthday TEXT`)
		got, err := s.DB.Undeclared(t.Context())
		if err != nil || !slices.Equal(got, []string{"orders.birthday"}) {
			t.Fatalf("got %v, %v, want orders.birthday alone", got, err)
		}
		if err := open(s); err == nil || !strings.Contains(err.Error(), "orders.birthday") {
			t.Fatalf("got %v, want a start that is refused for orders.birthday", err)
		}
		shoptest.Do(t, raw, `ALTER TABLE orders DROP COLUMN birthday`)
		shoptest.Do(t, raw, `CREATE TABLE diary (page TEXT)`)
		if err := open(s); err == nil || !strings.Contains(err.Error(), "diary.page") {
			t.Fatalf("got %v, want a start that is refused for a table of its own", err)
		}
		shoptest.Do(t, raw, `DROP TABLE diary`)
		if s.Dir == "" { // PostgreSQL
			shoptest.Do(t, raw, `CREATE EXTENSION pg_stat_statements`)
			if err := open(s); err != nil {
				t.Fatalf("got %v beside an extension's tables, want a start", err)
			}
		}
		shoptest.Do(t, raw, `ALTER TABLE cart_details DROP COLUMN note`)
		if err := open(s); err == nil || !strings.Contains(err.Error(), "-cart_details.note") {
			t.Fatalf("got %v, want a start that is refused for a declaration without a column", err)
		}
	})
}

// TestLitestreamMayKeepItsTables in the database that it copies, as it makes them, and
// nothing more may stand there.
func TestLitestreamMayKeepItsTables(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	raw := s.Raw(t)
	shoptest.Do(t, raw, `CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)`)
	shoptest.Do(t, raw, `CREATE TABLE _litestream_lock (id INTEGER)`)
	if err := open(s); err != nil {
		t.Fatalf("got %v, want a start", err)
	}
	err := s.DB.Snapshot(t.Context(), func(now *store.Snapshot) error {
		tables, err := now.Tables()
		if slices.ContainsFunc(tables, func(t store.Table) bool { return strings.Contains(t.Name, "litestream") }) {
			t.Error("a backup takes what Litestream keeps")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{`ALTER TABLE _litestream_lock ADD COLUMN note TEXT`, `CREATE TABLE _litestream_more (id INTEGER)`} {
		shoptest.Do(t, raw, more)
		if err := open(s); err == nil || !strings.Contains(err.Error(), "_litestream_") {
			t.Errorf("%s: got %v, want a start that is refused", more, err)
		}
	}
}

func TestEverySealedFieldIsFoundByDestruction(t *testing.T) {
	for _, f := range personal.All() {
		if f.Kind != personal.Sealed {
			continue
		}
		by, row, ours := store.Standing(f.Table)
		if by == "" && !ours {
			t.Errorf("%s is sealed, but nothing says which column of its table names the case", f.Name())
		}
		if row == "" {
			t.Errorf("%s is sealed, but nothing says what its rows are called", f.Name())
		}
		if ours != (f.Purpose == personal.ShopSecrets) {
			t.Errorf("%s is of purpose %s; the shop's own: %v", f.Name(), f.Purpose, ours)
		}
	}
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for _, table := range store.StandingTables() {
			if by, _, ours := store.Standing(table); !ours {
				shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM `+table+` WHERE owner = '' AND `+by+` = ''`)
			}
		}
	})
}

func TestTheSchemaKnowsFourColumnTypes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		query := `SELECT m.name || '.' || c.name || ' ' || c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type NOT IN ('TEXT', 'INTEGER', 'BLOB')`
		if s.OnPostgres() {
			query = `SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
				WHERE table_schema = current_schema() AND data_type NOT IN ('text', 'bigint', 'boolean', 'bytea') AND table_name <> 'schema_migrations'`
		}
		rows, err := s.Raw(t).Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var column string
			if err := rows.Scan(&column); err != nil {
				t.Fatal(err)
			}
			if s.OnPostgres() || !strings.HasPrefix(column, "schema_migrations.") {
				t.Errorf("got %s, want TEXT, BIGINT, BOOLEAN or BYTEA", column)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatNoBackupHoldsIsThere(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for table, columns := range personal.NotInBackups() {
			for column, why := range columns {
				if why == "" {
					t.Errorf("%s.%s is in no backup, because…?", table, column)
				}
				if column == "*" {
					column = "1"
				}
				shoptest.One[int64](t, s.Raw(t), `SELECT count(`+column+`) FROM `+table)
			}
		}
	})
}
