package contact

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// sound checks what holds for every text that was let in.
func sound(t *testing.T, s string, lines bool) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\x1b\u0085\u2028\u2029\u202e\u2066") || !lines && strings.Contains(s, "\n") {
		t.Errorf("%q was let in", s)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"Ada", "山田 太郎", "O'Neill", " \u00a0x", "e\u0301", "\u1100\u1161", "a\x00", "www.x", "evil.com/", "\xff", "a \u0301b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		sound(t, n.Reveal(), false)
		if c := utf8.RuneCountInString(n.Reveal()); c < 1 || c > MaxName || !norm.NFC.IsNormalString(n.Reveal()) {
			t.Errorf("%q has %d code points", n.Reveal(), c)
		}
		if again, err := ParseName(n.Reveal()); err != nil || again.Reveal() != n.Reveal() {
			t.Errorf("%q parses again to %q, %v", n.Reveal(), again.Reveal(), err)
		}
	})
}

func FuzzParseNote(f *testing.F) {
	for _, s := range []string{"", "a\r\nb\rc", " a \n\n b ", "\u2028x", "\t", "\u00a0\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNote(s, 500)
		if err != nil {
			return
		}
		sound(t, n.Reveal(), true)
		if again, err := ParseNote(n.Reveal(), 500); err != nil || again.Reveal() != n.Reveal() {
			t.Errorf("%q parses again to %q, %v", n.Reveal(), again.Reveal(), err)
		}
	})
}

func FuzzParseEmail(f *testing.F) {
	for _, s := range []string{"ada@example.com", "Ä@bücher.example", "a@b。c", "a@xn--bcher-kva.de", "İ@x.de", "a@ß.de", "@", "a@[::1]", "a@b.c\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseEmail(s)
		if err != nil {
			return
		}
		sound(t, e.Reveal(), false)
		if again, err := ParseEmail(e.Reveal()); err != nil || again.Reveal() != e.Reveal() || again.Key() != e.Key() {
			t.Errorf("%q parses again to %q, %v", e.Reveal(), again.Reveal(), err)
		}
		if len(e.Key()) > maxEmail || strings.ContainsAny(e.Key(), " \n\"") || strings.ToLower(e.Key()) != e.Key() {
			t.Errorf("%q has the key %q", e.Reveal(), e.Key())
		}
		if again, err := ParseEmail(e.Key()); err == nil && again.Key() != e.Key() {
			t.Errorf("the key %q has another, %q", e.Key(), again.Key())
		}
	})
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"+49 30 1234567", "030 123456", "06 30 123 4567", "8 912 345 67 89", "011 49 30 1234567", "+3606061234567", "+490030123"} {
		for _, c := range []string{"DE", "US", "RU", "HU", "IT", ""} {
			f.Add(s, c)
		}
	}
	f.Fuzz(func(t *testing.T, s, country string) {
		p, err := ParsePhone(s, country)
		if err != nil {
			return
		}
		digits, plus := strings.CutPrefix(p.Reveal(), "+")
		if !plus || strings.Trim(digits, "0123456789") != "" || len(digits) < minPhone || len(digits) > maxPhone {
			t.Errorf("%q is no number", p.Reveal())
		}
		for _, c := range []string{country, "", "US"} {
			if again, err := ParsePhone(p.Reveal(), c); err != nil || !again.Equal(p) {
				t.Errorf("%q parses again to %q, %v", p.Reveal(), again.Reveal(), err)
			}
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add("Weg 1\nHinterhaus", "Bern", "", "3000", "CH")
	f.Add("1 Main St", "Springfield", "illinois", "627011234", "us")
	f.Add("千代田1-1", "千代田区", "東京都", "〒100-0001", "JP")
	f.Add("x", "y", "z", "lv1010", "LV")
	f.Add("x", "y", "z", "sw1a1aa", "GB")
	f.Fuzz(func(t *testing.T, street, locality, region, postal, country string) {
		a, err := ParseAddress(AddressFields{street, locality, region, postal, country})
		if err != nil {
			return
		}
		got := a.Reveal()
		sound(t, got.Street, true)
		sound(t, got.Locality+got.Region+got.PostalCode+got.Country, false)
		if again, err := ParseAddress(got); err != nil || !again.Equal(a) {
			t.Errorf("%+v parses again to %+v, %v", got, again.Reveal(), err)
		}
		for _, l := range a.Lines() {
			if l == "" || strings.Contains(l, "\n") {
				t.Errorf("%+v has the line %q", got, l)
			}
		}
	})
}

func BenchmarkParseEmail(b *testing.B) {
	for b.Loop() {
		ParseEmail("ada.byron@example.com")
	}
}

func BenchmarkParseEmailInternational(b *testing.B) {
	for b.Loop() {
		ParseEmail("ada@bücher.example")
	}
}

func BenchmarkParseAddress(b *testing.B) {
	for b.Loop() {
		ParseAddress(AddressFields{"Invalidenstraße 117", "Berlin", "", "10115", "DE"})
	}
}

func BenchmarkParsePhone(b *testing.B) {
	for b.Loop() {
		ParsePhone("+49 30 1234567", "DE")
	}
}
