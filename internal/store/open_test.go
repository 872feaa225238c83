package store_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
	"github.com/cartkeep/cartkeep/internal/store"
)

func otherRing(t *testing.T) *seal.Ring {
	t.Helper()
	r, err := seal.Open(t.Context(), seal.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.NewEpoch(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheWrongKeyIsRefusedAndChangesNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		if _, err := s.Place(s.Ready(t, bowl.ID, 1), "key-1"); err != nil {
			t.Fatal(err)
		}
		empty, err := seal.Open(t.Context(), seal.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		before := s.Dump(t)
		for name, ring := range map[string]*seal.Ring{"another key": otherRing(t), "no key": empty} {
			db, err := store.Open(context.Background(), store.Config{Database: s.Database, Ring: ring, ShopID: shoptest.ID})
			if err == nil {
				db.Close()
				t.Fatalf("%s: got an open shop", name)
			}
			if !strings.Contains(err.Error(), "key store does not fit this database") {
				t.Errorf("%s: got %q, want to be told that the key store does not fit", name, err)
			}
		}
		if after := s.Dump(t); after != before {
			t.Errorf("the refused start has changed the database")
		}
		if err := open(s); err != nil {
			t.Errorf("with the right key: %v", err)
		}
	})
}

// TestTheWrongKeyMigratesNothing: an older database is left as it was, too.
func TestTheWrongKeyMigratesNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		shoptest.Do(t, s.Raw(t), `DELETE FROM schema_migrations WHERE version_id = (SELECT max(version_id) FROM schema_migrations)`)
		before := s.Dump(t)
		db, err := store.Open(context.Background(), store.Config{Database: s.Database, Ring: otherRing(t), ShopID: shoptest.ID})
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "key store does not fit this database") {
			t.Errorf("got %v, want to be told of the key before any migration runs", err)
		}
		if s.Dump(t) != before {
			t.Error("the refused start has changed the database")
		}
	})
}

func TestAnotherShopsDatabaseIsRefused(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		before := s.Dump(t)
		db, err := store.Open(context.Background(), store.Config{Database: s.Database, Ring: s.Ring, ShopID: "018f2e6a-0000-7000-8000-000000000002"})
		if err == nil {
			db.Close()
		}
		if !errors.Is(err, store.ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
		if s.Dump(t) != before {
			t.Errorf("the refused start has changed the database")
		}
	})
}

func TestAPostgresInTheClearIsRefused(t *testing.T) {
	for _, url := range []string{
		"postgres://shop:hunter2@db.example/shop?sslmode=disable",
		"mysql://shop:hunter2@db.example/shop",
		"postgres://shop:hunter2@db.example:port/shop",
	} {
		db, err := store.Open(context.Background(), store.Config{Database: url, ShopID: shoptest.ID})
		if err == nil {
			db.Close()
			t.Fatalf("got an open store, want a refusal of an address like this")
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the refusal quotes the password: %v", err)
		}
	}
}

func TestTheDatabaseFileIsOurs(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	for _, path := range s.Files(t) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want nobody else to read it", path, info.Mode())
		}
	}
}

func TestAShopOpensAgainWithItsSecrets(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 1)
		hash := func() (odd []byte) {
			view(t, s, func(v *store.View) (err error) {
				odd, _, err = v.Twin("a", "b")
				return err
			})
			return odd
		}
		token, index := s.DB.Keys().Token.Sum("x"), hash()
		s.Reopen(t)
		if s.DB.Keys().Token.Sum("x") != token || len(index) == 0 || !bytes.Equal(hash(), index) {
			t.Error("the shop has other secrets after a restart")
		}
		if _, err := s.Place(b, "key-1"); err != nil {
			t.Errorf("a cart from before the restart: %v", err)
		}
	})
}

func TestAShopOverTLS(t *testing.T) {
	server := pg.Shared(t)
	s := shoptest.OpenAt(t, server.TLSURL(server.NewDatabase(t)), t.TempDir())
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
	if _, err := s.Place(s.Ready(t, bowl.ID, 1), "key-1"); err != nil {
		t.Fatal(err)
	}
}

func TestAClosedShopKeepsNoSecrets(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		k := s.DB.Keys()
		if err := s.DB.Close(); err != nil {
			t.Fatal(err)
		}
		none := make([]byte, seal.KeySize)
		if !bytes.Equal(k.Ledger, none) || !bytes.Equal(k.Sandbox, none) {
			t.Error("a secret is still in memory")
		}
		if now := s.DB.Keys(); now.Ledger != nil || now.Sandbox != nil || now.Token != (seal.MacKey{}) {
			t.Error("the closed store still gives secrets out")
		}
	})
}

// TestTheFileIsSetToLoseAndLeaveNothing: without any one of these an order is lost with
// the power, what was erased stays in free pages, or a reader can write.
func TestTheFileIsSetToLoseAndLeaveNothing(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "temp_store": "2", "busy_timeout": "5000", "query_only": "0"}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	got, err := s.DB.Pragmas(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	for i, set := range got {
		want["query_only"] = "0"
		if i > 0 {
			want["query_only"] = "1"
		}
		if !maps.Equal(set, want) {
			t.Errorf("connection %d is set to %v, want %v", i, set, want)
		}
	}
	if len(got) < 2 {
		t.Errorf("got %d connections", len(got))
	}
}

// TestAnOldPostgreSQLIsRefused before it would read a whole table for each page.
func TestAnOldPostgreSQLIsRefused(t *testing.T) {
	for version, ok := range map[int64]bool{90624: false, 130018: false, 140000: true, 150018: true, 180001: true} {
		if err := store.NewEnough(version); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "14 or newer") {
			t.Errorf("%d: got %v", version, err)
		}
	}
}
