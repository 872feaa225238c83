package challenge

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for _, typed := range []string{"01234567", "0123 4567", " 0123-4567 ", "０１２３４５６７", "0 1 2 3 4 5 6 7"} {
		if c, err := Order.Parse(typed); err != nil || c.Reveal() != "01234567" || c.Spoken() != "0123 4567" {
			t.Errorf("Parse(%q) = %s, %v", typed, c.Reveal(), err)
		}
	}
	for _, no := range []string{"", "0123456", "012345678", "0123456a", "null", "[]", "01234567 or 1=1", "0x123456", "١٢٣٤٥٦٧٨"} {
		c, err := Order.Parse(no)
		e := fault.Of(err)
		if c != (Code{}) || e == nil || e.Kind != fault.Invalid || e.Problems[0].Field != "code" {
			t.Errorf("Parse(%q) = %s, %v; want a problem with the code", no, c.Reveal(), err)
		}
	}
}

func TestATextHasSixDigits(t *testing.T) {
	c := Second.Of([]byte{0, 0, 0, 0, 0, 0, 0, 7, 9})
	if c.Reveal() != "000007" || c.Spoken() != "000 007" {
		t.Errorf("got %s", c.Reveal())
	}
	if _, err := Second.Parse("00000007"); err == nil {
		t.Error("the code of a mail passes for one of a text")
	}
	if Second.Life() >= Order.Life() {
		t.Error("a text works as long as a mail")
	}
}

func TestACodeNeverShowsItself(t *testing.T) {
	c := Order.Of([]byte{0, 0, 0, 0, 0, 0, 0, 7})
	if c.Reveal() != "00000007" {
		t.Fatalf("got %s", c.Reveal())
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, struct{ C Code }{c}); strings.Contains(got, "7") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0123 4567")
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range []Purpose{Order, Second} {
			c, err := p.Parse(s)
			if err != nil {
				continue
			}
			if again, err := p.Parse(c.Spoken()); err != nil || !again.Is(c) || len(c.Reveal()) != p.Digits() && (p.Texted() || len(c.Reveal()) != LongDigits) {
				t.Errorf("%q parses to %s and that to %s, %v", s, c.Reveal(), again.Reveal(), err)
			}
		}
	})
}

func TestALongCodeIsReadAsItIsWritten(t *testing.T) {
	c := Long([]byte{0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	if c.Reveal() != "00000000073709551615" || c.Spoken() != "0000 0000 0737 0955 1615" {
		t.Errorf("got %s, %s", c.Reveal(), c.Spoken())
	}
	for _, p := range []Purpose{Order, Reset, Device, Claim} {
		if again, err := p.Parse(c.Spoken()); err != nil || !again.Is(c) {
			t.Errorf("%s: %v", p, err)
		}
		if _, err := p.Parse("0000 0000 07"); err == nil {
			t.Errorf("%s: half of one is read", p)
		}
	}
	if _, err := Second.Parse(c.Spoken()); err == nil {
		t.Error("a text has a long code")
	}
}

// TestACodeShowsItselfNowhere, also where fmt can't ask it.
func TestACodeShowsItselfNowhere(t *testing.T) {
	code := Order.Of([]byte{0, 0, 0, 0, 0, 0, 0, 7})
	if code.Reveal() != "00000007" {
		t.Fatalf("got %q", code.Reveal())
	}
	type holder struct{ c Code }
	for _, v := range []any{code, &code, holder{code}, &holder{code}, []holder{{code}}, map[string]holder{"x": {code}}, []any{code}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "00000007") || strings.Contains(got, hex.EncodeToString([]byte("00000007"))) {
				t.Errorf("%s of %T prints %s", verb, v, got)
			}
		}
		if got, err := json.Marshal(v); err != nil || strings.Contains(string(got), "00000007") {
			t.Errorf("%T as JSON: %s, %v", v, got, err)
		}
	}
}
