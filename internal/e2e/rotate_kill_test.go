package e2e

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestKillingARotationLosesNoKey kills keys rotate at a random moment, then a
// shop that destroys the epochs which nothing needs, with the keys in a file and
// with a plugin. After each kill everything opens with the keys there are, and
// the next command goes on.
func TestKillingARotationLosesNoKey(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		k := newKeeping(t, database)
		for _, who := range []string{"file", "plugin"} {
			if who == "plugin" {
				k.must(t, "keys", "move", "plugin")
			}
			_, takes := k.timed(t, "keys", "rotate")
			amid := 0
			for i := range shoptest.Tenth(50) {
				if k.rotating(t, takes, i) {
					amid++
				}
				k.whole(t)
			}
			k.must(t, "keys", "rotate")
			ended := 0
			for i := range shoptest.Tenth(50) {
				k.overdue(t)
				if k.destroying(t, i) {
					ended++
				}
				k.whole(t)
				k.must(t, "keys", "rotate")
			}
			values := k.whole(t)
			begun, destroyed := k.epochs(t)
			t.Logf("with a %s: %d kills of a rotation, %d of them amid the wraps; %d of a destruction, %d of them after an epoch's end; %d epochs begun, %d destroyed; %d wraps and %d values open",
				who, shoptest.Tenth(50), amid, shoptest.Tenth(50), ended, begun, destroyed, strangers, values)
			if amid == 0 || ended == 0 {
				t.Errorf("with a %s: no kill fell amid the work, so nothing was tried", who)
			}
		}
		k.overdue(t)
		s := k.start(t)
		eventually(t, 30*time.Second, "one epoch is left", func() bool {
			begun, destroyed := k.epochs(t)
			return begun-destroyed == 1
		})
		s.kill()
		ring, _ := k.ring(t)
		if list, held := ring.Epochs(), found(t, filepath.Join(k.store, "*")); len(list) != 1 || len(held) != 1 {
			t.Errorf("got %d epochs and %d keys of the provider, want those of the epoch in use: a destroyed epoch's key is there", len(list), len(held))
		}
		k.whole(t)
		k.verified(t)
	})
}

// rotating kills a rotation: every other time when the first wraps are under the new
// epoch, or soon after. It says whether some were and others were not.
func (k keeping) rotating(t *testing.T, takes time.Duration, i int) (amid bool) {
	t.Helper()
	db := k.raw(t)
	defer db.Close()
	const living = ` FROM dossiers WHERE state <> 'destroyed'`
	newest := func() int64 { return shoptest.One[int64](t, db, `SELECT max(epoch)`+living) }
	before := newest()
	if i%2 == 1 {
		k.killed(t, takes, "keys", "rotate")
	} else {
		k.killedOnce(t, func() bool { return newest() > before }, time.Duration(i/2%2)*rand.N(takes/8), "keys", "rotate")
	}
	return newest() > before && shoptest.One[int64](t, db, `SELECT count(DISTINCT epoch)`+living) > 1
}

// destroying kills a shop that destroys epochs: every other time as soon as one has
// ended. It says whether one had.
func (k keeping) destroying(t *testing.T, i int) bool {
	t.Helper()
	db := k.raw(t)
	defer db.Close()
	gone := func() int64 { return shoptest.One[int64](t, db, `SELECT count(*) FROM epochs WHERE gone_at > 0`) }
	before, over := gone(), time.Now().Add(time.Minute)
	if i%2 == 1 {
		k.killed(t, time.Second, "demo", "--listen", "localhost:0")
	} else {
		k.killedOnce(t, func() bool { return gone() > before || time.Now().After(over) }, 0, "demo", "--listen", "localhost:0")
	}
	return gone() > before
}

// overdue makes it long ago that the epochs which nothing needs became empty.
func (k keeping) overdue(t *testing.T) {
	t.Helper()
	db := k.raw(t)
	defer db.Close()
	shoptest.Do(t, db, `UPDATE epochs SET emptied_at = 1 WHERE emptied_at > 0`)
}
