package abuse_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestFrictionRisesWithWhatWasDeclined(t *testing.T) {
	for _, c := range []struct {
		name  string
		fill  abuse.Fill
		known bool
		want  abuse.Friction
	}{
		{"nobody was declined", abuse.Fill{}, false, abuse.None},
		{"four cards of one cart were mistyped", abuse.Fill{abuse.CartDeclines: 4 * time.Minute}, false, abuse.None},
		{"a fifth", abuse.Fill{abuse.CartDeclines: 5 * time.Minute}, false, abuse.Wait},
		{"a fifth, of somebody known", abuse.Fill{abuse.CartDeclines: 5 * time.Minute}, true, abuse.Wait},
		{"a neighbour was declined twice", abuse.Fill{abuse.SourceDeclines: 20 * time.Minute}, false, abuse.None},
		{"neighbours were declined often", abuse.Fill{abuse.SourceDeclines: 50 * time.Minute}, false, abuse.Work},
		{"neighbours test cards", abuse.Fill{abuse.SourceDeclines: 2 * time.Hour}, false, abuse.Prove},
		{"neighbours test cards, and a customer buys", abuse.Fill{abuse.SourceDeclines: 3 * time.Hour, abuse.AllDeclines: 30 * time.Minute}, true, abuse.None},
		{"a mailbox was declined seven times", abuse.Fill{abuse.MailboxDeclines: 35 * time.Minute}, false, abuse.Prove},
		{"seven times, and it is proved", abuse.Fill{abuse.MailboxDeclines: 35 * time.Minute}, true, abuse.None},
		{"nine times: a code would not help", abuse.Fill{abuse.MailboxDeclines: 45 * time.Minute, abuse.Paused: time.Minute}, false, abuse.Wait},
		{"an account was declined seven times", abuse.Fill{abuse.AccountDeclines: 35 * time.Minute}, true, abuse.None},
		{"and nine times", abuse.Fill{abuse.AccountDeclines: 45 * time.Minute}, true, abuse.Wait},
		{"everybody was declined", abuse.Fill{abuse.AllDeclines: 3 * time.Minute}, false, abuse.Work},
		{"at the height of it, from a clean network", abuse.Fill{abuse.AllDeclines: 30 * time.Minute}, false, abuse.Work},
		{"at the height of it, from another", abuse.Fill{abuse.AllDeclines: 30 * time.Minute, abuse.SourceDeclines: time.Minute}, false, abuse.Prove},
		{"staff let guests wait", abuse.Fill{abuse.Paused: time.Minute}, false, abuse.Pause},
		{"staff let guests wait, not customers", abuse.Fill{abuse.Paused: time.Minute}, true, abuse.None},
		{"staff ask for work", abuse.Fill{abuse.Demanded: time.Minute}, false, abuse.Work},
	} {
		got, wait := abuse.Judge(c.fill, c.known)
		if got != c.want || (got != abuse.None) != (wait > 0) {
			t.Errorf("%s: got %s for %s, want %s", c.name, got, wait, c.want)
		}
		if got != abuse.None {
			if e := fault.Of(abuse.Refuse(abuse.Pay, got, wait, false)); e.Kind != fault.RateLimited || e.RetryAfter < time.Second {
				t.Errorf("%s: the refusal does not say when to try again: %+v", c.name, e)
			}
		}
	}
}

