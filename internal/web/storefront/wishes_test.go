package storefront

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAWishIsTakenBackOnThePage asks for two things on one device and takes one back.
func TestAWishIsTakenBackOnThePage(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	const mail = "waiting.mark@example.com"
	for _, handle := range []string{"mug", "jug"} {
		v := s.Product(t, handle, 1950, shoptest.Counted(0))
		b.post("/wishes", url.Values{"variant_id": {string(v.ID)}, "email": {mail}}).is(200, "We write to you once", `href="/wishes"`)
	}
	waits := b.get("/wishes").is(200, "The mug", "The jug").not(mail)
	_, rest, _ := strings.Cut(waits.body, `name="wish" value="`)
	mug, _, _ := strings.Cut(rest, `"`)
	s.shopper(t).post("/wishes/end", url.Values{"wish": {mug}}).is(200, "This device waits for nothing")
	b.post("/wishes/end", url.Values{"wish": {"none"}}).is(200, "The mug", "The jug")
	b.post("/wishes/end", url.Values{"wish": {mug}}).is(200, "Taken back", "The jug").not("The mug")
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM wishes`); n != 1 {
		t.Errorf("%d wishes are kept, want the jug's", n)
	}
	b.post("/cart/clear", nil)
	b.get("/wishes").is(200, "This device waits for nothing")
}

// TestHowMuchAnAddressCanWaitForIsSaidBeforehand: the form and the answer name the
// bound that holds, to everybody alike, so that asking tells nobody how much an address
// waits for.
func TestHowMuchAnAddressCanWaitForIsSaidBeforehand(t *testing.T) {
	s := open(t)
	kept := func() int64 { return shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM wishes`) }
	for i := range 30 {
		v := s.Product(t, fmt.Sprint("gone-", i), 1950, shoptest.Counted(0))
		if _, err := s.Desk.AskWish(t.Context(), v.ID, "waiting.mark@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	most := kept()
	if most == 0 || most == 30 {
		t.Fatalf("%d wishes of 30 are kept: this test shows nothing", most)
	}
	rule := fmt.Sprintf("wait for %d things at a time", most)
	s.shopper(t).get("/products/gone-0").is(200, rule)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(0))
	ask := func(email string) seen {
		return s.shopper(t).post("/wishes", url.Values{"variant_id": {string(mug.ID)}, "email": {email}})
	}
	one, other := ask("waiting.mark@example.com").is(200, rule), ask("new@example.com").is(200, rule)
	if one.body != other.body {
		t.Error("the answer tells whether the address waits for much")
	}
	if kept() != most+1 {
		t.Errorf("%d wishes are kept, want one more", kept())
	}
}

// FuzzParseWishes: whatever a cookie holds, what is read of it is what was kept.
func FuzzParseWishes(f *testing.F) {
	one := strings.Repeat("a", 36) + ".v." + strings.Repeat("m", 43)
	for _, seed := range []string{"", one, one + "." + one, one + ".", strings.Repeat(one+".", 9) + one} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var words []string
		list := parseWishes(value)
		for _, w := range list {
			words = append(words, w.Owner, string(w.Variant), w.MAC)
		}
		if list != nil && strings.Join(words, ".") != value {
			t.Errorf("got %q back, want %q", strings.Join(words, "."), value)
		}
		if len(list) > wishesHere || len(list) == 0 && list != nil {
			t.Errorf("got %d wishes", len(list))
		}
	})
}
