package api

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// readBody reads, decodes and checks the body, and fills c.body.
func (c *call) readBody(op *operation) error {
	var data []byte
	if op.bodyOptional && c.r.ContentLength == 0 && c.r.Header["Content-Type"] == nil {
		data = []byte("{}")
	} else {
		if !isJSON(c.r.Header) {
			return fault.New(fault.MediaType, "The body of this call is application/json.")
		}
		if c.r.ContentLength > gate.DefaultBody {
			return fault.New(fault.TooLarge, "The request has more bytes than are accepted here.")
		}
		var err error
		if data, err = io.ReadAll(c.r.Body); err != nil {
			return gate.ReadError(err)
		}
	}
	tree, err := decode(data)
	if err != nil {
		return err
	}
	if err := check(c.registry, op.schema, tree); err != nil {
		return err
	}
	if !op.cards {
		if err := noCards("", tree); err != nil {
			return err
		}
	}
	// The tree, not the text, goes on: 2.0 has become 2, members are sorted,
	// and nothing is left that encoding/json could read in its own way.
	if c.canonical, err = json.Marshal(tree); err != nil {
		return err
	}
	c.body = reflect.New(op.body).Interface()
	return json.Unmarshal(c.canonical, c.body)
}

// isJSON reports whether the body says to be application/json in UTF-8.
func isJSON(h http.Header) bool {
	values := h["Content-Type"]
	if len(values) != 1 {
		return false
	}
	if values[0] == "application/json" {
		return true
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil || kind != "application/json" {
		return false
	}
	charset, said := params["charset"]
	return !said || strings.EqualFold(charset, "utf-8")
}

// check holds a tree against a schema. A member that differs from a known one
// only in letter case is malformed: some readers would take it, some not. All
// else that does not fit is invalid, with a pointer to each spot.
func check(registry huma.Registry, schema *huma.Schema, tree any) error {
	var found fault.Fields
	shape := shapeCheck{registry: registry}
	if !shape.walk(schema, tree, "") {
		return malformed()
	}
	problems := shape.problems

	result := &huma.ValidateResult{}
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, tree, result)
	for _, err := range result.Errors {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) {
			continue
		}
		if strings.HasPrefix(detail.Message, "expected required property") || detail.Message == "unexpected property" {
			continue // shapeCheck has these, with better pointers
		}
		problems = append(problems, fault.Problem{Field: fieldOf(detail.Location), Detail: sentence(detail.Message)})
	}
	slices.SortStableFunc(problems, func(a, b fault.Problem) int { return strings.Compare(a.Field, b.Field) })
	// One problem a field: the first, which is shapeCheck's where it has one.
	problems = slices.CompactFunc(problems, func(a, b fault.Problem) bool { return a.Field == b.Field })
	for i, p := range problems {
		if i == maxProblems {
			break
		}
		found.Add(p.Field, p.Detail)
	}
	return found.Err()
}

// maxProblems bounds an answer, whatever was sent.
const maxProblems = 50

// shapeCheck finds what concerns the names of members, and null.
type shapeCheck struct {
	registry huma.Registry
	problems []fault.Problem
}

func (s *shapeCheck) add(field, detail string) {
	s.problems = append(s.problems, fault.Problem{Field: strings.Trim(field, "/"), Detail: detail})
}

// walk reports whether every member is in its own letter case.
func (s *shapeCheck) walk(schema *huma.Schema, tree any, at string) bool {
	for schema.Ref != "" {
		schema = s.registry.SchemaFromRef(schema.Ref)
	}
	switch node := tree.(type) {
	case map[string]any:
		if schema.Type != huma.TypeObject {
			return true // a wrong type, which the validator reports
		}
		for name, value := range node {
			member, known := schema.Properties[name]
			switch {
			case known && value == nil && !member.Nullable:
				s.add(at+"/"+name, "Expected a value, not null. Leave the member out to say nothing.")
			case known:
				if !s.walk(member, value, at+"/"+name) {
					return false
				}
			case inOtherCase(schema, name):
				return false
			case telling(name):
				s.add(at+"/"+name, "This member is unknown here.")
			default:
				s.add(at, "There is an unknown member in here.")
			}
		}
		for _, name := range schema.Required {
			if _, ok := node[name]; !ok {
				s.add(at+"/"+name, "This member is needed.")
			}
		}
	case []any:
		for _, item := range node {
			if schema.Type == huma.TypeArray && !s.walk(schema.Items, item, at) {
				return false
			}
		}
	case float64:
		if math.IsInf(node, 0) {
			s.add(at, "This number is out of range.")
		}
	}
	return true
}

func inOtherCase(schema *huma.Schema, name string) bool {
	for known := range schema.Properties {
		if strings.EqualFold(known, name) {
			return true
		}
	}
	return false
}

// telling reports whether the name of an unknown member may be repeated: it
// looks like a name a programmer chose and not like something about a person.
func telling(name string) bool {
	if len(name) == 0 || len(name) > 32 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// fieldOf turns huma's a.b[0] into a/b/0. Only names of our own schemas stand
// in it, which have neither dots nor brackets.
func fieldOf(location string) string {
	return strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(location)
}

func sentence(message string) string {
	if message == "" {
		return "This value is not acceptable."
	}
	return strings.ToUpper(message[:1]) + message[1:] + "."
}

// noCards refuses a body in which a text looks like the number of a payment card:
// nobody means one here, and none is kept. Members were checked by now, so that
// their names are ours.
func noCards(at string, tree any) error {
	switch v := tree.(type) {
	case string:
		return gate.NoCard(at, v)
	case []any:
		for i, item := range v {
			if err := noCards(at+"/"+strconv.Itoa(i), item); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, item := range v {
			if err := noCards(strings.TrimPrefix(at+"/"+name, "/"), item); err != nil {
				return err
			}
		}
	}
	return nil
}
