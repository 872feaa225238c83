package abuse

import "context"

// Caller is who sends a request, as far as limits go. The gate puts it into the
// context of every request, so that no road can forget it.
type Caller struct {
	Source  string           // the network; "" for acts of the shop itself
	Account func() string    // the customer who is signed in; "" for nobody
	Work    func(Act) error  // takes the work, or the wait, that the request shows for an act
	Noted   func(Act, Event) // counts what became of an act, for the staff's page
}

type callerKey struct{}

// With returns a context that says who calls.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Of tells who calls. It is never nil: without a gate it is a stranger from
// nowhere, who shows nothing.
func Of(ctx context.Context) *Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return c
	}
	return &Caller{}
}

// Customer tells which account is signed in, "" for none. It looks at the session,
// which a transaction must not.
func (c *Caller) Customer() string {
	if c.Account == nil {
		return ""
	}
	return c.Account()
}

// Worked takes the work that was shown, once.
func (c *Caller) Worked(act Act) bool { return c.Work != nil && c.Work(act) == nil }

// Note counts what became of an act.
func (c *Caller) Note(act Act, e Event) {
	if c.Noted != nil {
		c.Noted(act, e)
	}
}

// Event is what became of an act.
type Event int

// The events.
const (
	Tried      Event = iota
	Declined         // by the bank, or a wrong proof
	Challenged       // work or a proof was asked for
	Blocked          // it had to wait
	events
)

// Events lists them.
func Events() []Event { return []Event{Tried, Declined, Challenged, Blocked} }

// String names the event.
func (e Event) String() string {
	return [...]string{"tried", "declined", "challenged", "blocked"}[e]
}

// Alarm is something that staff should know, in counts.
type Alarm struct {
	Kind         string
	Wrong, Right int64
}

// The kinds of alarms.
const (
	AttackBegins  = "attack-begins"
	AttackEnds    = "attack-ends"
	FactorClosed  = "factor-closed"  // somebody's factor failed a hundred times in a row
	CardingBegins = "carding-begins" // guests do work before they pay
	CardingRises  = "carding-rises"  // and show who they are, where anything was declined before
	CardingEnds   = "carding-ends"
)
