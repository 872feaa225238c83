package message

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// OrderConfirmation tells a shopper that the shop has the order.
type OrderConfirmation struct {
	To       contact.Email
	Name     contact.Name // for the greeting; may be zero
	Number   order.Number
	Paid     bool // false: still waiting for the payment
	PlacedAt time.Time
	Lines    []order.Line
	Totals   cart.Totals
	Credits  []credit.Part // gift cards and store credit that pay it
	Shipping string        // title of the shipping method, as the merchant wrote it; "" when nothing is sent by post
	Link     string        // where the order can be seen, on Shop.Origin
	Transfer *Transfer     // how to send the money, when that is what the shop waits for; else nil
	Later    Later         // how it is paid when the goods go first
	Sent     bool          // it was on its way before it was paid
	Reserved bool          // the money is only reserved, and taken when the goods are sent
}

// Later says how an order is paid whose goods go before the money comes. Zero is for
// all others.
type Later struct {
	OnDelivery bool // to whoever brings it
	Days       int  // else: so many days after it was sent
}

// Transfer is what a bank transfer needs, as people copy it.
type Transfer struct {
	Payee, IBAN, BIC string // BIC may be ""
	Reference        string
	Until            time.Time // the goods are kept so long
}

// OrderCancelled tells a shopper that the order will not come.
type OrderCancelled struct {
	To     contact.Email
	Name   contact.Name
	Number order.Number
	Reason order.Reason
	ByHand bool // it was to be paid without a payment service
	Lines  []order.Line
	Totals cart.Totals
	Link   string
}

// OrderShipped tells a shopper that the order is on its way.
type OrderShipped struct {
	To       contact.Email
	Name     contact.Name
	Number   order.Number
	Carrier  string // as the merchant wrote it; may be ""
	Tracking string // likewise
	Lines    []order.Line
	Totals   cart.Totals
	Later    Later     // how it is paid, when it is not paid yet
	Transfer *Transfer // where to, when it goes to an account
	Link     string
}

// OrderRefunded tells a shopper that their money is on its way back.
type OrderRefunded struct {
	To     contact.Email
	Name   contact.Name
	Number order.Number
	Lines  []order.Line
	Totals cart.Totals
	Amount money.Amount // what went back now, which may be a part
	// ByCredit is the part of it that went back to gift cards and store credit;
	// As says what became of the rest: "" the way it came, "account" store credit,
	// "card" a gift card.
	ByCredit money.Amount
	As       string
	Link     string
	ByHand   bool // a person sends it, no payment service
	Untaken  bool // what a payment service reserved of it was never taken, and goes free
}

// why is a reason in words for the shopper.
func why(r order.Reason) string {
	switch r {
	case order.HoldEnded:
		return "The payment did not arrive in time, so the goods went back on the shelf."
	case order.ByCustomer:
		return "You asked us to cancel it."
	case order.CameBack:
		return "The parcel came back to us, so you owe us nothing."
	default:
		return "We could not carry it out. We are sorry."
	}
}

// orderLetter is what the order templates can show. Nothing in it was typed by
// the shopper but Greeting, which is a name or empty.
// LinkDays is how long the link in a letter opens its order.
const LinkDays = 90

type orderLetter struct {
	Shop     Shop
	Subject  string
	Greeting string
	Number   order.Number
	Opening  []string // the paragraphs above the list
	PlacedAt string   // "" leaves it out
	Lines    []line
	Sums     []sum
	Total    sum
	Means    []sum // what credit pays of it, and what is left; none when it pays nothing
	Link     string
	LinkDays int
	Billed   bool   // there is, or will be, a line on the bank statement
	Bank     []fact // what a bank transfer needs, line by line
}

type fact struct{ Label, Text string }

type line struct {
	Title    string
	Quantity int64
	Unit     string
	Total    string
}

type sum struct{ Label, Amount string }

