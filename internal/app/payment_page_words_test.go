package app

import (
	"encoding/csv"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What somebody writes who may change the words of the shop, and would like to run a
// script where cards are typed. The name of a shop is short.
const (
	hostile   = `Mug <script src=//evil.example></script><img src=x onerror="window.stolen=1">`
	misshaped = `Mug <img src=x onerror="window.stolen=1">`
)

// hostileGoods makes every word hostile of the thing that the visit takes, by a file from
// somewhere, as any merchant takes one in.
func hostileGoods(t *testing.T, s *server) (handle string) {
	t.Helper()
	var first catalog.Product
	if err := s.vault.db.View(t.Context(), func(v *store.View) error {
		list, _, err := v.Products(store.ProductQuery{Available: true, Limit: 1})
		first = list[0]
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	w := csv.NewWriter(&file)
	w.Write([]string{"Handle", "Title", "Body (HTML)", "Vendor", "Published", "Option1 Name", "Option1 Value", "Variant Price", "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy"})
	w.Write([]string{first.Handle, hostile, "<p>Text</p>" + hostile, hostile, "true", hostile, hostile, "19.50", "shopify", "9", "deny"})
	w.Flush()
	shop, err := s.vault.db.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sink := productSink{s.vault.db, ledger.System("test"), false}
	report, err := intake.Import(t.Context(), intake.Read(strings.NewReader(file.String()), shop.Currency), sink, nil)
	if err != nil {
		t.Fatalf("%v: %+v", err, report)
	}
	return first.Handle
}

// TestWordsOfTheShopAreNoScript: the name of the shop and every word of a product are
// told as they are and run nothing, in the eyes of the visit and in a browser's.
func TestWordsOfTheShopAreNoScript(t *testing.T) {
	s, w, in := watchedWith(t, func(set *Settings) { set.ShopName = misshaped })
	handle := hostileGoods(t, s)
	told := map[string]string{}
	in.change = func(path string, _ http.Header, body []byte) []byte {
		told[path] = string(body)
		return body
	}
	look(t, w, store.PagesClean)
	for _, path := range []string{"/cart", "/checkout/review"} {
		if !strings.Contains(told[path], "&lt;script src=//evil.example&gt;") {
			t.Errorf("%s tells of no hostile thing: the visit took another", path)
		}
	}

	tab := browser.Start(t, browser.Certificate(t, filepath.Join(s.folder.file("certs"), "leaf.pem"))).Page(t, browser.View{Width: browser.Wide})
	harmless := func(path string, status int) {
		t.Helper()
		if status != 200 || !strings.HasPrefix(tab.URL(), s.origin+path) {
			t.Fatalf("got %d at %s, want %s", status, tab.URL(), path)
		}
		if got := tab.Text("body"); !strings.Contains(got, misshaped) {
			t.Errorf("%s does not tell the words as they are", path)
		}
		if browser.Eval[string](tab, "typeof window.stolen") != "undefined" || tab.Has("[onerror]") || tab.Has("script[src*=evil]") {
			t.Errorf("%s: a word became a part of the page", path)
		}
	}
	harmless("/products/", tab.Open(s.origin+"/products/"+handle))
	harmless("/cart", tab.Submit(".add .btn"))
	harmless("/checkout", tab.Open(s.origin+"/checkout"))
	for field, text := range map[string]string{"#email": "ada@example.com", "#name": "Ada", "#shipping_address-street_address": "12 Analytical Way",
		"#shipping_address-postal_code": "10115", "#shipping_address-address_locality": "Berlin"} {
		tab.Fill(field, text)
	}
	harmless("/checkout/review", tab.Submit("#details .go .btn"))
	for _, c := range tab.Complaints() { // a script that the policy stops was a script
		t.Errorf("the browser complains: %s", c)
	}
	for _, r := range tab.Requests() {
		if !strings.HasPrefix(r, s.origin+"/") && !strings.HasPrefix(r, "data:") {
			t.Errorf("a stranger was asked: %s", r)
		}
	}
}

// TestAnAccentIsAColourAndNothingElse: the one thing that a merchant says about how the
// pages look. A shop with more in it does not start, and says which setting it was.
func TestAnAccentIsAColourAndNothingElse(t *testing.T) {
	for _, accent := range []string{"#123456}</style><script src=//evil.example></script>", "#123456;background:url(//evil.example)", "url(//evil.example)", "red"} {
		err := startWith(t, func(set *Settings) { set.Accent = accent })
		if err == nil || !strings.Contains(err.Error(), "accent") {
			t.Errorf("%s: got %v, want the setting named", accent, err)
		}
	}
}
