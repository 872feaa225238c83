// Package order holds the words of an order: its number, its lines, its people
// and the states it may pass through.
//
// It knows which change of state is allowed. It does not know why one happens
// (checkout) nor where an order is kept (store). Personal values in it are
// contact types, which do not show themselves.
package order

import (
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
)

// ID is the id of an order, a time-ordered UUID in text form.
type ID string

// Order is an order without its people: what the token of the order shows.
type Order struct {
	ID             ID
	Owner          string // the subject: customer or guest
	Number         Number
	Status         Status
	Lines          []Line
	Totals         cart.Totals
	Codes          []discount.Applied // the discount codes that took something off
	Credits        []credit.Part      // gift cards and store credit that pay it, with how much
	Country        string             // ISO 3166-1 alpha-2, where it goes
	Region         string             // where tax has rules for a part of that country; else ""
	ShippingMethod string
	Window         string // the time of delivery that was chosen, as package shipping writes it; or ""
	Reverse        bool   // the buyer is a business that pays the tax itself
	Accepted       string // which wording of the terms the shopper accepted; or ""
	PaymentMethod  string
	PlacedAt       time.Time
	HoldUntil      time.Time // until then the goods are kept for this order
	OnAccount      bool      // the goods go before the money comes
	DueAt          time.Time // until when one on account is to be paid, once it was sent; zero: when it is brought, or not sent yet
	UpdatedAt      time.Time
	Times          Times
	Why            Reason // of a cancelled one
	Carrier        string // who brings it, once it was sent; or ""
}

// Free reports whether there was nothing to pay.
func (o Order) Free() bool { return o.Totals.Total.IsZero() }

// Due is what credit leaves of the total: what a payment service takes.
func (o Order) Due() money.Amount { return credit.Rest(o.Totals.Total, o.Credits) }

// Covered reports whether nothing is left for a payment service, because the order
// is free or credit pays it. Such an order has no payment.
func (o Order) Covered() bool { return o.Due().IsZero() }

// IsPaid reports whether the money has come, or there was none to come. What is on
// account is packed and sent without being paid.
func (o Order) IsPaid() bool { return !o.Times.Paid.IsZero() || o.Free() }

// May reports whether an order may go to a state. One of which a part was given
// back goes on its way from where it was, never back. What nobody has paid is packed
// and sent on account only.
func (o Order) May(to Status) bool {
	if o.Status == Pending && (to == Packed || to == Shipped) {
		return o.OnAccount
	}
	if o.Status != Pending && to == Cancelled {
		return o.OnAccount && !o.IsPaid() && o.Status.May(to)
	}
	if o.Status == PartiallyRefunded {
		at := o.Times
		switch to {
		case Packed:
			return at.Packed.IsZero() && at.Shipped.IsZero()
		case Shipped:
			return at.Shipped.IsZero()
		case Delivered:
			return !at.Shipped.IsZero() && at.Delivered.IsZero()
		}
	}
	return o.Status.May(to)
}

// Times tells when an order came to each state. What has not happened is zero.
type Times struct {
	Paid, Packed, Shipped, Delivered, Cancelled, Refunded time.Time
}

// Reason says why an order was cancelled.
type Reason string

// The reasons.
const (
	HoldEnded  Reason = "hold-ended"  // the payment did not arrive in time
	ByCustomer Reason = "by-customer" // the shopper asked for it
	ByShop     Reason = "by-shop"     // the merchant could not carry it out
	CameBack   Reason = "came-back"   // sent on account, and the parcel came back unpaid
)

// MaxCarrier and MaxTracking bound what staff note about a parcel, in code points.
const (
	MaxCarrier  = 60
	MaxTracking = 100
)

// Line is what was bought, at the price it was bought for. It stands on its
// own: the catalogue may change afterwards.
type Line struct {
	Variant  catalog.VariantID
	Handle   string
	Title    string
	SKU      string
	Quantity int64
	Unit     money.Amount
	Total    money.Amount
	Tax      money.Amount // contained in Total, or added to it
	TaxRate  money.Rate
	TaxClass string
}

// Bounds of free text, in code points.
const (
	MaxNote = 500 // for the courier, and for the shop
	MaxGift = 300 // the message of a gift
)

// Details are the personal values of a checkout and, later, of its order.
type Details struct {
	Email  contact.Email
	Name   contact.Name
	Phone  contact.Phone // optional
	ShipTo contact.Address
	BillTo contact.Address // zero: same as ShipTo
	Note   contact.Note    // optional, for the courier
	VAT    contact.VAT     // optional, of a business

	InvoiceName contact.Name // as the order's invoice keeps it, when Name has ended; zero before there is an order

	OrderNote   contact.Note // optional, for the shop
	GiftName    contact.Name // optional: who gets it, when that is somebody else
	GiftMessage contact.Note // optional: what is written on the card
}

// Gift reports whether the order is a gift.
func (d Details) Gift() bool { return !d.GiftName.IsZero() || !d.GiftMessage.IsZero() }

// Recipient is the name that the parcel bears.
func (d Details) Recipient() contact.Name {
	if d.GiftName.IsZero() {
		return d.Name
	}
	return d.GiftName
}

// Billed is the name on the invoice. It outlives the name that a parcel needed.
func (d Details) Billed() contact.Name {
	if d.Name.IsZero() {
		return d.InvoiceName
	}
	return d.Name
}

// Billing returns the address the invoice goes to.
func (d Details) Billing() contact.Address {
	if d.BillTo.IsZero() {
		return d.ShipTo
	}
	return d.BillTo
}

// Complete reports whether an order can be made of these details.
func (d Details) Complete() bool {
	return !d.Email.IsZero() && !d.Name.IsZero() && !d.ShipTo.IsZero()
}
