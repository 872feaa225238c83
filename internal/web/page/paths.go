package page

import "net/url"

// Paths that templates link to or post to. Handlers take them from here, so
// that a form and its action can't drift apart.
const (
	PathHome         = "/"
	PathSearch       = "/search"           // GET ?q=
	PathCollections  = "/collections/"     // + handle
	PathProducts     = "/products/"        // + handle
	PathCart         = "/cart"             // GET
	PathCartLines    = "/cart/lines"       // POST variant_id, quantity: adds; also what "Undo" posts
	PathCartLine     = "/cart/lines/"      // + line id; POST quantity (0 removes)
	PathCartAccept   = "/cart/accept"      // POST: the changes shown are fine
	PathEstimate     = "/cart/estimate"    // POST country, postal_code: what delivery would cost
	PathCartClear    = "/cart/clear"       // POST
	PathCartCode     = "/cart/code"        // POST code: tries a discount code
	PathCartCodeDrop = "/cart/code/remove" // POST code: takes one out
	PathAdopt        = "/cart/adopt"       // POST cart, token, pass: a cart of another site; GET: asks which cart
	PathAdoptChoice  = "/cart/adopt/choice"
	PathCheckout     = "/checkout"        // GET ?step=, one step of three; POST the form below
	PathCard         = "/checkout/card"   // GET ?order=: the card fields of a payment service
	PathReview       = "/checkout/review" // GET; POST payment_method, idempotency_key, seen: places the order
	BelowCode        = "/code"            // POST, below a form that pays: mails the code that lets a guest pay
	BelowCodeAnswer  = "/code/answer"     // POST code and what that form carries: pays
	PathOrders       = "/orders/"         // + number; GET
	PathPrivacy      = "/privacy"
	PathAdmin        = "/admin"
	PathAssets       = "/assets/"
)

// Names of form fields. The ones of an address are its prefix, a dot, and the
// JSON name of the address field, such as shipping_address.postal_code.
const (
	FieldVariant        = "variant_id"
	FieldQuantity       = "quantity"
	FieldEmail          = "email"
	FieldName           = "name"
	FieldPhone          = "phone"
	FieldNote           = "note"
	FieldOrderNote      = "order_note"
	FieldGiftName       = "gift_name"
	FieldGiftMessage    = "gift_message"
	FieldVAT            = "vat_number"
	FieldStep           = "step"        // of the checkout, when it goes step by step
	FieldGo             = "go"          // which button: GoBack, GoWhole or none
	FieldCountry        = "country"     // of an estimate
	FieldPostal         = "postal_code" // of an estimate
	FieldShipping       = "shipping_address"
	FieldBilling        = "billing_address"
	FieldShippingMethod = "shipping_method"
	FieldWindow         = "delivery_window" // with a dot and the id of its method
	FieldPaymentMethod  = "payment_method"
	FieldIdempotency    = "idempotency_key"
	FieldSeen           = "seen" // what the page shows that the button stands on
	FieldCardOrder      = "order"
	FieldKeepCard       = "keep_card" // the service that is to keep the card that pays
	FieldAcceptTerms    = "accept_terms"
	FieldCode           = "code"
	FieldOrderToken     = "token" // of the order, in the form that tries a payment again
	FieldQuery          = "q"
	FieldCart           = "cart"        // id of a cart that comes from another site
	FieldCartToken      = "token"       // and the token that opened it there
	FieldPass           = "pass"        // which a page sends along that hides its origin
	FieldChoice         = "cart_choice" // ChooseNew or ChooseHere
)

// Buttons of the checkout beside the one that goes on.
const (
	GoBack  = "back"  // to the step before
	GoWhole = "whole" // everything on one page
)

// Which of two carts.
const (
	ChooseNew  = "new"
	ChooseHere = "here"
)

// ProductPath is the path of a product's page.
func ProductPath(handle string) string { return PathProducts + url.PathEscape(handle) }

// CollectionPath is the path of a collection's shelf.
func CollectionPath(handle string) string { return PathCollections + url.PathEscape(handle) }
