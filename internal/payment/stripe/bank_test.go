package stripe

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
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest/stripemock"
)

// mock is one stripe-mock for all tests of the package: it remembers nothing.
var mock = sync.OnceValues(stripemock.Run)

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := mock(); err == nil {
		s.Close()
	}
	os.Exit(code)
}

const (
	key    = "sk_test_0123456789abcdefghij"
	secret = "whsec_0123456789abcdefghijklmnopqrstuv"
	shop   = "https://shop.example"
)

// bank is what stripe-mock is not: a Stripe that remembers. Each request goes to
// stripe-mock first, which knows what Stripe takes; its answer, made of Stripe's
// own examples, is then filled with what the shop has asked for.
type bank struct {
	t        *testing.T
	url      string
	provider *Provider

	mu       sync.Mutex
	ahead    time.Duration
	sessions map[string]map[string]any
	refunded map[string]int64
	refunds  []map[string]any
	reserved map[string]string // what has become of reserved money, by payment intent
	captured map[string]int64
	short    int64                       // how much the card reserves, where that is not all
	people   map[string][]map[string]any // customers, with the cards that are kept; nil once they are deleted
	said     []json.RawMessage           // events, the oldest first
	repeats  map[string]answered
	asked    []asked
	silent   string                        // what nothing is said of meanwhile: the end of its path
	fail     []func(w http.ResponseWriter) // what happens to the next requests instead of an answer
	prints   string                        // what payers' statements say
	disputed string                        // the intent that its payer's bank has taken back
	trouble  string                        // the end of a path whose next request meets trouble of Stripe's own
	lose     bool                          // answers are lost after the deed was done
}

type asked struct {
	method, path string
	form         url.Values
	header       http.Header
}

type answered struct {
	body   string
	status int
	answer []byte
}

func newBank(t *testing.T) *bank {
	t.Helper()
	s, err := mock()
	if err != nil {
		stripemock.Absent(t, err)
	}
	b := &bank{t: t, sessions: map[string]map[string]any{}, refunded: map[string]int64{}, reserved: map[string]string{}, captured: map[string]int64{}, people: map[string][]map[string]any{}, repeats: map[string]answered{}}
	client := &http.Client{Transport: &http.Transport{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.serve(w, r, s.URL, client) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	b.url = server.URL
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
	})
	own := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	t.Cleanup(own.CloseIdleConnections)
	b.provider, err = New(Config{Key: key, Secret: secret, Mode: payment.ModeTest, Shop: shop, KeepCards: true, API: b.url, Client: own, Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bank) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock()
}

// clock stands still until a test moves it: what is a second within a bound stays so,
// however long the machine takes.
func (b *bank) clock() time.Time { return begun.Add(b.ahead) }

func (b *bank) serve(w http.ResponseWriter, r *http.Request, mockURL string, client *http.Client) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, asked{r.Method, r.URL.Path, form, r.Header.Clone()})
	if b.silent != "" && strings.HasSuffix(r.URL.Path, b.silent) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if len(b.fail) > 0 {
		fail := b.fail[0]
		b.fail = b.fail[1:]
		rec := httptest.NewRecorder()
		fail(rec)
		if r.Method == http.MethodPost && rec.Code == 500 { // such an answer is repeated too
			b.repeats[r.Header.Get("Idempotency-Key")] = answered{string(body), rec.Code, rec.Body.Bytes()}
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
		return
	}
	status, answer := b.answer(r, body, form, mockURL, client)
	if b.lose {
		panic(http.ErrAbortHandler) // it was done, and nobody hears of it
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(answer)
}

func (b *bank) answer(r *http.Request, body []byte, form url.Values, mockURL string, client *http.Client) (int, []byte) {
	if r.Header.Get("Authorization") != "Bearer "+key {
		return refuse(401, "")
	}
	repeat := r.Header.Get("Idempotency-Key")
	if old, ok := b.repeats[repeat]; ok && r.Method == http.MethodPost {
		if old.body != string(body) {
			return refuse(400, "idempotency_error")
		}
		return old.status, old.answer
	}
	example, err := b.example(r, body, mockURL, client)
	if err != nil {
		b.t.Error(err)
		return refuse(400, "parameter_unknown")
	}
	status, answer := refuse(500, "")
	if b.trouble == "" || !strings.HasSuffix(r.URL.Path, b.trouble) {
		status, answer = b.act(r, form, example)
	} else {
		b.trouble = ""
	}
	if r.Method == http.MethodPost {
		b.repeats[repeat] = answered{string(body), status, answer}
	}
	return status, answer
}

// example asks stripe-mock whether a request is one that Stripe takes.
func (b *bank) example(r *http.Request, body []byte, mockURL string, client *http.Client) (map[string]any, error) {
	req, err := http.NewRequest(r.Method, mockURL+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("stripe-mock: %s %s: %d %s", r.Method, r.URL.Path, res.StatusCode, raw)
	}
	var out map[string]any
	return out, json.Unmarshal(raw, &out)
}

func (b *bank) act(r *http.Request, form url.Values, example map[string]any) (int, []byte) {
	id, _ := strings.CutPrefix(r.URL.Path, "/v1/checkout/sessions/")
	id, ending := strings.CutSuffix(id, "/expire")
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/customers"), strings.HasPrefix(r.URL.Path, "/v1/payment_methods/"):
		return b.keeping(r, form, example)
	case r.URL.Path == "/v1/events":
		return b.events(r.URL.Query(), example)
	case r.URL.Path == "/v1/checkout/sessions":
		return b.open(form, example)
	case r.URL.Path == "/v1/refunds" && r.Method == http.MethodGet:
		list := []map[string]any{}
		for _, one := range b.refunds {
			if one["payment_intent"] == r.URL.Query().Get("payment_intent") {
				list = append(list, one)
			}
		}
		example["data"], example["has_more"] = list, false
		return show(example)
	case r.URL.Path == "/v1/refunds":
		return b.refund(form, example)
	case strings.HasPrefix(r.URL.Path, "/v1/payment_intents/"):
		id, deed, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/payment_intents/"), "/")
		return b.intent(id, deed, form, example)
	case b.sessions[id] == nil:
		return refuse(404, "resource_missing")
	case ending && b.sessions[id]["status"] != "open":
		return refuse(400, "")
	case ending:
		b.sessions[id]["status"] = "expired"
	}
	return show(b.sessions[id])
}

