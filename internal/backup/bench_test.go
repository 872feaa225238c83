package backup

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// BenchmarkBackup prints how many megabytes of rows a second are backed up and
// tried, on each engine: orders with sealed details, as they lie in a shop. The
// budget is 100 MB/s of database, or what the disk does.
func BenchmarkBackup(b *testing.B) {
	const orders = 40_000
	for _, engine := range shoptest.Engines() {
		s := shoptest.Open(b, engine)
		bytes := fill(b, s, orders)
		path := filepath.Join(b.TempDir(), "shop.identity")
		pair, err := OpenPair(path)
		if err != nil {
			b.Fatal(err)
		}
		to := Folder(b.TempDir())
		var m Made
		b.Run("create/"+engine, func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				if m, err = Create(b.Context(), s.DB, to, pair, nil, someone); err != nil {
					b.Fatal(err)
				}
			}
		})
		info, err := os.Stat(filepath.Join(string(to), m.Data))
		if err != nil {
			b.Fatal(err)
		}
		b.Run("verify/"+engine, func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				if _, err := Verify(b.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}, s.Ring); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(info.Size())/float64(bytes), "size/size")
		})
	}
}

// fill writes orders past the store, and returns how many bytes of values there
// are. Their details are random: nothing that is sealed can be compressed.
func fill(b *testing.B, s *shoptest.Shop, n int) (bytes int64) {
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
