package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// land is what the form of an address asks in one country, and says.
type land struct {
	code             string
	postal, like     string // label and hint; "" when the code is not asked
	needed           bool   // the code
	region           string // label; "" when it is not asked
	wrong, says      string // a code that is none there, and what mends it
	street, at, town string // an address there…
	state            string
	lines            string // …and how it is written, parted by "/"
}

func landsOfTheWorld() []land {
	return []land{
		{"DE", "Postcode", "10115", true, "", "1011", "A German postcode has five digits, like 10115.", "12 Weg", "10115", "Berlin", "", "12 Weg/10115 Berlin/Germany"},
		{"AT", "Postcode", "1010", true, "", "0123", "An Austrian postcode has four digits, like 1010.", "Ring 1", "1010", "Wien", "", "Ring 1/1010 Wien/Austria"},
		{"CH", "Postcode", "8001", true, "", "80011", "A Swiss postcode has four digits, like 8001.", "Gasse 1", "8001", "Zürich", "", "Gasse 1/8001 Zürich/Switzerland"},
		{"FR", "Postcode", "75002", true, "", "7500", "A French postcode has five digits, like 75002.", "1 rue", "75002", "Paris", "", "1 rue/75002 Paris/France"},
		{"NL", "Postcode", "1012 AB", true, "", "1012", "A Dutch postcode has four digits and two letters, like 1012 AB.", "Dam 1", "1012ab", "Amsterdam", "", "Dam 1/1012 AB Amsterdam/Netherlands"},
		{"BE", "Postcode", "1000", true, "", "999", "A Belgian postcode has four digits, like 1000.", "Rue 1", "1000", "Bruxelles", "", "Rue 1/1000 Bruxelles/Belgium"},
		{"IT", "Postcode", "00144", true, "", "144", "An Italian postcode has five digits, like 00144.", "Via 1", "00144", "Roma", "RM", "Via 1/00144 Roma RM/Italy"},
		{"ES", "Postcode", "28013", true, "", "99999", "A Spanish postcode has five digits, like 28013.", "Calle 1", "28013", "Madrid", "", "Calle 1/28013 Madrid/Spain"},
		{"PT", "Postcode", "1100-148", true, "", "1100", "A Portuguese postcode has seven digits, like 1100-148.", "Rua 1", "1100148", "Lisboa", "", "Rua 1/1100-148 Lisboa/Portugal"},
		{"PL", "Postcode", "00-001", true, "", "0001", "A Polish postcode has five digits, like 00-001.", "Ulica 1", "00001", "Warszawa", "", "Ulica 1/00-001 Warszawa/Poland"},
		{"SE", "Postcode", "111 22", true, "", "1112", "A Swedish postcode has five digits, like 111 22.", "Gatan 1", "11122", "Stockholm", "", "Gatan 1/111 22 Stockholm/Sweden"},
		{"IE", "Eircode", "D02 AF30", false, "", "D02", "An Irish Eircode looks like D02 AF30.", "1 Quay", "d02af30", "Dublin", "", "1 Quay/Dublin/D02 AF30/Ireland"},
		{"GB", "Postcode", "SW1A 1AA", true, "", "SW1A", "A British postcode looks like SW1A 1AA.", "10 Downing Street", "sw1a2aa", "London", "", "10 Downing Street/London/SW1A 2AA/United Kingdom"},
		{"US", "ZIP code", "", true, "State", "1000", "", "350 Fifth Avenue", "10118", "New York", "New York", "350 Fifth Avenue/New York NY 10118/United States"},
		{"JP", "Postal code", "100-0001", true, "Prefecture", "100", "A Japanese postal code has seven digits, like 100-0001.", "1-1 Chiyoda", "1000001", "Chiyoda-ku", "Tokyo", "1-1 Chiyoda/Chiyoda-ku Tokyo 100-0001/Japan"},
		{"BR", "Postal code", "01310-100", true, "State", "0131", "A Brazilian postal code has eight digits, like 01310-100.", "Av. Paulista 1", "01310100", "São Paulo", "SP", "Av. Paulista 1/São Paulo - SP/01310-100/Brazil"},
		{"HK", "", "", false, "", "", "", "1 Queen's Road", "", "Central", "", "1 Queen's Road/Central/Hong Kong"},
	}
}

// asks is what can be seen of the form: it must be the same whether the server
// or the script has drawn it.
type asks struct {
	Postal, Hint, Region     string
	PostalShown, RegionShown bool
	PostalMust, RegionMust   bool
}

