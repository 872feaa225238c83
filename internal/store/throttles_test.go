package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tries"
)

// begin counts a try and tells whether it may be carried out.
func begin(t *testing.T, db *store.DB, who, factor, device string) (try tries.Try, ok bool) {
	t.Helper()
	err := db.Tally(noCtx, who, factor, device, func(now time.Time, tally *tries.Tally) { try, _, ok = tally.Begin(now) })
	if err != nil {
		t.Error(err)
	}
	return try, ok
}

func TestAThousandTriesAtOnceAreFive(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		var in atomic.Int64
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, ok := begin(t, s.DB, "ada", "password", ""); ok {
					in.Add(1)
				}
			})
		}
		all.Wait()
		if got := in.Load(); got != tries.Free+1 {
			t.Errorf("%d of a thousand got through, want %d", got, tries.Free+1)
		}
		if _, ok := begin(t, s.DB, "ada", "password", "her browser"); !ok {
			t.Error("strangers' tries delay a known browser")
		}
		if _, ok := begin(t, s.DB, "ada", "totp", ""); !ok {
			t.Error("one factor's failures delay another")
		}
		if _, ok := begin(t, s.DB, "bob", "password", ""); !ok {
			t.Error("one account's failures delay another")
		}
	})
}

func TestTriesAreKeptAsTheyWereAndForgottenInTime(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for range 7 {
			begin(t, s.DB, "ada@example.org", "password", "")
			s.Clock.Move(time.Hour)
		}
		try, _ := begin(t, s.DB, "bob", "sms", "his browser")
		var before, after tries.Tally
		look := func(into *tries.Tally) func(time.Time, *tries.Tally) {
			return func(_ time.Time, tally *tries.Tally) { *into = *tally }
		}
		if err := s.DB.Tally(noCtx, "ada@example.org", "password", "", look(&before)); err != nil {
			t.Fatal(err)
		}
		s.Reopen(t)
		if err := s.DB.Tally(noCtx, "ada@example.org", "password", "", look(&after)); err != nil {
			t.Fatal(err)
		}
		if before != after || after.Failures != 7 {
			t.Errorf("got %+v after a restart, want %+v", after, before)
		}
		rows := func() int64 { return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM throttles`) }
		if got := rows(); got != 2 {
			t.Fatalf("%d rows, want 2", got)
		}
		sweep := func() {
			t.Helper()
			if err := s.DB.InTx(noCtx, ledger.System("test"), (*store.Tx).SweepTries); err != nil {
				t.Fatal(err)
			}
		}
		s.Clock.Move(31 * 24 * time.Hour)
		sweep()
		if got := rows(); got != 1 {
			t.Errorf("%d rows after a month, want only that with many failures", got)
		}
		// The run that this try belongs to is gone.
		if err := s.DB.Tally(noCtx, "bob", "sms", "his browser", func(_ time.Time, tally *tries.Tally) { tally.Back(try) }); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(340 * 24 * time.Hour)
		sweep()
		if got := rows(); got != 0 {
			t.Errorf("%d rows after a year, want none", got)
		}
	})
}

func TestAFactorThatIsBoundAnewForgetsEveryBrowsersFailures(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for _, device := range []string{"", "one", "two"} {
			begin(t, s.DB, "ada", "password", device)
		}
		begin(t, s.DB, "ada", "totp", "")
		err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error { return t.ClearTries("ada", "password") })
		if err != nil {
			t.Fatal(err)
		}
		if got := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM throttles`); got != 1 {
			t.Errorf("%d rows are left, want that of the other factor", got)
		}
	})
}
