package breach

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/password"
)

// Service is the address of Have I Been Pwned, for [NewRange].
const Service = "https://api.pwnedpasswords.com/range/"

const (
	prefixDigits = 5
	answerMost   = 1 << 20         // bytes; an answer has about 40 KB
	patience     = 2 * time.Second // somebody waits at a form
)

// Range asks a service. The service learns the first five of 40 digits of the
// sum, which a million different passwords share with it, and when and from
// which server somebody asked. The answer is padded, so that its length tells a
// listener nothing.
type Range struct {
	base   string
	client *http.Client
}

// NewRange makes a Range for an address that the five digits are hung on.
// Nothing but HTTPS is taken. roots are whom to believe; nil means the system's.
func NewRange(base string, roots *x509.CertPool) (*Range, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/") {
		return nil, errors.New("breach: the address of the service is to begin with https:// and to end with a slash")
	}
	return &Range{base: u.String(), client: &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           2,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
		},
		// It might lead to another host, or out of HTTPS.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Breached asks for the password. No error tells the digits that were asked for.
func (r *Range) Breached(ctx context.Context, p password.Password) (bool, error) {
	sum := sumHex(p)
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+sum[:prefixDigits], nil)
	if err != nil {
		return false, errors.New("breach: the service can't be asked")
	}
	ask.Header.Set("Add-Padding", "true")
	ask.Header.Set("User-Agent", "Cartkeep")
	answer, err := r.client.Do(ask)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the address, which holds the digits
		}
		return false, fmt.Errorf("ask for breached passwords: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("ask for breached passwords: the service answered with status %d", answer.StatusCode)
	}
	return find(answer.Body, sum[prefixDigits:])
}

// find looks for the rest of a sum in an answer: lines REST:COUNT, of which
// those with the count 0 are padding. The whole answer is read, so that one cut
// short or of another form counts as none.
func find(body io.Reader, rest string) (bool, error) {
	limited := &io.LimitedReader{R: body, N: answerMost + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 4096), 4096)
	seen, stolen := 0, false
	for lines.Scan() {
		sum, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if !ok || len(sum) != sumDigits-prefixDigits || strings.Trim(sum, "0123456789ABCDEFabcdef") != "" || count == "" || strings.Trim(count, "0123456789") != "" {
			return false, errors.New("ask for breached passwords: the answer is not one")
		}
		seen++
		stolen = stolen || strings.EqualFold(sum, rest) && strings.Trim(count, "0") != ""
	}
	switch {
	case lines.Err() != nil:
		return false, fmt.Errorf("ask for breached passwords: %w", lines.Err())
	case limited.N <= 0:
		return false, errors.New("ask for breached passwords: the answer is too long")
	case seen == 0:
		return false, errors.New("ask for breached passwords: the answer is empty")
	}
	return stolen, nil
}
