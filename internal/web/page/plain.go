package page

import (
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Problem is the page for every error: what happened, what is safe, what to do.
type Problem struct {
	Layout
	Kind       fault.Kind
	Text       string        // the public text of a fault.Error; "" takes the usual words of its kind
	Reference  string        // of this request, to be told to the shop
	RetryAfter time.Duration // when it makes sense to try again; zero means unknown
}

func (Problem) template() string { return "problem" }
func (p Problem) head(site) head { return head{Title: p.Words().Title, NoIndex: true} }

// Privacy is the notice: every purpose, read from the register.
type Privacy struct {
	Layout
	Purposes  []Purpose
	Receivers []Receiver
	Cookies   []Cookie
	Backup    string // "Backups are kept 35 days." read from the running settings; "" for none
	Updated   time.Time
	Own       []Block // what the shop adds
}

// Receiver is somebody outside the shop, and what they get.
type Receiver struct {
	Who  string // "SMS provider (Twilio)"
	Gets []string
}

// Purpose is one reason to keep something about a person.
type Purpose struct {
	Name string   // "Delivering your order"
	What []string // labels of the values
	// Linked is what stays readable, tied to a person by a random number only.
	Linked []string
	Why    string   // reason and legal basis
	Keep   string   // how long
	Who    []string // who gets it; empty means nobody else
}

// Cookie is one cookie of the shop.
type Cookie struct{ Name, Why, Keep string }

func (Privacy) template() string { return "privacy" }
func (Privacy) head(s site) head {
	return head{Title: "Privacy", Canonical: s.canonical(PathPrivacy), Current: PathPrivacy}
}
