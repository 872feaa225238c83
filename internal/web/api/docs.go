package api

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Markdown returns docs/api.md, written from the table of operations.
func Markdown() string {
	ops := operations()
	registry := newRegistry()
	document(ops, registry, "") // registers every type that is used
	var b strings.Builder
	b.WriteString("# The API\n\nThis page is written from the code (`internal/web/api/routes.go`); change it there. The same table as an " +
		"OpenAPI 3.1 document: `GET /api/v1/openapi.json`.\n\n" + aboutAPI + "\n\n## Calls\n\n| call | does | opened by | answer |\n|---|---|---|---|\n")
	for _, op := range ops {
		fmt.Fprintf(&b, "| [`%s %s`](#%s) | %s | %s | %d |\n",
			op.method, op.path, strings.ToLower(op.id), op.summary, orDash(op.secret), op.status)
	}
	for i := range ops {
		writeOperation(&b, &ops[i], registry)
	}
	writeRefusals(&b)
	writeRates(&b)
	return b.String()
}

func writeOperation(b *strings.Builder, op *operation, registry huma.Registry) {
	fmt.Fprintf(b, "\n### %s\n\n`%s %s`: %s.", op.id, op.method, op.path, op.summary)
	if op.secret != "" {
		fmt.Fprintf(b, " Needs the header `%s`.", op.secret)
	}
	if op.idempotent {
		b.WriteString(" Needs the header `Idempotency-Key`; a replay answers the same body with `Idempotency-Replayed: true`.")
	}
	if op.does != 0 && !op.does.Proof() {
		fmt.Fprintf(b, " Counts as `%s` for the rate limits.", op.does.Rule().Buckets[0])
	}
	b.WriteString("\n")
	if len(op.query) > 0 {
		b.WriteString("\n| parameter | needed | what |\n|---|---|---|\n")
		for _, p := range op.query {
			fmt.Fprintf(b, "| `%s` | %s | %s%s |\n", p.name, yes(p.required), p.doc, limitsOf(p.schema()))
		}
	}
	if op.body != nil {
		b.WriteString("\nBody:\n\n")
		writeMembers(b, registry, registry.Schema(op.body, false, ""))
	}
	if op.answer != nil {
		fmt.Fprintf(b, "\nAnswer %d:\n\n", op.status)
		writeMembers(b, registry, registry.Schema(op.answer, false, ""))
	}
	b.WriteString("\nRefusals: ")
	for i, kind := range op.refusals() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "%d `%s`", gate.Status(kind), strings.TrimPrefix(gate.ProblemType(kind), "/problems/"))
	}
	b.WriteString(".\n")
}

// writeMembers lists the members of an object, those of objects in it below
// their path. Money is listed once, as one member.
func writeMembers(b *strings.Builder, registry huma.Registry, schema *huma.Schema) {
	if len(schema.Properties) == 0 {
		b.WriteString("`{}`\n")
		return
	}
	b.WriteString("| member | type | needed | what |\n|---|---|---|---|\n")
	writeRows(b, registry, schema, "")
}

func writeRows(b *strings.Builder, registry huma.Registry, schema *huma.Schema, prefix string) {
	needed := map[string]bool{}
	for _, name := range schema.Required {
		needed[name] = true
	}
	for _, name := range memberOrder(schema) {
		member := schema.Properties[name]
		doc := member.Description
		kind, inner := kindOf(registry, member)
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s%s |\n", prefix, name, kind, yes(needed[name]), doc, limitsOf(member))
		if inner != nil {
			next := prefix + name + "."
			if member.Type == huma.TypeArray {
				next = prefix + name + "[]."
			}
			writeRows(b, registry, inner, next)
		}
	}
}

