package sandbox

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// TestSignatureVector pins the format. The digits come from
// `printf '%s' '1767225600.{}' | openssl dgst -sha256 -hmac "$SECRET"`.
func TestSignatureVector(t *testing.T) {
	got := Sign([]byte("0123456789abcdef0123456789abcdef"), time.Unix(1767225600, 0), []byte("{}"))
	want := "t=1767225600,v1=b7be7938951cd5456a1e6101d62f960010ae1a7b79450661c6af410ba2d5f546"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func sample(t testing.TB) payment.Notice {
	jpy, err := money.ParseCurrency("JPY")
	if err != nil {
		t.Fatal(err)
	}
	return payment.Notice{ID: "ev_1", Ref: "sb_1", OrderID: "o-1", Attempt: 1, Outcome: payment.Approved,
		Amount: money.Of(4800, jpy), Mode: payment.ModeTest, Account: Account, At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)}
}

func TestNoticesOfAnotherKindAreRefused(t *testing.T) {
	good, err := encodeNotice(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := decodeNotice(good); err != nil || n != sample(t) {
		t.Fatalf("got %+v, %v", n, err)
	}
	for name, change := range map[string][2]string{
		"live":              {`"mode":"test"`, `"mode":"live"`},
		"another account":   {`"account":"sandbox"`, `"account":"other"`},
		"processing":        {"payment.approved", "payment.processing"},
		"no prefix":         {"payment.approved", "approved"},
		"attempt 0":         {`"attempt":1`, `"attempt":0`},
		"attempt 1.5":       {`"attempt":1`, `"attempt":1.5`},
		"nothing paid":      {`4800`, `0`},
		"less than 0":       {`4800`, `-4800`},
		"no currency":       {`"JPY"`, `""`},
		"odd order id":      {`"o-1"`, `"o 1"`},
		"doubled member":    {`"attempt":1`, `"attempt":1,"attempt":1`},
		"letter case":       {`"attempt"`, `"Attempt"`},
		"unknown member":    {`"attempt":1`, `"attempt":1,"paid":true`},
		"white space":       {`"attempt":1`, `"attempt": 1`},
		"another zone":      {`05.006Z`, `05.006+00:00`},
		"an escaped letter": {`"o-1"`, `"\u006f-1"`},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("%s: the row changes nothing in %s", name, good)
		}
		if n, err := decodeNotice([]byte(bad)); err != payment.ErrNotice || n != (payment.Notice{}) {
			t.Errorf("%s: got %+v, %v", name, n, err)
		}
	}
}

// FuzzNotice: whatever is signed, what parses writes back the same bytes.
func FuzzNotice(f *testing.F) {
	good, err := encodeNotice(sample(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"id":"a","amount":{"amount":1e3,"currency":"EUR"}}`))
	p, err := New(Config{Secret: secret, Origin: "https://127.0.0.1:1", Client: http.DefaultClient, Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set(SignatureHeader, Sign(secret, time.Now(), body))
		n, err := p.Notice(r, body)
		if err != nil {
			if err != payment.ErrNotice || n != (payment.Notice{}) {
				t.Errorf("got %+v, %v", n, err)
			}
			return
		}
		if again, err := encodeNotice(n); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%q writes back as %q", body, again)
		}
	})
}

// FuzzSignature: no header but the one that Sign writes is accepted.
func FuzzSignature(f *testing.F) {
	now := time.Unix(1767225600, 0)
	good := Sign(secret, now, []byte("body"))
	for _, s := range []string{good, "", "t=,v1=", "t=1,v1=" + strings.Repeat("0", 64), good + ",v1=00", "t=+1767225600," + good[13:], " " + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if _, _, ok := parseSignature(header); ok && !strings.HasPrefix(header, "t=") {
			t.Errorf("%q was read", header)
		}
		if err := verify(secret, []string{header}, []byte("body"), now); err == nil {
			stamp, _, _ := parseSignature(header)
			if Sign(secret, time.Unix(stamp, 0), []byte("body")) != header {
				t.Errorf("%q was accepted", header)
			}
		}
	})
}
