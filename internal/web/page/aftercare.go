package page

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Paths of what comes after an order.
const (
	PathFind     = "/find-order"      // GET; POST number, email
	PathFindCode = "/find-order/code" // GET; POST code
	PathWishes   = "/wishes"          // GET; POST variant_id, email
	PathNoWish   = "/wishes/end"      // POST wish

	FieldNumber = "number"
	FieldWish   = "wish"
)

// OrderFind asks for the number of an order and the e-mail it was made with.
type OrderFind struct {
	Layout
	Typed    FindTyped
	Problems []fault.Problem
}

// FindTyped is the look-up form as it was typed.
type FindTyped struct{ Number, Email string }

func (OrderFind) template() string { return "order_find" }
func (p OrderFind) head(site) head {
	return head{Title: "Find your order", NoIndex: true, Wrong: len(p.Problems) > 0}
}

// Inputs are the two fields.
func (p OrderFind) Inputs() []Input {
	return []Input{
		{Name: FieldNumber, Label: "Order number", Value: p.Typed.Number, Kind: "text", Complete: "off", Caps: "characters", Short: true,
			Hint: "Like K7Q2M-9F3XA. It stands in our mails.", Wrong: wrongOf(p.Problems, FieldNumber)},
		{Name: FieldEmail, Label: "E-mail", Value: p.Typed.Email, Kind: "email", Complete: "email", Mode: "email", Caps: "none",
			Use: "We compare it with the order's and keep nothing of it.", Wrong: wrongOf(p.Problems, FieldEmail),
			Check: "An e-mail address has a name, an @ and a place, like ada@example.com."},
	}
}

// Mistakes pairs every problem with the id of its control.
func (p OrderFind) Mistakes() []Link { return mistakesOf(p.Problems) }

// OrderCode asks for the code that was mailed.
type OrderCode struct {
	Layout
	Minutes  int // how long a code works
	Problems []fault.Problem
}

func (OrderCode) template() string { return "order_code" }
func (p OrderCode) head(site) head {
	return head{Title: "Type the code", NoIndex: true, Wrong: len(p.Problems) > 0}
}

// Code is the one field.
func (p OrderCode) Code() Input {
	return Input{Name: FieldCode, Label: "Code", Kind: "text", Complete: "one-time-code", Mode: "numeric", Short: true,
		Hint: "Eight digits. You may leave out the gap.", Wrong: wrongOf(p.Problems, FieldCode)}
}

// Mistakes pairs every problem with the id of its control.
func (p OrderCode) Mistakes() []Link { return mistakesOf(p.Problems) }

// SoldOut are the variants that somebody may wait for.
func (p Product) SoldOut() []catalog.Variant {
	var out []catalog.Variant
	for _, v := range p.Product.Variants {
		if !v.Stock.Has(1) {
			out = append(out, v)
		}
	}
	return out
}

// WishEmail is the one field of the wish to hear when a thing is there again. How much
// an address can wait for stands here for everybody: an answer to one address would
// tell strangers how much it waits for.
func (p Product) WishEmail() Input {
	return Input{Name: FieldEmail, Label: "E-mail", Value: p.WishTyped, Kind: "email", Complete: "email", Mode: "email", Caps: "none",
		Use: "For this one mail. Then, or after 90 days, we forget it. An address can wait for 20 things at a time.", Wrong: p.WishWrong}
}

// Wishes is what this browser has asked to hear of, each to be taken back.
type Wishes struct {
	Layout
	Wishes []OneWish
}

// OneWish is a wish that can be taken back.
type OneWish struct{ ID, Title string }

func (Wishes) template() string { return "wishes" }
func (Wishes) head(site) head   { return head{Title: "What you wait for", NoIndex: true} }

func wrongOf(problems []fault.Problem, name string) string {
	for _, q := range problems {
		if q.Field == name {
			return q.Detail
		}
	}
	return ""
}

func mistakesOf(problems []fault.Problem) []Link {
	var out []Link
	for _, q := range problems {
		out = append(out, Link{Text: q.Detail, URL: "#" + strings.ReplaceAll(q.Field, "/", "-")})
	}
	return out
}

// Invoice is an invoice or a credit note, to be printed.
type Invoice struct {
	Layout
	Credit   bool
	Part     bool   // a credit note of less than the whole invoice
	Untaken  bool   // a credit note of an invoice that nobody has paid anything of
	Name     string // its whole number
	Of       string // for a credit note: the invoice it takes back
	Day      string // the day it was issued, in the shop's zone
	Seller   InvoiceSeller
	Order    order.Order
	Delivery string
	Taxes    []InvoiceTax
	Sum      money.Amount
	Seen     bool          // the buyer may be shown
	Buyer    order.Details // only where Seen
	Transfer *Transfer     // how it is paid, while it is not; else nil
}

// InvoiceSeller is who sells, with the address in lines.
type InvoiceSeller struct {
	Name, VAT, Register, Email, Phone string
	Address                           []string
}

// InvoiceTax is the sum that one rate holds for.
type InvoiceTax struct {
	Rate     string // "19 %"
	Net, Tax money.Amount
}

func (Invoice) template() string { return "invoice" }
func (p Invoice) head(site) head { return head{Title: p.Word() + " " + p.Name, NoIndex: true} }

// Word is what the paper is called.
func (p Invoice) Word() string {
	if p.Credit {
		return "Credit note"
	}
	return "Invoice"
}

// SumWord is what the sum of the paper is called. Money that was never taken does not
// go back.
func (p Invoice) SumWord() string {
	switch {
	case p.Untaken:
		return "Taken off the invoice"
	case p.Credit:
		return "Given back"
	}
	return "Total"
}

// About names the table of the paper.
func (p Invoice) About() string {
	if p.Part {
		return "What was given back"
	}
	return "What was sold"
}

// FreeDelivery reports whether a code took off what delivery costs.
func (p Invoice) FreeDelivery() bool {
	return slices.ContainsFunc(p.Order.Codes, func(a discount.Applied) bool { return a.Kind == discount.FreeDelivery })
}

// Business is the VAT number of a buyer who is one, or "".
func (p Invoice) Business() string {
	if !p.Seen || p.Buyer.VAT.IsZero() {
		return ""
	}
	return p.Buyer.VAT.Reveal()
}

// Percent writes a rate in parts per million as people read it.
func Percent(rate int64) string {
	whole, part := rate/10_000, rate%10_000
	text := strconv.FormatInt(whole, 10)
	if part > 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(10_000+part, 10)[1:], "0")
	}
	return text + " %"
}
