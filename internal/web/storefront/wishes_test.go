package storefront

import (
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
