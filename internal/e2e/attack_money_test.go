package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment/sandbox"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// attack is a row of docs/attacks.md: what somebody tries, and that it must
// fail on every road.
type attack struct {
	name string // number and title
	try  func(t *testing.T, a *attacked)
}

// attacked is the shop that is tried.
type attacked struct {
	*shop
	secret []byte // of the bank
}

// dear and cheap are two things of the demo.
func (a *attacked) dear() apiVariant  { return a.product("whistling-kettle").Variants[0] }
func (a *attacked) cheap() apiVariant { return a.product("nesting-bowls").Variants[0] }

// cartNow reads a cart.
func (a *attacked) cartNow(c apiCart) (now apiCart) {
	a.t.Helper()
	a.want(200, "GET", "/api/v1/carts/"+c.ID, "", "Cart-Token: "+c.Token).into(a.t, &now)
	return now
}

// unpaid checks that an order is still not paid, and that nothing was taken for it.
func (a *attacked) unpaid(t *testing.T, p apiPlaced) {
	t.Helper()
	if got := a.order(p).Order.Status; got == "paid" {
		t.Errorf("order %s is paid, and nobody has paid it", p.Order.Number)
	}
}

// withAttacks runs each row against one shop.
func withAttacks(t *testing.T, rows []attack) {
	engine := func(t *testing.T, database string) {
		s, secret := withSecret(t, database)
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				at := *s
				at.t = t
				row.try(t, &attacked{&at, secret})
			})
		}
	}
	if soak() {
		eachEngine(t, engine)
		return
	}
	engine(t, "")
}

// TestAttacksOnMoney are those of docs/attacks.md, by their numbers there.
func TestAttacksOnMoney(t *testing.T) { withAttacks(t, moneyAttacks) }

