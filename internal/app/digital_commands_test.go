package app

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestNewKeysReachWhoWaitsAtOnce: orders that came after the last key do not
// wait for their next try once there are keys again.
func TestNewKeysReachWhoWaitsAtOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		ctx := context.Background()
		eur, err := money.ParseCurrency("EUR")
		if err != nil {
			t.Fatal(err)
		}
		o := &operating{vault: &vault{db: s.DB}, desk: s.Desk, actor: ledger.OS("clerk"), out: io.Discard, err: io.Discard}
		add := func(sku, keys string) {
			t.Helper()
			o.in = strings.NewReader(keys)
			if err := o.do(ctx, call{Name: "licences add", Args: map[string]string{"variant": sku}}); err != nil {
				t.Fatal(err)
			}
		}
		buy := func(handle string) checkout.Placed {
			t.Helper()
			sku := "SKU-" + handle
			err := s.DB.InTx(ctx, ledger.System("test"), func(t *store.Tx) error {
				return t.SaveProduct(catalog.Product{Handle: handle, Title: handle, Published: true, Variants: []catalog.Variant{
					{SKU: sku, Price: money.Of(900, eur), CompareAt: money.Zero(eur), Virtual: true}}})
			})
			if err != nil {
				t.Fatal(err)
			}
			add(sku, handle+"-first\n")
			var id catalog.VariantID
			if err := s.DB.View(ctx, func(v *store.View) (err error) { id, err = v.VirtualBySKU(sku); return err }); err != nil {
				t.Fatal(err)
			}
			p, err := s.Place(s.Ready(t, id, 2), "key")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Approve(p); err != nil {
				t.Fatal(err)
			}
			return p
		}
		keys := func(p checkout.Placed) (int, bool) {
			t.Helper()
			d, err := s.Desk.Digital(ctx, s.Order(t, p))
			if err != nil {
				t.Fatal(err)
			}
			return len(d.Keys), d.Waiting
		}
		song, game := buy("song"), buy("game")
		s.RunAll(t)
		if n, waits := keys(song); n != 1 || !waits {
			t.Fatalf("got %d keys, waiting %v, want one of two and the other to come", n, waits)
		}
		raw := s.Raw(t)
		hour := s.DB.Now().UnixMilli() + 3_600_000
		shoptest.Do(t, raw, `UPDATE jobs SET run_at = $1 WHERE kind = 'digital.give'`, hour) // it has been tried many times
		add("SKU-song", "song-second\nsong-third\n")
		s.RunAll(t)
		if n, waits := keys(song); n != 2 || waits {
			t.Errorf("got %d keys, waiting %v, want both at once", n, waits)
		}
		if at := shoptest.One[int64](t, raw, `SELECT run_at FROM jobs WHERE kind = 'digital.give'`); at != hour {
			t.Error("the keys of a song woke the orders of a game")
		}
		if n, waits := keys(game); n != 1 || !waits {
			t.Errorf("the game: got %d keys, waiting %v", n, waits)
		}
	})
}
