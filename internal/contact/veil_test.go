package contact

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	htmltemplate "html/template"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	texttemplate "text/template"
)

// ada is everything we know of Ada. No part of it may be printed by accident.
type ada struct {
	Name    Name
	Email   Email
	Phone   Phone
	Address Address
	Note    Note
}

var secrets = []string{"Ada", "Byron", "ada@", "example", "Crescent", "Zürich", "445550123", "doorbell",
	"4164612042", "QWRhIE", "65 100 97 32"} // "Ada B" in hex, base64 and decimal bytes

func someone(t testing.TB) ada {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var a ada
	var err error
	a.Name, err = ParseName("Ada Byron")
	must(err)
	a.Email, err = ParseEmail("ada@example.org")
	must(err)
	a.Phone, err = ParsePhone("044 555 0 123", "CH")
	must(err)
	a.Address, err = ParseAddress(AddressFields{Street: "1 Analytical Crescent", Locality: "Zürich", PostalCode: "8001", Country: "CH"})
	must(err)
	a.Note, err = ParseNote("Please use the doorbell", 200)
	must(err)
	return a
}

func quiet(t *testing.T, how, out string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(out, s) {
			t.Errorf("%s shows %q: %s", how, s, out)
		}
	}
}

// hoard keeps values where package fmt cannot call their methods.
type hoard struct {
	name  Name
	email *Email
	all   []Address
	phone map[string]Phone
	any   any
	deep  struct{ note Note }
}

func TestEachTypeShowsItsWordHoweverItIsPrinted(t *testing.T) {
	a := someone(t)
	for _, row := range []struct {
		value, zero any
		word        string
	}{
		{a.Name, Name{}, "[name]"}, {a.Email, Email{}, "[email]"}, {a.Phone, Phone{}, "[phone]"},
		{a.Address, Address{}, "[address]"}, {a.Note, Note{}, "[note]"},
	} {
		pointer := reflect.New(reflect.TypeOf(row.value))
		pointer.Elem().Set(reflect.ValueOf(row.value))
		for _, v := range []any{row.value, row.zero, pointer.Interface()} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%10s", "%p"} {
				if strings.HasPrefix(fmt.Sprintf("%T", v), "*") && verb == "%p" {
					continue // the address of the pointer
				}
				if got := fmt.Sprintf(verb, v); got != row.word && verb != "%p" {
					t.Errorf("%s of %T is %q, want %q", verb, v, got, row.word)
				}
			}
			if got := fmt.Sprint(v); got != row.word {
				t.Errorf("Sprint of %T is %q", v, got)
			}
			if got, err := json.Marshal(v); err != nil || string(got) != `"`+row.word+`"` {
				t.Errorf("JSON of %T is %s, %v", v, got, err)
			}
			if got := fmt.Errorf("look up %v: %w", v, fmt.Errorf("%+v", v)).Error(); got != "look up "+row.word+": "+row.word {
				t.Errorf("error with %T says %q", v, got)
			}
		}
		var html bytes.Buffer
		page := htmltemplate.Must(htmltemplate.New("").Parse(`<p title="{{.}}">{{.}}</p><a href="/?q={{.}}"></a><script>var x = {{.}}</script>`))
		if err := page.Execute(&html, row.value); err != nil {
			t.Fatal(err)
		}
		quiet(t, "a page", html.String())
		if want := `<p title="` + row.word + `">` + row.word + `</p>`; !strings.HasPrefix(html.String(), want) {
			t.Errorf("a page says %s, want %s", html.String(), want)
		}
	}
}

func TestNothingShowsFromWithinOtherValues(t *testing.T) {
	a := someone(t)
	h := hoard{name: a.Name, email: &a.Email, all: []Address{a.Address}, phone: map[string]Phone{"home": a.Phone}, any: a}
	h.deep.note = a.Note
	type embedded struct {
		Email
		Extra string
	}
	containers := []any{
		a, &a, []ada{a}, []*ada{&a}, map[string]ada{"x": a}, map[Name]Email{a.Name: a.Email}, [1]any{a},
		h, &h, []hoard{h}, map[int]*hoard{1: &h}, embedded{a.Email, ""}, struct{ inner any }{&h}, any(&a.Address),
		[]any{a.Name, &a.Email, a.Phone, a.Address, a.Note},
	}
	for _, v := range containers {
		how := fmt.Sprintf("%T", v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			quiet(t, verb+" of "+how, fmt.Sprintf(verb, v))
		}
		if out, err := json.Marshal(v); err == nil {
			quiet(t, "JSON of "+how, string(out))
		}
		for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
			"text log": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			"JSON log": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var out bytes.Buffer
			log := slog.New(handler(&out))
			log.Info("seen", "value", v)
			log.With("value", v).WithGroup("g").Info("seen", slog.Any("again", v))
			quiet(t, name+" of "+how, out.String())
		}
		var out bytes.Buffer
		if err := htmltemplate.Must(htmltemplate.New("").Parse(`{{.}} {{printf "%+v" .}}`)).Execute(&out, v); err == nil {
			quiet(t, "page of "+how, out.String())
		}
		out.Reset()
		if err := texttemplate.Must(texttemplate.New("").Parse(`{{.}} {{printf "%#v" .}}`)).Execute(&out, v); err == nil {
			quiet(t, "mail of "+how, out.String())
		}
	}
	if out, err := xml.Marshal(a); err == nil {
		quiet(t, "XML", string(out))
	}
	want := `{"Name":"[name]","Email":"[email]","Phone":"[phone]","Address":"[address]","Note":"[note]"}`
	if out, err := json.Marshal(a); err != nil || string(out) != want {
		t.Errorf("JSON is %s, %v; want %s", out, err, want)
	}
	if out, want := fmt.Sprintf("%+v", a), "{Name:[name] Email:[email] Phone:[phone] Address:[address] Note:[note]}"; out != want {
		t.Errorf("%%+v is %s, want %s", out, want)
	}
}

func TestRevealIsTheWayOut(t *testing.T) {
	a := someone(t)
	if a.Name.Reveal() != "Ada Byron" || a.Email.Reveal() != "ada@example.org" || a.Phone.Reveal() != "+41445550123" ||
		a.Address.Reveal().Street != "1 Analytical Crescent" || a.Note.Reveal() != "Please use the doorbell" {
		t.Error("a value came out another than it went in")
	}
	var page bytes.Buffer
	htmltemplate.Must(htmltemplate.New("").Parse(`{{.Address.Reveal.Street}}`)).Execute(&page, a)
	if page.String() != "1 Analytical Crescent" {
		t.Errorf("a page shows %q", page.String())
	}
	var none ada
	if none.Name.Reveal() != "" || none.Email.Reveal() != "" || none.Email.Key() != "" || none.Phone.Reveal() != "" ||
		none.Address.Reveal() != (AddressFields{}) || none.Note.Reveal() != "" || none.Address.Lines() != nil {
		t.Error("zero values reveal something")
	}
	again := someone(t)
	if !a.Name.Equal(again.Name) || !a.Email.Equal(again.Email) || !a.Phone.Equal(again.Phone) || !a.Address.Equal(again.Address) || !a.Note.Equal(again.Note) {
		t.Error("the same values are not equal")
	}
	if a.Name.Equal(none.Name) || a.Email.Equal(none.Email) || a.Phone.Equal(none.Phone) || a.Address.Equal(none.Address) || a.Note.Equal(none.Note) {
		t.Error("a value equals none")
	}
	if !none.Name.Equal(Name{}) || !none.Name.IsZero() || a.Name.IsZero() {
		t.Error("the zero name is not itself")
	}
}
