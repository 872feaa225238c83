// Package load drives cart sessions against a shop and measures them.
//
// A session is six requests: create a cart, add three things, change a
// quantity, read the cart. Each client runs one session after the other on a
// kept-alive TLS connection with HTTP/1.1. It knows two dialects, the shop's
// REST API and the yardstick's; it does not start servers.
package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// steps is the number of requests of a session.
const steps = 6

// StepName names a request of a session by its place.
func StepName(i int) string {
	return [steps]string{"create", "add 1", "add 2", "add 3", "change", "read"}[i]
}

// Dialect is how a server wants to be spoken to.
type Dialect struct {
	Prefix string // before /carts
	Item   string // the member of a new line that names the goods
	Token  bool   // carts are known by a Cart-Token
}

// API is the shop's REST API.
func API() Dialect { return Dialect{Prefix: "/api/v1", Item: "variant_id", Token: true} }

// Plain is the yardstick's dialect.
func Plain() Dialect { return Dialect{Item: "product_id"} }

// Plan is what to run.
type Plan struct {
	Base     string         // such as https://localhost:8443
	Dialect  Dialect        // API or Plain
	Goods    []string       // ids that may be bought, at least three; see Variants
	Roots    *x509.CertPool // who signed the server's certificate
	Clients  int            // at the same time; 0 means 1
	Duration time.Duration  // 0: until Sessions are done
	Sessions int64          // 0: until Duration is over
}

// Result is what came of it.
type Result struct {
	Sessions int64 // completed
	Errors   int64 // sessions given up at a wrong answer
	First    error // the first of them
	Elapsed  time.Duration
	Steps    [steps]Latency // see StepName
	All      Latency        // of every single request
}

// Latency of a kind of request.
type Latency struct{ P50, P99, Max time.Duration }

// Rate returns the completed sessions of a second.
func (r Result) Rate() float64 { return float64(r.Sessions) / r.Elapsed.Seconds() }

// String gives one line.
func (r Result) String() string {
	return fmt.Sprintf("%.0f sessions/s, p50 %v, p99 %v, max %v, %d errors",
		r.Rate(), r.All.P50.Round(10*time.Microsecond), r.All.P99.Round(10*time.Microsecond), r.All.Max.Round(10*time.Microsecond), r.Errors)
}

// Client returns an HTTP client that keeps one connection for each of n users
// and trusts roots only.
func Client(roots *x509.CertPool, n int) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			MaxIdleConns:        n,
			MaxIdleConnsPerHost: n,
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
		},
	}
}

// Variants asks the shop's API for up to n variants that can be bought.
func Variants(ctx context.Context, base string, roots *x509.CertPool, n int) ([]string, error) {
	client := Client(roots, 1)
	defer client.CloseIdleConnections()
	var ids []string
	for cursor := ""; len(ids) < n; {
		var page struct {
			Products []struct {
				Variants []struct {
					ID        string `json:"id"`
					Available bool   `json:"available"`
				} `json:"variants"`
			} `json:"products"`
			Next *string `json:"next_cursor"`
		}
		u := user{client: client, plan: Plan{Base: base}}
		if err := u.call(ctx, http.MethodGet, "/api/v1/products?limit=50&cursor="+cursor, nil, http.StatusOK, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Products {
			for _, v := range p.Variants {
				if v.Available && len(ids) < n {
					ids = append(ids, v.ID)
				}
			}
		}
		if page.Next == nil || *page.Next == "" {
			break
		}
		cursor = *page.Next
	}
	if len(ids) < 3 {
		return nil, errors.New("the shop has fewer than three variants to buy")
	}
	return ids, nil
}

// Run carries the plan out.
func Run(ctx context.Context, plan Plan) (Result, error) {
	if len(plan.Goods) < 3 || plan.Duration == 0 && plan.Sessions == 0 {
		return Result{}, errors.New("a plan needs three goods and an end")
	}
	plan.Clients = max(1, plan.Clients)
	client := Client(plan.Roots, plan.Clients)
	defer client.CloseIdleConnections()
	if plan.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, plan.Duration)
		defer cancel()
	}
	users := make([]*user, plan.Clients)
	var begun atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	for i := range users {
		users[i] = &user{client: client, plan: plan, next: i * 7919}
		running.Go(func() { users[i].run(ctx, &begun) })
	}
	running.Wait()
	return gather(users, time.Since(start)), nil
}

