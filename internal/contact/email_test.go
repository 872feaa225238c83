package contact

import (
	"strings"
	"testing"
)

func TestEmailAddresses(t *testing.T) {
	for typed, key := range map[string]string{
		"ada@example.com":                        "ada@example.com",
		" Ada@Example.COM ":                      "ada@example.com",
		"ada.byron+shop@mail.example.co.uk":      "ada.byron+shop@mail.example.co.uk",
		"o'neill@example.ie":                     "o'neill@example.ie",
		"_!#$%&*/=?^`{|}~-@example.com":          "_!#$%&*/=?^`{|}~-@example.com",
		"a@b.de":                                 "a@b.de",
		"1@2.example":                            "1@2.example",
		"ada@bücher.example":                     "ada@xn--bcher-kva.example",
		"ada@BÜCHER.example":                     "ada@xn--bcher-kva.example",
		"ada@xn--bcher-kva.example":              "ada@xn--bcher-kva.example",
		"ada@例え.テスト":                             "ada@xn--r8jz45g.xn--zckzah",
		"Grün@example.de":                        "grün@example.de",
		"gru\u0308n@example.de":                  "grün@example.de",
		"用户@例子.广告":                               "用户@xn--fsqu00a.xn--4rr70v",
		"квіточка@пошта.укр":                     "квіточка@xn--80a1acn3a.xn--j1amh",
		strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
	} {
		got, err := ParseEmail(typed)
		if err != nil || got.Key() != key || got.Reveal() != strings.TrimSpace(typed) {
			t.Errorf("ParseEmail(%q) = %q with key %q, %v; want key %q", typed, got.Reveal(), got.Key(), err, key)
		}
	}
}

func TestEmailAddressesThatAreNone(t *testing.T) {
	label := strings.Repeat("d", 63)
	for typed, want := range map[string]string{
		"":                                       "Please give",
		"ada":                                    "@ in it",
		"ada at example.com":                     "@ in it",
		"@example.com":                           "before the @",
		"ada@":                                   "after the @",
		"ada@@example.com":                       "before the @",
		"ada@localhost":                          "example.com",
		"ada@example..com":                       "example.com",
		"ada@.example.com":                       "example.com",
		"ada@example.com.":                       "example.com",
		"ada@-example.com":                       "example.com",
		"ada@example-.com":                       "example.com",
		"ada@exa_mple.com":                       "example.com",
		"ada@192.0.2.1":                          "example.com",
		"ada@[192.0.2.1]":                        "example.com",
		"ada@exam ple.com":                       "example.com",
		"ada@" + label + "d.com":                 "example.com",
		"ada@xn--a.example":                      "example.com",
		".ada@example.com":                       "before the @",
		"ada.@example.com":                       "before the @",
		"a..da@example.com":                      "before the @",
		`"ada byron"@example.com`:                "before the @",
		"ada byron@example.com":                  "before the @",
		"ada,eve@example.com":                    "before the @",
		"Ada <ada@example.com>":                  "before the @",
		"ada\u3000b@example.com":                 "before the @",
		strings.Repeat("a", 65) + "@example.com": "up to 64",
		"a@" + label + "." + label + "." + label + "." + label: "too long",
		"ada@example.com\r\nBcc: eve@example.org":              "line break",
		"ada@example.com\n":                                    "line break",
		"ada\x00@example.com":                                  "control",
		"ada\u202e@example.com":                                "direction",
		"ada\u200b@example.com":                                "invisible",
		"ada\xff@example.com":                                  "UTF-8",
		strings.Repeat("a", 1<<20) + "@example.com":            "too long",
		"ä@" + strings.Repeat("ü", 30) + "." + strings.Repeat(label+".", 3) + "com": "too long",
	} {
		_, err := ParseEmail(typed)
		refused(t, err, "email", typed, want)
	}
}

func TestOneMailboxHasOneKey(t *testing.T) {
	a, _ := ParseEmail("Ada@Bücher.example")
	b, _ := ParseEmail("ada@xn--bcher-kva.example")
	c, _ := ParseEmail("eve@xn--bcher-kva.example")
	if !a.Equal(b) || a.Equal(c) || a.Equal(Email{}) {
		t.Error("Equal does not go by the mailbox")
	}
}

// TestAMailboxIsCountedOnce: spellings that lead to one mailbox count as one, and stay
// two addresses.
func TestAMailboxIsCountedOnce(t *testing.T) {
	for typed, want := range map[string]string{
		"ada@example.com":         "ada@example.com",
		"Ada+1@Example.com":       "ada@example.com",
		"ada+a+b@example.com":     "ada@example.com",
		"a.da@example.com":        "a.da@example.com", // dots are Gmail's alone
		"+ada@example.com":        "+ada@example.com", // nothing would be left
		"A.d.a+shop@gmail.com":    "ada@gmail.com",
		"ada@googlemail.com":      "ada@gmail.com",
		"+a.b@gmail.com":          "+ab@gmail.com",
		"ada+1@mail.gmail.com.tr": "ada@mail.gmail.com.tr",
		"müll+x@bücher.example":   "müll@xn--bcher-kva.example",
	} {
		e, err := ParseEmail(typed)
		if err != nil || e.Counted() != want {
			t.Errorf("%s counts as %s, %v; want %s", typed, e.Counted(), err, want)
		}
	}
	for typed, want := range map[string]bool{
		"ada@example.com": false, "ada+1@example.com": true, "+ada@example.com": false, "a.d.a@example.com": false,
		"ada.lovelace@gmail.com": false, "adalovelace@googlemail.com": false, "a.da.lovelace@gmail.com": true, "ada+1@googlemail.com": true,
	} {
		if e, err := ParseEmail(typed); err != nil || e.Varied() != want {
			t.Errorf("%s is one of any number of spellings: %v, %v", typed, e.Varied(), err)
		}
	}
	plain, _ := ParseEmail("ada@example.com")
	tagged, _ := ParseEmail("ada+1@example.com")
	if plain.Equal(tagged) || plain.Key() == tagged.Key() || tagged.Reveal() != "ada+1@example.com" {
		t.Error("what counts together is taken for one address")
	}
}
