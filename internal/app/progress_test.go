package app

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/keylife"
)

// TestTheProgressBarFillsUpAndSparesTheTerminal draws at once, then seldom, and
// always the end; nothing where nobody looks, or where there is nothing to do.
func TestTheProgressBarFillsUpAndSparesTheTerminal(t *testing.T) {
	var out strings.Builder
	show := progress(&out, true)
	for n := range int64(20_001) {
		show(keylife.Progress{Done: n, All: 20_000})
	}
	drawn := strings.Split(out.String(), "\r")[1:]
	first, last := "["+strings.Repeat(".", 40)+"] 0 of 20000", "["+strings.Repeat("#", 40)+"] 20000 of 20000"
	if len(drawn) < 2 || drawn[0] != first || drawn[len(drawn)-1] != last {
		t.Errorf("got %q, want it to begin empty and to end full", drawn)
	}
	if len(drawn) > 200 {
		t.Errorf("it was drawn %d times", len(drawn))
	}
	out.Reset()
	progress(&out, true)(keylife.Progress{Done: 10, All: 40})
	if want := "\r[" + strings.Repeat("#", 10) + strings.Repeat(".", 30) + "] 10 of 40"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	progress(&out, true)(keylife.Progress{})
	progress(&out, false)(keylife.Progress{Done: 1, All: 1})
	if out.Len() > 0 {
		t.Errorf("got %q, want nothing", out.String())
	}
}
