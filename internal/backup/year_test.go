package backup

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// month is what somebody could have kept of a shop at the end of a month.
type month struct {
	data, keys string       // files, each alone in its folder
	epochs     []seal.Epoch // the key store
	orders     int64
	total      int64
}

// what a combination opens.
const (
	refused = "nothing: refused"
	nobody  = "nobody"
	living  = "the living"
	both    = "the living and the erased"
	erased  = "the erased"
)

// year is a shop whose clock goes on.
type year struct {
	s      *shoptest.Shop
	engine string
	life   *keylife.Keeper
	office *privacy.Officer
	file   string // the erasure journal beside the key file
	pair   *Pair
	placed map[string]checkout.Placed // by who bought
	ended  map[string][]string        // dossiers that have ended by now, by the subject who is erased
	kept   []month
}

// leavers are erased: the month in which they buy, and that in which they are erased.
var leavers = map[string][2]int{"gone": {2, 6}, "left": {4, 9}}

// keep makes a backup and copies the key store.
func (y *year) keep(t *testing.T) month {
	t.Helper()
	to, apart := Folder(t.TempDir()), Folder(t.TempDir())
	m := create(t, y.s, to, y.pair)
	if err := os.Rename(filepath.Join(string(to), m.Keys), filepath.Join(string(apart), m.Keys)); err != nil {
		t.Fatal(err)
	}
	epochs, err := y.s.Keys.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw := y.s.Raw(t)
	return month{filepath.Join(string(to), m.Data), filepath.Join(string(apart), m.Keys), epochs,
		shoptest.One[int64](t, raw, `SELECT count(*) FROM orders`), shoptest.One[int64](t, raw, `SELECT CAST(sum(total) AS BIGINT) FROM orders`)}
}

// epochGone is what a restore says that asks for an epoch which has ended.
const epochGone = "which the key store no longer has"

// opens restores a data part with a key part and a key store, and tells whom it
// opens. Without the journal it is what somebody does who leaves it out; with it,
// what the shop's own restore does. It returns the dossiers that were named as lost.
func (y *year) opens(t *testing.T, data month, keys month, ring []seal.Epoch, journal string) (string, []Lost) {
	t.Helper()
	from, err := seal.Open(t.Context(), seal.NewMemory(ring...))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	into := empty(t, y.engine)
	into.Clock = y.s.Clock.Now
	var ids = y.pair.Identities()
	out, err := Restore(t.Context(), Source{File: data.data, Keys: []string{keys.keys}, IDs: ids, Journal: journal}, from, into, someone)
	if err != nil {
		if !strings.Contains(err.Error(), epochGone) {
			t.Fatalf("a restore of %s failed for another reason than an epoch that is gone: %v", data.data, err)
		}
		return refused, nil
	}
	db := reopened(t, into)
	if !out.Ledger.OK() {
		t.Errorf("the ledger of %s does not verify: %v", data.data, out.Ledger)
	}
	y.addUp(t, db, data)
	names := y.names(t, db)
	alive, gone := strings.Contains(names, "Marker alive"), false
	for who := range leavers {
		gone = gone || strings.Contains(names, "Marker "+who)
	}
	switch {
	case alive && gone:
		return both, out.Lost
	case gone:
		return erased, out.Lost
	case alive:
		return living, out.Lost
	}
	return nobody, out.Lost
}

// addUp compares the orders of a restored shop with those that were backed up.
func (y *year) addUp(t *testing.T, db *store.DB, m month) {
	t.Helper()
	var count, total int64
	err := db.View(t.Context(), func(v *store.View) error {
		list, err := v.NewestOrders(1000)
		count = int64(len(list))
		for _, o := range list {
			total += o.Totals.Total.Minor()
		}
		return err
	})
	if err != nil || count != m.orders || total != m.total {
		t.Errorf("got %d orders of %d in all, %v, want %d of %d", count, total, err, m.orders, m.total)
	}
}

