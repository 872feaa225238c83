package api

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// FuzzDecode holds the strict decoder against encoding/json: whatever it
// accepts means the same there, and its canonical form is accepted again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `null`, `-0.0e-1`, `{"a":{"b":[1,2.5,"x\u00e4\ud83d\ude00\n"]}}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, "\"\x00\"", `"\u0000"`,
		`"\ud800"`, `"\ud800\u0041"`, "\"\xff\"", `01`, `1.`, `.5`, `+1`, `1e400`, `-1e400`, `1e-400`, `tru`, `nulll`, `{} {}`, "\ufeff{}", `[1,]`, `{"a"}`,
		`{"a":}`, `"\x"`, `"\u12"`, `[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]`, " \t\r\n1 \n", `"`, `\`, ``, `{"quantity":9223372036854775808}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := decode(data)
		if err != nil {
			if len(data) > 8 && strings.Contains(err.Error(), string(data)) {
				t.Error("the refusal repeats the document")
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("got %q accepted, want what encoding/json calls valid", data)
		}
		if infinite(tree) {
			return // encoding/json refuses such a number; here the schema does
		}
		var theirs any
		if err := json.Unmarshal(data, &theirs); err != nil {
			t.Fatalf("got %q accepted, encoding/json says %v", data, err)
		}
		if !reflect.DeepEqual(tree, theirs) {
			t.Fatalf("got %#v, encoding/json reads %#v", tree, theirs)
		}
		canonical, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(canonical)
		if err != nil || !reflect.DeepEqual(tree, again) {
			t.Fatalf("got %#v from the canonical form, want %#v (%v)", again, tree, err)
		}
	})
}

// FuzzCheck holds any document against the largest schema: no panic, and no
// refusal that repeats a long value.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"email":"ada@example.org","name":"Ada","shipping_address":{"street_address":"1","address_country":"GB"}}`,
		`{"shipping_address":[],"billing_address":{"x":null}}`, `{"EMAIL":1}`, `[{"a":1}]`, `{"a.b[0]":1,"~":2,"/":3}`,
	} {
		f.Add([]byte(seed))
	}
	registry := newRegistry()
	schema := registry.Schema(reflect.TypeFor[Details](), true, "")
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := decode(data)
		if err != nil {
			return
		}
		if err := check(registry, schema, tree); err != nil {
			return
		}
		canonical, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		var d Details
		if err := json.Unmarshal(canonical, &d); err != nil {
			t.Fatalf("what passed the schema can't be filled in: %v", err)
		}
		if d.Email == "" || d.Name == "" || d.ShippingAddress.Street == "" {
			t.Errorf("got %q through, want the needed members", data)
		}
	})
}

func infinite(tree any) bool {
	switch v := tree.(type) {
	case float64:
		return math.IsInf(v, 0)
	case []any:
		for _, item := range v {
			if infinite(item) {
				return true
			}
		}
	case map[string]any:
		for _, item := range v {
			if infinite(item) {
				return true
			}
		}
	}
	return false
}

func TestTheDocumentListsEveryOperation(t *testing.T) {
	raw, err := json.Marshal(document(operations(), newRegistry(), "test"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI    string `json:"openapi"`
		Paths      map[string]map[string]map[string]any
		Components struct {
			Schemas         map[string]any
			SecuritySchemes map[string]any
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Components.SecuritySchemes) != 2 {
		t.Errorf("got %s with %d security schemes", doc.OpenAPI, len(doc.Components.SecuritySchemes))
	}
	ids := map[string]bool{}
	for _, op := range operations() {
		found := doc.Paths[op.path][strings.ToLower(op.method)]
		if found == nil {
			t.Errorf("got no %s %s", op.method, op.path)
			continue
		}
		if ids[op.id] {
			t.Errorf("got operationId %s twice", op.id)
		}
		ids[op.id] = true
		responses := found["responses"].(map[string]any)
		for _, status := range []string{fmt.Sprint(op.status), "429", "500"} {
			if responses[status] == nil {
				t.Errorf("%s: got no answer %s", op.id, status)
			}
		}
		if op.secret != "" && found["security"] == nil {
			t.Errorf("%s: got no security", op.id)
		}
	}
	for name, closed := range map[string]bool{"Details": true, "Address": true, "NewLine": true, "Cart": false, "Money": false} {
		_, says := doc.Components.Schemas[name].(map[string]any)["additionalProperties"]
		if says != closed {
			t.Errorf("%s: got closed %v, want %v", name, says, closed)
		}
	}
	// Every reference leads somewhere.
	for _, part := range strings.Split(string(raw), `"$ref":"#/components/schemas/`)[1:] {
		name := part[:strings.IndexByte(part, '"')]
		if doc.Components.Schemas[name] == nil {
			t.Errorf("got a reference to %s, which is not there", name)
		}
	}
}

func TestMarkdownNamesEveryCallAndRefusal(t *testing.T) {
	page := Markdown()
	for _, op := range operations() {
		if !strings.Contains(page, "`"+op.method+" "+op.path+"`") {
			t.Errorf("got no %s %s", op.method, op.path)
		}
	}
	for _, text := range []string{"/problems/changed", "| `lines[].unit_price` | money |", "Retry-After", "1 to 999"} {
		if !strings.Contains(page, text) {
			t.Errorf("got no %q", text)
		}
	}
	if page != Markdown() {
		t.Error("got two different pages from one table")
	}
}

func BenchmarkBody(b *testing.B) {
	registry := newRegistry()
	schema := registry.Schema(reflect.TypeFor[NewLine](), true, "")
	data := []byte(`{"variant_id":"0190bbbb-0000-7000-8000-000000000001","quantity":2}`)
	b.ReportAllocs()
	for b.Loop() {
		tree, err := decode(data)
		if err != nil {
			b.Fatal(err)
		}
		if err := check(registry, schema, tree); err != nil {
			b.Fatal(err)
		}
		canonical, _ := json.Marshal(tree)
		var in NewLine
		if err := json.Unmarshal(canonical, &in); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzQuery reads any query: no panic, nothing beyond the bounds.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"q=a&limit=5", "q=%ff", "limit=99999999999999999999", "q=a&q=b", ";", "%", "cursor=" + strings.Repeat("x", 600)} {
		f.Add(seed)
	}
	known := operations()[0].query
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := readQuery(&http.Request{URL: &url.URL{RawQuery: raw}}, known)
		if err != nil {
			return
		}
		if len([]rune(got["q"])) > 200 || len(got["limit"]) > 8 || strings.ContainsRune(got["q"], 0) {
			t.Errorf("got %q through", raw)
		}
	})
}
