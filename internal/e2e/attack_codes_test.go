package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestAttacksOnCodes are the rows of docs/attacks.md that need discount codes, by
// their numbers there. Guessing comes last: its network tries no code afterwards.
func TestAttacksOnCodes(t *testing.T) { withAttacks(t, codeAttacks) }

// offers makes the shop's codes these.
func (a *attacked) offers(t testing.TB, codes string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "codes.toml")
	if err := os.WriteFile(file, []byte(codes), 0o600); err != nil {
		t.Fatal(err)
	}
	a.must(t, "settings", "import", file)
}

const attackedCodes = `
[[codes]]
code = "ALL-OF-IT"
kind = "percentage"
percent = "100"
[[codes]]
code = "MORE"
kind = "amount"
amount = "9999.00"
[[codes]]
code = "FREEPOST"
kind = "free-delivery"
[[codes]]
code = "ONCE"
kind = "amount"
amount = "1.00"
uses = 1
[[codes]]
code = "EACH"
kind = "amount"
amount = "1.00"
uses_per_customer = 1
[[codes]]
code = "ENDED"
kind = "amount"
amount = "1.00"
until = "2020-01-01"
`

// readyWith is a cart with details and codes in it.
func (a *attacked) readyWith(t testing.TB, variant string, codes ...string) apiCart {
	t.Helper()
	c := a.cart(variant, 1)
	a.want(200, "PUT", "/api/v1/carts/"+c.ID+"/checkout", ada().json(), "Cart-Token: "+c.Token)
	for _, code := range codes {
		a.want(201, "POST", "/api/v1/carts/"+c.ID+"/codes", fmt.Sprintf(`{"code":%q}`, code), "Cart-Token: "+c.Token)
	}
	return c
}

// sent is a request for an order, without looking at the answer.
func (a *attacked) sent(c apiCart, key string) answer {
	return a.ask("POST", "/api/v1/carts/"+c.ID+"/orders", "{}", "Cart-Token: "+c.Token, "Idempotency-Key: "+key)
}

