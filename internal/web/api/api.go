// Package api speaks the REST API under /api/v1.
//
// It knows JSON shapes, headers and which use case answers which call. It does
// not know SQL, prices or states. routes.go is the whole surface in one table:
// routing, the OpenAPI document and docs/api.md all come from it.
//
// A body passes two gates before a handler sees it. decode.go accepts one
// strict reading of JSON, in which no two programs can disagree about what was
// said; bind.go then holds it against the schema of its type. Answers never
// repeat a value that was sent.
//
// huma serves as schema registry, validator and OpenAPI document here, and as
// nothing else: its router and its error writer would echo bodies.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Desk is what the API needs of checkout's use cases. The caller's token is
// checked there, beside the rules; a wrong one is fault.NotFound.
type Desk interface {
	NewCart(ctx context.Context) (c cart.Cart, token string, err error)
	Cart(ctx context.Context, id cart.ID, token string) (cart.Cart, error)
	AddLine(ctx context.Context, id cart.ID, token string, variant catalog.VariantID, quantity int64) (cart.Cart, error)
	Pass(ctx context.Context, id cart.ID, token string) (string, error)
	SetQuantity(ctx context.Context, id cart.ID, token string, line cart.LineID, quantity int64) (cart.Cart, error)
	RemoveLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error)
	Shipping(ctx context.Context, id cart.ID, token string, to area.Place) ([]checkout.Option, error)
	SaveLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error)
	RestoreLine(ctx context.Context, id cart.ID, token string, line cart.LineID) (cart.Cart, error)
	Accept(ctx context.Context, id cart.ID, token string) (cart.Cart, error)
	TryCode(ctx context.Context, id cart.ID, token, code string) (cart.Cart, error)
	DropCode(ctx context.Context, id cart.ID, token, code string) (cart.Cart, error)
	SaveDetails(ctx context.Context, id cart.ID, token string, details checkout.DetailsInput) (cart.Cart, error)
	Place(ctx context.Context, id cart.ID, token string, in checkout.PlaceInput) (checkout.Placed, error)
	AskPayCode(ctx context.Context, id cart.ID, token string) (ticket string, err error)
	AskOrderPayCode(ctx context.Context, number order.Number, token string) (ticket string, err error)
	AnswerPayCode(ctx context.Context, id cart.ID, token, ticket, code string) error
	AnswerOrderPayCode(ctx context.Context, number order.Number, token, ticket, code string) error
	Order(ctx context.Context, number order.Number, token string) (checkout.OrderView, error)
	PayAgain(ctx context.Context, number order.Number, token string) (checkout.OrderView, error)
	MoreTime(ctx context.Context, number order.Number, token string) (checkout.OrderView, error)
	HoldLimit(o order.Order) time.Time
	Cancel(ctx context.Context, number order.Number, token string) (checkout.OrderView, error)
}

// Query asks for one page of published products.
type Query struct {
	Text       string
	Collection string // handle of a collection; "" for all
	Limit      int
	Cursor     string // "" for the first page
}

// Shelf is what the API needs of the catalogue.
type Shelf interface {
	Products(ctx context.Context, q Query) (products []catalog.Product, next string, err error)
	ProductByHandle(ctx context.Context, handle string) (catalog.Product, error)
}

// Config says what the API is made of.
type Config struct {
	Gate  *gate.Gate // needed
	Desk  Desk       // needed
	Shelf Shelf      // needed
	// Proofs answers for the ledger. Needed.
	Proofs Proofs
	// Origin is put before the addresses of pictures, such as
	// https://shop.example. Default: they stay paths.
	Origin string
	// Version is told in the OpenAPI document. Default: "dev".
	Version string
}

// API answers everything under /api. Mount it at "/api" and "/api/" of a mux
// that stands behind the gate, which lets clean paths pass only.
type API struct {
	cfg      Config
	routes   []gate.Route
	registry huma.Registry
	openapi  json.RawMessage
}

