package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func due(t *testing.T, s *shoptest.Shop) (out []store.DueDossier) {
	t.Helper()
	view(t, s, func(v *store.View) error {
		for _, terms := range personal.Purposes() {
			list, err := v.DueDossiers(terms.Purpose, 100)
			if err != nil {
				return err
			}
			out = append(out, list...)
		}
		return nil
	})
	return out
}

func subjects(t *testing.T, s *shoptest.Shop, email string) (out []string) {
	t.Helper()
	e, err := contact.ParseEmail(email)
	if err != nil {
		t.Fatal(err)
	}
	view(t, s, func(v *store.View) (err error) { out, err = v.Subjects(e.Key()); return err })
	return out
}

func TestAMailboxFindsItsOrdersUntilTheyEnd(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		one, two := placed(t, s, s.Ready(t, bowl.ID, 1)).Order, placed(t, s, s.Ready(t, bowl.ID, 1)).Order
		if got := subjects(t, s, "ADA@Example.com"); len(got) != 2 {
			t.Fatalf("got %d subjects, want both orders of the mailbox however it is written", len(got))
		}
		if got := subjects(t, s, "bob@example.com"); len(got) != 0 {
			t.Errorf("got %v for another mailbox, want nobody", got)
		}
		raw := s.Raw(t)
		// A hit of the index is a hint: a row that points at somebody else finds nobody.
		shoptest.Do(t, raw, `UPDATE order_details SET email = NULL WHERE owner = $1`, two.Owner)
		if got := subjects(t, s, "ada@example.com"); len(got) != 1 || got[0] != one.Owner {
			t.Errorf("got %v, want the one whose sealed value says so", got)
		}
		id := shoptest.One[string](t, raw, `SELECT id FROM dossiers WHERE subject = $1 AND purpose = 'fulfilment'`, one.Owner)
		inTx(t, s, func(t *store.Tx) error {
			return t.Destroy(store.DueDossier{Subject: one.Owner, ID: id, Case: string(one.ID), Purpose: "fulfilment"})
		})
		if got := subjects(t, s, "ada@example.com"); len(got) != 0 {
			t.Errorf("got %v, want nobody once the dossier has ended", got)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM identities WHERE subject = $1`, one.Owner); n != 0 {
			t.Errorf("%d index rows are left", n)
		}
	})
}

// TestDestructionTakesItsPurposeAlone ends one dossier of an order and looks at
// what the others still open.
func TestDestructionTakesItsPurposeAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		s.Outbox = true
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := placed(t, s, s.Ready(t, bowl.ID, 1))
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		o, raw := p.Order, s.Raw(t)
		end := func(purpose string) {
			id := shoptest.One[string](t, raw, `SELECT id FROM dossiers WHERE subject = $1 AND case_id = $2 AND purpose = $3`, o.Owner, string(o.ID), purpose)
			inTx(t, s, func(t *store.Tx) error {
				return t.Destroy(store.DueDossier{Subject: o.Owner, ID: id, Case: string(o.ID), Purpose: personal.Purpose(purpose)})
			})
		}
		nulls := func(table, column string) bool {
			return shoptest.One[int64](t, raw, `SELECT count(*) FROM `+table+` WHERE owner = $1 AND `+column+` IS NOT NULL`, o.Owner) == 0
		}
		end("courier")
		d, err := details(s, o)
		if err != nil || !d.Phone.IsZero() || d.Email.IsZero() || d.BillTo.IsZero() {
			t.Errorf("got %v, %v, want the phone gone and all else there", d, err)
		}
		if !nulls("order_details", "phone") || nulls("order_details", "email") {
			t.Error("the rows do not say so")
		}
		end("fulfilment")
		d, err = details(s, o)
		if err != nil || !d.Email.IsZero() || !d.Name.IsZero() || !d.ShipTo.IsZero() || d.BillTo.IsZero() {
			t.Errorf("got %v, %v, want the invoice's address alone", d, err)
		}
		for table, columns := range map[string][]string{"order_details": {"email", "name", "ship_to"}, "outbox": {"recipient", "subject", "body_text", "body_html"}} {
			for _, c := range columns {
				if !nulls(table, c) {
					t.Errorf("%s.%s still has its sealed value", table, c)
				}
			}
		}
		var letters []store.Letter
		view(t, s, func(v *store.View) (err error) { letters, err = v.Letters(10); return err })
		if len(letters) != 0 {
			t.Errorf("%d letters still open", len(letters))
		}
		end("payment")
		if !nulls("payments", "provider_ref") || !nulls("payments", "pay_url") {
			t.Error("the payment still has its sealed values")
		}
		// The books stay: what was sold, when and for how much.
		if got := s.Order(t, p); got.Status != order.Paid || got.Totals != o.Totals || len(got.Lines) != 1 {
			t.Errorf("got %+v, want the order as it was", got)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE subject = $1 AND state = 'destroyed' AND (wrap IS NOT NULL OR destroyed_at IS NULL)`, o.Owner); n != 0 {
			t.Errorf("%d destroyed dossiers still have a key or no date", n)
		}
	})
}

