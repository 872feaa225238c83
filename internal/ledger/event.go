package ledger

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Actor is who acts. Its id is random or a name of the machine, never a
// person's name.
type Actor struct{ Kind, ID string }

// Guest is a shopper without an account, known by the subject id of the cart.
func Guest(subject string) Actor { return Actor{"guest", subject} }

// Customer is a shopper with an account.
func Customer(subject string) Actor { return Actor{"customer", subject} }

// Staff is a member of staff.
func Staff(id string) Actor { return Actor{"staff", id} }

// System is a part of the shop that acts by itself, such as "retention".
func System(name string) Actor { return Actor{"system", name} }

// OS is a user of the operating system who runs a command.
func OS(user string) Actor { return Actor{"os", user} }

// Provider is a payment service that calls back.
func Provider(name string) Actor { return Actor{"provider", name} }

// String is the actor as events keep it: "guest:ID".
func (a Actor) String() string {
	if a == (Actor{}) {
		return ""
	}
	return a.Kind + ":" + a.ID
}

// ParseActor reads what String wrote.
func ParseActor(s string) (Actor, error) {
	kind, id, ok := strings.Cut(s, ":")
	if !ok || kind == "" || id == "" {
		return Actor{}, errors.New("ledger: an actor is written kind:id")
	}
	return Actor{kind, id}, nil
}

// The parts of an event that stand beside its leaf, in the order of their
// commitments and salts.
const (
	PartActor = iota
	PartSubject
	PartObject
	PartDetail
	partCount
)

var partNames = [partCount]string{"actor", "subject", "object", "detail"}

// Event is one act. Time and action are readable for ever; the four parts can
// be emptied.
type Event struct {
	ID      string
	At      time.Time // whole milliseconds, UTC
	Action  string    // "order.placed": lower-case words, digits, dots, dashes
	Actor   string    // who, as Actor.String writes it
	Subject string    // whose data it concerns; may be empty
	Object  string    // what it concerns, "order:ID"; may be empty
	Detail  string    // short JSON of ids and counts, or empty
	Salts   [partCount][16]byte
}

// Bounds of an event's fields, in bytes.
const (
	MaxAction = 64
	MaxPart   = 256
	MaxDetail = 2048
)

// NewEvent makes an event with fresh salts. The time is cut to milliseconds,
// because that is what the leaf keeps.
func NewEvent(id string, at time.Time, action string, actor Actor, subject, object, detail string) (Event, error) {
	e := Event{
		ID: id, At: at.UTC().Truncate(time.Millisecond), Action: action,
		Actor: actor.String(), Subject: subject, Object: object, Detail: detail,
	}
	if err := e.check(); err != nil {
		return Event{}, err
	}
	for i := range e.Salts {
		rand.Read(e.Salts[i][:])
	}
	return e, nil
}

func (e Event) check() error {
	if e.ID == "" || len(e.ID) > MaxPart {
		return errors.New("ledger: an event needs an id")
	}
	if !validAction(e.Action) {
		return errors.New("ledger: an action is 1 to 64 of a-z, 0-9, dot, dash and underscore")
	}
	if _, err := ParseActor(e.Actor); err != nil {
		return err
	}
	for i, v := range e.parts() {
		limit := MaxPart
		if i == PartDetail {
			limit = MaxDetail
		}
		if len(v) > limit || !utf8.ValidString(v) {
			return fmt.Errorf("ledger: %s of %s is too long or no text", partNames[i], e.Action)
		}
	}
	if e.Detail != "" && !json.Valid([]byte(e.Detail)) {
		return fmt.Errorf("ledger: detail of %s is no JSON", e.Action)
	}
	return nil
}

func (e Event) parts() [partCount]string {
	return [partCount]string{e.Actor, e.Subject, e.Object, e.Detail}
}

func validAction(s string) bool {
	if s == "" || len(s) > MaxAction {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
