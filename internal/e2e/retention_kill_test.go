package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestKillingRetentionLeavesNothingHalf ends a pass with SIGKILL at random moments:
// a key that is gone has taken its values and index rows with it, one that is
// there has all of them, the ledger counts each once, and the next pass goes on.
func TestKillingRetentionLeavesNothingHalf(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		h := newHome(t, database)
		s := h.start(t)
		p := s.ready(s.product("whistling-kettle").Variants[0].ID, "one")
		s.order1(p)
		s.approve(p)
		s.cmd.Process.Kill()
		<-s.exited

		at := &shoptest.Shop{Database: h.database, Dir: h.dir}
		if at.Database == "" {
			at.Database = filepath.Join(h.dir, "shop.db")
		}
		raw := at.Raw(t)
		count := func(query string) int64 { return shoptest.One[int64](t, raw, query) }
		const orders = 1000
		arm := func() int64 {
			for table, column := range map[string]string{"orders": "owner", "order_details": "owner", "payments": "owner", "dossiers": "subject", "identities": "subject", "directory": "owner"} {
				shoptest.Do(t, raw, `DELETE FROM `+table+` WHERE `+column+` LIKE 's1%'`)
			}
			return int64(at.Copies(t, order.ID(shoptest.One[string](t, raw, `SELECT id FROM orders`)), orders))
		}
		whole := func() {
			t.Helper()
			for purpose, there := range map[string]string{
				"fulfilment": `EXISTS (SELECT 1 FROM order_details o WHERE o.owner = d.subject AND o.email IS NOT NULL) AND EXISTS (SELECT 1 FROM identities i WHERE i.subject = d.subject)`,
				"courier":    `EXISTS (SELECT 1 FROM order_details o WHERE o.owner = d.subject AND o.phone IS NOT NULL)`,
				"invoicing":  `EXISTS (SELECT 1 FROM order_details o WHERE o.owner = d.subject AND o.bill_to IS NOT NULL)`,
				"payment":    `EXISTS (SELECT 1 FROM payments o WHERE o.owner = d.subject AND o.provider_ref IS NOT NULL) AND EXISTS (SELECT 1 FROM directory i WHERE i.owner = d.subject AND i.kind = 'provider')`,
			} {
				if n := count(`SELECT count(*) FROM dossiers d WHERE d.subject LIKE 's1%' AND d.purpose = '` + purpose + `' AND (d.state = 'open') <> (` + there + `)`); n > 0 {
					t.Fatalf("%s: %d dossiers are half there", purpose, n)
				}
			}
		}
		gone := func() int64 {
			return count(`SELECT count(*) FROM dossiers WHERE state = 'destroyed' AND subject LIKE 's1%'`)
		}
		shoptest.Do(t, raw, `UPDATE orders SET status = 'delivered'`)
		all := arm()
		if whole(); all < 4*orders {
			t.Fatalf("got %d due dossiers, want four of each order", all)
		}
		_, takes := h.timed(t, "privacy", "retention", "--confirm")
		if whole(); gone() != all {
			t.Fatalf("an undisturbed pass destroyed %d of %d", gone(), all)
		}
		destroyed, midway, points := all, 0, shoptest.Tenth(50)
		for i := range points {
			arm()
			// Every other one when the first keys are gone, or soon after.
			if i%2 == 1 {
				h.killed(t, takes, "privacy", "retention", "--confirm")
			} else {
				h.killedOnce(t, func() bool { return gone() > 0 }, time.Duration(i/2%2)*rand.N(takes/4), "privacy", "retention", "--confirm")
			}
			whole()
			if n := gone(); n > 0 && n < all {
				midway++
			}
			h.must(t, "privacy", "retention", "--confirm")
			whole()
			// So few go with the hour's pass, without a person.
			if left := all - gone(); left > 50 {
				t.Fatalf("%d of %d are left after the next pass", left, all)
			}
			destroyed += gone()
		}
		t.Logf("%d kills, %d of them amid the destroying of %d dossiers", points, midway, all)
		if midway == 0 {
			t.Error("no kill fell amid the work, so nothing was tried")
		}
		if got := told(t, at); got != destroyed {
			t.Errorf("the ledger tells of %d destroyed dossiers, want %d", got, destroyed)
		}
		h.verified(t)
	})
}

// told adds up what the events of retention say.
func told(t *testing.T, at *shoptest.Shop) (sum int64) {
	t.Helper()
	rows, err := at.Raw(t).Query(`SELECT detail FROM events WHERE action = 'retention.destroyed'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var detail string
		var counts map[string]int64
		if err := rows.Scan(&detail); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(detail), &counts); err != nil {
			t.Fatal(err)
		}
		for _, n := range counts {
			sum += n
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return sum
}
