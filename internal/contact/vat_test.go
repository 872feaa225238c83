package contact

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

var vatStates = strings.Fields("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI GB CH NO")

func TestEveryStateHasANumberThatIsTaken(t *testing.T) {
	if len(vatRules) != len(vatStates) {
		t.Errorf("there are %d rules, want %d", len(vatRules), len(vatStates))
	}
	for _, state := range vatStates {
		rule := vatRules[state]
		v, err := ParseVAT(rule.example)
		if err != nil || v.Reveal() != rule.example {
			t.Errorf("%s: %q is read as %q, %v", state, rule.example, v.Reveal(), err)
		}
		if want := strings.NewReplacer("EL", "GR").Replace(state); v.Country() != want {
			t.Errorf("%s is a number of %q, want %q", rule.example, v.Country(), want)
		}
	}
}

// TestOneWrongDigitIsNoticed changes each digit of each example that has check
// digits.
func TestOneWrongDigitIsNoticed(t *testing.T) {
	seen, missed := 0, 0
	for state, rule := range vatRules {
		if state == "LT" || state == "ES" { // the form alone
			continue
		}
		for i := 2; i < len(rule.example); i++ {
			c := rule.example[i]
			if c < '0' || c > '9' {
				continue
			}
			wrong := rule.example[:i] + string('0'+(c-'0'+1)%10) + rule.example[i+1:]
			seen++
			if _, err := ParseVAT(wrong); err == nil {
				missed++
				if missed > 6 { // a few rules have a digit that counts for nothing
					t.Errorf("%s: %q is taken", state, wrong)
				}
			}
		}
	}
	t.Logf("%d of %d wrong digits were missed", missed, seen)
}

func TestNumbersAreReadAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{
		"de 136 695 976": "DE136695976", "DE-136695976": "DE136695976", "GR094259216": "EL094259216", "CHE-107.787.577 MWST": "CHE107787577",
		"NO 995 525 828 MVA": "NO995525828", "fr 40 303 265 045": "FR40303265045", "NL002455799B11": "NL002455799B11", "IE6433435OA": "IE6433435OA",
	} {
		if v, err := ParseVAT(typed); err != nil || v.Reveal() != want {
			t.Errorf("%q is read as %q, %v; want %q", typed, v.Reveal(), err, want)
		}
	}
	for _, no := range []string{"", "DE", "136695976", "US136695976", "DE13669597", "DE1366959766", "DE13669597\x00", "ATU1358562", "Ä\u00c4136695976", strings.Repeat("DE", 50), "NL004495445A01"} {
		_, err := ParseVAT(no)
		if !fault.Is(err, fault.Invalid) || fault.Of(err).Problems[0].Field != "vat_number" {
			t.Errorf("%q: %v", no, err)
			continue
		}
	}
	if _, err := ParseVAT("DE136695977"); err == nil || strings.Contains(err.Error(), "136695977") {
		t.Errorf("the refusal repeats what was sent: %v", err)
	}
}

func TestAVATNumberDoesNotShowItself(t *testing.T) {
	v, err := ParseVAT("DE136695976")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, v) + fmt.Sprintf(verb, struct{ V VAT }{v}); strings.Contains(got, "136695976") {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	if b, err := v.MarshalJSON(); err != nil || string(b) != `"[vat]"` {
		t.Errorf("JSON shows %s, %v", b, err)
	}
}

func FuzzParseVAT(f *testing.F) {
	for _, rule := range vatRules {
		f.Add(rule.example)
	}
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVAT(s)
		if err != nil {
			return
		}
		if again, err := ParseVAT(v.Reveal()); err != nil || !again.Equal(v) {
			t.Errorf("what was read of %q does not read again: %v", s, err)
		}
	})
}
