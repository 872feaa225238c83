package fault

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestWhatIsNoFaultIsInternalAndKeepsItsSecret(t *testing.T) {
	cause := errors.New("dial tcp db.internal: refused")
	e := Of(fmt.Errorf("load cart: %w", cause))
	if e.Kind != Internal || strings.Contains(e.Text, "db.internal") {
		t.Errorf("strangers read %s: %q", e.Kind, e.Text)
	}
	if !errors.Is(e, cause) || !strings.Contains(e.Error(), "db.internal") {
		t.Errorf("the log misses the cause: %v", e)
	}
	if Of(nil) != nil || Is(nil, Internal) {
		t.Error("no error is one")
	}
}

func TestAFaultIsFoundWithinOtherErrors(t *testing.T) {
	inner := Missing("We cannot find that order.")
	wrapped := fmt.Errorf("show order: %w", inner)
	if Of(wrapped) != inner || !Is(wrapped, NotFound) || Is(wrapped, Invalid) {
		t.Errorf("got %v", Of(wrapped))
	}
	cause := errors.New("disk full")
	if e := Because(Unavailable, "Please try again later.", cause); !errors.Is(e, cause) || e.Text != "Please try again later." {
		t.Errorf("got %v", e)
	}
	if e := Limited("Slow down.", time.Minute); e.Kind != RateLimited || e.RetryAfter != time.Minute {
		t.Errorf("got %+v", e)
	}
}

func TestFieldsGatherAllProblemsUnderTheirPaths(t *testing.T) {
	var f Fields
	if f.Err() != nil {
		t.Error("no problem is an error")
	}
	if !f.Take("x", nil) || f.Err() != nil {
		t.Error("taking nothing noted something")
	}
	if f.Take("shipping_address", Field("postal_code", "Please check it.")) {
		t.Error("a problem was taken for none")
	}
	f.Take("", Field("email", "Please give one."))
	f.Take("gift", New(Invalid, "No gifts today."))
	f.Add("name", "Please give a name.")
	e := Of(f.Err())
	want := []Problem{
		{"shipping_address/postal_code", "Please check it."},
		{"email", "Please give one."},
		{"gift", "No gifts today."},
		{"name", "Please give a name."},
	}
	if e.Kind != Invalid || !reflect.DeepEqual(e.Problems, want) {
		t.Errorf("got %+v, want %+v", e.Problems, want)
	}
	if got := e.Error(); !strings.Contains(got, "[shipping_address/postal_code] [email]") {
		t.Errorf("the log says %q", got)
	}
}

func TestTheCauseOfAFieldNeverShows(t *testing.T) {
	var f Fields
	f.Take("note", fmt.Errorf("secret %d", 42))
	for _, p := range Of(f.Err()).Problems {
		if strings.Contains(p.Detail, "secret") {
			t.Errorf("a form says %q", p.Detail)
		}
	}
}
