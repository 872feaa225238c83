package page

import (
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// OrderStatus is what the link in the confirmation mail opens: how the order
// stands, and nothing about the person who made it.
type OrderStatus struct {
	Layout
	Order      order.Order
	Payment    order.Payment
	Reserved   bool // the money is only reserved, and taken when the goods are sent
	Now        time.Time
	PayAgain   PayAgain
	MayKeep    bool      // asking for more time gains some
	Limit      time.Time // until when the goods can be kept at most
	Delivery   string    // title of the way of delivery
	Descriptor string    // what the card statement says; "" when not known
	Accepted   []Link    // the wordings that hold for this order
	Next       []Fact    // what happens next, with dates; none leaves the part out
	Fresh      bool      // just ordered: thank them

	Seen     bool          // this browser has proved the mailbox of the order
	People   order.Details // who it is for; only where Seen
	Tracking string        // likewise
	Invoice  bool          // there is an invoice to look at
	Credit   []string      // and these credit notes, by name
	Back     money.Amount  // what of the price went back, or is on its way

	Mine   bool   // it is in the account of whoever is signed in
	Proved bool   // who has just shown again that it is them
	Offer  []Form // of an account, to a guest; none leaves it out
	Wrong  bool   // something in the offer is wrong

	Digital Digital // what is not sent by post

	Transfer *Transfer // how to send the money, where that is waited for; else nil
	Later    Later     // how it is paid, when the goods go first and it is not paid yet
}

// Later says how an order is paid whose goods go before the money comes.
type Later struct {
	OnDelivery bool // to whoever brings it
	Days       int  // else: so many days after it was sent
}

// Transfer is what somebody copies into their bank's form.
type Transfer struct {
	Payee, IBAN, BIC string // BIC may be ""
	Reference        string
	Until            time.Time // the goods are kept so long
}

// PayAgain is the form that tries the payment again; the zero value hides it.
type PayAgain struct {
	Pays   bool      // the method of the order has a page to pay on
	Action string    // path it posts to
	Token  string    // the order token, in a hidden field; "" when a cookie carries it
	Title  string    // of the payment method
	Others []Payment // other methods that it can be paid with
}

// Offered reports whether there is anything to press.
func (p PayAgain) Offered() bool { return p.Action != "" && (p.Pays || len(p.Others) > 0) }

func (OrderStatus) template() string { return "order" }
func (p OrderStatus) head(site) head {
	return head{Title: "Order " + string(p.Order.Number), NoIndex: true, Wrong: p.Wrong}
}

// Step is one mark of the progress list.
type Step struct {
	Text  string
	State string    // "done", "now" or "next"
	At    time.Time // when it was done; zero when that is not known
}

// Steps is the road of the order, told in the shopper's words.
func (p OrderStatus) Steps() []Step {
	road := []order.Status{order.Pending, order.Paid, order.Packed, order.Shipped, order.Delivered}
	words := []string{"Ordered", "Paid", "Packed", "On its way", "Delivered"}
	under := []string{"", "Payment", "Packing", "Sending", ""} // while it is being done
	if p.Virtual() {
		road, words = road[:2], words[:2]
	}
	done := p.Order.Times
	times := []time.Time{p.Order.PlacedAt, done.Paid, done.Packed, done.Shipped, done.Delivered}
	if p.Order.OnAccount && p.Order.Status != order.Paid { // it goes its way without being paid
		road, words, under, times = slices.Delete(road, 1, 2), slices.Delete(words, 1, 2), slices.Delete(under, 1, 2), slices.Delete(times, 1, 2)
		under[0] = "Packing"
	}
	if p.Order.Free() {
		words[1] = "Nothing to pay"
	}
	if p.Reserved {
		words[1] = "Money reserved"
	}
	if p.wentFree() {
		words[1] = "Not paid"
	}
	at := slices.Index(road, p.Order.Status)
	if at < 0 {
		return nil
	}
	steps := make([]Step, len(road))
	for i, w := range words {
		switch {
		case i == at && p.Order.Status == order.Shipped:
			steps[i] = Step{w, "now", times[i]}
		case i <= at:
			steps[i] = Step{w, "done", times[i]}
		case i == at+1 && under[i] != "":
			steps[i] = Step{Text: under[i], State: "now"}
		default:
			steps[i] = Step{Text: w, State: "next"}
		}
	}
	return steps
}

// OnStatement is what the card statement says of the order, or "".
func (p OrderStatus) OnStatement() string {
	if p.Order.Covered() {
		return ""
	}
	return p.Descriptor
}

// Left is how long the goods are still kept for this order.
func (p OrderStatus) Left() time.Duration { return p.Order.HoldUntil.Sub(p.Now) }

// Told is how the order stands, in one line and one paragraph.
func (p OrderStatus) Told() Words {
	w := p.told()
	if pay := p.payLater(); pay != "" {
		w.Text += " " + pay
	}
	return w
}

// payLater says how an order is paid whose goods go first, or "".
func (p OrderStatus) payLater() string {
	total := p.Order.Totals.Total.Format()
	switch {
	case p.Later.OnDelivery && p.Order.Status == order.Delivered:
		return "The " + total + " for it have not reached us yet."
	case p.Later.OnDelivery:
		return "You pay " + total + " to whoever brings it. Please have the money ready."
	case p.Later.Days > 0 && p.Transfer != nil:
		return "Please transfer the money to our account, with the reference as it stands here."
	case p.Later.Days > 0:
		return fmt.Sprintf("You pay after it was sent, within %d days. We write to you then.", p.Later.Days)
	}
	return ""
}

func (p OrderStatus) told() Words {
	if p.wentFree() {
		return Words{Title: "This order is not paid", Text: "Your bank had reserved the money, and that ended before we took it. Nothing was charged. Please write to us, or order again."}
	}
	switch p.Order.Status {
	case order.Pending:
		switch {
		case p.Order.OnAccount:
			return Words{Title: "Your order is placed", Text: "Thank you. Your things are set aside. We pack them next."}
		case !p.Held():
			return Words{Title: "This order was not paid", Text: "The time to pay has passed. Nothing was charged, and your cart is open again."}
		case p.Payment == order.PaymentDeclined:
			return Words{Title: "The payment did not go through", Text: "Your bank or card said no. Nothing was charged, and you can try again."}
		case p.Transfer != nil:
			return Words{Title: "One step is left: the transfer", Text: "Your order is with us. Please transfer the money to our account, with the reference as it stands here: by it we find your order. We write to you when the money has arrived."}
		}
		return Words{Title: "One step is left: paying", Text: "Your order is with us, the payment is not yet."}
	case order.Paid:
		switch {
		case p.Order.Free() && p.Virtual():
			return Words{Title: "Your order is placed", Text: "Thank you. There was nothing to pay. What you bought is on this page."}
		case p.Order.Free():
			return Words{Title: "Your order is placed", Text: "Thank you. There was nothing to pay, and your things are set aside. We pack them next."}
		case p.Reserved:
			return Words{Title: "Your order is placed", Text: "Thank you. Your bank has reserved the money, and we take it when we send your order. Your things are set aside. We pack them next."}
		case p.Virtual():
			return Words{Title: "Your order is paid", Text: "Thank you. The money has arrived. What you bought is on this page."}
		}
		return Words{Title: "Your order is paid", Text: "Thank you. The money has arrived and your things are set aside. We pack them next."}
	case order.Packed:
		return Words{Title: "Your order is packed", Text: "It waits for the courier."}
	case order.Shipped:
		return Words{Title: "Your order is on its way", Text: "The courier has it."}
	case order.Delivered:
		return Words{Title: "Your order has arrived", Text: "We hope you like it."}
	case order.Cancelled:
		switch p.Order.Why {
		case order.ByCustomer:
			return Words{Title: "You cancelled this order", Text: "Nothing was charged. Your cart is open again."}
		case order.CameBack:
			return Words{Title: "This order was cancelled", Text: "The parcel came back to us, so you owe us nothing."}
		case order.ByShop:
			return Words{Title: "This order was cancelled", Text: "We could not carry it out. Nothing was charged."}
		}
		return Words{Title: "This order was cancelled", Text: "It was not paid in time, so nothing was charged. Your cart is open again."}
	case order.PartiallyRefunded:
		if p.Reserved || p.Payment == order.PaymentExpired {
			return Words{Title: "You pay less for this order", Text: p.wayBack()}
		}
		return Words{Title: "Part of your money is on its way back", Text: p.wayBack()}
	case order.Refunded:
		if p.Payment == order.PaymentExpired {
			return Words{Title: "You do not pay for this order", Text: p.wayBack()}
		}
		return Words{Title: "Your money is on its way back", Text: p.wayBack()}
	}
	return Words{Title: "Your order"}
}

// wentFree reports whether an order counts as paid whose money was only reserved, and
// is not there any more.
func (p OrderStatus) wentFree() bool {
	if p.Payment != order.PaymentExpired {
		return false
	}
	switch p.Order.Status {
	case order.Paid:
		return true
	case order.Packed, order.PartiallyRefunded: // of such a one credit may pay all that is left
		return len(p.Order.Credits) == 0
	}
	return false
}

// wayBack says how money comes back, if any was taken.
func (p OrderStatus) wayBack() string {
	switch {
	case (p.Reserved || p.Payment == order.PaymentExpired) && len(p.Order.Credits) > 0:
		return "What your bank had reserved and we did not take goes free again, within a few days. What credit paid is back on it. Our mail says how much is where."
	case p.Reserved || p.Payment == order.PaymentExpired:
		return "It was only reserved at your bank, and we never took it. Banks free it within a few days."
	case p.Order.Covered() && !p.Order.Free():
		return "It is back on your gift card or your store credit, and you can spend it again."
	case len(p.Order.Credits) > 0:
		return "It comes the way you paid. Banks take a few days for it; what credit paid is back on it. Our mail says how much is where."
	}
	return "It comes the way you paid. Banks take a few days for it."
}

// Virtual reports whether no parcel brings this order.
func (p OrderStatus) Virtual() bool { return p.Order.ShippingMethod == "" }

// Held reports whether the goods are still kept for an unpaid order.
func (p OrderStatus) Held() bool {
	return p.Order.Status == order.Pending && p.Now.Before(p.Order.HoldUntil)
}

// Sent reports whether a letter about the order can be asked for again.
func (p OrderStatus) Sent() bool { return p.Order.Status != order.Cancelled }

// OrderMissing is the one answer for an unknown order, a wrong token and an
// expired one.
type OrderMissing struct{ Layout }

func (OrderMissing) template() string { return "order_missing" }
func (OrderMissing) head(site) head {
	return head{Title: "We cannot find that order", NoIndex: true}
}
