package admin

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAManagerLetsGuestsWaitWithOneButton: the page tells what is in force, and
// each measure is in the ledger and can be lifted.
func TestAManagerLetsGuestsWaitWithOneButton(t *testing.T) {
	for _, engine := range shoptest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := open(t, engine)
			ada := s.owner()
			bob := ada.hire("bob@shop.test", access.Manager)
			bob.get("/admin/abuse")
			bob.is(200, "Payments are calm.", "Let guests wait", "not in force", "The last five minutes").not("Lift")
			bob.post("/admin/abuse", "do", "pause", "minutes", "10")
			bob.is(200, "That is in force now", "in force", "Lift", "abuse.measure")
			if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM abuse_buckets WHERE kind = 'guests wait'`); n != 1 {
				t.Errorf("%d measures are in force, want 1", n)
			}
			bob.post("/admin/abuse", "do", "pause", "minutes", "0")
			bob.is(200).not("Lift")
			for _, wrong := range [][]string{{"do", "everything", "minutes", "1"}, {"do", "pause", "minutes", "-1"}, {"do", "pause", "minutes", "1e9"}} {
				bob.post("/admin/abuse", wrong...)
				bob.is(422)
			}
			carol := ada.hire("carol@shop.test", access.Support)
			carol.get("/admin/abuse")
			carol.is(403)
			carol.post("/admin/abuse", "do", "pause", "minutes", "10")
			carol.is(403)
		})
	}
}
