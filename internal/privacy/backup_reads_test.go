package privacy_test

import (
	"errors"
	"testing"

	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAReceiptWaitsForABackupAndSaysSo erases somebody while a backup reads: the keys
// are gone at once, whoever asked is told what the receipt waits for, and it is
// written when the backup has ended.
func TestAReceiptWaitsForABackupAndSaysSo(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		deliver(t, s, bought(t, s))
		var r store.Request
		err := s.DB.Snapshot(noCtx, func(*store.Snapshot) (err error) {
			if r, err = o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{Now: true}); err != nil {
				return err
			}
			if err := o.Run(noCtx, clerk, r.Reference); !errors.Is(err, store.ErrReads) {
				t.Errorf("got %v, want to hear of the backup", err)
			}
			if err := o.RunDue(noCtx); err != nil {
				t.Errorf("got %v, want the waiting to be no failure", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE purpose = 'fulfilment' AND state <> 'destroyed'`); n != 0 {
			t.Error("the backup has kept a key alive")
		}
		if r = o.read(t, r.Reference); r.State != store.Running || !r.DoneAt.IsZero() || len(r.Receipt.Erased) != 0 {
			t.Errorf("got %+v, want no receipt yet", r)
		}
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if r = o.read(t, r.Reference); r.State != store.Done || r.Everywhere.IsZero() || r.Receipt.Erased["fulfilment"] != 1 {
			t.Errorf("got %+v, want it done everywhere", r)
		}
	})
}
