package privacy_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// queue is a shop with many delivered orders of which every dossier is due, and how
// many orders that are.
func queue(t *testing.T, s *shoptest.Shop) int {
	t.Helper()
	const orders = 160
	s.Copies(t, bought(t, s).Order.ID, orders)
	shoptest.Do(t, s.Raw(t), `UPDATE orders SET status = 'delivered'`)
	return orders
}

// whole fails the test unless each dossier of the queue is there whole or gone whole,
// and the ledger says how many of which purpose are gone. It returns these.
func whole(t *testing.T, s *shoptest.Shop) map[personal.Purpose]int64 {
	t.Helper()
	raw := s.Raw(t)
	gone := map[personal.Purpose]int64{}
	for purpose, rows := range map[personal.Purpose]string{
		personal.Fulfilment: `SELECT count(*) FROM order_details v WHERE v.owner = d.subject AND v.email IS NOT NULL AND v.ship_to IS NOT NULL
			AND EXISTS (SELECT 1 FROM identities i WHERE i.subject = d.subject AND i.dossier = d.id)`,
		personal.CourierUse: `SELECT count(*) FROM order_details v WHERE v.owner = d.subject AND v.phone IS NOT NULL`,
		personal.Invoicing:  `SELECT count(*) FROM order_details v WHERE v.owner = d.subject AND v.bill_to IS NOT NULL`,
		personal.Payment: `SELECT count(*) FROM payments v WHERE v.owner = d.subject AND v.provider_ref IS NOT NULL
			AND EXISTS (SELECT 1 FROM directory l WHERE l.kind = 'provider' AND l.owner = d.subject AND l.id = v.id)`,
	} {
		const copies = `SELECT count(*) FROM dossiers d WHERE d.subject LIKE 's1%' AND d.purpose = $1`
		if n := shoptest.One[int64](t, raw, copies+` AND (CASE WHEN d.wrap IS NULL THEN 0 ELSE 1 END) <> (`+rows+`)`, string(purpose)); n != 0 {
			t.Errorf("%d dossiers of %s are half there", n, purpose)
		}
		gone[purpose] = shoptest.One[int64](t, raw, copies+` AND d.wrap IS NULL`, string(purpose))
	}
	if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM identities i WHERE i.subject LIKE 's1%' AND NOT EXISTS (SELECT 1 FROM dossiers d WHERE d.subject = i.subject AND d.id = i.dossier AND d.wrap IS NOT NULL)`); n != 0 {
		t.Errorf("%d index rows outlive their dossier", n)
	}
	told := map[personal.Purpose]int64{}
	rows, err := raw.Query(`SELECT detail FROM events WHERE action = 'retention.destroyed'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var detail string
		var n map[personal.Purpose]int64
		if err := rows.Scan(&detail); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(detail), &n); err != nil {
			t.Fatal(err)
		}
		for p := range n {
			told[p] += n[p]
		}
	}
	for p := range gone {
		if told[p] != gone[p] {
			t.Errorf("the ledger tells of %d of %s, want %d", told[p], p, gone[p])
		}
	}
	return gone
}

// TestAPageThatDiesHalfWayLeavesNothingHalf lets the clearing of one order's values
// fail, amid a page whose keys are gone by then.
func TestAPageThatDiesHalfWayLeavesNothingHalf(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		orders, raw := queue(t, s), s.Raw(t)
		// Of these two orders the second can't lose its e-mail.
		shoptest.Do(t, raw, `CREATE UNIQUE INDEX one_at_most ON order_details ((email IS NULL)) WHERE email IS NULL AND order_id >= 'o10000080' AND order_id <= 'o10000081'`)
		confirm(t, s)
		got, err := privacy.Retention(noCtx, s.DB, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Fatal("the page did not die: this test shows nothing")
		}
		gone := whole(t, s)
		if n := gone[personal.Fulfilment]; n == 0 || n >= 80 || int64(got[personal.Fulfilment]) != n {
			t.Errorf("%d of %d are gone and %d were reported, want the pages before", n, orders, got[personal.Fulfilment])
		}
		shoptest.Do(t, raw, `DROP INDEX one_at_most`)
		retain(t, s)
		for p, n := range whole(t, s) {
			if n != int64(orders) {
				t.Errorf("the next pass: %d of %s are gone, want all %d", n, p, orders)
			}
		}
	})
}

// TestWhatIsHeldAmidAPageStays holds a dossier, and keeps another under way, among
// many that all end in the same millisecond.
func TestWhatIsHeldAmidAPageStays(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		orders, raw := queue(t, s), s.Raw(t)
		shoptest.Do(t, raw, `UPDATE dossiers SET destroy_after = 7 WHERE subject LIKE 's1%'`)
		hold(t, s, privacy.Held{Dossier: "fulfilment80"}, s.DB.Now().AddDate(1, 0, 0))
		shoptest.Do(t, raw, `UPDATE orders SET status = 'packed' WHERE id = 'o10000100'`)
		got := retain(t, s)
		for p, n := range whole(t, s) {
			want := int64(orders) - 1
			if p == personal.Fulfilment {
				want--
			}
			if n != want || int64(got[p]) != n {
				t.Errorf("%d of %s are gone and %d were reported, want %d", n, p, got[p], want)
			}
		}
		for query, want := range map[string]int64{
			`SELECT count(*) FROM dossiers WHERE subject = 's10000080' AND wrap IS NOT NULL AND purpose = 'fulfilment' AND destroy_after = 7`: 1,
			`SELECT count(*) FROM dossiers WHERE subject = 's10000080' AND wrap IS NOT NULL AND purpose NOT IN ('fulfilment', 'rights')`:      0,
			`SELECT count(*) FROM dossiers WHERE subject = 's10000100' AND wrap IS NOT NULL AND destroy_after > 7`:                            4,
		} {
			if n := shoptest.One[int64](t, raw, query); n != want {
				t.Errorf("%s: got %d, want %d", query, n, want)
			}
		}
	})
}

// TestWhatEndsLaterIsNotInAPage: a page that is not full ends with now.
func TestWhatEndsLaterIsNotInAPage(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		orders, raw := queue(t, s), s.Raw(t)
		late := shoptest.Do(t, raw, `UPDATE dossiers SET destroy_after = $1 WHERE subject > 's10000100' AND subject LIKE 's1%'`, s.DB.Now().Add(time.Hour).UnixMilli()) / 4
		retain(t, s)
		for p, n := range whole(t, s) {
			if want := int64(orders) - late; n != want {
				t.Errorf("%d of %s are gone, want the %d that are due", n, p, want)
			}
		}
	})
}
