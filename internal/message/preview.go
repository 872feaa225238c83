package message

import (
	"errors"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Preview is one letter as it would be, about somebody who does not exist.
type Preview struct {
	Name    string // a word for addresses: "shipped"
	When    string // when it is sent, for the merchant
	Message Message
}

// sampleCode is no code of any card.
const sampleCode = "SAMP0-EC0DE-SAMP0-EC0DE"

// Previews writes every letter and text of the shop with sample values, so that a
// merchant sees what customers get.
func (w *Writer) Previews(currency money.Currency) ([]Preview, error) {
	to, err := contact.ParseEmail("sample@example.com")
	name, err2 := contact.ParseName("Sample Person")
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return w.everyLetter(to, name, currency)
}

// everyLetter writes every letter and text to somebody: what a shopper types of it
// is the address and the name.
func (w *Writer) everyLetter(to contact.Email, name contact.Name, currency money.Currency) ([]Preview, error) {
	var err error
	price := func(minor int64) money.Amount { return money.Of(minor, currency) }
	lines := []order.Line{{Variant: catalog.VariantID("v"), Title: "A sample thing, blue", SKU: "S-1", Quantity: 2, Unit: price(2400), Total: price(4800)}}
	sums := cart.Totals{Items: price(4800), Discount: price(0), Shipping: price(490), Tax: price(845), Total: price(5290), TaxIncluded: true}
	const number = "K7Q2M-9F3XA"
	link := w.shop.Origin + "/orders/" + number + "?token=sample"
	placed := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	confirmation := OrderConfirmation{To: to, Name: name, Number: number, Paid: true, PlacedAt: placed, Lines: lines, Totals: sums, Shipping: "Standard delivery", Link: link}
	unpaid := confirmation
	unpaid.Paid = false
	transfer := unpaid
	transfer.Transfer = &Transfer{Payee: "Sample Shop", IBAN: "DE89 3704 0044 0532 0130 00", BIC: "COBADEFFXXX", Reference: "RF90 K7Q2 M9F3 XA1", Until: placed.AddDate(0, 0, 7)}
	onDelivery, onInvoice := unpaid, unpaid
	onDelivery.Later, onInvoice.Later = Later{OnDelivery: true}, Later{Days: 14}
	cancelled := OrderCancelled{To: to, Name: name, Number: number, Reason: order.HoldEnded, Lines: lines, Totals: sums, Link: link}
	asked := cancelled
	asked.Reason = order.ByCustomer
	lapsed := cancelled
	lapsed.ByHand = true
	var out []Preview
	add := func(name, when string, m Message, e error) {
		err = errors.Join(err, e)
		out = append(out, Preview{name, when, m})
	}
	for _, l := range []struct {
		name, when string
		write      func(id string) (Message, error)
	}{
		{"confirmation", "an order was paid", func(id string) (Message, error) { return w.OrderConfirmation(id, confirmation) }},
		{"confirmation-unpaid", "a confirmation is asked for again before the order is paid", func(id string) (Message, error) { return w.OrderConfirmation(id, unpaid) }},
		{"confirmation-transfer", "an order is placed that a bank transfer pays", func(id string) (Message, error) { return w.OrderConfirmation(id, transfer) }},
		{"confirmation-on-delivery", "an order is placed that is paid when it is brought", func(id string) (Message, error) { return w.OrderConfirmation(id, onDelivery) }},
		{"confirmation-invoice", "an order is placed that is paid after it was sent", func(id string) (Message, error) { return w.OrderConfirmation(id, onInvoice) }},
		{"shipped-invoice", "staff send an order that is paid by invoice", func(id string) (Message, error) {
			return w.OrderShipped(id, OrderShipped{To: to, Name: name, Number: number, Lines: lines, Totals: sums, Later: onInvoice.Later, Transfer: transfer.Transfer, Link: link})
		}},
		{"shipped", "staff send an order", func(id string) (Message, error) {
			return w.OrderShipped(id, OrderShipped{To: to, Name: name, Number: number, Carrier: "Sample Parcel", Tracking: "SP 0000 0000", Lines: lines, Totals: sums, Link: link})
		}},
		{"cancelled", "the time to pay has passed", func(id string) (Message, error) { return w.OrderCancelled(id, cancelled) }},
		{"cancelled-transfer", "no bank transfer has come in time", func(id string) (Message, error) { return w.OrderCancelled(id, lapsed) }},
		{"cancelled-asked", "the shopper cancels before paying", func(id string) (Message, error) { return w.OrderCancelled(id, asked) }},
		{"refunded", "money was given back", func(id string) (Message, error) {
			return w.OrderRefunded(id, OrderRefunded{To: to, Name: name, Number: number, Lines: lines, Totals: sums, Amount: sums.Total, Link: link})
		}},
		{"refunded-credit", "money was given back, a part of it to a gift card that paid", func(id string) (Message, error) {
			return w.OrderRefunded(id, OrderRefunded{To: to, Name: name, Number: number, Lines: lines, Totals: sums, Amount: sums.Total, ByCredit: price(2000), Link: link})
		}},
		{"gift-card", "a gift card was bought, or money given back as one", func(id string) (Message, error) {
			code, _ := credit.ReadCode(sampleCode)
			return w.GiftCard(id, GiftCard{To: to, Number: number, Code: code, Worth: price(5000)})
		}},
		{"code", "somebody looks an order up by its number and e-mail", func(id string) (Message, error) {
			return w.LookupCode(id, LookupCode{To: to, Number: number, Code: "0000 0000", Minutes: 10})
		}},
		{"back-in-stock", "a thing is there again for somebody who asked", func(id string) (Message, error) {
			return w.BackInStock(id, BackInStock{To: to, Title: "A sample thing", Link: w.shop.Origin + "/products/sample"})
		}},
	} {
		m, e := l.write("sample-" + l.name)
		add(l.name, l.when, m, e)
	}
	accounts, e := w.noticePreviews(to, name, placed)
	return append(out, accounts...), errors.Join(err, e)
}
