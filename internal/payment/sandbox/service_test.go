package sandbox

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

func TestApprovedIsToldBeforeTheShopperIsSentBack(t *testing.T) {
	n := newTown(t)
	s := n.open()
	res, _ := n.press(s.URL, "approved")
	n.leadsTo(res, "/orders/K7Q2M-9F3XA")
	calls := n.received()
	if len(calls) != 1 || calls[0].path != "/call-backs/sandbox" || !bytes.Contains(calls[0].body, []byte("payment.approved")) {
		t.Fatalf("got %d call-backs before the redirect: %s", len(calls), calls)
	}
	for _, again := range []string{"approved", "declined", "approved_late"} { // it stays approved
		res, _ = n.press(s.URL, again)
		n.leadsTo(res, "/orders/K7Q2M-9F3XA")
	}
	if len(n.received()) != 1 {
		t.Errorf("got %d call-backs, want 1", len(n.received()))
	}
	if _, page := n.get(s.URL); strings.Contains(page, `value="approved`) || strings.Contains(page, `value="declined"`) || !strings.Contains(page, "Already approved") {
		t.Errorf("an approved session can still be decided:\n%s", page)
	}
}

// TestAPaymentIsDisputed after it was approved, once, and decided once.
func TestAPaymentIsDisputed(t *testing.T) {
	n := newTown(t)
	s := n.open()
	n.press(s.URL, "disputed") // nothing is paid yet
	n.press(s.URL, "approved")
	for _, said := range []string{"dispute-won", "disputed", "disputed", "dispute-lost", "dispute-won", "disputed"} {
		if res, _ := n.press(s.URL, said); res.StatusCode != 200 {
			t.Errorf("%s: got %d", said, res.StatusCode)
		}
	}
	var told []string
	for _, c := range n.received() {
		notice, err := decodeNotice(c.body)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, string(notice.Outcome))
		if disputed := notice.Outcome == payment.Disputed; disputed != (notice.AnswerBy.Sub(notice.At) == answerIn) || notice.Outcome.Ends() != (notice.About == "") {
			t.Errorf("got %+v", notice)
		}
	}
	if strings.Join(told, " ") != "approved disputed dispute-lost" {
		t.Errorf("the shop was told %v", told)
	}
	found, decided, err := n.provider.Find(context.Background(), s.Ref)
	if err != nil || !decided || found.Outcome != payment.Approved {
		t.Errorf("asked how the session ended: %+v, %v, %v", found, decided, err)
	}
}

func TestDeclinedCanBeTriedAgain(t *testing.T) {
	n := newTown(t)
	s := n.open()
	for range 2 {
		res, _ := n.press(s.URL, "declined")
		n.leadsTo(res, "/orders/K7Q2M-9F3XA")
	}
	n.press(s.URL, "approved")
	var told []string
	for _, c := range n.received() {
		notice, err := decodeNotice(c.body)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, string(notice.Outcome))
	}
	if strings.Join(told, " ") != "declined approved" {
		t.Errorf("the shop was told %v", told)
	}
}

func TestAChallengeEndsEitherWay(t *testing.T) {
	n := newTown(t)
	for _, end := range []string{"approved", "declined"} {
		s, err := n.provider.Open(context.Background(), n.request("order-"+end, 1))
		if err != nil {
			t.Fatal(err)
		}
		before := len(n.received())
		res, page := n.press(s.URL, "challenge")
		if res.StatusCode != 200 || !strings.Contains(page, `action="`+strings.TrimPrefix(s.URL, n.bank.URL)+`"`) ||
			!strings.Contains(page, `value="approved"`) || !strings.Contains(page, `value="declined"`) {
			t.Errorf("got %d:\n%s", res.StatusCode, page)
		}
		if len(n.received()) != before {
			t.Error("a challenge alone was told to the shop")
		}
		res, _ = n.press(s.URL, end)
		n.leadsTo(res, "/orders/K7Q2M-9F3XA")
		if len(n.received()) != before+1 {
			t.Error("the end of the challenge was not told")
		}
	}
}

func TestWalkingAwayTellsNothing(t *testing.T) {
	n := newTown(t)
	s := n.open()
	res, _ := n.press(s.URL, "abandoned")
	n.leadsTo(res, "/checkout")
	if len(n.received()) != 0 {
		t.Error("the shop was told of a shopper who walked away")
	}
	if res, _ := n.press(s.URL, "approved"); res.StatusCode != 303 || len(n.received()) != 1 {
		t.Error("who comes back can't pay any more")
	}
}