// memberOrder is the order in which the required members were declared, then
// the optional ones by name.
func memberOrder(schema *huma.Schema) []string {
	order := append([]string{}, schema.Required...)
	seen := map[string]bool{}
	for _, name := range order {
		seen[name] = true
	}
	var rest []string
	for name := range schema.Properties {
		if !seen[name] {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return append(order, rest...)
}

// kindOf names a member's type and returns the schema of the object in it.
func kindOf(registry huma.Registry, s *huma.Schema) (string, *huma.Schema) {
	switch {
	case len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null":
		kind, inner := kindOf(registry, s.AnyOf[0])
		return kind + " or null", inner
	case strings.HasSuffix(s.Ref, "/Money"):
		return "money", nil
	case s.Ref != "":
		return "object", registry.SchemaFromRef(s.Ref)
	case s.Type == huma.TypeArray:
		kind, inner := kindOf(registry, s.Items)
		return "array of " + kind, inner
	}
	kind := s.Type
	if s.Format == "date-time" {
		kind = "time"
	}
	if s.Nullable {
		kind += " or null"
	}
	return kind, nil
}

func limitsOf(s *huma.Schema) string {
	var parts []string
	if s.Minimum != nil && s.Maximum != nil {
		parts = append(parts, fmt.Sprintf("%v to %v", *s.Minimum, *s.Maximum))
	}
	if s.MaxLength != nil {
		parts = append(parts, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}
	for i, v := range s.Enum {
		if i == 0 {
			parts = append(parts, "one of")
		}
		parts[len(parts)-1] += fmt.Sprintf(" `%v`", v)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func writeRefusals(b *strings.Builder) {
	b.WriteString("\n## Refusals\n\nA refusal is `application/problem+json`. Members: ")
	t := reflect.TypeFor[gate.ProblemDetails]()
	for i := range t.NumField() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "`%s` (%s)", strings.Split(t.Field(i).Tag.Get("json"), ",")[0], lowerFirst(t.Field(i).Tag.Get("doc")))
	}
	b.WriteString(". The header `" + gate.ReferenceHeader + "` names the request; tell it to the shop when you ask about it.\n\n" +
		"| status | type | means |\n|---|---|---|\n")
	for _, kind := range []fault.Kind{
		fault.Malformed, fault.IdempotencyKeyMissing, fault.Forbidden, fault.NotFound, fault.Method, fault.OutOfStock,
		fault.Changed, fault.CartClosed, fault.InProgress, fault.TooLarge, fault.MediaType, fault.Invalid,
		fault.IdempotencyMismatch, fault.RateLimited, fault.Internal, fault.Unavailable,
	} {
		fmt.Fprintf(b, "| %d | `%s` | %s |\n", gate.Status(kind), gate.ProblemType(kind), gate.Title(kind))
	}
	b.WriteString("\n`malformed`: not JSON, a doubled member, a member in another letter case, invalid UTF-8, NUL, bytes after the end, " +
		"deeper than " + fmt.Sprint(maxDepth) + " levels. `invalid`: a member that is unknown, missing, of the wrong type or out of range; " +
		"`errors` points at each. A number such as `2.0` is an integer, as JSON Schema has it.\n")
}

func writeRates(b *strings.Builder) {
	b.WriteString("\n## Rates\n\nRequests are counted for each /24 of IPv4 and each /64 of IPv6. Beyond a limit the answer is 429 with " +
		"`Retry-After` in seconds.\n\n| counts | a second | at once |\n|---|---|---|\n")
	for _, row := range []struct {
		class abuse.Bucket
		what  string
	}{
		{abuse.General, "every request"}, {abuse.Carts, "starting carts"}, {abuse.Orders, "placing orders, paying again"},
		{abuse.Misses, "asking for what a token does not open; only such asking is refused, never who holds a good token"},
		{abuse.Discounts, "discount codes and gift cards that give nothing; beyond it no code is tried"}, {abuse.AllDiscounts, "the same by everybody together"},
	} {
		fmt.Fprintf(b, "| %s (`%s`) | %v | %d |\n", row.what, row.class, row.class.PerSecond(), row.class.Burst())
	}
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return "`" + s + "`"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func lowerFirst(s string) string {
	if s == "" || strings.HasPrefix(s, "JSON") || strings.HasPrefix(s, "HTTP") {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