// TestFrictionBeginsAtTheCountThatTheManualSays: declines that come one after the
// other within a couple of minutes meet the friction at the count that the chapter
// about stolen cards gives, and not at the one before, however quickly they come.
func TestFrictionBeginsAtTheCountThatTheManualSays(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(manual)), " ")
	for _, c := range []struct {
		says  string
		of    abuse.Kept
		known bool
		count int
		every time.Duration // from one decline to the next
		want  abuse.Friction
	}{
		{"A cart waits after its fifth decline", abuse.CartDeclines, true, 5, 14 * time.Second, abuse.Wait},
		{"A network remembers each for ten minutes, and is asked for a sum after three", abuse.SourceDeclines, false, 3, 2 * time.Minute, abuse.Work},
		{"a sum after three, a mailbox after three", abuse.MailboxDeclines, false, 3, time.Minute, abuse.Work},
		{"the mailbox, or the account; the last two wait after their ninth", abuse.MailboxDeclines, true, 9, 30 * time.Second, abuse.Wait},
		{"the mailbox, or the account; the last two wait after their ninth", abuse.AccountDeclines, true, 9, 30 * time.Second, abuse.Wait},
		{"Fifteen declines of everybody that no approvals outweigh", abuse.AllDeclines, false, 15, 100 * time.Millisecond, abuse.Work},
	} {
		if !strings.Contains(text, c.says) {
			t.Errorf("the manual no longer says %q", c.says)
		}
		one := abuse.Decline(0, false)[c.of]
		for _, every := range []time.Duration{0, c.every} {
			var full time.Duration
			for n := 1; n <= c.count; n++ {
				full = max(0, full-every) + one
				want := abuse.None
				if n == c.count {
					want = c.want
				}
				if got, _ := abuse.Judge(abuse.Fill{c.of: full}, c.known); got != want {
					t.Errorf("%s, one each %s: number %d meets %s, want %s", c.of, every, n, got, want)
				}
			}
		}
	}

	const sixty = "Sixty, and guests prove their mailbox or sign in"
	if !strings.Contains(text, sixty) {
		t.Errorf("the manual no longer says %q", sixty)
	}
	one, moment := abuse.AllDeclines.Weight().One, time.Second
	if got := abuse.StageOf(59 * one); got != abuse.Uneasy {
		t.Errorf("after 59 declines of everybody the shop is %s, want uneasy", got)
	}
	if got := abuse.StageOf(60*one - moment); got != abuse.Alert {
		t.Errorf("a moment after 60 declines of everybody the shop is %s, want alert", got)
	}
}

// TestFrictionEndsByItself: whatever has happened, who waits as long as they are
// told meets less than before, and in the end nothing.
func TestFrictionEndsByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fill := abuse.Fill{}
		for _, k := range []abuse.Kept{abuse.CartDeclines, abuse.SourceDeclines, abuse.MailboxDeclines, abuse.AccountDeclines, abuse.AllDeclines, abuse.Paused, abuse.Demanded} {
			fill[k] = time.Duration(rapid.Int64Range(0, int64(k.Weight().Most)).Draw(t, string(k)))
		}
		known := rapid.Bool().Draw(t, "known")
		rounds := 0
		for {
			_, wait := abuse.Judge(fill, known)
			if wait == 0 {
				return
			}
			for k := range fill {
				fill[k] = max(0, fill[k]-wait)
			}
			if rounds++; rounds > 6 {
				t.Fatalf("after %d waits there is still friction: %v", rounds, fill)
			}
		}
	})
}

func TestACardThatWasDeclinedElsewhereWeighsMore(t *testing.T) {
	first, again := abuse.Decline(0, false), abuse.Decline(2*abuse.CardDeclines.Weight().One, false)
	for _, k := range []abuse.Kept{abuse.CartDeclines, abuse.SourceDeclines, abuse.AllDeclines} {
		if again[k] <= first[k] {
			t.Errorf("%s: a card that was declined before adds %s, a new one %s", k, again[k], first[k])
		}
	}
	if small := abuse.Decline(0, true); small[abuse.AllDeclines] <= first[abuse.AllDeclines] {
		t.Error("an amount that cards are tested with weighs no more")
	}
	if got := abuse.Approval(true, 0); len(got) != 0 {
		t.Errorf("an approval of little says nothing good, and takes out %v", got)
	}
	if abuse.Approval(false, 0)[abuse.AllDeclines] <= abuse.Approval(false, time.Hour)[abuse.AllDeclines] {
		t.Error("honest buyers hold the door open for thieves")
	}
}

func BenchmarkJudge(b *testing.B) {
	fill := abuse.Fill{abuse.CartDeclines: time.Minute, abuse.SourceDeclines: 2 * time.Minute, abuse.AllDeclines: time.Minute}
	for b.Loop() {
		abuse.Judge(fill, false)
	}
}
