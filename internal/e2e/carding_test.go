package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// worked is the header that carries the solved sum of a refusal; "" when it asks
// for none.
func worked(refusal string) string {
	var p struct {
		Work *struct {
			Algorithm, Challenge, Salt, Signature string
			Max                                   int
		}
	}
	if json.Unmarshal([]byte(refusal), &p) != nil || p.Work == nil {
		return ""
	}
	w := p.Work
	for n := range w.Max + 1 {
		if s := sha256.Sum256(fmt.Append(nil, w.Salt, n)); hex.EncodeToString(s[:]) == w.Challenge {
			body, _ := json.Marshal(map[string]any{"algorithm": w.Algorithm, "challenge": w.Challenge, "salt": w.Salt, "signature": w.Signature, "number": n})
			return "Work: " + base64.StdEncoding.EncodeToString(body)
		}
	}
	return ""
}

// carder is one try of a stolen card, or one honest buyer: a cart of its own, an
// address of its own, from a source.
type carder struct {
	*shop
	source string
	email  string
	solves bool // does the sum that is asked for
}

// pays fills a cart and tries to pay; reached says that the provider had a page
// for it. refused is the friction that it met in the end.
func (c carder) pays(variant, outcome, card string) (reached, paid bool, refused string, err error) {
	from := "X-Forwarded-For: " + c.source
	ask := func(method, path, body string, headers ...string) (answer, error) {
		return c.try(method, path, body, append(headers, from)...)
	}
	a, err := ask("POST", "/api/v1/carts", "{}")
	if err != nil || a.status != 201 {
		return false, false, fmt.Sprint("cart ", a.status), err
	}
	var made apiCart
	if err := json.Unmarshal([]byte(a.body), &made); err != nil {
		return false, false, "", err
	}
	mine, path := "Cart-Token: "+made.Token, "/api/v1/carts/"+made.ID
	if a, err = ask("POST", path+"/lines", fmt.Sprintf(`{"variant_id":%q,"quantity":1}`, variant), mine); err != nil || a.status != 201 {
		return false, false, fmt.Sprint("line ", a.status), err
	}
	p := ada()
	if a, err = ask("PUT", path+"/checkout", strings.Replace(p.json(), "ada@example.com", c.email, 1), mine); err != nil || a.status != 200 {
		return false, false, fmt.Sprint("details ", a.status), err
	}
	a, err = ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: one")
	if err == nil && a.status == 429 && c.solves {
		if w := worked(a.body); w != "" {
			a, err = ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: two", w)
		}
	}
	if err != nil || a.status != 201 {
		return false, false, fmt.Sprint("order ", a.status), err
	}
	var placed apiPlaced
	if err := json.Unmarshal([]byte(a.body), &placed); err != nil || placed.Payment.RedirectURL == nil {
		return false, false, "", err
	}
	if _, err = c.try("POST", *placed.Payment.RedirectURL, encode(map[string][]string{"outcome": {outcome}, "card": {card}}), "Content-Type: application/x-www-form-urlencoded"); err != nil {
		return true, false, "", err
	}
	a, err = ask("GET", "/api/v1/orders/"+placed.Order.Number, "", "Order-Token: "+placed.Order.Token)
	return true, err == nil && strings.Contains(a.body, `"status":"paid"`), "", err
}

// TestACardingRunEndsAndHonestBuyersBuy: stolen cards are tried one by one, each
// with a cart and a mailbox of its own, from many networks, while honest people
// buy, every second one of them in the thieves' own networks.
func TestACardingRunEndsAndHonestBuyersBuy(t *testing.T) {
	cards, sources, honest := 120, 24, 12
	if soak() {
		cards, sources, honest = 1000, 200, 100
	}
	for _, kind := range []struct {
		name   string
		solves bool
	}{{"thieves that do no sums", false}, {"thieves that do every sum", true}} {
		t.Run(kind.name, func(t *testing.T) {
			h := newHome(t, "")
			h.env = append(h.env, "CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
			s := h.start(t)
			(&attacked{shop: s}).imports(t, "Handle,Title,Variant SKU,Variant Price\nplenty,Plenty of it,PLENTY,20.00\n")
			cup := s.product("plenty").Variants[0].ID
			var reached, lastBefore, bought, near, far atomic.Int64
			met := sync.Map{}
			network := func(i int) string { return fmt.Sprintf("10.%d.%d.7", i/250, i%250) }
			var tasks []func() error
			for i := range cards {
				tasks = append(tasks, func() error {
					c := carder{s, network(i % sources), fmt.Sprintf("thief%d@example.com", i), kind.solves}
					got, _, refused, err := c.pays(cup, "declined", fmt.Sprintf("stolen-%d", i))
					if got {
						reached.Add(1)
						lastBefore.Store(int64(i + 1))
					} else {
						n, _ := met.LoadOrStore("thieves: "+refused, new(atomic.Int64))
						n.(*atomic.Int64).Add(1)
					}
					return err
				})
				if i%(cards/honest) == cards/honest-1 {
					tasks = append(tasks, func() error {
						n := i / (cards / honest)
						c := carder{s, fmt.Sprintf("172.16.%d.9", n%250), fmt.Sprintf("honest%d@example.com", n), true}
						if n%2 == 0 {
							c.source = network(n % sources)
						}
						_, paid, refused, err := c.pays(cup, "approved", fmt.Sprintf("own-%d", n))
						switch {
						case paid && n%2 == 0:
							near.Add(1)
						case paid:
							far.Add(1)
						default:
							k, _ := met.LoadOrStore("honest: "+refused, new(atomic.Int64))
							k.(*atomic.Int64).Add(1)
						}
						if paid {
							bought.Add(1)
						}
						return err
					})
				}
			}
			next := make(chan func() error)
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					for do := range next {
						if err := do(); err != nil {
							t.Error(err)
						}
					}
				})
			}
			for _, do := range tasks {
				next <- do
			}
			close(next)
			group.Wait()
			var said bytes.Buffer
			met.Range(func(k, v any) bool { fmt.Fprintf(&said, "; %s: %d", k, v.(*atomic.Int64).Load()); return true })
			t.Logf("%s: %d cards over %d sources: %d reached the provider, the last as number %d; %d of %d honest buyers bought (%d of %d in the thieves' networks)%s",
				kind.name, cards, sources, reached.Load(), lastBefore.Load(), bought.Load(), honest, near.Load(), (honest+1)/2, said.String())
			if most := int64(40 + honest/4 + map[bool]int{true: sources + 60}[kind.solves]); reached.Load() > most {
				t.Errorf("%d cards reached the provider, want %d at most", reached.Load(), most)
			}
			if far.Load() < int64(honest/2) {
				t.Errorf("%d of %d honest buyers elsewhere bought", far.Load(), honest/2)
			}
			if !kind.solves && near.Load() < int64((honest+1)/2) {
				t.Errorf("%d of %d honest buyers in the thieves' networks bought", near.Load(), (honest+1)/2)
			}
			eventually(t, 10*time.Second, "the alarm", func() bool { return strings.Contains(s.said.String(), "carding-begins") })
		})
	}
}