// gather adds up what the users saw.
func gather(users []*user, elapsed time.Duration) Result {
	r := Result{Elapsed: elapsed}
	var every []time.Duration
	for step := range steps {
		var all []time.Duration
		for _, u := range users {
			all = append(all, u.took[step]...)
		}
		r.Steps[step] = latency(all)
		every = append(every, all...)
	}
	r.All = latency(every)
	for _, u := range users {
		r.Sessions += u.done
		r.Errors += u.failed
		if r.First == nil {
			r.First = u.first
		}
	}
	return r
}

func latency(all []time.Duration) Latency {
	if len(all) == 0 {
		return Latency{}
	}
	slices.Sort(all)
	return Latency{P50: all[len(all)/2], P99: all[len(all)*99/100], Max: all[len(all)-1]}
}

// user is one client. It touches nothing that another one does.
type user struct {
	client *http.Client
	plan   Plan
	token  string
	next   int // where in the goods to take from
	took   [steps][]time.Duration
	done   int64
	failed int64
	first  error
	body   bytes.Buffer
}

func (u *user) run(ctx context.Context, begun *atomic.Int64) {
	for ctx.Err() == nil {
		if u.plan.Sessions > 0 && begun.Add(1) > u.plan.Sessions {
			return
		}
		err := u.session(ctx)
		switch {
		case err == nil:
			u.done++
		case ctx.Err() != nil:
			return // cut off by the clock, which is no error of the server
		default:
			u.failed++
			if u.first == nil {
				u.first = err
			}
			if u.failed > 1000 {
				return
			}
		}
	}
}

// cart is the part of an answer that the next request needs.
type cart struct {
	ID    string `json:"id"`
	Token string `json:"token"`
	Lines []struct {
		ID       string `json:"id"`
		Quantity int64  `json:"quantity"`
	} `json:"lines"`
}

// session runs the six requests and checks what they say.
func (u *user) session(ctx context.Context) error {
	u.token = ""
	step, began := 0, time.Now()
	ask := func(method, path string, in any, status int) (c cart, err error) {
		began = time.Now()
		if err = u.call(ctx, method, u.plan.Dialect.Prefix+path, in, status, &c); err != nil {
			return c, fmt.Errorf("%s: %w", StepName(step), err)
		}
		u.took[step] = append(u.took[step], time.Since(began))
		step++
		return c, nil
	}
	c, err := ask(http.MethodPost, "/carts", struct{}{}, http.StatusCreated)
	if err != nil {
		return err
	}
	id := c.ID
	if u.plan.Dialect.Token {
		u.token = c.Token
	}
	for range 3 {
		goods := u.plan.Goods[u.next%len(u.plan.Goods)]
		u.next++
		if c, err = ask(http.MethodPost, "/carts/"+id+"/lines", map[string]any{u.plan.Dialect.Item: goods, "quantity": 1}, http.StatusCreated); err != nil {
			return err
		}
	}
	if len(c.Lines) != 3 {
		return fmt.Errorf("after three adds the cart has %d lines", len(c.Lines))
	}
	if _, err = ask(http.MethodPatch, "/carts/"+id+"/lines/"+c.Lines[0].ID, map[string]any{"quantity": 2}, http.StatusOK); err != nil {
		return err
	}
	if c, err = ask(http.MethodGet, "/carts/"+id, nil, http.StatusOK); err != nil {
		return err
	}
	var units int64
	for _, l := range c.Lines {
		units += l.Quantity
	}
	if units != 4 {
		return fmt.Errorf("at the end the cart has %d units, want 4", units)
	}
	return nil
}

// call makes one request and reads its answer into out.
func (u *user) call(ctx context.Context, method, path string, in any, status int, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(u.plan.Base, "/")+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if u.token != "" {
		req.Header.Set("Cart-Token", u.token)
	}
	answer, err := u.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	u.body.Reset()
	if _, err := u.body.ReadFrom(answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != status {
		return fmt.Errorf("got status %d, want %d: %.200s", answer.StatusCode, status, u.body.Bytes())
	}
	return json.Unmarshal(u.body.Bytes(), out)
}
