package privacy_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAnErasureVacuumsWhatHeldKeys: on PostgreSQL a destroyed wrap stays in its table
// as a dead row, until that is vacuumed. The receipt waits for it.
func TestAnErasureVacuumsWhatHeldKeys(t *testing.T) {
	s := shoptest.Open(t, "postgres")
	o := opened(t, s)
	deliver(t, s, bought(t, s))
	raw := s.Raw(t)
	vacuumed := func(table string) int64 {
		return shoptest.One[int64](t, raw, `SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = $1 AND schemaname = current_schema()`, table)
	}
	before := map[string]int64{"dossiers": vacuumed("dossiers"), "retired": vacuumed("retired")}
	r, err := o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{Now: true})
	if err == nil {
		err = o.Run(noCtx, clerk, r.Reference)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r = o.read(t, r.Reference); r.State != store.Done || r.Receipt.Erased["fulfilment"] != 1 {
		t.Fatalf("got %+v, want it done", r)
	}
	for table, was := range before {
		if n := vacuumed(table); n <= was {
			t.Errorf("%s was not vacuumed", table)
		}
	}
}
