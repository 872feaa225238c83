package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sellsKnots brings in a thing that is not sent by post, with a file and some
// licence keys.
func (s *shop) sellsKnots(t testing.TB, content string, keys ...string) apiVariant {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	s.must(t, "import", "products", write("goods.csv", "Handle,Title,Variant SKU,Variant Requires Shipping,Variant Price\nknots,Book of knots,KNOTS,false,9.00\n"))
	s.must(t, "files", "add", "--variant", "KNOTS", write("Knots.txt", content))
	s.must(t, "licences", "add", "--variant", "KNOTS", "--from", write("keys.txt", strings.Join(keys, "\n")+"\n"))
	return s.product("knots").Variants[0]
}

var downloadLink = regexp.MustCompile(`href="(/downloads/[^"]+)"`)

func TestWhatIsNotSentByPostIsHandedOutOnceAndEnds(t *testing.T) {
	s := demo(t, "")
	knots := s.sellsKnots(t, strings.Repeat("over, under, through. ", 10_000), "KNOT-AAAA-1", "KNOT-BBBB-2", "KNOT-CCCC-3")
	if out, errs, code := s.run(t, "files", "add", "--variant", s.product("nesting-bowls").Variants[0].SKU, filepath.Join(s.dir, "cartkeep.toml")); code == 0 {
		t.Errorf("a file for bowls: got %s%s", out, errs)
	}
	if out := s.must(t, "licences", "list"); !strings.Contains(out, "3 left") || strings.Contains(out, "KNOT-") {
		t.Errorf("got %q", out)
	}

	buy := func(n, keys int) (apiPlaced, answer) {
		c := s.cart(knots.ID, n)
		who := ada()
		placed := s.place(c, who, "k")
		s.bankSays(*placed.Payment.RedirectURL, "approved")
		var page answer
		eventually(t, 15*time.Second, "the file on the order page", func() bool {
			b := &browserless{shop: s, cookies: map[string]string{"__Host-order-" + placed.Order.Number: placed.Order.Token}}
			page = b.get("/orders/" + placed.Order.Number)
			return downloadLink.MatchString(page.body) && strings.Count(page.body, "KNOT-") == keys
		})
		return placed, page
	}
	first, page := buy(2, 2)
	if !strings.Contains(page.body, "KNOT-AAAA-1") || !strings.Contains(page.body, "KNOT-BBBB-2") {
		t.Error("two units have not the first two keys")
	}
	path := downloadLink.FindStringSubmatch(page.body)[1]

	// A scanner of mails may look as often as it likes.
	for range 10 {
		if got := s.want(200, "GET", path, ""); !strings.Contains(got.body, "5 more times") {
			t.Fatal("looking was counted")
		}
	}
	got := s.want(200, "POST", path, "", "Origin: "+s.origin)
	if len(got.body) != 220_000 || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") ||
		got.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d bytes, %v", len(got.body), got.header)
	}
	// The rest, and all of it again within the hour, are not counted.
	if rest := s.want(206, "POST", path, "", "Origin: "+s.origin, "Range: bytes=100001-"); rest.body != got.body[100_001:] {
		t.Errorf("the rest: got %d bytes", len(rest.body))
	}
	if now := s.want(200, "GET", path, ""); !strings.Contains(now.body, "4 more times") {
		t.Error("one download and its rest did not count as one")
	}
	db := s.raw(t)
	defer db.Close()
	sql := func(q string, args ...any) {
		t.Helper()
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatal(err)
		}
	}
	for left := 4; left > 0; left-- {
		sql(`UPDATE downloads SET started_at = 0`) // an hour passes
		s.want(200, "POST", path, "", "Origin: "+s.origin)
	}
	sql(`UPDATE downloads SET started_at = 0`)
	s.want(303, "POST", path, "", "Origin: "+s.origin)
	if now := s.want(200, "GET", path, ""); !strings.Contains(now.body, "has ended") {
		t.Error("a sixth download is offered")
	}
	sql(`UPDATE downloads SET left_over = 5, ends_at = 1`)
	s.want(303, "POST", path, "", "Origin: "+s.origin)

	// One key is left for two units: the page says that something is to come.
	second, page := buy(2, 1)
	if strings.Contains(page.body, "KNOT-AAAA") || strings.Count(page.body, "KNOT-CCCC-3") != 1 || !strings.Contains(page.body, "still on its way") {
		t.Error("the second order has not the third key alone, and word of the fourth")
	}
	// Nobody's token opens another's file, and guesses are misses.
	theirs := downloadLink.FindStringSubmatch(page.body)[1]
	for _, guess := range []string{
		strings.Replace(theirs, second.Order.Number, first.Order.Number, 1), strings.Replace(path, first.Order.Number, second.Order.Number, 1),
		theirs[:len(theirs)-1] + "_", theirs + "A", "/downloads/x", "/downloads/" + first.Order.Number + "..", "/downloads/..%2f",
	} {
		if got := s.ask("POST", guess, "", "Origin: "+s.origin); got.status != 404 {
			t.Errorf("%s: got %d, want 404", guess, got.status)
		}
	}
	s.want(403, "POST", theirs, "", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")

	// What was paid back is not handed out any more.
	s.must(t, "refund", second.Order.Number)
	s.want(404, "GET", theirs, "")
	s.want(404, "POST", theirs, "", "Origin: "+s.origin)
	b := &browserless{shop: s, cookies: map[string]string{"__Host-order-" + second.Order.Number: second.Order.Token}}
	if got := b.get("/orders/" + second.Order.Number); strings.Contains(got.body, "KNOT-") || downloadLink.MatchString(got.body) {
		t.Error("a refunded order still shows its goods")
	}
}
