package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// resident is how much memory the server has, in MiB, as it says itself.
func (s *shop) resident(t testing.TB) float64 {
	t.Helper()
	res, err := http.Get(s.private + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n / (1 << 20)
		}
	}
	t.Fatal("the metrics do not tell the memory")
	return 0
}

// TestAFloodOfSmallRequestsLeavesMemorySteady sends many requests of every
// kind: good ones, carts that nobody comes back to, junk.
func TestAFloodOfSmallRequestsLeavesMemorySteady(t *testing.T) {
	s := demo(t, "")
	v := s.product("whistling-kettle").Variants[0].ID
	flood := func(n int) {
		var next atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for i := next.Add(1); i <= int64(n); i = next.Add(1) {
					var err error
					switch i % 6 {
					case 0:
						_, err = s.try("POST", "/api/v1/carts", "{}")
					case 1:
						_, err = s.try("GET", "/products/whistling-kettle", "")
					case 2:
						_, err = s.try("GET", "/search?q="+fmt.Sprint("thing", i), "")
					case 3:
						_, err = s.try("POST", "/api/v1/carts", `{"`+strings.Repeat("a", 4000)+`":[`+strings.Repeat("[", 2000))
					case 4:
						_, err = s.try("GET", fmt.Sprint("/nothing/", i), "")
					case 5:
						_, err = s.try("POST", "/cart/lines", fmt.Sprintf("variant_id=%s&quantity=%d", v, i%3+1), "Content-Type: application/x-www-form-urlencoded", "Origin: "+s.origin)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
	}
	requests := 1500
	if soak() {
		requests = 100_000
	}
	flood(requests / 3)
	before := s.resident(t)
	flood(requests)
	after := s.resident(t)
	t.Logf("%d requests: %.0f MiB before, %.0f MiB after", requests, before, after)
	if after > before+40 || after > 160 {
		t.Errorf("got %.0f MiB after %d requests, want about the %.0f before", after, requests, before)
	}
	if a := s.ask("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("ready: got %d, want 200", a.status)
	}
}

// TestWhoIsSlowHarmsNobody holds many connections open from one machine: some
// that never finish their request, some that never read their answer. The shop
// lets them go after a while, and everybody else is served meanwhile.
func TestWhoIsSlowHarmsNobody(t *testing.T) {
	h := newHome(t, "")
	h.env = nil // as a stranger, without any exemption
	s := h.start(t)
	s.want(200, "GET", "/", "") // our own connection, from before
	host := strings.TrimPrefix(s.origin, "https://")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	door := net.JoinHostPort("127.0.0.1", port)
	config := s.client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos, config.ServerName = []string{"http/1.1"}, "localhost"
	before := s.resident(t)

	var open []net.Conn
	var inside [4]int // of each kind
	var mu sync.Mutex
	var group sync.WaitGroup
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for i := range 400 {
		group.Go(func() {
			raw, err := net.DialTimeout("tcp", door, 5*time.Second)
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, raw)
			mu.Unlock()
			if i%4 == 0 {
				return // says nothing at all
			}
			conn := tls.Client(raw, config)
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			if conn.Handshake() != nil {
				return // turned away
			}
			conn.SetDeadline(time.Time{})
			mu.Lock()
			inside[i%4]++
			mu.Unlock()
			switch i % 4 {
			case 1:
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\nX-Slow: ") // a head without an end
			case 2:
				io.WriteString(conn, "POST /cart/lines HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nv")
			case 3:
				for range 5 { // asks and asks, and reads nothing
					if _, err := io.WriteString(conn, "GET /assets/none HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
						return
					}
				}
			}
		})
	}
	group.Wait()
	for kind, n := range inside[1:] {
		if n < 20 {
			t.Errorf("only %d connections of kind %d were let in: the test does not test", n, kind+1)
		}
	}
	// A newcomer from another network, and one from before.
	elsewhere := s.client.Transport.(*http.Transport).Clone()
	elsewhere.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, 1)}}).DialContext
	defer elsewhere.CloseIdleConnections()
	began := time.Now()
	if res, err := (&http.Client{Transport: elsewhere, Timeout: 10 * time.Second}).Get("https://localhost:" + port + "/products/whistling-kettle"); err != nil {
		t.Errorf("a newcomer from another network: %v", err)
	} else if res.Body.Close(); res.StatusCode != 200 {
		t.Errorf("a newcomer from another network: got %d, want 200", res.StatusCode)
	}
	s.want(200, "GET", "/products/whistling-kettle", "")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("somebody else waited %v", took)
	}
	during := s.resident(t)
	if during > before+60 {
		t.Errorf("memory: got %.0f MiB with slow clients, %.0f before", during, before)
	}
	// Those that said nothing in time are gone; the others when their time is up.
	within := 12 * time.Second
	if soak() {
		within = 150 * time.Second // idle connections live two minutes
	}
	eventually(t, within, "the connections are let go", func() bool {
		gone := 0
		for _, c := range open {
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			for {
				_, err := c.Read(make([]byte, 4096))
				if n, ok := err.(net.Error); ok && n.Timeout() {
					break
				}
				if err != nil {
					gone++
					break
				}
			}
		}
		return gone >= len(open)/2 && (!soak() || gone == len(open))
	})
	t.Logf("%d slow connections, let in by kind %v: %.0f MiB before, %.0f MiB with them", len(open), inside[1:], before, during)
	s.want(200, "GET", "/", "")
}