// OrderConfirmation writes the letter as the message with this id.
func (w *Writer) OrderConfirmation(id string, c OrderConfirmation) (Message, error) {
	l := w.orderLetter(c.Name, c.Number, c.Lines, c.Totals, c.Shipping, c.Link)
	l.Subject = "Your order " + string(c.Number) + " at " + l.Shop.Name
	due := l.pays(c.Totals.Total, c.Credits)
	l.Billed = !due.IsZero()
	if !c.PlacedAt.IsZero() {
		l.PlacedAt = c.PlacedAt.UTC().Format("2 January 2006, 15:04") + " UTC"
	}
	next := "We will pack it next."
	if c.Shipping == "" {
		next = "What you bought is on the page of your order."
	}
	if c.Totals.Total.IsZero() {
		l.Opening = []string{"Thank you. We have your order, and there is nothing to pay. " + next}
	} else if c.Transfer != nil {
		l.Billed = false // it is the shopper's own transfer: the shop's word on statements is not on it
		l.Opening = []string{
			"Thank you. We have your order, and the goods are kept for you until " + c.Transfer.Until.UTC().Format("2 January 2006") + ".",
			"Please transfer the total to our account, with the reference as it stands here. Then the money finds your order by itself. We write to you when it has arrived.",
		}
		l.Bank = transferFacts(*c.Transfer, due)
	} else if c.Later.OnDelivery {
		l.Billed = false
		l.Opening = []string{"Thank you. We have your order. " + next,
			"You pay " + c.Totals.Total.Format() + " to whoever brings it. Please have the money ready."}
	} else if c.Later.Days > 0 {
		l.Billed = false
		l.Opening = []string{"Thank you. We have your order. " + next,
			fmt.Sprintf("You pay after it was sent, within %d days. We write to you then, with our account and a reference.", c.Later.Days)}
	} else if c.Paid && c.Sent {
		l.Billed = false
		l.Opening = []string{"Thank you. Your money has arrived, and your order is paid."}
	} else if c.Paid && c.Reserved {
		l.Opening = []string{"Thank you. We have your order. Your bank has reserved " + due.Format() + ", and we take it when we send your order. " + next}
	} else if c.Paid {
		l.Opening = []string{"Thank you. We have your order, and it is paid. " + next}
	} else {
		l.Opening = []string{
			"Thank you. We have your order, and the goods are kept for you.",
			"It is not paid yet. You can pay on the page of your order.",
		}
	}
	return w.write(id, c.To, "order", l.Subject, l.Link, l)
}

// OrderCancelled writes the letter as the message with this id.
func (w *Writer) OrderCancelled(id string, c OrderCancelled) (Message, error) {
	l := w.orderLetter(c.Name, c.Number, c.Lines, c.Totals, "", c.Link)
	l.Subject = "Your order " + string(c.Number) + " at " + l.Shop.Name + " was cancelled"
	l.Opening = []string{
		"Your order was cancelled. " + why(c.Reason),
		"You don’t have to do anything. If money was taken for it after all, it goes back the way it came.",
	}
	if c.ByHand && c.Reason == order.HoldEnded {
		l.Opening = []string{
			"We kept the goods for you as long as we could, but no money has arrived for your order. So they went back on the shelf, and you owe us nothing.",
			"If you have sent it already, you don’t have to do anything. When it arrives, we send you the goods if they are still there, and else your money. If you still want them, you are welcome to order again.",
		}
	}
	return w.write(id, c.To, "order", l.Subject, l.Link, l)
}

// OrderShipped writes the letter as the message with this id. The parcel's
// number is text: a link to somewhere else would teach people to follow one.
func (w *Writer) OrderShipped(id string, c OrderShipped) (Message, error) {
	l := w.orderLetter(c.Name, c.Number, c.Lines, c.Totals, "", c.Link)
	l.Subject = "Your order " + string(c.Number) + " at " + l.Shop.Name + " is on its way"
	l.Opening = []string{"Your order is on its way to you."}
	if by := oneLine(c.Carrier); by != "" {
		l.Opening = append(l.Opening, "It travels with "+by+".")
	}
	if number := oneLine(c.Tracking); number != "" {
		l.Opening = append(l.Opening, "The number of the parcel is "+number+".")
	}
	if c.Later.OnDelivery {
		l.Opening = append(l.Opening, "You pay "+c.Totals.Total.Format()+" to whoever brings it. Please have the money ready.")
	} else if c.Transfer != nil {
		l.Opening = append(l.Opening, "Please pay by "+c.Transfer.Until.UTC().Format("2 January 2006")+": transfer the total to our account, with the reference as it stands here.")
		l.Bank = transferFacts(*c.Transfer, c.Totals.Total)
	}
	return w.write(id, c.To, "order", l.Subject, l.Link, l)
}

