package message

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// double is a sender that does what it is told.
type double struct {
	mu   sync.Mutex
	err  error
	hang bool
	got  []string
}

func (d *double) Send(ctx context.Context, m Message) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, m.ID)
	if d.hang {
		<-ctx.Done()
		return &Failure{Sender: "double", Why: Slow}
	}
	return d.err
}

type panics struct{}

func (panics) Send(context.Context, Message) error { panic("sender") }

func textNo(n int) Message {
	return Message{ID: fmt.Sprint("m", n), Channel: SMS, To: "+49marker", Text: "marker"}
}

// TestTheSecondSenderStepsIn: a sender that fails is followed by the next, and
// comes last until it has rested.
func TestTheSecondSenderStepsIn(t *testing.T) {
	first, second := &double{err: &Failure{Sender: "first", Why: Busy, Code: 429}}, &double{}
	o := InOrder(first, second)
	now := time.Now()
	o.now = func() time.Time { return now }
	for n := range 3 {
		if err := o.Send(t.Context(), textNo(n)); err != nil {
			t.Fatal(err)
		}
	}
	if len(first.got) != 1 || len(second.got) != 3 {
		t.Errorf("got %v and %v, want the first left alone after it failed", first.got, second.got)
	}
	now = now.Add(restFirst)
	first.err = nil
	if err := o.Send(t.Context(), textNo(3)); err != nil || len(first.got) != 2 || len(second.got) != 3 {
		t.Errorf("got %v, %v and %v, want the first again once it has rested", err, first.got, second.got)
	}
	// While it rests it is still the last hope.
	first.err = &Failure{Sender: "first", Why: Unreachable}
	_ = o.Send(t.Context(), textNo(4))
	second.err, first.err = &Failure{Sender: "second", Why: Unreachable}, nil
	if err := o.Send(t.Context(), textNo(5)); err != nil {
		t.Errorf("got %v, want the resting one asked", err)
	}
	// The rest grows, and has an end.
	first.err = errors.New("broken")
	longest := time.Duration(0)
	for n := range 20 {
		_ = o.Send(t.Context(), textNo(100+n))
		longest = max(longest, o.senders[0].rests.Sub(now))
	}
	if longest != restMost {
		t.Errorf("it rests for %s, want at most %s", longest, restMost)
	}
}

func TestARefusedMessageGoesToNobodyElse(t *testing.T) {
	first, second := &double{err: &Failure{Sender: "first", Why: Refused, Code: 21211}}, &double{}
	o := InOrder(first, second)
	err := o.Send(t.Context(), textNo(1))
	if !Lasting(err) || !Lasting(fmt.Errorf("job: %w", err)) || len(second.got) != 0 {
		t.Errorf("got %v and %v, want it ended", err, second.got)
	}
	first.err = nil
	if err := o.Send(t.Context(), textNo(2)); err != nil || len(first.got) != 2 {
		t.Errorf("got %v, want the first still trusted", err)
	}
	if Lasting(errors.New("x")) || Lasting(nil) || Lasting(&Failure{Why: NotLetIn}) {
		t.Error("only a refused message is a failure for good")
	}
}

// TestASlowSenderIsLeftInTime, and so is every one when the shop closes.
func TestASlowSenderIsLeftInTime(t *testing.T) {
	first, second := &double{hang: true}, &double{}
	o := InOrder(first, second)
	o.each = 50 * time.Millisecond
	began := time.Now()
	if err := o.Send(t.Context(), textNo(1)); err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	first2, second2 := &double{hang: true}, &double{}
	o = InOrder(first2, second2)
	if err := o.Send(ctx, textNo(1)); !errors.Is(err, context.DeadlineExceeded) || len(second2.got) != 0 || o.senders[0].failures != 0 {
		t.Errorf("got %v and %v: closing is nobody's fault", err, second2.got)
	}
	if Each*2+5*time.Second > 55*time.Second {
		t.Error("two senders take longer than a job may")
	}
}

// TestAMessageLeavesOnce, however often its job comes back.
func TestAMessageLeavesOnce(t *testing.T) {
	only := &double{}
	o := InOrder(only)
	for range 3 {
		if err := o.Send(t.Context(), textNo(1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(only.got) != 1 {
		t.Errorf("it left %d times", len(only.got))
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { _ = o.Send(t.Context(), textNo(2)) })
	}
	group.Wait()
	if len(only.got) != 2 {
		t.Errorf("of twenty at once %d left, want one", len(only.got)-1)
	}
	broken := InOrder(panics{})
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a message whose sender panicked is taken to be under way for ever")
				}
			}()
			_ = broken.Send(t.Context(), textNo(2))
		}()
	}
	only.err = &Failure{Why: Busy}
	_ = o.Send(t.Context(), textNo(3))
	only.err = nil
	if err := o.Send(t.Context(), textNo(3)); err != nil || len(only.got) != 4 {
		t.Errorf("got %v, want a failed one tried again", err)
	}
	for n := range 3 * memory {
		_ = o.Send(t.Context(), textNo(10+n))
	}
	if len(o.sent) > memory || len(o.past) > memory {
		t.Errorf("it remembers %d messages, want at most %d", len(o.sent), memory)
	}
}

func TestAChannelWithoutASenderSaysSo(t *testing.T) {
	mail := &double{}
	c := Channels{Email: mail}
	err := c.Send(t.Context(), textNo(1))
	if f, ok := errors.AsType[*Failure](err); !ok || f.Why != NoSender || f.Lasting() {
		t.Errorf("got %v", err)
	}
	if err := c.Send(t.Context(), Message{ID: "m", Channel: Email}); err != nil || len(mail.got) != 1 {
		t.Errorf("got %v", err)
	}
	if err := InOrder().Send(t.Context(), textNo(1)); err == nil {
		t.Error("no sender: want an error")
	}
	if got := (&Failure{Sender: "smtp", Why: Refused, Code: 550}).Error(); got != "smtp: refused (550)" || strings.Contains(got, "marker") {
		t.Errorf("got %q", got)
	}
}
