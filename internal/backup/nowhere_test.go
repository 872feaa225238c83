package backup

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// lawKeeps are the purposes whose values outlive an erasure, restricted: the books
// and the proof of a payment.
var lawKeeps = []personal.Purpose{personal.Invoicing, personal.Payment}

// marks opens every sealed value of a shop and returns where somebody stands, as
// "table.column purpose state".
func marks(t *testing.T, s *shoptest.Shop, who string) (out []string) {
	t.Helper()
	for _, v := range s.Opened(t) {
		if text := string(v.Text); strings.Contains(text, "Marker "+who) || strings.Contains(text, who+"@example.com") {
			out = append(out, fmt.Sprint(v.Field.Name(), " ", v.Field.Purpose, " ", v.State))
		}
	}
	slices.Sort(out)
	return out
}

// restored restores a data part with the newest key part beside it.
func restored(t *testing.T, s *shoptest.Shop, engine string, m Made, to Folder, pair *Pair) (*shoptest.Shop, Restored) {
	t.Helper()
	c := empty(t, engine)
	c.Clock = s.Clock.Now
	out, err := Restore(t.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: pair.Identities()}, s.Ring, c, someone)
	if err != nil {
		t.Fatal(err)
	}
	return &shoptest.Shop{DB: reopened(t, c), Ring: c.Ring, Database: c.Database}, out
}

// TestTheErasedAreNowhereInARestoredShop erases somebody as the shop does, restores
// the oldest and the newest backup, and opens every value that still opens: they
// stand in none, but for what the law keeps, which is restricted.
func TestTheErasedAreNowhereInARestoredShop(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		log := slog.New(slog.DiscardHandler)
		beside, _, err := privacy.Meet(t.Context(), s.DB, filepath.Join(t.TempDir(), "erasures"))
		if err != nil {
			t.Fatal(err)
		}
		y := &year{s: s, engine: engineOf(s), office: privacy.NewOfficer(s.DB, log, nil, beside)}
		to, pair := Folder(t.TempDir()), pairOf(t)
		for _, p := range []checkout.Placed{place(t, s, "ada"), place(t, s, "bob")} {
			s.Run(t)
			y.deliver(t, p)
		}
		s.Run(t)
		address, err := contact.ParseEmail("bob@example.com")
		if err != nil {
			t.Fatal(err)
		}
		err = s.DB.InTx(t.Context(), someone, func(t *store.Tx) error {
			return t.NewWish(store.NewID(), catalog.VariantID("nothing"), address)
		})
		if err != nil {
			t.Fatal(err)
		}
		oldest := create(t, s, to, pair)

		// The same search, of the same backup, finds them before.
		is, _ := restored(t, s, y.engine, oldest, to, pair)
		had := marks(t, is, "bob")
		for _, where := range []string{"wishes.email marketing open", "order_details.name fulfilment open", "order_details.email fulfilment open", "order_details.invoice_name invoicing open"} {
			if !slices.Contains(had, where) {
				t.Fatalf("before the erasure: got %q, want %q among it", had, where)
			}
		}
		adas := marks(t, is, "ada")

		y.forget(t, "bob@example.com")
		s.Run(t)
		newest := create(t, s, to, pair)
		for name, m := range map[string]Made{"oldest": oldest, "newest": newest} {
			is, out := restored(t, s, y.engine, m, to, pair)
			left := marks(t, is, "bob")
			if len(left) == 0 {
				t.Errorf("%s: the books say nothing of Bob, which the law keeps", name)
			}
			for _, where := range left {
				if !slices.ContainsFunc(lawKeeps, func(p personal.Purpose) bool { return strings.HasSuffix(where, fmt.Sprint(" ", p, " restricted")) }) {
					t.Errorf("%s: who was erased stands in %s", name, where)
				}
			}
			if got := marks(t, is, "ada"); !slices.Equal(got, adas) {
				t.Errorf("%s: Ada stands in %q, want %q", name, got, adas)
			}
			if !out.Ledger.OK() || len(out.Lost) > 0 || out.Shut > 0 {
				t.Errorf("%s: got %+v, want a ledger that verifies and nothing lost", name, out)
			}
			report, err := is.DB.VerifyLedger(t.Context(), "")
			if err != nil || !report.OK() {
				t.Errorf("%s: got %v, %v, want a ledger that verifies", name, report, err)
			}
			const sum = `SELECT CAST(sum(total) AS BIGINT) FROM orders`
			if got, want := shoptest.One[int64](t, is.Raw(t), sum), shoptest.One[int64](t, s.Raw(t), sum); got != want || want == 0 {
				t.Errorf("%s: the orders are %d in all, want %d", name, got, want)
			}
			err = is.DB.View(t.Context(), func(v *store.View) error {
				found, err := v.Subjects("bob@example.com")
				if len(found) > 0 {
					t.Errorf("%s: an index leads to %v", name, found)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: Bob stood in %d values and stands in %q", name, len(had), left)
		}
	})
}
