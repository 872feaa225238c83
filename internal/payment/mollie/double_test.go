package mollie

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

const (
	key     = "test_0123456789abcdefghijABCDEFGHIJ"
	profile = "pfl_QkEhN94Ba"
	shop    = "https://shop.example"
)

// double is a Mollie that remembers, made from Mollie's public reference
// (docs.mollie.com/reference): resources and their members, statuses, refusals as
// problem documents, HAL links, and answers that are repeated under an idempotency
// key for an hour. It is no Mollie: what the reference does not tell, it can't.
type double struct {
	t        *testing.T
	provider *Provider
	api      string

	mu       sync.Mutex
	ahead    time.Duration
	payments map[string]map[string]any
	refunds  map[string][]map[string]any
	taken    map[string][]map[string]any // chargebacks
	repeats  map[string]repeat
	asked    []asked
	fail     []int // status of the next answers, instead of a deed
	lose     bool  // answers are lost after the deed was done
	hang     chan struct{}
	stuck    bool // payments can't be cancelled
}

type asked struct {
	method, path string
	header       http.Header
	body         []byte
}

type repeat struct {
	until  time.Time
	status int
	answer []byte
}

func newDouble(t *testing.T) *double {
	d := &double{t: t, payments: map[string]map[string]any{}, refunds: map[string][]map[string]any{}, taken: map[string][]map[string]any{}, repeats: map[string]repeat{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(d.serve))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	d.api = server.URL
	own := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	t.Cleanup(own.CloseIdleConnections)
	p, err := New(Config{Key: key, Profile: profile, Mode: payment.ModeTest, Shop: shop, API: d.api, Client: own, Now: d.now})
	if err != nil {
		t.Fatal(err)
	}
	d.provider = p
	return d
}

func (d *double) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Add(d.ahead)
}

// move lets time pass, so that idempotency keys are forgotten.
func (d *double) move(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ahead += by
}

func (d *double) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, asked{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
	if d.hang != nil {
		hang := d.hang
		d.mu.Unlock()
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		d.mu.Lock()
		panic(http.ErrAbortHandler)
	}
	status, answer := d.answer(r, body)
	if d.lose {
		panic(http.ErrAbortHandler) // it was done, and nobody hears of it
	}
	w.Header().Set("Content-Type", "application/hal+json")
	w.WriteHeader(status)
	w.Write(answer)
}

func (d *double) answer(r *http.Request, body []byte) (int, []byte) {
	if r.Header.Get("Authorization") != "Bearer "+key {
		return refuse(401, "Unauthorized Request")
	}
	if len(d.fail) > 0 {
		status := d.fail[0]
		d.fail = d.fail[1:]
		return refuse(status, "Something is wrong with order-1 at "+shop)
	}
	again := r.Header.Get("Idempotency-Key")
	if old, ok := d.repeats[again]; ok && r.Method == http.MethodPost && time.Now().Add(d.ahead).Before(old.until) {
		return old.status, old.answer
	}
	status, answer := d.act(r, body)
	if r.Method == http.MethodPost {
		if again == "" {
			d.t.Errorf("%s %s without an idempotency key", r.Method, r.URL.Path)
		}
		d.repeats[again] = repeat{time.Now().Add(d.ahead + time.Hour), status, answer}
	}
	return status, answer
}

func (d *double) act(r *http.Request, body []byte) (int, []byte) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/payments"), "/")
	switch {
	case r.URL.Path == "/v2/chargebacks":
		return d.all(r.URL.Query(), "chargebacks", d.taken)
	case r.URL.Path == "/v2/refunds":
		return d.all(r.URL.Query(), "refunds", d.refunds)
	case !strings.HasPrefix(r.URL.Path, "/v2/payments"):
		return refuse(404, "No such thing")
	case len(path) == 1 && r.Method == http.MethodPost:
		return d.create(body)
	case len(path) < 2 || d.payments[path[1]] == nil:
		return refuse(404, "No payment exists with token "+strings.Join(path, "/"))
	case len(path) == 3 && path[2] == "refunds" && r.Method == http.MethodPost:
		return d.payBack(path[1], body)
	case len(path) == 3 && path[2] == "refunds":
		list := d.refunds[path[1]]
		links := map[string]any{"self": map[string]any{"href": "x"}, "previous": nil, "next": nil}
		if len(list) > 250 {
			list, links["next"] = list[:250], map[string]any{"href": "https://api.mollie.com/next"}
		}
		return show(200, map[string]any{"count": len(list), "_embedded": map[string]any{"refunds": list}, "_links": links})
	case r.Method == http.MethodDelete:
		if d.payments[path[1]]["isCancelable"] != true {
			return refuse(422, "The payment cannot be cancelled")
		}
		d.decide(path[1], "canceled")
	}
	return show(200, d.embedded(path[1], r.URL.Query().Get("embed")))
}

// embedded is a payment with what its reader wants to see in it.
func (d *double) embedded(id, what string) map[string]any {
	out := maps.Clone(d.payments[id])
	if what == "" {
		return out
	}
	in := map[string]any{}
	for _, word := range strings.Split(what, ",") {
		in[word] = map[string]any{"refunds": d.refunds[id], "chargebacks": d.taken[id]}[word]
	}
	out["_embedded"] = in
	if len(d.taken[id]) > 0 {
		out["amountChargedBack"] = d.taken[id][0]["amount"]
	}
	return out
}

// stamp is the time as Mollie writes it.
func (d *double) stamp() string { return time.Now().Add(d.ahead).Format(time.RFC3339) }