func (b *bank) open(form url.Values, s map[string]any) (int, []byte) {
	ends, _ := strconv.ParseInt(form.Get("expires_at"), 10, 64)
	if left := time.Unix(ends, 0).Sub(b.clock()); left < pageMin-time.Minute || left > 24*time.Hour {
		return refuse(400, "parameter_invalid_integer")
	}
	var customer any
	if of := form.Get("customer"); of != "" {
		if b.people[of] == nil {
			return refuse(400, "resource_missing")
		}
		customer = of
	}
	units, _ := strconv.ParseInt(form.Get("line_items[0][price_data][unit_amount]"), 10, 64)
	id := fmt.Sprintf("cs_test_%d", len(b.sessions)+1)
	maps.Copy(s, map[string]any{"id": id, "amount_total": units, "currency": form.Get("line_items[0][price_data][currency]"), "payment_intent": nil,
		"payment_status": "unpaid", "status": "open", "url": "https://checkout.stripe.com/c/pay/" + id + "#a-long-secret", "expires_at": ends,
		"client_reference_id": form.Get("client_reference_id"), "success_url": form.Get("success_url"), "cancel_url": form.Get("cancel_url"), "metadata": metadata(form),
		"ui_mode": form.Get("ui_mode"), "return_url": form.Get("return_url"), "client_secret": nil, "customer": customer, "keep": form.Get("payment_intent_data[setup_future_usage]")})
	if form.Get("ui_mode") == "elements" {
		s["url"], s["client_secret"] = nil, id+"_secret_abc"
	}
	b.sessions[id] = s
	return show(s)
}

func (b *bank) refund(form url.Values, out map[string]any) (int, []byte) {
	units, _ := strconv.ParseInt(form.Get("amount"), 10, 64)
	intent := form.Get("payment_intent")
	for _, s := range b.sessions {
		if s["payment_intent"] != intent {
			continue
		}
		if intent == b.disputed {
			return refuse(400, "refund_disputed_payment")
		}
		most := s["amount_total"].(int64)
		if b.reserved[intent] != "" {
			most = b.captured[intent]
		}
		if s["payment_status"] != "paid" || b.refunded[intent]+units > most {
			return refuse(400, "charge_already_refunded")
		}
		b.refunded[intent] += units
		maps.Copy(out, map[string]any{"id": "re_1", "amount": units, "payment_intent": intent, "metadata": metadata(form), "status": "succeeded"})
		b.refunds = append(b.refunds, out)
		return show(out)
	}
	return refuse(404, "resource_missing")
}

// intent fills Stripe's example of a payment intent with the session it is of, after
// what is reserved was taken or let go.
func (b *bank) intent(id, deed string, form url.Values, out map[string]any) (int, []byte) {
	for _, s := range b.sessions {
		if s["payment_intent"] != id {
			continue
		}
		units, _ := strconv.ParseInt(form.Get("amount_to_capture"), 10, 64)
		switch {
		case deed != "" && b.reserved[id] != "requires_capture", deed == "capture" && (units <= 0 || units > s["amount_total"].(int64)):
			return refuse(400, "payment_intent_unexpected_state")
		case deed == "capture":
			b.reserved[id], b.captured[id], s["payment_status"] = "succeeded", units, "paid"
		case deed == "cancel":
			b.reserved[id] = "canceled"
		}
		return show(b.intentOf(s, out))
	}
	return refuse(404, "resource_missing")
}