var moneyAttacks = []attack{
	{"01 the client sets the price", func(t *testing.T, a *attacked) {
		v := a.dear()
		c := a.cart(v.ID, 1)
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		line := a.cartNow(c).Lines[0].ID
		for _, member := range []string{"price", "total", "discount", "currency", "tax", "price_id", "unit_price", "coupon_amount"} {
			for _, call := range []struct{ method, path, body string }{
				{"POST", "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1,%q:1}`, v.ID, member)},
				{"PATCH", "/lines/" + line, fmt.Sprintf(`{"quantity":1,%q:1}`, member)},
				{"PUT", "/checkout", strings.Replace(ada().json(), "{", fmt.Sprintf("{%q:1,", member), 1)},
				{"POST", "/orders", fmt.Sprintf("{%q:1}", member)},
			} {
				problem(t, a.ask(call.method, path+call.path, call.body, mine, "Idempotency-Key: 1-"+member), 422, "invalid")
			}
		}
		if now := a.cartNow(c); now.Totals.Items.Amount != v.Price.Amount || len(now.Lines) != 1 || now.Lines[0].Quantity != 1 {
			t.Errorf("the cart: got %+v, want the catalogue's price", now)
		}
		// A form may send more fields than are read; none of them counts.
		b := &browserless{shop: a.shop}
		extra := []string{"price", "1", "total", "1", "discount", "100000", "currency", "JPY", "tax", "0", "unit_price", "1", "amount", "1"}
		b.post("/cart/lines", append([]string{"variant_id", v.ID, "quantity", "1"}, extra...)...)
		if a := b.post("/checkout", append(ada().form(), extra...)...); a.status != 303 {
			t.Fatalf("checkout: got %d, want 303", a.status)
		}
		placed := b.orders(t, extra...)
		db := a.raw(t)
		defer db.Close()
		if got := shoptest.One[int64](t, db, `SELECT items FROM orders WHERE number = $1`, placed); got != v.Price.Amount {
			t.Errorf("the order by form: got %d for the goods, want %d", got, v.Price.Amount)
		}
	}},
	{"02 negative, fractional and huge quantities", func(t *testing.T, a *attacked) {
		v := a.dear()
		before := a.onHand(t, "whistling-kettle", 0)
		c := a.cart(v.ID, 1)
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		line := path + "/lines/" + a.cartNow(c).Lines[0].ID
		b := &browserless{shop: a.shop}
		b.post("/cart/lines", "variant_id", v.ID, "quantity", "1")
		for _, q := range []string{"-1", "1.5", "1e9", "1e2", "1000", "2147483648", "4294967297", "9223372036854775808", "18446744073709551617", "0x10", "NaN", "１", "1,5", "+A", "null", "true", "[1]"} {
			for _, call := range [][2]string{{"POST", path + "/lines"}, {"PATCH", line}} {
				body := fmt.Sprintf(`{"quantity":%s}`, q)
				if call[0] == "POST" {
					body = fmt.Sprintf(`{"variant_id":%q,"quantity":%s}`, v.ID, q)
				}
				if got := a.ask(call[0], call[1], body, mine); got.status/100 != 4 {
					t.Errorf("%s %s by API: got %d, want a refusal", call[0], q, got.status)
				}
			}
			for _, target := range []string{"/cart/lines", "/cart/lines/" + b.line(t)} {
				if got := b.post(target, "variant_id", v.ID, "quantity", q); got.status/100 != 4 {
					t.Errorf("%s at %s: got %d, want a refusal", q, target, got.status)
				}
			}
		}
		for range 3 { // adding until the sum wraps
			problem(t, a.ask("POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":999}`, v.ID), mine), 422, "invalid")
		}
		if now := a.cartNow(c); len(now.Lines) != 1 || now.Lines[0].Quantity != 1 || now.Totals.Items.Amount != v.Price.Amount {
			t.Errorf("the cart: got %+v, want one at its price", now.Lines)
		}
		if after := a.onHand(t, "whistling-kettle", 0); after != before {
			t.Errorf("stock: got %+v, want %+v as before", after, before)
		}
	}},
	{"03 goods for a total of nothing", func(t *testing.T, a *attacked) {
		// An emptied cart buys nothing, on either road.
		v := a.dear()
		c := a.cart(v.ID, 1)
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		a.want(200, "PUT", path+"/checkout", ada().json(), mine)
		a.want(200, "DELETE", path+"/lines/"+a.cartNow(c).Lines[0].ID, "", mine)
		if got := a.ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: empty"); got.status/100 != 4 {
			t.Errorf("ordering an emptied cart: got %d, want a refusal", got.status)
		}
		// What costs something now is not had for what it cost as a gift.
		a.imports(t, "Handle,Title,Variant SKU,Variant Price\nfree-sample,A sample,FREE,0.00\n")
		c = a.cart(a.product("free-sample").Variants[0].ID, 1)
		mine, path = "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		a.want(200, "PUT", path+"/checkout", ada().json(), mine)
		a.want(201, "POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v.ID), mine)
		got := a.ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: raised")
		if got.status == 409 { // shown once more
			got = a.ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: raised")
		}
		var placed apiPlaced
		got.into(t, &placed)
		if got.status != 201 || placed.Order.Totals.Total.Amount < v.Price.Amount || placed.Order.Status != "pending" {
			t.Errorf("got %d %+v, want an order over the whole price that waits for payment", got.status, placed.Order)
		}
	}},
	{"– the cart becomes dearer after its total was shown", func(t *testing.T, a *attacked) {
		v := a.cheap()
		c := a.cart(v.ID, 1)
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		var shown apiCart
		a.want(200, "PUT", path+"/checkout", ada().json(), mine).into(t, &shown)
		body := func(minor int64, currency string) string {
			return fmt.Sprintf(`{"total_shown":{"amount":%d,"currency":%q}}`, minor, currency)
		}
		was := shown.Totals.Total.Amount
		a.want(201, "POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":2}`, v.ID), mine)
		problem(t, a.ask("POST", path+"/orders", body(was, "EUR"), mine, "Idempotency-Key: shown"), 409, "changed")
		now := a.cartNow(c).Totals.Total.Amount
		problem(t, a.ask("POST", path+"/orders", body(now, "USD"), mine, "Idempotency-Key: shown"), 409, "changed")
		problem(t, a.ask("POST", path+"/orders", body(now, "euro"), mine, "Idempotency-Key: shown"), 422, "invalid")
		problem(t, a.ask("POST", path+"/orders", `{"total_shown":{"amount":"1","currency":"EUR"}}`, mine, "Idempotency-Key: shown"), 422, "invalid")
		a.want(201, "POST", path+"/orders", body(now, "EUR"), mine, "Idempotency-Key: shown")
	}},
	{"04 the cart grows after the payment page was opened", func(t *testing.T, a *attacked) {
		cheap, dear := a.cheap(), a.dear()
		c := a.cart(cheap.ID, 1)
		placed := a.place(c, ada(), "4")
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		for _, call := range []struct{ method, path, body string }{
			{"POST", "/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, dear.ID)},
			{"PUT", "/checkout", strings.Replace(ada().json(), "Ada", "Eve", 1)},
		} {
			problem(t, a.ask(call.method, path+call.path, call.body, mine), 409, "cart-closed")
		}
		a.bankSays(*placed.Payment.RedirectURL, "approved")
		o := a.order(placed)
		if o.Order.Status != "paid" || len(o.Order.Lines) != 1 || o.Order.Lines[0].VariantID != cheap.ID || o.Order.Totals.Total != placed.Order.Totals.Total {
			t.Errorf("got %+v, want what was on the page that was paid, and no more", o.Order)
		}
		// By form, what is added afterwards begins another cart.
		b := &browserless{shop: a.shop}
		b.post("/cart/lines", "variant_id", cheap.ID, "quantity", "1")
		b.post("/checkout", ada().form()...)
		number := b.orders(t)
		b.post("/cart/lines", "variant_id", dear.ID, "quantity", "5")
		db := a.raw(t)
		defer db.Close()
		if got := shoptest.One[int64](t, db, `SELECT items FROM orders WHERE number = $1`, number); got != cheap.Price.Amount {
			t.Errorf("the order by form: got %d for its goods, want %d", got, cheap.Price.Amount)
		}
	}},
	{"05 the payment of a cheap order for a dear one", func(t *testing.T, a *attacked) {
		cheap, dear := a.place(a.cart(a.cheap().ID, 1), ada(), "5a"), a.place(a.cart(a.dear().ID, 3), ada(), "5b")
		genuine, other := a.approval(cheap), a.approval(dear)
		for name, change := range map[string]func(*notice){
			"its order":               func(n *notice) { n.Order = other.Order },
			"its session":             func(n *notice) { n.Session = other.Session },
			"its order and session":   func(n *notice) { n.Order, n.Session = other.Order, other.Session },
			"the amount of a cheaper": func(n *notice) { n.Order, n.Session, n.Amount = other.Order, other.Session, amount{1, "EUR"} },
		} {
			n := genuine
			change(&n)
			body := n.body(t)
			if got, err := a.send(body, sandbox.Sign(a.secret, time.Now(), body)); err != nil || got.status/100 != 4 {
				t.Errorf("%s: got %d %v, want a refusal", name, got.status, err)
			}
			a.unpaid(t, dear)
		}
		a.bankSays(*cheap.Payment.RedirectURL, "approved")
		a.ask("GET", "/orders/"+dear.Order.Number+"?session="+genuine.Session+"&token="+dear.Order.Token, "")
		a.unpaid(t, dear)
	}},
	{"06 coming back without having paid", func(t *testing.T, a *attacked) {
		placed := a.place(a.cart(a.dear().ID, 1), ada(), "6")
		back := "/orders/" + placed.Order.Number
		for _, outcome := range []string{"declined", "abandoned", "challenge"} {
			a.bankSays(*placed.Payment.RedirectURL, outcome)
			a.unpaid(t, placed)
		}
		ref := a.approval(placed).Session
		for _, query := range []string{"status=paid", "outcome=approved", "payment=approved&session=" + ref, "redirect_status=succeeded&payment_intent=" + ref, "token=" + placed.Order.Token + "&paid=1"} {
			a.ask("GET", back+"?"+query, "", "Order-Token: "+placed.Order.Token)
			a.ask("POST", back, query, "Content-Type: application/x-www-form-urlencoded", "Origin: "+a.origin)
			a.ask("POST", back+"/payments", query, "Content-Type: application/x-www-form-urlencoded", "Origin: "+a.origin)
			a.unpaid(t, placed)
		}
		for _, body := range []string{`{"status":"paid"}`, `{"outcome":"approved"}`} {
			problem(t, a.ask("POST", "/api/v1"+back+"/payments", body, "Order-Token: "+placed.Order.Token), 422, "invalid")
		}
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			problem(t, a.ask(method, "/api/v1"+back, `{"status":"paid"}`, "Order-Token: "+placed.Order.Token), 405, "method")
		}
		a.unpaid(t, placed)
	}},
	{"08 a yes in any order and any number", func(t *testing.T, a *attacked) {
		// Twenty times in parallel is TestACallBackReplayedInParallelPaysOnce.
		placed := a.place(a.cart(a.dear().ID, 1), ada(), "8")
		no, yes := a.approval(placed), a.approval(placed)
		no.ID, no.Type = "e2e-no", "payment.declined"
		for _, n := range []notice{yes, no, yes, no} {
			body := n.body(t)
			a.send(body, sandbox.Sign(a.secret, time.Now(), body))
		}
		o := a.order(placed)
		if o.Order.Status != "paid" || o.Payment.Status != "approved" {
			t.Errorf("got %s and %s, want paid and approved: the first yes counts", o.Order.Status, o.Payment.Status)
		}
	}},
	{"11 a hundred for the last one, by form", func(t *testing.T, a *attacked) {
		// By the API on both engines it is TestAHundredBuyersForTheLastOne.
		a.imports(t, "Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price\nlast-by-form,The last,LASTF,shopify,1,deny,5.00\n")
		v := a.product("last-by-form").Variants[0].ID
		buyers := make([]*browserless, 20)
		for i := range buyers {
			buyers[i] = &browserless{shop: a.shop}
			buyers[i].post("/cart/lines", "variant_id", v, "quantity", "1")
			buyers[i].post("/checkout", ada().form()...)
		}
		keys := make([][]string, len(buyers))
		for i, b := range buyers {
			keys[i] = b.hidden(t, "/checkout/review", "pay")
		}
		var won atomic.Int64
		var group sync.WaitGroup
		for i, b := range buyers {
			group.Go(func() {
				form := url.Values{}
				for n := 0; n < len(keys[i]); n += 2 {
					form.Set(keys[i][n], keys[i][n+1])
				}
				got, err := a.try("POST", "/checkout/review", form.Encode(), b.headers()...)
				if err == nil && got.status == 303 && strings.Contains(got.header.Get("Location"), "/pay/") {
					won.Add(1)
				}
			})
		}
		group.Wait()
		if got := a.onHand(t, "last-by-form", 0); won.Load() != 1 || got.held != 1 || got.onHand != 1 {
			t.Errorf("got %d orders and %+v, want one that holds the one", won.Load(), got)
		}
	}},
	{"14 a refund that nobody may give", func(t *testing.T, a *attacked) {
		placed := a.buy(a.cheap().ID, 1, ada())
		for _, path := range []string{"/refunds", "/refund", "/payments/refund", "/returns"} {
			for _, token := range []string{"Order-Token: " + placed.Order.Token, "Order-Token: x"} {
				if got := a.ask("POST", "/api/v1/orders/"+placed.Order.Number+path, `{"amount":1}`, token); got.status != 404 && got.status != 405 {
					t.Errorf("POST %s: got %d, want nothing there", path, got.status)
				}
			}
		}
		if got := a.order(placed).Order.Status; got != "paid" {
			t.Errorf("got %q, want paid", got)
		}
	}},
	{"16 one order to test many cards", func(t *testing.T, a *attacked) {
		placed := a.place(a.cart(a.cheap().ID, 1), ada(), "16")
		path, page := *placed.Payment.RedirectURL, 1
		for ; page < 100; page++ {
			a.bankSays(path, "declined")
			got := a.ask("POST", "/api/v1/orders/"+placed.Order.Number+"/payments", "{}", "Order-Token: "+placed.Order.Token)
			if got.status != 200 {
				problem(t, got, 429, "rate-limited")
				if got.header.Get("Retry-After") == "" {
					t.Error("refused without saying until when")
				}
				break
			}
			var o apiOrder
			got.into(t, &o)
			path = *o.Payment.RedirectURL
		}
		if page > 10 {
			t.Errorf("got %d cards tried on one order, want at most 10", page)
		}
		// The same on the other road, and an honest neighbour still buys.
		b := &browserless{shop: a.shop}
		if got := b.get("/orders/" + placed.Order.Number + "?token=" + placed.Order.Token); got.status != 303 {
			t.Fatalf("the mailed link: got %d, want 303", got.status)
		}
		if got := b.post("/orders/" + placed.Order.Number + "/payments"); got.status == 303 && strings.Contains(got.header.Get("Location"), "/pay/") {
			t.Errorf("by form: got %d to %s, want it refused as by the API", got.status, got.header.Get("Location"))
		}
		a.neighbourBuys(t, a.cheap().ID, 1)
	}},
	{"17 hoarding what is left", func(t *testing.T, a *attacked) {
		// A hold that ends on time is TestTheHoldEndsAndTheGoodsReturn.
		a.imports(t, "Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price\nhoarded,The hoarded,HOARD,shopify,3,deny,5.00\n")
		v := a.product("hoarded").Variants[0].ID
		n := shoptest.Tenth(500)
		for range n {
			c := a.cart(v, 3)
			a.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", ada().json(), "Cart-Token: "+c.Token)
		}
		if got := a.onHand(t, "hoarded", 0); got.held != 0 {
			t.Errorf("%d carts hold %d, want none: only an order holds", n, got.held)
		}
		a.neighbourBuys(t, v, 3)
	}},
}

// neighbourBuys is somebody honest in the network that tested cards just now:
// they may be asked for a short sum, and get what they came for.
func (a *attacked) neighbourBuys(t *testing.T, variant string, quantity int) {
	t.Helper()
	p := ada()
	p.Email = "grace@example.com"
	c := a.cart(variant, quantity)
	mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
	a.want(200, "PUT", path+"/checkout", p.json(), mine)
	got := a.ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: first")
	if got.status == 429 { // as long as it goes on
		got = a.ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: first", worked(got.body))
	}
	var placed apiPlaced
	if got.status != 201 {
		t.Fatalf("an honest neighbour: got %d %.300s, want an order", got.status, got.body)
	}
	got.into(t, &placed)
	a.bankSays(*placed.Payment.RedirectURL, "approved")
	if o := a.order(placed); o.Order.Status != "paid" {
		t.Errorf("an honest neighbour's order is %s, want paid", o.Order.Status)
	}
}

// form is the person as the fields of the till.
func (p person) form() []string {
	return []string{"email", p.Email, "name", p.Name, "shipping_address.address_country", p.Address.Country, "shipping_address.street_address", p.Address.Street,
		"shipping_address.postal_code", p.Address.Postal, "shipping_address.address_locality", p.Address.Locality, "shipping_method", "standard"}
}

// hidden reads the hidden fields of a form on a page.
func (b *browserless) hidden(t testing.TB, path, form string) (pairs []string) {
	t.Helper()
	page := b.get(path)
	_, inside, ok := strings.Cut(page.body, `id="`+form+`"`)
	if page.status != 200 || !ok {
		t.Fatalf("%s: got %d and no form %s", path, page.status, form)
	}
	inside, _, _ = strings.Cut(inside, "</form>")
	for _, tag := range strings.Split(inside, "<")[1:] {
		if name := attribute(tag, "name"); name != "" && strings.HasPrefix(tag, "input") && attribute(tag, "type") == "hidden" {
			pairs = append(pairs, name, attribute(tag, "value"))
		}
	}
	return pairs
}

// attribute reads an attribute of a tag.
func attribute(tag, name string) string {
	_, rest, ok := strings.Cut(tag, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// orders presses the last button and returns the number of the order.
func (b *browserless) orders(t testing.TB, extra ...string) string {
	t.Helper()
	got := b.post("/checkout/review", append(b.hidden(t, "/checkout/review", "pay"), extra...)...)
	if got.status != 303 {
		t.Fatalf("the last button: got %d %.300s, want 303", got.status, got.body)
	}
	for name := range b.cookies {
		if number, ok := strings.CutPrefix(name, "__Host-order-"); ok {
			return number
		}
	}
	t.Fatal("no order's cookie was set")
	return ""
}

// line is the id of the first line of the cart, "" when there is none.
func (b *browserless) line(t testing.TB) string {
	t.Helper()
	_, rest, ok := strings.Cut(b.get("/cart").body, `action="/cart/lines/`)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// imports imports a product file.
func (a *attacked) imports(t testing.TB, csv string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "goods.csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	a.must(t, "import", "products", file)
}
