package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Bounds of fetching one picture.
const (
	fetchTime    = 20 * time.Second
	dialTime     = 5 * time.Second
	maxRedirects = 3
	giveUpHost   = 3 // failures in a row after which a host is not asked again
	giveUpAll    = 4 // hosts that can't be reached, and none that can: there is no network
)

// Fetcher brings pictures from other hosts. It is made for one import and
// remembers which hosts do not answer, so that a thousand pictures there do not
// take a thousand times the patience. It is safe for concurrent use.
type Fetcher struct {
	client  *http.Client
	open    func(netip.AddrPort) bool
	anyPort bool // tests only: servers of tests listen where they can

	mu      sync.Mutex
	failed  map[string]int // by host
	reached bool
}

// NewFetcher returns a Fetcher that calls public web servers and nobody else.
func NewFetcher() *Fetcher { return newFetcher(isOpen, nil) }

func newFetcher(open func(netip.AddrPort) bool, names *net.Resolver) *Fetcher {
	f := &Fetcher{open: open, failed: map[string]int{}}
	dialer := &net.Dialer{Timeout: dialTime, Control: f.guard, Resolver: names}
	f.client = &http.Client{
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would dial for us, past the guard
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
			TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: fetchTime, IdleConnTimeout: dialTime,
			MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fault.New(fault.Invalid, "The address of the picture leads on and on.")
			}
			r.Header.Del("Referer")
			return f.checkURL(r.URL)
		},
	}
	return f
}

// Close lets go of the connections.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// Fetch returns the bytes at an address. A fault says in words why there are
// none; another error says that ctx ended.
func (f *Fetcher) Fetch(ctx context.Context, source string) ([]byte, error) {
	u, err := url.Parse(source)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The address of the picture is none.")
	}
	if err := f.checkURL(u); err != nil {
		return nil, err
	}
	if f.hopeless(u.Host) {
		return nil, fault.New(fault.Unavailable, "The picture's host can't be reached.")
	}
	short, done := context.WithTimeout(ctx, fetchTime)
	defer done()
	body, err := f.get(short, u)
	var known *fault.Error
	switch {
	case err == nil, errors.As(err, &known) && known.Kind == fault.Invalid:
		f.note(u.Host, true)
		if known != nil {
			err = known // without the address around it
		}
		return body, err
	case ctx.Err() != nil:
		return nil, fmt.Errorf("fetch a picture: %w", ctx.Err())
	}
	f.note(u.Host, false)
	if short.Err() != nil {
		return nil, fault.New(fault.Unavailable, "The picture's host takes too long.")
	}
	return nil, fault.New(fault.Unavailable, "The picture's host can't be reached.")
}

func (f *Fetcher) get(ctx context.Context, u *url.URL) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The address of the picture is none.")
	}
	r.Header.Set("User-Agent", "Cartkeep")
	r.Header.Set("Accept", "image/jpeg, image/png, image/webp, image/gif")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("The picture's host answered with status %d.", answer.StatusCode))
	}
	if answer.ContentLength > MaxBytes {
		return nil, tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxBytes+1))
	if err == nil && len(body) > MaxBytes {
		return nil, tooLarge()
	}
	return body, err
}

func tooLarge() error { return refuse("The picture is larger than 10 MB.") }

// note remembers whether a host answered.
func (f *Fetcher) note(host string, answered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if answered {
		f.reached = true
		delete(f.failed, host)
		return
	}
	f.failed[host]++
}

func (f *Fetcher) hopeless(host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed[host] >= giveUpHost || !f.reached && len(f.failed) >= giveUpAll
}
