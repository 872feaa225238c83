package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// filled is a checkout form, by the names that a page posts.
func filled() url.Values {
	return url.Values{
		"email": {"ada@example.com"}, "name": {"Ada Lovelace"}, "phone": {"+49 30 1234567"},
		"shipping_address.street_address": {"12 Analytical Way"}, "shipping_address.address_locality": {"Berlin"},
		"shipping_address.postal_code": {"10115"}, "shipping_address.address_country": {"DE"},
	}
}

// asJSON is the same form as the API takes it.
func asJSON(form url.Values) string {
	doc := map[string]any{}
	for name, values := range form {
		if prefix, part, ok := strings.Cut(name, "."); ok {
			if doc[prefix] == nil {
				doc[prefix] = map[string]any{}
			}
			doc[prefix].(map[string]any)[part] = values[0]
			continue
		}
		doc[name] = values[0]
	}
	b, _ := json.Marshal(doc)
	return string(b)
}

// mistake is one field filled in as people get it wrong.
type mistake struct {
	field, typed string
	says         string // how to mend it
}

func mistakes() []mistake {
	const street, town, postal, region = "shipping_address.street_address", "shipping_address.address_locality", "shipping_address.postal_code", "shipping_address.address_region"
	card := "4111 1111 1111 1111"
	return []mistake{
		{"email", "", "Please give an e-mail address."},
		{"email", "ada", "has an @ in it"},
		{"email", "ada.example.com", "has an @ in it"},
		{"email", "@example.com", "missing before the @"},
		{"email", "ada@", "missing after the @"},
		{"email", "ada@@example.com", "has one @"},
		{"email", "ada@home@example.com", "has one @"},
		{"email", "ada,lovelace@example.com", "a comma before the @"},
		{"email", "ada@example,com", "Did you mean a dot"},
		{"email", "ada lovelace@example.com", "a space before the @"},
		{"email", "ada@exam ple.com", "a space after the @"},
		{"email", "ada@example", "The ending is missing"},
		{"email", "ada@example..com", "should look like example.com"},
		{"email", "ada..l@example.com", "single dots"},
		{"email", strings.Repeat("a", 300) + "@example.com", "too long"},
		{"name", "", "Please give a name."},
		{"name", "   ", "Please give a name."},
		{"name", "😀", "Please give a name."},
		{"name", strings.Repeat("Ada ", 500), "up to 200 characters"},
		{"name", "Win at www.evil.example", "web address"},
		{"name", card, "card number"},
		{postal, "", "Please give the postcode, like 10115."},
		{postal, "1011", "five digits, like 10115"},
		{postal, "101155", "five digits, like 10115"},
		{postal, "SW1A 2AA", "five digits, like 10115"},
		{postal, "F-75002 Paris", "five digits, like 10115"},
		{postal, "10115 Berlin", "The town has a field of its own."},
		{street, "", "Please give the street and house number."},
		{street, "-", "Please give the street and house number."},
		{street, strings.Repeat("Way ", 100), "up to 100 characters"},
		{street, "a\nb\nc\nd\ne", "up to four lines"},
		{street, "12 Way\n" + card, "card number"},
		{town, "", "Please give the town or city."},
		{town, "???", "it has no letters"},
		{town, strings.Repeat("B", 150), "up to 100 characters"},
		{"shipping_address.address_country", "", "Please choose a country."},
		{"shipping_address.address_country", "Germany", "two letters, like DE"},
		{"phone", "030 12a4567", "digits only"},
		{"phone", "12", "too short"},
		{"phone", "+49 30 1234567 8901234567", "too long"},
		{"phone", "+999 1234567", "code of a country"},
		{"phone", "030#1234567", "digits, spaces and a plus"},
		{"phone", card, "card number"},
		{"note", strings.Repeat("n", 10_000), "500 characters"},
		{"note", "Please charge " + card, "card number"},
		{"order_note", strings.Repeat("n", 501), "500 characters"},
		{"order_note", card, "card number"},
		{"gift_name", "Visit evil.com", "web address"},
		{"gift_message", strings.Repeat("n", 301), "300 characters"},
		{"gift_message", "4111-1111-1111-1111", "card number"},
		{"vat_number", "12345", "two letters first"},
		{region, strings.Repeat("r", 150), "up to 100 characters"},
	}
}

