package message

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/money"
)

// hosts are what a mail program may make a link of: words with a dot, or with what
// looks like one, between letters or digits, or a scheme. The dot
// in the middle of Gal·la is none: no host has it.
var hosts = regexp.MustCompile(`(?i)[\pL\pN_-]+[.。．｡․‧∙•/:@][\pL\pN_/:@-]+`)

// TestNoLetterCarriesWhatWasTyped: of all letters and texts there are, none
// carries a link, a line or a head that somebody typed as their name or address.
// The list of letters is the one that merchants look at, so a new one is in it.
func TestNoLetterCarriesWhatWasTyped(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	eur := must[money.Currency](t)(money.ParseCurrency("EUR"))
	to := must[contact.Email](t)(contact.ParseEmail("sample@example.com"))
	plain := must[[]Preview](t)(w.everyLetter(to, must[contact.Name](t)(contact.ParseName("Ada")), eur))
	bare := must[[]Preview](t)(w.everyLetter(to, contact.Name{}, eur))
	if len(plain) < 30 {
		t.Fatalf("%d letters: want every one there is", len(plain))
	}
	known := map[string][]string{}
	links := func(part string) []string { // of a letter that reads as it should
		if _, ok := known[part]; !ok {
			known[part] = hosts.FindAllString(part, -1)
		}
		return known[part]
	}
	check := func(t interface{ Errorf(string, ...any) }, typed string) {
		name, err := contact.ParseName(typed)
		if err != nil {
			return // refused at the form
		}
		like := plain
		if greeting(name) == "" {
			like = bare // it reads as if no name had been given
		}
		letters, err := w.everyLetter(to, name, eur)
		if err != nil {
			t.Errorf("name %q: %v", typed, err)
			return
		}
		for i, l := range letters {
			for _, part := range []struct{ got, want string }{{l.Message.Subject, like[i].Message.Subject}, {l.Message.Text, like[i].Message.Text}, {l.Message.HTML, like[i].Message.HTML}} {
				if got, want := hosts.FindAllString(part.got, -1), links(part.want); !slices.Equal(got, want) {
					t.Errorf("%s: the name %q brought %q into the letter", l.Name, typed, got)
				}
				if strings.Count(part.got, "\n") != strings.Count(part.want, "\n") || strings.ContainsAny(part.got, "\r\v\f\u0085\u2028\u2029") {
					t.Errorf("%s: the name %q broke a line", l.Name, typed)
				}
			}
			if l.Message.To != like[i].Message.To {
				t.Errorf("%s: goes to somebody else", l.Name)
			}
		}
	}
	for _, typed := range []string{
		"http://evil.example", "evil.example/x", "evil.example", "www.evil", "Ada\r\nBcc: all@evil.example", "Ada\nX", "Ada\u2028evil", "evil。example", "evil．example", "evil｡example", "evil\u2024example",
		"evil·example", "evil•example", "evil@evil.example", "mailto:evil", "javascript:alert(1)", "//evil.example", "evil\u200b.example", "evil.\u00a0example", "xn--evil-.example", "1.2.3.4", "[::1]",
		"<a href=//evil.example>x</a>", "&#101;vil.example", "=?utf-8?q?evil?=", "evil\u202eelpmaxe.", "ＥＶＩＬ．ＣＯＭ", "e\u0301vil.example",
	} {
		check(t, typed)
	}
	pieces := []string{"evil", "Ada", "example", "com", "w", "4", ".", "。", "．", "․", "·", "/", ":", "@", "-", "'", " ", "\u00a0", "\n", "\r\n", "\u200d", "\u202e", "é", "мир", "http", "://"}
	rapid.Check(t, func(t *rapid.T) {
		check(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "typed"), ""))
	})
}
