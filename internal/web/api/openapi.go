package api

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

const aboutAPI = "Carts, checkout and orders of this shop. Money is in minor units with an ISO 4217 code, times are RFC 3339 " +
	"in UTC. Refusals are RFC 9457 problem details; they never repeat what was sent. Tokens travel in headers only: " +
	"Cart-Token opens a cart, Order-Token an order, and a request that carries a Cart-Token and the cookie of the pages is refused."

// document describes the operations in OpenAPI 3.1.
func document(ops []operation, registry huma.Registry, version string) *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Cartkeep", Version: version, Description: aboutAPI},
		Servers: []*huma.Server{{URL: "/"}},
		Paths:   map[string]*huma.PathItem{},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				cartToken:  {Type: "apiKey", In: "header", Name: cartToken, Description: "The token of a cart, shown once when it is made"},
				orderToken: {Type: "apiKey", In: "header", Name: orderToken, Description: "The token of an order"},
			},
		},
	}
	for i := range ops {
		op := &ops[i]
		item := doc.Paths[op.path]
		if item == nil {
			item = &huma.PathItem{}
			doc.Paths[op.path] = item
		}
		described := op.describe(registry)
		switch op.method {
		case "GET":
			item.Get = described
		case "POST":
			item.Post = described
		case "PUT":
			item.Put = described
		case "PATCH":
			item.Patch = described
		case "DELETE":
			item.Delete = described
		}
	}
	openAnswers(ops, registry)
	return doc
}

// openAnswers lets answers grow: what is read is closed, what is answered may
// get new members, and a caller's validator should not mind.
func openAnswers(ops []operation, registry huma.Registry) {
	read := map[*huma.Schema]bool{}
	var mark func(*huma.Schema)
	mark = func(s *huma.Schema) {
		for s.Ref != "" {
			s = registry.SchemaFromRef(s.Ref)
		}
		if read[s] {
			return
		}
		read[s] = true
		for _, member := range s.Properties {
			mark(member)
		}
	}
	for _, op := range ops {
		if op.body != nil {
			mark(registry.Schema(op.body, true, ""))
		}
	}
	for _, schema := range registry.Map() {
		if !read[schema] {
			schema.AdditionalProperties = nil
		}
	}
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func (op *operation) describe(registry huma.Registry) *huma.Operation {
	out := &huma.Operation{OperationID: op.id, Summary: op.summary, Responses: map[string]*huma.Response{}}
	for _, name := range pathParameter.FindAllStringSubmatch(op.path, -1) {
		out.Parameters = append(out.Parameters, &huma.Param{
			Name: name[1], In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
		})
	}
	for _, p := range op.query {
		out.Parameters = append(out.Parameters, &huma.Param{
			Name: p.name, In: "query", Required: p.required, Description: p.doc, Schema: p.schema(),
		})
	}
	if op.secret != "" {
		out.Security = []map[string][]string{{op.secret: {}}}
	}
	if op.idempotent {
		least, most := 1, 255
		out.Parameters = append(out.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Required: true,
			Description: "Of the caller's choice, a new one for each order; a repeated request with it makes no second order",
			Schema:      &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most},
		})
	}
	if op.body != nil {
		out.RequestBody = &huma.RequestBody{
			Required: !op.bodyOptional,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: registry.Schema(op.body, true, "")}},
		}
	}
	out.Responses[strconv.Itoa(op.status)] = op.success(registry)
	byStatus := map[int][]fault.Kind{}
	for _, kind := range op.refusals() {
		byStatus[gate.Status(kind)] = append(byStatus[gate.Status(kind)], kind)
	}
	for status, kinds := range byStatus {
		out.Responses[strconv.Itoa(status)] = problemResponse(registry, kinds)
	}
	return out
}

func (op *operation) success(registry huma.Registry) *huma.Response {
	schema := &huma.Schema{Type: huma.TypeObject}
	if op.answer != nil {
		schema = registry.Schema(op.answer, true, "")
	}
	out := &huma.Response{
		Description: "Done",
		Headers:     map[string]*huma.Param{gate.ReferenceHeader: textHeader("The name of this request")},
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
	if op.idempotent {
		out.Headers["Idempotency-Replayed"] = textHeader("true, when the order had been placed before with this key")
	}
	return out
}

func problemResponse(registry huma.Registry, kinds []fault.Kind) *huma.Response {
	var lines []string
	headers := map[string]*huma.Param{gate.ReferenceHeader: textHeader("The name of this request")}
	for _, kind := range kinds {
		lines = append(lines, fmt.Sprintf("`%s`: %s", gate.ProblemType(kind), gate.Title(kind)))
		if kind == fault.RateLimited || kind == fault.Unavailable {
			headers["Retry-After"] = &huma.Param{
				Description: "Seconds until it is worth trying again", Schema: &huma.Schema{Type: huma.TypeInteger},
			}
		}
	}
	return &huma.Response{
		Description: strings.Join(lines, "; "),
		Headers:     headers,
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: registry.Schema(reflect.TypeFor[gate.ProblemDetails](), true, "")},
		},
	}
}

func textHeader(doc string) *huma.Param {
	return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

func (p parameter) schema() *huma.Schema {
	if p.number[1] > 0 {
		least, most := float64(p.number[0]), float64(p.number[1])
		return &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most}
	}
	return &huma.Schema{Type: huma.TypeString, MaxLength: &p.max}
}