func TestApprovedTooLate(t *testing.T) {
	n := newTown(t)
	s := n.open()
	res, _ := n.press(s.URL, "approved_late")
	n.leadsTo(res, "/orders/K7Q2M-9F3XA")
	if _, ok, err := n.provider.Find(context.Background(), s.Ref); ok || err != nil {
		t.Errorf("the bank tells it before its time: %v, %v", ok, err)
	}
	n.advance(14 * time.Minute)
	time.Sleep(50 * time.Millisecond)
	if len(n.received()) != 0 {
		t.Fatal("the call-back came while the hold lived")
	}
	n.service.Close() // a restart in between changes nothing
	n.start()
	n.advance(2 * time.Minute)
	n.waitFor("the late call-back", func() bool { return len(n.received()) == 1 })
	last := n.received()[0]
	notice, err := n.provider.Notice(&http.Request{Header: last.header}, last.body)
	if err != nil || notice.Outcome != payment.Approved || !notice.At.After(s.ExpiresAt) {
		t.Errorf("got %+v, %v", notice, err)
	}
}

func TestTimeOver(t *testing.T) {
	n := newTown(t)
	s := n.open()
	n.advance(15 * time.Minute)
	for _, outcome := range []string{"approved", "declined"} {
		if res, page := n.press(s.URL, outcome); res.StatusCode != http.StatusGone || !strings.Contains(page, n.shop.URL+"/checkout") {
			t.Errorf("%s: got %d:\n%s", outcome, res.StatusCode, page)
		}
	}
	if len(n.received()) != 0 {
		t.Error("an expired session was told of")
	}
}

func TestTwentyPressesAreOneApproval(t *testing.T) {
	n := newTown(t)
	s := n.open()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			res, err := n.client.PostForm(s.URL, url.Values{"outcome": {"approved"}})
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != 303 || len(n.received()) != 1 {
				t.Errorf("got %d after %d call-backs", res.StatusCode, len(n.received()))
			}
		})
	}
	group.Wait()
	if len(n.received()) != 1 {
		t.Errorf("got %d call-backs, want 1", len(n.received()))
	}
}

func TestACallBackIsSentUntilItIsAnswered(t *testing.T) {
	n := newTown(t)
	s := n.open()
	n.shopAnswers(http.StatusServiceUnavailable)
	done := make(chan int)
	go func() {
		res, err := n.client.PostForm(s.URL, url.Values{"outcome": {"approved"}})
		if err != nil {
			t.Error(err)
			close(done)
			return
		}
		res.Body.Close()
		done <- res.StatusCode
	}()
	n.waitFor("three tries", func() bool { return len(n.received()) >= 3 })
	select {
	case <-done:
		t.Fatal("sent back before the shop has answered")
	default:
	}
	n.shopAnswers(http.StatusOK)
	if got := <-done; got != 303 {
		t.Errorf("got %d", got)
	}
	calls := n.received()
	for _, c := range calls {
		if !bytes.Equal(c.body, calls[0].body) {
			t.Error("a repeated call-back has another content")
		}
	}
	for _, bad := range []string{s.Ref, s.URL, n.shop.URL, string(secret)} {
		if strings.Contains(n.log.String(), bad) {
			t.Errorf("the log tells %q:\n%s", bad, n.log.String())
		}
	}
}

func TestARestartSendsWhatWasNotAnswered(t *testing.T) {
	n := newTown(t)
	s := n.open()
	n.shopAnswers(http.StatusFound) // a redirect is no answer, and is not followed
	go func() {
		if res, err := n.client.PostForm(s.URL, url.Values{"outcome": {"approved"}}); err == nil {
			res.Body.Close()
		}
	}()
	n.waitFor("a first try", func() bool { return len(n.received()) >= 1 })
	n.service.Close()
	tries := len(n.received())
	n.shopAnswers(http.StatusNoContent)
	n.start()
	n.waitFor("the call-back after the restart", func() bool { return len(n.received()) == tries+1 })
	calls := n.received()
	if !bytes.Equal(calls[0].body, calls[tries].body) {
		t.Error("after the restart it is another event")
	}
	n.waitFor("the answer in the journal", func() bool {
		raw, err := os.ReadFile(n.journal)
		return err == nil && bytes.Contains(raw, []byte(`"kind":"answered"`))
	})
	n.service.Close()
	n.start()
	time.Sleep(50 * time.Millisecond)
	if len(n.received()) != tries+1 {
		t.Error("an answered call-back was sent again")
	}
	if again := n.open(); again.Ref != s.Ref {
		t.Error("the session was forgotten")
	}
}

