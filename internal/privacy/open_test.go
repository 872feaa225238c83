package privacy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// look asks to see something, which the owner allows.
func look(t *testing.T, s *shoptest.Shop, what privacy.Held) store.Opening {
	t.Helper()
	o, err := privacy.AskOpening(noCtx, s.DB, clerk, what, because(t, "the tax inspector wants the invoice"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := privacy.AllowOpening(noCtx, s.DB, owner, o.Reference); err != nil {
		t.Fatal(err)
	}
	return o
}

func textOf(list []store.Shown) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString(string(v.Purpose) + " / " + v.Label + " / " + v.Text + "\n")
	}
	return b.String()
}

// TestWhatLawKeepsIsSeenByTwoPeopleOnce: after an erasure a tax inspector wants to
// see an invoice.
func TestWhatLawKeepsIsSeenByTwoPeopleOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		office := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		what := privacy.Held{Order: p.Order.Number}
		if _, err := privacy.AskOpening(noCtx, s.DB, clerk, what, because(t, "I am curious")); err == nil {
			t.Fatal("what is not shut was to be opened")
		}
		office.erase(t, privacy.Options{})
		shown := func() int64 {
			return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE action = 'opening.shown'`)
		}
		if _, err := privacy.AskOpening(noCtx, s.DB, clerk, what, because(t, "")); err == nil {
			t.Error("nobody said why")
		}
		o, err := privacy.AskOpening(noCtx, s.DB, clerk, what, because(t, "the tax inspector wants the invoice"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := privacy.ShowOpening(noCtx, s.DB, clerk, o.Reference); err == nil || len(got) > 0 {
			t.Errorf("got %d values, %v before a second person allowed it", len(got), err)
		}
		if _, err := privacy.AllowOpening(noCtx, s.DB, clerk, o.Reference); err == nil {
			t.Error("who asked was the second person")
		}
		if _, err := privacy.AllowOpening(noCtx, s.DB, owner, o.Reference); err != nil {
			t.Fatal(err)
		}
		if got, err := privacy.ShowOpening(noCtx, s.DB, owner, o.Reference); err == nil || len(got) > 0 {
			t.Errorf("got %d values, %v for who has not asked", len(got), err)
		}
		if got := shown(); got != 0 {
			t.Errorf("got %d events of something shown before it was", got)
		}
		got, err := privacy.ShowOpening(noCtx, s.DB, clerk, o.Reference)
		if err != nil {
			t.Fatal(err)
		}
		text := textOf(got)
		for _, want := range []string{"invoicing / Name on the invoice / Ada Lovelace", "payment / Payment reference / ref-"} {
			if !strings.Contains(text, want) {
				t.Errorf("got\n%swant %q in it", text, want)
			}
		}
		for _, never := range []string{"ada@example.com", "fulfilment", "courier"} {
			if strings.Contains(text, never) {
				t.Errorf("got\n%swant nothing of what was erased", text)
			}
		}
		if got := shown(); got != 2 {
			t.Errorf("got %d events of something shown, want one for each dossier", got)
		}
		if got, err := privacy.ShowOpening(noCtx, s.DB, clerk, o.Reference); err == nil || len(got) > 0 {
			t.Errorf("got %d values, %v the second time", len(got), err)
		}
		if dump := s.Dump(t); strings.Contains(dump, "Ada Lovelace") || strings.Contains(dump, "tax inspector") {
			t.Error("what was shown, or why, stands in the database")
		}
		list, err := privacy.Openings(noCtx, s.DB, owner)
		if err != nil || len(list) != 1 || list[0].Reason.Reveal() != "the tax inspector wants the invoice" || list[0].AllowedBy != owner.String() {
			t.Errorf("got %+v, %v, want to read why", list, err)
		}
	})
}

// TestOneDossierIsSeenAndNoOther: whoever may see one thing does not see the rest.
func TestOneDossierIsSeenAndNoOther(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		office := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		office.erase(t, privacy.Options{})
		o := look(t, s, privacy.Held{Dossier: dossierOf(t, s, p.Order.Owner, personal.Payment)})
		got, err := privacy.ShowOpening(noCtx, s.DB, clerk, o.Reference)
		if text := textOf(got); err != nil || !strings.Contains(text, "payment / ") || strings.Contains(text, "invoicing") {
			t.Errorf("got\n%s%v, want the payment alone", text, err)
		}
		if _, err := privacy.AskOpening(noCtx, s.DB, clerk, privacy.Held{Dossier: dossierOf(t, s, p.Order.Owner, personal.Rights)}, because(t, "why")); err == nil {
			t.Error("a reason was opened that way")
		}
	})
}

// TestWhatAHoldKeepsIsSeenPastItsDate: and not without the hold, nor a day later.
func TestWhatAHoldKeepsIsSeenPastItsDate(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := bought(t, s)
		deliver(t, s, p)
		what := privacy.Held{Order: p.Order.Number}
		id := hold(t, s, what, s.DB.Now().AddDate(2, 0, 0))
		s.Clock.Move(400 * 24 * time.Hour)
		retain(t, s)
		if d := details(t, s, p); !d.Phone.IsZero() {
			t.Fatal("what is held past its date opens in the ordinary way")
		}
		o := look(t, s, what)
		got, err := privacy.ShowOpening(noCtx, s.DB, clerk, o.Reference)
		if text := textOf(got); err != nil || !strings.Contains(text, "courier / Phone / +49301234567") || !strings.Contains(text, "fulfilment / Delivery address / ") {
			t.Errorf("got\n%s%v, want phone and address", text, err)
		}
		late := look(t, s, what)
		s.Clock.Move(25 * time.Hour)
		if got, err := privacy.ShowOpening(noCtx, s.DB, clerk, late.Reference); err == nil || len(got) > 0 {
			t.Errorf("got %d values, %v a day later", len(got), err)
		}
		again := look(t, s, what)
		if _, err := privacy.Release(noCtx, s.DB, owner, id); err != nil {
			t.Fatal(err)
		}
		if got, err := privacy.ShowOpening(noCtx, s.DB, clerk, again.Reference); err == nil || len(got) > 0 {
			t.Errorf("got %d values, %v after the hold", len(got), err)
		}
	})
}

// TestWhoLookedIsKnownForTwoYears: longer than anything else that happened, and
// through a later erasure.
func TestWhoLookedIsKnownForTwoYears(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		office := opened(t, s)
		p := bought(t, s)
		deliver(t, s, p)
		office.erase(t, privacy.Options{})
		o := look(t, s, privacy.Held{Order: p.Order.Number})
		if _, err := privacy.ShowOpening(noCtx, s.DB, clerk, o.Reference); err != nil {
			t.Fatal(err)
		}
		told := func(action string) int64 {
			return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE action = $1 AND actor = $2`, action, ledger.OS("clerk").String())
		}
		pass := func(months int) {
			t.Helper()
			s.Clock.Move(time.Duration(months) * 31 * 24 * time.Hour)
			if _, err := s.DB.Sequence(noCtx); err != nil {
				t.Fatal(err)
			}
			retain(t, s)
			if _, err := s.DB.Sequence(noCtx); err != nil {
				t.Fatal(err)
			}
			if report, err := s.DB.VerifyLedger(noCtx, ""); err != nil || !report.OK() {
				t.Errorf("got %v, %v, want the ledger to hold", report, err)
			}
		}
		pass(14)
		if told("opening.asked") != 0 || told("opening.shown") == 0 {
			t.Errorf("after 14 months: got %d who asked and %d who saw, want only the latter", told("opening.asked"), told("opening.shown"))
		}
		pass(11)
		if told("opening.shown") != 0 {
			t.Error("after 25 months it is still known who looked")
		}
	})
}