var codeAttacks = []attack{
	{"03 a total of nothing by stacked codes, then more goods", func(t *testing.T, a *attacked) {
		a.offers(t, attackedCodes)
		v := a.dear()
		c := a.readyWith(t, v.ID, "more", "all of it", "FREEPOST")
		mine, path := "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		now := a.cartNow(c)
		if now.Totals.Total.Amount != 0 || now.Totals.Discount.Amount != v.Price.Amount {
			t.Fatalf("got %+v, want a total of nothing and not less", now.Totals)
		}
		// Without the codes, but with the total that was nothing a moment ago.
		a.want(200, "DELETE", path+"/codes", "", mine)
		var placed apiPlaced
		a.sent(c, "raised").into(t, &placed)
		if placed.Order.Status != "pending" || placed.Order.Totals.Total.Amount < v.Price.Amount || placed.Payment.RedirectURL == nil {
			t.Errorf("got %+v, want an order over the whole price that waits for payment", placed.Order)
		}
		// A free order can't be raised either: its cart is closed.
		c = a.readyWith(t, v.ID, "MORE", "FREEPOST")
		mine, path = "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		got := a.sent(c, "free")
		got.into(t, &placed)
		if got.status != 201 || placed.Order.Status != "paid" || placed.Payment.Status != "approved" || placed.Payment.RedirectURL != nil {
			t.Fatalf("got %d %+v, want an order with nothing to pay", got.status, placed)
		}
		problem(t, a.ask("POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, v.ID), mine), 409, "cart-closed")
		problem(t, a.ask("DELETE", path+"/codes", "", mine), 409, "cart-closed")
		db := a.raw(t)
		defer db.Close()
		if n := shoptest.One[int64](t, db, `SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id WHERE o.number = $1`, placed.Order.Number); n != 0 {
			t.Errorf("there are %d attempts to pay nothing", n)
		}
		// Nobody says in a body what a code is worth, or names two in one.
		c = a.readyWith(t, v.ID)
		mine, path = "Cart-Token: "+c.Token, "/api/v1/carts/"+c.ID
		for _, body := range []string{`{"code":"ONCE","amount":9900}`, `{"code":["ONCE"]}`, `{"code":null}`, `{}`, `{"codes":["ONCE"]}`, `{"Code":"ONCE"}`} {
			if got := a.ask("POST", path+"/codes", body, mine); got.status != 422 && got.status != 400 {
				t.Errorf("%s: got %d, want a refusal", body, got.status)
			}
		}
		if now := a.cartNow(c); now.Totals.Discount.Amount != 0 {
			t.Errorf("got %+v", now.Totals)
		}
	}},
	{"10 one use, fifty checkouts", func(t *testing.T, a *attacked) {
		a.imports(t, "Handle,Title,Variant SKU,Variant Price\nplenty,Plenty of it,PLENTY,20.00\n")
		plenty := a.product("plenty").Variants[0].ID
		for _, code := range []string{"ONCE", "EACH"} { // all are Ada's
			carts := make([]apiCart, 50)
			for i := range carts {
				carts[i] = a.readyWith(t, plenty, code)
			}
			var won, told atomic.Int64
			var group sync.WaitGroup
			for _, c := range carts {
				group.Go(func() {
					got, err := a.try("POST", "/api/v1/carts/"+c.ID+"/orders", "{}", "Cart-Token: "+c.Token, "Idempotency-Key: 10", "Content-Type: application/json")
					switch {
					case err != nil:
						t.Error(err)
					case got.status == 201:
						won.Add(1)
					case got.status == 409 && strings.Contains(string(got.body), "/problems/changed") && strings.Contains(string(got.body), code):
						told.Add(1)
					default:
						t.Errorf("got %d %.200s", got.status, got.body)
					}
				})
			}
			group.Wait()
			if won.Load() != 1 || told.Load() != 49 {
				t.Errorf("%s: %d orders got it and %d were told, want 1 and 49", code, won.Load(), told.Load())
			}
			db := a.raw(t)
			if n := shoptest.One[int64](t, db, `SELECT count(*) FROM orders WHERE codes LIKE '%`+code+`%'`); n != 1 {
				t.Errorf("%s: %d orders have it", code, n)
			}
			db.Close()
		}
	}},
	{"12 one gift card, thirty checkouts", func(t *testing.T, a *attacked) {
		plenty := a.product("plenty").Variants[0].ID
		whole := a.cartNow(a.readyWith(t, plenty)).Totals.Total.Amount
		card := strings.TrimSpace(a.must(t, "credit", "issue", fmt.Sprintf("%d.%02d", whole/100, whole%100)))
		carts := make([]apiCart, 30)
		for i := range carts {
			carts[i] = a.readyWith(t, plenty, card)
		}
		var paid, told atomic.Int64
		var group sync.WaitGroup
		for _, c := range carts {
			group.Go(func() {
				got, err := a.try("POST", "/api/v1/carts/"+c.ID+"/orders", "{}", "Cart-Token: "+c.Token, "Idempotency-Key: 12", "Content-Type: application/json")
				switch {
				case err != nil:
					t.Error(err)
				case got.status == 201 && strings.Contains(string(got.body), `"status":"paid"`):
					paid.Add(1)
				case got.status == 409 && strings.Contains(string(got.body), "/problems/changed"):
					told.Add(1)
				default:
					t.Errorf("got %d %.200s", got.status, got.body)
				}
			})
		}
		group.Wait()
		if paid.Load() != 1 || told.Load() != 29 {
			t.Errorf("%d orders were paid with it and %d were told, want 1 and 29", paid.Load(), told.Load())
		}
		if said := a.must(t, "credit", "verify"); !strings.Contains(said, "ok 1 credit") {
			t.Errorf("the books say %s", said)
		}
	}},
	{"13 guessing codes", func(t *testing.T, a *attacked) {
		plenty := a.product("plenty").Variants[0].ID
		c := a.readyWith(t, plenty)
		b := &browserless{shop: a.shop}
		b.post("/cart/lines", "variant_id", plenty, "quantity", "1")
		dead := strings.TrimSpace(a.must(t, "credit", "issue", "5"))
		a.must(t, "credit", "cancel", strings.Fields(a.must(t, "credit", "list", "--limit", "1"))[0])
		// Unknown, ended and used up read alike on each road, whatever the code is of.
		api, form := map[string]bool{}, map[string]bool{}
		for _, code := range []string{"NEVERWAS", "ENDED", "ONCE", dead, "K7Q2M-9F3XA-TB4NC-8WZ00", credit.NewCode().Reveal()} {
			got := a.ask("POST", "/api/v1/carts/"+c.ID+"/codes", fmt.Sprintf(`{"code":%q}`, code), "Cart-Token: "+c.Token)
			problem(t, got, 422, "invalid")
			api[withoutReference(t, string(got.body))] = true
			got = b.post("/cart/code", "code", code)
			if got.status != 422 {
				t.Errorf("%s by form: got %d", code, got.status)
			}
			form[string(got.body)] = true
		}
		if len(api) != 1 || len(form) != 1 {
			t.Errorf("got %d and %d different answers, want one each", len(api), len(form))
		}
		// Neither new carts, nor made-up headers, nor the other road make new tries.
		refused := 0
		for i := range 1000 {
			switch {
			case i%100 == 0:
				c = a.cart(plenty, 1)
			case i%10 == 0:
				if b.post("/cart/code", "code", fmt.Sprint("GUESS", i)).status == 429 {
					refused++
				}
				continue
			}
			got := a.ask("POST", "/api/v1/carts/"+c.ID+"/codes", fmt.Sprintf(`{"code":"GUESS%d"}`, i), "Cart-Token: "+c.Token, fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i%250))
			if got.status == 429 {
				refused++
			}
		}
		if refused < 1000-2*abuse.Discounts.Burst() {
			t.Errorf("%d of 1000 guesses were refused", refused)
		}
		// Then the right one is not tried either: an answer would be an answer.
		problem(t, a.ask("POST", "/api/v1/carts/"+c.ID+"/codes", `{"code":"FREEPOST"}`, "Cart-Token: "+c.Token), 429, "rate-limited")
		a.buy(plenty, 1, ada()) // and everything else goes on
	}},
}
