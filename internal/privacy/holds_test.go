package privacy_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

var owner = ledger.OS("olga")

func because(t *testing.T, why string) contact.Note {
	t.Helper()
	n, err := contact.ParseNote(why, order.MaxNote)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func hold(t *testing.T, s *shoptest.Shop, what privacy.Held, until time.Time) string {
	t.Helper()
	id, n, err := privacy.Hold(t.Context(), s.DB, owner, what, because(t, "Ada Lovelace sues us"), until)
	if err != nil || n == 0 {
		t.Fatalf("got %d held, %v", n, err)
	}
	return id
}

func dossierOf(t *testing.T, s *shoptest.Shop, subject string, p personal.Purpose) string {
	t.Helper()
	return shoptest.One[string](t, s.Raw(t), `SELECT id FROM dossiers WHERE subject = $1 AND purpose = $2`, subject, string(p))
}

func keysOf(t *testing.T, s *shoptest.Shop, subject string) (out []string) {
	t.Helper()
	raw := s.Raw(t)
	for _, p := range []personal.Purpose{personal.CourierUse, personal.Fulfilment, personal.Invoicing, personal.Payment} {
		if shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE subject = $1 AND purpose = $2 AND wrap IS NOT NULL`, subject, string(p)) > 0 {
			out = append(out, string(p))
		}
	}
	return out
}

// TestAHoldKeepsWhatIsDueUntilItsEnd follows an order that is fought over in court.
func TestAHoldKeepsWhatIsDueUntilItsEnd(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		deliver(t, s, p)
		raw := s.Raw(t)
		ends := func() int64 {
			return shoptest.One[int64](t, raw, `SELECT sum(destroy_after) FROM dossiers WHERE subject = $1 AND purpose <> 'rights'`, p.Order.Owner)
		}
		before := ends()
		hold(t, s, privacy.Held{Order: p.Order.Number}, s.DB.Now().Add(2*year))
		if ends() != before {
			t.Error("a hold has moved an end date")
		}
		s.Clock.Move(500 * 24 * time.Hour)
		if b, err := privacy.Look(t.Context(), s.DB); err != nil || b.Due != 0 {
			t.Errorf("got %d due, %v, want the brakes to count nothing that stays anyway", b.Due, err)
		}
		if got := retain(t, s); len(got) != 0 {
			t.Errorf("got %v destroyed under a hold", got)
		}
		if got := keysOf(t, s, p.Order.Owner); len(got) != 4 {
			t.Errorf("got keys for %v, want all four", got)
		}
		// What is past its own date is kept, not used.
		if d := details(t, s, p); !d.Phone.IsZero() || !d.Email.IsZero() || d.BillTo.IsZero() {
			t.Errorf("got %v, want only what is not due to open", d)
		}
		// Nobody else gets around it either.
		err := s.DB.InTx(t.Context(), owner, func(x *store.Tx) error {
			return x.Destroy(store.DueDossier{Subject: p.Order.Owner, ID: dossierOf(t, s, p.Order.Owner, personal.Fulfilment), Case: string(p.Order.ID), Purpose: personal.Fulfilment})
		})
		if !errors.Is(err, store.ErrHeld) {
			t.Errorf("got %v, want ErrHeld", err)
		}
		// Nor does an erasure that has listed it before the hold came.
		err = s.DB.InTx(t.Context(), owner, func(x *store.Tx) error {
			list, err := x.DossiersOf(p.Order.Owner)
			if err != nil {
				return err
			}
			var all []store.DueDossier
			for _, d := range list {
				all = append(all, d.DueDossier)
			}
			return x.EraseAll(all)
		})
		if !errors.Is(err, store.ErrHeld) {
			t.Errorf("an erasure of everything: got %v, want ErrHeld", err)
		}
		if got := keysOf(t, s, p.Order.Owner); len(got) != 4 {
			t.Errorf("got keys for %v, want all four", got)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM order_details WHERE owner = $1 AND email IS NOT NULL`, p.Order.Owner); n != 1 {
			t.Error("a refused destruction has cleared values")
		}
		// Its end comes by itself.
		s.Clock.Move(260 * 24 * time.Hour)
		if got := retain(t, s); got[personal.CourierUse] != 1 || got[personal.Fulfilment] != 1 || got[personal.Payment] != 1 || len(got) != 3 {
			t.Errorf("after the hold: got %v destroyed, want what was due", got)
		}
		if got := keysOf(t, s, p.Order.Owner); !slices.Equal(got, []string{"invoicing"}) {
			t.Errorf("got keys for %v, want the books' alone", got)
		}
		// The reason outlives the hold by three years, and goes with its rows.
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM legal_holds`); n != 4 {
			t.Errorf("got %d rows of the hold, want 4", n)
		}
		s.Clock.Move(4 * year)
		if got := retain(t, s); got[personal.Rights] != 1 {
			t.Errorf("got %v destroyed, want the reason", got)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM legal_holds`); n != 0 {
			t.Errorf("%d rows of the hold are left", n)
		}
	})
}

