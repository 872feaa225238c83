package pagewatch_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/paymentpage"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// watched looks after a shop that can't be reached, and remembers what the owners hear.
func watched(s *shoptest.Shop) (*pagewatch.Watch, *[]string) {
	var told []string
	return &pagewatch.Watch{DB: s.DB, Log: slog.New(slog.DiscardHandler),
		Rules: func(context.Context) (paymentpage.Rules, error) { return paymentpage.Rules{}, nil },
		Visitor: func(context.Context) (paymentpage.Visitor, error) {
			return paymentpage.Visitor{}, errors.New("nothing is for sale")
		},
		Tell: func(_ *store.Tx, outcome string) error { told = append(told, outcome); return nil },
	}, &told
}

// TestNobodyCanLookForADay: an hour without a look is nobody's business, a day is
// the owners', and they hear of it once a day.
func TestNobodyCanLookForADay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		w, told := watched(s)
		for hour := range 72 {
			v, err := w.Visit(t.Context())
			if err != nil || v.Outcome != store.PagesUnknown {
				t.Fatalf("hour %d: got %+v, %v", hour, v, err)
			}
			if hour == 23 && len(*told) != 0 {
				t.Errorf("told %v within the first day", *told)
			}
			s.Clock.Move(time.Hour)
		}
		if !slices.Equal(*told, []string{store.PagesUnknown, store.PagesUnknown}) {
			t.Errorf("told %v in three days, want twice", *told)
		}
	})
}

// TestAVisitIsDueEveryHour, of whichever node, and when the clock was put back.
func TestAVisitIsDueEveryHour(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	w, _ := watched(s)
	due := func(want bool, when string) {
		t.Helper()
		if got, err := w.Due(t.Context()); err != nil || got != want {
			t.Errorf("%s: due %v, %v", when, got, err)
		}
	}
	due(true, "at first")
	if _, err := w.Visit(t.Context()); err != nil {
		t.Fatal(err)
	}
	due(false, "just now")
	s.Clock.Move(pagewatch.Every - time.Second)
	due(false, "a second too early")
	s.Clock.Move(time.Second)
	due(true, "an hour later")
	s.Clock.Move(-2 * time.Hour)
	due(true, "the clock was put back")
}

// TestReportsOfStrangersAreToldOnceADay, however many there are.
func TestReportsOfStrangersAreToldOnceADay(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	w, told := watched(s)
	odd := []paymentpage.Report{{Kind: "policy", Directive: "script-src-elem", Blocked: "https://evil.example", Page: "/checkout"}}
	for range 60 {
		if err := w.Reported(t.Context(), odd); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(*told, []string{store.PagesForeign}) {
		t.Errorf("told %v, want once", *told)
	}
	s.Clock.Move(25 * time.Hour)
	if err := w.Reported(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	if len(*told) != 2 {
		t.Errorf("told %v, want again on the next day", *told)
	}
}

// TestABaselineOfNothingIsNotSigned: who can't look accepts nothing either.
func TestABaselineOfNothingIsNotSigned(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	w, _ := watched(s)
	if _, err := w.Accept(t.Context(), ledger.OS("ada"), true); err == nil {
		t.Error("pages that nobody has seen were accepted")
	}
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT COUNT(*) FROM page_baselines`); n != 0 {
		t.Errorf("%d baselines, want none", n)
	}
}
