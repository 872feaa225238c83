package api

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Money is how an amount looks in the documents; money.Amount writes itself so.
type Money struct {
	Amount   int64  `json:"amount" doc:"In minor units: cents of a euro, whole yen"`
	Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217"`
}

// Pass brings a cart to the shop's pages from a page that hides its origin.
type Pass struct {
	Pass string `json:"pass" doc:"Sent along as the field pass of the form to /cart/adopt; good for ten minutes and for this cart and token alone"`
}

// The bodies that are read. Their tags are the schema.
type (
	// NewCart is the body of POST /carts.
	NewCart struct{}

	// NoMembers is the body of a call that says everything in its address.
	NoMembers struct{}

	// NewLine adds a variant, or raises the line that has it.
	NewLine struct {
		VariantID string `json:"variant_id" minLength:"1" maxLength:"64"`
		Quantity  int64  `json:"quantity" minimum:"1" maximum:"999"`
	}

	// LineChange sets a line's quantity.
	LineChange struct {
		Quantity int64 `json:"quantity" minimum:"1" maximum:"999" doc:"To take the line out, use DELETE"`
	}

	// NewCode is a discount code as it was typed.
	NewCode struct {
		Code string `json:"code" minLength:"1" maxLength:"80" doc:"In any letter case, with or without hyphens"`
	}

	// Address is a postal address; its names are those of OpenID Connect and vCard.
	Address struct {
		Street     string `json:"street_address" doc:"House and street; up to four lines of 100 characters"`
		Locality   string `json:"address_locality,omitempty" doc:"Town, up to 100 characters"`
		Region     string `json:"address_region,omitempty" doc:"State or province, where the country has them in addresses"`
		PostalCode string `json:"postal_code,omitempty" doc:"Where the country has them"`
		Country    string `json:"address_country" doc:"ISO 3166-1 alpha-2"`
	}

	// Details is what a checkout needs to know. It is sealed and never comes
	// back. Its texts have no limits here: what is wrong with them is said in the
	// same words as on the pages.
	Details struct {
		Email           string   `json:"email" doc:"Up to 254 characters"`
		Name            string   `json:"name" doc:"In any script, up to 200 characters"`
		ShippingAddress Address  `json:"shipping_address"`
		Phone           string   `json:"phone,omitempty" doc:"With its country's code, or as it is dialled in the country of delivery"`
		Note            string   `json:"note,omitempty" doc:"For the courier, up to 500 characters"`
		BillingAddress  *Address `json:"billing_address,omitempty" doc:"Absent: the delivery address"`
		ShippingMethod  string   `json:"shipping_method,omitempty" maxLength:"64" doc:"Absent: the cheapest that is brought"`
		VATNumber       string   `json:"vat_number,omitempty" doc:"Of a business, with its country's letters first"`
		DeliveryWindow  string   `json:"delivery_window,omitempty" doc:"Where the method has windows, the id of one; absent: the first"`
		OrderNote       string   `json:"order_note,omitempty" doc:"To the shop, up to 500 characters"`
		GiftName        string   `json:"gift_name,omitempty" doc:"Who gets it, when that is somebody else; the parcel bears it"`
		GiftMessage     string   `json:"gift_message,omitempty" doc:"What is written on the card, up to 300 characters"`
	}

	// Total is an amount of money that a caller has shown to somebody.
	Total struct {
		Amount   int64  `json:"amount" minimum:"0" doc:"In minor units"`
		Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217"`
	}

	// NewOrder is the body of POST /carts/{id}/orders.
	NewOrder struct {
		PaymentMethod string `json:"payment_method,omitempty" maxLength:"64" doc:"Absent: the first that is enabled"`
		Total         *Total `json:"total_shown,omitempty" doc:"The total that you have shown: an order of another one is refused as changed. Send it wherever somebody else may change the cart"`
		AcceptTerms   bool   `json:"accept_terms,omitempty" doc:"Needed as true in a shop that asks for a tick; elsewhere ordering accepts the terms"`
	}

	// PayAnswer is the body of POST /carts/{id}/pay-code/answer and its twin of an order.
	PayAnswer struct {
		Ticket string `json:"ticket" minLength:"1" maxLength:"128" doc:"As it was given when the code was asked for"`
		Code   string `json:"code" maxLength:"64" doc:"Of the letter; gaps do not matter"`
	}

	// NewPayment is the body of POST /orders/{number}/payments.
	NewPayment struct{}
)

