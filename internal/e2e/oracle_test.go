package e2e

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// samples is one kind of response, measured.
type samples struct {
	took   []float64 // ms
	shapes map[string]int
}

// shape is everything of an response that must not tell known from unknown:
// status, where it leads, headers and body, without what is drawn anew for
// every response.
func (a response) shape() string {
	var lines []string
	for name, values := range a.header {
		if name == "Date" || name == "Cartkeep-Reference" {
			continue
		}
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	sort.Strings(lines)
	return drawnAnew.ReplaceAllString(fmt.Sprintf("%d %s\n%s\n%s", a.status, a.to, strings.Join(lines, "\n"), a.body), "…")
}

var drawnAnew = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}\.[\w-]{43}|[\w-]{43}|e\d(known|empty)\d\d@example\.com|Expires=[^;]*|[A-Z0-9]{10}</code>`)

// apart tells how well a time tells two kinds apart: the chance that one of the
// first took longer than one of the second (Mann and Whitney), and z, that
// distance from a half in standard deviations.
func apart(a, b []float64) (chance, z float64) {
	type one struct {
		v     float64
		first bool
	}
	all := make([]one, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, one{v, true})
	}
	for _, v := range b {
		all = append(all, one{v, false})
	}
	slices.SortFunc(all, func(x, y one) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	ranks := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		for k := i; k < j; k++ {
			if all[k].first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	u := ranks - n*(n+1)/2
	return u / (n * m), (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
}

// TestNobodyLearnsWhetherThereIsAnAccount asks about mailboxes with and without
// an account on every road where a stranger can name one, and compares status,
// headers, cookies, body and time.
func TestNobodyLearnsWhetherThereIsAnAccount(t *testing.T) {
	// More than this many wrong sign-ins in five minutes are an attack, which
	// changes the answers to everybody; the long run takes several shops.
	each, rounds := 24, 1
	if soak() {
		each, rounds = 50, 4
	}
	roads := []string{"sign-in", "register", "reset", "checkout"}
	found := map[string]*[2]samples{}
	for _, road := range roads {
		found[road] = &[2]samples{{shapes: map[string]int{}}, {shapes: map[string]int{}}}
	}
	for round := range rounds {
		askEverywhere(t, round, each, found)
	}
	for _, road := range roads {
		known, unknown := found[road][0], found[road][1]
		chance, z := apart(known.took, unknown.took)
		sort.Float64s(known.took)
		sort.Float64s(unknown.took)
		t.Logf("%-9s %d + %d samples: median %.1f ms known, %.1f unknown; one of the known takes longer in %.1f %% (z = %.2f)",
			road, len(known.took), len(unknown.took), known.took[len(known.took)/2], unknown.took[len(unknown.took)/2], 100*chance, z)
		if math.Abs(z) > 4.5 {
			t.Errorf("%s: the time tells known from unknown: %.1f %%, z = %.2f", road, 100*chance, z)
		}
		if len(known.shapes) != 1 || len(unknown.shapes) != 1 {
			t.Errorf("%s: %d answers to the known, %d to the unknown, want one each", road, len(known.shapes), len(unknown.shapes))
		}
		for shape := range known.shapes {
			if unknown.shapes[shape] == 0 {
				for other := range unknown.shapes {
					t.Errorf("%s answers differently:\n%s\n--- unknown:\n%s", road, head(shape), head(other))
				}
			}
		}
	}
}

func head(s string) string { return s[:min(len(s), 3000)] }

func askEverywhere(t *testing.T, round, each int, found map[string]*[2]samples) {
	s := people(t, "")
	var emails []string
	for i := range each {
		emails = append(emails, fmt.Sprintf("e%dknown%02d@example.com", round, i))
	}
	s.settle(t, emails...)
	// Some are right, as people are: hardly anything right would be an attack too.
	for i := range each/2 + 1 {
		if a := s.caller(fmt.Sprintf("10.9.%d.7", i)).post(t, "/sign-in", url.Values{"email": {emails[i]}, "password": {passphrase}}); a.to != "/account" {
			t.Fatalf("a good password: got %d %s", a.status, a.to)
		}
	}
	type question struct {
		i, kind, n  int
		road, email string
	}
	var questions []question
	for i := range each {
		for kind, email := range []string{emails[i], fmt.Sprintf("e%dempty%02d@example.com", round, i)} {
			for n, road := range []string{"sign-in", "register", "reset", "checkout"} {
				questions = append(questions, question{i, kind, n, road, email})
			}
		}
	}
	rand.Shuffle(len(questions), func(i, j int) { questions[i], questions[j] = questions[j], questions[i] })
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, q := range questions {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			a, err := s.caller(fmt.Sprintf("10.%d.%d.9", 20+10*q.kind+q.n, q.i)).about(q.road, q.email)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			one := &found[q.road][q.kind]
			one.took = append(one.took, float64(a.took)/float64(time.Millisecond))
			one.shapes[a.shape()]++
		})
	}
	group.Wait()
	s.kill()
}

// about names a mailbox on one road.
func (p *caller) about(road, email string) (response, error) {
	switch road {
	case "sign-in":
		return p.do("POST", "/sign-in", url.Values{"email": {email}, "password": {"not the password at all"}})
	case "register":
		return p.do("POST", "/register", url.Values{"email": {email}, "password": {"seventeen lanterns at noon"}})
	case "reset":
		return p.do("POST", "/forgotten", url.Values{"email": {email}})
	}
	page, err := p.do("GET", "/products/whistling-kettle", nil)
	if err != nil {
		return page, err
	}
	variant := variantOf.FindStringSubmatch(page.body)
	if variant == nil {
		return page, fmt.Errorf("the kettle has no button: %d", page.status)
	}
	if a, err := p.do("POST", "/cart/lines", url.Values{"variant_id": {variant[1]}, "quantity": {"1"}}); err != nil || a.status != http.StatusSeeOther {
		return a, fmt.Errorf("into the cart: %d, %w", a.status, err)
	}
	return p.do("POST", "/checkout", url.Values{"email": {email}, "name": {"Ada Lovelace"}, "shipping_address.street_address": {"Analytical Way 1"},
		"shipping_address.address_locality": {"Berlin"}, "shipping_address.postal_code": {"10115"}, "shipping_address.address_country": {"DE"}})
}
