package contact

import (
	"strings"
	"testing"
)

func TestANumberBelongsToItsCountry(t *testing.T) {
	for number, want := range map[string]struct {
		country string
		texts   bool
	}{
		"+4915112345678": {"DE", true}, "+49301234567": {"DE", false}, "+499001234567": {"DE", false}, "+4918012345678": {"DE", false},
		"+493212345678": {"DE", false}, "+4916812345678": {"DE", false}, "+447911123456": {"GG", true}, "+447700900123": {"GB", true},
		"+447012345678": {"GB", false}, "+447624123456": {"IM", true}, "+445612345678": {"GB", false}, "+449098790000": {"GB", false},
		"+441534123456": {"JE", false}, "+33612345678": {"FR", true}, "+33899123456": {"FR", false}, "+33912345678": {"FR", false},
		"+436641234567": {"AT", true}, "+43900123456": {"AT", false}, "+43720123456": {"AT", false}, "+41791234567": {"CH", true},
		"+12025550123": {"US", true}, "+19005550123": {"", false}, "+18005550123": {"", false}, "+14165550123": {"CA", true},
		"+18765550123": {"JM", true}, "+12429760123": {"BS", false}, "+79161234567": {"RU", true}, "+77011234567": {"KZ", true},
		"+393331234567": {"IT", true}, "+39899123456": {"IT", false}, "+4540123456": {"DK", true}, "+4590123456": {"DK", false},
		"+26263912345": {"YT", true}, "+5999123456": {"CW", true}, "+3581812345": {"AX", false}, "+3729001234": {"EE", false},
	} {
		p, err := ParsePhone(number, "")
		if err != nil {
			t.Errorf("%s: %v", number, err)
			continue
		}
		if p.Country() != want.country || p.TakesTexts() != want.texts {
			t.Errorf("%s: got %q %v, want %q %v", number, p.Country(), p.TakesTexts(), want.country, want.texts)
		}
	}
	for _, satellite := range []string{"+881612345678", "+870771234567", "+882161234567", "+97912345678", "+80012345678", "+80812345678", "+87812345678"} {
		if p, err := ParsePhone(satellite, ""); err == nil && p.TakesTexts() {
			t.Errorf("%s is of no country, and takes texts", satellite)
		}
	}
	if (Phone{}).Country() != "" || (Phone{}).TakesTexts() {
		t.Error("no number belongs to a country")
	}
}

// TestTheTablesOfNumbersHold: each code is one of a country, each area code of
// +1 belongs to one place.
func TestTheTablesOfNumbersHold(t *testing.T) {
	known := map[string]bool{}
	for _, r := range rows {
		known[r.calling] = true
	}
	for calling, within := range shared {
		for _, c := range within {
			if _, ok := rowOf(c); !ok && c != "" {
				t.Errorf("+%s: %q is no country", calling, c)
			}
		}
	}
	for calling := range mobile {
		if !known[calling] {
			t.Errorf("+%s is no country code", calling)
		}
	}
	seen := map[string]bool{}
	for area, c := range islands {
		if _, ok := rowOf(c); !ok {
			t.Errorf("%s: %q is no country", area, c)
		}
		seen[area] = true
	}
	for _, area := range strings.Fields(inCanada + nowhere) {
		if seen[area] || len(area) != 3 {
			t.Errorf("area code %s stands twice", area)
		}
		seen[area] = true
	}
}

func FuzzANumberHasOneCountry(f *testing.F) {
	f.Add("+4915112345678")
	f.Add("+12025550123")
	f.Add("+1242")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePhone(s, "")
		if err != nil {
			return
		}
		if c := p.Country(); c != "" {
			row, ok := rowOf(c)
			if !ok || !strings.HasPrefix(p.Reveal(), "+"+row.calling) {
				t.Errorf("a number is of %q, whose code it has not", c)
			}
		}
		p.TakesTexts()
	})
}