// The answers.
type (
	// Image is a picture of a product.
	Image struct {
		URL string `json:"url"`
		Alt string `json:"alt" doc:"What a person who can't see it should know"`
	}

	// Variant is what goes into a cart.
	Variant struct {
		ID        string        `json:"id"`
		SKU       string        `json:"sku"`
		Title     string        `json:"title"`
		Price     money.Amount  `json:"price"`
		CompareAt *money.Amount `json:"compare_at_price" doc:"The struck-through price, or null; never above the lowest price of the 30 days before the reduction"`
		Available bool          `json:"available"`
	}

	// Product is one thing in one or more variants.
	Product struct {
		Handle      string    `json:"handle"`
		Title       string    `json:"title"`
		Description string    `json:"description" doc:"Sanitised HTML"`
		Images      []Image   `json:"images" nullable:"false"`
		Variants    []Variant `json:"variants" nullable:"false"`
	}

	// Products is one page of the catalogue.
	Products struct {
		Products   []Product `json:"products" nullable:"false"`
		NextCursor *string   `json:"next_cursor" doc:"Pass it as cursor for the next page; null on the last"`
	}

	// Totals are sums of a cart or an order.
	Totals struct {
		Items    money.Amount `json:"items"`
		Discount money.Amount `json:"discount"`
		Shipping money.Amount `json:"shipping"`
		Tax      money.Amount `json:"tax" doc:"Contained in the total or added to it: see tax_included"`
		Total    money.Amount `json:"total"`
	}

	// Code is a discount code and what it does.
	Code struct {
		Code    string        `json:"code"`
		Kind    string        `json:"kind" enum:"percentage,amount,free-delivery"`
		Saving  money.Amount  `json:"saving" doc:"Taken off the items, or off delivery by free-delivery; zero while it counts for nothing"`
		Missing *money.Amount `json:"missing,omitempty" doc:"How much more the items must cost for it to count"`
		Problem string        `json:"problem,omitempty" enum:"ended,not-together" doc:"Why it counts for nothing"`
	}

	// CartLine is a variant in a quantity. The last three members are there only
	// where something has to be looked at before the cart can be ordered.
	CartLine struct {
		ID            string       `json:"id"`
		VariantID     string       `json:"variant_id"`
		ProductHandle string       `json:"product_handle"`
		Title         string       `json:"title"`
		Quantity      int64        `json:"quantity"`
		UnitPrice     money.Amount `json:"unit_price"`
		Total         money.Amount `json:"total"`

		ChangedFrom *money.Amount `json:"changed_from,omitempty" doc:"The unit price that was last shown, when it has changed since; accept it or order again to go on"`
		Problem     string        `json:"problem,omitempty" enum:"not-for-sale,sold-out,not-enough" doc:"Why the line can't be ordered as it is"`
		Left        *int64        `json:"left,omitempty" doc:"How many are left, where that is less than the quantity"`
	}

	// CartCheckout says how far the details have come, not what they are.
	CartCheckout struct {
		Complete       bool    `json:"complete"`
		ShippingMethod *string `json:"shipping_method"`
		DeliveryWindow string  `json:"delivery_window,omitempty" doc:"The time that was chosen, where there is a choice"`
		Virtual        bool    `json:"virtual,omitempty" doc:"Nothing of it is sent, so that no method is needed"`
	}

	// Credit is a gift card or store credit, and what it pays.
	Credit struct {
		Kind   string       `json:"kind" enum:"card,account"`
		Last   string       `json:"last,omitempty" doc:"The last characters of a gift card's code"`
		Amount money.Amount `json:"amount" doc:"What it pays of the total; nothing where nothing is left"`
	}

	// Cart is the whole cart.
	Cart struct {
		ID          string        `json:"id"`
		Lines       []CartLine    `json:"lines" nullable:"false"`
		Saved       []CartLine    `json:"saved,omitempty" nullable:"false" doc:"Set aside for later; in no sum, and nothing is held for it"`
		Codes       []Code        `json:"codes,omitempty" nullable:"false" doc:"Discount codes in the cart"`
		Credits     []Credit      `json:"credits,omitempty" nullable:"false" doc:"Gift cards and store credit in the cart, with what each pays of the total"`
		Due         *money.Amount `json:"due,omitempty" doc:"What they leave for the payment service; only beside credits"`
		Totals      Totals        `json:"totals"`
		TaxIncluded bool          `json:"tax_included"`
		Checkout    CartCheckout  `json:"checkout"`
		ExpiresAt   time.Time     `json:"expires_at"`
	}

	// CartWithToken is a new cart. The token is shown this once.
	CartWithToken struct {
		Cart
		Token string `json:"token" doc:"The only credential of the cart; sent as Cart-Token"`
	}

	// ShippingMethod is a way to send the cart, with its price.
	ShippingMethod struct {
		ID       string       `json:"id"`
		Title    string       `json:"title"`
		Price    money.Amount `json:"price"`
		Estimate string       `json:"estimate,omitempty" doc:"When it arrives, in words"`
		Pickup   *Pickup      `json:"pickup,omitempty" doc:"Present: the goods are collected there"`
		Windows  []Window     `json:"windows,omitempty" doc:"Times of which one is chosen"`
	}

	// Pickup is where goods are collected.
	Pickup struct {
		Place string `json:"place" doc:"With line breaks"`
		Hours string `json:"hours"`
	}

	// Window is a time at which goods can come.
	Window struct {
		ID    string    `json:"id"`
		Title string    `json:"title"`
		From  time.Time `json:"from"`
		To    time.Time `json:"to"`
	}

	// ShippingMethods are the ways to one place.
	ShippingMethods struct {
		ShippingMethods []ShippingMethod `json:"shipping_methods" nullable:"false"`
	}

	// OrderLine is what was bought.
	OrderLine struct {
		VariantID     string       `json:"variant_id"`
		ProductHandle string       `json:"product_handle"`
		Title         string       `json:"title"`
		Quantity      int64        `json:"quantity"`
		UnitPrice     money.Amount `json:"unit_price"`
		Total         money.Amount `json:"total"`
	}

	// Payment is where the newest attempt to pay stands.
	Payment struct {
		Status      string    `json:"status" enum:"open,approved,declined,expired"`
		RedirectURL *string   `json:"redirect_url" doc:"Where the shopper pays, or null"`
		Transfer    *Transfer `json:"transfer,omitempty" doc:"How to send the money, while a bank transfer is waited for"`
	}

	// Transfer is what somebody types into their bank's form.
	Transfer struct {
		Payee     string       `json:"payee" doc:"Whose account it is"`
		IBAN      string       `json:"iban" doc:"Without gaps"`
		BIC       string       `json:"bic,omitempty" doc:"Where the merchant has named it"`
		Reference string       `json:"reference" doc:"Finds the order again: it has to go along as it is"`
		Amount    money.Amount `json:"amount"`
		Until     time.Time    `json:"until" doc:"The goods are kept so long; of goods that were sent already, the day it is due"`
	}

	// PayTicket is for whoever has asked for a code to pay.
	PayTicket struct {
		Ticket string `json:"ticket" doc:"Goes back with the code, within ten minutes. It is given also where the mailbox has had enough letters and nothing is mailed"`
	}

	// PayProved is the answer to the right code.
	PayProved struct {
		Proved bool `json:"proved" doc:"True: send the request that was refused once more, an order with a new Idempotency-Key"`
	}

	// PlacedOrder is an order just made.
	PlacedOrder struct {
		Number string `json:"number"`
		Token  string `json:"token" doc:"Opens the order; sent as Order-Token"`
		Status string `json:"status" enum:"pending,paid,packed,shipped,delivered,cancelled,partially_refunded,refunded"`
		Totals Totals `json:"totals"`
	}

	// Placed is the answer to a new order.
	Placed struct {
		Order   PlacedOrder `json:"order"`
		Payment Payment     `json:"payment"`
	}

	// Order is an order as its token shows it: nothing personal.
	Order struct {
		Number   string        `json:"number"`
		Status   string        `json:"status" enum:"pending,paid,packed,shipped,delivered,cancelled,partially_refunded,refunded"`
		Lines    []OrderLine   `json:"lines" nullable:"false"`
		Codes    []Code        `json:"codes,omitempty" nullable:"false" doc:"Discount codes that took something off"`
		Credits  []Credit      `json:"credits,omitempty" nullable:"false" doc:"Gift cards and store credit that pay it"`
		Due      *money.Amount `json:"due,omitempty" doc:"What they leave for the payment service; only beside credits"`
		Totals   Totals        `json:"totals"`
		PlacedAt time.Time     `json:"placed_at"`
	}

	// Held is the hold of an order.
	Held struct {
		Hold *Hold `json:"hold" doc:"Null for an order that is not waiting to be paid"`
	}

	// Hold is how long goods are kept for an order that is not paid yet.
	Hold struct {
		Until time.Time `json:"until"`
		Limit time.Time `json:"limit" doc:"Until when they can be kept at most, however often more time is asked for"`
	}

	// OrderAndPayment is an order with the state of its payment.
	OrderAndPayment struct {
		Order   Order   `json:"order"`
		Payment Payment `json:"payment"`
	}
)

