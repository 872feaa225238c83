package notices_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/mollie"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// kinds is how many kinds of junk there are.
const kinds = 10

// junk is what arrives where a provider calls back, from anybody who knows the address.
// Each is answered as the doc of package notices says: one that names a payment which
// nobody knows is of no interest, and its caller doesn't learn that.
func junk(genuine *http.Request, body []byte, i int) (r *http.Request, want int) {
	random := rand.New(rand.NewPCG(1, uint64(i)))
	at, stranger := strconv.FormatInt(time.Now().Unix(), 10), []byte("a secret that is none of this shop's")
	header, want := genuine.Header.Clone(), http.StatusBadRequest
	path := genuine.URL.Path
	switch i % kinds {
	case 0: // well formed and about an order that there is not, signed by somebody else
		body = fmt.Appendf(nil, `{"id":"n-%d","type":"payment.approved","session":"s-%d","order":"01a22174-2e19-7994-94bd-%012d","attempt":1,"amount":{"minor":1,"currency":"EUR"},"mode":"test","account":"direct","at":"2026-11-28T09:00:00Z"}`, i, i, i)
		sum := hmac.New(sha256.New, stranger)
		sum.Write([]byte(at + "." + string(body)))
		setSignature(header, "t="+at+",v1="+hex.EncodeToString(sum.Sum(nil)))
	case 1: // the genuine one, with a signature that somebody guessed
		setSignature(header, "t="+at+",v1="+fmt.Sprintf("%064x", random.Uint64()))
	case 2: // the genuine signature over another body
		body = fmt.Appendf(bytes.Clone(body), " %d", i)
	case 3: // no signature
		header = http.Header{}
	case 4: // a signature that is none
		setSignature(header, fmt.Sprintf("t=%d,v0=%x,,", i, i))
	case 5: // no text at all
		body = make([]byte, 1+random.IntN(2000))
		for at := range body {
			body[at] = byte(random.Uint32())
		}
	case 6: // nothing
		body = nil
	case 7: // a provider that there is not
		path, want = fmt.Sprintf("/payments/p%d/notices", i), http.StatusNotFound
	case 8: // of a service that signs nothing, well formed, about a payment that there is not
		path, body, want = checkout.NoticePath(mollie.Name), fmt.Appendf(nil, "id=tr_%014d", i), http.StatusNoContent
		header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	case 9: // of the same, and no name of a payment
		path, body = checkout.NoticePath(mollie.Name), fmt.Appendf(nil, "id=tr_%d&id=../%d", i, i)
		header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	}
	r = httptest.NewRequest("POST", path, bytes.NewReader(body))
	r.Header = header
	return r, want
}

// setSignature replaces the one header that a signature is in.
func setSignature(h http.Header, value string) {
	for name := range h {
		if bytes.Contains([]byte(name), []byte("Signature")) {
			h.Set(name, value)
		}
	}
}

// asked is a service that only counts how often it is asked.
type asked struct{ atomic.Int64 }

// RoundTrip implements http.RoundTripper.
func (a *asked) RoundTrip(*http.Request) (*http.Response, error) {
	a.Add(1)
	return nil, errors.New("away")
}

// callBacks is how many unknown call-backs arrive: a million where long tests were
// asked for, and a thousand otherwise.
func callBacks() int {
	if os.Getenv(shoptest.SoakEnv) != "" {
		return 1_000_000
	}
	return 1_000
}

// TestAMillionUnknownCallBacksLeaveNothing: whatever is called that no provider signed is
// refused, and afterwards the shop knows, keeps and asks as much as before.
func TestAMillionUnknownCallBacksLeaveNothing(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	var asked asked
	service, err := mollie.New(mollie.Config{Key: "test_" + strings.Repeat("key", 10), Profile: "pfl_3RkSN1zuPE", Mode: payment.ModeTest, Shop: shoptest.ID, Client: &http.Client{Transport: &asked}})
	if err != nil {
		t.Fatal(err)
	}
	shop, sent := waiting(t, s, 1, service)
	rows := func() string {
		raw, out := s.Raw(t), ""
		defer raw.Close()
		for _, table := range s.Tables(t, raw) {
			out += fmt.Sprintf("%s %d\n", table, shoptest.One[int64](t, raw, `SELECT COUNT(*) FROM `+table))
		}
		return out
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var wrong atomic.Int64
	flood := func(from, n int) {
		each(t, n, func(i int) error {
			r, want := junk(sent.sent[0], sent.body[0], from+i)
			w := httptest.NewRecorder()
			if shop.ServeHTTP(w, r); w.Code != want && wrong.Add(1) < 10 {
				return fmt.Errorf("%s, kind %d: got %d, want %d: %s", r.URL.Path, (from+i)%kinds, w.Code, want, w.Body)
			}
			return nil
		})
	}
	n := callBacks()
	flood(0, n/10) // whatever is set up once, is
	before, askedBefore, heapBefore, began := rows(), sent.asked.Load(), heap(), time.Now()
	flood(n/10, n)
	took, heapAfter := time.Since(began), heap()
	t.Logf("%d call-backs in %v, %.0f/s; %d kB in use before, %d kB after", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), heapBefore/1024, heapAfter/1024)
	if after := rows(); after != before {
		t.Errorf("the tables held\n%s\nand now hold\n%s", before, after)
	}
	if sent.asked.Load() != askedBefore || asked.Load() != 0 {
		t.Errorf("the providers were asked %d and %d times", sent.asked.Load()-askedBefore, asked.Load())
	}
	if more := int64(heapAfter) - int64(heapBefore); more > 128<<10 {
		t.Errorf("%d kB more are in use", more/1024)
	}
	if paid := shoptest.One[int64](t, s.Raw(t), `SELECT COUNT(*) FROM orders WHERE status = 'paid'`); paid != 0 {
		t.Errorf("%d orders are paid", paid)
	}
	r := httptest.NewRequest("POST", sent.sent[0].URL.Path, bytes.NewReader(sent.body[0]))
	r.Header = sent.sent[0].Header
	w := httptest.NewRecorder()
	if shop.ServeHTTP(w, r); w.Code != http.StatusNoContent {
		t.Errorf("the genuine one was answered %d afterwards", w.Code)
	}
}
