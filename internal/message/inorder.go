package message

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// Each is how long one sender may take. Two of them, one after the other,
	// end before the job that waits for them does.
	Each = 20 * time.Second

	restFirst = 30 * time.Second // how long a sender that failed comes last; doubled at each failure
	restMost  = 10 * time.Minute
	memory    = 4096 // how many messages are remembered as sent
)

// Order tries senders of one channel, the first one first.
//
// A sender that fails is followed by the next, and comes last for a while. One
// that refuses the message itself ends the matter: a number that does not exist
// for one service does not for the other. A message that was sent is remembered
// until some thousand others have followed, so that a job which runs again
// because its end could not be written does not send it again. Beyond that, and
// after a restart, a service that was slow to answer may get it twice.
type Order struct {
	mu      sync.Mutex
	senders []ordered
	sent    map[string]bool // true: it left; false: under way
	past    []string        // those that left, a ring
	next    int
	each    time.Duration
	now     func() time.Time
}

// ordered is a sender and how it did lately.
type ordered struct {
	Sender
	failures int
	rests    time.Time // until then it comes last
}

// InOrder makes one sender of several.
func InOrder(senders ...Sender) *Order {
	o := &Order{sent: map[string]bool{}, past: make([]string, 0, 64), each: Each, now: time.Now}
	for _, s := range senders {
		o.senders = append(o.senders, ordered{Sender: s})
	}
	return o
}

// Send implements Sender.
func (o *Order) Send(ctx context.Context, m Message) error {
	left, under := o.begin(m.ID)
	if left {
		return nil
	}
	if under {
		return &Failure{Sender: string(m.Channel), Why: UnderWay}
	}
	sent := false
	defer func() { o.end(m.ID, sent) }() // also when a sender panics
	err := o.try(ctx, m)
	sent = err == nil
	return err
}

func (o *Order) try(ctx context.Context, m Message) error {
	var first error = &Failure{Sender: string(m.Channel), Why: NoSender}
	for n, i := range o.turn() {
		within, cancel := context.WithTimeout(ctx, o.each)
		err := o.senders[i].Send(within, m)
		cancel()
		if err == nil || Lasting(err) {
			o.well(i)
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err()) // the shop is closing: no fault of the sender
		}
		o.failed(i)
		if n == 0 {
			first = err
		}
	}
	return first
}

// turn lists the senders as they are tried: as they were given, those that rest
// last, and among these the one that may come back first.
func (o *Order) turn() []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	out := make([]int, len(o.senders))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Compare(max(0, o.senders[a].rests.Sub(now)), max(0, o.senders[b].rests.Sub(now)))
	})
	return out
}

func (o *Order) well(i int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.senders[i].failures, o.senders[i].rests = 0, time.Time{}
}

func (o *Order) failed(i int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &o.senders[i]
	s.rests = o.now().Add(min(restFirst<<min(s.failures, 10), restMost))
	s.failures++
}

// begin notes that a message is under way, unless it is or has left already.
func (o *Order) begin(id string) (left, under bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	left, known := o.sent[id]
	if !known {
		o.sent[id] = false
	}
	return left, known && !left
}

func (o *Order) end(id string, left bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !left {
		delete(o.sent, id)
		return
	}
	o.sent[id] = true
	if len(o.past) < memory {
		o.past = append(o.past, id)
		return
	}
	delete(o.sent, o.past[o.next])
	o.past[o.next] = id
	o.next = (o.next + 1) % memory
}

// Channels is the sender of each channel.
type Channels map[Channel]Sender

// Send implements Sender.
func (c Channels) Send(ctx context.Context, m Message) error {
	if s, ok := c[m.Channel]; ok {
		return s.Send(ctx, m)
	}
	return &Failure{Sender: string(m.Channel), Why: NoSender}
}
