package gate

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestAFormWithACardIsRefused(t *testing.T) {
	for _, c := range []struct {
		field, text string
		want        bool
	}{
		{"name", "4242424242424242", true},
		{"note", "please take 5555-5555-5555-4444, thanks", true},
		{"anything.at_all", "378282246310005", true},
		{"code", "4242 4242 4242 4242", true},
		{"code", "4242 4242 4242 4242 1234", false}, // a long code of ours
		{"code", "12345678", false},
		{"phone", "+4242424242424242", true},
		{"phone", "+371449635398431", false},
		{"q", "4006381333931", false}, // an article number
		{"id", "4242a242-4242-4242-8242-424242424242", false},
		{"csrf", "a-4242424242424242-b", false},
		{"number", "K7Q2M-9F3XA", false},
	} {
		form := url.Values{"first": {"fine"}, c.field: {c.text}}
		r := httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err := Form(r)
		if fault.Is(err, fault.Invalid) != c.want {
			t.Errorf("%s: refused is %v, want %v", c.field, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "4242") || fault.Of(err).Problems[0].Field != c.field) {
			t.Errorf("%s: the refusal repeats the number or does not name the field", c.field)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(url.Values{"4242424242424242": {"x"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := Form(r); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "4242") {
		t.Errorf("a card as a field's name: %v", err)
	}
}
