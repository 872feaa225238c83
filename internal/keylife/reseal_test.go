package keylife_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// second is a format that no program has, so that there is one to move to.
var second = seal.Format{ID: 2, Cipher: chacha20poly1305.NewX, Step: 64}

// upgraded starts the shop again, with a program that knows the second format.
func upgraded(t *testing.T, s *shoptest.Shop) *keylife.Keeper {
	t.Helper()
	ring, err := seal.Open(t.Context(), s.Keys, second)
	if err != nil {
		t.Fatal(err)
	}
	s.Ring = ring
	s.Reopen(t)
	return keeper(s)
}

func reseal(t *testing.T, k *keylife.Keeper) keylife.Resealed {
	t.Helper()
	out, err := k.Reseal(t.Context(), keylife.Swift, func(keylife.Progress) {})
	if err != nil || out.Left != 0 {
		t.Fatalf("sealing anew: %+v, %v", out, err)
	}
	return out
}

// ids lists the dossiers that have a key.
func ids(t *testing.T, s *shoptest.Shop, table string) []string {
	t.Helper()
	return shoptest.Column[string](t, s.Raw(t), `SELECT id FROM `+table+` WHERE wrap IS NOT NULL`)
}

// TestEveryValueComesIntoANewFormat moves a shop that has a value in every field
// of the register: it reads the same before and after, holds and indexes find what
// they found, and no value is left in the old format or under an old key.
func TestEveryValueComesIntoANewFormat(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := s.Everything(t)
		before := e.Read(t, s.DB)
		for _, text := range []string{"Lovelace", "TRACK-1815", "Ring twice", "Babbage", "KEY", "not whole", "totp", "hash", "old@example.com", "a lawsuit", "The end.", "Firefox"} {
			if text != "KEY" && !strings.Contains(before, text) {
				t.Errorf("the shop does not say %q", text)
			}
		}
		old := ids(t, s, "dossiers")
		k := upgraded(t, s)
		if got := e.Read(t, s.DB); got != before {
			t.Errorf("a program that knows a newer format reads\n%s\nwant\n%s", got, before)
		}
		if r, err := k.Resealing(t.Context()); err != nil || r.Left != int64(len(old)) || r.Retired != 0 {
			t.Errorf("before: %+v, %v, want %d left", r, err, len(old))
		}
		if out := reseal(t, k); out.Done != int64(len(old)) {
			t.Errorf("sealed anew %d dossiers, want %d", out.Done, len(old))
		}
		if got := e.Read(t, s.DB); got != before {
			t.Errorf("afterwards it reads\n%s\nwant\n%s", got, before)
		}
		for field, formats := range s.UnderWhat(t) {
			if formats[2] == 0 || len(formats) != 1 {
				t.Errorf("%s: values by format: %v, want the second alone", field, formats)
			}
		}
		for _, id := range ids(t, s, "dossiers") {
			if slices.Contains(old, id) {
				t.Errorf("dossier %s kept its key", id)
			}
		}
		if kept := ids(t, s, "retired"); len(kept) != len(old) {
			t.Errorf("%d wraps are retired, want %d", len(kept), len(old))
		}
		// What names a dossier found it: the index, the hold, the order's parts.
		raw := s.Raw(t)
		for query, want := range map[string]int64{
			`SELECT count(*) FROM identities i JOIN dossiers d ON d.subject = i.subject AND d.id = i.dossier`:                       shoptest.One[int64](t, raw, `SELECT count(*) FROM identities`),
			`SELECT count(*) FROM legal_holds h JOIN dossiers d ON d.subject = h.owner AND d.id = h.dossier WHERE d.held_until > 0`: 1,
			`SELECT count(*) FROM retired WHERE left_at = 0`:                                                                        0,
			`SELECT count(*) FROM events WHERE action = 'keys.resealed'`:                                                            1,
			`SELECT count(*) FROM dossiers WHERE held_until > 0`:                                                                    1,
			`SELECT count(*) FROM outbox o JOIN dossiers d ON d.id = o.dossier`:                                                     shoptest.One[int64](t, raw, `SELECT count(*) FROM outbox`),
			`SELECT count(*) FROM settings WHERE name = 'reseal.before'`:                                                            0,
			`SELECT count(*) FROM dossiers WHERE state <> 'destroyed' AND epoch=0`:                                                  0,
		} {
			if got := shoptest.One[int64](t, raw, query); got != want {
				t.Errorf("%s: got %d, want %d", query, got, want)
			}
		}
		s.Reopen(t) // the shop's own secrets open too
		if got := e.Read(t, s.DB); got != before {
			t.Error("a shop that starts again reads otherwise")
		}
		if out := reseal(t, keeper(s)); out.Done != 0 {
			t.Errorf("nothing was left, and %d were sealed anew", out.Done)
		}
	})
}

