package admin

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
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

// TestThePageTellsWhatIsTriedNow: a stranger guesses passwords until the shop does not
// listen any more, and the manager sees how often, at which road, and what became of it.
func TestThePageTellsWhatIsTriedNow(t *testing.T) {
	s := open(t, "sqlite")
	ada := s.owner()
	ada.get("/admin/abuse")
	if strings.Contains(ada.last.body, ">sign-in<") {
		t.Fatalf("nobody has tried: %s", ada.last.body)
	}
	stranger, wrong, blocked := s.person(), 0, 0
	for range 9 {
		switch got := stranger.post("/sign-in", "email", "grace@shop.test", "password", "a guess of theirs"); got.status {
		case 422:
			wrong++
		case 429:
			blocked++
		default:
			t.Fatalf("a guess: got %d", got.status)
		}
	}
	if wrong == 0 || blocked == 0 {
		t.Fatalf("%d were wrong and %d blocked: this shows nothing", wrong, blocked)
	}
	ada.get("/admin/abuse")
	words := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(ada.last.body, " ")), " ")
	want := fmt.Sprintf("sign-in %d tried %d declined 0 challenged %d blocked", wrong+blocked, wrong, blocked)
	if n := strings.Count(words, want); n != 2 { // in five minutes and in an hour
		t.Errorf("the page says %q %d times, want 2: %s", want, n, words)
	}
	s.Clock.Move(6 * time.Minute)
	ada.get("/admin/abuse")
	words = strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(ada.last.body, " ")), " ")
	if n := strings.Count(words, want); n != 1 {
		t.Errorf("six minutes later the page says %q %d times, want 1: %s", want, n, words)
	}
}

// TestEachButtonOfThePageDoesWhatItSays: work for guests, and forgetting what was
// declined, once somebody knows better.
func TestEachButtonOfThePageDoesWhatItSays(t *testing.T) {
	s := open(t, "sqlite")
	ada := s.owner()
	kept := func(kind abuse.Kept) int64 {
		t.Helper()
		return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM abuse_buckets WHERE kind = $1`, string(kind))
	}
	ada.get("/admin/abuse")
	ada.post("/admin/abuse", "do", "work", "minutes", "30")
	ada.is(200, "in force", "Lift")
	if kept(abuse.Demanded) != 1 || kept(abuse.Paused) != 0 {
		t.Error("guests do no work, or they wait")
	}
	ada.post("/admin/abuse", "do", "work", "minutes", "0")
	ada.is(200).not("Lift", "Forget them")

	err := s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
		return tx.Measure(abuse.AllDeclines, tx.Now().Add(24*time.Hour))
	})
	if err != nil {
		t.Fatal(err)
	}
	ada.get("/admin/abuse")
	ada.is(200, "Stolen cards are being tested", "Forget them")
	ada.post("/admin/abuse", "do", "ease", "minutes", "0")
	ada.is(200, "Payments are calm.", "abuse.eased").not("Forget them")
	if kept(abuse.AllDeclines) != 0 {
		t.Error("the declines are not forgotten")
	}
}
