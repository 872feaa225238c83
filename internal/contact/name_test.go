package contact

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// refused checks that err is about the field, helps, and does not repeat the value.
func refused(t *testing.T, err error, field, value, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%.60q was accepted, want a refusal with %q", value, want)
		return
	}
	e := fault.Of(err)
	if e.Kind != fault.Invalid || len(e.Problems) == 0 {
		t.Errorf("%.60q is refused with %v, want a problem with %s", value, err, field)
		return
	}
	for _, p := range e.Problems {
		if p.Field != field {
			continue
		}
		if !strings.Contains(p.Detail, want) {
			t.Errorf("%.60q is refused with %q, want %q", value, p.Detail, want)
		}
		if len(strings.TrimSpace(value)) > 3 && strings.Contains(err.Error()+p.Detail, value) {
			t.Errorf("the refusal %q repeats the value", p.Detail)
		}
		return
	}
	t.Errorf("%.60q is refused for %v, not for %s", value, e.Problems, field)
}

func TestNamesOfTheWorldAreAccepted(t *testing.T) {
	for typed, want := range map[string]string{
		"Ada":                            "Ada",
		"  Ada   Byron ":                 "Ada Byron",
		"Ada\u00a0Byron":                 "Ada Byron",
		"Siobhán O'Neill":                "Siobhán O'Neill",
		"Siobhán O’Neill":                "Siobhán O’Neill",
		"Zoe\u0308 Mu\u0308ller":         "Zoë Müller",
		"山田 太郎":                          "山田 太郎",
		"山田\u3000太郎":                     "山田 太郎",
		"Владимир":                       "Владимир",
		"محمد عبد الله":                  "محمد عبد الله",
		"می\u200cخواهم":                  "می\u200cخواهم", // Persian needs the joiner
		"\u200fדוד":                      "\u200fדוד",
		"ศรีสุข":                         "ศรีสุข",
		"Ng":                             "Ng",
		"X":                              "X",
		"J.R.R. Tolkien":                 "J.R.R. Tolkien",
		"St.John Smythe":                 "St.John Smythe",
		"Dr.-Ing. h.c. Müller":           "Dr.-Ing. h.c. Müller",
		"Jean-Luc d'Arc":                 "Jean-Luc d'Arc",
		"Null":                           "Null",
		"Robert'); DROP TABLE orders;--": "Robert'); DROP TABLE orders;--",
		"<b>Ada</b> & Söhne":             "<b>Ada</b> & Söhne",
		"Smith 3rd, c/o Jones":           "Smith 3rd, c/o Jones",
		strings.Repeat("é", 200):         strings.Repeat("é", 200),
	} {
		got, err := ParseName(typed)
		if err != nil || got.Reveal() != want {
			t.Errorf("ParseName(%q) = %q, %v; want %q", typed, got.Reveal(), err, want)
		}
	}
}

func TestNamesThatWouldDoHarmAreRefused(t *testing.T) {
	for typed, want := range map[string]string{
		"":                         "Please give a name",
		"   ":                      "Please give a name",
		"...":                      "Please give a name",
		"\u200d":                   "Please give a name",
		strings.Repeat("a", 201):   "up to 200",
		strings.Repeat("a", 10000): "up to 200",
		strings.Repeat("é", 201):   "up to 200",
		strings.Repeat("a", 1<<20): "up to 200",
		"Ada\x00Byron":             "control",
		"Ada\tByron":               "control",
		"Ada\x1b[31m":              "control",
		"Ada\u0085Byron":           "control",
		"Ada\x7f":                  "control",
		"Ada\r\nBcc: eve":          "line break",
		"Ada\n":                    "line break",
		"Ada\u2028Byron":           "line break",
		"Ada\u202eByron":           "direction",
		"\u2066Ada\u2069":          "direction",
		"Ada\u200bByron":           "invisible",
		"\ufeffAda Byron":          "invisible",
		"Ada\xffByron":             "UTF-8",
		"\xed\xa0\x80 surrogate":   "UTF-8",
		"http://evil.example":      "web address",
		"HTTPS://EVIL.EXAMPLE":     "web address",
		"Win at www.evil.example":  "web address",
		"Ada evil.com":             "web address",
		"Ada (evil.com)":           "web address",
		"click evil.xyz/now":       "web address",
		"javascript:alert(1)":      "web address",
		"ftp://evil":               "web address",
	} {
		_, err := ParseName(typed)
		refused(t, err, "name", typed, want)
	}
}

func TestNotes(t *testing.T) {
	for typed, want := range map[string]string{
		"":                              "",
		" \n \r\n ":                     "",
		"Ring twice.\r\nThen wait.  \r": "Ring twice.\nThen wait.",
		"  indented\n\n\nlast":          "  indented\n\n\nlast",
		"tab\there":                     "tab\there",
		"see https://example.com <3":    "see https://example.com <3",
		"e\u0301":                       "é",
	} {
		got, err := ParseNote(typed, 40)
		if err != nil || got.Reveal() != want || got.IsZero() != (want == "") {
			t.Errorf("ParseNote(%q) = %q, %v; want %q", typed, got.Reveal(), err, want)
		}
	}
	for typed, want := range map[string]string{
		strings.Repeat("ä", 41): "40 characters", strings.Repeat("a", 1<<20): "40 characters",
		"a\x00": "control", "a\x1b": "control", "a\u202e": "direction", "a\xff": "UTF-8",
	} {
		_, err := ParseNote(typed, 40)
		refused(t, err, "note", typed, want)
	}
}
