package paymentpage

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// MaxPage is how many bytes of a page are looked at. A longer one is an error:
// what is behind them would be seen by a browser and not by us.
const MaxPage = 2 << 20

// told are the headers that protect a page, and those by which somebody could
// bring code along. Others, such as cookies and dates, are of no interest.
var told = []string{
	"Content-Security-Policy", "Content-Security-Policy-Report-Only", "Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options",
	"Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Embedder-Policy", "Permissions-Policy",
	"Integrity-Policy", "Integrity-Policy-Report-Only", "Reporting-Endpoints", "Report-To", "Nel", "Link", "Refresh", "Sourcemap", "X-Sourcemap", "Service-Worker-Allowed",
	"Access-Control-Allow-Origin", "Speculation-Rules", "Use-As-Dictionary", "Document-Policy", "Content-Type",
}

// Read tells what a page brings along. It reads the page into a tree as browsers
// do (HTML, chapter 13.2), so that what hides in odd nesting is found.
func Read(at *url.URL, header http.Header, body io.Reader) ([]Item, error) {
	text, err := io.ReadAll(io.LimitReader(body, MaxPage+1))
	if err != nil {
		return nil, fmt.Errorf("payment page %s: %w", at.Path, err)
	}
	if len(text) > MaxPage {
		return nil, fmt.Errorf("payment page %s has more than %d bytes", at.Path, MaxPage)
	}
	root, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		return nil, fmt.Errorf("payment page %s: %w", at.Path, err)
	}
	r := reader{at: at}
	for _, name := range told {
		for _, value := range header.Values(name) {
			r.add(Header, strings.ToLower(name)+": "+headerText(value), "")
		}
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			r.element(n)
		}
	}
	return tidied(r.items), nil
}

// headerText bounds a value generously: a policy is compared whole.
func headerText(s string) string {
	if len(s) > 8<<10 {
		return hashOf([]byte(s))
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

type reader struct {
	at    *url.URL
	items []Item
}

func (r *reader) add(k Kind, what, hash string) {
	r.items = append(r.items, Item{k, what, hash})
}

// element notes what an element and its attributes do.
func (r *reader) element(n *html.Node) {
	attr := map[string]string{}
	for _, a := range n.Attr {
		key := strings.ToLower(a.Key)
		if _, twice := attr[key]; !twice { // browsers take the first
			attr[key] = a.Val
		}
		switch {
		case strings.HasPrefix(key, "on"):
			r.add(Handler, short(key+" on "+n.Data), hashOf([]byte(a.Val)))
		case key == "style":
			r.add(Handler, short("style on "+n.Data), hashOf([]byte(a.Val)))
		case addresses[key]:
			r.active(n, key, a.Val)
		}
	}
	switch n.Data {
	case "script":
		r.script(n, attr)
	case "style":
		r.add(Inline, "style", hashOf([]byte(textOf(n))))
	case "link":
		r.link(attr)
	case "img", "image", "source", "video", "audio", "track", "input", "feimage", "use":
		r.pictures(attr)
	case "form", "button":
		r.form(n.Data, attr)
	case "iframe", "frame", "object", "embed", "applet", "portal", "fencedframe":
		src, _ := first(attr, "src", "data", "code")
		if _, has := attr["srcdoc"]; has {
			src = "within the page"
		}
		r.add(Frame, short(n.Data+" "+r.place(src)), "")
	case "base":
		r.add(Meta, short("base "+attr["href"]), "")
	case "meta":
		if kind, has := attr["http-equiv"]; has {
			r.add(Meta, short(strings.ToLower(kind)+": "+attr["content"]), "")
		}
	}
	if n.Data == "input" {
		r.form(n.Data, attr)
	}
}

// addresses are the attributes that hold one.
var addresses = map[string]bool{"href": true, "src": true, "action": true, "formaction": true, "data": true, "poster": true, "background": true, "ping": true, "cite": true, "code": true, "manifest": true, "to": true, "values": true, "from": true}

// active notes an address that is no place but code or a document.
func (r *reader) active(n *html.Node, key, value string) {
	// Browsers drop blanks and control characters from the front, and tabs and line
	// breaks everywhere (URL Standard, 4.4).
	value = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.TrimLeftFunc(value, func(c rune) bool { return c <= ' ' }))
	scheme, _, has := strings.Cut(value, ":")
	if !has || strings.ContainsAny(scheme, "/?#") {
		return
	}
	switch strings.ToLower(scheme) {
	case "https", "http", "mailto", "tel":
	default:
		r.add(Active, short(strings.ToLower(scheme)+": in "+key+" of "+n.Data), hashOf([]byte(value)))
	}
}

func (r *reader) script(n *html.Node, attr map[string]string) {
	src, has := first(attr, "src", "href")
	switch kind := strings.ToLower(strings.TrimSpace(attr["type"])); {
	case has:
		r.add(Script, r.whole(src), short(attr["integrity"]))
	case kind == "application/ld+json":
		r.add(Data, kind, "")
	default:
		r.add(Inline, short(strings.TrimSpace("script "+kind)), hashOf([]byte(textOf(n))))
	}
}

func (r *reader) link(attr map[string]string) {
	rel := strings.Fields(strings.ToLower(attr["rel"]))
	if len(rel) == 1 {
		switch rel[0] {
		case "canonical", "next", "prev", "license", "author", "help", "search", "alternate":
			return // nothing is fetched
		case "icon":
			r.add(Icon, r.whole(attr["href"]), "")
			return
		case "stylesheet":
			r.add(Style, r.whole(attr["href"]), short(attr["integrity"]))
			return
		}
	}
	r.add(Link, short(strings.Join(rel, " ")+" "+r.whole(attr["href"])), "")
}

func (r *reader) pictures(attr map[string]string) {
	for _, key := range []string{"src", "poster", "href", "xlink:href"} {
		if v, has := attr[key]; has && v != "" {
			r.add(Picture, r.place(v), "")
		}
	}
	for part := range strings.SplitSeq(attr["srcset"], ",") {
		if f := strings.Fields(part); len(f) > 0 {
			r.add(Picture, r.place(f[0]), "")
		}
	}
}

func (r *reader) form(element string, attr map[string]string) {
	if v, has := attr["action"]; has && element == "form" {
		r.add(Form, r.place(v), "")
	}
	if v, has := attr["formaction"]; has {
		r.add(Form, r.place(v), "")
	}
}

// place tells whose an address is: Own, or an origin.
func (r *reader) place(address string) string {
	u, err := r.at.Parse(strings.TrimSpace(address))
	switch {
	case err != nil:
		return "unreadable"
	case u.Scheme == r.at.Scheme && u.Host == r.at.Host:
		return Own
	case u.Host == "":
		return short(u.Scheme + ":")
	}
	return short(u.Scheme + "://" + u.Host)
}

// whole tells an address of ours as a path, and another whole but for what follows
// a question mark, which may name somebody.
func (r *reader) whole(address string) string {
	u, err := r.at.Parse(strings.TrimSpace(address))
	if err != nil {
		return "unreadable"
	}
	if place := r.place(address); place != Own {
		return short(place + u.EscapedPath())
	}
	return short(u.EscapedPath())
}

func first(attr map[string]string, keys ...string) (string, bool) {
	for _, k := range keys {
		if v, has := attr[k]; has {
			return v, true
		}
	}
	return "", false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// hashOf is written as in an integrity attribute.
func hashOf(b []byte) string {
	sum := sha512.Sum384(b)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}
