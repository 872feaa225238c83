package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/tries"
)

// Passkey is the factor that is neither counted nor held up: there is nothing
// to guess, and it stays open when strangers have closed the others.
const Passkey = "passkey"

// Attempt is one try to prove something.
type Attempt struct {
	Act abuse.Act // one that proves something
	// Who is the account, or what was typed where there is none, or the
	// challenge of a code that was sent: only one browser can answer that, so
	// strangers can't hold up the way back in. A keyed hash of it is kept.
	Who    string
	Factor string // "password", "totp", "sms" …: each counts for itself, whatever the act
	Device string // the known browser of that account; "" for strangers, who share one bucket
	Work   string // what the form carries, see Gate.Work
	Ticket string
}

// Counters keep what has failed, over restarts.
type Counters interface {
	// Tally lets fn look at a bucket's tally with nobody else between, and
	// keeps what fn makes of it. fn may run twice.
	Tally(ctx context.Context, who, factor, device string, fn func(now time.Time, t *tries.Tally)) error
}

// ErrRebind means that a factor failed a hundred times in a row. It works no
// more for whoever shares the bucket, until it is bound anew.
var ErrRebind = fault.New(fault.Forbidden, "This was wrong too often and does not work any more. Please use another way, or choose a new password.")

// Prove carries out a try to prove something. fn returns nil for what is
// right; fault.Invalid is a failure; any other error is neither, and what was
// counted is taken back.
//
// It is the one place where tries are counted, and it counts before it tries:
// an answer after the limit would be an answer still, to somebody who asks a
// thousand times at once. Strangers are counted by network, all together, and
// by who they say they are, whether there is such an account or not. A known
// browser has a bucket of its own, which strangers can't fill.
func (g *Gate) Prove(r *http.Request, a Attempt, fn func() error) error {
	if !a.Act.Known() || !a.Act.Proof() {
		return errors.New("gate: nothing is proved by that act")
	}
	if a.Factor == Passkey {
		return fn()
	}
	way := a.Act.Rule()
	stranger := a.Device == ""
	watched := way.Work && stranger
	var brakes []abuse.Bucket
	if stranger {
		brakes = []abuse.Bucket{way.Mine, way.All}
	}
	if watched && g.UnderAttack() {
		shown, err := g.shown(r, a)
		if err != nil {
			g.noted(true)
			g.figures.note(a.Act, abuse.Challenged)
			return err
		}
		if shown == byWork {
			brakes = brakes[:1] // the many can't use up what is there for who has worked
		}
	}
	g.figures.note(a.Act, abuse.Tried)
	back, err := g.take(r, brakes)
	if err != nil {
		g.figures.note(a.Act, abuse.Blocked)
		if watched {
			g.noted(true)
		}
		return err
	}
	var outcome error
	if way.Tallied {
		outcome, err = g.counted(r, a, fn)
	} else {
		outcome = fn()
	}
	wrong := err == nil && fault.Is(outcome, fault.Invalid)
	switch {
	case wrong:
		g.figures.note(a.Act, abuse.Declined)
	case err != nil:
		g.figures.note(a.Act, abuse.Blocked)
		back()
	default:
		back()
	}
	if watched {
		switch held := fault.Is(err, fault.RateLimited) || errors.Is(err, ErrRebind); {
		case wrong || held:
			g.noted(true)
		case err == nil && outcome == nil:
			g.noted(false)
		}
	}
	if err != nil {
		return err
	}
	return outcome
}

// take reserves one failure of each class. back returns them.
func (g *Gate) take(r *http.Request, classes []abuse.Bucket) (back func(), err error) {
	now := g.cfg.Now()
	var taken []*rate.Reservation
	back = func() {
		for _, t := range taken {
			t.CancelAt(now)
		}
	}
	for _, class := range classes {
		if v := visitOf(r); v != nil && !v.declared(class) {
			back()
			return nil, undeclared(class)
		}
		bucket := g.bucket(r, class)
		if bucket == nil {
			continue
		}
		try := bucket.ReserveN(now, 1)
		if !try.OK() || try.DelayFrom(now) > 0 {
			try.CancelAt(now)
			back()
			return nil, fault.Limited(limitedText, wait(bucket, now, class))
		}
		taken = append(taken, try)
	}
	return back, nil
}

// counted carries fn out in the bucket of an attempt. refused says why it was
// not carried out.
func (g *Gate) counted(r *http.Request, a Attempt, fn func() error) (outcome, refused error) {
	if a.Who == "" || a.Factor == "" || g.cfg.Counters == nil {
		return nil, errors.New("gate: a try is somebody's, with something, and is counted")
	}
	var try tries.Try
	var wait time.Duration
	var ok bool
	err := g.cfg.Counters.Tally(r.Context(), a.Who, a.Factor, a.Device, func(now time.Time, t *tries.Tally) { try, wait, ok = t.Begin(now) })
	switch {
	case err != nil:
		return nil, fmt.Errorf("count a try: %w", err)
	case !ok && wait == 0:
		return nil, ErrRebind
	case !ok:
		return nil, fault.Limited("This was wrong too often. Please wait a little and try again.", wait)
	}
	neither := func(_ time.Time, t *tries.Tally) { t.Back(try) }
	done := false
	defer func() {
		if !done { // fn has panicked
			g.settle(r, a, neither)
		}
	}()
	outcome = fn()
	done = true
	switch {
	case outcome == nil:
		g.settle(r, a, func(_ time.Time, t *tries.Tally) { *t = tries.Tally{} })
	case !fault.Is(outcome, fault.Invalid):
		g.settle(r, a, neither)
	case try.Nth == tries.Limit:
		g.alarm(abuse.Alarm{Kind: abuse.FactorClosed, Wrong: try.Nth})
	}
	return outcome, nil
}

// settle writes what has become of a try, also when its caller has left. What
// can't be written costs the next try a wait at worst.
func (g *Gate) settle(r *http.Request, a Attempt, fn func(time.Time, *tries.Tally)) {
	if err := g.cfg.Counters.Tally(context.WithoutCancel(r.Context()), a.Who, a.Factor, a.Device, fn); err != nil {
		g.cfg.Log.LogAttrs(r.Context(), slog.LevelWarn, "try not settled", slog.String("reference", Reference(r)), slog.Any("error", err))
	}
}
