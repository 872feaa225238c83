package password

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func parsed(t testing.TB, typed string) Password {
	t.Helper()
	p, err := Parse("password", typed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPasswordIsReadAsItWasTyped(t *testing.T) {
	composed, apart := "gr\u00fc\u00dfe aus k\u00f6ln", "gru\u0308\u00dfe aus ko\u0308ln"
	if a, b := parsed(t, composed), parsed(t, apart); string(a.bytes()) != string(b.bytes()) || a.Len() != 14 {
		t.Errorf("one keyboard's form differs from another's: %d and %d characters", a.Len(), b.Len())
	}
	for _, typed := range []string{" blanks kept ", "\ttab", "ﬁ stays a ligature", strings.Repeat("語", Longest), strings.Repeat("u\u0308", Longest), "🔑🔑🔑"} {
		if got := string(parsed(t, typed).bytes()); got != norm.NFC.String(typed) {
			t.Errorf("%q was changed to %q", typed, got)
		}
	}
}

func TestWhatCantBeAPasswordIsRefused(t *testing.T) {
	for name, typed := range map[string]string{
		"nothing": "", "NUL": "abc\x00def", "no UTF-8": "abc\xffdef", "half a character": "\xe2\x82",
		"one too long": strings.Repeat("a", Longest+1), "one too long, wide": strings.Repeat("語", Longest+1),
		"a megabyte": strings.Repeat("a", 1<<20), "marks without end": "a" + strings.Repeat("\u0308", 5000),
	} {
		p, err := Parse("new_password", typed)
		if !fault.Is(err, fault.Invalid) || !p.IsZero() {
			t.Errorf("%s: got %v, want it refused", name, err)
			continue
		}
		if e := fault.Of(err); len(e.Problems) != 1 || e.Problems[0].Field != "new_password" || strings.Contains(err.Error(), "abc") {
			t.Errorf("%s: got %v, want the field named and nothing that was typed", name, err)
		}
	}
}

func TestAPasswordNeverShowsItself(t *testing.T) {
	p := parsed(t, "Xylo horse 42")
	all := struct {
		Password Password
		Pointer  *Password
		hidden   Password
		list     []any
	}{p, &p, p, []any{p, &p}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%c", "%o", "%U", "%t", "%e", "%p"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", p, &p, all)
	}
	j, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	x, err := xml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	out.Write(x)
	slog.New(slog.NewTextHandler(&out, nil)).Info("signed in", "password", p, "all", all)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("signed in", "password", p, "all", all)
	for _, leak := range []string{"Xylo", "horse", "58796c6f", "58 79 6c", "88 121 108", "WHlsbw"} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(leak)) {
			t.Errorf("%q shows in %s", leak, out.String())
		}
	}
	if got := fmt.Sprint(p); got != "[password]" {
		t.Errorf("got %s", got)
	}
}

func TestWipingOverwrites(t *testing.T) {
	p := parsed(t, "correct horse battery")
	b := p.bytes()
	p.Wipe()
	if !p.IsZero() || strings.Trim(string(b), "\x00") != "" {
		t.Error("the bytes are still there")
	}
	p.Wipe()
	Password{}.Wipe()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"correct horse battery staple", "u\u0308", "\x00", "\xff", " ", "\u1100\u1161\u11a8", "\u0344\ufb2c", strings.Repeat("\u1d160", 90)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		p, err := Parse("password", typed)
		if err != nil {
			if !p.IsZero() {
				t.Fatal("a password came with an error")
			}
			return
		}
		if n := p.Len(); n == 0 || n > Longest || !utf8.Valid(p.bytes()) || !norm.NFC.IsNormal(p.bytes()) {
			t.Fatalf("%q gave %d characters, or another form than NFC", typed, n)
		}
		again, err := Parse("password", string(p.bytes()))
		if err != nil || string(again.bytes()) != string(p.bytes()) {
			t.Fatalf("%q does not read back as itself: %v", typed, err)
		}
		c := Context{Words: []string{typed}}
		_ = Check("password", p, c)
		if a := Meter(p, c); a.Score < 0 || a.Score > 4 || a.Text == "" {
			t.Fatalf("%q: got %+v", typed, a)
		}
	})
}
