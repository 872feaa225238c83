package page

import "time"

// Work is the part of a form that asks strangers for a short sum while the shop
// is under attack, or to wait: see gate.Work. The zero one shows nothing. A
// form with it is drawn again with what was typed, except for secrets.
type Work struct {
	Algorithm, Challenge, Salt, Signature string
	Max                                   int
	Ticket                                string
	Wait                                  time.Duration
}