// takeBack has the payer's bank take money back.
func (d *double) takeBack(id, value string) (chargeback map[string]any) {
	chargeback = map[string]any{"resource": "chargeback", "id": fmt.Sprintf("chb_%d", len(d.taken[id])+1), "createdAt": d.stamp(), "amount": map[string]any{"currency": "EUR", "value": value},
		"paymentId": id, "reason": map[string]any{"code": "4853", "description": "Not as described"}, "reversedAt": nil}
	d.taken[id] = append(d.taken[id], chargeback)
	return chargeback
}

// decimals are those of Mollie's table of currencies that tests need.
var decimals = map[string]int{"EUR": 2, "JPY": 0, "ISK": 0, "HUF": 2, "KWD": 3}

// valid reports whether an amount is written as Mollie wants it.
func valid(a any) (currency, value string, ok bool) {
	m, _ := a.(map[string]any)
	currency, _ = m["currency"].(string)
	value, _ = m["value"].(string)
	n, known := decimals[currency]
	_, part, point := strings.Cut(value, ".")
	return currency, value, known && value != "" && len(part) == n && point == (n > 0) && strings.Trim(value, "0123456789.") == "" && strings.Trim(value, "0.") != ""
}

func (d *double) create(body []byte) (int, []byte) {
	var q map[string]any
	if err := json.Unmarshal(body, &q); err != nil {
		return refuse(400, "The request is no JSON")
	}
	for name := range q {
		switch name {
		case "amount", "description", "redirectUrl", "cancelUrl", "webhookUrl", "metadata":
		default:
			d.t.Errorf("Mollie is told %q", name)
		}
	}
	if _, _, ok := valid(q["amount"]); !ok {
		return refuse(422, "The amount is invalid")
	}
	for _, name := range []string{"redirectUrl", "webhookUrl"} {
		if u, err := url.Parse(fmt.Sprint(q[name])); err != nil || u.Scheme != "https" || u.Host == "" {
			return refuse(422, "The "+name+" is invalid")
		}
	}
	id := fmt.Sprintf("tr_%010d", len(d.payments)+1)
	p := map[string]any{"resource": "payment", "id": id, "mode": "test", "profileId": profile, "status": "open", "isCancelable": !d.stuck, "amount": q["amount"],
		"description": q["description"], "metadata": q["metadata"], "method": nil, "sequenceType": "oneoff", "redirectUrl": q["redirectUrl"], "webhookUrl": q["webhookUrl"],
		"createdAt": time.Now().Add(d.ahead).Format(time.RFC3339), "_links": map[string]any{"self": map[string]any{"href": d.api + "/v2/payments/" + id, "type": "application/hal+json"},
			"checkout": map[string]any{"href": "https://www.mollie.com/checkout/select-method/" + id[3:], "type": "text/html"}}}
	d.payments[id] = p
	return show(201, p)
}

// decide brings a payment to a status.
func (d *double) decide(id, status string) {
	p := d.payments[id]
	p["status"], p["isCancelable"] = status, false
	delete(p["_links"].(map[string]any), "checkout")
}

func (d *double) payBack(id string, body []byte) (int, []byte) {
	var q map[string]any
	if err := json.Unmarshal(body, &q); err != nil {
		return refuse(400, "The request is no JSON")
	}
	currency, value, ok := valid(q["amount"])
	p := d.payments[id]
	if !ok || p["status"] != "paid" {
		return refuse(422, "The payment can't be refunded")
	}
	left := d.minor(p["amount"].(map[string]any)["currency"].(string), p["amount"].(map[string]any)["value"].(string))
	for _, r := range d.refunds[id] {
		if r["status"] != "failed" && r["status"] != "canceled" {
			left -= d.minor(currency, r["amount"].(map[string]any)["value"].(string))
		}
	}
	if p["amount"].(map[string]any)["currency"] != currency || d.minor(currency, value) > left {
		return refuse(422, "The amount is higher than the remaining amount")
	}
	r := map[string]any{"resource": "refund", "id": fmt.Sprintf("re_%d", len(d.refunds[id])+1), "mode": "test", "amount": q["amount"], "metadata": q["metadata"], "status": "pending", "paymentId": id, "createdAt": d.stamp()}
	d.refunds[id] = append(d.refunds[id], r)
	return show(201, r)
}

func (d *double) minor(currency, value string) int64 {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := money.Parse(value, c)
	if err != nil {
		d.t.Fatal(err)
	}
	return a.Minor()
}

func show(status int, v any) (int, []byte) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return status, raw
}

func refuse(status int, detail string) (int, []byte) {
	return show(status, map[string]any{"status": status, "title": http.StatusText(status), "detail": detail, "_links": map[string]any{"documentation": map[string]any{"href": "https://docs.mollie.com"}}})
}

// set changes something under the double's lock.
func (d *double) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// requests are those with this method whose path ends so.
func (d *double) requests(method, end string) (out []asked) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.asked {
		if a.method == method && strings.HasSuffix(a.path, end) {
			out = append(out, a)
		}
	}
	return out
}

// ping is the call-back that Mollie sends about a payment.
func ping(id string) (*http.Request, []byte) {
	body := []byte("id=" + url.QueryEscape(id))
	r := httptest.NewRequest(http.MethodPost, shop+"/payments/mollie/notices", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r, body
}

func (d *double) request(order string, attempt int) payment.Request {
	return d.requestIn(order, attempt, 4800, "EUR")
}

func (d *double) requestIn(order string, attempt int, minor int64, currency string) payment.Request {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		d.t.Fatal(err)
	}
	return payment.Request{OrderID: order, OrderNumber: "K7Q2M-9F3XA", Attempt: attempt, Amount: money.Of(minor, c), ReturnURL: shop + "/orders/K7Q2M-9F3XA",
		CancelURL: shop + "/orders/K7Q2M-9F3XA", NoticeURL: shop + "/payments/mollie/notices", ExpiresAt: time.Unix(2_000_000_000, 0)}
}
