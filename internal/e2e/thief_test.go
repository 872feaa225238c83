package e2e

import (
	"encoding/base32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/authenticator"
	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

// TestAThiefOfARunningDemoReadsNobody buys with words that stand nowhere else,
// by form and through the API, and looks for them in everything that lies on
// disk beside the running shop and after it was cut off.
func TestAThiefOfARunningDemoReadsNobody(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		s := demo(t, database)
		v := s.products()[0].Variants[0].ID
		marked := []string{"Zyxomma", "Quillfeather", "zyxomma.quill", "wobblegate.example", "Xylograph", "Marzipanstadt", "Threnody", "15112349876",
			"Vexillum", "ibexwarren", "Grindlewick", "Parapluie"}
		zyxomma := person{Email: "zyxomma.quill@wobblegate.example", Name: "Zyxomma Quillfeather", Phone: "+49 151 12349876", Note: "Please sing a Threnody.",
			Address: address{"77 Xylograph Parade", "Marzipanstadt", "", "10115", "DE"}, Billing: &address{"5 Obelisk Mews", "Kumquatburg", "", "10117", "DE"},
			OrderNote: "No Tamburin, please.", GiftName: "Gwendoline Thistlewhisk", GiftMessage: "Many happy Quixotries!", VAT: "DE136695976"}
		marked = append(marked, "Obelisk", "Kumquatburg", "Tamburin", "Gwendoline", "Thistlewhisk", "Quixotries", "136695976")
		p := s.buy(v, 1, zyxomma)
		marked = append(marked, p.Order.Token)

		b := &browserless{shop: s}
		b.post("/cart/lines", "variant_id", v, "quantity", "1")
		form := []string{"email", "vexillum@ibexwarren.example", "name", "Vexillum Ibexwarren", "note", "Leave it with Grindlewick",
			"shipping_address.address_country", "DE", "shipping_address.street_address", "3 Parapluie Row", "shipping_address.postal_code", "10115", "shipping_address.address_locality", "Berlin",
			"shipping_method", "standard"}
		if a := b.post("/checkout", form...); a.status != 303 {
			t.Fatalf("checkout: got %d, want 303", a.status)
		}
		b.get("/checkout/review")
		for _, value := range b.cookies {
			if len(value) >= 40 {
				marked = append(marked, value[len(value)-40:]) // the secret end of the cart's cookie
			}
		}
		// One more is left with wrong input, which must not land in a log either.
		b.post("/checkout", "email", "Zyxomma at nowhere", "name", "Grindlewick\x00")
		c := s.cart(v, 1)
		s.ask("PUT", "/api/v1/carts/"+c.ID+"/checkout", `{"email":"Quillfeather"}`, "Cart-Token: "+c.Token)
		s.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", zyxomma.json(), "Cart-Token: "+c.Token)
		s.ask("GET", "/search?q=Threnody", "")
		s.ask("GET", "/orders/"+p.Order.Number+"?token="+p.Order.Token, "")
		marked = append(marked, c.Token)
		s.quiet(t)
		eventually(t, 10*time.Second, "the letter", func() bool { return len(s.letters(t)) > 0 })

		unfinished := &browserless{shop: s}
		unfinished.post("/cart/lines", "variant_id", v, "quantity", "1")
		if a := unfinished.post("/checkout", "email", "flummery at ochlocrat", "name", "Flummery Ochlocrat", "order_note", "Brouhaha"); a.status != 422 {
			t.Errorf("a form with a mistake: got %d, want 422", a.status)
		}
		marked = append(marked, "lummery", "chlocrat", "Brouhaha")
		// The parcel of the order, somebody who waits for a thing, and one who looks the order up.
		ship := s.command(t, "order", "ship", p.Order.Number, "--carrier", "Moor Post", "--tracking", "-")
		ship.Stdin = strings.NewReader("KERFUFFLE-77\n")
		if said, err := ship.CombinedOutput(); err != nil || strings.Contains(string(said), "KERFUFFLE") {
			t.Fatalf("ship: got %v, %s", err, said)
		}
		eventually(t, 10*time.Second, "the letter with the parcel's number", func() bool {
			return slices.ContainsFunc(s.letters(t), func(l letter) bool { return strings.Contains(l.Text, "KERFUFFLE-77") })
		})
		goods := filepath.Join(t.TempDir(), "goods.csv")
		if err := os.WriteFile(goods, []byte("Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Price\nlost-thing,Lost thing,LOST,shopify,0,5\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.must(t, "import", "products", goods)
		lost := ""
		for _, x := range s.products() {
			if x.Handle == "lost-thing" {
				lost = x.Variants[0].ID
			}
		}
		if a := b.post("/wishes", "variant_id", lost, "email", "gobbledy@hullabaloo.example"); a.status != 303 {
			t.Errorf("waiting for a thing: got %d, want 303", a.status)
		}
		if a := b.post("/find-order", "number", p.Order.Number, "email", zyxomma.Email); a.status != 303 {
			t.Errorf("looking an order up: got %d, want 303", a.status)
		}
		// A legal hold and a look at what it keeps, with their reasons, and an erasure that cools off.
		for _, c := range []struct {
			typed string
			words []string
		}{
			{"The Skulduggery of the buyer", []string{"privacy", "hold", "--order", p.Order.Number, "--reason-file", "-", "--until", time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}},
			{"The Jiggerypokery of the buyer", []string{"privacy", "open", "--order", p.Order.Number, "--reason-file", "-"}},
			{"gobbledy@hullabaloo.example\n", []string{"privacy", "erase", "--email", "-"}},
		} {
			cmd := s.command(t, c.words...)
			cmd.Stdin = strings.NewReader(c.typed)
			if said, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(said), "Skulduggery") || strings.Contains(string(said), "Jiggerypokery") || strings.Contains(string(said), "hullabaloo") {
				t.Fatalf("%v: got %v, %s", c.words, err, said)
			}
		}
		marked = append(marked, "Skulduggery", "Jiggerypokery")
		s.sellsKnots(t, "Whoever reads this is a Snollygoster.", "LICENCE-TARADIDDLE-9")
		marked = append(marked, "KERFUFFLE", "gobbledy", "hullabaloo", "Snollygoster", "TARADIDDLE")
		marked = append(marked, s.hasAnAccount(t, v)...)
		marked = append(marked, s.worksHere(t)...)
		s.quiet(t)
		s.typedIntoEverything(t)

		log := filepath.Join(t.TempDir(), "said.log")
		look := func(when string) {
			t.Helper()
			if err := os.WriteFile(log, []byte(s.said.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			files := append(under(t, s.dir), log)
			if database != "" {
				server := pg.Shared(t)
				server.Flush(t)
				files = append(append(files, under(t, server.DataDir())...), server.LogFile())
			}
			found, read := shoptest.Search(t, files, marked...)
			for _, f := range found {
				t.Errorf("%s: %s", when, f)
			}
			// The search itself finds what is there: an order's number is no secret.
			if seen, _ := shoptest.Search(t, files, p.Order.Number); len(seen) == 0 {
				t.Errorf("%s: the search finds nothing at all", when)
			}
			t.Logf("%s: %d words in all their spellings, %d files, %.1f MB, nothing found", when, len(marked), len(files), float64(read)/1e6)
		}
		look("while it runs")
		s.kill()
		look("after a power cut")
		if out := s.must(t, "ledger", "export", "--out", filepath.Join(s.dir, "export.jsonl")); out != "" {
			t.Errorf("ledger export: got %q, want silence", out)
		}
		look("with an export")
	})
}

// neverTyped are the code of a gift card, which is drawn and gone with its letter, and
// what a payment service calls somebody whose cards it keeps: see
// TestWhatAPaymentServiceCallsSomebodyIsSealed in store.
var neverTyped = []string{personal.CardCode.Name(), "kept_cards.customer", "payments.customer", "cards_to_forget.customer", "cards_to_forget.card"}

// typedIntoEverything fails when the register has a sealed field in which
// nothing of this run is kept: a field that nobody typed into proves nothing.
func (s *shop) typedIntoEverything(t testing.TB) {
	t.Helper()
	db := s.raw(t)
	defer db.Close()
	fields := 0
	for _, f := range personal.All() {
		if f.Kind != personal.Sealed || slices.Contains(neverTyped, f.Name()) {
			continue
		}
		fields++
		if shoptest.One[int64](t, db, `SELECT COUNT(*) FROM `+f.Table+` WHERE `+f.Column+` IS NOT NULL`) == 0 {
			t.Errorf("nothing is kept in %s: let this run type a word into it, and look for that", f.Name())
		}
	}
	t.Logf("something is kept in each of %d sealed fields", fields)
}

// worksHere lets somebody work in the shop, by a link of the command line and a
// passkey, and returns what to look for.
func (s *shop) worksHere(t *testing.T) []string {
	t.Helper()
	invite := s.command(t, "staff", "invite", "--email", "-", "--role", "support")
	invite.Stdin = strings.NewReader("gallimaufry@skulduggery.example\n")
	link, err := invite.Output()
	if err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(strings.TrimSpace(string(link)), s.origin)
	if !ok {
		t.Fatal("the link leads elsewhere")
	}
	p, device := s.caller(""), authenticator.New(t, "localhost", s.origin)
	if a := p.get(t, path); a.status != 303 {
		t.Fatalf("the link: got %d, want 303", a.status)
	}
	options := p.post(t, "/admin/invite/begin", url.Values{})
	a := p.post(t, "/admin/invite", url.Values{"credential": {string(device.Register(t, []byte(options.body)))}, "name": {"Malarkey Fiddlesticks"}, "label": {"Whippersnapper"}})
	if a.status != 303 || p.cookie("__Host-cs") == "" {
		t.Fatalf("taking the invitation: got %d\n%.400s", a.status, a.body)
	}
	_, ticket, _ := strings.Cut(path, "token=")
	cookie := p.cookie("__Host-cs")
	return []string{"gallimaufry", "skulduggery", "Malarkey", "Fiddlesticks", "Whippersnapper", ticket[len(ticket)-43:], cookie[len(cookie)-43:]}
}

// hasAnAccount types into everything an account has, and returns what to look for.
func (s *shop) hasAnAccount(t *testing.T, variant string) []string {
	t.Helper()
	const mail, next, phrase = "pumpernickel@skedaddle.example", "bumbershoot@skedaddle.example", "cattywampus over a lollygag"
	p := s.caller("")
	newest := func(to string) (code string) {
		t.Helper()
		eventually(t, 20*time.Second, "a code", func() bool { code = s.codes(t)[to]; return code != "" })
		return code
	}
	form := func(at, path string, pairs ...string) response {
		t.Helper()
		v := url.Values{}
		if at != "" {
			if m := csrfOf.FindStringSubmatch(p.get(t, at).body); m != nil {
				v.Set("csrf", m[1])
			}
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		a := p.post(t, path, v)
		if a.status != 303 && a.status != 200 {
			t.Fatalf("%s: got %d\n%.400s", path, a.status, a.body)
		}
		return a
	}
	const security = "/account/security"
	form("", "/cart/lines", "variant_id", variant, "quantity", "1")
	form("", "/register", "email", mail, "password", phrase)
	form("", "/register/code", "code", newest(mail))
	form(security, "/account/addresses", "name", "Pumpernickel Widdershins", "phone", "+49 151 12349877", "shipping_address.street_address", "9 Canoodle Close",
		"shipping_address.address_locality", "Bamboozleton", "shipping_address.postal_code", "10115", "shipping_address.address_country", "DE")
	form("/account", "/account/name", "name", "Bumfuzzle")
	form(security, security+"/app")
	key := strings.ReplaceAll(typedKey.FindString(p.get(t, security+"/app").body), " ", "")
	raw, err := base32.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 20 {
		t.Fatalf("the key of the app: %d bytes, %v", len(raw), err)
	}
	form(security+"/app", security+"/app/code", "code", shoptest.TOTP(t, raw, time.Now()))
	form(security, security+"/phone", "phone", "+49 151 12349878")
	form(security+"/phone", security+"/phone/code", "code", newest("+4915112349878"))
	form(security, security+"/email", "email", next)
	form(security+"/email", security+"/email/code", "code", newest(next))
	form("", "/register", "email", "flibbertigibbet@skedaddle.example", "password", phrase) // and is left
	out := []string{"pumpernickel", "bumbershoot", "skedaddle", "cattywampus", "lollygag", "Widdershins", "Canoodle", "Bamboozleton", "flibbertigibbet", "umfuzzle", "15112349877", "15112349878", key, string(raw)}
	for _, name := range []string{"__Host-ck", "__Host-ckd"} {
		if c := p.cookie(name); len(c) >= 43 {
			out = append(out, c[len(c)-43:])
		} else {
			t.Errorf("the browser has no %s", name)
		}
	}
	return out
}

// under lists the files below a folder.
func under(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil && os.IsNotExist(err) {
			return nil // a temporary file that has gone meanwhile
		}
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
