package privacy_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// resealed gives every dossier another key.
func resealed(t *testing.T, s *shoptest.Shop) {
	t.Helper()
	s.Clock.Move(time.Second)
	k := keylife.New(s.DB, s.Ring, 0, slog.New(slog.DiscardHandler))
	if err := k.ResealAll(noCtx, clerk); err != nil {
		t.Fatal(err)
	}
	if out, err := k.Reseal(noCtx, keylife.Swift, func(keylife.Progress) {}); err != nil || out.Left != 0 || out.Done == 0 {
		t.Fatalf("sealing anew: %+v, %v", out, err)
	}
}

// leftOf counts the retired wraps of dossiers that were destroyed; named counts
// the ids that destroyed dossiers of a subject have had and the journal lacks.
const (
	leftOf = `SELECT count(*) FROM retired r JOIN dossiers d ON d.subject = r.subject AND d.case_id = r.case_id AND d.purpose = r.purpose WHERE d.state = 'destroyed' AND r.wrap IS NOT NULL`
	named  = `SELECT count(*) FROM (SELECT id, subject, case_id, purpose FROM dossiers UNION ALL SELECT id, subject, case_id, purpose FROM retired) x
		JOIN dossiers d ON d.subject = x.subject AND d.case_id = x.case_id AND d.purpose = x.purpose
		WHERE d.state = 'destroyed' AND d.purpose IN ('fulfilment', 'courier') AND d.subject = $1 AND x.id NOT IN (SELECT dossier FROM erasures)`
)

