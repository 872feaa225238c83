package catalog

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Bounds of a collection.
const (
	MaxCollected = 5_000 // products put into a collection by hand
	MaxRules     = 20
	maxWords     = 5_000 // code points of its description
)

// Collection is a named shelf of products: those put there by hand, in their
// order, and after them those that its rules bring.
type Collection struct {
	ID          string
	Handle      string
	Title       string
	Description string // plain text; an empty line begins a paragraph
	Picture     Picture
	Position    int64    // its place in the menu
	Unlisted    bool     // not in the menu; its page answers all the same
	Kind        string   // the kind whose shelf this is by itself; "" for one that somebody made
	Products    []string // handles of those put there by hand
	Rules       []Rule
	Any         bool // one rule is enough; else all must fit
}

// RuleOn is what a rule asks about.
type RuleOn string

// What rules can ask about.
const (
	RuleKind      RuleOn = "kind"
	RuleTag       RuleOn = "tag"
	RuleVendor    RuleOn = "vendor"
	RuleTitle     RuleOn = "title"     // contains the words of Value
	RulePrice     RuleOn = "price"     // the cheapest variant costs From to To
	RuleAvailable RuleOn = "available" // some variant can be bought
)

// Rule brings the products that fit it into a collection.
type Rule struct {
	On    RuleOn `json:"on"`
	Value string `json:"value,omitempty"` // of kind, tag, vendor, title
	From  int64  `json:"from,omitempty"`  // minor units
	To    int64  `json:"to,omitempty"`    // minor units; 0 has no end
}

// Check returns what is wrong with a collection, named by its field.
func (c Collection) Check() error {
	var wrong fault.Fields
	if h, err := ParseHandle(c.Handle); err != nil || h != c.Handle {
		wrong.Add("handle", "A handle is made of small letters and digits joined by hyphens.")
	}
	if title := strings.TrimSpace(c.Title); title == "" || len(title) > MaxTitle {
		wrong.Add("title", "A collection needs a title of at most 255 bytes.")
	}
	if utf8.RuneCountInString(c.Description) > maxWords {
		wrong.Add("description", "Please keep the description below 5,000 characters.")
	}
	if len(c.Products) > MaxCollected {
		wrong.Add("products", "A collection holds at most 5,000 products by hand. Please use a rule.")
	}
	for i, handle := range c.Products {
		if slices.Contains(c.Products[:i], handle) {
			wrong.Add("products", "Please name each product once.")
			break
		}
	}
	if len(c.Rules) > MaxRules {
		wrong.Add("rules", "A collection has at most 20 rules.")
	}
	for i, r := range c.Rules {
		if reason := r.check(); reason != "" {
			wrong.Add(fmt.Sprintf("rules.%d", i), reason)
		}
	}
	return wrong.Err()
}

func (r Rule) check() string {
	switch r.On {
	case RuleKind, RuleTag, RuleVendor, RuleTitle:
		if strings.TrimSpace(r.Value) == "" || len(r.Value) > MaxTitle {
			return "This rule needs a value to compare with."
		}
		if r.From != 0 || r.To != 0 {
			return "Only a rule about the price has from and to."
		}
	case RulePrice:
		if r.Value != "" || r.From < 0 || r.To < 0 || r.To > 0 && r.To < r.From {
			return "A price rule says from, to or both, and to is not below from."
		}
	case RuleAvailable:
		if r != (Rule{On: RuleAvailable}) {
			return "A rule about availability has no value."
		}
	default:
		return "A rule is about kind, tag, vendor, title, price or available."
	}
	return ""
}

// ShelfHandle is the handle of the shelf that a kind has by itself, "" for a
// kind that makes none.
func ShelfHandle(kind string) string {
	words := strings.FieldsFunc(strings.ToLower(kind), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127)
	})
	handle, err := ParseHandle(strings.Join(words, "-"))
	if err != nil {
		return ""
	}
	return handle
}
