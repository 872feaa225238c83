package picture

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func TestOnlyPublicAddressesAreOpen(t *testing.T) {
	for _, a := range []string{"1.1.1.1:443", "93.184.215.14:80", "[2606:4700::1111]:443", "[2a00:1450:4001:80b::200e]:80", "172.32.0.1:80", "100.63.0.1:80", "192.169.0.1:443"} {
		if !isOpen(netip.MustParseAddrPort(a)) {
			t.Errorf("%s is closed, want it open", a)
		}
	}
	for why, list := range map[string]string{
		"this machine":     "127.0.0.1:80 127.8.8.8:443 [::1]:80 0.0.0.0:80 0.1.2.3:80 [::]:80",
		"private":          "10.0.0.1:80 172.16.0.1:80 172.31.255.255:80 192.168.1.1:443 [fc00::1]:80 [fd12::1]:80",
		"the cloud's page": "169.254.169.254:80 [fd00:ec2::254]:80",
		"link":             "169.254.0.1:80 [fe80::1]:80 [fe80::1%lo]:80 [2606:4700::1%lo]:80",
		"provider":         "100.64.0.1:80 100.127.255.255:80",
		"mapped":           "[::ffff:127.0.0.1]:80 [::ffff:10.0.0.1]:80 [::ffff:1.1.1.1]:80 [::127.0.0.1]:80",
		"translated":       "[64:ff9b::7f00:1]:80 [64:ff9b::a9fe:a9fe]:80 [64:ff9b:1::1]:80",
		"6to4 and Teredo":  "[2002:7f00:1::]:80 [2002:a9fe:a9fe::1]:80 [2001:0:4136::1]:80 192.88.99.1:80",
		"many or nobody":   "224.0.0.1:80 255.255.255.255:80 240.0.0.1:80 [ff02::1]:80 [2001:db8::1]:80 192.0.2.1:80 198.18.0.1:80 [3fff::1]:80 [fec0::1]:80 [100::1]:80",
		"other ports":      "1.1.1.1:22 1.1.1.1:8080 1.1.1.1:0 [2606:4700::1111]:5432",
	} {
		for _, a := range strings.Fields(list) {
			if isOpen(netip.MustParseAddrPort(a)) {
				t.Errorf("%s: %s is open, want it closed", why, a)
			}
		}
	}
}

// trap is a server on loopback that nobody may ask.
func trap(t *testing.T) (*httptest.Server, *atomic.Int64) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Write(asPNG(photo(3, 3)))
	}))
	t.Cleanup(s.Close)
	return s, &asked
}

func TestNoTrickReachesAClosedAddress(t *testing.T) {
	s, asked := trap(t)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	for _, source := range []string{
		s.URL, fmt.Sprintf("http://localhost:%d/", port), "http://localhost/", "http://127.0.0.1/", "https://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
		"http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://0/", "http://0.0.0.0/", "http://127.0.0.1./", "http://169.254.169.254/latest/meta-data/",
		"http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::]/", "http://[fe80::1%25lo]/", "http://10.0.0.1/", "http://user:pass@93.184.215.14/x.png", "http://93.184.215.14:22/x.png",
		"ftp://93.184.215.14/x.png", "file:///etc/passwd", "gopher://127.0.0.1/", "data:image/png;base64,AAAA", "//127.0.0.1/x.png", "http:127.0.0.1/x", "", "http://", "http://\x00/", "unix:///run/x",
	} {
		began := time.Now()
		f := NewFetcher() // one that remembers nothing
		body, err := f.Fetch(t.Context(), source)
		f.Close()
		if body != nil || !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%q: %d bytes, %v", source, len(body), err)
		}
		if u, parse := url.Parse(source); parse == nil {
			// Whatever answers or not at such an address must not have been asked.
			if _, literal := netip.ParseAddr(u.Hostname()); literal == nil && f.checkURL(u) == nil {
				t.Errorf("%q was dialled: %v", source, err)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%q took %v", source, took)
		}
	}
	if asked.Load() > 0 {
		t.Errorf("the closed server was asked %d times", asked.Load())
	}
}

// openTo lets one server of a test through, and what is public.
func openTo(s *httptest.Server, names *net.Resolver) *Fetcher {
	door := netip.MustParseAddrPort(s.Listener.Addr().String())
	f := newFetcher(func(a netip.AddrPort) bool { return a == door || isOpen(a) }, names)
	f.anyPort = true
	return f
}

