package privacy_test

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestNoKeyGoesByAnErasureWithoutALine erases somebody with an account that has a
// second factor: what goes with the account is in the journal as well, and so is
// the request's own dossier. A restore would take what is not for lost.
func TestNoKeyGoesByAnErasureWithoutALine(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		a := store.Account{ID: store.NewID(), State: store.AccountOpen, Email: ada}
		err := s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
			if err := tx.NewAccount(a); err != nil {
				return err
			}
			return tx.AddFactor(a, store.Factor{ID: store.NewID(), Kind: store.PasswordFactor, Secret: []byte("hash")})
		})
		if err != nil {
			t.Fatal(err)
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE purpose = 'security' AND state = 'open'`); n != 1 {
			t.Fatalf("got %d dossiers with what the account signs in with, want one", n)
		}
		r := o.erase(t, privacy.Options{})
		if r.Receipt.Erased[personal.Account] != 1 || r.Receipt.Erased[personal.Security] != 1 {
			t.Errorf("got %v, want the account and what it signs in with", r.Receipt.Erased)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE state = 'destroyed'`); n != 3 {
			t.Errorf("got %d destroyed dossiers, want those two and the request's own", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers d WHERE state = 'destroyed' AND NOT EXISTS (SELECT 1 FROM erasures e WHERE e.dossier = d.id)`); n != 0 {
			t.Errorf("%d of them are without a line in the journal", n)
		}
	})
}

// TestADatabaseThatIsPutBackForgetsAgain puts the rows back as they were before
// an erasure, journal included: the copy beside the key file knows.
func TestADatabaseThatIsPutBackForgetsAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		raw := s.Raw(t)
		p := bought(t, s)
		deliver(t, s, p)
		type dossier struct {
			id   string
			wrap []byte
		}
		var before []dossier
		rows, err := raw.Query(`SELECT id, wrap FROM dossiers WHERE subject = $1 AND state = 'open'`, p.Order.Owner)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var d dossier
			if err := rows.Scan(&d.id, &d.wrap); err != nil {
				t.Fatal(err)
			}
			before = append(before, d)
		}
		rows.Close()
		email := shoptest.One[[]byte](t, raw, `SELECT email FROM order_details WHERE order_id = $1`, string(p.Order.ID))
		o.erase(t, privacy.Options{})
		putBack := func() {
			for _, d := range before {
				shoptest.Do(t, raw, `UPDATE dossiers SET state = 'open', wrap = $2, destroyed_at = NULL WHERE id = $1`, d.id, d.wrap)
			}
			shoptest.Do(t, raw, `UPDATE order_details SET email = $2 WHERE order_id = $1`, string(p.Order.ID), email)
		}
		putBack()
		shoptest.Do(t, raw, `DELETE FROM erasures`)
		if d := details(t, s, p); d.Email.IsZero() {
			t.Fatal("the person is not back: this test shows nothing")
		}
		_, met, err := privacy.Meet(noCtx, s.DB, o.file)
		if err != nil || met.Learnt < 2 || met.Replayed < 2 {
			t.Fatalf("got %+v, %v, want the erasures learnt and replayed", met, err)
		}
		if d := details(t, s, p); !d.Email.IsZero() || !d.BillTo.IsZero() {
			t.Errorf("got %v, want nobody, and the books shut", d)
		}
		if _, again, err := privacy.Meet(noCtx, s.DB, o.file); err != nil || again != (privacy.Met{}) {
			t.Errorf("the next start: got %+v, %v, want nothing to do", again, err)
		}
		// Only the rows, under a journal that is whole: the hourly look finds them.
		putBack()
		if err := o.Replay(noCtx); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.Email.IsZero() {
			t.Errorf("got %v, want nobody", d)
		}
		// A journal that went another way since is taken together with the file.
		shoptest.Do(t, raw, `DELETE FROM erasures WHERE number > 1`)
		cart := s.Ready(t, s.Product(t, "cup", 900, shoptest.Counted(5)).ID, 1)
		if err := s.Desk.Clear(noCtx, cart.ID, cart.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := s.DB.SequenceErasures(noCtx); err != nil {
			t.Fatal(err)
		}
		putBack()
		if _, met, err := privacy.Meet(noCtx, s.DB, o.file); err != nil || met.Learnt == 0 || met.Replayed == 0 {
			t.Errorf("two ways: got %+v, %v, want both kept", met, err)
		}
		if d := details(t, s, p); !d.Email.IsZero() {
			t.Errorf("got %v, want nobody", d)
		}
	})
}

// TestAPlaceThatIsAwayKeepsAReceiptPending reaches it later.
func TestAPlaceThatIsAwayKeepsAReceiptPending(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		o.place.away = true
		r := o.erase(t, privacy.Options{Shred: true})
		if r.State != store.Done || !r.Everywhere.IsZero() || o.shred.times != 1 {
			t.Fatalf("got %+v and %d shreddings, want it done here alone and the epoch closed", r, o.shred.times)
		}
		o.place.away = false
		if err := o.Spread(noCtx); err != nil {
			t.Fatal(err)
		}
		if got := o.read(t, r.Reference); got.Everywhere.IsZero() {
			t.Error("the receipt still waits")
		}
	})
}