// OrderRefunded writes the letter as the message with this id.
func (w *Writer) OrderRefunded(id string, c OrderRefunded) (Message, error) {
	l := w.orderLetter(c.Name, c.Number, c.Lines, c.Totals, "", c.Link)
	l.Subject = "Your money for order " + string(c.Number) + " at " + l.Shop.Name
	l.Opening = []string{
		"We have given back " + c.Amount.Format() + " for your order.",
	}
	rest := money.Of(c.Amount.Minor()-c.ByCredit.Minor(), c.Amount.Currency())
	part := func(a money.Amount) string {
		if a == c.Amount {
			return "It"
		}
		return a.Format() + " of it"
	}
	switch {
	case rest.IsZero():
	case c.Untaken:
		l.Opening[0] = "You do not pay " + c.Amount.Format() + " for your order."
		l.Opening = append(l.Opening, part(rest)+" was only reserved at your bank, and we never took it. Banks free it within a few days.")
	case c.As == "account":
		l.Opening = append(l.Opening, part(rest)+" is store credit on your account now, for your next order.")
	case c.As == "card":
		l.Opening = append(l.Opening, part(rest)+" is on a gift card. Its code comes in a mail of its own.")
	case c.ByHand:
		l.Opening = append(l.Opening, "We have sent it ourselves. If you paid in cash and do not have it yet, please write to us.")
	default:
		l.Opening = append(l.Opening, part(rest)+" comes the way you paid. Banks take a few days for it.")
		l.Billed = true
	}
	if !c.ByCredit.IsZero() {
		l.Opening = append(l.Opening, part(c.ByCredit)+" is back on what you paid with: your gift card or your store credit. You can spend it again.")
	}
	return w.write(id, c.To, "order", l.Subject, l.Link, l)
}

// pays says what credit pays of the total, and returns what is left.
func (l *orderLetter) pays(total money.Amount, parts []credit.Part) money.Amount {
	due := credit.Rest(total, parts)
	for _, p := range parts {
		l.Means = append(l.Means, sum{p.Name(), "−" + p.Amount.Format()})
	}
	if len(parts) > 0 {
		l.Means = append(l.Means, sum{"Left to pay", due.Format()})
	}
	return due
}

func (w *Writer) orderLetter(name contact.Name, number order.Number, lines []order.Line, t cart.Totals, shipping, link string) orderLetter {
	l := orderLetter{Shop: w.shop, Greeting: greeting(name), Number: number, Link: link, LinkDays: LinkDays}
	for _, one := range lines {
		l.Lines = append(l.Lines, line{oneLine(one.Title), one.Quantity, one.Unit.Format(), one.Total.Format()})
	}
	l.Sums = append(l.Sums, sum{"Goods", t.Items.Format()})
	if !t.Discount.IsZero() {
		l.Sums = append(l.Sums, sum{"Discount", "−" + positive(t.Discount).Format()})
	}
	delivery := "Delivery"
	if s := oneLine(shipping); s != "" {
		delivery += " (" + s + ")"
	}
	l.Sums = append(l.Sums, sum{delivery, t.Shipping.Format()})
	if !t.TaxIncluded {
		l.Sums = append(l.Sums, sum{"Tax", t.Tax.Format()})
	}
	l.Total = sum{"Total", t.Total.Format()}
	if t.TaxIncluded && !t.Tax.IsZero() {
		l.Total.Label = "Total, with " + t.Tax.Format() + " tax in it"
	}
	return l
}

// transferFacts are the lines that somebody copies into a bank's form.
func transferFacts(t Transfer, total money.Amount) []fact {
	out := []fact{{"To", oneLine(t.Payee)}, {"IBAN", t.IBAN}}
	if t.BIC != "" {
		out = append(out, fact{"BIC", t.BIC})
	}
	return append(out, fact{"Amount", total.Format()}, fact{"Reference", t.Reference})
}

func positive(a money.Amount) money.Amount {
	if a.Minor() < 0 {
		return money.Of(-a.Minor(), a.Currency())
	}
	return a
}