// newRegistry knows the types that write themselves.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[money.Amount](), reflect.TypeFor[Money]())
	r.Schema(reflect.TypeFor[gate.ProblemDetails](), true, "")
	// huma has no word for "an object or null".
	variant := r.Schema(reflect.TypeFor[Variant](), false, "")
	before := variant.Properties["compare_at_price"]
	variant.Properties["compare_at_price"] = &huma.Schema{
		Description: before.Description,
		AnyOf:       []*huma.Schema{{Ref: before.Ref}, {Type: "null"}},
	}
	return r
}

func (a *API) productOf(p catalog.Product) Product {
	out := Product{
		Handle: p.Handle, Title: p.Title, Description: p.Description,
		Images: []Image{}, Variants: make([]Variant, 0, len(p.Variants)),
	}
	for _, pic := range p.Pictures {
		if pic.URL != "" {
			out.Images = append(out.Images, Image{URL: a.cfg.Origin + pic.URL, Alt: pic.Alt})
		}
	}
	for _, v := range p.Variants {
		shown := Variant{ID: string(v.ID), SKU: v.SKU, Title: v.Title(), Price: v.Price, Available: v.Stock.Has(1)}
		if was, _, ok := v.Was(); ok {
			shown.CompareAt = &was
		}
		out.Variants = append(out.Variants, shown)
	}
	return out
}