// TestEveryKeyIsReplacedWhenAsked: the same without a new format, going on by
// itself after it was cut off.
func TestEveryKeyIsReplacedWhenAsked(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := s.Everything(t)
		before, old, k := e.Read(t, s.DB), ids(t, s, "dossiers"), keeper(s)
		if out := reseal(t, k); out.Done != 0 {
			t.Errorf("nobody asked, and %d were sealed anew", out.Done)
		}
		s.Clock.Move(time.Minute)
		if err := k.ResealAll(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		cut, stop := context.WithCancel(t.Context())
		if _, err := k.Reseal(cut, keylife.Swift, func(keylife.Progress) { stop() }); err == nil {
			t.Error("it was cut off and said nothing")
		}
		r, err := k.Resealing(t.Context())
		if err != nil || r.Left == 0 || r.Left >= int64(len(old)) {
			t.Errorf("amid it: %+v, %v", r, err)
		}
		if got := e.Read(t, s.DB); got != before {
			t.Error("amid it the shop reads otherwise")
		}
		s.Reopen(t)
		tend(t, keeper(s))
		if got := e.Read(t, s.DB); got != before {
			t.Error("afterwards the shop reads otherwise")
		}
		for _, id := range ids(t, s, "dossiers") {
			if slices.Contains(old, id) {
				t.Errorf("dossier %s kept its key", id)
			}
		}
		s.UnderWhat(t)
		if r, err := keeper(s).Resealing(t.Context()); err != nil || r.Left != 0 || r.Retired != int64(len(old)) {
			t.Errorf("at the end: %+v, %v", r, err)
		}
	})
}

// TestARetiredWrapOutlivesEpochsAndThenGoes: it is re-wrapped like any other, so no
// epoch waits for it, and ends when no backup of the window needs it.
func TestARetiredWrapOutlivesEpochsAndThenGoes(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, k := bought(t, s, "one"), upgraded(t, s)
		reseal(t, k)
		kept := ids(t, s, "retired")
		if _, err := k.Shred(t.Context(), ada, func(keylife.Progress) {}); err != nil {
			t.Fatal(err)
		}
		want(t, k, "1 finished, 2 sealing")
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM retired WHERE wrap IS NOT NULL AND epoch = 2`); n != int64(len(kept)) || n == 0 {
			t.Errorf("%d of %d retired wraps are under the new epoch", n, len(kept))
		}
		rows, err := raw.Query(`SELECT subject, case_id, purpose, id, wrap FROM retired`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var o seal.Owner
			var wrap []byte
			if err := rows.Scan(&o.Subject, &o.Case, &o.Purpose, &o.Dossier, &wrap); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Ring.Unwrap(o, wrap); err != nil {
				t.Errorf("a retired wrap of %s: %v", o.Purpose, err)
			}
		}
		s.Clock.Move(keylife.Window - time.Hour)
		tend(t, k)
		if got := ids(t, s, "retired"); len(got) != len(kept) {
			t.Errorf("within the window %d of %d are left", len(got), len(kept))
		}
		s.Clock.Move(2 * time.Hour)
		tend(t, k)
		if got := ids(t, s, "retired"); len(got) != 0 {
			t.Errorf("%d wraps outlive the window", len(got))
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'keys.let_go'`); n == 0 {
			t.Error("no event tells that they went")
		}
		reads(t, s.DB, p)
	})
}

