package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestTheOwnerSeesWhyDestroyingWaits comes back from a holiday of forty days.
func TestTheOwnerSeesWhyDestroyingWaits(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		var out strings.Builder
		o := &operating{vault: &vault{db: s.DB}, desk: s.Desk, actor: ledger.OS("owner"), out: &out}
		say := func(args map[string]string) (string, error) {
			out.Reset()
			err := o.do(context.Background(), call{Name: "privacy retention", Args: args})
			return out.String(), err
		}
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		s.Ready(t, bowl.ID, 1)
		if _, err := s.DB.Sequence(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got, err := say(nil); err != nil || !strings.Contains(got, "0 of 1 dossiers are due") || !strings.Contains(got, "by itself") {
			t.Errorf("the first day: got %q, %v", got, err)
		}
		s.Clock.Move(40 * 24 * time.Hour)
		got, err := say(nil)
		var code statusError
		if !errors.As(err, &code) || code != 1 || !strings.Contains(got, "waits: the clock is 40 days past the last pass") {
			t.Errorf("got %q, %v, want to read that it waits and exit 1", got, err)
		}
		living := func() int64 {
			return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND state = 'open'`)
		}
		if living() != 1 {
			t.Error("asking destroyed something")
		}
		yes := map[string]string{"confirm": "yes"}
		if got, err := say(yes); err != nil || !strings.Contains(got, "confirmed") || living() != 0 {
			t.Errorf("got %q, %v and %d living, want it done", got, err, living())
		}
		if got, err := say(yes); err != nil || !strings.Contains(got, "nothing to confirm") {
			t.Errorf("again: got %q, %v", got, err)
		}
	})
}
