package privacy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAPersonIsErased erases somebody with an order, a cart and a wish: nothing
// leads to them any more, what the law holds is shut, and the books stand.
func TestAPersonIsErased(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		s.Ready(t, s.Product(t, "cup", 900, shoptest.Counted(5)).ID, 1)
		if _, err := s.Desk.AskWish(noCtx, s.Product(t, "jug", 900, shoptest.Counted(0)).ID, "ada@example.com"); err != nil {
			t.Fatal(err)
		}
		other := s.Basket(t, s.Product(t, "plate", 900, shoptest.Counted(5)).ID, 1)
		in := shoptest.Ada()
		in.Email = "charles@example.com"
		if _, err := s.Desk.SaveDetails(noCtx, other.ID, other.Token, in); err != nil {
			t.Fatal(err)
		}
		r := o.erase(t, privacy.Options{})
		want := map[personal.Purpose]int{personal.Fulfilment: 1, personal.CourierUse: 1, personal.Cart: 1, personal.Marketing: 1}
		if r.State != store.Done || r.Everywhere.IsZero() || fmt.Sprint(r.Receipt.Erased) != fmt.Sprint(want) {
			t.Errorf("got %+v, want %v erased everywhere", r, want)
		}
		if len(r.Receipt.Kept) != 2 || r.Receipt.Kept[0].Purpose != personal.Invoicing || r.Receipt.Kept[0].Until.Before(s.DB.Now().AddDate(9, 0, 0)) || r.Receipt.Kept[1].Purpose != personal.Payment {
			t.Errorf("got %+v kept, want the books and the payment", r.Receipt.Kept)
		}
		if !r.Email.IsZero() || len(r.Subjects) != 0 {
			t.Errorf("got %v and %v, want a receipt that is about nobody", r.Email, r.Subjects)
		}
		if d := details(t, s, p); !d.Email.IsZero() || !d.Phone.IsZero() || !d.ShipTo.IsZero() || !d.BillTo.IsZero() || !d.InvoiceName.IsZero() {
			t.Errorf("got %v, want nothing that opens", d)
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM identities`) + shoptest.One[int64](t, raw, `SELECT count(*) FROM wishes`); n != 0 {
			t.Errorf("%d rows still lead to the person", n)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM carts WHERE state = 'open'`); n != 1 {
			t.Errorf("got %d carts, want the other person's alone", n)
		}
		if c, err := s.Desk.Cart(noCtx, other.ID, other.Token); err != nil || !c.Checkout.Complete {
			t.Errorf("got %v, %v, want another person's cart as it was", c, err)
		}
		if got := s.Order(t, p); got.Totals != p.Order.Totals {
			t.Error("the books have lost an order")
		}
		if n := s.EventsAbout(t, p.Order.Owner); n != 0 {
			t.Errorf("%d events still name the person's id", n)
		}
		if _, err := s.DB.Sequence(noCtx); err != nil {
			t.Fatal(err)
		}
		report, err := s.DB.VerifyLedger(noCtx, "")
		if err != nil || !report.OK() || report.Emptied == 0 {
			t.Errorf("got %v, %v, want the tree to stand with emptied events", report, err)
		}
		// Erased and never here are two answers.
		again, err := o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{})
		if before, ok := errors.AsType[*privacy.AlreadyErased](err); !ok || before.References[0] != r.Reference {
			t.Errorf("asked again: got %v, %v, want to hear of the first erasure", again, err)
		}
		if _, err := o.Ask(noCtx, clerk, privacy.KindErase, mail("nobody@example.com"), privacy.Options{}); !errors.Is(err, privacy.ErrNobody) {
			t.Errorf("a stranger: got %v, want ErrNobody", err)
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM dossiers WHERE purpose = 'rights' AND state <> 'destroyed'`); n != 0 {
			t.Errorf("%d e-mails of requests can still be opened", n)
		}
	})
}

// TestAnEmptiedEventOfSomebodyWhoWasNotErasedIsTampering empties the events of
// another person the way an erasure does.
func TestAnEmptiedEventOfSomebodyWhoWasNotErasedIsTampering(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		if _, err := s.DB.Sequence(noCtx); err != nil {
			t.Fatal(err)
		}
		shoptest.Do(t, s.Raw(t), `UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL WHERE owner = $1`, p.Order.Owner)
		report, err := s.DB.VerifyLedger(noCtx, "")
		if err != nil || report.OK() || !strings.Contains(report.Problem, "emptied before its date") {
			t.Errorf("got %v, %v, want the emptied event found", report, err)
		}
	})
}

// TestAnOrderUnderWayIsFinishedFirst erases somebody whose parcel is not there
// yet: it is packed and sent, and then the rest goes by itself.
func TestAnOrderUnderWayIsFinishedFirst(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		r := o.erase(t, privacy.Options{})
		if r.State != store.Running || !r.Everywhere.IsZero() {
			t.Fatalf("got %+v, want it begun and not done", r)
		}
		if d := details(t, s, p); d.ShipTo.IsZero() || d.Email.IsZero() || !d.BillTo.IsZero() {
			t.Errorf("got %v, want what the parcel needs and the books shut", d)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM identities`); n != 0 {
			t.Error("an e-mail still leads to the order")
		}
		for _, step := range []func() error{
			func() error { return s.Desk.Pack(noCtx, clerk, p.Order.Number) },
			func() error { return s.Desk.Ship(noCtx, clerk, p.Order.Number, checkout.Parcel{Tracking: "T-1"}) },
			func() error { return s.Desk.Deliver(noCtx, clerk, p.Order.Number) },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM order_details WHERE tracking IS NOT NULL`); n != 0 {
			t.Error("something was sealed for a person who asked to be erased")
		}
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if got := o.read(t, r.Reference); got.State != store.Running {
			t.Errorf("got %v before it is looked again, want it to run", got.State)
		}
		s.Clock.Move(privacy.LookAgain + time.Minute)
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if got := o.read(t, r.Reference); got.State != store.Done || got.Everywhere.IsZero() {
			t.Errorf("got %+v, want it done everywhere", got)
		}
		if d := details(t, s, p); !d.Email.IsZero() || !d.ShipTo.IsZero() {
			t.Errorf("got %v, want nobody", d)
		}
	})
}

// TestAnErasureCoolsOff stops one request and lets another begin on its day.
func TestAnErasureCoolsOff(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		ask := func() string {
			r, err := o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := o.RunDue(noCtx); err != nil {
				t.Fatal(err)
			}
			return r.Reference
		}
		first := ask()
		s.Clock.Move(privacy.CoolOff - time.Minute)
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); d.Email.IsZero() {
			t.Fatal("it began before its time")
		}
		if err := o.Stop(noCtx, clerk, first); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(time.Hour)
		second := ask()
		// What is bought meanwhile belongs to it too.
		late, err := s.Place(s.Ready(t, s.Product(t, "cup", 900, shoptest.Counted(5)).ID, 1), "key-2")
		if err != nil {
			t.Fatal(err)
		}
		shoptest.Do(t, s.Raw(t), `UPDATE orders SET status = 'cancelled' WHERE id = $1`, string(late.Order.ID))
		s.Clock.Move(privacy.CoolOff + time.Minute)
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if d := details(t, s, p); !d.Email.IsZero() {
			t.Error("it did not begin on its day")
		}
		if d := details(t, s, late); !d.Email.IsZero() || !d.BillTo.IsZero() {
			t.Errorf("got %v of an order that was never paid, want nothing kept", d)
		}
		if err := o.Stop(noCtx, clerk, second); !fault.Is(err, fault.Conflict) {
			t.Errorf("stopped after the end: got %v, want a conflict", err)
		}
		if got := o.read(t, first); got.State != store.Stopped {
			t.Errorf("got %v, want the first one stopped", got.State)
		}
	})
}

// TestFarMoreErasuresThanUsualWaitForASecondPerson erases more in an hour than goes by itself.
func TestFarMoreErasuresThanUsualWaitForASecondPerson(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		cup := s.Product(t, "cup", 900, shoptest.Counted(5))
		for range 51 {
			s.Ready(t, cup.ID, 1)
		}
		// Nobody can tell who asked, so nobody can be another one.
		r, err := o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{Now: true, Unseen: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Run(noCtx, clerk, r.Reference); !errors.Is(err, privacy.ErrHeld) {
			t.Fatalf("got %v, want it held", err)
		}
		if err := o.Allow(noCtx, ledger.OS("owner"), r.Reference); !fault.Is(err, fault.Conflict) {
			t.Errorf("somebody allows what nobody was seen to ask: got %v, want a conflict", err)
		}
		if err := o.Stop(noCtx, clerk, r.Reference); err != nil {
			t.Fatal(err)
		}
		r, err = o.Ask(noCtx, clerk, privacy.KindErase, ada, privacy.Options{Now: true})
		if err != nil {
			t.Fatal(err)
		}
		living := func() int64 {
			return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE purpose = 'cart' AND state = 'open'`)
		}
		if err := o.Run(noCtx, clerk, r.Reference); !errors.Is(err, privacy.ErrHeld) || living() != 51 {
			t.Fatalf("got %v and %d living, want it held", err, living())
		}
		if err := o.Allow(noCtx, clerk, r.Reference); !fault.Is(err, fault.Conflict) {
			t.Errorf("the same person allows it: got %v, want a conflict", err)
		}
		if err := o.Allow(noCtx, ledger.OS("owner"), r.Reference); err != nil {
			t.Fatal(err)
		}
		if err := o.RunDue(noCtx); err != nil || living() != 0 {
			t.Errorf("allowed: got %v and %d living, want none", err, living())
		}
	})
}