// TestTheShopServesWhileItIsSealedAnew buys, pays, types and loads while every
// dossier gets another key again and again.
func TestTheShopServesWhileItIsSealedAnew(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := s.Everything(t)
		before, k := e.Read(t, s.DB), upgraded(t, s)
		cup := s.Product(t, "cup", 900, shoptest.Counted(5000))
		var over atomic.Bool
		var group sync.WaitGroup
		placed := make([][]checkout.Placed, 3)
		for w := range placed {
			group.Go(func() {
				for n := 0; !over.Load() && n < 100; n++ {
					p, err := s.Place(s.Ready(t, cup.ID, 1), fmt.Sprintf("k-%d-%d", w, n))
					if err == nil {
						err = s.Approve(p)
					}
					if err != nil {
						t.Error(err)
						return
					}
					placed[w] = append(placed[w], p)
				}
			})
		}
		group.Go(func() {
			for !over.Load() {
				if got := e.Read(t, s.DB); got != before {
					t.Errorf("amid it the shop reads otherwise: %s", otherwise(got, before))
					return
				}
			}
		})
		for range 3 {
			s.Clock.Move(time.Second)
			if err := k.ResealAll(t.Context(), ada); err != nil {
				t.Error(err)
			}
			if out, err := k.Reseal(t.Context(), keylife.Swift, func(keylife.Progress) {}); err != nil || out.Left != 0 {
				t.Error(out, err)
			}
		}
		over.Store(true)
		group.Wait()
		reseal(t, k) // those that somebody was at work with
		n := 0
		for _, list := range placed {
			for _, p := range list {
				reads(t, s.DB, p)
				n++
			}
		}
		for field, formats := range s.UnderWhat(t) {
			if formats[1] != 0 {
				t.Errorf("%s: %v by format", field, formats)
			}
		}
		if r, err := k.Resealing(t.Context()); err != nil || r.Left != 0 || n == 0 {
			t.Errorf("%d orders; %+v, %v", n, r, err)
		}
		if back := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM retired r JOIN dossiers d ON d.subject = r.subject AND d.case_id = r.case_id AND d.purpose = r.purpose
			WHERE d.state = 'destroyed' AND r.wrap IS NOT NULL`); back != 0 {
			t.Errorf("%d destroyed dossiers have a retired wrap", back)
		}
	})
}

// TestWhatDoesNotOpenIsLeftAlone: a value that somebody has changed keeps its
// dossier as it is, and the guard of an account is not made good by sealing anew.
func TestWhatDoesNotOpenIsLeftAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := s.Everything(t)
		raw := s.Raw(t)
		o := e.Order.Order
		shoptest.Do(t, raw, `UPDATE factors SET step = step + 1 WHERE owner = $1`, e.Shopper.ID)
		shoptest.Do(t, raw, `UPDATE order_details SET bill_to = invoice_name WHERE owner = $1`, o.Owner)
		kept := map[personal.Purpose]string{}
		for p, subject := range map[personal.Purpose]string{personal.Security: e.Shopper.ID, personal.Invoicing: o.Owner} {
			kept[p] = shoptest.One[string](t, raw, `SELECT id FROM dossiers WHERE subject = $1 AND purpose = $2`, subject, string(p))
		}
		k := upgraded(t, s)
		for range 2 {
			out, err := k.Reseal(t.Context(), keylife.Swift, func(keylife.Progress) {})
			if err != nil || out.Left != 2 {
				t.Errorf("got %+v, %v, want two left", out, err)
			}
		}
		for p, id := range kept {
			if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE id = $1 AND wrap IS NOT NULL`, id); n != 1 {
				t.Errorf("the dossier of %s has another key", p)
			}
		}
		err := s.DB.View(t.Context(), func(v *store.View) error { _, err := v.Factors(e.Shopper.ID); return err })
		if err == nil {
			t.Error("what was tampered with is good again")
		}
		if r, err := k.Resealing(t.Context()); err != nil || r.Left != 2 {
			t.Errorf("%+v, %v, want two left", r, err)
		}
	})
}

// otherwise is the first line in which two readings differ.
func otherwise(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("got %.300q, want %.300q", a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(a), len(b))
}