func TestOnlyTheShopsAddressesAreTaken(t *testing.T) {
	n := newTown(t)
	shop, _ := url.Parse(n.shop.URL)
	for _, bad := range []string{
		"", "/orders/1", "https://evil.example/", n.shop.URL + "@evil.example/", n.shop.URL + ".evil.example/",
		"http://" + shop.Host + "/", "https://x@" + shop.Host + "/", "https://" + shop.Hostname() + "/", "//" + shop.Host + "/",
		"javascript:alert(1)", n.shop.URL + "/a\r\nSet-Cookie: x", n.shop.URL + "/a b", n.shop.URL + "/#x", n.bank.URL + "/",
		"HTTPS://" + shop.Host + "/", n.shop.URL + "/" + strings.Repeat("a", 2000), `https://evil.example\@` + shop.Host + "/",
	} {
		for name, set := range map[string]func(*payment.Request){
			"return": func(q *payment.Request) { q.ReturnURL = bad },
			"cancel": func(q *payment.Request) { q.CancelURL = bad },
			"notice": func(q *payment.Request) { q.NoticeURL = bad },
		} {
			q := n.request("order-1", 1)
			set(&q)
			if s, err := n.provider.Open(context.Background(), q); !errors.Is(err, payment.ErrRefused) {
				t.Errorf("%s address %q: got %+v, %v", name, bad, s, err)
			}
		}
	}
}

func TestTheAPIIsTheShopsAlone(t *testing.T) {
	n := newTown(t)
	s := n.open()
	for _, auth := range []string{"", "Bearer ", "Bearer x", "Bearer " + string(secret), "Basic " + apiToken(secret), apiToken(secret)} {
		for _, row := range [][2]string{{"POST", "/v1/sessions"}, {"GET", "/v1/sessions/" + s.Ref}, {"POST", "/v1/refunds"}} {
			req, _ := http.NewRequest(row[0], n.bank.URL+row[1], strings.NewReader("{}"))
			req.Header.Set("Authorization", auth)
			if res, body := n.do(n.client.Do(req)); res.StatusCode != 401 || strings.Contains(body, s.Ref) {
				t.Errorf("%v with %q: got %d", row, auth, res.StatusCode)
			}
		}
	}
	for _, body := range []string{"", "null x", "[]", `{"order":1}`, `{"unknown":1}`, "{}", strings.Repeat("a", maxBody+1)} {
		req, _ := http.NewRequest("POST", n.bank.URL+"/v1/sessions", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+apiToken(secret))
		if res, _ := n.do(n.client.Do(req)); res.StatusCode/100 != 4 {
			t.Errorf("body %.20q: got %d", body, res.StatusCode)
		}
	}
}

func TestTheDoorIsClosedToBadSettings(t *testing.T) {
	good := ServiceConfig{Secret: secret, Journal: t.TempDir() + "/j", Origin: "https://127.0.0.1:8444",
		ShopOrigins: []string{"https://localhost:8443"}, Client: http.DefaultClient}
	for name, harm := range map[string]func(*ServiceConfig){
		"no secret":       func(c *ServiceConfig) { c.Secret = nil },
		"short secret":    func(c *ServiceConfig) { c.Secret = secret[:31] },
		"zeros":           func(c *ServiceConfig) { c.Secret = make([]byte, 32) },
		"no shop":         func(c *ServiceConfig) { c.ShopOrigins = nil },
		"plain HTTP":      func(c *ServiceConfig) { c.Origin = "http://127.0.0.1:8444" },
		"a path":          func(c *ServiceConfig) { c.Origin += "/" },
		"the shop's own":  func(c *ServiceConfig) { c.ShopOrigins = []string{c.Origin} },
		"no client":       func(c *ServiceConfig) { c.Client = nil },
		"a policy broken": func(c *ServiceConfig) { c.ShopOrigins = []string{"https://localhost; script-src *"} },
		"a policy joined": func(c *ServiceConfig) { c.ShopOrigins = []string{"https://localhost;script-src,x"} },
		"no journal":      func(c *ServiceConfig) { c.Journal = "" },
	} {
		c := good
		harm(&c)
		if s, err := NewService(c); err == nil {
			s.Close()
			t.Errorf("%s: want an error", name)
		} else if strings.Contains(err.Error(), string(secret[:10])) {
			t.Errorf("%s: the error tells the secret", name)
		}
	}
}