func totalsOf(t cart.Totals) Totals {
	return Totals{Items: t.Items, Discount: t.Discount, Shipping: t.Shipping, Tax: t.Tax, Total: t.Total}
}

func cartOf(c cart.Cart) Cart {
	out := Cart{
		ID: string(c.ID), Lines: linesOf(c.Lines), Saved: linesOf(c.Saved), Codes: codesOf(c.Codes), Totals: totalsOf(c.Totals),
		TaxIncluded: c.Totals.TaxIncluded,
		Checkout: CartCheckout{Complete: c.Checkout.Complete, ShippingMethod: orNull(c.Checkout.ShippingMethod),
			DeliveryWindow: c.Checkout.Window, Virtual: c.Virtual()},
		ExpiresAt: c.ExpiresAt.UTC().Truncate(time.Second),
	}
	out.Credits, out.Due = creditsOf(c.Credits, c.Due())
	return out
}

func creditsOf(parts []credit.Part, due money.Amount) ([]Credit, *money.Amount) {
	if len(parts) == 0 {
		return nil, nil
	}
	out := make([]Credit, 0, len(parts))
	for _, p := range parts {
		out = append(out, Credit{Kind: string(p.Kind), Last: p.Last, Amount: p.Amount})
	}
	return out, &due
}

func codesOf(codes []discount.Applied) []Code {
	var out []Code
	for _, a := range codes {
		shown := Code{Code: a.Word, Kind: string(a.Kind), Saving: a.Saving}
		switch {
		case a.Ended:
			shown.Problem = "ended"
		case a.Aside:
			shown.Problem = "not-together"
		case !a.Missing.IsZero():
			shown.Missing = &a.Missing
		}
		out = append(out, shown)
	}
	return out
}

