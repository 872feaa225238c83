package page

import (
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Input is one field of a form, with everything its label, hint and message
// need to find each other.
type Input struct {
	Name     string // as posted
	Label    string
	Value    string
	Kind     string // type attribute; "area" and "country" are drawn their own way
	Complete string // autocomplete tokens
	Mode     string // inputmode
	Hint     string // how to fill it in
	Use      string // what we do with it
	Wrong    string // what is wrong with it
	Check    string // what the page says when a first look finds it wrong; "" checks nothing early
	Caps     string // autocapitalize
	Optional bool
	Hidden   bool   // not asked in the country chosen
	Hints    bool   // the hint may come later, with another country
	Short    bool   // what is typed is short, and its field looks it
	Offer    bool   // the browser may offer passkeys here
	Meter    string // where a password that is being typed is judged; "" for nowhere
	Own      string // an id of its own, where two fields of a page have one name

	Countries []contact.Country // for the kind "country"
}

// ID is the id of the control; "-hint", "-use" and "-wrong" follow it in the
// ids of what describes it.
func (i Input) ID() string {
	if i.Own != "" {
		return i.Own
	}
	return strings.ReplaceAll(i.Name, ".", "-")
}

// Described lists the ids for aria-describedby.
func (i Input) Described() string {
	var ids []string
	if i.Wrong != "" {
		ids = append(ids, i.ID()+"-wrong")
	}
	if i.Hint != "" || i.Hints {
		ids = append(ids, i.ID()+"-hint")
	}
	if i.Use != "" {
		ids = append(ids, i.ID()+"-use")
	}
	return strings.Join(ids, " ")
}

// Email is the first field: the receipt goes there.
func (p Checkout) Email() Input {
	return Input{
		Name: FieldEmail, Label: "E-mail", Value: p.Typed.Email, Kind: "email", Complete: "email", Mode: "email",
		Caps: "none", Use: p.Uses.Email, Wrong: p.Wrong(FieldEmail),
		Check: "An e-mail address has a name, an @ and a place, like ada@example.com.",
	}
}

// Name is one field for a whole name, in any script.
func (p Checkout) Name() Input {
	return Input{
		Name: FieldName, Label: "Full name", Value: p.Typed.Name, Kind: "text", Complete: "shipping name",
		Caps: "words", Use: p.Uses.Name, Wrong: p.Wrong(FieldName),
		Check: "Please give a name.",
	}
}

// Phone is optional.
func (p Checkout) Phone() Input {
	return Input{
		Name: FieldPhone, Label: "Phone", Value: p.Typed.Phone, Kind: "tel", Complete: "shipping tel", Mode: "tel",
		Use: p.Uses.Phone, Wrong: p.Wrong(FieldPhone), Optional: true,
		Check: "A telephone number has digits, spaces and a plus, like +49 30 1234567.",
	}
}

// Note is for the courier and folded away.
func (p Checkout) Note() Input {
	return Input{
		Name: FieldNote, Label: "Note", Value: p.Typed.Note, Kind: "area",
		Use: p.Uses.Note, Wrong: p.Wrong(FieldNote), Optional: true,
		Hint: "Where to leave the parcel, which bell to ring.",
	}
}

// OrderNote is for the shop, GiftName and GiftMessage are for somebody else's
// parcel. All three are folded away.
func (p Checkout) OrderNote() Input {
	return Input{
		Name: FieldOrderNote, Label: "Note to us", Value: p.Typed.OrderNote, Kind: "area",
		Use: p.Uses.OrderNote, Wrong: p.Wrong(FieldOrderNote), Optional: true,
	}
}

// GiftName is described at OrderNote.
func (p Checkout) GiftName() Input {
	return Input{
		Name: FieldGiftName, Label: "Who gets it?", Value: p.Typed.GiftName, Kind: "text", Complete: "off",
		Caps: "words", Use: p.Uses.Gift, Wrong: p.Wrong(FieldGiftName), Optional: true,
		Hint: "The parcel bears this name. The bill keeps yours.",
	}
}

// GiftMessage is described at OrderNote.
func (p Checkout) GiftMessage() Input {
	return Input{
		Name: FieldGiftMessage, Label: "What should the card say?", Value: p.Typed.GiftMessage, Kind: "area",
		Wrong: p.Wrong(FieldGiftMessage), Optional: true,
	}
}

// VAT is the number of a business, folded away.
func (p Checkout) VAT() Input {
	return Input{
		Name: FieldVAT, Label: "VAT number", Value: p.Typed.VAT, Kind: "text", Complete: "off",
		Caps: "characters", Use: p.Uses.VAT, Wrong: p.Wrong(FieldVAT), Optional: true,
		Hint: "With the letters of its country first, like DE123456789.",
	}
}

// VATOpen is described at BillOpen.
func (p Checkout) VATOpen() bool { return p.Typed.VAT+p.Wrong(FieldVAT) != "" }

// ShipTo are the fields of the delivery address.
func (p Checkout) ShipTo() Address {
	return p.address(FieldShipping, "shipping", p.Typed.ShipTo, p.Uses.Address)
}

// BillTo are the fields of the billing address.
func (p Checkout) BillTo() Address { return p.address(FieldBilling, "billing", p.Typed.BillTo, "") }

// BillOpen and NoteOpen report whether a folded part must be open: it holds
// something, or something in it is wrong.
func (p Checkout) BillOpen() bool {
	for _, q := range p.Problems {
		if strings.HasPrefix(q.Field, FieldBilling) {
			return true
		}
	}
	return p.Typed.BillTo != contact.AddressFields{}
}

// NoteOpen is described at BillOpen.
func (p Checkout) NoteOpen() bool { return p.Typed.Note != "" || p.Wrong(FieldNote) != "" }

// GiftOpen and OrderNoteOpen are described at BillOpen.
func (p Checkout) GiftOpen() bool {
	return p.Typed.GiftName+p.Typed.GiftMessage+p.Wrong(FieldGiftName)+p.Wrong(FieldGiftMessage) != ""
}

// OrderNoteOpen is described at BillOpen.
func (p Checkout) OrderNoteOpen() bool { return p.Typed.OrderNote+p.Wrong(FieldOrderNote) != "" }

// Address are the inputs of an address, country first: it decides which
// others are asked.
type Address struct{ Country, Street, PostalCode, Locality, Region Input }

func (p Checkout) address(prefix, section string, v contact.AddressFields, use string) Address {
	field := func(name, label, value, token string) Input {
		name = prefix + "." + name
		return Input{
			Name: name, Label: label, Value: value, Kind: "text", Complete: section + " " + token,
			Wrong: p.Wrong(name),
		}
	}
	a := Address{
		Country:    field("address_country", "Country", v.Country, "country"),
		Street:     field("street_address", "Street and number", v.Street, "street-address"),
		PostalCode: field("postal_code", "Postcode", v.PostalCode, "postal-code"),
		Locality:   field("address_locality", "Town", v.Locality, "address-level2"),
		Region:     field("address_region", "State or province", v.Region, "address-level1"),
	}
	c := p.Country(v.Country)
	a.Country.Kind, a.Country.Countries = "country", p.Countries
	a.Street.Kind, a.Street.Use = "lines", use
	a.PostalCode.Caps, a.PostalCode.Hints, a.PostalCode.Short = "characters", true, true
	a.PostalCode.Check = "Please check this. It should look like %."
	if c.PostalName != "" {
		a.PostalCode.Label = capital(c.PostalName)
	}
	if c.RegionName != "" {
		a.Region.Label = capital(c.RegionName)
	}
	a.PostalCode.Optional = c.Code != "" && !c.NeedsPostal
	a.Region.Optional = c.Code != "" && !c.NeedsRegion
	a.Locality.Optional = c.NoLocality
	if c.PostalExample != "" {
		a.PostalCode.Hint = "Like " + c.PostalExample
	}
	a.PostalCode.Hidden = c.NoPostalCode && a.PostalCode.Wrong == ""
	a.Region.Hidden = !c.NeedsRegion && a.Region.Wrong == "" && a.Region.Value == ""
	return a
}

// Inputs are all fields in the order they stand, for the summary of mistakes.
func (p Checkout) Inputs() []Input {
	s, b := p.ShipTo(), p.BillTo()
	return []Input{
		p.Email(), p.Name(), s.Country, s.Street, s.PostalCode, s.Locality, s.Region, p.Phone(),
		b.Country, b.Street, b.PostalCode, b.Locality, b.Region, p.VAT(), p.GiftName(), p.GiftMessage(), p.Note(), p.OrderNote(),
	}
}

// Mistakes pairs every problem with the id of its control; "" when it has none.
// They stand in the order of the form.
func (p Checkout) Mistakes() []Link {
	inputs := p.Inputs()
	at := func(field string) int {
		i := slices.IndexFunc(inputs, func(in Input) bool { return strings.ReplaceAll(in.Name, ".", "/") == field })
		if i < 0 {
			return len(inputs)
		}
		return i
	}
	sorted := slices.Clone(p.Problems)
	slices.SortStableFunc(sorted, func(a, b fault.Problem) int { return at(a.Field) - at(b.Field) })
	var out []Link
	for _, q := range sorted {
		l := Link{Text: q.Detail}
		switch i := at(q.Field); {
		case i < len(inputs):
			l.URL = "#" + inputs[i].ID()
		case q.Field == FieldShippingMethod || q.Field == FieldWindow:
			l.URL = "#" + q.Field
		}
		out = append(out, l)
	}
	return out
}

// Slip is the summary of an order at the side of a page.
type Slip struct {
	Lines    []SlipLine
	Totals   cart.Totals
	Codes    []discount.Applied // discount codes, those that count for nothing among them
	Credits  []credit.Part      // gift cards and store credit that pay a part
	Delivery string             // title of the way of delivery
	Priced   bool               // delivery is known and its price is in the total
	Back     money.Amount       // what of the total went back to the buyer

	Estimated bool // the price of delivery is an estimate
	Edit      bool // with a link back to the cart
}

// SlipLine is one thing on it.
type SlipLine struct {
	Title    string
	Quantity int64
	Total    money.Amount
}

// Due is what credit leaves to pay.
func (s Slip) Due() money.Amount { return credit.Rest(s.Totals.Total, s.Credits) }

// nothingSent stands where the way of delivery would.
const nothingSent = "Nothing to send"

func slip(c cart.Cart, m Method) Slip {
	s := Slip{Totals: c.Totals, Codes: c.Codes, Credits: c.Credits, Delivery: m.Title, Priced: c.Checkout.ShippingMethod != "" || c.Virtual(), Edit: true}
	if c.Virtual() {
		s.Delivery = nothingSent
	}
	for _, l := range c.Lines {
		s.Lines = append(s.Lines, SlipLine{l.Title, l.Quantity, l.Total})
	}
	return s
}

// Slip is the summary beside the form. Until the way of delivery is kept, it
// shows the same estimate as the cart did.
func (p Checkout) Slip() Slip {
	s := slip(p.Cart, p.Method())
	if !s.Priced && p.Estimated {
		s.Totals, s.Priced, s.Estimated = p.Estimate, true, true
		s.Credits = nil // what they pay follows from the total
	}
	return s
}

// Slip is the summary beside the review.
func (p Review) Slip() Slip {
	s := slip(p.Cart, p.Method)
	s.Priced = true
	return s
}

// Slip is what was ordered.
func (p OrderStatus) Slip() Slip {
	s := Slip{Totals: p.Order.Totals, Codes: p.Order.Codes, Credits: p.Order.Credits, Delivery: p.Delivery, Priced: true, Back: p.Back}
	if p.Virtual() {
		s.Delivery = nothingSent
	}
	for _, l := range p.Order.Lines {
		s.Lines = append(s.Lines, SlipLine{l.Title, l.Quantity, l.Total})
	}
	return s
}
