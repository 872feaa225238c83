package contact

import (
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestCountriesAreThoseOfISO3166(t *testing.T) {
	if len(rows) != 249 {
		t.Errorf("%d countries, ISO 3166-1 has 249", len(rows))
	}
	for i, r := range rows {
		if i > 0 && rows[i-1].code >= r.code {
			t.Errorf("%s stands after %s", r.code, rows[i-1].code)
		}
		if c, ok := CountryOf(strings.ToLower(r.code)); !ok || c.Code != r.code || c.Name == "" || c.CallingCode == "" {
			t.Errorf("CountryOf(%s) = %+v, %v", r.code, c, ok)
		}
		if (r.example == "") != (r.postal == "" || r.postal == "-") || (r.example == "") != (r.people == "") {
			t.Errorf("%s has a form without an example, or the other way round", r.code)
		}
		if r.example != "" { // the example is what the form makes of it, and of what people type
			for _, typed := range []string{r.example, strings.ToLower(r.example), " " + strings.NewReplacer(" ", "", "-", "").Replace(r.example) + " ", r.code + "-" + r.example} {
				if got, problem := r.postalCode(typed); got != r.example {
					t.Errorf("%s: %q is tidied to %q (%s), want %q", r.code, typed, got, problem, r.example)
				}
			}
			if got, problem := r.postalCode("!"); problem == "" || !strings.Contains(problem, r.example) {
				t.Errorf("%s: ! is taken as %q, %q", r.code, got, problem)
			}
		}
	}
	for _, no := range []string{"", "D", "DEU", "XX", "EU", "UK", "ZZ", "\x24\x25", "D\xc5", "..", "[["} {
		if c, ok := CountryOf(no); ok {
			t.Errorf("CountryOf(%q) = %+v", no, c)
		}
	}
	all := Countries()
	if all[0].Name != "Afghanistan" || all[1].Name != "Åland Islands" || all[len(all)-1].Name != "Zimbabwe" {
		t.Errorf("from %s, %s to %s", all[0].Name, all[1].Name, all[len(all)-1].Name)
	}
	all[0].Name = "changed"
	if Countries()[0].Name != "Afghanistan" {
		t.Error("a caller can change the countries of others")
	}
}

func TestPostalCodes(t *testing.T) {
	for _, row := range []struct{ country, typed, want string }{
		{"DE", "D-10115", "10115"}, {"DE", " 10 115 ", "10115"}, {"DE", "01067", "01067"},
		{"AT", "A-1010", "1010"}, {"CH", "CH-8001", "8001"}, {"FR", "F-75002", "75002"},
		{"NL", "1012ab", "1012 AB"}, {"NL", "NL-1012 AB", "1012 AB"}, {"BE", "B-1000", "1000"},
		{"GB", "sw1a1aa", "SW1A 1AA"}, {"GB", "m1 1ae", "M1 1AE"}, {"GB", "EC1A1BB", "EC1A 1BB"}, {"GB", "b338th", "B33 8TH"}, {"GB", "CR26XH", "CR2 6XH"}, {"GB", "DN551PT", "DN55 1PT"}, {"GB", "W1A0AX", "W1A 0AX"},
		{"IE", "d02af30", "D02 AF30"}, {"IE", "D6WXY00", "D6W XY00"}, {"IE", "", ""},
		{"US", "10001", "10001"}, {"US", "100011234", "10001-1234"}, {"US", "10001-1234", "10001-1234"},
		{"CA", "k1a0b1", "K1A 0B1"}, {"CA", "K1A-0B1", "K1A 0B1"},
		{"AU", "0800", "0800"}, {"JP", "1000001", "100-0001"}, {"JP", "〒１００－０００１", "100-0001"},
		{"SE", "11122", "111 22"}, {"SE", "SE-111 22", "111 22"}, {"DK", "DK-1050", "1050"}, {"NO", "N-0150", "0150"}, {"FI", "FI-00100", "00100"},
		{"PT", "1100148", "1100-148"}, {"LU", "L-1009", "1009"}, {"CZ", "11000", "110 00"}, {"PL", "00001", "00-001"},
		{"BR", "01310100", "01310-100"}, {"IN", "110 001", "110001"}, {"ES", "28013", "28013"}, {"IT", "I-00144", "00144"},
		{"LV", "1010", "LV-1010"}, {"MD", "2001", "MD-2001"}, {"HK", "999077", ""}, {"AE", "00000", ""}, {"AQ", "bi qq", "BI QQ"},
	} {
		r, _ := rowOf(row.country)
		if got, problem := r.postalCode(row.typed); got != row.want || problem != "" {
			t.Errorf("%s %q is tidied to %q (%s), want %q", row.country, row.typed, got, problem, row.want)
		}
	}
	for _, row := range []struct{ country, typed, want string }{
		{"DE", "1011", "A German postcode has five digits, like 10115."},
		{"DE", "", "Please give the postcode, like 10115."},
		{"DE", "00123", "German"}, {"DE", "10115x", "German"}, {"DE", "101156", "German"}, {"DE", "1０115\n\x00", "German"}, {"DE", "' OR 1=1", "German"},
		{"NL", "1012", "A Dutch postcode has four digits and two letters, like 1012 AB."},
		{"NL", "0012 AB", "Dutch"}, {"NL", "1012 A", "Dutch"},
		{"GB", "12345", "A British postcode looks like SW1A 1AA."},
		{"US", "1000", "A US ZIP code looks like 10001."}, {"US", "00000", "ZIP"},
		{"CA", "D1A 0B1", "A Canadian postal code looks like K1A 0B1."},
		{"IE", "12345", "An Irish Eircode looks like D02 AF30."}, {"IE", "DXW XY00", "Eircode"},
		{"IN", "000000", "An Indian PIN code has six digits, like 110001."},
		{"ES", "53001", "Spanish"}, {"ES", "00001", "Spanish"}, {"AT", "0123", "Austrian"}, {"JP", "100", "seven digits"}, {"PL", "00-00", "five digits"},
		{"AQ", "1234567890123", "up to 12"}, {"AQ", "a<b", "up to 12"}, {"AQ", "Ł1", "up to 12"},
	} {
		r, _ := rowOf(row.country)
		if got, problem := r.postalCode(row.typed); got != "" || !strings.Contains(problem, row.want) {
			t.Errorf("%s %q is taken as %q (%s), want %q", row.country, row.typed, got, problem, row.want)
		}
	}
}

func TestAnAddressIsWrittenAsInItsCountry(t *testing.T) {
	for _, row := range []struct {
		in   AddressFields
		want string
	}{
		{AddressFields{"Invalidenstraße 117", "Berlin", "", "10115", "de"}, "Invalidenstraße 117|10115 Berlin|Germany"},
		{AddressFields{"  Hof 2 \r\n\r\n Stiege  3 ", "Wien", "", "1010", "AT"}, "Hof 2|Stiege 3|1010 Wien|Austria"},
		{AddressFields{"350 Fifth Avenue", "New York", "new york", "10118", "US"}, "350 Fifth Avenue|New York NY 10118|United States"},
		{AddressFields{"1 Rue X", "Montréal", "quebec", "h2x1y4", "CA"}, "1 Rue X|Montréal QC H2X 1Y4|Canada"},
		{AddressFields{"1 George St", "Sydney", "NSW", "2000", "AU"}, "1 George St|Sydney NSW 2000|Australia"},
		{AddressFields{"10 High St", "London", "", "sw1a1aa", "GB"}, "10 High St|London|SW1A 1AA|United Kingdom"},
		{AddressFields{"1 Main St", "Cork", "Co. Cork", "", "IE"}, "1 Main St|Cork|Co. Cork|Ireland"},
		{AddressFields{"Via Roma 1", "Roma", "RM", "00144", "IT"}, "Via Roma 1|00144 Roma RM|Italy"},
		{AddressFields{"Calle 1", "Madrid", "", "28013", "ES"}, "Calle 1|28013 Madrid|Spain"},
		{AddressFields{"Av. Paulista 1", "São Paulo", "Sao Paulo", "01310100", "BR"}, "Av. Paulista 1|São Paulo - SP|01310-100|Brazil"},
		{AddressFields{"Fő utca 1", "Budapest", "", "1051", "HU"}, "Budapest|Fő utca 1|1051|Hungary"},
		{AddressFields{"1-1 Chiyoda", "Chiyoda-ku", "Tokyo", "1000001", "JP"}, "1-1 Chiyoda|Chiyoda-ku Tokyo 100-0001|Japan"},
		{AddressFields{"千代田1-1", "千代田区", "東京都", "1000001", "JP"}, "〒100-0001|東京都 千代田区|千代田1-1|Japan"},
		{AddressFields{"1 Queen's Road", "Central", "Hong Kong Island", "", "HK"}, "1 Queen's Road|Central|Hong Kong Island|Hong Kong"},
		{AddressFields{"1 Orchard Rd", "", "", "018956", "SG"}, "1 Orchard Rd|018956|Singapore"},
		{AddressFields{"Box 1", "Dhaka", "", "1000", "BD"}, "Box 1|Dhaka - 1000|Bangladesh"},
		{AddressFields{"<b>1</b> & Co", "Paris", "", "75002", "FR"}, "<b>1</b> & Co|75002 Paris|France"},
	} {
		a, err := ParseAddress(row.in)
		if got := strings.Join(a.Lines(), "|"); err != nil || got != row.want {
			t.Errorf("%+v is written %q, %v; want %q", row.in, got, err, row.want)
		}
		if again, err := ParseAddress(a.Reveal()); err != nil || !again.Equal(a) {
			t.Errorf("%+v parses again to %+v, %v", a.Reveal(), again.Reveal(), err)
		}
	}
}

func TestEverythingWrongWithAnAddressIsSaidAtOnce(t *testing.T) {
	fields := func(err error) []string {
		var got []string
		for _, p := range fault.Of(err).Problems {
			got = append(got, p.Field)
		}
		return got
	}
	_, err := ParseAddress(AddressFields{Country: "US"})
	if got, want := fields(err), []string{"street_address", "address_locality", "address_region", "postal_code"}; !slices.Equal(got, want) {
		t.Errorf("problems with %v, want %v", got, want)
	}
	_, err = ParseAddress(AddressFields{})
	if got, want := fields(err), []string{"street_address", "address_country"}; !slices.Equal(got, want) {
		t.Errorf("problems with %v, want %v", got, want)
	}

	good := AddressFields{"Weg 1", "Bern", "", "3000", "CH"}
	for _, row := range []struct {
		field, value, want string
	}{
		{"street_address", "a\x00b c", "control"},
		{"street_address", "Weg\u202e 1", "direction"},
		{"street_address", "Weg 1\n2\n3\n4\n5", "four lines"},
		{"street_address", strings.Repeat("a", 101), "up to 100"},
		{"street_address", "a\n" + strings.Repeat("b", 101), "up to 100"},
		{"street_address", strings.Repeat("a", 1<<20), "up to 100"},
		{"street_address", " \n ", "Please give"},
		{"address_locality", "Bern\nBcc: eve", "line break"},
		{"address_locality", strings.Repeat("a", 101), "up to 100"},
		{"address_locality", strings.Repeat("a", 1<<20), "up to 100"},
		{"address_locality", "---", "no letters"},
		{"address_region", "a\xffbcd", "UTF-8"},
		{"postal_code", "300", "A Swiss postcode has four digits, like 8001."},
		{"postal_code", strings.Repeat("3", 1<<20), "Swiss"},
		{"address_country", "XX", "two letters, like DE"},
		{"address_country", "Switzerland", "two letters"},
	} {
		in := good
		switch row.field {
		case "street_address":
			in.Street = row.value
		case "address_locality":
			in.Locality = row.value
		case "address_region":
			in.Region = row.value
		case "postal_code":
			in.PostalCode = row.value
		case "address_country":
			in.Country = row.value
		}
		a, err := ParseAddress(in)
		refused(t, err, row.field, row.value, row.want)
		if !a.IsZero() {
			t.Errorf("a refused address is not zero")
		}
	}
	for country, want := range map[string]string{"US": "state, by name or in short, like NY", "CA": "like ON", "AU": "like NSW", "BR": "like SP"} {
		_, err := ParseAddress(AddressFields{"Street 1", "Town", "Bavaria", "10001", country})
		refused(t, err, "address_region", "Bavaria", want)
	}
	for _, country := range []string{"US", "CA", "AU", "BR", "IN", "JP", "MX", "CN"} {
		_, err := ParseAddress(AddressFields{"Street 1", "Town", "", "10001", country})
		refused(t, err, "address_region", "", "Please give the")
	}
}