// TestEveryMistakeIsToldAlikeOnPageAndAPI fills the form in as people get it
// wrong, one field at a time. Each answer says how to mend it, at the field and
// above; the API says the same words; and nothing typed is lost.
func TestEveryMistakeIsToldAlikeOnPageAndAPI(t *testing.T) {
	s := demo(t, "")
	variant := s.product("whistling-kettle").Variants[0].ID
	var c apiCart
	s.want(201, "POST", "/api/v1/carts", "{}").into(t, &c)
	mine := "Cart-Token: " + c.Token
	s.want(201, "POST", "/api/v1/carts/"+c.ID+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, variant), mine)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := *s // the API takes no cookies
	client := *s.client
	client.Jar, browser.client = jar, &client
	form := func(path string, v url.Values) answer {
		t.Helper()
		return browser.ask("POST", path, v.Encode(), "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
	}
	form("/cart/lines", url.Values{"variant_id": {variant}, "quantity": {"1"}})

	for _, m := range mistakes() {
		in := filled()
		in.Set(m.field, m.typed)
		page := form("/checkout", in)
		plain := html.UnescapeString(page.body)
		id := strings.ReplaceAll(m.field, ".", "-")
		what := fmt.Sprintf("%s = %.30q", m.field, m.typed)
		if page.status != 422 || !strings.Contains(page.body, "<title>Error: Checkout") {
			t.Errorf("%s: got status %d, want 422 with Error: in the title", what, page.status)
			continue
		}
		for _, want := range []string{m.says, `id="wrong" role="alert" tabindex="-1" autofocus`, `href="#` + id + `"`, `id="` + id + `-wrong"`} {
			if !strings.Contains(plain, want) {
				t.Errorf("%s: the page does not say %q", what, want)
			}
		}
		if strings.Contains(m.says, "card number") {
			if strings.Contains(page.body, "4111") {
				t.Errorf("%s: the card number is on the page", what)
			}
		} else if kept := strings.TrimSpace(m.typed); kept != "" && m.field != "shipping_address.address_country" && !strings.Contains(plain, kept) {
			t.Errorf("%s: what was typed is lost", what)
		}
		for field, value := range in {
			if field != m.field && !strings.HasSuffix(field, "country") && !strings.Contains(plain, value[0]) {
				t.Errorf("%s: %s is lost", what, field)
			}
		}

		a := s.ask("PUT", "/api/v1/carts/"+c.ID+"/checkout", asJSON(in), mine)
		problem(t, a, 422, "invalid")
		var told struct {
			Errors []struct{ Pointer, Detail string }
		}
		a.into(t, &told)
		pointer, found := "/"+strings.ReplaceAll(m.field, ".", "/"), false
		for _, e := range told.Errors {
			if e.Pointer == pointer {
				found = true
				if !strings.Contains(e.Detail, m.says) || !strings.Contains(plain, e.Detail) {
					t.Errorf("%s: the API says %q, the page something else", what, e.Detail)
				}
			}
		}
		if !found {
			t.Errorf("%s: the API names %v, want %s", what, told.Errors, pointer)
		}
	}

	// What can be tidied safely is, and is shown before anything is ordered.
	for _, tidy := range []struct{ field, typed, shown string }{
		{"email", " ada @ example.com, ", "ada@example.com"},
		{"email", "mailto:ada@example.com.", "ada@example.com"},
		{"email", "ada@bücher.example", "ada@bücher.example"},
		{"name", "  Ada   Lovelace, ", "Ada Lovelace"},
		{"name", "Ж", "Ж"},
		{"shipping_address.postal_code", "D-10115", "10115 Berlin"},
		{"shipping_address.postal_code", "1O1 15", "10115 Berlin"},
		{"shipping_address.postal_code", "１０１１５", "10115 Berlin"},
		{"shipping_address.address_locality", "Berlin,", "10115 Berlin"},
		{"phone", "030/123-45 67", "+49301234567"},
		{"phone", "tel:+49 (0)30 1234567", "+49301234567"},
		{"shipping_address.street_address", "Analytical Way", "There is no house number"},
	} {
		in := filled()
		in.Set(tidy.field, tidy.typed)
		if a := form("/checkout", in); a.status != 303 || a.header.Get("Location") != "/checkout/review" {
			t.Errorf("%s = %q: got status %d, want it tidied", tidy.field, tidy.typed, a.status)
			continue
		}
		if review := html.UnescapeString(browser.want(200, "GET", "/checkout/review", "").body); !strings.Contains(review, tidy.shown) {
			t.Errorf("%s = %q: the review does not show %q", tidy.field, tidy.typed, tidy.shown)
		}
		s.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", asJSON(in), mine)
	}
	pasted := filled()
	pasted.Set("shipping_address.street_address", "12 Analytical Way,\r\nHinterhaus,\r\nD-10115 Berlin,\r\nGermany")
	pasted.Set("shipping_address.postal_code", "")
	pasted.Set("shipping_address.address_locality", "")
	if a := form("/checkout", pasted); a.status != 303 {
		t.Errorf("an address pasted whole: got status %d, want it taken apart", a.status)
	}
	for _, typed := range []string{"example.com", "4111 1111", "4111-1111", "41111111"} { // four digits alone are in many a port and id
		if strings.Contains(s.said.String(), typed) {
			t.Errorf("the log quotes %q, which was typed", typed)
		}
	}
}
