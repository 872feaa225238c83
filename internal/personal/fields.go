package personal

import (
	"encoding/json"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Sealed values of the checkout, until it becomes an order.
var (
	CartEmail  = email("cart_details", "email", Cart, "E-mail")
	CartName   = name("cart_details", "name", Cart, "Name")
	CartPhone  = phone("cart_details", "phone", Cart, "Phone")
	CartShipTo = address("cart_details", "ship_to", Cart, "Delivery address")
	CartBillTo = address("cart_details", "bill_to", Cart, "Billing address")
	CartNote   = freeText("cart_details", "note", Cart, "Note for the courier")
	CartVAT    = vat("cart_details", "vat", Cart, "VAT number")

	CartOrderNote   = freeText("cart_details", "order_note", Cart, "Note to the shop")
	CartGiftName    = name("cart_details", "gift_name", Cart, "Recipient of a gift")
	CartGiftMessage = freeText("cart_details", "gift_message", Cart, "Message of a gift")
	CartDraft       = text(Field{Table: "cart_details", Column: "draft", Purpose: Cart,
		Category: "user.content.private", Label: "A checkout form that you have not finished"})
)

// Sealed values of an order. A name needed for two purposes is sealed in both.
var (
	OrderEmail       = email("order_details", "email", Fulfilment, "E-mail", MailProvider)
	OrderName        = name("order_details", "name", Fulfilment, "Name", Courier, MailProvider)
	OrderShipTo      = address("order_details", "ship_to", Fulfilment, "Delivery address", Courier)
	OrderPhone       = phone("order_details", "phone", CourierUse, "Phone", Courier)
	OrderNote        = freeText("order_details", "note", CourierUse, "Note for the courier", Courier)
	OrderOrderNote   = freeText("order_details", "order_note", Fulfilment, "Note to the shop")
	OrderGiftName    = name("order_details", "gift_name", Gift, "Recipient of a gift", Courier)
	OrderGiftMessage = freeText("order_details", "gift_message", Gift, "Message of a gift")
	OrderInvoiceName = name("order_details", "invoice_name", Invoicing, "Name on the invoice", TaxOffice)
	OrderBillTo      = address("order_details", "bill_to", Invoicing, "Billing address", TaxOffice)
	OrderTracking    = text(Field{Table: "order_details", Column: "tracking", Purpose: Fulfilment,
		Category: "user.unique_id", Recipients: []Recipient{Courier, MailProvider}, Label: "Tracking number of the parcel"})
	OrderVAT = vat("order_details", "vat", Invoicing, "VAT number", TaxOffice)
)

// CardCode is the code of a gift card that waits for its letter.
var CardCode = text(Field{Table: "card_letters", Column: "code", Purpose: Fulfilment,
	Category: "user.financial", Recipients: []Recipient{MailProvider}, Label: "Code of a gift card that is about to be mailed to you"})

// Sealed values of a payment.
var (
	PaymentRef = text(Field{Table: "payments", Column: "provider_ref", Purpose: Payment,
		Category: "user.financial", Recipients: []Recipient{PaymentProvider}, Label: "Payment reference"})
	PaymentURL = text(Field{Table: "payments", Column: "pay_url", Purpose: Payment,
		Category: "user.financial", Recipients: []Recipient{PaymentProvider}, Label: "Payment reference"})
	PaymentCustomer = text(Field{Table: "payments", Column: "customer", Purpose: Payment,
		Category: "user.unique_id", Recipients: []Recipient{PaymentProvider}, Label: cardsLabel})
	ForgetCustomer = text(Field{Table: "cards_to_forget", Column: "customer", Purpose: Payment,
		Category: "user.unique_id", Recipients: []Recipient{PaymentProvider}, Label: cardsLabel})
	ForgetCard = text(Field{Table: "cards_to_forget", Column: "card", Purpose: Payment,
		Category: "user.financial", Recipients: []Recipient{PaymentProvider}, Label: "Which card a payment service is to forget"})
)

// Sealed values of the demo's outbox, which stands in for mail and SMS.
var (
	OutboxTo = text(Field{Table: "outbox", Column: "recipient", Purpose: Fulfilment,
		Category: "user.contact", Recipients: []Recipient{MailProvider}, Label: "Letters we wrote to you"})
	OutboxSubject = text(Field{Table: "outbox", Column: "subject", Purpose: Fulfilment,
		Category: "user.contact", Recipients: []Recipient{MailProvider}, Label: "Letters we wrote to you"})
	OutboxText = text(Field{Table: "outbox", Column: "body_text", Purpose: Fulfilment,
		Category: "user.contact", Recipients: []Recipient{MailProvider}, Label: "Letters we wrote to you"})
	OutboxHTML = text(Field{Table: "outbox", Column: "body_html", Purpose: Fulfilment,
		Category: "user.contact", Recipients: []Recipient{MailProvider}, Label: "Letters we wrote to you"})
)

// HoldReason is why a dossier is under a legal hold, in somebody's words.
var HoldReason = freeText("legal_holds", "reason", Rights, "Why a legal hold keeps something of you")

// OpeningReason is why somebody wanted to look at what is kept though it is shut, in
// their words.
var OpeningReason = freeText("openings", "reason", Rights, "Why somebody looked at what law or a hold keeps of you")

// RequestEmail is the address of somebody who uses a right, until it is found
// what there is about them.
var RequestEmail = email("requests", "email", Rights, "E-mail of a request, until it has begun")

// WishEmail is the address of somebody who waits for a thing.
var WishEmail = email("wishes", "email", Marketing, "E-mail, to hear when a thing is there again", MailProvider)

// WishIndex finds the wishes that one address asked for.
var WishIndex = note(Field{Table: "wishes", Column: "email_mac", Kind: Index, Purpose: Marketing,
	Category: "user.contact.email", Label: "E-mail of a wish, as a keyed hash",
	Reason: "one address gets one letter for each thing, however often it asked; ends with the wish"})

// Secret is sealed like a personal value, but belongs to the shop.
var Secret = declare(Field{Table: "secrets", Column: "sealed", Purpose: ShopSecrets,
	Category: "system.authentication", Label: "A key or password of the shop"},
	func(b []byte) []byte { return b },
	func(b []byte) ([]byte, error) { return b, nil },
	func(b []byte) bool { return b == nil })

// LimitKey is the key of one day, that limits are counted under.
var LimitKey = declare(Field{Table: "limit_keys", Column: "sealed", Purpose: ShopSecrets,
	Category: "system.authentication", Label: "The key of a day, that limits are counted under"},
	func(b []byte) []byte { return b },
	func(b []byte) ([]byte, error) { return b, nil },
	func(b []byte) bool { return b == nil })

// HoldKey is the key of one day, that whoever held goods on it is named under.
var HoldKey = declare(Field{Table: "hold_keys", Column: "sealed", Purpose: ShopSecrets,
	Category: "system.authentication", Label: "The key of a day, that whoever holds goods is named under"},
	func(b []byte) []byte { return b },
	func(b []byte) ([]byte, error) { return b, nil },
	func(b []byte) bool { return b == nil })

// FileBytes and Licence are goods: sealed so that a thief of the database has
// nothing to give away.
var (
	FileBytes = goods("file_chunks", "A part of a file that is sold")
	Licence   = goods("licences", "A licence key that is sold")
)

func goods(table, label string) Value[[]byte] {
	return declare(Field{Table: table, Column: "sealed", Purpose: ShopSecrets, Category: "system.operations", Label: label},
		func(b []byte) []byte { return b },
		func(b []byte) ([]byte, error) { return b, nil },
		func(b []byte) bool { return b == nil })
}

// EmailIndex finds the subjects of a mailbox. It reveals which subjects share
// one, and nothing else.
var EmailIndex = note(Field{Table: "identities", Column: "hash", Kind: Index, Purpose: Fulfilment,
	Category: "user.contact.email", Label: "E-mail, as a keyed hash",
	Reason: "finds a person's orders by e-mail; ends with its dossier"})

// CodeIndex counts how often one mailbox used a discount code, however it is spelled. Each code has
// hashes of its own, so they do not tell that one person used two codes.
var CodeIndex = note(Field{Table: "code_uses", Column: "customer", Kind: Index, Purpose: Fulfilment,
	Category: "user.contact.email", Label: "E-mail of an order with a discount code, as a keyed hash",
	Reason: "a code may be limited for each customer; ends with the order's dossier"})

// While one index key replaces another, a hash stands under both.
var _ = []Field{
	note(Field{Table: "wishes", Column: "email_mac_even", Kind: Index, Purpose: Marketing,
		Category: "user.contact.email", Label: "E-mail of a wish, as a keyed hash under every second key",
		Reason: WishIndex.Reason}),
	note(Field{Table: "code_uses", Column: "customer_even", Kind: Index, Purpose: Fulfilment,
		Category: "user.contact.email", Label: "E-mail of an order with a discount code, as a keyed hash under every second key",
		Reason: CodeIndex.Reason}),
}

// ProviderIndex finds the order of a payment provider's notice.
var ProviderIndex = note(Field{Table: "directory", Column: "key", Kind: Index, Purpose: Payment,
	Category: "user.financial", Label: "Payment reference as a keyed hash, or order number",
	Reason: "finds the order that a number or a provider's notice is about"})

const holdReason = "nobody holds everything without paying; ends with the hold, and its key with the last hold of its day, after two days at least"

// Hashes: to compare with, never to read.
var _ = []Field{
	note(Field{Table: "abuse_buckets", Column: "bucket", Kind: Hash, Purpose: Security, Category: "user.device.ip_address",
		Label: "Network, cart, e-mail, account or card of a payment that was declined, or an e-mail that was written to, as a keyed hash", Reason: "slows down who tests stolen cards or buries somebody in mail; its key is gone after two days"}),
	note(Field{Table: "abuse_tries", Column: "source", Kind: Hash, Purpose: Security, Category: "user.device.ip_address",
		Label: "Network that a payment was begun from, as a keyed hash", Reason: "counts payments that are declined; gone after two days"}),
	note(Field{Table: "abuse_tries", Column: "mailbox", Kind: Hash, Purpose: Security, Category: "user.contact.email",
		Label: "E-mail that a payment was begun with, as a keyed hash", Reason: "counts payments that are declined; gone after two days"}),
	note(Field{Table: "abuse_tries", Column: "account", Kind: Hash, Purpose: Security, Category: "user.unique_id",
		Label: "Account that a payment was begun with, as a keyed hash", Reason: "counts payments that are declined; gone after two days"}),
	note(Field{Table: "holds", Column: "source", Kind: Hash, Purpose: Security, Category: "user.device.ip_address",
		Label: "Network that goods are held from, as a keyed hash", Reason: holdReason}),
	note(Field{Table: "holds", Column: "mailbox", Kind: Hash, Purpose: Security, Category: "user.contact.email",
		Label: "E-mail that goods are held for, as a keyed hash", Reason: holdReason}),
	note(Field{Table: "holds", Column: "account", Kind: Hash, Purpose: Security, Category: "user.unique_id",
		Label: "Account that goods are held for, as a keyed hash", Reason: holdReason}),
	note(Field{Table: "carts", Column: "token_mac", Kind: Hash, Purpose: Cart, Category: "user.device.cookie_id",
		Label: "Cart token, as a keyed hash", Reason: "proves who holds the cart; the token itself is not kept"}),
	note(Field{Table: "idempotency", Column: "key", Kind: Hash, Purpose: Cart, Category: "user.device.cookie_id",
		Label: "Idempotency key, as a keyed hash", Reason: "recognises a repeated order; ends with the cart"}),
	note(Field{Table: "challenges", Column: "browser_mac", Kind: Hash, Purpose: Security, Category: "user.device.cookie_id",
		Label: "Which browser asked for a code, as a keyed hash", Reason: "a code works only where it was asked for"}),
	note(Field{Table: "idempotency", Column: "request", Kind: Hash, Purpose: Cart, Category: "user.device.cookie_id",
		Label: "Order request, as a keyed hash", Reason: "recognises a changed request under the same key"}),
	note(Field{Table: "receipts", Column: "mark", Kind: Hash, Purpose: Payment, Category: "user.financial",
		Label: "A line of a bank statement that paid your order, as a keyed hash", Reason: "the same statement read twice pays once; nothing else of the line is kept"}),
	note(Field{Table: "forgotten", Column: "mac", Kind: Hash, Purpose: Rights, Category: "user.contact.email",
		Label: "E-mail of somebody who was erased, as a keyed hash", Reason: "tells erased from never here; ends by itself"}),
}

// linked declares columns that stay readable and are tied to a person only by
// the random subject id.
func linked(table string, purpose Purpose, category, label, reason string, columns ...string) []Field {
	out := make([]Field, 0, len(columns))
	for _, c := range columns {
		out = append(out, note(Field{Table: table, Column: c, Kind: Linked, Purpose: purpose,
			Category: category, Label: label, Reason: reason}))
	}
	return out
}

const (
	ownerReason = "a random id; it tells nobody who that is"
	goodsReason = "the shop counts, packs and adds up goods without knowing for whom"
	timeReason  = "deadlines are kept by time"
	taxReason   = "the books need country, totals and tax, without a name"
)

var _ = [][]Field{
	linked("carts", Cart, "user.unique_id", "Cart id", ownerReason, "owner", "order_id"),
	linked("carts", Cart, "user.behavior.purchase_history", "State of the cart", goodsReason, "state", "complete", "quoted", "shipping_method", "delivery_window", "typed", "codes"),
	linked("carts", Cart, "user.financial", "Gift cards and store credit in the cart, by random ids", "they are held for the order and paid with", "credits"),
	linked("carts", Cart, "user.location", "Country, tax region and delivery zone", taxReason, "country", "region", "zone", "estimate"),
	linked("carts", Cart, "user.behavior.purchase_history", "Whether a business buys that pays the tax itself", taxReason, "reverse_charge"),
	linked("carts", Cart, "user.behavior", "Times of the cart", timeReason, "created_at", "updated_at", "expires_at"),
	linked("cart_lines", Cart, "user.behavior.purchase_history", "Goods in the cart", goodsReason, "owner", "id", "variant", "quantity", "added_at", "seen", "saved"),
	linked("cart_details", Cart, "user.unique_id", "Cart id", ownerReason, "owner"),
	linked("orders", Fulfilment, "user.unique_id", "Order id and number", ownerReason, "owner", "id", "number", "cart"),
	linked("orders", Fulfilment, "user.behavior.purchase_history", "State and choices of the order", goodsReason, "status", "shipping_method", "delivery_window", "payment_method", "on_account"),
	linked("orders", Invoicing, "user.behavior.purchase_history", "Which wording of our terms you accepted", "a contract is read by the words it was made with", "accepted"),
	linked("orders", Invoicing, "user.behavior.purchase_history", "Totals, tax, country and tax region of the order", taxReason, "currency", "country", "region", "reverse_charge", "items", "discount", "shipping", "tax", "total", "tax_included"),
	linked("orders", Fulfilment, "user.behavior", "Times of the order", timeReason, "placed_at", "hold_until", "updated_at",
		"paid_at", "packed_at", "shipped_at", "delivered_at", "cancelled_at", "refunded_at", "due_at"),
	linked("orders", Fulfilment, "user.behavior.purchase_history", "Who carries the order, why it was cancelled, how often its letter was asked for", goodsReason, "carrier", "cancelled_why", "resent", "resent_at"),
	linked("invoices", Invoicing, "user.financial", "Number and day of an invoice or a credit note", taxReason, "owner", "order_id", "kind", "entry", "series", "number", "issued_at"),
	linked("challenges", Security, "user.unique_id", "That a code was asked for, and which order, cart or account it is about", "codes work once and are counted; forgotten after a day", "owner", "purpose", "subject", "object", "code_of", "tries", "made_at", "used_at", "lasts"),
	linked("wishes", Marketing, "user.behavior", "Which thing somebody waits for", "a letter is sent when the thing is there again", "owner", "variant", "made_at", "wait_until"),
	linked("order_lines", Invoicing, "user.behavior.purchase_history", "Goods ordered", goodsReason, "owner", "order_id", "position", "variant", "handle", "title", "sku", "quantity", "unit_price", "total", "tax", "tax_rate", "tax_class"),
	linked("order_taxes", Invoicing, "user.behavior.purchase_history", "Totals by tax rate", taxReason, "owner", "order_id", "class", "rate", "net", "tax"),
	linked("tax_journal", Invoicing, "user.behavior.purchase_history", "The order in the tax journal", taxReason, "owner", "order_id", "entry", "class", "rate", "day", "kind", "currency", "country", "region", "reverse", "net", "tax"),
	linked("order_details", Fulfilment, "user.unique_id", "Order id", ownerReason, "owner", "order_id"),
	linked("payments", Payment, "user.financial", "Whether a payment service was to keep the card that paid, or a kept one paid", "another try of the same order asks for the same", "cards"),
	linked("payments", Payment, "user.financial", "Whether you typed your card on a page of ours, into fields of the payment service", "another try of the same order asks for the same", "here"),
	linked("cards_to_forget", Payment, "user.financial", "That a payment service is told to forget cards", timeReason, "owner", "id", "provider", "made_at"),
	linked("payments", Payment, "user.financial", "State and amount of a payment", taxReason, "owner", "id", "order_id", "attempt", "provider", "status", "amount", "currency", "mode", "account", "opened_at", "expires_at", "updated_at", "capture", "capture_amount", "capture_by"),
	linked("refunds", Payment, "user.financial", "Money that went back", taxReason, "owner", "id", "order_id", "payment", "amount", "currency", "state", "asked_at", "ended_at", "failed_at", "by_hand", "by_credit", "to_credit", "untaken"),
	linked("payment_concerns", Payment, "user.financial", "What a person had to look at about a payment: a dispute, a warning, a refund that failed, reserved money", "disputes come months after a payment and have to be answered in days", "owner", "payment", "kind", "which", "order_id", "reason", "amount", "currency", "raised_at", "answer_by", "ended_at", "ending"),
	linked("receipts", Payment, "user.financial", "That a line of a bank statement paid an order", "the same line twice pays once", "owner", "payment", "at"),
	linked("notices", Payment, "user.financial", "What the payment provider said of a payment, and how often", "notices come twice and out of order; what each meant must be seen afterwards", "owner", "payment", "outcome", "result", "times", "first_at", "last_at"),
	linked("downloads", Fulfilment, "user.behavior.purchase_history", "Files that an order may load, how often and until when", goodsReason, "owner", "order_id", "file", "variant", "left_over", "started_at", "ends_at"),
	linked("licences", Fulfilment, "user.unique_id", "Which order has a licence key", ownerReason, "order_id", "unit"),
	linked("idempotency", Cart, "user.unique_id", "Which order a request made", ownerReason, "owner", "order_id", "started_at"),
	linked("orders", Invoicing, "user.behavior.purchase_history", "Discount codes of the order, and what each saved", taxReason, "codes"),
	linked("orders", Invoicing, "user.financial", "Gift cards and store credit that paid the order, by random ids", taxReason, "credits"),
	linked("code_uses", Fulfilment, "user.behavior.purchase_history", "Which order uses a discount code", "a code may be used a limited number of times", "code", "order_id", "owner", "ends_at"),
	linked("credits", Account, "user.financial", "Which account has store credit", "money that the shop owes; it stays without its person once the account is erased", "owner"),
	linked("credits", Payment, "user.unique_id", "Which order bought a gift card, or was given back as credit", taxReason, "order_id"),
	linked("credit_sides", Payment, "user.financial", "What an order was paid with from a gift card or store credit", taxReason, "order_id"),
	linked("credit_entries", Payment, "user.financial", "What an order was paid with from a gift card or store credit", taxReason, "order_id"),
	linked("card_letters", Fulfilment, "user.unique_id", "That a gift card is about to be mailed", ownerReason, "owner", "order_id", "id", "made_at"),
	linked("credit_holds", Payment, "user.unique_id", "Which order holds credit", ownerReason, "order_id", "owner"),
	linked("restocks", Fulfilment, "user.unique_id", "Which order's goods came back", ownerReason, "order_id"),
	linked("holds", Fulfilment, "user.unique_id", "Which order holds goods", ownerReason, "order_id", "owner"),
	linked("outbox", Fulfilment, "user.unique_id", "That a message was sent", ownerReason, "owner", "id", "dossier", "at", "channel"),
	linked("dossiers", Rights, "user.unique_id", "Presence, purpose and end date of a dossier", "retention and erasure work on it", "subject", "id", "purpose", "case_id", "state", "epoch", "created_at", "destroy_after", "destroyed_at", "held_until"),
	linked("retired", Rights, "user.unique_id", "That a dossier was sealed anew under another key, and when", "an older backup knows it by its older id", "subject", "id", "purpose", "case_id", "epoch", "retired_at", "left_at"),
	linked("legal_holds", Rights, "user.unique_id", "That a dossier is under a legal hold, since when, until when and by whom", "a hold stops retention and erasure, and somebody answers for it", "owner", "dossier", "id", "actor", "made_at", "ends_at", "lifted_at", "lifted_by"),
	linked("openings", Rights, "user.unique_id", "Who asked to look at what is kept of you, who let them, and when they saw it", "you can learn who looked, and somebody answers for it", "owner", "id", "case_id", "purpose", "asked_by", "allowed_by", "asked_at", "ends_at", "shown_at"),
	linked("erasures_due", Rights, "user.unique_id", "That a dossier was erased by wish", "the erasure journal is made of it", "owner", "dossier", "at"),
	linked("erasures", Rights, "user.unique_id", "That a dossier was erased by wish, and when", "a restore does not bring it back", "dossier", "at"),
	linked("requests", Rights, "user.privacy_preferences", "That a right was used, when, and what came of it", "the shop must be able to show it", "owner", "kind", "state", "asked_by", "allowed_by", "shred", "asked_at", "due_at", "done_at", "tail", "everywhere_at", "receipt"),
	linked("request_subjects", Rights, "user.unique_id", "Whose dossiers a request is about", "until it is done", "owner", "subject"),
	linked("forgotten", Rights, "user.privacy_preferences", "Which request erased somebody, and until when that is known", "tells erased from never here", "request", "until_at"),
	linked("identities", Fulfilment, "user.unique_id", "Whose dossier a keyed hash belongs to", ownerReason, "subject", "dossier"),
	linked("directory", Fulfilment, "user.unique_id", "Whose order a number belongs to", ownerReason, "owner", "id"),
	linked("jobs", Fulfilment, "user.unique_id", "Whose work is to be done", ownerReason, "owner", "ref"),
	linked("events", Security, "system.operations", "What happened, by random ids", "the ledger shows who did what; ids only, emptied after their date", "owner", "actor", "subject", "object", "detail"),
	linked("leaves", Security, "system.operations", "Whose event a leaf is", ownerReason, "owner", "event"),
}

func email(table, column string, p Purpose, label string, to ...Recipient) Value[contact.Email] {
	return declare(Field{Table: table, Column: column, Purpose: p, Category: "user.contact.email", Recipients: to, Label: label},
		func(v contact.Email) []byte { return []byte(v.Reveal()) },
		func(b []byte) (contact.Email, error) { return contact.ParseEmail(string(b)) },
		contact.Email.IsZero)
}

func name(table, column string, p Purpose, label string, to ...Recipient) Value[contact.Name] {
	return declare(Field{Table: table, Column: column, Purpose: p, Category: "user.name", Recipients: to, Label: label},
		func(v contact.Name) []byte { return []byte(v.Reveal()) },
		func(b []byte) (contact.Name, error) { return contact.ParseName(string(b)) },
		contact.Name.IsZero)
}

func phone(table, column string, p Purpose, label string, to ...Recipient) Value[contact.Phone] {
	return declare(Field{Table: table, Column: column, Purpose: p, Category: "user.contact.phone_number", Recipients: to, Label: label},
		func(v contact.Phone) []byte { return []byte(v.Reveal()) },
		func(b []byte) (contact.Phone, error) { return contact.ParsePhone(string(b), "") },
		contact.Phone.IsZero)
}

func vat(table, column string, p Purpose, label string, to ...Recipient) Value[contact.VAT] {
	return declare(Field{Table: table, Column: column, Purpose: p, Category: "user.government_id", Recipients: to, Label: label},
		func(v contact.VAT) []byte { return []byte(v.Reveal()) },
		func(b []byte) (contact.VAT, error) { return contact.ParseVAT(string(b)) },
		contact.VAT.IsZero)
}

func address(table, column string, p Purpose, label string, to ...Recipient) Value[contact.Address] {
	return declare(Field{Table: table, Column: column, Purpose: p, Category: "user.contact.address", Recipients: to, Label: label},
		func(v contact.Address) []byte {
			b, _ := json.Marshal(v.Reveal()) // strings only: cannot fail
			return b
		},
		func(b []byte) (contact.Address, error) {
			var f contact.AddressFields
			if err := json.Unmarshal(b, &f); err != nil {
				return contact.Address{}, err
			}
			return contact.ParseAddress(f)
		},
		contact.Address.IsZero)
}

func freeText(table, column string, p Purpose, label string, to ...Recipient) Value[contact.Note] {
	return declare(Field{Table: table, Column: column, Purpose: p, Category: "user.content.private", Recipients: to, Label: label},
		func(v contact.Note) []byte { return []byte(v.Reveal()) },
		func(b []byte) (contact.Note, error) { return contact.ParseNote(string(b), order.MaxNote) },
		contact.Note.IsZero)
}

func text(f Field) Value[string] {
	return declare(f,
		func(v string) []byte { return []byte(v) },
		func(b []byte) (string, error) { return string(b), nil },
		func(v string) bool { return v == "" })
}
