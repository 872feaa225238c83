package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment/sandbox"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// bankSecret opens the sealed secret that call-backs are signed with. It takes
// the key file, as an operator could; no shop may be running.
func (h home) bankSecret(t testing.TB) []byte {
	t.Helper()
	ctx := context.Background()
	id, err := os.ReadFile(filepath.Join(h.dir, "shop.id"))
	if err != nil {
		t.Fatal(err)
	}
	shopID := strings.TrimSpace(string(id))
	keys, err := keyfile.Open(h.key, shopID, keyfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.Open(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	database := h.database
	if database == "" {
		database = filepath.Join(h.dir, "shop.db")
	}
	db, err := store.Open(ctx, store.Config{Database: database, Ring: ring, ShopID: shopID})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return append([]byte(nil), db.Keys().Sandbox...)
}

// notice is a call-back as the bank writes it.
type notice struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Session string    `json:"session"`
	Order   string    `json:"order"`
	Attempt int       `json:"attempt"`
	Amount  amount    `json:"amount"`
	Mode    string    `json:"mode"`
	Account string    `json:"account"`
	At      time.Time `json:"at"`
}

// approval is the genuine call-back for an order, from the bank's own books.
func (s *shop) approval(p apiPlaced) notice {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, "sandbox.jsonl"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	ref := (*p.Payment.RedirectURL)[strings.LastIndexByte(*p.Payment.RedirectURL, '/')+1:]
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r struct {
			Ref    string `json:"ref"`
			Opened *struct {
				Order   string `json:"order"`
				Attempt int    `json:"attempt"`
				Amount  amount `json:"amount"`
			} `json:"opened"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			s.t.Fatal(err)
		}
		if r.Ref == ref && r.Opened != nil {
			return notice{ID: "e2e-" + ref, Type: "payment.approved", Session: ref, Order: r.Opened.Order, Attempt: r.Opened.Attempt, Amount: r.Opened.Amount,
				Mode: "test", Account: sandbox.Account, At: time.Now().UTC().Truncate(time.Millisecond)}
		}
	}
	s.t.Fatalf("the bank's books do not know %s", ref)
	return notice{}
}

// send posts a call-back with a signature.
func (s *shop) send(body []byte, signature string) (answer, error) {
	headers := []string{"Content-Type: application/json"}
	if signature != "" {
		headers = append(headers, sandbox.SignatureHeader+": "+signature)
	}
	return s.try("POST", "/payments/sandbox/notices", string(body), headers...)
}

func (n notice) body(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withSecret starts a demo, learns the bank's secret, and starts it again.
func withSecret(t *testing.T, database string, env ...string) (*shop, []byte) {
	t.Helper()
	h := newHome(t, database)
	h.env = append(h.env, env...)
	if code := h.start(t).stop(); code != 0 {
		t.Fatalf("got exit %d, want 0", code)
	}
	secret := h.bankSecret(t)
	return h.start(t), secret
}

func TestForgedCallBacksPayNothing(t *testing.T) {
	s, secret := withSecret(t, "")
	v := s.product("whistling-kettle").Variants[0].ID
	p, other := s.place(s.cart(v, 1), ada(), "a"), s.place(s.cart(v, 2), ada(), "b")
	genuine, theirs := s.approval(p), s.approval(other)
	body := genuine.body(t)
	signed := func(n notice) (body []byte, signature string) {
		b := n.body(t)
		return b, sandbox.Sign(secret, time.Now(), b)
	}
	change := func(fn func(*notice)) notice { n := genuine; fn(&n); return n }
	refuse := func(name string, status int, body []byte, signature string) {
		t.Helper()
		a, err := s.send(body, signature)
		if err != nil || a.status != status {
			t.Errorf("%s: got %d %.200s %v, want %d", name, a.status, a.body, err, status)
		}
		for _, inner := range []string{genuine.Session, genuine.Order, p.Order.Number} {
			if strings.Contains(a.body, inner) {
				t.Errorf("%s: the refusal repeats %q", name, inner)
			}
		}
	}
	now := time.Now()
	good := sandbox.Sign(secret, now, body)
	refuse("no signature", 400, body, "")
	refuse("another secret", 400, body, sandbox.Sign([]byte(strings.Repeat("wrong secret ", 4)), now, body))
	refuse("another body", 400, append(body[:len(body):len(body)], ' '), good)
	refuse("an old one", 400, body, sandbox.Sign(secret, now.Add(-6*time.Minute), body))
	refuse("one of tomorrow", 400, body, sandbox.Sign(secret, now.Add(24*time.Hour), body))
	refuse("doubled signature", 400, body, good+","+good)
	refuse("nothing", 400, nil, sandbox.Sign(secret, now, nil))
	refuse("10 MB", 413, []byte(strings.Repeat("a", 10<<20)), good)
	for name, n := range map[string]notice{
		"another amount":        change(func(n *notice) { n.Amount.Amount = 1 }),
		"another currency":      change(func(n *notice) { n.Amount.Currency = "JPY" }),
		"another order":         change(func(n *notice) { n.Order = theirs.Order }),
		"another session":       change(func(n *notice) { n.Session = theirs.Session }),
		"another attempt":       change(func(n *notice) { n.Attempt = 2 }),
		"of the live mode":      change(func(n *notice) { n.Mode = "live" }),
		"for another account":   change(func(n *notice) { n.Account = "somebody" }),
		"an unheard-of session": change(func(n *notice) { n.Session = "nothing" }),
	} {
		b, signature := signed(n)
		a, err := s.send(b, signature)
		if err != nil || a.status/100 != 4 {
			t.Errorf("%s: got %d %v, want a refusal", name, a.status, err)
		}
	}
	for _, p := range []apiPlaced{p, other} {
		if o := s.order(p); o.Order.Status != "pending" {
			t.Errorf("order %s: got %q after forged call-backs, want pending", p.Order.Number, o.Order.Status)
		}
	}
	if a, err := s.send(body, good); err != nil || a.status != 204 {
		t.Errorf("the genuine one: got %d %v, want 204", a.status, err)
	}
	if o := s.order(p); o.Order.Status != "paid" {
		t.Errorf("after the genuine one: got %q, want paid", o.Order.Status)
	}
}

func TestACallBackReplayedInParallelPaysOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		s, secret := withSecret(t, database)
		v := s.product("whistling-kettle").Variants[0].ID
		before := s.onHand(t, "whistling-kettle", 0)
		p := s.place(s.cart(v, 1), ada(), "k")
		body := s.approval(p).body(t)
		var fine atomic.Int64
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				// A provider repeats what was not answered with 2xx.
				for range 5 {
					if a, err := s.send(body, sandbox.Sign(secret, time.Now(), body)); err == nil && a.status == 204 {
						fine.Add(1)
						return
					}
				}
			})
		}
		group.Wait()
		if fine.Load() != 20 {
			t.Errorf("got %d of 20 answered", fine.Load())
		}
		s.quiet(t)
		if o := s.order(p); o.Order.Status != "paid" {
			t.Errorf("got %q, want paid", o.Order.Status)
		}
		if got := s.onHand(t, "whistling-kettle", 0); got.onHand != before.onHand-1 {
			t.Errorf("got %d on hand, want %d less one", got.onHand, before.onHand)
		}
		if got := len(s.letters(t)); got != 1 {
			t.Errorf("got %d letters, want one", got)
		}
		if a, err := s.send(body, sandbox.Sign(secret, time.Now(), body)); err != nil || a.status != 204 || s.order(p).Order.Status != "paid" {
			t.Errorf("one more: got %d %v, want 204 and nothing changed", a.status, err)
		}
	})
}

func TestTheHoldEndsAndTheGoodsReturn(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		s, secret := withSecret(t, database, "CARTKEEP_HOLD=2s")
		handle := "whistling-kettle"
		variant := s.product(handle).Variants[2]
		start := s.onHand(t, handle, 2)

		// All there are, and not paid: the shelf is empty until the hold ends.
		c := s.cart(variant.ID, int(start.onHand))
		p := s.place(c, ada(), "first")
		if s.product(handle).Variants[2].Available {
			t.Error("what is held is still offered")
		}
		late := s.approval(p)
		eventually(t, 15*time.Second, "the order is cancelled", func() bool { return s.order(p).Order.Status == "cancelled" })
		if o := s.order(p); o.Payment.Status != "expired" || o.Payment.RedirectURL != nil {
			t.Errorf("payment: got %+v, want expired", o.Payment)
		}
		eventually(t, 10*time.Second, "the goods are offered again", func() bool { return s.product(handle).Variants[2].Available })

		// The cart is open again, and the same goods can be ordered anew.
		var open apiCart
		s.want(200, "GET", "/api/v1/carts/"+c.ID, "", "Cart-Token: "+c.Token).into(t, &open)
		if len(open.Lines) != 1 || !open.Checkout.Complete {
			t.Errorf("the cart: got %+v, want it open with what was in it", open)
		}
		var second apiPlaced
		s.want(201, "POST", "/api/v1/carts/"+c.ID+"/orders", "{}", "Cart-Token: "+c.Token, "Idempotency-Key: second").into(t, &second)
		s.bankSays(*second.Payment.RedirectURL, "approved")
		if got := s.order(second).Order.Status; got != "paid" || second.Order.Number == p.Order.Number {
			t.Errorf("the second order: got %q and %s, want paid and another number", got, second.Order.Number)
		}

		// A bank that says yes to the first one now is too late: nothing is left,
		// and nobody is owed goods. (That the money goes back is a story of the
		// package checkout: this bank knows of no yes that it could return.)
		s.quiet(t)
		body := late.body(t)
		if a, err := s.send(body, sandbox.Sign(secret, time.Now(), body)); err != nil || a.status != 204 {
			t.Errorf("a late yes: got %d %v, want 204", a.status, err)
		}
		if o := s.order(p); o.Order.Status != "cancelled" {
			t.Errorf("the first order: got %q, want cancelled", o.Order.Status)
		}
		if got := s.onHand(t, handle, 2); got.onHand != 0 {
			t.Errorf("got %d on hand, want 0 and not below", got.onHand)
		}
	})
}

func TestALateYesIsPaidWhileStockIsLeft(t *testing.T) {
	eachEngine(t, func(t *testing.T, database string) {
		h := newHome(t, database)
		h.env = append(h.env, "CARTKEEP_HOLD=2s")
		s := h.start(t)
		start := s.onHand(t, "nesting-bowls", 0)
		p := s.place(s.cart(s.product("nesting-bowls").Variants[0].ID, 1), ada(), "k")
		if a := s.bankSays(*p.Payment.RedirectURL, "approved_late"); a.status != 303 {
			t.Fatalf("got %d, want 303 at once", a.status)
		}
		if got := s.order(p).Order.Status; got != "pending" {
			t.Errorf("at once: got %q, want pending", got)
		}
		eventually(t, 20*time.Second, "the late yes makes it paid", func() bool { return s.order(p).Order.Status == "paid" })
		s.quiet(t)
		if got := s.onHand(t, "nesting-bowls", 0); got.onHand != start.onHand-1 {
			t.Errorf("got %d on hand, want %d less one", got.onHand, start.onHand)
		}
		db := s.raw(t)
		defer db.Close()
		eventually(t, 10*time.Second, "no hold is left", func() bool { return shoptest.One[int64](t, db, `SELECT COUNT(*) FROM holds`) == 0 })
	})
}
