package e2e

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestKillingASealingAnewLosesNoValue kills keys reseal at random moments: each time
// every wrap and every value opens, and the same command goes on.
func TestKillingASealingAnewLosesNoValue(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		k := newKeeping(t, database)
		_, takes := k.timed(t, "keys", "reseal")
		amid, retired := 0, int64(0)
		for range shoptest.Tenth(50) {
			k.killed(t, takes, "keys", "reseal")
			k.whole(t)
			db := k.raw(t)
			now := shoptest.One[int64](t, db, `SELECT count(*) FROM retired`)
			marked := shoptest.One[int64](t, db, `SELECT count(*) FROM settings WHERE name = 'reseal.before'`)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if marked > 0 && now > retired {
				amid++
			}
			retired = now
		}
		k.must(t, "keys", "reseal")
		k.whole(t)
		t.Logf("%d kills, %d of them amid sealing anew; %d keys from before", shoptest.Tenth(50), amid, retired)
		if amid == 0 {
			t.Error("no kill fell amid the work, so nothing was tried")
		}
	})
}
