// Package paymentpage knows what the pages on the way to paying may bring into a
// browser, and finds out what they bring.
//
// Card data is typed on the payment service's own pages, so a thief changes ours:
// a script that was slipped in sends shoppers to a page of his. PCI DSS 4.0.1
// therefore asks for an inventory of scripts with a reason for each (6.4.3) and
// for a look, from outside, at headers and scripts as they arrive (11.6.1).
//
//	Visitor ─▶ Read ─▶ Seen ─┬─▶ Rules.Check: what does not belong to this shop
//	 as a shopper would      └─▶ Compare: what has changed since it was signed
//
// Something foreign is an attack until somebody shows that it is none. A change
// that is not foreign came with an update or a setting, and waits for an owner who
// accepts it. Start reading at Read.
//
// It knows HTTP, HTML and the rules. It does not know where baselines are kept, who
// is told, nor how pages are made. It cannot see what a browser is given alone,
// such as by a program on the shopper's machine: for that there are the reports
// that browsers send (see Report).
package paymentpage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind says what an Item is.
type Kind string

// The kinds. Script to Form may belong to a page, the others never do.
const (
	Header   Kind = "header"   // What is "name: value"
	Script   Kind = "script"   // What is its address, Hash its integrity attribute
	Style    Kind = "style"    // the same for a style sheet
	Icon     Kind = "icon"     // What is its address
	Picture  Kind = "picture"  // What is Own or an origin; films and sounds too
	Form     Kind = "form"     // What is Own or an origin where a form ends
	Data     Kind = "data"     // a block of data that no browser runs; What is its type
	Inline   Kind = "inline"   // a script or style within the page; Hash is that of its text
	Handler  Kind = "handler"  // an attribute that runs code or sets a style
	Active   Kind = "address"  // an address that is code or a document: javascript:, data:
	Frame    Kind = "frame"    // another document within the page
	Link     Kind = "link"     // something fetched or prepared beside the page
	Meta     Kind = "meta"     // a meta element that acts as a header, or a base address
	Contents Kind = "contents" // What is the address of a script or style sheet of ours, Hash that of its bytes
)

// Own stands for the shop's own origin.
const Own = "this shop"

// Item is one thing that a page brings along.
type Item struct {
	Kind Kind
	What string
	Hash string // "" where there is none
}

// String is one line.
func (i Item) String() string {
	if i.Hash == "" {
		return string(i.Kind) + " " + i.What
	}
	return string(i.Kind) + " " + i.What + " " + i.Hash
}

// Seen is what one page brought along, in a fixed order.
type Seen struct {
	Page  string // its path: "/checkout"
	Items []Item
}

// tidied sorts and drops what is there twice.
func tidied(items []Item) []Item {
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.What, b.What), cmp.Compare(a.Hash, b.Hash))
	})
	return slices.Compact(items)
}

// What is kept of a text from outside has a bound, and no line breaks: it ends up
// in lists and letters.
const longest = 300

func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}

// Difference is one thing on one page that is not as it should be.
type Difference struct {
	Page    string
	Item    Item
	Missing bool   // it should be there; otherwise it should not
	Foreign string // why it can't come from this shop; "" for a change that can
}

// String tells it in one line.
func (d Difference) String() string {
	what := "new"
	if d.Missing {
		what = "missing"
	}
	out := fmt.Sprintf("%s: %s: %s", d.Page, what, d.Item)
	if d.Foreign != "" {
		out += " (" + d.Foreign + ")"
	}
	return out
}

// Foreign keeps those that can't come from this shop.
func Foreign(all []Difference) []Difference {
	return slices.DeleteFunc(slices.Clone(all), func(d Difference) bool { return d.Foreign == "" })
}
