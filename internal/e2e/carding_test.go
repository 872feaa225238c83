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
	solves bool                  // does the sum that is asked for
	asks   bool                  // has a code mailed where that is offered
	reads  func() (string, bool) // finds the code in the mailbox; nil for whoever can't
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
	if err == nil && a.status == 429 && c.asks && strings.Contains(a.body, `"pay_code":true`) {
		var mailed struct{ Ticket string }
		a, err = ask("POST", path+"/pay-code", "{}", mine)
		if err != nil || a.status != 201 || json.Unmarshal([]byte(a.body), &mailed) != nil {
			return false, false, fmt.Sprint("code ", a.status), err
		}
		if c.reads == nil {
			return false, false, "code not read", nil
		}
		code, there := c.reads()
		if !there {
			return false, false, "no letter", nil
		}
		typed, _ := json.Marshal(map[string]string{"ticket": mailed.Ticket, "code": code})
		if a, err = ask("POST", path+"/pay-code/answer", string(typed), mine); err != nil || a.status != 200 {
			return false, false, fmt.Sprint("answer ", a.status), err
		}
		a, err = ask("POST", path+"/orders", "{}", mine, "Idempotency-Key: three")
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

// postman reads the mailboxes of a shop over and over, for all who wait for a
// letter: the outbox is listed whole.
type postman struct {
	mu    sync.Mutex
	codes map[string]string // by mailbox
	sent  int               // letters with a code
}

// delivers looks into the outbox until stop is called, which looks once more.
func (p *postman) delivers(t testing.TB, h home) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	look := func() {
		codes, sent := map[string]string{}, 0
		for _, l := range h.letters(t) {
			if m := mailedCode.FindStringSubmatch(l.Text); m != nil && strings.Contains(l.Subject, "Your code to pay") {
				codes[l.To] = m[1]
				sent++
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.codes, p.sent = codes, sent
	}
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				look()
			}
		}
	}()
	return func() {
		close(done)
		<-gone
		look()
	}
}

func (p *postman) reads(email string) func() (string, bool) {
	return func() (string, bool) {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			p.mu.Lock()
			code := p.codes[email]
			p.mu.Unlock()
			if code != "" {
				return code, true
			}
		}
		return "", false
	}
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
		name                 string
		solves, asks, mailed bool
	}{{name: "thieves that do no sums"}, {name: "thieves that do every sum", solves: true},
		{name: "thieves that do every sum and ask for every code", solves: true, asks: true},
		{name: "thieves that read a mailbox for each card", solves: true, asks: true, mailed: true}} {
		cards, sources, honest := cards, sources, honest
		switch {
		case kind.asks && !soak():
			continue // the modes before have the codes of honest buyers
		case kind.mailed:
			cards, sources, honest = cards/4, sources/4, honest/4 // each reads the outbox whole
		}
		t.Run(kind.name, func(t *testing.T) {
			h := newHome(t, "")
			h.env = append(h.env, "CARTKEEP_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
			s := h.start(t)
			(&attacked{shop: s}).imports(t, "Handle,Title,Variant SKU,Variant Price\nplenty,Plenty of it,PLENTY,20.00\n")
			cup := s.product("plenty").Variants[0].ID
			mail := &postman{}
			stop := mail.delivers(t, h)
			var reached, lastBefore, bought, near, far atomic.Int64
			met := sync.Map{}
			network := func(i int) string { return fmt.Sprintf("10.%d.%d.7", i/250, i%250) }
			note := func(who, what string) {
				n, _ := met.LoadOrStore(who+": "+what, new(atomic.Int64))
				n.(*atomic.Int64).Add(1)
			}
			var tasks []func() error
			for i := range cards {
				tasks = append(tasks, func() error {
					c := carder{shop: s, source: network(i % sources), email: fmt.Sprintf("thief%d@example.com", i), solves: kind.solves, asks: kind.asks}
					if kind.mailed {
						c.reads = mail.reads(c.email)
					}
					got, _, refused, err := c.pays(cup, "declined", fmt.Sprintf("stolen-%d", i))
					if got {
						reached.Add(1)
						lastBefore.Store(int64(i + 1))
					} else {
						note("thieves", refused)
					}
					return err
				})
				if i%(cards/honest) == cards/honest-1 {
					tasks = append(tasks, func() error {
						n := i / (cards / honest)
						c := carder{shop: s, source: fmt.Sprintf("172.16.%d.9", n%250), email: fmt.Sprintf("honest%d@example.com", n), solves: true, asks: true}
						c.reads = mail.reads(c.email)
						if n%2 == 0 {
							c.source = network(n % sources)
						}
						_, paid, refused, err := c.pays(cup, "approved", fmt.Sprintf("own-%d", n))
						switch {
						case !paid:
							note("honest", refused)
						case n%2 == 0:
							near.Add(1)
						default:
							far.Add(1)
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
			stop()
			var said bytes.Buffer
			met.Range(func(k, v any) bool { fmt.Fprintf(&said, "; %s: %d", k, v.(*atomic.Int64).Load()); return true })
			t.Logf("%s: %d cards over %d sources: %d reached the provider, the last as number %d; %d of %d honest buyers bought (%d of %d in the thieves' networks); %d codes were mailed%s",
				kind.name, cards, sources, reached.Load(), lastBefore.Load(), bought.Load(), honest, near.Load(), (honest+1)/2, mail.sent, said.String())
			most := int64(40 + honest/4)
			if kind.solves {
				most += int64(sources + 60)
			}
			if kind.mailed { // each further card has cost a mailbox of its own
				most += int64(mail.sent)
			}
			if reached.Load() > most {
				t.Errorf("%d cards reached the provider, want %d at most", reached.Load(), most)
			}
			if bought.Load() < int64(honest) {
				t.Errorf("%d of %d honest buyers bought", bought.Load(), honest)
			}
			eventually(t, 10*time.Second, "the alarm", func() bool { return strings.Contains(s.said.String(), "carding-begins") })
		})
	}
}
