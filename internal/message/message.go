// Package message writes what the shop says to people by mail and SMS, and
// names the way to send it.
//
// Letters are typed structs, so a letter cannot ask for what is not there. No
// text that a shopper typed reaches a mail except a name that can be nothing
// but a name: a form of the shop must not become a way to mail somebody's link
// or sales pitch to a third person. There are no pictures, no tracking and one
// link, which leads to the shop itself.
//
// It does not know when a message is due (checkout) nor where it waits (store).
package message

import (
	"context"
	"fmt"
	"log/slog"
)

// Channel is the road a message takes.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Message is one message, ready to be sent. To, Subject and the texts are
// personal: it prints as "[message ID]" and only a Sender reads its fields.
type Message struct {
	ID      string
	Channel Channel
	To      string
	Subject string // "" for SMS
	Text    string
	HTML    string // "" for SMS
}

// Sender hands a message on: to a mail server, an SMS service, the outbox.
// Sending the same ID twice must not deliver twice where that can be known.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// String names the message without showing it.
func (m Message) String() string { return "[message " + m.ID + "]" }

// GoString is String.
func (m Message) GoString() string { return m.String() }

// Format prints String for every verb.
func (m Message) Format(f fmt.State, _ rune) { fmt.Fprint(f, m.String()) }

// LogValue is String.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }
