package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest/pg"
)

func TestTheAPIAnswersOnEveryLoopbackName(t *testing.T) {
	s := demo(t, "")
	u, err := url.Parse(s.origin)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		at := "https://" + host + ":" + u.Port()
		if a := s.ask("GET", at+"/api/v1/products?limit=1", ""); a.status != 200 {
			t.Errorf("API on %s: got %d, want 200", host, a.status)
		}
		a := s.ask("GET", at+"/cart", "")
		if host == "localhost" {
			if a.status != 200 {
				t.Errorf("page on localhost: got %d, want 200", a.status)
			}
			continue
		}
		// Cookies ignore ports: a page on the bank's host would show it the cart.
		if a.status != 307 || a.header.Get("Location") != s.origin+"/cart" || len(a.header.Values("Set-Cookie")) > 0 {
			t.Errorf("page on %s: got %d to %q, want 307 to %s", host, a.status, a.header.Get("Location"), s.origin)
		}
	}
	// What is for the operator is not at the shop's door.
	for _, path := range []string{"/metrics", "/debug/pprof/", "/outbox", "/v1/sessions", "/ports.json", "/shop.db"} {
		if a := s.ask("GET", path, ""); a.status != 404 {
			t.Errorf("%s at the shop: got %d, want 404", path, a.status)
		}
	}
	if a := s.ask("GET", s.private+"/metrics", ""); a.status != 200 || !strings.Contains(a.body, "# TYPE cartkeep_requests_total counter\n") {
		t.Errorf("metrics at the private door: got %d, want 200", a.status)
	}
	if a := s.ask("POST", s.bank+"/v1/sessions", "{}"); a.status != 401 {
		t.Errorf("a session at the bank without the secret: got %d, want 401", a.status)
	}
	if a := s.ask("GET", s.bank+"/pay/nothing", ""); a.status != 404 {
		t.Errorf("an unknown payment page: got %d, want 404", a.status)
	}
}

func TestHSTSFromTheDemoIsAskedFor(t *testing.T) {
	h := newHome(t, "")
	h.env = append(h.env, "CARTKEEP_DEMO_HSTS=1")
	s := h.start(t)
	if got := s.ask("GET", "/", "").header.Get("Strict-Transport-Security"); !strings.Contains(got, "max-age=") {
		t.Errorf("got %q, want HSTS", got)
	}
	if !strings.Contains(s.said.String(), "free from request rates") {
		t.Error("the exemption from request rates is not said aloud")
	}
}

// TestTheConsoleCanMove gives the staff console an address of its own: nothing
// of the shop is there, and nothing of the console at the shop.
func TestTheConsoleCanMove(t *testing.T) {
	h := newHome(t, "")
	h.env = append(h.env, "CARTKEEP_ADMIN_LISTEN=127.0.0.1:0")
	s := h.start(t)
	if strings.HasPrefix(s.admin, s.origin) {
		t.Fatalf("the console is at %s, want another port than the shop's", s.admin)
	}
	for address, want := range map[string]int{s.admin: 200, s.origin + "/admin": 404, strings.TrimSuffix(s.admin, "admin") + "cart": 404} {
		res, err := s.client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want || res.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: got %d, want %d with the strict headers", address, res.StatusCode, want)
		}
	}
}

// TestAnotherShopsDatabaseIsRefused points a new folder at a database that a
// running shop uses.
func TestAnotherShopsDatabaseIsRefused(t *testing.T) {
	database := pg.Shared(t).NewDatabase(t)
	first := demo(t, database)
	first.buy(first.products()[0].Variants[0].ID, 1, ada())
	first.quiet(t)
	second := newHome(t, database)
	cmd := second.command(t, "demo", "--listen", "localhost:0")
	said := &kept{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		cmd.Process.Kill()
		<-done
		t.Fatalf("a second shop runs on another one's database:\n%s", said)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 || strings.Contains(said.String(), "ready") {
		t.Errorf("got exit %d and %q, want 1 and a reason", code, said)
	}
	if strings.Contains(said.String(), "postgres://") {
		t.Errorf("the address of the database is told: %s", said)
	}
	if a := first.ask("GET", "/api/v1/products?limit=1", ""); a.status != 200 {
		t.Errorf("the first shop: got %d, want 200", a.status)
	}
	if out := first.must(t, "ledger", "verify"); !strings.HasPrefix(out, "ok ") {
		t.Errorf("ledger verify: got %q, want ok", out)
	}
	t.Logf("said: %s", said)
}
