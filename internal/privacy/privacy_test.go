package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// retain lets retention pass, after an owner has seen that the time is right.
func retain(t *testing.T, s *shoptest.Shop) map[personal.Purpose]int {
	t.Helper()
	confirm(t, s)
	got, err := privacy.Retention(context.Background(), s.DB, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func bought(t *testing.T, s *shoptest.Shop) checkout.Placed {
	t.Helper()
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
	p, err := s.Place(s.Ready(t, bowl.ID, 1), "key-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	return p
}

func details(t *testing.T, s *shoptest.Shop, p checkout.Placed) (d order.Details) {
	t.Helper()
	err := s.DB.View(context.Background(), func(v *store.View) (err error) {
		d, err = v.OrderDetails(p.Order.Owner, p.Order.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// deliver ends an order, so that its dossiers may fall due.
func deliver(t *testing.T, s *shoptest.Shop, p checkout.Placed) {
	t.Helper()
	shoptest.Do(t, s.Raw(t), `UPDATE orders SET status = 'delivered' WHERE id = $1`, string(p.Order.ID))
}

// TestALifeOfData follows one order's values to their ends.
func TestALifeOfData(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		deliver(t, s, p)
		if got := retain(t, s); len(got) != 0 {
			t.Fatalf("got %v destroyed on the first day", got)
		}
		raw := s.Raw(t)
		identities := func() int64 { return shoptest.One[int64](t, raw, `SELECT count(*) FROM identities`) }
		s.Clock.Move(95 * 24 * time.Hour)
		if got := retain(t, s); got[personal.CourierUse] != 1 || len(got) != 1 {
			t.Errorf("after 95 days: got %v destroyed, want the courier's part", got)
		}
		if d := details(t, s, p); !d.Phone.IsZero() || d.Email.IsZero() {
			t.Errorf("after 95 days: got %v, want the phone gone and the e-mail there", d)
		}
		if identities() != 1 {
			t.Error("the mailbox is not found while its dossier lives")
		}
		s.Clock.Move(365 * 24 * time.Hour)
		if got := retain(t, s); got[personal.Fulfilment] != 1 || len(got) != 1 {
			t.Errorf("after 460 days: got %v destroyed, want name, address and e-mail", got)
		}
		if identities() != 0 {
			t.Error("an index row outlives its dossier")
		}
		if d := details(t, s, p); !d.Email.IsZero() || !d.Name.IsZero() || !d.ShipTo.IsZero() || d.BillTo.IsZero() || d.Billed().Reveal() != "Ada Lovelace" {
			t.Errorf("after 460 days: got %v, want the books' part alone, the name on the invoice in it", d)
		}
		s.Clock.Move(365 * 24 * time.Hour)
		if got := retain(t, s); got[personal.Payment] != 1 || len(got) != 1 {
			t.Errorf("after 825 days: got %v destroyed, want the payment's reference", got)
		}
		s.Clock.Move(10 * 365 * 24 * time.Hour)
		if got := retain(t, s); got[personal.Invoicing] != 1 || len(got) != 1 {
			t.Errorf("after twelve years: got %v destroyed, want the invoice's part", got)
		}
		if d := details(t, s, p); !d.Billed().IsZero() || !d.BillTo.IsZero() {
			t.Errorf("after twelve years: got %v, want nobody", d)
		}
		if got := retain(t, s); len(got) != 0 {
			t.Errorf("got %v destroyed twice", got)
		}
		// One event tells of each pass, with counts and without names.
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'retention.destroyed'`); n != 4 {
			t.Errorf("got %d events, want 4", n)
		}
		if got := s.Order(t, p); got.Totals != p.Order.Totals {
			t.Error("the books have lost an order")
		}
		// The shop's own secrets are under no date.
		s.Reopen(t)
	})
}

func TestAnOrderUnderWayKeepsItsPeople(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		raw := s.Raw(t)
		s.Clock.Move(95 * 24 * time.Hour)
		shoptest.Do(t, raw, `UPDATE orders SET status = 'packed', updated_at = $1`, s.DB.Now().Add(-24*time.Hour).UnixMilli())
		if got := retain(t, s); len(got) != 0 {
			t.Fatalf("got %v destroyed of an order under way", got)
		}
		if d := details(t, s, p); d.Email.IsZero() || d.ShipTo.IsZero() || d.Phone.IsZero() {
			t.Errorf("got %v, want all there is", d)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE state = 'open' AND destroy_after <= $1`, s.DB.Now().UnixMilli()); n != 0 {
			t.Errorf("%d dossiers are still due", n)
		}
		// Nobody touches it any more: it does not keep them for ever.
		s.Clock.Move(62 * 24 * time.Hour)
		if got := retain(t, s); got[personal.CourierUse] != 1 || len(got) != 1 {
			t.Errorf("got %v destroyed, want what was put off", got)
		}
	})
}

func TestAClockThatJumpedBackDestroysNothing(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		deliver(t, s, p)
		s.Clock.Move(500 * 24 * time.Hour)
		bought(t, s) // the newest event stands here
		if _, err := s.DB.Sequence(context.Background()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(-24 * time.Hour)
		before := s.Dump(t)
		got, err := privacy.Retention(context.Background(), s.DB, slog.New(slog.DiscardHandler))
		if !errors.Is(err, privacy.ErrWaits) || len(got) != 0 {
			t.Fatalf("got %v, %v, want ErrWaits and nothing destroyed", got, err)
		}
		if s.Dump(t) != before {
			t.Error("something changed")
		}
		s.Clock.Move(24 * time.Hour)
		if got := retain(t, s); len(got) == 0 {
			t.Error("nothing was destroyed once the clock was right")
		}
	})
}

// TestAPassTakesMoreThanAPage destroys more dossiers than fit one transaction.
func TestAPassTakesMoreThanAPage(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
		const carts = 110
		for range carts {
			s.Ready(t, bowl.ID, 1)
		}
		s.Clock.Move(31 * 24 * time.Hour)
		if got := retain(t, s); got[personal.Cart] != carts {
			t.Errorf("got %v destroyed, want %d carts", got, carts)
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM cart_details WHERE email IS NOT NULL OR name IS NOT NULL OR ship_to IS NOT NULL OR phone IS NOT NULL`); n != 0 {
			t.Errorf("%d rows still have sealed values", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND wrap IS NOT NULL`); n != 0 {
			t.Errorf("%d keys are left", n)
		}
	})
}

// TestOrdersUnderWayDoNotHoldUpTheOthers: more of them than a page come first.
func TestOrdersUnderWayDoNotHoldUpTheOthers(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		const all, open = 160, 100
		s.Copies(t, p.Order.ID, all)
		raw := s.Raw(t)
		shoptest.Do(t, raw, `UPDATE orders SET status = 'delivered'`)
		n := shoptest.Do(t, raw, `UPDATE orders SET status = 'packed' WHERE id <= $1 AND id LIKE 'o1%'`, "o10000100")
		if n != open {
			t.Fatalf("got %d orders under way, want %d", n, open)
		}
		got := retain(t, s)
		for _, purpose := range []personal.Purpose{personal.CourierUse, personal.Fulfilment, personal.Invoicing, personal.Payment} {
			if got[purpose] != all-open {
				t.Errorf("got %d of %s destroyed, want %d", got[purpose], purpose, all-open)
			}
		}
		for query, want := range map[string]int64{
			`SELECT count(*) FROM dossiers WHERE state = 'open' AND case_id LIKE 'o1%'`:                                        4 * open,
			`SELECT count(*) FROM order_details WHERE order_id LIKE 'o1%' AND email IS NOT NULL AND bill_to IS NOT NULL`:       open,
			`SELECT count(*) FROM order_details WHERE order_id > 'o10000100' AND order_id LIKE 'o1%' AND email IS NOT NULL`:    0,
			`SELECT count(*) FROM order_details WHERE order_id > 'o10000100' AND order_id LIKE 'o1%' AND bill_to IS NOT NULL`:  0,
			`SELECT count(*) FROM payments WHERE order_id > 'o10000100' AND order_id LIKE 'o1%' AND provider_ref IS NOT NULL`:  0,
			`SELECT count(*) FROM payments WHERE order_id <= 'o10000100' AND order_id LIKE 'o1%' AND provider_ref IS NOT NULL`: open,
			`SELECT count(*) FROM identities WHERE subject LIKE 's1%'`:                                                         open,
			`SELECT count(*) FROM directory WHERE kind = 'provider' AND owner LIKE 's1%'`:                                      open,
		} {
			if n := shoptest.One[int64](t, raw, query); n != want {
				t.Errorf("%s: got %d, want %d", query, n, want)
			}
		}
		// The real one is not due.
		if d := details(t, s, p); d.Email.IsZero() {
			t.Error("what is not due was cleared")
		}
	})
}

