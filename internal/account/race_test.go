package account_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// atOnce carries fn out for each of n, all at the same time.
func atOnce(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			if err := fn(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	close(begin)
	group.Wait()
}

// TestBudgetsHoldWhenAllAskAtOnce: what is counted before it is added to stays
// below its bound.
func TestBudgetsHoldWhenAllAskAtOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		const n = 8
		var in []account.Entry
		var as []access.Standing
		for i := range n {
			e := join(t, s, "shopper"+strconv.Itoa(i)+"@example.com", good)
			in, as = append(in, e), append(as, who(t, s, e.Cookie))
		}
		atOnce(t, n, func(i int) error { return s.Keeper.BeginPhone(noCtx, as[i], in[i].Cookie, phone, "") })
		if sent := shoptest.One[int64](t, raw, `SELECT count(*) FROM texts_sent`); sent != 3 {
			t.Errorf("%d texts to one number in an hour, want 3", sent)
		}

		atOnce(t, n, func(int) error { _, err := s.Keeper.Register(noCtx, ada, good); return err })
		if codes := shoptest.One[int64](t, raw, `SELECT count(*) FROM challenges WHERE purpose = 'mailbox' AND code_of = '' AND used_at = 0`); codes != 1 {
			t.Errorf("%d codes for one mailbox, want one that all browsers share", codes)
		}

		guest := store.NewID()
		atOnce(t, n, func(i int) error {
			return s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
				_, err := tx.Link(in[i].Account, guest, "mailbox")
				return err
			})
		})
		if owners := shoptest.One[int64](t, raw, `SELECT count(*) FROM links WHERE subject = $1`, guest); owners != 1 {
			t.Errorf("%d accounts own the orders of one guest", owners)
		}
	})
}
