// Package tries knows how often somebody may try to prove something, and when
// again: the rules without a clock, a database or a network.
//
// A Tally counts the consecutive failures of one bucket: one identity, one
// factor, one known browser or all strangers together. Each try is counted
// before it is carried out and taken back when it was none, so a thousand at
// the same moment are not a thousand guesses.
//
//	Begin ─▶ try ─▶ wrong:    nothing more, it is counted
//	                right:    the bucket is empty again
//	                neither:  Back
package tries

import "time"

// The numbers. A stranger needs four days for the 100 that NIST SP 800-63B-4
// (3.2.2) allows, and somebody who mistypes four times waits for nothing.
const (
	Free  = 4                // failures that nobody waits after
	First = 30 * time.Second // the wait after the next one; it doubles
	Most  = time.Hour        // and ends here
	Limit = 100              // consecutive failures that close a bucket
)

// Tally is what is known of one bucket. The zero one has never failed.
type Tally struct {
	Failures int64     // consecutive, with tries under way
	Until    time.Time // no try before
	At       time.Time // of the last try
	Since    time.Time // of the first of these failures: it names the run
}

// Try is one that was counted.
type Try struct {
	Nth       int64
	at, since time.Time
}

// Delay tells how long nobody may try after so many failures.
func Delay(failures int64) time.Duration {
	if failures <= Free {
		return 0
	}
	wait := First
	for n := int64(Free + 1); n < failures && wait < Most; n++ {
		wait *= 2
	}
	return min(wait, Most)
}

// Closed reports that the bucket takes no more tries.
func (t *Tally) Closed() bool { return t.Failures >= Limit }

// Begin counts a try, unless it has to wait or the bucket is closed.
func (t *Tally) Begin(now time.Time) (try Try, wait time.Duration, ok bool) {
	if t.Closed() {
		return Try{}, 0, false
	}
	if wait = t.Until.Sub(now); wait > 0 {
		// A clock that was put back must not make a wait longer than it is.
		if most := Delay(t.Failures); wait > most {
			wait, t.Until = most, now.Add(most)
		}
		if wait > 0 {
			return Try{}, wait, false
		}
	}
	if t.Failures == 0 {
		t.Since = now
	}
	t.Failures++
	t.At, t.Until = now, now.Add(Delay(t.Failures))
	return Try{t.Failures, t.At, t.Since}, 0, true
}

// Back takes back a try that was neither right nor wrong. One whose run has
// ended meanwhile is gone already.
func (t *Tally) Back(try Try) {
	if t.Failures == 0 || !t.Since.Equal(try.since) {
		return
	}
	last := t.Failures == try.Nth && t.At.Equal(try.at)
	t.Failures--
	switch {
	case t.Failures == 0:
		*t = Tally{}
	case last:
		t.Until = time.Time{} // as it was: the try could begin
	default:
		t.Until = t.At.Add(Delay(t.Failures))
	}
}