func TestARedirectIsCheckedLikeTheFirstAddress(t *testing.T) {
	closed, asked := trap(t)
	var front *httptest.Server
	front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/closed":
			http.Redirect(w, r, closed.URL, http.StatusFound)
		case "/user":
			http.Redirect(w, r, strings.Replace(front.URL, "//", "//a:b@", 1)+"/ok", http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/3", "/2", "/1":
			http.Redirect(w, r, map[string]string{"/3": "/2", "/2": "/1", "/1": "/ok"}[r.URL.Path], http.StatusFound)
		case "/4":
			http.Redirect(w, r, "/3", http.StatusFound)
		default:
			if r.Referer() != "" || r.Header.Get("Cookie") != "" {
				t.Errorf("the host learned %q", r.Referer())
			}
			w.Header().Set("Set-Cookie", "a=b")
			w.Write([]byte("a picture"))
		}
	}))
	defer front.Close()
	f := openTo(front, nil)
	defer f.Close()
	for path, want := range map[string]string{"/ok": "a picture", "/3": "a picture", "/4": "", "/round": "", "/closed": "", "/user": "", "/file": ""} {
		body, err := f.Fetch(t.Context(), front.URL+path)
		if string(body) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, body, err)
		}
		if err != nil && strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: the reason tells an address: %v", path, err)
		}
	}
	if asked.Load() > 0 {
		t.Error("a redirect reached a closed server")
	}
}

// TestANameThatChangesItsMindIsNoHelp: a name of the attacker's answers with an
// open address first and with a closed one from then on.
func TestANameThatChangesItsMindIsNoHelp(t *testing.T) {
	front, _ := trap(t)
	port := front.Listener.Addr().(*net.TCPAddr).Port
	var asked atomic.Int64
	closed := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	closed.Listener.Close()
	var err error
	if closed.Listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port)); err != nil {
		t.Fatal(err)
	}
	closed.Start()
	defer closed.Close()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var questions atomic.Int64
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			last := min(byte(questions.Add(1)), 2)
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, last)})
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	defer server.Shutdown()
	f := openTo(front, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", packets.LocalAddr().String())
	}})
	source := fmt.Sprintf("http://rebind.test:%d/x.png", port)
	if _, err := f.Fetch(t.Context(), source); err != nil {
		t.Fatalf("the first answer: %v", err)
	}
	f.Close()
	if body, err := f.Fetch(t.Context(), source); body != nil || !fault.Is(err, fault.Invalid) {
		t.Errorf("the second answer: %d bytes, %v", len(body), err)
	}
	if questions.Load() < 2 || asked.Load() > 0 {
		t.Errorf("%d questions; the closed server was asked %d times", questions.Load(), asked.Load())
	}
}

func TestAFetchIsBounded(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gone":
			http.NotFound(w, r)
		case "/honest":
			w.Header().Set("Content-Length", "99999999")
		case "/endless":
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("\x1f\x8b still zipped"))
		case "/silent":
			<-r.Context().Done()
		}
	}))
	defer s.Close()
	f := openTo(s, nil)
	defer f.Close()
	for path, want := range map[string]string{"/gone": "404", "/honest": "10 MB", "/endless": "10 MB"} {
		if body, err := f.Fetch(t.Context(), s.URL+path); body != nil || err == nil || !strings.Contains(fault.Of(err).Text, want) {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	if body, err := f.Fetch(t.Context(), s.URL+"/zipped"); err != nil || !strings.HasPrefix(string(body), "\x1f\x8b") {
		t.Errorf("%q, %v: want it as it came", body, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := f.Fetch(ctx, s.URL+"/silent"); err == nil || fault.Is(err, fault.Invalid) {
		t.Errorf("%v, want to be told that the time ended", err)
	}
}

func TestWithoutANetworkNobodyWaitsLong(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	var dials atomic.Int64
	f := newFetcher(func(netip.AddrPort) bool { dials.Add(1); return true }, nil)
	f.anyPort = true
	port := dead.Addr().(*net.TCPAddr).Port
	for host := range 20 {
		for range 50 {
			if _, err := f.Fetch(t.Context(), fmt.Sprintf("http://127.0.0.%d:%d/x.png", host+1, port)); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("%v, want it unavailable", err)
			}
		}
	}
	if n := dials.Load(); n > giveUpAll*giveUpHost {
		t.Errorf("dialled %d times for 1,000 pictures", n)
	}
}
