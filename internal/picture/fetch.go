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

// Bounds of fetching.
const (
	fetchTime    = 20 * time.Second // of a picture
	dialTime     = 5 * time.Second
	maxRedirects = 3
	giveUpHost   = 3 // failures in a row after which a host is not asked again
	giveUpAll    = 4 // hosts that can't be reached, and none that can: there is no network
)

// Fetcher brings pictures, and files that are sold, from other hosts. It is made for one import and
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
				return fault.New(fault.Invalid, "The address leads on and on.")
			}
			r.Header.Del("Referer")
			return f.checkURL(r.URL)
		},
	}
	return f
}

// Close lets go of the connections.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// Fetch returns the picture at an address. A fault says in words why there is
// none; another error says that ctx ended.
func (f *Fetcher) Fetch(ctx context.Context, source string) (body []byte, err error) {
	err = f.visit(ctx, source, fetchTime, func(ctx context.Context, u *url.URL) error {
		answer, err := f.ask(ctx, u, "image/jpeg, image/png, image/webp, image/gif")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.ContentLength > MaxBytes {
			return tooLarge()
		}
		body, err = io.ReadAll(io.LimitReader(answer.Body, MaxBytes+1))
		if err == nil && len(body) > MaxBytes {
			return tooLarge()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// visit carries out one call of a host and tells what became of it.
func (f *Fetcher) visit(ctx context.Context, source string, atMost time.Duration, call func(context.Context, *url.URL) error) error {
	u, err := url.Parse(source)
	if err != nil {
		return fault.New(fault.Invalid, "The address is none.")
	}
	if err := f.checkURL(u); err != nil {
		return err
	}
	if f.hopeless(u.Host) {
		return fault.New(fault.Unavailable, "The host can't be reached.")
	}
	short, done := context.WithTimeout(ctx, atMost)
	defer done()
	err = call(short, u)
	var known *fault.Error
	var ours *oursError
	switch {
	case err == nil:
		f.note(u.Host, true)
		return nil
	case errors.As(err, &ours):
		f.note(u.Host, true)
		return ours.err
	case errors.As(err, &known) && known.Kind == fault.Invalid:
		f.note(u.Host, true)
		return known // without the address around it
	case ctx.Err() != nil:
		return fmt.Errorf("fetch: %w", ctx.Err())
	}
	f.note(u.Host, false)
	if short.Err() != nil {
		return fault.New(fault.Unavailable, "The host takes too long.")
	}
	return fault.New(fault.Unavailable, "The host can't be reached.")
}

// ask sends the question and returns a whole answer's head.
func (f *Fetcher) ask(ctx context.Context, u *url.URL, accept string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The address is none.")
	}
	r.Header.Set("User-Agent", "Cartkeep")
	r.Header.Set("Accept", accept)
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fault.New(fault.Invalid, fmt.Sprintf("The host answered with status %d.", answer.StatusCode))
	}
	return answer, nil
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