// TestAnErasureEndsWhatWasRetired: whoever is erased after their values were sealed
// anew, once or twice, is gone with every key they ever had, and the journal names
// each dossier by all its ids. One that comes back under an old id goes again.
func TestAnErasureEndsWhatWasRetired(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		raw := s.Raw(t)
		p := bought(t, s)
		deliver(t, s, p)
		old := shoptest.One[string](t, raw, `SELECT id FROM dossiers WHERE subject = $1 AND purpose = 'fulfilment'`, p.Order.Owner)
		wrap := shoptest.One[[]byte](t, raw, `SELECT wrap FROM dossiers WHERE id = $1`, old)
		email := shoptest.One[[]byte](t, raw, `SELECT email FROM order_details WHERE order_id = $1`, string(p.Order.ID))
		resealed(t, s)
		resealed(t, s)
		if d := details(t, s, p); d.Email.IsZero() {
			t.Fatal("the person does not open: this test shows nothing")
		}
		r := o.erase(t, privacy.Options{})
		if r.State != store.Done || r.Receipt.Erased[personal.Fulfilment] != 1 {
			t.Errorf("got %+v, want one erased for each purpose, whatever it was called", r)
		}
		if d := details(t, s, p); !d.Email.IsZero() || !d.BillTo.IsZero() {
			t.Errorf("got %v, want nobody", d)
		}
		if n := shoptest.One[int64](t, raw, leftOf); n != 0 {
			t.Errorf("%d retired wraps of the erased are left", n)
		}
		if n := shoptest.One[int64](t, raw, named, p.Order.Owner); n != 0 {
			t.Errorf("the journal lacks %d ids of the erased", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM identities`); n != 0 {
			t.Errorf("%d rows still lead to the person", n)
		}
		kept := shoptest.One[int64](t, raw, `SELECT count(*) FROM retired WHERE wrap IS NOT NULL AND subject = $1`, p.Order.Owner)
		if kept != 4 { // the books and the payment, twice each
			t.Errorf("%d retired wraps of what the law keeps, want 4", kept)
		}
		// Somebody puts the oldest row back: the journal knows it.
		back := func(id string) {
			shoptest.Do(t, raw, `UPDATE dossiers SET id = $3, state = 'open', wrap = $2, destroyed_at = NULL WHERE subject = $1 AND purpose = 'fulfilment'`, p.Order.Owner, wrap, id)
			shoptest.Do(t, raw, `UPDATE order_details SET email = $2 WHERE order_id = $1`, string(p.Order.ID), email)
		}
		back(old)
		if d := details(t, s, p); d.Email.IsZero() {
			t.Fatal("the person is not back: this test shows nothing")
		}
		if err := o.Replay(noCtx); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.Email.IsZero() {
			t.Errorf("got %v, want nobody", d)
		}
		// And one that was sealed anew after it came back, before anybody looked.
		back(old)
		resealed(t, s)
		if d := details(t, s, p); d.Email.IsZero() {
			t.Fatal("the person is not back: this test shows nothing")
		}
		if err := o.Replay(noCtx); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.Email.IsZero() {
			t.Errorf("sealed anew after it came back: got %v, want nobody", d)
		}
		if n := shoptest.One[int64](t, raw, leftOf); n != 0 {
			t.Errorf("%d retired wraps of the erased are left", n)
		}
	})
}

// TestEveryEndTakesWhatWasRetired: retention, a cart that is ordered or cleared, an
// account that ends, a file that is removed.
func TestEveryEndTakesWhatWasRetired(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := s.Everything(t)
		cup := s.Product(t, "cup", 900, shoptest.Counted(5)).ID
		ordered, cleared := s.Ready(t, cup, 1), s.Ready(t, cup, 1)
		resealed(t, s)
		raw := s.Raw(t)
		living := func() int64 {
			return shoptest.One[int64](t, raw, `SELECT count(*) FROM retired r WHERE wrap IS NOT NULL AND NOT EXISTS
				(SELECT 1 FROM dossiers d WHERE d.subject = r.subject AND d.case_id = r.case_id AND d.purpose = r.purpose AND d.state <> 'destroyed')`)
		}
		before := shoptest.One[int64](t, raw, `SELECT count(*) FROM retired WHERE wrap IS NOT NULL`)
		p, err := s.Place(ordered, "ordered")
		if err == nil {
			err = s.Approve(p)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.RunAll(t)
		if err := s.Desk.Clear(noCtx, cleared.ID, cleared.Token); err != nil {
			t.Fatal(err)
		}
		var files []store.File
		err = s.DB.InTx(noCtx, clerk, func(tx *store.Tx) (err error) {
			if files, err = tx.Files(""); err != nil {
				return err
			}
			return tx.RemoveFile(files[0].ID)
		})
		if err != nil {
			t.Fatal(err)
		}
		// Three, and the note of a kept card that was to be forgotten: the bank has heard it.
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM retired WHERE wrap IS NOT NULL`); n != before-4 {
			t.Errorf("%d of %d retired wraps are left, want four fewer", n, before)
		}
		// All else that has an end is due, the account with what it signs in with.
		shoptest.Do(t, raw, `UPDATE dossiers SET destroy_after = 1, held_until = 0 WHERE subject <> $1`, s.DB.ShopID())
		shoptest.Do(t, raw, `UPDATE orders SET updated_at = 1`)
		for _, p := range personal.Purposes() {
			if store.EndsAlone(p.Purpose) {
				err = s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
					list, err := tx.DueDossiers(p.Purpose, 100)
					for _, d := range list {
						if err == nil {
							err = tx.Destroy(d)
						}
					}
					return err
				})
			} else {
				err = s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
					_, err := tx.DestroyDue(p.Purpose, store.Span{Until: tx.Now()})
					return err
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if n := living(); n != 0 {
			t.Errorf("%d retired wraps outlive what took their place", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM retired WHERE wrap IS NOT NULL AND subject <> $1`, s.DB.ShopID()); n != 0 {
			t.Errorf("%d retired wraps of people are left", n)
		}
		// What a payment service has to forget lives until the service has heard it.
		const live = `SELECT count(*) FROM dossiers WHERE wrap IS NOT NULL AND subject = $1`
		if n := shoptest.One[int64](t, raw, live+` AND purpose <> 'payment'`, e.Shopper.ID); n != 0 {
			t.Errorf("%d dossiers of the account live", n)
		}
		s.RunAll(t)
		if n := shoptest.One[int64](t, raw, live, e.Shopper.ID); n != 0 {
			t.Errorf("%d dossiers of the account live once its cards are forgotten", n)
		}
	})
}
