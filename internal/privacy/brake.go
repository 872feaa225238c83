package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// silence is how long after a pass the next one may come. A longer pause is
	// a clock that jumped, or a shop that was switched off: only a person can
	// tell which.
	silence = 24 * time.Hour
	// slack is how far the clock may stand behind the newest event: the clocks
	// of several machines differ a little.
	slack = time.Minute
	// least is how many dossiers a pass may always destroy.
	least = 50
	// passes is over how many passes the usual amount is averaged: a day.
	passes = 24
)

// ErrWaits means that nothing was destroyed: the clock or the amount is out of
// the ordinary, and destruction can't be undone. An owner looks at it and
// confirms. The shop serves meanwhile.
var ErrWaits = errors.New("destroying what is due waits for an owner")

// Obstacle is why destroying waits.
type Obstacle int

// The obstacles.
const (
	Free        Obstacle = iota // nothing is in the way
	ClockAhead                  // the clock is more than a day past the last pass
	ClockBehind                 // the clock stands before the newest event
	TooMuch                     // far more is due than usual
)

// Brake is what decides whether a pass may destroy anything.
type Brake struct {
	Now    time.Time
	Last   time.Time // the pass before; before the first one, the newest event
	Newest time.Time // the newest event
	Due    int64     // dossiers whose end date has passed
	Living int64     // dossiers that have an end date
	Bound  int64     // how many may go in one pass without a person
	Why    Obstacle
	pass   store.Pass
}

// String says in a sentence how things stand.
func (b Brake) String() string {
	switch b.Why {
	case ClockAhead:
		return fmt.Sprintf("the clock is %s past the last pass", days(b.Now.Sub(b.Last)))
	case ClockBehind:
		return fmt.Sprintf("the clock is %s behind the newest event", days(b.Newest.Sub(b.Now)))
	case TooMuch:
		return fmt.Sprintf("%d of %d dossiers are due at once, more than the %d that go without a person", b.Due, b.Living, b.Bound)
	default:
		return "nothing is in the way"
	}
}

func days(d time.Duration) string {
	if d < 2*silence {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d/silence))
}

// look reads how things stand.
func look(v *store.View) (b Brake, err error) {
	b.Now = v.Now()
	if b.pass, err = v.LastPass(); err != nil {
		return b, err
	}
	if b.Newest, err = v.NewestEvent(b.pass.Events); err != nil {
		return b, err
	}
	if b.Last = b.pass.At; b.Last.IsZero() {
		b.Last = b.Newest
	}
	if b.Due, err = v.CountDue(); err != nil {
		return b, err
	}
	if b.Living, err = v.CountLiving(); err != nil {
		return b, err
	}
	b.Bound = max(least, b.Living/100, 5*b.pass.Usual/1000)
	if b.pass.Allowed > 0 {
		b.Bound = max(b.Bound, b.pass.Allowed+least)
	}
	switch {
	case b.Living == 0: // nobody to lose
	case b.Newest.After(b.Now.Add(slack)):
		b.Why = ClockBehind
	case !b.Last.IsZero() && b.Now.Sub(b.Last) > silence:
		b.Why = ClockAhead
	case b.Due > b.Bound:
		b.Why = TooMuch
	}
	return b, nil
}

// Look tells how things stand.
func Look(ctx context.Context, db *store.DB) (b Brake, err error) {
	err = db.View(ctx, func(v *store.View) (err error) {
		b, err = look(v)
		return err
	})
	return b, err
}

// Confirm takes the clock as right and what is due now as meant to go: the next
// pass may destroy it. The event says who confirmed and how much was due. It
// returns how things stood.
func Confirm(ctx context.Context, db *store.DB, actor ledger.Actor) (b Brake, err error) {
	err = db.InTx(ctx, actor, func(t *store.Tx) (err error) {
		if b, err = look(&t.View); err != nil {
			return err
		}
		size, err := t.CountEvents()
		if err != nil {
			return err
		}
		if err := t.KeepPass(store.Pass{At: t.Now(), Usual: b.pass.Usual, Events: size, Allowed: max(b.Due, 1)}); err != nil {
			return err
		}
		detail, err := json.Marshal(map[string]int64{"due": b.Due, "living": b.Living})
		if err != nil {
			return err
		}
		return t.Event("retention.confirmed", "", "", string(detail))
	})
	return b, err
}

// begin decides whether a pass may start, and remembers it when it may.
func begin(ctx context.Context, db *store.DB) error {
	b, err := Look(ctx, db) // counting holds nobody up here
	if err != nil {
		return err
	}
	if b.Why != Free {
		return fmt.Errorf("%w: %s (cartkeep privacy retention)", ErrWaits, b)
	}
	return db.InTx(ctx, ledger.System("retention"), func(t *store.Tx) error {
		now, err := t.LastPass()
		if err != nil {
			return err
		}
		if now != b.pass {
			return fmt.Errorf("%w: another pass has just begun", ErrWaits)
		}
		next := store.Pass{At: t.Now(), Usual: b.pass.Usual, Events: b.pass.Events}
		if b.pass.Allowed == 0 { // what a person allowed is not usual
			next.Usual += (b.Due*1000 - next.Usual) / passes
		}
		return t.KeepPass(next)
	})
}

// clock fails when the clock has jumped since the pass began.
func clock(v *store.View) error {
	pass, err := v.LastPass()
	if err == nil && v.Now().Sub(pass.At) > silence {
		err = fmt.Errorf("%w: the clock jumped during the pass", ErrWaits)
	}
	return err
}
