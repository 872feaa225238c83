package paymentpage

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// MaxReport is how many bytes a report may have, MaxReports how many may come at
// once.
const (
	MaxReport  = 16 << 10
	MaxReports = 20
)

// ErrReport: what came is no report.
var ErrReport = errors.New("payment pages: a report cannot be read")

// Report is what is kept of a browser's word that it blocked something: kinds,
// origins and the shape of an address, never a whole one, and nothing of whoever
// sent it. Anybody can make one up, so it is a hint and no proof.
type Report struct {
	Kind      string // "policy" (Content-Security-Policy), "integrity" (Integrity-Policy) or "page" (our own script)
	Directive string // such as script-src-elem, or the kind of what was to be loaded
	Blocked   string // Own, an origin, or a word: inline, eval, data:, extension
	Page      string // as shape makes it
	Source    string // where the code stands that asked; "" where nobody says
}

// directives are those of CSP Level 3, of Trusted Types and of Integrity-Policy.
var directives = []string{"default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr", "img-src", "font-src",
	"connect-src", "form-action", "frame-src", "child-src", "worker-src", "object-src", "media-src", "manifest-src", "base-uri", "frame-ancestors",
	"require-trusted-types-for", "trusted-types", "script", "style"}

// ParseReports reads what a browser posts, in either of the two forms: one
// violation of report-uri (CSP Level 2), or a list of the Reporting API. shape
// turns a path of the shop into something that names nobody.
func ParseReports(kind string, body []byte, origin string, shape func(path string) string) ([]Report, error) {
	if len(body) > MaxReport {
		return nil, ErrReport
	}
	kind, _, _ = strings.Cut(kind, ";")
	at := reporter{origin: origin, shape: shape}
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/csp-report":
		var r struct {
			Report *struct {
				Document  string `json:"document-uri"`
				Effective string `json:"effective-directive"`
				Violated  string `json:"violated-directive"`
				Blocked   string `json:"blocked-uri"`
				Source    string `json:"source-file"`
			} `json:"csp-report"`
		}
		if err := json.Unmarshal(body, &r); err != nil || r.Report == nil {
			return nil, ErrReport
		}
		directive := r.Report.Effective
		if directive == "" {
			directive, _, _ = strings.Cut(r.Report.Violated, " ")
		}
		return []Report{at.report("policy", directive, r.Report.Blocked, r.Report.Document, r.Report.Source)}, nil
	case "application/reports+json":
		var list []struct {
			Type string `json:"type"`
			URL  string `json:"url"`
			Body struct {
				Document    string `json:"documentURL"`
				Effective   string `json:"effectiveDirective"`
				Destination string `json:"destination"`
				Blocked     string `json:"blockedURL"`
				Source      string `json:"sourceFile"`
			} `json:"body"`
		}
		if err := json.Unmarshal(body, &list); err != nil || len(list) > MaxReports {
			return nil, ErrReport
		}
		var out []Report
		for _, r := range list {
			page := r.Body.Document
			if page == "" {
				page = r.URL
			}
			switch r.Type {
			case "csp-violation":
				out = append(out, at.report("policy", r.Body.Effective, r.Body.Blocked, page, r.Body.Source))
			case "integrity-violation":
				out = append(out, at.report("integrity", r.Body.Destination, r.Body.Blocked, page, r.Body.Source))
			case "page-difference":
				out = append(out, at.report("page", r.Body.Effective, r.Body.Blocked, page, ""))
			}
		}
		return out, nil
	}
	return nil, ErrReport
}

type reporter struct {
	origin string
	shape  func(string) string
}

func (r reporter) report(kind, directive, blocked, page, source string) Report {
	if directive = strings.ToLower(directive); !slices.Contains(directives, directive) {
		directive = "other"
	}
	out := Report{Kind: kind, Directive: directive, Blocked: r.whose(blocked), Page: "elsewhere"}
	if u, err := url.Parse(page); err == nil && u.Scheme+"://"+u.Host == r.origin {
		out.Page = r.shape(u.Path)
	}
	if source != "" {
		out.Source = r.whose(source)
	}
	return out
}

// whose tells an address by its origin alone, or by a word.
func (r reporter) whose(address string) string {
	switch word := strings.ToLower(address); word {
	case "":
		return "nothing told"
	case "inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink":
		return word
	}
	u, err := url.Parse(address)
	if err != nil {
		return "unreadable"
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case strings.HasSuffix(scheme, "-extension"):
		return "extension"
	case scheme == "data", scheme == "blob", scheme == "about", scheme == "javascript", scheme == "filesystem":
		return scheme + ":"
	case scheme != "https" && scheme != "http" && scheme != "wss" && scheme != "ws":
		return "another scheme"
	case scheme+"://"+u.Host == r.origin:
		return Own
	default:
		return short(scheme + "://" + strings.ToLower(u.Host))
	}
}

// Suspect says that a report tells of something that could be a thief's, so that
// enough of them alarm: a stranger's origin, or a file of ours with other bytes.
// Extensions of browsers and code within the page are not: shoppers have many.
func (r Report) Suspect() bool {
	return strings.Contains(r.Blocked, "://") || r.Kind == "integrity" && r.Blocked == Own
}