// names opens every value of every order there is, as one text.
func (y *year) names(t *testing.T, db *store.DB) string {
	t.Helper()
	var all strings.Builder
	err := db.View(t.Context(), func(v *store.View) error {
		list, err := v.NewestOrders(1000)
		if err != nil {
			return err
		}
		for _, o := range list {
			if o, err = v.OrderByNumber(o.Number); err != nil {
				return err
			}
			d, err := v.OrderDetails(o.Owner, o.ID)
			if err != nil {
				return err
			}
			fmt.Fprintln(&all, d.Email.Reveal(), d.Name.Reveal(), d.InvoiceName.Reveal(), d.ShipTo.Reveal(), d.BillTo.Reveal())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// deliver ends an order.
func (y *year) deliver(t *testing.T, p checkout.Placed) {
	t.Helper()
	for _, do := range []func(context.Context, ledger.Actor, order.Number) error{y.s.Desk.Pack,
		func(ctx context.Context, who ledger.Actor, n order.Number) error {
			return y.s.Desk.Ship(ctx, who, n, checkout.Parcel{})
		}, y.s.Desk.Deliver} {
		if err := do(t.Context(), someone, p.Order.Number); err != nil {
			t.Fatal(err)
		}
	}
}

// forget erases somebody at once.
func (y *year) forget(t *testing.T, address string) {
	t.Helper()
	e, err := contact.ParseEmail(address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := y.office.Ask(t.Context(), someone, privacy.KindErase, e, privacy.Options{Now: true})
	if err == nil {
		err = y.office.Run(t.Context(), someone, r.Reference)
	}
	if err == nil {
		err = y.office.Spread(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAScriptedYear lives through twelve months: an epoch, two orders, a pass of
// retention and a backup in each; who bought in the second is erased in the sixth,
// who bought in the fourth in the ninth. Then it tries whatever somebody may have
// kept. "The erased" is what an erasure ends; the books, which the law holds, open
// to nobody in the shop.
func TestAScriptedYear(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		y := &year{s: s, engine: engineOf(s), life: keylife.New(s.DB, s.Ring, 0, log), file: filepath.Join(t.TempDir(), "erasures"), pair: pairOf(t),
			placed: map[string]checkout.Placed{}, ended: map[string][]string{}}
		beside, _, err := privacy.Meet(t.Context(), s.DB, y.file)
		if err != nil {
			t.Fatal(err)
		}
		y.office = privacy.NewOfficer(s.DB, log, nil, beside)
		var atErasure []seal.Epoch
		for m := 1; m <= 12; m++ {
			for i := range 2 {
				who := fmt.Sprintf("m%02d-%d", m, i)
				if m == 1 && i == 0 {
					who = "alive"
				}
				for name, of := range leavers {
					if of[0] == m && i == 0 {
						who = name
					}
				}
				y.placed[who] = place(t, s, who)
				s.Run(t)
				y.deliver(t, y.placed[who])
			}
			for name, of := range leavers {
				if of[1] == m {
					y.forget(t, name+"@example.com")
				}
			}
			if m == 6 {
				if atErasure, err = s.Keys.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s.Clock.Move(keylife.EpochLasts)
			if err := y.life.Tend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := privacy.Confirm(t.Context(), s.DB, someone); err != nil {
				t.Fatal(err)
			}
			if _, err := privacy.Retention(t.Context(), s.DB, log, s.Desk.SweepCarts); err != nil {
				t.Fatal(err)
			}
			y.kept = append(y.kept, y.keep(t))
		}
		for who := range leavers {
			y.ended[y.placed[who].Order.Owner] = destroyed(t, s, y.placed[who].Order.Owner)
		}
		y.everyMonth(t)
		kept := y.kept
		list, err := y.life.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ended := 0
		for _, e := range list {
			if !e.Gone.IsZero() {
				ended++
			}
		}
		if len(list) < 13 || ended < 9 {
			t.Errorf("got %d epochs, %d of them destroyed, want 13 and most of them gone", len(list), ended)
		}
		old, now := kept[4], kept[11]
		type combination struct {
			name     string
			d, k     month
			e        []seal.Epoch
			journal  string
			must     string
			tellsWhy string
		}
		for _, c := range []combination{
			{"D-old  K-old  E-then, by hand", old, old, atErasure, "", both, "until the old epoch is destroyed"},
			{"D-old  K-old  E-then, with the journal", old, old, atErasure, y.file, living, "the shop's own restore"},
			{"D-now  K-now  E-now", now, now, now.epochs, "", living, "the newest backup"},
			{"D-oldest in the window  K-now  E-now", kept[10], now, now.epochs, y.file, living, "the oldest backup"},
		} {
			got, _ := y.opens(t, c.d, c.k, c.e, c.journal)
			t.Logf("%-40s opens %-31s %s", c.name, got, c.tellsWhy)
			if got != c.must {
				t.Errorf("%s opens %s, want %s", c.name, got, c.must)
			}
		}
		// Closing the epoch at once leaves nothing for whoever waits for the window.
		if _, err := y.life.Shred(t.Context(), someone, func(keylife.Progress) {}); err != nil {
			t.Fatal(err)
		}
		shredded := y.keep(t)
		for _, c := range []struct {
			d    month
			must string
		}{{now, refused}, {shredded, living}} {
			if got, _ := y.opens(t, c.d, c.d, shredded.epochs, ""); got != c.must {
				t.Errorf("after shredding: opens %s, want %s", got, c.must)
			}
		}
		t.Logf("after shredding: the newest backup from before opens nothing, a new one the living")
		t.Logf("%d epochs, %d destroyed; %d orders", len(list), ended, now.orders)
	})
}
