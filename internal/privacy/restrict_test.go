package privacy_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestARestrictionShutsAndIsLifted restricts what there is about a person.
func TestARestrictionShutsAndIsLifted(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		before := details(t, s, p)
		r, err := o.Ask(noCtx, clerk, privacy.KindRestrict, ada, privacy.Options{Now: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Run(noCtx, clerk, r.Reference); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.Email.IsZero() || !d.BillTo.IsZero() {
			t.Errorf("got %v, want everything shut", d)
		}
		if err := o.Lift(noCtx, clerk, r.Reference); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.Email.Equal(before.Email) || d.Phone.IsZero() || d.ShipTo.IsZero() || d.BillTo.IsZero() {
			t.Errorf("got %v, want what was there before", d)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM identities`); n != 1 {
			t.Errorf("got %d indexes, want the e-mail to lead there again", n)
		}
		// A restriction that is lifted after an erasure opens nothing of what the law holds.
		again, err := o.Ask(noCtx, clerk, privacy.KindRestrict, ada, privacy.Options{Now: true})
		if err == nil {
			err = o.Run(noCtx, clerk, again.Reference)
		}
		if err != nil {
			t.Fatal(err)
		}
		shoptest.Do(t, s.Raw(t), `INSERT INTO erasures_due (owner, dossier, at) SELECT subject, id, 1 FROM dossiers WHERE subject = $1 AND purpose = 'courier'`, p.Order.Owner)
		shoptest.Do(t, s.Raw(t), `UPDATE dossiers SET state = 'destroyed', wrap = NULL, destroyed_at = 1 WHERE subject = $1 AND purpose = 'courier'`, p.Order.Owner)
		if err := o.Lift(noCtx, clerk, again.Reference); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.BillTo.IsZero() {
			t.Errorf("got %v, want the books of somebody who was erased to stay shut", d)
		}
		if err := o.Lift(noCtx, clerk, r.Reference); !fault.Is(err, fault.Conflict) {
			t.Errorf("lifted twice: got %v, want a conflict", err)
		}
	})
}

// TestWhatWasRestrictedIsFoundByAnIndexKeyOfSince: a restricted order and wish
// get no hash under a new index key, and have one when they are open again.
func TestWhatWasRestrictedIsFoundByAnIndexKeyOfSince(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		account, wish := store.NewID(), store.NewID()
		find := func(want ...string) {
			t.Helper()
			slices.Sort(want)
			var found []string
			err := s.DB.View(noCtx, func(v *store.View) (err error) {
				found, err = v.PersonOf(ada)
				return err
			})
			if err != nil || !slices.Equal(found, want) {
				t.Errorf("got %v, %v, want %v", found, err, want)
			}
		}
		err := s.DB.InTx(noCtx, clerk, func(tx *store.Tx) error {
			return errors.Join(tx.NewAccount(store.Account{ID: account, State: store.AccountOpen, Email: ada}), tx.NewWish(wish, "jug", ada))
		})
		if err != nil {
			t.Fatal(err)
		}
		find(account, wish, p.Order.Owner)
		r, err := o.Ask(noCtx, clerk, privacy.KindRestrict, ada, privacy.Options{Now: true})
		if err == nil {
			err = o.Run(noCtx, clerk, r.Reference)
		}
		if err != nil {
			t.Fatal(err)
		}
		k := keylife.New(s.DB, s.Ring, 0, slog.New(slog.DiscardHandler))
		if _, _, err := k.RotateIndex(noCtx, clerk, func(keylife.Progress) {}); err != nil {
			t.Fatal(err)
		}
		find(account) // nobody but the person opens it, so it is not restricted
		if err := o.Lift(noCtx, clerk, r.Reference); err != nil {
			t.Fatal(err)
		}
		find(account, wish, p.Order.Owner)
	})
}
