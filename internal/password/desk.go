package password

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Priority says whose turn is first.
type Priority int

// Who asks. A known device is one from which its owner has signed in before.
const (
	Stranger Priority = iota
	Known
)

// How many may wait for each place. A stranger's wait ends after about a
// second; a known device still gets in when strangers are turned away.
const (
	strangersWaiting = 32
	knownWaiting     = 128
	// turn is how often a stranger goes first although a known device waits:
	// every fourth time, so that a new phone gets in at all.
	turn = 4
)

// desk has a few places and two queues before them.
type desk struct {
	mu      sync.Mutex
	slots   int
	free    int
	queues  [2][]chan struct{} // by Priority; closed when it is one's turn
	served  int
	average time.Duration // that a place is taken for
}

func newDesk(slots int) *desk {
	return &desk{slots: slots, free: slots, average: 20 * time.Millisecond}
}

// enter waits for a place, or refuses at once when too many wait already.
func (d *desk) enter(ctx context.Context, who Priority) error {
	if who != Known {
		who = Stranger
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	if d.free > 0 {
		d.free--
		d.mu.Unlock()
		return nil
	}
	if len(d.queues[who]) >= d.room(who) {
		after := d.wait()
		d.mu.Unlock()
		return &fault.Error{Kind: fault.Unavailable, Text: "Many people are signing in right now. Please try again in a moment.", RetryAfter: after}
	}
	called := make(chan struct{})
	d.queues[who] = append(d.queues[who], called)
	d.mu.Unlock()

	select {
	case <-called:
		return nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.queues[who], called); i >= 0 {
		d.queues[who] = slices.Delete(d.queues[who], i, i+1)
		return ctx.Err()
	}
	d.next() // called while leaving: the place goes to whoever is next
	return ctx.Err()
}

// leave gives the place back after it was taken for so long.
func (d *desk) leave(taken time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.average += (taken - d.average) / 8
	d.next()
}

// next hands a place on, or notes that it is free.
func (d *desk) next() {
	first := Known
	if d.served%turn == turn-1 {
		first = Stranger
	}
	for _, who := range []Priority{first, 1 - first} {
		if q := d.queues[who]; len(q) > 0 {
			d.queues[who] = q[1:]
			d.served++
			close(q[0])
			return
		}
	}
	d.free++
}

func (d *desk) room(who Priority) int {
	if who == Known {
		return knownWaiting * d.slots
	}
	return strangersWaiting * d.slots
}

// wait is how long those who wait now will take, in whole seconds.
func (d *desk) wait() time.Duration {
	all := time.Duration(len(d.queues[Stranger])+len(d.queues[Known])) * d.average / time.Duration(d.slots)
	return max(all.Truncate(time.Second)+time.Second, time.Second)
}