const readAsks = `(() => {
	const at = "shipping_address-", get = (id) => document.getElementById(at + id);
	const words = (id) => get(id).labels[0].firstChild.textContent.trim();
	return JSON.stringify({
		Postal: words("postal_code"), Region: words("address_region"),
		Hint: get("postal_code-hint").hidden ? "" : get("postal_code-hint").textContent,
		PostalShown: get("postal_code").checkVisibility(), RegionShown: get("address_region").checkVisibility(),
		PostalMust: get("postal_code").getAttribute("aria-required") === "true",
		RegionMust: get("address_region").getAttribute("aria-required") === "true",
	});
})()`

func TestTheFormOfAnAddressFollowsItsCountry(t *testing.T) {
	set := shop(t, nil)
	form := func(country string, problems ...fault.Problem) Checkout {
		c := samples(t)["checkout"].(Checkout)
		c.Countries, c.Problems, c.Typed.ShipTo.Country = contact.Countries(), problems, country
		return c
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", strict)
		if strings.HasPrefix(r.URL.Path, PathAssets) {
			set.Assets(http.NotFoundHandler()).ServeHTTP(w, r)
			return
		}
		set.Render(w, form(r.URL.Query().Get("country")))
	}))
	t.Cleanup(server.Close)
	b := browser.Start(t, server.Certificate())
	plain, scripted := b.Page(t, browser.View{NoScript: true, Width: browser.Narrow}), b.Page(t, browser.View{})
	scripted.Open(server.URL + "/checkout?country=DE")
	read := func(p *browser.Page) (a asks) {
		t.Helper()
		if err := json.Unmarshal([]byte(browser.Eval[string](p, readAsks)), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, l := range landsOfTheWorld() {
		t.Run(l.code, func(t *testing.T) {
			plain.Open(server.URL + "/checkout?country=" + l.code)
			served := read(plain)
			browser.Eval[bool](scripted, fmt.Sprintf(`(() => { const s = document.getElementById("shipping_address-address_country"); s.value = %q;
				s.dispatchEvent(new Event("change", {bubbles: true})); return true })()`, l.code))
			changed := read(scripted)
			if served.PostalShown != (l.postal != "") || changed.PostalShown != served.PostalShown {
				t.Errorf("the code is asked: by the server %v, by the script %v", served.PostalShown, changed.PostalShown)
			}
			if l.postal != "" {
				if served.Postal != l.postal || served.PostalMust != l.needed || l.like != "" && served.Hint != "Like "+l.like {
					t.Errorf("the server asks %+v", served)
				}
				if changed.Postal != served.Postal || changed.Hint != served.Hint || changed.PostalMust != served.PostalMust {
					t.Errorf("the script asks %+v, the server %+v", changed, served)
				}
			}
			if served.RegionShown != (l.region != "") || changed.RegionShown != served.RegionShown || l.region != "" && (served.Region != l.region || changed.Region != l.region || !served.RegionMust || !changed.RegionMust) {
				t.Errorf("region: the server asks %+v, the script %+v", served, changed)
			}

			// Country first, in one column, whatever the country.
			names, tokens := asked(t, render(t, set, form(l.code)))
			if at := slices.Index(names, "shipping_address.address_country"); at != 2 || tokens[at] != "shipping country" || len(names) > 8 {
				t.Errorf("got %v, want the country before the address and at most eight things", names)
			}

			right := contact.AddressFields{Street: l.street, Locality: l.town, Region: l.state, PostalCode: l.at, Country: l.code}
			a, err := contact.ParseAddress(right)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(a.Lines(), "/"); got != l.lines {
				t.Errorf("got %s, want %s", got, l.lines)
			}
			if l.wrong == "" {
				return
			}
			bad := right
			bad.PostalCode = l.wrong
			_, err = contact.ParseAddress(bad)
			if err == nil {
				t.Fatal("a wrong code was taken")
			}
			p := fault.Of(err).Problems
			if len(p) != 1 || p[0].Field != "postal_code" || l.says != "" && p[0].Detail != l.says {
				t.Errorf("got %v, want %s", p, l.says)
			}
			shown := render(t, set, form(l.code, fault.Problem{Field: "shipping_address/postal_code", Detail: p[0].Detail}))
			if !strings.Contains(html.UnescapeString(shown), p[0].Detail) || !strings.Contains(shown, `href="#shipping_address-postal_code"`) {
				t.Error("the page does not lead to the mistake")
			}
		})
	}
	if got := append(plain.Complaints(), scripted.Complaints()...); len(got) > 0 {
		t.Errorf("the browser complains: %v", got)
	}
}
