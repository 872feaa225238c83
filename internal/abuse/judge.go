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
	Prove          // be somebody: prove a mailbox or sign in, or wait
	Pause          // the same of every guest, since staff said so
)

// String names the friction.
func (f Friction) String() string { return [...]string{"none", "wait", "work", "prove", "pause"}[f] }

// Fill is how full the buckets are that count for one attempt to pay.
type Fill map[Kept]time.Duration

// Judge decides on an attempt to pay. known says that somebody makes it: a customer
// who is signed in, whose own bucket is among them, or a guest who has proved the
// mailbox of the order. wait is when the friction ends by itself, never zero beside one.
//
// Whoever shares a source with somebody who tests cards is asked for work, or to
// be somebody, and not turned away: a source is a neighbourhood. A cart, a mailbox and
// an account are somebody's, so their own declines make them wait. The account
// counts beside the mailbox, which whoever is signed in may type anew each time.
// They are looked at first: nobody proves a mailbox only to be told to wait.
func Judge(f Fill, known bool) (friction Friction, wait time.Duration) {
	if w := max(f[CartDeclines]-cartFree, f[MailboxDeclines]-mailboxWait, f[AccountDeclines]-accountWait); w > 0 {
		return Wait, w
	}
	if known {
		return None, 0
	}
	if f[Paused] > 0 {
		return Pause, f[Paused]
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
	ByMail   bool // a code from the mailbox of the order would help
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

// byMail are the sayings where a code can be mailed.
var byMail = map[Friction]string{
	Prove: "Many payments fail here at the moment. Please show that the e-mail of your order is yours, with a code that we mail you, or sign in to your account. You can pay then at once. Your cart is kept.",
	Pause: "This shop takes orders only from people that it knows at the moment. Please show that the e-mail of your order is yours, with a code that we mail you, or sign in to your account. You can pay then at once. Your cart is kept.",
}

// Refuse makes the refusal of an act. wait is rounded up to whole seconds. mails
// says that the shop can mail codes.
func Refuse(act Act, f Friction, wait time.Duration, mails bool) *Refused {
	says, helps := byMail[f]
	if helps = helps && mails; !helps {
		says = sayings[f]
	}
	return &Refused{act, f, helps, fault.Limited(says, (wait + time.Second - 1).Truncate(time.Second))}
}
