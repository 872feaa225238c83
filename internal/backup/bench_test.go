package backup

import (
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// BenchmarkBackup prints how fast a shop's orders are backed up and tried, on each
// engine, in megabytes a second: of the database as it lies on its disk (of which
// 100 are the budget, or what the disk does), of the values in the rows of the data
// part, and what the disk does when a file of that size is written and synced. A
// second of processor time is told too, since that is what others can't take away.
// With CARTKEEP_SOAK the shop has a million orders.
func BenchmarkBackup(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		b.Run(engine, func(b *testing.B) { backups(b, engine, shoptest.Tenth(1_000_000)) })
	}
}

func backups(b *testing.B, engine string, orders int) {
	s := shoptest.Open(b, engine)
	rows := fill(b, s, orders)
	size := footprint(b, s)
	pair, err := OpenPair(filepath.Join(b.TempDir(), "shop.identity"))
	if err != nil {
		b.Fatal(err)
	}
	to := Folder(b.TempDir())
	var m Made
	measured := func(name string, do func() error) {
		b.Run(name, func(b *testing.B) {
			began := processor()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			each := func(n int64, d time.Duration) float64 { return float64(n) * float64(b.N) / 1e6 / d.Seconds() }
			b.ReportMetric(each(size, b.Elapsed()), "MB/s-of-database")
			b.ReportMetric(each(rows, b.Elapsed()), "MB/s-of-rows")
			b.ReportMetric((processor()-began).Seconds()/float64(b.N), "s-of-processor")
			b.ReportMetric(disk(b, size), "MB/s-disk")
			b.ReportMetric(float64(size)/1e6, "MB-of-database")
		})
	}
	measured("create", func() (err error) {
		m, err = Create(b.Context(), s.DB, to, pair, nil, someone)
		return err
	})
	measured("verify", func() error {
		_, err := Verify(b.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}, s.Ring)
		return err
	})
}

// footprint tells how large the database is: its file, or its tables with all that
// belongs to them.
func footprint(b *testing.B, s *shoptest.Shop) int64 {
	b.Helper()
	if s.OnPostgres() {
		return shoptest.One[int64](b, s.Raw(b), `SELECT CAST(sum(pg_total_relation_size(c.oid)) AS BIGINT) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'`)
	}
	if err := s.DB.Scrub(b.Context()); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(s.Database)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// disk writes so many bytes in a row, syncs them and tells how many megabytes a
// second that were.
func disk(b *testing.B, size int64) float64 {
	b.Helper()
	out, err := os.Create(filepath.Join(b.TempDir(), "disk"))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	began := time.Now()
	if _, err := io.CopyN(out, mathrand.NewChaCha8([32]byte{}), size); err != nil {
		b.Fatal(err)
	}
	if err := out.Sync(); err != nil {
		b.Fatal(err)
	}
	return float64(size) / 1e6 / time.Since(began).Seconds()
}

// processor is the time that this process has had of the processors.
func processor() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// fill writes orders past the store, and returns how many bytes of values there
// are. Their details are random: nothing that is sealed can be compressed.
func fill(b testing.TB, s *shoptest.Shop, n int) (bytes int64) {
	b.Helper()
	raw := s.Raw(b)
	tx, err := raw.Begin()
	if err != nil {
		b.Fatal(err)
	}
	defer tx.Rollback()
	for i := range n {
		owner, id := store.NewID(), store.NewID()
		seal := make([]byte, 700)
		rand.Read(seal)
		_, err := tx.Exec(`INSERT INTO order_details (owner, order_id, name, ship_to, invoice_name, bill_to) VALUES ($1, $2, $3, $4, $5, $6)`,
			owner, id, seal[:77], seal[77:300], seal[300:400], seal[400:700])
		if err != nil {
			b.Fatal(err)
		}
		for line := range 3 {
			title := fmt.Sprintf("A thing of the shop, number %d", i%1000)
			_, err := tx.Exec(`INSERT INTO order_lines (owner, order_id, position, variant, handle, title, sku, quantity, unit_price, total, tax, tax_rate) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1900, 1900, 303, 190000)`,
				owner, id, line, store.NewID(), "thing", title, "SKU")
			if err != nil {
				b.Fatal(err)
			}
			bytes += int64(36*3 + len(title) + 8*7 + 8)
		}
		bytes += 2*36 + 700
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return bytes
}
