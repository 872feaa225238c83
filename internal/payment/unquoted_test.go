package payment_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// says is a server that answers every request with these bytes and hangs up.
func says(t *testing.T, answer string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				c.Write([]byte(answer))
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

// TestWhatWentWrongIsToldWithoutAWordOfTheAnswer: net/http quotes what is no HTTP, and
// net/url the address.
func TestWhatWentWrongIsToldWithoutAWordOfTheAnswer(t *testing.T) {
	ask := func(ctx context.Context, url string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err == nil {
			res.Body.Close()
			t.Fatalf("%s was answered", url)
		}
		return err
	}
	const whose = "ada-lovelace"
	for _, answer := range []string{`{"email":"` + whose + `@example.com"}`, "HTTP/1.1 200 OK\r\n" + whose + "@example.com\r\n\r\n", "HTTP/1.1 " + whose + " OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: " + whose + "\r\n\r\n"} {
		err := ask(t.Context(), "http://"+says(t, answer)+"/")
		if !strings.Contains(err.Error(), whose) {
			t.Errorf("%v: this shows nothing", err)
		}
		if got := payment.Unquoted(err); got == nil || strings.Contains(got.Error(), whose) {
			t.Errorf("got %v, which quotes the answer", got)
		}
	}
	silent := says(t, "")
	gone, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	for url, err := range map[string]error{"closed": ask(t.Context(), "http://"+silent+"/"+whose), "late": ask(gone, "http://"+silent+"/"+whose), "nobody": ask(t.Context(), "http://127.0.0.1:1/"+whose)} {
		got := payment.Unquoted(err)
		if strings.Contains(got.Error(), whose) || got.Error() == payment.Unquoted(errors.New("other")).Error() {
			t.Errorf("%s: got %v, want the reason without the address", url, got)
		}
	}
	if payment.Unquoted(nil) != nil {
		t.Error("nothing went wrong, and it is told")
	}
}