// New builds the routes and the OpenAPI document.
func New(cfg Config) (*API, error) {
	if cfg.Gate == nil || cfg.Desk == nil || cfg.Shelf == nil || cfg.Proofs == nil {
		return nil, errors.New("api: gate, desk, shelf and proofs are needed")
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	a := &API{cfg: cfg, registry: newRegistry()}
	ops := operations()
	for i := range ops {
		op := &ops[i]
		if op.body != nil {
			op.schema = a.registry.Schema(op.body, true, "")
		}
		a.routes = append(a.routes, op.route(a.serve(op)))
	}
	doc, err := json.Marshal(document(ops, a.registry, cfg.Version))
	if err != nil {
		return nil, err
	}
	a.openapi = doc
	return a, nil
}

// Register adds every operation to the table of a server. Who asks shows a
// token of a cart or an order, never a session: a page elsewhere that makes a
// browser call has no more rights than a stranger.
func (a *API) Register(t *gate.Table) error {
	t.Nothing("/api", "/api/")
	return t.Add("api", a.routes...)
}

// route is the operation as a line of that table.
func (op *operation) route(handle http.HandlerFunc) gate.Route {
	r := gate.Route{Method: op.method, Path: op.path, Need: gate.Anybody, Token: op.secret, Handle: handle}
	if op.does != 0 {
		r.Does = []abuse.Act{op.does}
	}
	return r
}

// call is one request on its way through a handler.
type call struct {
	*API
	w         http.ResponseWriter
	r         *http.Request
	token     string // Cart-Token or Order-Token, as the operation needs it
	key       string // Idempotency-Key
	body      any    // pointer to a value of the operation's body type
	canonical []byte // the body in its one canonical form
	query     map[string]string
}

const missingText = "There is nothing here that this token opens."

// serve runs an operation: limits, secrets, body, use case, answer.
func (a *API) serve(op *operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{API: a, w: w, r: r}
		out, err := c.run(op)
		if err != nil {
			if op.secret != "" && fault.Is(err, fault.NotFound) {
				err = fault.Because(fault.NotFound, missingText, err)
				if !c.onlyLineMissing() {
					err = a.cfg.Gate.Missed(r, err)
				}
			}
			a.cfg.Gate.Refuse(w, r, err)
			return
		}
		a.answer(w, r, op, out)
	}
}

func (c *call) run(op *operation) (any, error) {
	if c.r.Header["Cart-Token"] != nil && gate.HasCookie(c.r, gate.CartCookie) {
		return nil, fault.New(fault.Malformed, "A request carries either a Cart-Token or the cookie of the pages, not both.")
	}
	var err error
	if op.secret != "" {
		if c.token, err = secretOf(c.r, op.secret); err != nil {
			return nil, err
		}
	}
	if op.idempotent {
		if c.key, err = keyOf(c.r); err != nil {
			return nil, err
		}
	}
	if c.query, err = readQuery(c.r, op.query); err != nil {
		return nil, err
	}
	if op.body != nil {
		if err := c.readBody(op); err != nil {
			return nil, err
		}
	}
	// Counted last, and only for who may: junk with a made-up token uses up
	// nothing that the neighbours of its sender need.
	if op.opens != nil {
		if err := op.opens(c); err != nil {
			return nil, err
		}
	}
	if op.does != 0 {
		if err := c.cfg.Gate.Begin(c.r, op.does); err != nil {
			return nil, err
		}
	}
	return op.handle(c)
}

// answer writes the JSON of a success.
func (a *API) answer(w http.ResponseWriter, r *http.Request, op *operation, out any) {
	raw, ready := out.(json.RawMessage)
	if !ready {
		var err error
		if raw, err = json.Marshal(out); err != nil {
			a.cfg.Gate.Refuse(w, r, err)
			return
		}
	}
	if op.cache != "" {
		gate.Cache(w, op.cache)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(op.status)
	w.Write(raw)
}

// secretOf reads a token. None, or one that could not be ours, is the same
// answer as a wrong one.
func secretOf(r *http.Request, name string) (string, error) {
	values := r.Header[name]
	if len(values) > 1 {
		return "", fault.New(fault.Malformed, "The header "+name+" is there more than once.")
	}
	if len(values) == 0 || len(values[0]) < 16 || len(values[0]) > 128 || !visible(values[0]) {
		return "", fault.Missing(missingText)
	}
	return values[0], nil
}

// keyOf reads the Idempotency-Key.
func keyOf(r *http.Request) (string, error) {
	values := r.Header["Idempotency-Key"]
	switch {
	case len(values) == 0 || values[0] == "":
		return "", fault.New(fault.IdempotencyKeyMissing,
			"Send an Idempotency-Key of your choice, a new one for each order, so that a repeated request makes no second order.")
	case len(values) > 1 || len(values[0]) > 255 || !visible(values[0]):
		return "", fault.New(fault.Malformed, "An Idempotency-Key is 1 to 255 visible ASCII characters, sent once.")
	}
	return values[0], nil
}

// visible reports whether s is made of ASCII from "!" to "~".
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

// idOf reads an id from the path. What can't be an id is unknown.
func idOf(r *http.Request, name string) (string, error) {
	id := r.PathValue(name)
	if len(id) == 0 || len(id) > 64 || strings.Trim(id, "0123456789abcdefABCDEF-ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return "", fault.Missing(missingText)
	}
	return id, nil
}
