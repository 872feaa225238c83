package message

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var kestrel = Shop{Name: "Kestrel & Daughters", Origin: "https://shop.example", Statement: "KESTREL SHOP"}

func adasOrder(t testing.TB) OrderConfirmation {
	eur := must[money.Currency](t)(money.ParseCurrency("EUR"))
	of := func(minor int64) money.Amount { return money.Of(minor, eur) }
	return OrderConfirmation{
		To:       must[contact.Email](t)(contact.ParseEmail("ada@lovelace.example")),
		Name:     must[contact.Name](t)(contact.ParseName("Ada O’Lovelace")),
		Number:   "K7Q2M-9F3XA",
		Paid:     true,
		PlacedAt: time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC),
		Lines: []order.Line{
			{Title: "Stoneware bowl, large", Quantity: 2, Unit: of(2400), Total: of(4800)},
			{Title: `Cloth "Moor" <grey>`, Quantity: 1, Unit: of(1250), Total: of(1250)},
		},
		Totals:   cart.Totals{Items: of(6050), Discount: of(50), Shipping: of(490), Tax: of(1036), Total: of(6490), TaxIncluded: true},
		Shipping: "Standard",
		Link:     "https://shop.example/orders/K7Q2M-9F3XA",
	}
}

func cancelled(c OrderConfirmation, why order.Reason) OrderCancelled {
	c.Totals.TaxIncluded = false
	return OrderCancelled{To: c.To, Name: c.Name, Number: c.Number, Reason: why, Lines: c.Lines, Totals: c.Totals, Link: c.Link}
}

// Nobody packs what is loaded from the order's page.
func TestALetterAboutFilesPromisesNoParcel(t *testing.T) {
	files := adasOrder(t)
	files.Shipping = ""
	m := must[Message](t)(must[*Writer](t)(NewWriter(kestrel)).OrderConfirmation("m1", files))
	for _, text := range []string{m.Text, m.HTML} {
		if strings.Contains(text, "pack") || !strings.Contains(text, "What you bought is on the page of your order.") {
			t.Errorf("got %s", text)
		}
	}
}

// TestLettersReadAsAgreed compares each letter with its golden file; -update
// rewrites them.
func TestLettersReadAsAgreed(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	paid := adasOrder(t)
	open := paid
	open.Paid, open.Name = false, contact.Name{}
	for name, m := range map[string]Message{
		"confirmation":        must[Message](t)(w.OrderConfirmation("m1", paid)),
		"confirmation-unpaid": must[Message](t)(w.OrderConfirmation("m2", open)),
		"cancelled":           must[Message](t)(w.OrderCancelled("m3", cancelled(paid, order.HoldEnded))),
	} {
		if m.Channel != Email || m.To != "ada@lovelace.example" || m.ID == "" {
			t.Errorf("%s: head is wrong", name)
		}
		golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
		golden(t, name+".html", m.HTML)
		inert(t, name, m)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from its golden file; got:\n%s", name, got)
	}
}

var address = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"<]+`)

// inert checks what no letter may have: anything loaded or run when it is
// opened, and any link but those to the shop.
func inert(t *testing.T, name string, m Message) {
	t.Helper()
	for _, bad := range []string{"<img", "<script", "<style", "<link", "<form", "<iframe", "url(", "@import", " src=", " background=", " on", "javascript:", "mailto:", "tel:"} {
		tags := strings.Join(regexp.MustCompile(`<[^>]*>`).FindAllString(strings.ToLower(m.HTML), -1), "")
		if strings.Contains(tags, bad) {
			t.Errorf("%s: the mail has %q in its tags", name, bad)
		}
	}
	for _, found := range address.FindAllString(m.Text+m.HTML+m.Subject, -1) {
		if found != kestrel.Origin && !strings.HasPrefix(found, kestrel.Origin+"/") {
			t.Errorf("%s: the mail links elsewhere: %s", name, found)
		}
	}
	if n := strings.Count(m.HTML, "<a "); n != 1 {
		t.Errorf("%s: got %d links, want 1", name, n)
	}
	if strings.ContainsAny(m.Subject+m.To, "\r\n") {
		t.Errorf("%s: a head with two lines", name)
	}
}

