package page

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Typed is the checkout form as it was typed, mistakes included, so that
// nothing is lost when it is shown again. It is personal and prints as [form].
type Typed struct {
	Email, Name, Phone, Note         string
	OrderNote, GiftName, GiftMessage string
	VAT, Window                      string

	ShipTo         contact.AddressFields
	BillTo         contact.AddressFields // all empty: the bill goes where the goods go
	ShippingMethod string
}

// Format prints [form], whatever the verb.
func (Typed) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[form]") }

// LogValue is [form].
func (Typed) LogValue() slog.Value { return slog.StringValue("[form]") }

// MarshalText gives [form].
func (Typed) MarshalText() ([]byte, error) { return []byte("[form]"), nil }

// Checkout is the form of details: who, where to, how. It is one page; on
// request it goes step by step, which is the same form with one part shown.
type Checkout struct {
	Layout
	Step      int // 1 to Steps; 0: everything on one page
	Typed     Typed
	Problems  []fault.Problem   // what is wrong, fields named as in fault.Problem
	Countries []contact.Country // where the shop delivers
	Methods   []Method          // ways of delivery; asked only when there are several
	Cart      cart.Cart         // for the slip at the side
	Estimate  cart.Totals       // with the way of delivery that is chosen; only where Estimated
	Estimated bool
	Uses      DataUse
	Member    bool // somebody is signed in, and may have an address book
}

// Method is a way of delivery with its price for this address.
type Method struct {
	ID      string
	Title   string
	Price   money.Amount
	Note    string   // when it arrives, or where it is collected
	Windows []Window // times of which one is chosen; empty for no choice
}

// Window is a time at which goods can come.
type Window struct{ ID, Text string }

// Timed are the ways of delivery whose time is chosen.
func (p Checkout) Timed() []Method {
	return slices.DeleteFunc(slices.Clone(p.Methods), func(m Method) bool { return len(m.Windows) == 0 })
}

// DataUse holds one short sentence for each sensitive field: what we do with
// it and how long we keep it. It comes from the register of personal data.
type DataUse struct {
	Email, Name, Phone, Address, Note, OrderNote, Gift, VAT string
}

func (Checkout) template() string { return "checkout" }
func (p Checkout) head(site) head {
	title := "Checkout"
	if p.Step > 0 {
		title = fmt.Sprintf("Checkout, step %d of %d", p.Step, Steps)
	}
	return head{Title: title, NoIndex: true, Wrong: len(p.Problems) > 0}
}

// Steps is how many steps the checkout has, when it goes step by step: where
// the receipt goes, where the parcel goes, and everything else.
const Steps = 3

// StepOf returns the step that asks for a field, by its path as in
// fault.Problem.
func StepOf(field string) int {
	first, _, _ := strings.Cut(field, "/")
	switch first {
	case FieldEmail:
		return 1
	case FieldName, FieldShipping, FieldPhone:
		return 2
	}
	return 3
}

// Shows reports whether a step's fields are asked on this page.
func (p Checkout) Shows(step int) bool { return p.Step == 0 || p.Step == step }

// Last reports whether the review comes next.
func (p Checkout) Last() bool { return p.Step == 0 || p.Step == Steps }

// Wrong returns what is wrong with a form field, or "".
func (p Checkout) Wrong(name string) string {
	path := strings.ReplaceAll(name, ".", "/")
	for _, q := range p.Problems {
		if q.Field == path {
			return q.Detail
		}
	}
	return ""
}

// Country returns the country chosen in an address, or the zero one.
func (p Checkout) Country(code string) contact.Country {
	for _, c := range p.Countries {
		if c.Code == code {
			return c
		}
	}
	return contact.Country{}
}

// Method returns the way of delivery chosen, or the first.
func (p Checkout) Method() Method {
	for _, m := range p.Methods {
		if m.ID == p.Typed.ShippingMethod {
			return m
		}
	}
	if len(p.Methods) > 0 {
		return p.Methods[0]
	}
	return Method{}
}

// Review shows everything once more before the order is placed.
type Review struct {
	Layout
	Details    order.Details
	Cart       cart.Cart
	Method     Method
	Payments   []Payment
	Payment    string // id of the chosen one; "" picks the first
	Descriptor string // what the card statement will say; "" when not known
	Facts      []Fact // three true ones
	Key        string // idempotency key, drawn by the handler for this page
	Seen       string // hash of what this page shows, sent back with its button
	Working    bool   // the order is being placed: ask the shopper to wait
	Wrong      string // why the order was not placed, such as a declined payment; "" for nothing
	Terms      []Link // what ordering accepts; empty for nothing
	MustTick   bool   // it is accepted with a tick of its own
	Unticked   bool   // the tick was forgotten
	Ticked     bool   // it was given to this very page, which comes again for another reason
	Keep       bool   // the box is ticked that has the card kept
}

// Payment is one way to pay.
type Payment struct {
	ID    string
	Title string // "Card, at Stripe"
	Note  string // "You type your card there, not here."
	Keeps string // who keeps the card for next time if that is wished: "Stripe"; "" for nobody
}

// Kept is how a choice is called that pays with a card which a service keeps.
func Kept(service string) string { return service + "/kept" }

// Keepers are the ways to pay that come with a box: keep my card.
func (p Review) Keepers() []Payment {
	return slices.DeleteFunc(slices.Clone(p.Payments), func(m Payment) bool { return m.Keeps == "" })
}

func (Review) template() string { return "review" }
func (p Review) head(site) head {
	return head{Title: "Check and pay", NoIndex: true, Wrong: p.Wrong != ""}
}

// Free reports whether nothing is left to pay.
func (p Review) Free() bool { return p.Cart.Due().IsZero() }

// Chosen reports whether a payment method is the one picked.
func (p Review) Chosen(i int) bool {
	for _, m := range p.Payments {
		if m.ID == p.Payment {
			return p.Payments[i].ID == p.Payment
		}
	}
	return i == 0
}