// TestALegalHoldOutlivesAnErasure erases somebody of whom something is held.
func TestALegalHoldOutlivesAnErasure(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		id := shoptest.One[string](t, s.Raw(t), `SELECT id FROM dossiers WHERE subject = $1 AND purpose = 'courier'`, p.Order.Owner)
		shoptest.Do(t, s.Raw(t), `UPDATE dossiers SET held_until = $2 WHERE id = $1`, id, s.DB.Now().AddDate(0, 1, 0).UnixMilli())
		r := o.erase(t, privacy.Options{})
		if r.State != store.Running || r.Receipt.Erased[personal.Fulfilment] != 1 || r.Receipt.Erased[personal.CourierUse] != 0 {
			t.Fatalf("got %+v, want all but what is held erased", r)
		}
		if d := details(t, s, p); !d.Phone.IsZero() {
			t.Error("what is held is read by the shop")
		}
		s.Clock.Move(32 * 24 * time.Hour)
		if err := o.RunDue(noCtx); err != nil {
			t.Fatal(err)
		}
		if got := o.read(t, r.Reference); got.State != store.Done || got.Receipt.Erased[personal.CourierUse] != 1 {
			t.Errorf("got %+v, want it done once the hold has ended", got)
		}
	})
}

// TestAFormThatIsNotWholeIsItsOwnersAlone erases a form that somebody has not
// finished, and not that of somebody whose address ends alike.
func TestAFormThatIsNotWholeIsItsOwnersAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		o := opened(t, s)
		cup := s.Product(t, "cup", 900, shoptest.Counted(5))
		typed := func(email string) shoptest.Basket {
			b := s.Basket(t, cup.ID, 1)
			in := shoptest.Ada()
			in.Email, in.Name = email, ""
			if err := s.Desk.KeepDraft(noCtx, b.ID, b.Token, in); err != nil {
				t.Fatal(err)
			}
			return b
		}
		hers, others := typed("Ada@Example.com"), typed("xada@example.com")
		if r := o.erase(t, privacy.Options{}); r.Receipt.Erased[personal.Cart] != 1 {
			t.Errorf("got %v erased, want one cart", r.Receipt.Erased)
		}
		if _, err := s.Desk.Cart(noCtx, hers.ID, hers.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("hers: got %v, want it gone", err)
		}
		if _, err := s.Desk.Cart(noCtx, others.ID, others.Token); err != nil {
			t.Errorf("another's: got %v, want it there", err)
		}
	})
}
