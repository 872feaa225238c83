package abuse

import (
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Friction is what stands before an act, from nothing upwards.
type Friction int

// The frictions.
const (
	None  Friction = iota
	Wait           // until a moment
	Work           // a short sum, or one minute
	Prove          // be somebody: sign in, or wait
	Pause          // guests wait, since staff said so
)

// String names the friction.
func (f Friction) String() string { return [...]string{"none", "wait", "work", "prove", "pause"}[f] }

// Fill is how full the buckets are that count for one attempt to pay.
type Fill map[Kept]time.Duration

// Judge decides on an attempt to pay. known says that a signed-in customer
// makes it, whose own bucket is among them. wait is when the friction ends by itself, never zero beside one.
//
// Whoever shares a source with somebody who tests cards is asked for work, or to
// sign in, and not turned away: a source is a neighbourhood. A cart, a mailbox and
// an account are somebody's, so their own declines make them wait. The account
// counts beside the mailbox, which whoever is signed in may type anew each time.
func Judge(f Fill, known bool) (friction Friction, wait time.Duration) {
	if f[Paused] > 0 && !known {
		return Pause, f[Paused]
	}
	if w := f[CartDeclines] - cartFree; w > 0 {
		return Wait, w
	}
	if known {
		if w := max(f[MailboxDeclines]-mailboxWait, f[AccountDeclines]-accountWait); w > 0 {
			return Wait, w
		}
		return None, 0
	}
	own := max(f[SourceDeclines], f[MailboxDeclines])
	if StageOf(f[AllDeclines]) == Alert {
		wait = min(f[AllDeclines]-allProve+1, own)
	}
	wait = max(wait, f[SourceDeclines]-sourceProve, f[MailboxDeclines]-mailboxProve)
	if wait > 0 {
		return Prove, wait
	}
	wait = max(f[AllDeclines]-allWork+1, f[SourceDeclines]-sourceWork+1, f[MailboxDeclines]-mailboxWork+1, f[Demanded])
	if wait > 0 {
		return Work, wait
	}
	return None, 0
}

// Refused says that an act was not carried out, and what would help. It reads as
// a refusal of kind RateLimited, with the time to try again.
type Refused struct {
	Act      Act
	Friction Friction
	says     *fault.Error
}

// Error implements error.
func (r *Refused) Error() string { return r.says.Error() }

// Unwrap gives the refusal as strangers may read it.
func (r *Refused) Unwrap() error { return r.says }

var sayings = map[Friction]string{
	Wait:  "Your bank said no several times. Nothing was taken, and your cart is kept. Please wait a little before you try again.",
	Work:  "Many payments fail here at the moment, so please send this again: your browser does a short sum first, or you wait for one minute. Your cart is kept.",
	Prove: "Many payments fail here at the moment. Please sign in to your account to pay now, or try again later. Your cart is kept.",
	Pause: "This shop takes no orders from guests at the moment. Please sign in to your account to pay now, or try again later. Your cart is kept.",
}

// Refuse makes the refusal of an act. wait is rounded up to whole seconds.
func Refuse(act Act, f Friction, wait time.Duration) *Refused {
	return &Refused{act, f, fault.Limited(sayings[f], (wait + time.Second - 1).Truncate(time.Second))}
}