func (b *bank) intentOf(s, out map[string]any) map[string]any {
	maps.Copy(out, map[string]any{"id": s["payment_intent"], "object": "payment_intent", "livemode": false, "amount": s["amount_total"], "currency": s["currency"], "metadata": s["metadata"]})
	if status := b.reserved[fmt.Sprint(s["payment_intent"])]; status != "" {
		maps.Copy(out, map[string]any{"status": status, "amount_received": b.captured[fmt.Sprint(s["payment_intent"])], "amount_capturable": b.capturable(s), "latest_charge": map[string]any{"created": b.clock().Unix(),
			"payment_method_details": map[string]any{"card": map[string]any{"capture_before": begun.Add(reservedFor).Unix()}}}})
	}
	charge, _ := out["latest_charge"].(map[string]any)
	if charge == nil {
		charge = map[string]any{}
	}
	charge["calculated_statement_descriptor"], out["latest_charge"] = b.prints, charge
	return out
}

// capturable is how much of a session's money is reserved now.
func (b *bank) capturable(s map[string]any) any {
	if b.short > 0 {
		return b.short
	}
	if b.reserved[fmt.Sprint(s["payment_intent"])] == "requires_capture" {
		return s["amount_total"]
	}
	return 0
}

// losing makes the way back from the bank a bad one.
func (b *bank) losing(lose bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lose = lose
}

// forget drops every idempotency key, as Stripe does after a day.
func (b *bank) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.repeats)
}

func metadata(form url.Values) map[string]any {
	out := map[string]any{}
	for k := range form {
		if name, ok := strings.CutPrefix(k, "metadata["); ok {
			out[strings.TrimSuffix(name, "]")] = form.Get(k)
		}
	}
	return out
}

func show(v any) (int, []byte) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return 200, raw
}

func refuse(status int, code string) (int, []byte) {
	_, raw := show(map[string]any{"error": map[string]any{"type": "invalid_request_error", "code": code, "message": "No such thing for order-1, " + secret}})
	return status, raw
}

// decide has the shopper's bank answer and returns the event that Stripe sends.
func (b *bank) decide(ref, kind string, paid bool) []byte {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sessions[ref]
	if s == nil {
		b.t.Fatalf("no session %s", ref)
	}
	s["status"] = "complete"
	if kind == "checkout.session.expired" {
		s["status"] = "expired"
	}
	s["payment_intent"] = "pi_" + strings.TrimPrefix(ref, "cs_test_")
	if reserves := s["metadata"].(map[string]any)[metaReserve] == "yes"; paid && reserves {
		b.reserved[s["payment_intent"].(string)] = "requires_capture"
	} else if paid {
		s["payment_status"] = "paid"
	}
	if paid {
		b.keep(s)
	}
	return b.event(kind, s)
}

// event writes the envelope of a call-back as Stripe does, indented.
func (b *bank) event(kind string, object any) []byte {
	raw, err := json.MarshalIndent(map[string]any{"id": fmt.Sprintf("evt_%d", len(b.asked)+1), "object": "event", "api_version": "2026-03-25.dahlia",
		"created": b.clock().Unix(), "data": map[string]any{"object": object}, "livemode": false, "pending_webhooks": 1,
		"request": map[string]any{"id": nil, "idempotency_key": nil}, "type": kind}, "", "  ")
	if err != nil {
		b.t.Fatal(err)
	}
	return raw
}

func (b *bank) request(order string, attempt int) payment.Request {
	return b.requestIn(order, attempt, 4800, "EUR")
}

func (b *bank) requestIn(order string, attempt int, minor int64, currency string) payment.Request {
	c, err := money.ParseCurrency(currency)
	if err != nil {
		b.t.Fatal(err)
	}
	return payment.Request{OrderID: order, OrderNumber: "K7Q2M-9F3XA", Attempt: attempt, Amount: money.Of(minor, c),
		ReturnURL: shop + "/orders/K7Q2M-9F3XA", CancelURL: shop + "/orders/K7Q2M-9F3XA", NoticeURL: shop + "/payments/stripe/notices",
		ExpiresAt: b.started().Add(15 * time.Minute)}
}

// started stands still, as the end of an attempt does: asked twice, it is the same.
func (b *bank) started() time.Time { return begun }

var begun = time.Now()

func signed(header string) http.Header {
	h := http.Header{}
	if header != "" {
		h.Set(SignatureHeader, header)
	}
	return h
}
