package challenge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for _, typed := range []string{"01234567", "0123 4567", " 0123-4567 ", "０１２３４５６７", "0 1 2 3 4 5 6 7"} {
		if c, err := Parse(typed); err != nil || c.Reveal() != "01234567" || c.Spoken() != "0123 4567" {
			t.Errorf("Parse(%q) = %s, %v", typed, c.Reveal(), err)
		}
	}
	for _, no := range []string{"", "0123456", "012345678", "0123456a", "null", "[]", "01234567 or 1=1", "0x123456", "١٢٣٤٥٦٧٨"} {
		c, err := Parse(no)
		e := fault.Of(err)
		if c != (Code{}) || e == nil || e.Kind != fault.Invalid || e.Problems[0].Field != "code" {
			t.Errorf("Parse(%q) = %s, %v; want a problem with the code", no, c.Reveal(), err)
		}
	}
}

func TestACodeNeverShowsItself(t *testing.T) {
	c := Of([]byte{0, 0, 0, 0, 0, 0, 0, 7})
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
		c, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(c.Spoken()); err != nil || again != c || len(c.Reveal()) != Digits {
			t.Errorf("%q parses to %s and that to %s, %v", s, c.Reveal(), again.Reveal(), err)
		}
	})
}
