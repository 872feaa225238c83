package message

import (
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// LookupCode carries the code that proves who reads a mailbox. It has no link:
// what asks for a code must never come by mail.
type LookupCode struct {
	To      contact.Email
	Number  order.Number // of the order it opens
	Code    string       // in groups, as one reads it aloud
	Minutes int          // how long it works
}

// BackInStock tells somebody who asked that a thing is there again.
type BackInStock struct {
	To    contact.Email
	Title string // of the thing, as the merchant wrote it
	Link  string // to its page
}

// GiftCard carries the code of a gift card to who bought it, or whose money it is.
type GiftCard struct {
	To       contact.Email
	Number   order.Number // of the order
	Code     credit.Code
	Worth    money.Amount
	Until    string // the last day, in words; "" when it does not end
	Returned bool   // it is the money of a refund
}

// noteLetter is what the short letters can show. Nothing in it was typed by a
// shopper.
type noteLetter struct {
	Shop     Shop
	Subject  string
	Title    string
	Opening  []string
	Code     string // "" for none
	Closing  []string
	Link     string // "" for none
	LinkText string
	Ignore   string // what to do if one did not ask for it
	Staff    bool   // who reads it works in the shop
}

// LookupCode writes the letter as the message with this id.
func (w *Writer) LookupCode(id string, c LookupCode) (Message, error) {
	l := noteLetter{Shop: w.shop, Subject: "Your code for order " + string(c.Number) + " at " + w.shop.Name, Title: "Your code",
		Opening: []string{"Type this code into the page that asks for it:"},
		Code:    c.Code,
		Closing: howItWorks(c.Code, c.Minutes),
		Ignore:  "If you did not ask for it, you can ignore this mail. Nobody can open your order without the code."}
	return w.write(id, c.To, "note", l.Subject, "", l)
}

// BackInStock writes the letter as the message with this id.
func (w *Writer) BackInStock(id string, c BackInStock) (Message, error) {
	title := oneLine(c.Title)
	l := noteLetter{Shop: w.shop, Subject: title + " is there again", Title: title + " is there again",
		Opening:  []string{"You asked us to tell you. It can be bought again, as long as it lasts. We do not keep one for you."},
		Closing:  []string{"This is the one mail that you asked for. We have forgotten your address by now."},
		Link:     c.Link,
		LinkText: "See " + title,
		Ignore:   "If you did not ask for it, you can ignore this mail."}
	return w.write(id, c.To, "note", l.Subject, l.Link, l)
}

// GiftCard writes the letter as the message with this id. It has no link: whoever has
// the code has the money, and is to type it into the shop and nowhere else.
func (w *Writer) GiftCard(id string, c GiftCard) (Message, error) {
	l := noteLetter{Shop: w.shop, Subject: "A gift card of " + c.Worth.Format() + " for " + w.shop.Name, Title: "Your gift card",
		Opening: []string{"This is the gift card of " + c.Worth.Format() + " from your order " + string(c.Number) + ". Type its code into your cart, where codes go:"},
		Code:    c.Code.Reveal(),
		Closing: []string{"Whoever has this code can spend the money, so keep it as you keep cash. We can't show it to you a second time."},
		Ignore:  "We never ask for this code by phone or by mail."}
	if c.Returned {
		l.Opening[0] = "We gave back " + c.Worth.Format() + " for your order " + string(c.Number) + " as a gift card. Type its code into your cart, where codes go:"
	}
	if c.Until != "" {
		l.Closing = append(l.Closing, "It counts until "+c.Until+", that day included. You can spend it in parts.")
	} else {
		l.Closing = append(l.Closing, "It does not end, and you can spend it in parts.")
	}
	return w.write(id, c.To, "note", l.Subject, "", l)
}

// howItWorks says what to know of a code. A long one is sent when somebody asked
// again and again.
func howItWorks(code string, life int) []string {
	tell := "Tell it nobody. We never ask for it by phone or by mail."
	if len(strings.ReplaceAll(code, " ", "")) == challenge.LongDigits {
		return []string{"It works once, for a day, in whichever browser asks for a code. It is long because codes were asked for very often, perhaps not by you.",
			"We send no other one until then, so keep this mail.", tell}
	}
	return []string{"It works once, for " + minutes(life) + ", and only in the browser that asked for it.", tell}
}

func minutes(n int) string {
	if n == 1 {
		return "one minute"
	}
	return strconv.Itoa(n) + " minutes"
}