// TestTheLastOfTwoHoldsCounts lifts one of two.
func TestTheLastOfTwoHoldsCounts(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		deliver(t, s, p)
		all := hold(t, s, privacy.Held{Order: p.Order.Number}, s.DB.Now().Add(3*year))
		one := hold(t, s, privacy.Held{Dossier: dossierOf(t, s, p.Order.Owner, personal.Fulfilment)}, s.DB.Now().Add(2*year))
		s.Clock.Move(500 * 24 * time.Hour)
		if n, err := privacy.Release(t.Context(), s.DB, owner, all); err != nil || n != 4 {
			t.Fatalf("got %d released, %v", n, err)
		}
		if _, err := privacy.Release(t.Context(), s.DB, owner, all); !fault.Is(err, fault.NotFound) {
			t.Errorf("lifted twice: got %v", err)
		}
		if got := retain(t, s); got[personal.CourierUse] != 1 || len(got) != 1 {
			t.Errorf("got %v destroyed, want what the second does not hold", got)
		}
		if n, err := privacy.Release(t.Context(), s.DB, owner, one); err != nil || n != 1 {
			t.Fatalf("got %d released, %v", n, err)
		}
		if got := retain(t, s); got[personal.Fulfilment] != 1 || len(got) != 1 {
			t.Errorf("got %v destroyed, want what nobody holds any more", got)
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action IN ('hold.placed', 'hold.lifted') AND actor = 'os:olga'`); n != 4 {
			t.Errorf("got %d events, want 4", n)
		}
	})
}

// TestAReasonIsSealed looks for its words everywhere, and reads it.
func TestAReasonIsSealed(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		id := hold(t, s, privacy.Held{Order: p.Order.Number}, s.DB.Now().Add(year))
		if strings.Contains(s.Dump(t), "Lovelace") {
			t.Error("the reason can be read in the database")
		}
		list, err := privacy.Holds(t.Context(), s.DB, owner, false)
		if err != nil || len(list) != 4 || !list[0].Reason.IsZero() || list[0].ID != id || list[0].Order != p.Order.Number || !list[0].Holds(s.DB.Now()) {
			t.Fatalf("got %+v, %v, want four dossiers of the order and no reason", list, err)
		}
		count := func() int64 {
			return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE action = 'hold.reasons_read'`)
		}
		if count() != 0 {
			t.Error("a look without reasons says that they were read")
		}
		if list, err = privacy.Holds(t.Context(), s.DB, owner, true); err != nil || list[3].Reason.Reveal() != "Ada Lovelace sues us" || count() != 1 {
			t.Errorf("got %+v, %v and %d events, want the reason and one", list, err, count())
		}
	})
}

func TestAHoldThatMakesNoSenseIsRefused(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	p := bought(t, s)
	cart := s.Ready(t, s.Product(t, "jug", 2900, shoptest.Counted(5)).ID, 1)
	rest := s.Everything(t)
	this := privacy.Held{Order: p.Order.Number}
	in := func(d time.Duration) time.Time { return s.DB.Now().Add(d) }
	before := s.Dump(t)
	for name, c := range map[string]struct {
		what  privacy.Held
		why   string
		until time.Time
		kind  fault.Kind
	}{
		"no reason":       {this, "", in(year), fault.Invalid},
		"an end gone by":  {this, "x", in(-time.Hour), fault.Invalid},
		"no end":          {this, "x", time.Time{}, fault.Invalid},
		"an endless one":  {this, "x", in(11 * year), fault.Invalid},
		"an unknown one":  {privacy.Held{Dossier: "nobody"}, "x", in(year), fault.NotFound},
		"an unknown sale": {privacy.Held{Order: "K7Q2M-9F3XA"}, "x", in(year), fault.NotFound},
		"a cart":          {privacy.Held{Dossier: dossierOf(t, s, string(cart.ID), personal.Cart)}, "x", in(year), fault.Conflict},
		"who asked":       {privacy.Held{Dossier: dossierOf(t, s, rest.Asked, personal.Rights)}, "x", in(year), fault.Conflict},
		"an invitation":   {privacy.Held{Dossier: dossierOf(t, s, rest.Invite, personal.Staff)}, "x", in(year), fault.Conflict},
	} {
		if _, _, err := privacy.Hold(context.Background(), s.DB, owner, c.what, because(t, c.why), c.until); !fault.Is(err, c.kind) {
			t.Errorf("%s: got %v, want kind %v", name, err, c.kind)
		}
	}
	if s.Dump(t) != before {
		t.Error("a refused hold has left something")
	}
	hold(t, s, privacy.Held{Dossier: dossierOf(t, s, rest.Staff.ID, personal.Staff)}, in(year)) // who works here can be kept
}

// TestHoldingWhileRetentionPasses places holds on what is being destroyed: each
// either comes in time, and then its dossier has its key, or is refused.
func TestHoldingWhileRetentionPasses(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		deliver(t, s, p)
		all := s.Copies(t, p.Order.ID, 150)
		raw := s.Raw(t)
		rows, err := raw.Query(`SELECT id FROM dossiers WHERE subject LIKE 's1%' ORDER BY destroy_after DESC`)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := rows.Close(); err != nil || len(ids) != all {
			t.Fatalf("got %d dossiers, %v, want %d", len(ids), err, all)
		}
		confirm(t, s)
		why, until := because(t, "a lawsuit"), s.DB.Now().Add(year)
		held, first := map[string]bool{}, make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for i, id := range ids {
				_, _, err := privacy.Hold(context.Background(), s.DB, owner, privacy.Held{Dossier: id}, why, until)
				if err != nil && !fault.Is(err, fault.NotFound) {
					t.Errorf("got %v, want a hold that comes in time or too late", err)
				}
				held[id] = err == nil
				if i == 4 {
					close(first)
				}
			}
		})
		<-first
		if _, err := privacy.Retention(context.Background(), s.DB, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
		group.Wait()
		if _, err := privacy.Retention(context.Background(), s.DB, slog.New(slog.DiscardHandler)); err != nil && !errors.Is(err, privacy.ErrWaits) {
			t.Error(err)
		}
		kept := 0
		for _, id := range ids {
			there := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE id = $1 AND wrap IS NOT NULL`, id) == 1
			if held[id] && !there {
				t.Errorf("dossier %s was destroyed under a hold", id)
			}
			if there {
				kept++
			}
		}
		t.Logf("%d of %d holds came in time", kept, all)
		if kept < 5 {
			t.Error("not even the holds from before the pass have held")
		}
	})
}