func linesOf(lines []cart.Line) []CartLine {
	out := make([]CartLine, 0, len(lines))
	for _, l := range lines {
		shown := CartLine{
			ID: string(l.ID), VariantID: string(l.Variant), ProductHandle: l.Handle, Title: l.Title,
			Quantity: l.Quantity, UnitPrice: l.Unit, Total: l.Total,
		}
		if l.Changed() {
			shown.ChangedFrom = &l.Was
		}
		if left, counted := l.Stock.Left(); !l.Sold {
			shown.Problem = "not-for-sale"
		} else if !l.Stock.Has(l.Quantity) && counted {
			shown.Problem, shown.Left = "not-enough", &left
			if left == 0 {
				shown.Problem = "sold-out"
			}
		}
		out = append(out, shown)
	}
	return out
}

func methodOf(o checkout.Option) ShippingMethod {
	out := ShippingMethod{ID: o.ID, Title: o.Title, Price: o.Price, Estimate: o.Estimate()}
	if o.Collected() {
		out.Pickup = &Pickup{Place: o.Pickup.Place, Hours: o.Pickup.Hours}
	}
	for _, w := range o.Windows {
		out.Windows = append(out.Windows, Window{ID: w.ID(), Title: w.String(), From: w.From.UTC(), To: w.To.UTC()})
	}
	return out
}

func placedOf(p checkout.Placed) Placed {
	return Placed{
		Order: PlacedOrder{
			Number: string(p.Order.Number), Token: p.Token, Status: string(p.Order.Status), Totals: totalsOf(p.Order.Totals),
		},
		Payment: paymentOf(p.Payment),
	}
}

func orderOf(o order.Order) Order {
	out := Order{
		Number: string(o.Number), Status: string(o.Status), Lines: make([]OrderLine, 0, len(o.Lines)),
		Codes: codesOf(o.Codes), Totals: totalsOf(o.Totals), PlacedAt: o.PlacedAt.UTC().Truncate(time.Second),
	}
	out.Credits, out.Due = creditsOf(o.Credits, o.Due())
	for _, l := range o.Lines {
		out.Lines = append(out.Lines, OrderLine{
			VariantID: string(l.Variant), ProductHandle: l.Handle, Title: l.Title,
			Quantity: l.Quantity, UnitPrice: l.Unit, Total: l.Total,
		})
	}
	return out
}

func paymentOf(p checkout.PaymentView) Payment {
	out := Payment{Status: string(p.Status), RedirectURL: orNull(p.RedirectURL)}
	if t := p.Transfer; t != nil {
		out.Transfer = &Transfer{Payee: t.Payee, IBAN: t.IBAN, BIC: t.BIC, Reference: t.Reference, Amount: t.Amount, Until: t.Until.UTC().Truncate(time.Second)}
	}
	return out
}

func (a Address) fields() contact.AddressFields {
	return contact.AddressFields{
		Street: a.Street, Locality: a.Locality, Region: a.Region, PostalCode: a.PostalCode, Country: a.Country,
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
