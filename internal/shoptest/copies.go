package shoptest

import (
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/order"
)

// Copies makes n copies of an order, of strangers whose ids begin with s1 and o1,
// with its dossiers, values and index rows; every dossier is due. It returns how
// many dossiers there are.
func (s *Shop) Copies(t testing.TB, of order.ID, n int) int {
	t.Helper()
	raw := s.Raw(t)
	hash := `randomblob(32)`
	if s.OnPostgres() {
		hash = `sha256(CAST(CAST(i AS TEXT) AS BYTEA))`
	}
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	const owner, id, payment = `'s' || CAST(10000000 + i AS TEXT)`, `'o' || CAST(10000000 + i AS TEXT)`, `'p' || CAST(10000000 + i AS TEXT)`
	copied := func(table, where string, changed map[string]string) int64 {
		rows, err := raw.Query(`SELECT * FROM ` + table + ` LIMIT 0`)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil || rows.Close() != nil {
			t.Fatal(err)
		}
		values := slices.Clone(columns)
		for i, c := range columns {
			if v, ok := changed[c]; ok {
				values[i] = v
			}
		}
		return Do(t, raw, numbers+`INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) SELECT `+strings.Join(values, ", ")+` FROM n, `+table+` WHERE `+where+` = $2`, int64(n), string(of))
	}
	copied("orders", "id", map[string]string{"owner": owner, "id": id, "cart": owner, "number": id})
	copied("order_details", "order_id", map[string]string{"owner": owner, "order_id": id})
	copied("payments", "order_id", map[string]string{"owner": owner, "order_id": id, "id": payment})
	due := copied("dossiers", "case_id", map[string]string{"subject": owner, "case_id": id, "id": `purpose || CAST(i AS TEXT)`, "destroy_after": `destroy_after - destroy_after + i`})
	Do(t, raw, numbers+`INSERT INTO identities (hash, field, version, subject, dossier) SELECT `+hash+`, 'order_details.email', 1, `+owner+`, 'fulfilment' || CAST(i AS TEXT) FROM n`, int64(n))
	Do(t, raw, numbers+`INSERT INTO directory (kind, key, owner, id) SELECT 'provider', `+hash+`, `+owner+`, `+payment+` FROM n`, int64(n))
	if s.OnPostgres() {
		Do(t, raw, `ANALYZE`)
	}
	return int(due)
}
