package page

import (
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// The shop of these tests: Hazelmott, which makes things for the house.

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func euros(t testing.TB, minor int64) money.Amount {
	t.Helper()
	eur, err := money.ParseCurrency("EUR")
	return money.Of(minor, must(t, eur, err))
}

func shop(t testing.TB, change func(*Config)) *Set {
	t.Helper()
	c := Config{
		ShopName: "Hazelmott",
		BaseURL:  "https://shop.example",
		Help:     Link{"Ask us", "mailto:help@shop.example"},
		Footer:   []Link{{"Privacy", PathPrivacy}, {"All products", PathHome}},
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	return must(t, s, err)
}

func frame() Layout {
	return Layout{
		Nav: []Link{
			{"Kitchen", CollectionPath("kitchen")}, {"Table", CollectionPath("table")},
			{"Rooms", CollectionPath("rooms")}, {"Garden", CollectionPath("garden")},
		},
		CartCount: 4,
	}
}

func thing(t testing.TB, handle, title, kind string, minor int64, variants ...string) catalog.Product {
	p := catalog.Product{
		ID: catalog.ProductID("p-" + handle), Handle: handle, Title: title, Kind: kind, Vendor: "Hazelmott", Published: true,
		Description: "<p>Made slowly, to be kept. It does one thing and does it well.</p><ul><li>Holds <strong>1.1 litres</strong></li><li>Dishwasher is fine</li></ul>",
		Pictures:    []catalog.Picture{{URL: "/pictures/" + handle + ".svg", Alt: title + ", drawn in ink and colour."}},
	}
	if len(variants) == 0 {
		p.Variants = []catalog.Variant{{ID: catalog.VariantID("v-" + handle), SKU: "HM-" + handle, Price: euros(t, minor)}}
		return p
	}
	p.Options = []string{"Colour"}
	for i, v := range variants {
		p.Variants = append(p.Variants, catalog.Variant{
			ID: catalog.VariantID("v-" + handle + "-" + v), SKU: "HM-" + v, Values: []string{v}, Price: euros(t, minor),
			Stock: catalog.Stock{Counted: true, OnHand: []int64{14, 3, 0}[i%3]},
		})
	}
	return p
}

func things(t testing.TB) []catalog.Product {
	list := []catalog.Product{
		thing(t, "slow-teapot", "Slow teapot", "Kitchen", 4800, "Clay", "Moss", "Night"),
		thing(t, "evening-lamp", "Evening lamp", "Rooms", 12900),
		thing(t, "day-book", "Day book", "Paper", 2400),
		thing(t, "nesting-bowls", "Nesting bowls", "Kitchen", 3900, "Chalk", "Sea"),
		thing(t, "mantel-clock", "Mantel clock", "Rooms", 18500),
		thing(t, "hand-trowel", "Hand trowel", "Garden", 3200),
		thing(t, "larder-jar", "Larder jar", "Kitchen", 1800),
		thing(t, "round-mirror", "Round mirror", "Rooms", 9500),
		thing(t, "pepper-mill", "Pepper mill", "Kitchen", 5600),
		thing(t, "snail-paperweight", "Snail paperweight", "Paper", 2900),
		thing(t, "linen-napkins", "Four linen napkins", "Table", 4400),
		thing(t, "nest-box", "Nest box", "Garden", 3600),
	}
	list[3].Variants[1].Price = euros(t, 6400)
	list[5].Variants[0].Stock = catalog.Stock{Counted: true}
	return list
}

// sift is the form above a list with something chosen and something wrong.
func sift(path string) Sift {
	return Sift{
		Action: path, Total: 2, Currency: "EUR", Min: "ten", Wrong: "Please write a price such as 10 or 12.50.", Available: true,
		Orders: []Choice{{Text: "As we show it"}, {Value: "price", Text: "Cheapest first", Chosen: true}},
		Groups: []SiftGroup{{"o.Colour", "Colour", []Choice{{"Moss", "Moss", 3, true}, {"Clay", "Clay", 1, false}}}, {"tag", "Tag", []Choice{{"oak", "oak", 2, false}}}},
		Chosen: []Link{{"Moss", path + "?available=1"}, {"Can be bought now", path + "?o.Colour=Moss"}}, Without: path,
	}
}

func filled(t testing.TB) cart.Cart {
	l := func(id string, p catalog.Product, v int, n int64) cart.Line {
		unit := p.Variants[v].Price
		total, err := unit.Times(n)
		title := p.Title
		if s := p.Variants[v].Title(); s != "" {
			title += ", " + s
		}
		return cart.Line{
			ID: cart.LineID(id), Variant: p.Variants[v].ID, Handle: p.Handle, Title: title, Picture: p.Pictures[0],
			Quantity: n, Unit: unit, Total: must(t, total, err), Stock: p.Variants[v].Stock, Sold: true,
		}
	}
	g := things(t)
	return cart.Cart{
		ID: "c1", State: cart.Open,
		Lines: []cart.Line{l("l1", g[0], 1, 1), l("l2", g[6], 0, 2), l("l3", g[2], 0, 2)},
		Totals: cart.Totals{
			Items: euros(t, 13200), Shipping: euros(t, 490), Tax: euros(t, 2186), Total: euros(t, 13690), TaxIncluded: true,
			Discount: euros(t, 0),
		},
		Checkout:  cart.Checkout{Complete: true, Country: "DE", ShippingMethod: "standard"},
		ExpiresAt: noon.Add(cart.IdleAfter),
	}
}

func lands() []contact.Country {
	return []contact.Country{
		{Code: "AT", Name: "Austria", PostalName: "postcode", PostalExample: "1010", PostalForm: "N999", NeedsPostal: true},
		{Code: "DE", Name: "Germany", PostalName: "postcode", PostalExample: "10115", PostalForm: "99999", NeedsPostal: true},
		{Code: "IE", Name: "Ireland", PostalName: "Eircode", PostalExample: "D02 X285"},
		{Code: "US", Name: "United States", PostalName: "ZIP code", PostalExample: "10001", PostalForm: "99999|99999-9999", NeedsPostal: true, NeedsRegion: true, RegionName: "state"},
	}
}

func uses() DataUse {
	return DataUse{
		Email:   "For the receipt and news of this order. Kept 12 months after delivery.",
		Phone:   "For the courier only. Destroyed 30 days after delivery.",
		Address: "For us and the courier. Destroyed 12 months after delivery.",
		Note:    "For the courier only. Destroyed 30 days after delivery.",
	}
}

func details(t testing.TB) order.Details {
	email, err := contact.ParseEmail("ada@example.com")
	must(t, email, err)
	name, err := contact.ParseName("Ada Lovelace")
	must(t, name, err)
	home, err := contact.ParseAddress(contact.AddressFields{Street: "12 Analytical Way", Locality: "Berlin", PostalCode: "10115", Country: "DE"})
	must(t, home, err)
	note, err := contact.ParseNote("Ring twice.\nThe dog is friendly.", 500)
	must(t, note, err)
	to, err := contact.ParseName("Byron Lovelace")
	must(t, to, err)
	card, err := contact.ParseNote("Many happy returns.", 300)
	return order.Details{Email: email, Name: name, ShipTo: home, Note: note, GiftName: to, GiftMessage: must(t, card, err)}
}

func bought(t testing.TB, status order.Status) order.Order {
	o := order.Order{
		ID: "o1", Number: "K7Q2M-9F3XA", Status: status, Totals: filled(t).Totals, Country: "DE", ShippingMethod: "standard",
		PlacedAt: noon, HoldUntil: noon.Add(15 * time.Minute),
	}
	for _, l := range filled(t).Lines {
		o.Lines = append(o.Lines, order.Line{Handle: l.Handle, Title: l.Title, Quantity: l.Quantity, Unit: l.Unit, Total: l.Total})
	}
	return o
}

func productFacts() []Fact {
	return []Fact{
		{Text: "At your door in three days", More: "€4.90 to Germany, one price for the whole parcel"},
		{Text: "30 days to send it back", More: "write to us, you need not say why"},
		{Text: "No account needed", More: "we keep your address for 12 months, then we destroy its key.", Link: Link{"What we keep", PathPrivacy}},
	}
}

func payFacts() []Fact {
	return []Fact{
		{Text: "You type your card at the payment page, not here.", More: "This shop never sees it."},
		{Text: "Your address is sealed with a key of its own.", More: "12 months after delivery we destroy that key.", Link: Link{"What we keep", PathPrivacy}},
		{Text: "Pressing the button twice pays once.", More: "Each order has one key, and the key works one time."},
	}
}

// samples are pages in every state worth looking at, by name.
func samples(t testing.TB) map[string]Page {
	list := things(t)
	many := thing(t, "linen-napkins", "Four linen napkins", "Table", 4400)
	many.Options = []string{"Size", "Colour"}
	many.Variants = nil
	for i, size := range []string{"Small", "Large", "Huge"} {
		for _, colour := range []string{"Chalk", "Moss", "Sea", "Plum"} {
			many.Variants = append(many.Variants, catalog.Variant{
				ID: catalog.VariantID(size + colour), Values: []string{size, colour}, Price: euros(t, 4400+int64(i)*800), CompareAt: euros(t, 0),
			})
		}
	}
	reduced := list[0]
	reduced.Variants = append([]catalog.Variant(nil), list[0].Variants...)
	for i := range reduced.Variants {
		reduced.Variants[i].CompareAt = euros(t, 5600)
	}
	product := Product{
		Layout: frame(), Product: reduced, Collection: Link{"Kitchen", CollectionPath("kitchen")},
		TaxNote: "incl. VAT", Delivery: "delivery from €4.90", Facts: productFacts(),
		ForSale: Offer{Country: "DE", Shipping: euros(t, 490), ReturnDays: 30}, Returns: Link{"Returns", PathReturns},
	}
	variants := product
	variants.Product = many
	gone := product
	gone.Product = list[5]
	unheard := gone
	unheard.WishTyped, unheard.WishWrong = "ada", "An e-mail address has an @ in it, like ada@example.com."
	differ := product
	differ.Product = list[3]

	full := Cart{Layout: frame(), Cart: filled(t)}
	guessed := full
	guessed.Cart.Checkout = cart.Checkout{}
	guessed.Estimate = Estimate{Countries: lands(), Country: "DE", AskPostal: true, Totals: guessed.Cart.Totals,
		Methods: []Method{{ID: "standard", Title: "Standard, three days", Price: euros(t, 490)}, {ID: "express", Title: "Express, tomorrow", Price: euros(t, 1290)}}}
	coded := full
	coded.Cart.Codes = []discount.Applied{
		{Key: "WE1C0ME10", Word: "WELCOME10", Kind: discount.Percentage, Saving: euros(t, 480)},
		{Key: "FREEP0ST", Word: "FREEPOST", Kind: discount.FreeDelivery, Saving: euros(t, 490)},
		{Key: "B1GCART", Word: "BIGCART", Kind: discount.Amount, Missing: euros(t, 4200)},
		{Key: "SPR1NG", Word: "SPRING", Kind: discount.Amount, Ended: true}}
	coded.Cart.Totals = cart.Totals{Items: full.Cart.Totals.Items, Discount: euros(t, 480), Shipping: euros(t, 0), Tax: full.Cart.Totals.Tax, Total: euros(t, full.Cart.Totals.Items.Minor()-480), TaxIncluded: true}
	moved := full
	moved.Cart = filled(t)
	moved.Cart.Lines[0].Quantity = 5
	moved.Cart.Lines[2].Sold = false
	moved.Cart.Lines[1].Was = euros(t, 1600)
	moved.Cart.Saved = []cart.Line{full.Cart.Lines[0]}
	moved.Cart.Saved[0].ID, moved.Cart.Saved[0].Saved = "l9", true
	moved.Flash = Flash{Text: "Evening lamp is out of the cart.", Undo: Undo{"v-evening-lamp", 1}}
	moved.GPC = true
	empty := Cart{Layout: frame(), Popular: frame().Nav}
	empty.CartCount = 0
	later := empty
	later.Cart.Saved = moved.Cart.Saved

	methods := []Method{{ID: "standard", Title: "Standard, three days", Price: euros(t, 490)}, {ID: "express", Title: "Express, tomorrow", Price: euros(t, 1290)}}
	blank := Checkout{Layout: frame(), Countries: lands(), Cart: filled(t), Uses: uses(), Methods: methods[:1]}
	blank.Typed.ShipTo.Country = "DE"
	blank.Cart.Checkout = cart.Checkout{}
	blank.Estimate, blank.Estimated = blank.Cart.Totals, true
	wrong := blank
	wrong.Estimated = false
	wrong.Methods = methods
	wrong.Typed = Typed{
		Email: "ada@", Name: "Ada Lovelace", Note: "Ring twice.",
		ShipTo: contact.AddressFields{Street: "12 Analytical Way", Locality: "New York", PostalCode: "1234", Country: "US"},
	}
	wrong.Problems = []fault.Problem{
		{Field: "email", Detail: "An e-mail address has a name, an @ and a place, like ada@example.com."},
		{Field: "shipping_address/postal_code", Detail: "A ZIP code has five digits, like 10001."},
		{Field: "shipping_address/address_region", Detail: "Please add the state."},
	}
	gift := blank
	gift.Methods = methods
	gift.Typed.GiftName, gift.Typed.GiftMessage, gift.Typed.OrderNote = "Byron Lovelace", "Many happy returns.", "No plastic, please."
	gift.Problems = []fault.Problem{{Field: "gift_message", Detail: "Please shorten the text to 300 characters."}}
	unsent := blank
	unsent.Methods, unsent.Estimated = nil, false
	unsent.Cart.Lines = []cart.Line{{ID: "l1", Title: "Book of knots", Quantity: 1, Unit: euros(t, 900), Total: euros(t, 900), Virtual: true}}
	first, second, third := blank, wrong, gift
	first.Step, second.Step, third.Step = 1, 2, 3
	second.Problems = wrong.Problems[1:]
	review := Review{
		Layout: frame(), Details: details(t), Cart: filled(t), Method: methods[0], Descriptor: "HAZELMOTT K7Q2M",
		Payments: []Payment{{ID: "sandbox", Title: "Card", Note: "You type it on the payment page, not here.", Keeps: "the make-believe bank"},
			{ID: Kept("sandbox"), Title: "A card that the make-believe bank keeps for you", Note: "You choose it on the payment page."}, {ID: "transfer", Title: "Bank transfer", Note: "We send when the money is here."}},
		Facts: payFacts(), Key: "0f3c2b6e", Seen: "seen",
	}
	card := Card{Layout: frame(), Script: "/assets/of-the-service.js", Who: "Stripe", Number: "K7Q2M-9F3XA", Amount: euros(t, 4800), Key: "pk_test_1", Secret: SecretOf("cs_test_1_secret_1"),
		Origin: "https://pay.example", Method: "stripe", Action: "/orders/K7Q2M-9F3XA/payments", Descriptor: "HAZELMOTT"}
	working := review
	working.Working = true
	free := review
	free.Cart.Totals.Discount, free.Cart.Totals.Shipping, free.Cart.Totals.Tax, free.Cart.Totals.Total = free.Cart.Totals.Items, euros(t, 0), euros(t, 0), euros(t, 0)
	free.Cart.Codes = []discount.Applied{{Key: "PRESENT", Word: "PRESENT", Kind: discount.Percentage, Saving: free.Cart.Totals.Items}}
	declined := review
	declined.Wrong = "The payment did not go through, and nothing was charged. You can try again or pay another way."

	pending := OrderStatus{
		Layout: frame(), Order: bought(t, order.Pending), Payment: order.PaymentDeclined, Now: noon.Add(time.Minute), Delivery: "Standard, three days",
		PayAgain: PayAgain{Pays: true, Action: "/orders/K7Q2M-9F3XA/pay", Token: "token", Title: "by card", Others: []Payment{{ID: "transfer", Title: "bank transfer"}}},
		MayKeep:  true, Limit: noon.Add(165 * time.Minute),
	}
	byTransfer := pending
	byTransfer.Payment, byTransfer.MayKeep, byTransfer.Descriptor = order.PaymentOpen, false, ""
	byTransfer.Order.HoldUntil = noon.AddDate(0, 0, 7)
	byTransfer.PayAgain = PayAgain{Action: "/orders/K7Q2M-9F3XA/pay", Others: []Payment{{ID: "card", Title: "Card"}}}
	byTransfer.Transfer = &Transfer{Payee: "Hazelmott GmbH", IBAN: "DE89 3704 0044 0532 0130 00", BIC: "COBADEFFXXX", Reference: "RF90 K7Q2 M9F3 XA1", Until: byTransfer.Order.HoldUntil}
	paid := OrderStatus{
		Layout: frame(), Order: bought(t, order.Paid), Payment: order.PaymentApproved, Now: noon.Add(time.Minute), Delivery: "Standard, three days",
		Fresh: true, Descriptor: "HAZELMOTT K7Q2M",
		Next: []Fact{{Text: "A mail with all of this is on its way to you."}, {Text: "The parcel leaves on Monday 4 May.", More: "It takes three days to Germany."}},
	}
	cancelled := OrderStatus{Layout: frame(), Order: bought(t, order.Cancelled), Payment: order.PaymentExpired, Now: noon.Add(time.Hour), Delivery: "Standard, three days"}

	handed := paid
	handed.Order.ShippingMethod = ""
	handed.Order.Lines = append([]order.Line(nil), order.Line{Title: "Book of knots", Quantity: 2, Unit: euros(t, 900), Total: euros(t, 1800)})
	handed.Digital = Digital{Files: []Link{{"Knots.pdf", PathDownloads + "token"}, {"A name of a file that is longer than most screens are wide.epub", PathDownloads + "other"}},
		Keys: []LicenceKey{{"Book of knots", "KNOT-AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-0001"}}, Waiting: true}
	seen := paid
	seen.Seen, seen.People, seen.Tracking, seen.Invoice, seen.Credit = true, details(t), "MP 0012 3456", true, []string{"C-2026-000001", "C-2026-000002"}
	seen.Order.Carrier = "Moor Post"
	paper := Invoice{Layout: frame(), Name: "2026-000017", Day: "1 May 2026", Order: bought(t, order.Paid), Delivery: "Standard, three days",
		Seller: InvoiceSeller{Name: "Hazelmott GmbH", VAT: "DE123456789", Address: []string{"Am Haselbach 3", "Beispielhausen"}},
		Taxes:  []InvoiceTax{{"19 %", euros(t, 9000), euros(t, 1710)}, {"7 %", euros(t, 100), euros(t, 7)}}}
	paper.Sum = paper.Order.Totals.Total
	credit := paper
	credit.Credit, credit.Name, credit.Of, credit.Seen, credit.Buyer = true, "C-2026-000001", "2026-000017", true, details(t)
	part := credit
	part.Part, part.Sum, part.Taxes = true, euros(t, 1190), []InvoiceTax{{"19 %", euros(t, 1000), euros(t, 190)}}
	untaken := credit
	untaken.Untaken, untaken.Order = true, bought(t, order.Cancelled)

	return map[string]Page{
		"home": Home{
			Layout: frame(), Headline: "Things for the house, made to be kept.", Label: "Spring list",
			Text: "Thirty useful objects in clay, wool, oak and straw. Each one is repaired for life.", Products: list, Next: "/?after=12",
		},
		"shelf":          Shelf{Layout: frame(), Collection: catalog.Collection{Handle: "kitchen", Title: "Kitchen"}, Products: list[:3]},
		"search":         Search{Layout: frame(), Query: "teapot", Products: list[:1]},
		"search-nothing": Search{Layout: frame(), Query: "<b>unicorn"},
		"search-meant":   Search{Layout: frame(), Query: "taepot", Meant: "teapot", Products: list[:1], Sift: sift(PathSearch)},
		"shelf-filtered": Shelf{Layout: frame(), Collection: catalog.Collection{Handle: "kitchen", Title: "Kitchen", Description: "For cooks.\n\nAnd bakers."}, Products: list[:2], Sift: sift(CollectionPath("kitchen"))},
		"shelf-none":     Shelf{Layout: frame(), Collection: catalog.Collection{Handle: "kitchen", Title: "Kitchen"}, Sift: sift(CollectionPath("kitchen"))},
		"product":        product, "product-select": variants, "product-gone": gone, "product-unheard": unheard, "product-prices": differ,
		"cart": full, "cart-changed": moved, "cart-empty": empty, "cart-estimate": guessed, "cart-later": later, "cart-codes": coded,
		"checkout": blank, "checkout-unsent": unsent, "checkout-wrong": wrong, "checkout-gift": gift,
		"checkout-1": first, "checkout-2": second, "checkout-3": third,
		"review": review, "review-free": free, "review-working": working, "card": card, "review-declined": declined,
		"order-pending": pending, "order-transfer": byTransfer, "order-paid": paid, "order-digital": handed, "order-cancelled": cancelled,
		"adopt":          Adopt{Layout: frame(), Here: filled(t), New: filled(t)},
		"adopt-unnamed":  Adopt{Layout: frame(), New: filled(t)},
		"download":       Download{Layout: frame(), Name: "Knots.pdf", Size: 3 << 20, Left: 5, Ends: noon, Open: true},
		"download-ended": Download{Layout: frame(), Name: "Knots.pdf", Ends: noon},
		"order-missing":  OrderMissing{Layout: frame()},
		"order-seen":     seen, "order-find": OrderFind{Layout: frame()},
		"wishes": Wishes{Layout: frame(), Wishes: []OneWish{{"0190aaaa-0000-7000-8000-000000000001", "Nesting bowls, Moss"}}}, "wishes-none": Wishes{Layout: frame()},
		"order-code": OrderCode{Layout: frame(), Minutes: 10},
		"order-find-wrong": OrderFind{Layout: frame(), Typed: FindTyped{"12", "ada@"}, Problems: []fault.Problem{
			{Field: "number", Detail: "An order number looks like K7Q2M-9F3XA. It stands in our mails."},
			{Field: "email", Detail: "An e-mail address has a name, an @ and a place, like ada@example.com."}}},
		"order-code-wrong": OrderCode{Layout: frame(), Minutes: 10, Problems: []fault.Problem{{Field: "code", Detail: "That is not the code, or it has ended. Please look at the newest mail from us."}}},
		"invoice":          paper, "invoice-credit": credit, "invoice-part": part, "invoice-untaken": untaken,
		"problem":       Problem{Layout: frame(), Kind: fault.Internal, Reference: "7f3k-22ab"},
		"problem-limit": Problem{Layout: frame(), Kind: fault.RateLimited, RetryAfter: 40 * time.Second, Reference: "7f3k-22ab"},
		"text": Text{Layout: frame(), Title: "Terms", Path: PathTerms, Since: noon, Facts: []Named{{"Seller", "Hazelmott"}, {"Address", "Am Haselbach 3\nBeispielhausen"}},
			Blocks: Blocks("We send what you order.\nAnd we like to.\n\n# What holds\n- You pay.\n- We send.\n\n<script>alert(1)</script>")},
		"privacy": Privacy{
			Layout: frame(), Backup: "Backups are kept for 35 days.", Updated: noon,
			Purposes: []Purpose{
				{Name: "Your cart", What: []string{"What you put in"}, Why: "So that your things wait for you. It is part of the contract you are preparing.", Keep: "30 days after you last touched it"},
				{Name: "Delivering your order", What: []string{"Name", "Delivery address", "E-mail"}, Why: "To fulfil our contract with you.", Keep: "12 months after delivery", Who: []string{"the courier", "our mail service"}},
				{Name: "The courier's questions", What: []string{"Phone", "Note"}, Why: "So that the courier finds you.", Keep: "30 days after delivery", Who: []string{"the courier"}},
			},
			Receivers: []Receiver{{"the courier", []string{"Name", "Delivery address"}}, {"SMS provider (Twilio)", []string{"Phone number that gets your codes, and each text to it"}}},
			Cookies:   []Cookie{{Name: "__Host-cart", Why: "Finds your cart again.", Keep: "30 days"}},
		},
		"admin": Desk{Layout: Layout{Console: true}, Title: "Staff", Passkeys: true, NoScript: "A passkey needs JavaScript. Please switch it on for this page.",
			Sections: []Section{{Forms: []Form{{Action: PathAdminSignIn + "/finish", Passkey: &Ceremony{Kind: "sign-in", Begin: PathAdminSignIn + "/begin"}, Button: "Sign in with your passkey"}}}}},
		"desk": everyPart(),
		"sign-in": Desk{Layout: frame(), Title: "Sign in", Passkeys: true, Sections: []Section{{Forms: []Form{
			{Action: PathSignInKey, Passkey: &Ceremony{Kind: "sign-in", Begin: PathSignInKey + "/begin"}, Button: "Sign in with a passkey", Quiet: true},
			{Action: PathSignIn, Inputs: []Input{EmailInput("ada@example.com", nil, "username webauthn"), PasswordInput("Password", "", false, nil)}, Button: "Sign in"}}}}},
	}
}

// everyPart is a desk that has everything a desk can have.
func everyPart() Desk {
	bad := []fault.Problem{{Field: FieldCode, Detail: "That code is not right."}}
	return Desk{Layout: frame(), Title: "Security", Says: []string{"How you sign in."}, Tabs: []Tab{{Link{"Account", PathAccount}, false}, {Link{"Security", PathSecurity}, true}}, Wide: true, Passkeys: true, Problems: bad,
		Sections: []Section{
			{Title: "Browsers", Rows: []Row{{Text: "Firefox on Linux", Small: []string{"Last used today", "Asks for no second step until 1 June"}, Mark: "this browser", Link: Link{"", PathSecurity},
				Forms: []Form{{Action: PathSignOut, Hidden: []Field{{FieldCSRF, "token"}}, Button: "Sign out"}}}}},
			{ID: "codes", Title: "Recovery codes", Notice: true, Empty: "None yet.", Codes: []string{"ABCD-EFGH-JKMN-PQRS-TVWX-YZ23"}},
			{Title: "App", Picture: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" role="img"><title>QR code</title></svg>`,
				Forms: []Form{{Title: "Try it", Says: []string{"Type what the app shows."}, Action: PathProve, Inputs: []Input{CodeInput("Code", "Six digits.", bad), TextInput(FieldLabel, "Name", "Phone", "", "off", nil)},
					Checks: []Check{{FieldTrust, "Don’t ask on this device for 30 days", "Only where nobody else uses it."}}, Pick: &Pick{FieldRole, "Role", []PickOption{{"owner", "Owner", true}}}, Button: "Go on",
					Work: Work{Algorithm: "SHA-256", Challenge: "00", Salt: "ab?expires=1&", Signature: "00", Max: 10, Ticket: "t", Wait: time.Minute}},
					{Action: PathProve, Passkey: &Ceremony{"register", PathProve}, Button: "Add a passkey"}}, Links: []Link{{"Back", PathAccount}}},
			{Title: "Address", Forms: []Form{{Action: PathAddresses, Address: &Address{Country: TextInput("c", "Country", "", "", "country", nil), Street: TextInput("s", "Street", "", "", "street-address", nil), PostalCode: TextInput("p", "Postcode", "", "", "postal-code", nil), Locality: TextInput("l", "Town", "", "", "address-level2", nil), Region: TextInput("r", "Region", "", "", "address-level1", nil)}, Button: "Save"}}},
		}, Links: []Link{{"Sign in", PathSignIn}}}
}
