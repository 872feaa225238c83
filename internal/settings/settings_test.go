package settings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/settings"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/tax"
)

var noCtx = context.Background()

func bring(s *shoptest.Shop, file string, dry bool) ([]settings.Change, error) {
	return settings.Import(noCtx, s.DB, ledger.OS("test"), []byte(file), dry, func(method, _ string, _ money.Currency, _ bool) error {
		if method == "bank" {
			return nil
		}
		return errors.New("its keys are missing")
	})
}

func export(t testing.TB, s *shoptest.Shop) string {
	t.Helper()
	b, err := settings.Export(noCtx, s.DB)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func whole(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/whole.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAFileBecomesTheShopAndComesOutTheSame(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		before := export(t, s)
		planned, err := bring(s, whole(t), true)
		if err != nil {
			t.Fatal(err)
		}
		if now := export(t, s); now != before {
			t.Error("a dry run changed the shop")
		}
		made, err := bring(s, whole(t), false)
		if err != nil || fmt.Sprint(made) != fmt.Sprint(planned) || len(made) < 20 {
			t.Fatalf("%d changes, %v; the dry run said %d", len(made), err, len(planned))
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE (action LIKE 'setting.%' OR action LIKE 'collection.%') AND actor = $1`, ledger.OS("test").String()); n != int64(len(made)) {
			t.Errorf("%d events for %d changes", n, len(made))
		}
		set, err := s.DB.Settings(noCtx) // at once
		if err != nil || set.ShopName != "Kettle & Cloth" || set.Zone.String() != "Europe/Vienna" || !set.MustTick || set.Seller.VAT != "ATU13585627" {
			t.Fatalf("got %+v, %v", set, err)
		}
		if got := set.Embeds; len(got) != 2 || got[0] != "https://blog.example" {
			t.Errorf("origins: %q", got)
		}
		if !strings.Contains(set.Texts["terms"].Body, "<script>") || len(set.Texts["terms"].Hash) != 16 {
			t.Errorf("terms: %+v", set.Texts["terms"])
		}
		if at := set.Tax.Place(area.Place{Country: "ES", PostalCode: "38 001"}); set.Tax.Rate(at, "") != 70_000 || set.Tax.Rate(tax.At{Country: "AT"}, "books") != 100_000 {
			t.Errorf("taxes: %+v", set.Tax)
		}
		islands := set.Shipping.For(shipping.Parcel{Place: area.Place{Country: "ES", PostalCode: "35001"}, Grams: 2500, Total: set.Shipping.Methods[0].Rates[0].Steps[0].Price})
		if len(islands) != 1 || islands[0].Price.Minor() != 1900 {
			t.Errorf("to the islands: %+v", islands)
		}

		after := export(t, s)
		if again, err := bring(s, after, false); err != nil || len(again) != 0 {
			t.Errorf("an export brought back changes %v, %v", again, err)
		}
		if now := export(t, s); now != after {
			t.Error("an export brought back is exported differently")
		}
		// A file that mentions little changes little.
		few, err := bring(s, "[shop]\ntagline = \"New\"\n", false)
		if err != nil || len(few) != 1 || few[0].String() != "shop.tagline: Things that last → New" {
			t.Errorf("got %v, %v", few, err)
		}
	})
}

func TestEverythingWrongIsSaidWithItsLine(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	before := export(t, s)
	file, err := os.ReadFile("testdata/wrong.toml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = bring(s, string(file), false)
	var bad settings.Problems
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	// Each line that is wrong says so in a comment: # wrong: part of the key
	lines := strings.Split(string(file), "\n")
	wanted := 0
	for i, line := range lines {
		_, key, ok := strings.Cut(line, "# wrong: ")
		if !ok {
			continue
		}
		wanted++
		found := false
		for _, p := range bad {
			found = found || p.Line == i+1 && strings.Contains(p.Key, key)
		}
		if !found {
			t.Errorf("nothing is said of line %d: %s", i+1, line)
		}
	}
	for _, p := range bad {
		if p.Line == 0 || !strings.Contains(lines[p.Line-1], "# wrong: ") {
			t.Errorf("a good line is complained about: %+v", p)
		}
	}
	if wanted < 25 {
		t.Errorf("the file has only %d mistakes", wanted)
	}
	if now := export(t, s); now != before {
		t.Error("a wrong file changed the shop")
	}
}

func TestWhatDoesNotFitTogetherIsRefused(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	before := export(t, s)
	for file, want := range map[string]string{
		"[[zone]]\nid = \"a\"\ncountries = [\"DE\", \"AT\"]\n[[zone]]\nid = \"b\"\ncountries = [\"AT\"]\n": "line 4: zone[1]: overlaps the zone a",
		"[[method]]\nid = \"a\"\ntitle = \"A\"\n[[method.rate]]\nzone = \"moon\"\nprice = \"1\"\n":         "line 5: method[0].rate[0].zone: there is no zone moon",
		"[[zone]]\nid = \"a\"\ncountries = [\"*\"]\n":                                                      "method.standard: there is no zone de",
		"[terms]\nmust_tick = true\n":   "line 2: terms.must_tick: needs terms",
		"[tax]\ndelivery = \"books\"\n": "line 2: tax.delivery: no rate has this class",
		"[shop]\ncurrency = \"USD\"\n":  "line 2: shop.currency: is another one",
		"[[method]]\nid = \"a\"\ntitle = \"A\"\n[[method.rate]]\nzone = \"de\"\nprice = \"1.00 USD\"\n": "is in USD; the shop's currency is EUR",
		"[[code]]\nword = \"TENOFF\"\n": "line 1: code: is no setting",
		"shop = 3\n":                    "line 1: shop: is a table",
		"[shop\n":                       "to end table name",
		"[shop]\nname = \"\\x\"":        "line 2: ",
		"\xff":                          "not UTF-8",
		"[[collection]]\nhandle = \"a\"\ntitle = \"A\"\nproducts = [\"nothing\"]\n":           "line 4: collection[0].products: entry 0",
		"[[collection]]\nhandle = \"a\"\ntitle = \"A\"\n[[collection.rule]]\non = \"mood\"\n": "line 4: collection[0].rule[0]: A rule is about",
		"[[collection]]\nhandle = \"a\"\ntitle = \"A\"\npicture = \"//evil.example/x\"\n":     "line 4: collection[0].picture",
		"[[collection]]\nhandle = \"a\"\ntitle = \"A\"\npicture = \"javascript:x()\"\n":       "line 4: collection[0].picture",
	} {
		_, err := bring(s, file, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is answered with %v, want %q", file, err, want)
		}
	}
	if _, err := bring(s, "# "+strings.Repeat("x", settings.MaxFile), false); err == nil {
		t.Error("a file of more than a megabyte was read")
	}
	if now := export(t, s); now != before {
		t.Error("a refused file changed the shop")
	}
	s.Product(t, "bowl", 100, catalog.Stock{})
	usd := "[shop]\ncurrency = \"USD\"\n[[method]]\nid = \"a\"\ntitle = \"A\"\n[[method.rate]]\nzone = \"de\"\nprice = \"1.00\"\n"
	if _, err := bring(s, usd, false); err == nil || !strings.Contains(err.Error(), "while there are products") {
		t.Errorf("the currency under the products' prices: %v", err)
	}
}

func FuzzImport(f *testing.F) {
	for _, name := range []string{"testdata/whole.toml", "testdata/wrong.toml"} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("method = [[]]\nzone = [{}]\ntax.rate = [{rate = nan}]"))
	s := shoptest.Open(f, "sqlite")
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := bring(s, string(file), true); err != nil {
			return
		}
		if _, err := bring(s, string(file), false); err != nil {
			t.Fatalf("a file that a dry run takes: %v", err)
		}
		out := export(t, s)
		if again, err := bring(s, out, false); err != nil || len(again) > 0 || !bytes.Equal([]byte(out), []byte(export(t, s))) {
			t.Errorf("an export brought back: %v, %v\n%s", again, err, out)
		}
	})
}

// TestNothingIsOfferedThatCantBePaidWith: a payment method without its keys is
// refused, and what is offered already stays while other things change.
func TestNothingIsOfferedThatCantBePaidWith(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		for _, file := range []string{"[payment]\nmethods = [\"stripe\"]\n", "[payment]\nmethods = [\"bank\", \"stripe\"]\n"} {
			_, err := bring(s, file, false)
			if err == nil || err.Error() != "line 2: payment.methods: its keys are missing" {
				t.Errorf("got %v", err)
			}
		}
		if _, err := settings.Import(noCtx, s.DB, ledger.OS("test"), []byte("[shop]\ntagline = \"Good bowls\"\n"), false, nil); err != nil {
			t.Errorf("another setting: %v", err)
		}
		if _, err := bring(s, "[payment]\nmethods = []\n", false); err != nil {
			t.Errorf("offering nothing: %v", err)
		}
	})
}
