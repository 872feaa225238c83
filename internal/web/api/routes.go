package api

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// The headers that open something. No token ever stands in an address.
const (
	cartToken  = "Cart-Token"
	orderToken = "Order-Token"
)

// operation is one call of the API.
type operation struct {
	method, path string
	id           string // operationId in the OpenAPI document
	summary      string
	does         abuse.Act         // what it does that is worth abusing; 0 for nothing
	secret       string            // the header that opens it, or ""
	idempotent   bool              // needs an Idempotency-Key
	query        []parameter       // what is read of the query; the rest is ignored
	body         reflect.Type      // nil: none is read
	bodyOptional bool              // no body at all means {}
	cards        bool              // each field of the body refuses card numbers by itself, beside all that is wrong with the others
	status       int               // of a success
	answer       reflect.Type      // nil: any JSON
	cache        string            // "": no-store
	faults       []fault.Kind      // what it refuses with, beside the usual ones
	opens        func(*call) error // whether the token opens what is counted; nil where no token is needed
	handle       func(*call) (any, error)

	schema *huma.Schema // of body
}

// parameter is one value of a query.
type parameter struct {
	name     string
	doc      string
	required bool
	max      int // characters
	number   [2]int
}

// operations is the whole surface.
func operations() []operation {
	get, post, put, patch, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	lineFaults := []fault.Kind{fault.NotFound, fault.OutOfStock, fault.CartClosed}
	cartFaults := []fault.Kind{fault.NotFound, fault.CartClosed}
	placeFaults := []fault.Kind{fault.NotFound, fault.OutOfStock, fault.Changed, fault.CartClosed, fault.InProgress,
		fault.IdempotencyKeyMissing, fault.IdempotencyMismatch}
	return []operation{
		// The catalogue: no token, may be cached for a moment.
		{method: get, path: "/api/v1/products", id: "listProducts", summary: "List products",
			query: []parameter{
				{name: "q", doc: "Words to look for", max: 200},
				{name: "collection", doc: "Handle of a collection", max: 255},
				{name: "limit", doc: "Products in one answer", number: [2]int{1, maxLimit}},
				{name: "cursor", doc: "The next_cursor of the answer before", max: 512},
			},
			status: 200, answer: reflect.TypeFor[Products](), cache: gate.CacheBriefly, handle: listProducts},
		{method: get, path: "/api/v1/products/{handle}", id: "getProduct", summary: "Read a product",
			status: 200, answer: reflect.TypeFor[Product](), cache: gate.CacheBriefly,
			faults: []fault.Kind{fault.NotFound}, handle: getProduct},

		// The cart, opened by its token.
		{method: post, path: "/api/v1/carts", id: "createCart", summary: "Start a cart", does: abuse.NewCart,
			body: reflect.TypeFor[NewCart](), bodyOptional: true,
			status: 201, answer: reflect.TypeFor[CartWithToken](), handle: createCart},
		{method: get, path: "/api/v1/carts/{id}", id: "getCart", summary: "Read a cart", secret: cartToken,
			status: 200, answer: reflect.TypeFor[Cart](), faults: []fault.Kind{fault.NotFound}, handle: getCart},
		{method: post, path: "/api/v1/carts/{id}/lines", id: "addLine", summary: "Add a variant, or raise the line that has it",
			secret: cartToken, body: reflect.TypeFor[NewLine](),
			status: 201, answer: reflect.TypeFor[Cart](), faults: lineFaults, handle: addLine},
		{method: patch, path: "/api/v1/carts/{id}/lines/{line_id}", id: "changeLine", summary: "Set the quantity of a line",
			secret: cartToken, body: reflect.TypeFor[LineChange](),
			status: 200, answer: reflect.TypeFor[Cart](), faults: lineFaults, handle: changeLine},
		{method: del, path: "/api/v1/carts/{id}/lines/{line_id}", id: "removeLine", summary: "Take a line out",
			secret: cartToken,
			status: 200, answer: reflect.TypeFor[Cart](), faults: cartFaults, handle: removeLine},
		{method: post, path: "/api/v1/carts/{id}/lines/{line_id}/save", id: "saveLine", summary: "Set a line aside for later; it is in no sum then",
			secret: cartToken, body: reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[Cart](), faults: cartFaults, handle: saveLine},
		{method: post, path: "/api/v1/carts/{id}/lines/{line_id}/restore", id: "restoreLine", summary: "Put a line that was set aside into the cart again, at today's price",
			secret: cartToken, body: reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[Cart](), faults: cartFaults, handle: restoreLine},
		{method: post, path: "/api/v1/carts/{id}/accept", id: "acceptPrices", summary: "Accept the prices that have changed since they were last shown",
			secret: cartToken, body: reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[Cart](), faults: cartFaults, handle: acceptPrices},
		{method: post, path: "/api/v1/carts/{id}/codes", id: "addCode", summary: "Put a discount code or a gift card into the cart; every code that gives nothing has the same answer",
			does: abuse.Discount, secret: cartToken, body: reflect.TypeFor[NewCode](),
			status: 201, answer: reflect.TypeFor[Cart](), faults: append([]fault.Kind{fault.Conflict}, cartFaults...), handle: addCode},
		{method: del, path: "/api/v1/carts/{id}/codes", id: "dropCodes", summary: "Take all discount codes, gift cards and credit out of the cart",
			secret: cartToken,
			status: 200, answer: reflect.TypeFor[Cart](), faults: cartFaults, handle: dropCodes},

		{method: post, path: "/api/v1/carts/{id}/hand-over", id: "handOver", summary: "A pass for the form that brings the cart to the shop's pages, from a page that hides its origin",
			secret: cartToken, body: reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[Pass](), faults: []fault.Kind{fault.NotFound}, handle: handOver},

		// From cart to order.
		{method: get, path: "/api/v1/carts/{id}/shipping-methods", id: "listShippingMethods",
			summary: "Ways to send the cart, with prices", secret: cartToken,
			query: []parameter{
				{name: "country", doc: "ISO 3166-1 alpha-2", required: true, max: 2},
				{name: "postal_code", doc: "Where the country has them", max: 40},
				{name: "region", doc: "State or province, where the country has them in addresses", max: 200},
			},
			status: 200, answer: reflect.TypeFor[ShippingMethods](), faults: []fault.Kind{fault.NotFound}, handle: listShipping},
		{method: put, path: "/api/v1/carts/{id}/checkout", id: "saveDetails", cards: true,
			summary: "Say who orders and where it goes; nothing of it ever comes back", secret: cartToken,
			body:   reflect.TypeFor[Details](),
			status: 200, answer: reflect.TypeFor[Cart](), faults: cartFaults, handle: saveDetails},
		{method: post, path: "/api/v1/carts/{id}/orders", id: "placeOrder", summary: "Order and pay", does: abuse.Place,
			secret: cartToken, idempotent: true, body: reflect.TypeFor[NewOrder](), bodyOptional: true,
			status: 201, answer: reflect.TypeFor[Placed](), faults: placeFaults, opens: opensCart, handle: placeOrder},
		{method: post, path: "/api/v1/carts/{id}/pay-code", id: "askPayCode", does: abuse.PayCode, secret: cartToken,
			summary: "Mail a code to the e-mail of the checkout, where a refusal says `pay_code`; typed back, it lets a guest order and pay",
			body:    reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 201, answer: reflect.TypeFor[PayTicket](), faults: append([]fault.Kind{fault.Conflict}, cartFaults...), opens: opensCart, handle: askPayCode},
		{method: post, path: "/api/v1/carts/{id}/pay-code/answer", id: "answerPayCode", does: abuse.LookUp, secret: cartToken,
			summary: "Type the code back; the cart can be ordered then, as long as its checkout names the same e-mail",
			body:    reflect.TypeFor[PayAnswer](),
			status:  200, answer: reflect.TypeFor[PayProved](), faults: append([]fault.Kind{fault.Conflict}, cartFaults...), opens: opensCart, handle: answerPayCode},

		// The order, opened by its own token.
		{method: get, path: "/api/v1/orders/{number}", id: "getOrder", summary: "Read an order and its payment",
			secret: orderToken,
			status: 200, answer: reflect.TypeFor[OrderAndPayment](), faults: []fault.Kind{fault.NotFound}, handle: getOrder},
		{method: post, path: "/api/v1/orders/{number}/payments", id: "payAgain",
			summary: "Try to pay again while the goods are held", does: abuse.Pay, secret: orderToken,
			body: reflect.TypeFor[NewPayment](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[OrderAndPayment](), faults: []fault.Kind{fault.NotFound, fault.Changed},
			opens: opensOrder, handle: payAgain},

		{method: post, path: "/api/v1/orders/{number}/pay-code", id: "askOrderPayCode", does: abuse.PayCode, secret: orderToken,
			summary: "Mail a code to the e-mail of the order, where a refusal says `pay_code`; typed back, it lets a guest try to pay again",
			body:    reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 201, answer: reflect.TypeFor[PayTicket](), faults: []fault.Kind{fault.NotFound, fault.Conflict}, opens: opensOrder, handle: askOrderPayCode},
		{method: post, path: "/api/v1/orders/{number}/pay-code/answer", id: "answerOrderPayCode", does: abuse.LookUp, secret: orderToken,
			summary: "Type the code back; the order can be tried to be paid again then",
			body:    reflect.TypeFor[PayAnswer](),
			status:  200, answer: reflect.TypeFor[PayProved](), faults: []fault.Kind{fault.NotFound, fault.Conflict}, opens: opensOrder, handle: answerOrderPayCode},

		{method: get, path: "/api/v1/orders/{number}/hold", id: "getHold",
			summary: "Read until when the goods of an unpaid order are kept, and can be kept at most", secret: orderToken,
			status: 200, answer: reflect.TypeFor[Held](), faults: []fault.Kind{fault.NotFound}, handle: getHold},
		{method: post, path: "/api/v1/orders/{number}/hold", id: "keepOrder",
			summary: "Keep the goods of an unpaid order for longer: for another hold time from now, until the limit", does: abuse.Hold, secret: orderToken,
			body: reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[Held](), faults: []fault.Kind{fault.NotFound, fault.Conflict},
			opens: opensOrder, handle: moreTime},

		{method: post, path: "/api/v1/orders/{number}/cancel", id: "cancelOrder",
			summary: "Give an unpaid order up: its goods return and its cart opens again", does: abuse.OwnOrder, secret: orderToken,
			body: reflect.TypeFor[NoMembers](), bodyOptional: true,
			status: 200, answer: reflect.TypeFor[OrderAndPayment](), faults: []fault.Kind{fault.NotFound, fault.Conflict},
			opens: opensOrder, handle: cancelOrder},

		// The ledger: proofs for those who hold a leaf or an older checkpoint.
		{method: get, path: "/api/v1/ledger/inclusion", id: "proveInclusion", summary: "Prove that the ledger holds an event",
			query: []parameter{
				{name: "index", doc: "Place of the event", required: true, number: [2]int{0, maxSize}},
				{name: "size", doc: "Size of the tree, as in a checkpoint", required: true, number: [2]int{1, maxSize}},
			},
			status: 200, answer: reflect.TypeFor[Proof](), handle: inclusion},
		{method: get, path: "/api/v1/ledger/consistency", id: "proveConsistency", summary: "Prove that the ledger has only grown",
			query: []parameter{
				{name: "from", doc: "Size of the older tree", required: true, number: [2]int{1, maxSize}},
				{name: "to", doc: "Size of the newer tree", required: true, number: [2]int{1, maxSize}},
			},
			status: 200, answer: reflect.TypeFor[Proof](), handle: consistency},

		// About this API.
		{method: get, path: "/api/v1/openapi.json", id: "getDescription", summary: "This API as an OpenAPI 3.1 document",
			status: 200, cache: gate.CacheBriefly,
			handle: func(c *call) (any, error) { return c.openapi, nil }},
	}
}

// refusals lists every kind an operation may refuse with.
func (op *operation) refusals() []fault.Kind {
	kinds := []fault.Kind{fault.RateLimited, fault.Unavailable, fault.Internal}
	if op.secret != "" || op.body != nil || len(op.query) > 0 {
		kinds = append(kinds, fault.Malformed)
	}
	if len(op.query) > 0 {
		kinds = append(kinds, fault.Invalid)
	}
	if op.body != nil {
		kinds = append(kinds, fault.Invalid, fault.TooLarge, fault.MediaType)
	}
	if op.method != http.MethodGet {
		kinds = append(kinds, fault.Forbidden)
	}
	kinds = append(kinds, op.faults...)
	slices.SortFunc(kinds, func(a, b fault.Kind) int {
		if d := gate.Status(a) - gate.Status(b); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	return slices.Compact(kinds)
}

// methodsByPath lists, for each address, what it answers to.
func methodsByPath(ops []operation) map[string][]string {
	methods := map[string][]string{}
	for _, op := range ops {
		methods[op.path] = append(methods[op.path], op.method)
		if op.method == http.MethodGet {
			methods[op.path] = append(methods[op.path], http.MethodHead)
		}
	}
	for _, list := range methods {
		slices.Sort(list)
	}
	return methods
}
