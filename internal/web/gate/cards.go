package gate

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// People type their card into whatever field is at hand: a search, a code, a
// name, a note. No such number is kept anywhere, so what looks like one is
// refused where forms and bodies are read, before any handler has it. A form whose
// handler takes it out field by field, and so loses nothing else that was typed,
// says so in its route (Route.Cards).

const cardText = "That looks like the number of a payment card, so we did not take it and kept nothing of it. You give your card on the payment page, never here. Please go back and leave it out."

// machines are fields that our own pages fill in: with random words, in which any
// digits may stand together. They are compared, and never kept as they are.
var machines = map[string]bool{FieldCSRF: true, FieldWork: true, FieldTicket: true, "seen": true, "idempotency_key": true, "token": true, "pass": true, "credential": true}

// identity is an id as the store makes them.
var identity = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// fieldName is how our own fields are called: another's name is not repeated.
var fieldName = regexp.MustCompile(`^[a-z][a-z_]*(\.[a-z_]+)?$`)

// HoldsCard reports whether what was typed into a field looks like the number of a
// payment card. A long code of ours has as many digits as no card, in groups that
// look like one.
func HoldsCard(field, text string) bool {
	switch {
	case machines[field] || identity.MatchString(text):
		return false
	case field == "phone" || strings.HasSuffix(field, "/phone"):
		return contact.CardInPhone(text)
	case field == "code" && contact.Digits(text) == challenge.LongDigits:
		return false
	}
	return contact.CardNumber(text)
}

// NoCard refuses what was typed into a field, when it looks like a card's number.
func NoCard(field, text string) error {
	if !HoldsCard(field, text) {
		return nil
	}
	return fault.Field(field, cardText)
}

// noCards is NoCard for every field of a form, names included: whoever sends a
// form by hand chooses these too.
func noCards(form url.Values) error {
	for name, values := range form {
		shown := name
		if !fieldName.MatchString(name) {
			shown = "form"
			if err := NoCard(shown, name); err != nil {
				return err
			}
		}
		for _, text := range values {
			if HoldsCard(name, text) {
				return fault.Field(shown, cardText)
			}
		}
	}
	return nil
}