// TestNothingAShopperTypedBecomesALink plays the sender of unwanted mail, who
// has a form of the shop and somebody else's address.
func TestNothingAShopperTypedBecomesALink(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	for _, typed := range []string{
		"prize.example", "Win at prize.example", "prize。example", "prize．example", "PRIZE.EXAMPLE/x",
		"ada@evil.example", "call 0900 1234567", "evil:8080", "a <b>evil</b>", "evil.\u200bexample", "evil .example",
		"You have won a great big prize and must come to us at once today", "x\u2024example", "one/two", "☎ me",
	} {
		name, err := contact.ParseName(typed)
		if err != nil {
			continue // refused at the form already
		}
		c := adasOrder(t)
		c.Name = name
		m := must[Message](t)(w.OrderConfirmation("m", c))
		for _, part := range []string{m.Subject, m.Text, m.HTML} {
			for _, bad := range []string{typed, "prize", "evil", "0900", "☎"} {
				if strings.Contains(strings.ToLower(part), strings.ToLower(bad)) {
					t.Errorf("the name %q reached the mail", typed)
				}
			}
		}
		if !strings.HasPrefix(m.Text, "Hello,\n") {
			t.Errorf("name %q: want a greeting without it", typed)
		}
		inert(t, typed, m)
	}
}

func TestPeopleAreGreetedByName(t *testing.T) {
	for _, typed := range []string{
		"Ada", "Ada O'Neill", "Ada O’Neill", "Jean-Luc Ó Ceallaigh", "J. R. Hartley", "Sammy Davis Jr.",
		"王小明", "Владимир", "Ngô Đình", "מרים", "محمد‌رضا", "సీత", "Keʻalohi", "Gal·la",
	} {
		name, err := contact.ParseName(typed)
		if err != nil {
			t.Logf("%q is no name to contact: %v", typed, err)
			continue
		}
		if got := greeting(name); got != name.Reveal() {
			t.Errorf("greeting of %q: got %q", typed, got)
		}
	}
}

// TestMerchantTextStaysOnItsLine: a title from an import may hold anything.
func TestMerchantTextStaysOnItsLine(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	c := adasOrder(t)
	c.Lines[0].Title = "Bowl\r\nBcc: all@evil.example\u2028\x00 <script>alert(1)</script>\u202egnp.exe"
	c.Shipping = "Fast\n\nand loose"
	m := must[Message](t)(w.OrderConfirmation("m", c))
	inert(t, "title", m)
	if strings.Contains(m.Text, "\r") || strings.Contains(m.Text, "\nBcc") || strings.Contains(m.Text, "\u202e") || strings.Contains(m.HTML, "<script") {
		t.Errorf("a title broke out of its line:\n%s", m.Text)
	}
}

func TestALetterLeadsOnlyToTheShop(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	for _, link := range []string{
		"", "/orders/K7Q2M-9F3XA", "http://shop.example/orders/1", "https://shop.example.evil.example/", "https://shop.example@evil.example/",
		"https://evil.example/?https://shop.example/", "javascript:alert(1)", "https://shop.example", "https://shop.example/a b", "https://shop.example/a\r\nBcc: x", "https://SHOP.example/",
	} {
		c := adasOrder(t)
		c.Link = link
		if _, err := w.OrderConfirmation("m", c); err == nil {
			t.Errorf("link %q: want an error", link)
		}
	}
	c := adasOrder(t)
	c.To = contact.Email{}
	if _, err := w.OrderConfirmation("m", c); err == nil {
		t.Error("a letter to nobody: want an error")
	}
	if _, err := w.OrderConfirmation("", adasOrder(t)); err == nil {
		t.Error("a letter without an id: want an error")
	}
}

func TestAShopWithoutItsFactsWritesNoLetters(t *testing.T) {
	for _, s := range []Shop{
		{}, {Name: "A\r\nBcc: x", Origin: kestrel.Origin, Statement: "A"}, {Name: "A", Origin: "http://shop.example", Statement: "A"},
		{Name: "A", Origin: "https://shop.example/", Statement: "A"}, {Name: "A", Origin: kestrel.Origin}, {Name: "A", Origin: kestrel.Origin, Statement: "A\nB"},
	} {
		if _, err := NewWriter(s); err == nil {
			t.Errorf("shop %q %q %q: want an error", s.Name, s.Origin, s.Statement)
		}
	}
}

func TestAMessageDoesNotShowItself(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	m := must[Message](t)(w.OrderConfirmation("m7", adasOrder(t)))
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("sent", "message", m)
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x %v %+v", m, m, m, m, m, m, []Message{m}, struct{ M Message }{m})
	for _, bad := range []string{"ada", "Ada", "lovelace", "K7Q2M", "61646140"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("a printed message shows %q: %s", bad, b.String())
		}
	}
	if !strings.Contains(b.String(), "[message m7]") {
		t.Errorf("got %s", b.String())
	}
}

func FuzzGreetingIsOnlyAName(f *testing.F) {
	for _, s := range []string{"Ada", "evil.example", "a.b", "J. R.", "王。com", "a\u200db"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := contact.ParseName(s)
		if err != nil {
			return
		}
		if g := greeting(n); strings.ContainsAny(g, "\r\n/:@<>&\"") || regexp.MustCompile(`\.\S`).MatchString(g) {
			t.Errorf("greeting %q", g)
		}
	})
}