func TestDossiersFallDueOnTheirDay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := placed(t, s, s.Ready(t, bowl.ID, 1))
		if got := due(t, s); len(got) != 0 {
			t.Fatalf("got %v due at once", got)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move((60 + 31) * 24 * time.Hour)
		got := due(t, s)
		if len(got) != 1 || got[0].Purpose != "courier" {
			t.Fatalf("got %v due, want the courier's part thirty days after delivery", got)
		}
		// A due value is shut before retention has passed.
		if d, err := details(s, p.Order); err != nil || !d.Phone.IsZero() || d.Email.IsZero() {
			t.Errorf("got %v, %v, want the phone shut and the e-mail open", d, err)
		}
	})
}

// TestARestrictedDossierIsShutAndGoesOnItsDay: what the law holds is opened by
// nobody once its order is finished, and is kept until its own end and no longer.
func TestARestrictedDossierIsShutAndGoesOnItsDay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		o := placed(t, s, s.Ready(t, bowl.ID, 1)).Order
		shoptest.Do(t, s.Raw(t), `UPDATE dossiers SET state = 'restricted' WHERE subject = $1`, o.Owner)
		shoptest.Do(t, s.Raw(t), `UPDATE orders SET status = 'delivered' WHERE id = $1`, string(o.ID))
		if d, err := details(s, o); err != nil || !d.Email.IsZero() || !d.Phone.IsZero() || !d.BillTo.IsZero() {
			t.Errorf("got %v, %v, want everything shut", d, err)
		}
		if got := due(t, s); len(got) != 0 {
			t.Errorf("got %v due at once, want it left to its own date", got)
		}
		s.Clock.Move(20 * 365 * 24 * time.Hour)
		if got := due(t, s); len(got) < 4 {
			t.Errorf("got %v due after twenty years, want all of the order", got)
		}
	})
}

// TestForgottenTogetherIsADossierWithItsRetiredWraps: of many that were destroyed in
// the same millisecond those go first that come first, in whatever order they lie.
func TestForgottenTogetherIsADossierWithItsRetiredWraps(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		raw := s.Raw(t)
		for i := 9; i >= 0; i-- {
			id := string(rune('0' + i))
			shoptest.Do(t, raw, `INSERT INTO dossiers (subject, id, purpose, case_id, state, epoch, created_at, destroy_after, destroyed_at) VALUES ($1, $1, 'courier', $1, 'destroyed', 1, 1, 1, 1)`, id)
			shoptest.Do(t, raw, `INSERT INTO retired (subject, case_id, purpose, id, retired_at, left_at) VALUES ($1, $1, 'courier', 'before ' || $1, 1, 1)`, id)
		}
		for left := int64(7); left > 0; left -= 3 {
			inTx(t, s, func(t *store.Tx) error { _, err := t.ForgetDossiers(t.Now(), 3); return err })
			for query, want := range map[string]int64{
				`SELECT count(*) FROM dossiers WHERE destroyed_at = 1`:                     left,
				`SELECT CAST(min(subject) AS BIGINT) FROM dossiers WHERE destroyed_at = 1`: 10 - left,
				`SELECT count(*) FROM retired`:                                             left,
				`SELECT count(*) FROM retired r WHERE NOT EXISTS (SELECT 1 FROM dossiers d WHERE d.subject = r.subject AND d.id = r.subject)`: 0,
			} {
				if n := shoptest.One[int64](t, raw, query); n != want {
					t.Errorf("%s: got %d, want %d", query, n, want)
				}
			}
		}
	})
}

// TestWhatIsDueSoonIsCounted: what comes within the days, and not what is due already,
// comes later, or is held until later.
func TestWhatIsDueSoonIsCounted(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		strangers(t, s, 5)
		now := s.DB.Now()
		raw := s.Raw(t)
		ids := shoptest.Column[string](t, raw, `SELECT id FROM dossiers WHERE purpose = 'fulfilment' AND created_at = 0 ORDER BY id`)
		days := func(n int) int64 { return now.AddDate(0, 0, n).UnixMilli() }
		for i, row := range [][2]int64{{days(-1), 0}, {days(10), 0}, {days(20), 0}, {days(10), days(20)}, {days(-1), days(10)}} {
			shoptest.Do(t, raw, `UPDATE dossiers SET destroy_after = $1, held_until = $2 WHERE id = $3`, row[0], row[1], ids[i])
		}
		view(t, s, func(v *store.View) error {
			got, err := v.ComingDue(now.AddDate(0, 0, 14))
			if want := []store.PurposeCount{{Purpose: "fulfilment", N: 2}}; err == nil && !slices.Equal(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			return err
		})
	})
}
