package paymentpage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// patience is how long a visit may take.
const patience = time.Minute

// asBrowser is what a visit calls itself. Some thieves show their script to
// browsers alone and not to who says that it is a machine.
const asBrowser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// Step is one request of a visit.
type Step struct {
	Path string
	Form url.Values // posted; nil asks for the page
	Look bool       // the page is read; otherwise it only has to answer
}

// Visitor walks to the last page before paying, as a shopper would, and never
// places an order.
type Visitor struct {
	Client *http.Client // how the shop is reached; its jar and redirects are not used
	Origin string       // https://HOST, as shoppers know it
	Steps  []Step
}

// Visit takes the steps and reads the pages, then what these load from the shop.
// An error means that nothing is known, not that something is wrong.
func (v Visitor) Visit(ctx context.Context) ([]Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	origin, err := url.Parse(v.Origin)
	if err != nil {
		return nil, fmt.Errorf("visit of the payment pages: %w", err)
	}
	client := *v.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if client.Jar, err = cookiejar.New(nil); err != nil {
		return nil, fmt.Errorf("visit of the payment pages: %w", err)
	}
	var out []Seen
	var files []string
	for _, s := range v.Steps {
		seen, err := take(ctx, &client, origin, s)
		if err != nil {
			return nil, fmt.Errorf("visit of the payment pages: %w", err)
		}
		if !s.Look {
			continue
		}
		out = append(out, seen)
		for _, i := range seen.Items {
			if (i.Kind == Script || i.Kind == Style) && strings.HasPrefix(i.What, "/") {
				files = append(files, i.What)
			}
		}
	}
	for _, path := range files {
		if known(out, path) {
			continue
		}
		seen, err := load(ctx, &client, origin, path)
		if err != nil {
			return nil, fmt.Errorf("visit of the payment pages: %w", err)
		}
		out = append(out, seen)
	}
	return out, nil
}

func known(all []Seen, page string) bool {
	for _, s := range all {
		if s.Page == page {
			return true
		}
	}
	return false
}

func ask(ctx context.Context, c *http.Client, origin *url.URL, path string, form url.Values) (*http.Response, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, origin.JoinPath(path).String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", asBrowser)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Accept-Language", "en")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin.Scheme+"://"+origin.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return c.Do(r)
}

func take(ctx context.Context, c *http.Client, origin *url.URL, s Step) (Seen, error) {
	res, err := ask(ctx, c, origin, s.Path, s.Form)
	if err != nil {
		return Seen{}, err
	}
	defer res.Body.Close()
	switch {
	case s.Form != nil && res.StatusCode >= 400, s.Form == nil && res.StatusCode != http.StatusOK:
		return Seen{}, fmt.Errorf("%s answered with status %d", s.Path, res.StatusCode)
	case !s.Look:
		_, err := io.CopyN(io.Discard, res.Body, MaxPage)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return Seen{}, err
	}
	items, err := Read(res.Request.URL, res.Header, res.Body)
	return Seen{Page: s.Path, Items: items}, err
}

// load reads a file that a page loads from the shop.
func load(ctx context.Context, c *http.Client, origin *url.URL, path string) (Seen, error) {
	res, err := ask(ctx, c, origin, path, nil)
	if err != nil {
		return Seen{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxPage+1))
	if err == nil && len(body) > MaxPage {
		err = fmt.Errorf("%s has more than %d bytes", path, MaxPage)
	}
	if err != nil {
		return Seen{}, err
	}
	items := []Item{{Contents, path, hashOf(body)}}
	for _, name := range append([]string{"content-type"}, carriers...) {
		for _, value := range res.Header.Values(name) {
			items = append(items, Item{Header, name + ": " + headerText(value), ""})
		}
	}
	return Seen{Page: path, Items: tidied(items)}, nil
}
