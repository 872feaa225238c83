package message

import (
	"errors"
	"fmt"
)

// Why is the kind of a failure: all that logs, jobs and metrics learn of it.
type Why string

// The kinds of failures.
const (
	Unreachable Why = "unreachable"   // nobody answers there, or the connection broke
	Slow        Why = "too slow"      // no answer in time: the message may have left, or not
	Unsafe      Why = "not safe"      // no encryption, or a certificate of somebody else: nothing was said
	NotLetIn    Why = "not let in"    // our name, password or sender address is refused
	Busy        Why = "busy"          // the service asks to come back later
	Odd         Why = "odd answer"    // an answer that is not the documented one
	Refused     Why = "refused"       // this message, or whom it is for: it never will be sent
	Unfit       Why = "unfit"         // it could not be sent as it is, so nobody was asked
	NoSender    Why = "no sender"     // nothing is set up for this channel
	UnderWay    Why = "under way"     // the same message is being sent at this moment
	NoCountry   Why = "not a country" // texts go to the countries that the shop names, and to mobile phones
)

// Failure says why a message was not sent. It has no address, no text and
// nothing of what a service answered, except its number for the failure.
type Failure struct {
	Sender string // "smtp", "twilio", "webhook"
	Why    Why
	Code   int // what the service calls it: 550, 21211; 0 for none
}

// Error implements error.
func (f *Failure) Error() string {
	s := f.Sender + ": " + string(f.Why)
	if f.Code != 0 {
		s += fmt.Sprintf(" (%d)", f.Code)
	}
	return s
}

// Kind names the failure for a job that failed.
func (f *Failure) Kind() string { return string(f.Why) }

// Lasting reports that trying again is no use: it is the message that is
// refused, not the shop. A wrong password is the shop's and may be mended.
func (f *Failure) Lasting() bool { return f.Why == Refused || f.Why == Unfit || f.Why == NoCountry }

// Lasting reports whether an error is a failure for good.
func Lasting(err error) bool {
	f, ok := errors.AsType[*Failure](err)
	return ok && f.Lasting()
}
