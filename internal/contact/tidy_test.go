package contact

import (
	"strings"
	"testing"
)

func TestAnEmailIsTidiedWhereThatIsSafe(t *testing.T) {
	for typed, want := range map[string]string{
		" ada@example.com ": "ada@example.com", "ada @ example.com": "ada@example.com", "ada@example . com": "ada@example.com",
		"ada@example.com.": "ada@example.com", "ada@example.com,": "ada@example.com", ";ada@example.com; ": "ada@example.com",
		"mailto:ada@example.com": "ada@example.com", "<ada@example.com>": "ada@example.com", "Ada Lovelace <ada@example.com>": "ada@example.com",
		"ada＠example．com": "ada@example.com", "ada@bücher.example": "ada@bücher.example", "\u00a0ada@example.com\u3000": "ada@example.com",
		// Left alone: who typed it knows better than we do.
		"ada lovelace@example.com": "ada lovelace@example.com", "ada@exam ple.com": "ada@exam ple.com", "ada@example,com": "ada@example,com",
		"ada@@example.com": "ada@@example.com", "ada": "ada", "": "", "ada@example.com\nBcc: eve@example.com": "ada@example.com\nBcc: eve@example.com",
		"eve@example.com <ada@example.com>": "eve@example.com <ada@example.com>",
	} {
		got := TidyEmail(typed)
		if got != want {
			t.Errorf("TidyEmail(%q) = %q, want %q", typed, got, want)
		}
		if again := TidyEmail(got); again != got {
			t.Errorf("TidyEmail(%q) = %q the second time", got, again)
		}
	}
}

func TestAnAddressPastedWholeIsTakenApart(t *testing.T) {
	for _, c := range []struct{ country, pasted, street, postal, town, region string }{
		{"DE", "12 Analytical Way\n10115 Berlin", "12 Analytical Way", "10115", "Berlin", ""},
		{"DE", "12 Analytical Way,\nHinterhaus,\nD-10115 Berlin,\nGermany", "12 Analytical Way\nHinterhaus", "D-10115", "Berlin", ""},
		{"AT", "Ring 1\n1010 Wien", "Ring 1", "1010", "Wien", ""},
		{"NL", "Dam 1\n1012 AB Amsterdam", "Dam 1", "1012 AB", "Amsterdam", ""},
		{"GB", "10 Downing Street\nLondon\nSW1A 2AA", "10 Downing Street", "SW1A 2AA", "London", ""},
		{"GB", "10 Downing Street\nLondon SW1A 2AA\nUnited Kingdom", "10 Downing Street", "SW1A 2AA", "London", ""},
		{"US", "350 Fifth Avenue\nNew York, NY 10118", "350 Fifth Avenue", "10118", "New York", "NY"},
		// Not sure enough: it stays, and the fields say what they miss.
		{"DE", "12 Analytical Way", "12 Analytical Way", "", "", ""},
		{"DE", "12 Analytical Way\nBerlin", "12 Analytical Way\nBerlin", "", "", ""},
		{"US", "350 Fifth Avenue\nNew York 10118", "350 Fifth Avenue\nNew York 10118", "", "", ""},
		{"", "1 Way\n10115 Berlin", "1 Way\n10115 Berlin", "", "", ""},
	} {
		got := TidyAddress(AddressFields{Street: c.pasted, Country: c.country})
		if got.Street != c.street || got.PostalCode != c.postal || got.Locality != c.town || got.Region != c.region {
			t.Errorf("%s %q: got %+v", c.country, c.pasted, got)
		}
	}
	// What was typed into its own field is never overruled.
	kept := AddressFields{Street: "1 Way\n10115 Berlin", Locality: "Hamburg", Country: "DE"}
	if got := TidyAddress(kept); got != kept {
		t.Errorf("got %+v, want it as typed", got)
	}
}

func TestAPostcodeIsTidiedWhereThatIsSafe(t *testing.T) {
	for _, c := range []struct{ country, typed, want string }{
		{"DE", "1O115", "10115"}, {"DE", "l0115", "10115"}, {"DE", "D-10115", "10115"}, {"DE", "１０１１５", "10115"}, {"DE", " 10 115, ", "10115"},
		{"CA", "KIA OB1", "K1A 0B1"}, {"GB", "SW1A OAA", "SW1A 0AA"}, {"NL", "1O12ab", "1012 AB"}, {"SE", "SE-111 22", "111 22"}, {"PL", "00001", "00-001"},
	} {
		got, err := ParseAddress(TidyAddress(AddressFields{Street: "1 Way", Locality: "Town", Region: "ON", PostalCode: c.typed, Country: c.country}))
		if err != nil || got.Reveal().PostalCode != c.want {
			t.Errorf("%s %q: got %q, %v; want %q", c.country, c.typed, got.Reveal().PostalCode, err, c.want)
		}
	}
	_, err := ParseAddress(AddressFields{Street: "1 Way", Locality: "Berlin", PostalCode: "10115 Berlin", Country: "DE"})
	refused(t, err, "postal_code", "10115 Berlin", "alone")
	_, err = ParseAddress(AddressFields{Street: "1 Way", Locality: "Berlin", PostalCode: "SW1A 2AA", Country: "DE"})
	refused(t, err, "postal_code", "SW1A 2AA", "five digits")
}

func TestAMissingHouseNumberIsAHint(t *testing.T) {
	for street, want := range map[string]bool{"Analytical Way": true, "12 Analytical Way": false, "Rose Cottage": true, "１２番地": false} {
		a, err := ParseAddress(AddressFields{Street: street, Locality: "Berlin", PostalCode: "10115", Country: "DE"})
		if err != nil || a.NoNumber() != want {
			t.Errorf("%q: got %v, %v, want %v and no refusal", street, a.NoNumber(), err, want)
		}
	}
}

func FuzzTidy(f *testing.F) {
	for _, s := range []string{"ada @ example.com", "Ada <ada@example.com>", "12 Way,\n10115 Berlin", "tel:+49 30 1", "\xff@,\u3000"} {
		f.Add(s, "DE")
	}
	f.Fuzz(func(t *testing.T, s, country string) {
		mail, err := ParseEmail(TidyEmail(s))
		if err == nil {
			if again, err := ParseEmail(TidyEmail(mail.Reveal())); err != nil || !again.Equal(mail) {
				t.Error("a tidied address is tidied into another one")
			}
		}
		TidyPhone(s)
		a := TidyAddress(AddressFields{Street: s, Country: country})
		if strings.Count(a.Street, "\n") > strings.Count(lineBreaks.Replace(s), "\n") {
			t.Error("a line was made")
		}
	})
}
