// Package access holds the words in which the shop says who may do what: the
// rungs of the assurance ladder, the roles of staff, and what a route needs.
//
// A session stands on one rung. A route says which rung it needs, whether that
// must have been proved a moment ago, and, for staff, which roles. Nothing else
// decides: a second factor is no switch of one way to sign in that another way
// forgets.
//
//	Guest ─▶ Recognised ─▶ Password ─▶ TwoFactors        and Fresh on top
//
// The rungs follow the authentication assurance levels of NIST SP 800-63B-4:
// Password is its AAL1, TwoFactors its AAL2. The package does not know
// sessions (account), cookies or addresses (web/gate).
package access

import (
	"errors"
	"slices"
	"time"
)

// Level is a rung of the ladder. The zero value is none: whoever forgets to
// say a level has not said Guest.
type Level int

// The rungs, from the lowest.
const (
	Guest      Level = 1 + iota // anybody
	Recognised                  // came by a link from our mail: order status, never stored personal data
	Password                    // proved one factor
	TwoFactors                  // proved two, or a passkey with user verification
)

// FreshFor is how long a proof counts as fresh.
const FreshFor = 10 * time.Minute

// String names the level as documents and pages do.
func (l Level) String() string {
	switch l {
	case Guest:
		return "guest"
	case Recognised:
		return "recognised"
	case Password:
		return "password"
	case TwoFactors:
		return "two factors"
	}
	return "not declared"
}

// Role is what somebody does in the shop. Shoppers have none.
type Role string

// The roles.
const (
	Owner      Role = "owner"
	Manager    Role = "manager"
	Fulfilment Role = "fulfilment"
	Support    Role = "support"
	Auditor    Role = "auditor"
)

// Roles returns every role, the mightiest first.
func Roles() []Role { return []Role{Owner, Manager, Fulfilment, Support, Auditor} }

// ParseRole reads a role.
func ParseRole(s string) (Role, bool) {
	r := Role(s)
	return r, slices.Contains(Roles(), r)
}

// Need is what a route asks of whoever comes.
type Need struct {
	Level Level
	Fresh bool   // proved within FreshFor; the session then proves again (step-up)
	Staff []Role // any of these; empty for shoppers' routes
}

// Check refuses a need that was not thought through.
func (n Need) Check() error {
	switch {
	case n.Level < Guest || n.Level > TwoFactors:
		return errors.New("access: a route declares no level")
	case n.Fresh && n.Level < Password:
		return errors.New("access: what must be proved a moment ago needs at least a password")
	case len(n.Staff) > 0 && n.Level < TwoFactors:
		return errors.New("access: staff always prove two factors")
	}
	return nil
}

// Standing is who asks, as a session says. The zero value is a guest.
type Standing struct {
	Account string // id of the account; "" for a guest
	Session string // id of the session, for its own list and for what is bound to it
	Device  string // id of the known device it runs on; ""
	Level   Level
	Fresh   bool
	Strong  bool   // the account has a second factor: a step-up asks for it
	Role    Role   // of staff; "" for shoppers
	CSRF    string // what a form of this session must carry
}

// Verdict says what is missing.
type Verdict int

// The verdicts.
const (
	Enough  Verdict = iota
	SignIn          // nobody, or not high enough: sign in, or prove the second factor
	StepUp          // high enough, but not fresh
	NotYour         // signed in as somebody who has no such right
)

// Enough compares. Staff and shoppers are apart: neither's session opens the
// other's routes.
func (n Need) Enough(s Standing) Verdict {
	level := max(s.Level, Guest)
	switch {
	case n.Level == Guest && len(n.Staff) == 0:
		return Enough
	case level == Guest:
		return SignIn
	case (len(n.Staff) > 0) != (s.Role != ""):
		return NotYour
	case len(n.Staff) > 0 && !slices.Contains(n.Staff, s.Role):
		return NotYour
	case level < n.Level:
		return SignIn
	case n.Fresh && !s.Fresh:
		return StepUp
	}
	return Enough
}
