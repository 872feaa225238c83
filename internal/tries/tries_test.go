package tries_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/tries"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestDelayDoublesFromTheFifthToAnHour(t *testing.T) {
	want := map[int64]time.Duration{0: 0, 1: 0, 4: 0, 5: 30 * time.Second, 6: time.Minute, 7: 2 * time.Minute,
		11: 32 * time.Minute, 12: time.Hour, 13: time.Hour, 99: time.Hour, 1 << 62: time.Hour}
	for failures, wait := range want {
		if got := tries.Delay(failures); got != wait {
			t.Errorf("after %d failures: got %s, want %s", failures, got, wait)
		}
	}
}

func TestAHundredFailuresTakeAboutFourDaysAndCloseTheBucket(t *testing.T) {
	var tally tries.Tally
	now, n := start, 0
	for ; ; n++ {
		_, wait, ok := tally.Begin(now)
		if !ok && wait == 0 {
			break
		}
		if !ok {
			now = now.Add(wait)
			n--
		}
	}
	if days := now.Sub(start).Hours() / 24; n != tries.Limit || days < 3.5 || days > 4.5 {
		t.Errorf("%d failures in %.1f days, want %d in about 4", n, days, tries.Limit)
	}
	if _, _, ok := tally.Begin(now.AddDate(50, 0, 0)); ok {
		t.Error("a closed bucket opens by itself")
	}
}

// TestTalliesUnderAnyInterleaving holds a tally against a model that knows what
// has become of every try.
func TestTalliesUnderAnyInterleaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tally tries.Tally
		now := start
		var open []tries.Try // under way
		run := 0             // failures and tries under way since the last that was right
		runOf := map[tries.Try]int{}
		runs := 0
		var begun time.Duration
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 7200_000).Draw(t, "ms")) * time.Millisecond)
			},
			"clock back": func(t *rapid.T) { now = now.Add(-time.Duration(rapid.IntRange(1, 86400).Draw(t, "s")) * time.Second) },
			"begin": func(t *rapid.T) {
				begun++ // nanoseconds, so that no two runs have the same first moment
				now := now.Add(begun)
				before := tally
				try, wait, ok := tally.Begin(now)
				switch {
				case run >= tries.Limit:
					if ok || wait != 0 {
						t.Fatalf("try %d was let in", run+1)
					}
				case ok:
					if before.Until.After(now) && tries.Delay(before.Failures) > 0 {
						t.Fatalf("let in %s too soon", before.Until.Sub(now))
					}
					run++
					if try.Nth != int64(run) {
						t.Fatalf("counted as %d, want %d", try.Nth, run)
					}
					open = append(open, try)
					runOf[try] = runs
				default:
					if wait <= 0 || wait > tries.Delay(int64(run)) {
						t.Fatalf("after %d failures the wait is %s", run, wait)
					}
					if _, _, ok := tally.Begin(now.Add(wait)); !ok {
						t.Fatal("still closed when the wait is over")
					}
					tally.Back(tries.Try{}) // of no run: changes nothing
					run++
				}
			},
			"end": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				try := open[i]
				open = append(open[:i], open[i+1:]...)
				switch rapid.SampledFrom([]string{"wrong", "right", "neither"}).Draw(t, "how") {
				case "right":
					tally, run = tries.Tally{}, 0
					runs++
				case "neither":
					tally.Back(try)
					if runOf[try] == runs {
						if run--; run == 0 {
							runs++
						}
					}
				}
			},
			"": func(t *rapid.T) {
				if tally.Failures != int64(run) {
					t.Fatalf("got %d failures, want %d", tally.Failures, run)
				}
			},
		})
	})
}

func TestATryThatWasNoneDelaysNobody(t *testing.T) {
	var tally tries.Tally
	now := start
	for range 6 {
		_, wait, _ := tally.Begin(now)
		now = now.Add(wait)
	}
	now = now.Add(time.Hour)
	for range 1000 { // storage is down
		try, wait, ok := tally.Begin(now)
		if !ok {
			t.Fatalf("waits %s for tries that were none", wait)
		}
		tally.Back(try)
	}
}