// TestRetentionLeavesNoKeyInTheFiles looks for the destroyed keys themselves in
// every byte that SQLite wrote.
func TestRetentionLeavesNoKeyInTheFiles(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bought(t, s) // its cart ended when it was paid
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(50))
	var wraps [][]byte
	raw := s.Raw(t)
	for range 20 {
		b := s.Ready(t, bowl.ID, 1)
		wraps = append(wraps, shoptest.One[[]byte](t, raw, `SELECT wrap FROM dossiers WHERE subject = $1`, string(b.ID))[40:])
	}
	if there(t, s, wraps) == 0 {
		t.Fatal("the living keys are not found: the search does not work")
	}
	s.Clock.Move(31 * 24 * time.Hour)
	retain(t, s)
	if n := there(t, s, wraps); n != 0 {
		t.Errorf("%d of %d destroyed keys are still in the files", n, len(wraps))
	}
}

func there(t *testing.T, s *shoptest.Shop, wanted [][]byte) int {
	t.Helper()
	seen := map[string]bool{}
	for _, path := range s.Files(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wanted {
			if bytes.Contains(data, w) {
				seen[string(w)] = true
			}
		}
	}
	return len(seen)
}

func TestTheLogOfAPassTellsCounts(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	p := bought(t, s)
	deliver(t, s, p)
	s.Clock.Move(500 * 24 * time.Hour)
	confirm(t, s)
	var log bytes.Buffer
	if _, err := privacy.Retention(context.Background(), s.DB, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if !strings.Contains(text, "purpose=fulfilment dossiers=1") {
		t.Errorf("got %q, want to read what was destroyed", text)
	}
	for _, no := range []string{"ada@", "Lovelace", p.Order.Owner, string(p.Order.ID)} {
		if strings.Contains(text, no) {
			t.Errorf("the log names %q", no)
		}
	}
}
