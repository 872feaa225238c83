package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// browsing measures how long a shopper waits for the cart while fn runs.
func browsing(t testing.TB, s *shop, fn func()) (p99 time.Duration, looks int) {
	t.Helper()
	p := s.caller("192.0.2.99")
	page := p.get(t, "/products/whistling-kettle")
	variant := variantOf.FindStringSubmatch(page.body)
	if variant == nil {
		t.Fatalf("the kettle has no button: %d", page.status)
	}
	p.post(t, "/cart/lines", url.Values{"variant_id": {variant[1]}, "quantity": {"1"}})
	var took []time.Duration
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			a, err := p.do("GET", "/cart", nil)
			if err != nil || a.status != http.StatusOK {
				t.Errorf("the cart: %d, %v", a.status, err)
				return
			}
			took = append(took, a.took)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	fn()
	close(stop)
	<-done
	if len(took) == 0 {
		t.Fatal("nobody looked at a cart")
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	return took[len(took)*99/100], len(took)
}

// TestStuffingGetsNobodyIn tries stolen passwords from thousands of networks:
// ten thousand names, some of them with an account here. The owner of one signs
// in all the while from a browser that is known.
func TestStuffingGetsNobodyIn(t *testing.T) {
	attempts := shoptest.Tenth(100_000)
	s := people(t, "")
	var emails []string
	for i := range 20 {
		emails = append(emails, fmt.Sprintf("victim%02d@example.com", i))
	}
	owners := s.settle(t, emails...)
	quiet, _ := browsing(t, s, func() { time.Sleep(3 * time.Second) })

	var tried, held, wrong, in atomic.Int64
	ownerWaits := 0
	loud, looks := browsing(t, s, func() {
		var group sync.WaitGroup
		next := atomic.Int64{}
		for worker := range 64 {
			group.Go(func() {
				draw := rand.New(rand.NewPCG(uint64(worker), 7))
				for next.Add(1) <= int64(attempts) {
					p := s.caller(fmt.Sprintf("%d.%d.%d.9", 11+draw.IntN(180), draw.IntN(250), draw.IntN(250)))
					email := fmt.Sprintf("stolen%d@example.com", draw.IntN(10_000))
					if draw.IntN(10) == 0 {
						email = emails[draw.IntN(len(emails))]
					}
					a, err := p.do("POST", "/sign-in", url.Values{"email": {email}, "password": {fmt.Sprintf("stolen password no. %d", draw.IntN(1000))}})
					if err != nil {
						continue // it is in their interest, not ours
					}
					tried.Add(1)
					switch {
					case a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable || a.status == http.StatusForbidden:
						held.Add(1)
					case a.status == http.StatusUnprocessableEntity:
						wrong.Add(1)
					case a.to != "":
						in.Add(1)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { group.Wait(); close(done) }()
		for running := true; running; {
			select {
			case <-done:
				running = false
			case <-time.After(1500 * time.Millisecond): // one network signs in once a second, whoever as
				start := time.Now()
				a, err := owners[3].do("POST", "/sign-in", url.Values{"email": {emails[3]}, "password": {passphrase}})
				if err != nil || a.to != "/account" {
					t.Errorf("the owner on a known browser: %d %s, %v", a.status, a.to, err)
				}
				if time.Since(start) > 3*time.Second {
					ownerWaits++
				}
			}
		}
	})
	t.Logf("%d tries: %d told wrong, %d held up, %d got in; the owner waited long %d times; cart p99 %v before, %v beside it (%d looks)",
		tried.Load(), wrong.Load(), held.Load(), in.Load(), ownerWaits, quiet.Round(time.Millisecond), loud.Round(time.Millisecond), looks)
	if in.Load() != 0 {
		t.Errorf("%d strangers got in", in.Load())
	}
	if held.Load() == 0 {
		t.Error("nobody was held up")
	}
	// An owner on a browser nobody knows makes it known by a code, after the sum
	// that everybody's browser does under attack, and gets in.
	fresh := s.caller("203.0.113.5")
	if a := fresh.post(t, "/sign-in/browser", url.Values{"email": {emails[5]}, "work": {fresh.sum(t, "/sign-in/browser")}}); a.to != "/sign-in/browser/code" {
		t.Fatalf("asking for a code: %d %s", a.status, a.to)
	}
	var code string
	eventually(t, 20*time.Second, "the code for the browser", func() bool {
		code = s.codes(t)[emails[5]]
		return code != ""
	})
	if a := fresh.post(t, "/sign-in/browser/code", url.Values{"code": {code}, "work": {fresh.sum(t, "/sign-in/browser/code")}}); a.to != "/sign-in" {
		t.Fatalf("the code: %d %s %.300s", a.status, a.to, a.body)
	}
	if a := fresh.post(t, "/sign-in", url.Values{"email": {emails[5]}, "password": {passphrase}}); a.to != "/account" {
		t.Errorf("on a browser made known: %d %s", a.status, a.to)
	}
}

var asked = regexp.MustCompile(`data-challenge="([^"]+)" data-salt="([^"]+)" data-signature="([^"]+)"`)

// sum does what a browser does with the form of a page under attack; "" where
// the page asks for nothing.
func (p *caller) sum(t testing.TB, path string) string {
	t.Helper()
	m := asked.FindStringSubmatch(html.UnescapeString(p.get(t, path).body))
	if m == nil {
		return ""
	}
	for n := range 1_000_000 {
		if sum := sha256.Sum256([]byte(m[2] + strconv.Itoa(n))); hex.EncodeToString(sum[:]) == m[1] {
			b, err := json.Marshal(map[string]any{"algorithm": "SHA-256", "challenge": m[1], "salt": m[2], "signature": m[3], "number": n})
			if err != nil {
				t.Fatal(err)
			}
			return base64.StdEncoding.EncodeToString(b)
		}
	}
	t.Fatal("the sum has no answer")
	return ""
}
