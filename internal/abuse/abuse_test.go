package abuse_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
)

// TestEveryActHasARule: an act without buckets would be one that may be done
// without end.
func TestEveryActHasARule(t *testing.T) {
	names := map[string]bool{}
	for _, a := range abuse.Acts() {
		r := a.Rule()
		if r.Name == "" || names[r.Name] || len(r.Buckets) == 0 {
			t.Errorf("act %d has the rule %+v: want a name of its own and buckets", a, r)
		}
		names[r.Name] = true
		if a.Proof() && (!a.Fills(r.Mine) || !a.Fills(r.All) || !r.Mine.Failures() || r.All.By() != abuse.ByEverybody) {
			t.Errorf("%s: what is wrong is counted for a source and for everybody, and nobody is exempt", a)
		}
		if r.Work && !a.Fills(abuse.Waits) {
			t.Errorf("%s: who cannot do a sum has no way through", a)
		}
	}
	for _, b := range abuse.Buckets() {
		if b.String() == "" || b.PerSecond() <= 0 || b.Burst() < 1 {
			t.Errorf("bucket %d has no size", b)
		}
	}
}
