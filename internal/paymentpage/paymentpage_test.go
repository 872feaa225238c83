package paymentpage

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var at, _ = url.Parse("https://shop.example/checkout/review")

func items(t *testing.T, header http.Header, page string) []string {
	t.Helper()
	list, err := Read(at, header, strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(list))
	for i, it := range list {
		out[i] = it.String()
	}
	return out
}

func TestAPageIsReadAsABrowserReadsIt(t *testing.T) {
	for page, want := range map[string]string{
		`<script src="/assets/shop.js" integrity="sha384-x" defer></script>`:                "script /assets/shop.js sha384-x",
		`<script src="//evil.example/a.js?q=1"></script>`:                                   "script https://evil.example/a.js",
		`<link rel="stylesheet" href="/assets/a.css" integrity="sha384-y">`:                 "style /assets/a.css sha384-y",
		`<link rel="icon" href="/assets/a.svg">`:                                            "icon /assets/a.svg",
		`<link rel="canonical" href="https://shop.example/">`:                               "",
		`<link rel="preload" as="script" href="https://evil.example/a.js">`:                 "link preload https://evil.example/a.js",
		`<link rel="icon stylesheet" href="https://evil.example/a">`:                        "link icon stylesheet https://evil.example/a",
		`<img src="/pictures/a.svg" srcset="/a.webp 1x, https://evil.example/b.webp 2x">`:   "picture https://evil.example",
		`<form action="/checkout/review" method="post"></form>`:                             "form this shop",
		`<form action="https://evil.example/x"></form>`:                                     "form https://evil.example",
		`<input type="image" src="/a.png" formaction="//evil.example/">`:                    "form https://evil.example",
		`<p style="color: red">`:                                                            "handler style on p",
		`<body onload="x()">`:                                                               "handler onload on body",
		`<a href="jav&#x09;ascript:steal()">`:                                               "address javascript: in href of a",
		`<a href="  JAVASCRIPT:steal()">`:                                                   "address javascript: in href of a",
		`<a href="mailto:shop@shop.example">`:                                               "",
		`<a href="/orders/1:2">`:                                                            "",
		`<iframe src="https://evil.example/x">`:                                             "frame iframe https://evil.example",
		`<object data="/x.swf">`:                                                            "frame object this shop",
		`<base href="https://evil.example/">`:                                               "meta base https://evil.example/",
		`<meta http-equiv="Refresh" content="0;url=https://evil.example">`:                  "meta refresh: 0;url=https://evil.example",
		`<style>@import "https://evil.example"</style>`:                                     "inline style",
		`<script type="speculationrules">{}</script>`:                                       "inline script speculationrules",
		`<script type="application/ld+json">{}</script>`:                                    "data application/ld+json",
		`<svg><title><script href="https://evil.example/x"></script></title></svg>`:         "script https://evil.example/x",
		`<title><script src="https://evil.example/x"></script></title>`:                     "",
		`<template><script src="https://evil.example/x"></script></template>`:               "script https://evil.example/x",
		`<div><template shadowrootmode="open"><img src=x onerror=y></template></div>`:       "handler onerror on img",
		`<!-- <script src="https://evil.example/x"></script> -->`:                           "",
		`<math><mtext><table><mglyph><style><img src=x onerror=y></style></mglyph></table>`: "inline style",
	} {
		got := items(t, nil, page)
		found := slices.ContainsFunc(got, func(line string) bool { return want != "" && strings.HasPrefix(line, want) })
		if want != "" && !found || want == "" && slices.ContainsFunc(got, func(l string) bool {
			return !strings.HasPrefix(l, "handler onerror") && !strings.HasPrefix(l, "picture this")
		}) {
			t.Errorf("%s: got %q, want %q", page, got, want)
		}
	}
}

func TestHeadersAreReadWhole(t *testing.T) {
	h := http.Header{}
	h.Add("Content-Security-Policy", "default-src 'none'")
	h.Add("Content-Security-Policy", "script-src *")
	h.Set("Link", "</x>; rel=preload")
	h.Set("Date", "today")
	got := items(t, h, "")
	want := []string{"header content-security-policy: default-src 'none'", "header content-security-policy: script-src *", "header link: </x>; rel=preload"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPageThatIsTooLongIsNotHalfRead(t *testing.T) {
	if _, err := Read(at, nil, strings.NewReader(strings.Repeat(" ", MaxPage)+"<script src=//evil.example></script>")); err == nil {
		t.Error("want an error: what stands behind the bound would be seen by browsers alone")
	}
}

func TestABaselineIsReadBack(t *testing.T) {
	seen := []Seen{
		{"/checkout", []Item{{Header, "content-security-policy: default-src 'none'; script-src 'self' sha384-x", ""}, {Script, "/assets/a.js", "sha384-x"}, {Form, Own, ""}}},
		{"/assets/a.js", []Item{{Contents, "/assets/a.js", "sha384-x"}}},
	}
	text := Baseline(seen)
	back, err := ParseBaseline(text)
	if err != nil || Baseline(back) != text || len(Compare(seen, back)) != 0 {
		t.Errorf("got %v and %v", back, err)
	}
	for _, bad := range []string{"", "x", baselineFirst + "\nheader x\n", baselineFirst + "\n\npage /\nnonsense x\n", text + "\n", strings.ToUpper(text)} {
		if _, err := ParseBaseline(bad); err == nil {
			t.Errorf("%q: want it refused", bad)
		}
	}
}

func TestWhatAnOwnerSignedIsNoDifference(t *testing.T) {
	rules := Rules{Headers: map[string]map[string]string{"/checkout": {"x-frame-options": "DENY"}}, Inventory: []Entry{{Kind: Script, Path: "/a.js", Integrity: "sha384-a"}}}
	ours := Seen{"/checkout", []Item{{Header, "x-frame-options: DENY", ""}, {Script, "/a.js", "sha384-a"}}}
	odd := Seen{"/checkout", []Item{{Header, "nel: x", ""}, {Script, "/a.js", "sha384-a"}}}
	if got := Judge(rules, []Seen{ours}, []Seen{ours}); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
	if got := Judge(rules, []Seen{ours}, []Seen{odd}); len(got) != 2 || len(Foreign(got)) != 2 {
		t.Errorf("got %v, want a header too many and one missing, both foreign", got)
	}
	if got := Judge(rules, []Seen{odd}, []Seen{odd}); len(got) != 0 {
		t.Errorf("got %v, want nothing: it was signed", got)
	}
	if got := Judge(rules, []Seen{odd}, []Seen{ours}); len(got) != 2 || len(Foreign(got)) != 0 {
		t.Errorf("got %v, want two changes, neither foreign", got)
	}
	// Signing one script does not sign another with its name.
	other := Seen{"/checkout", []Item{{Header, "x-frame-options: DENY", ""}, {Script, "/a.js", "sha384-b"}}}
	if got := Foreign(Judge(rules, []Seen{ours}, []Seen{other})); len(got) != 1 {
		t.Errorf("got %v, want the other script", got)
	}
}

func FuzzRead(f *testing.F) {
	for _, page := range []string{"", `<script src="/a"></script>`, `<svg><style><img src=x onerror=y>`, `<form action="//e">`, "<a href=\"\x00javascript:x\">", `<img srcset=",,,">`} {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page string) {
		list, err := Read(at, http.Header{"Link": {page}}, strings.NewReader(page))
		if err != nil {
			return
		}
		text := Baseline([]Seen{{"/checkout", list}})
		if _, err := ParseBaseline(text); err != nil {
			t.Errorf("%q is not read back", text)
		}
	})
}

func FuzzParseBaseline(f *testing.F) {
	f.Add(Baseline([]Seen{{"/checkout", []Item{{Script, "/a.js", "sha384-x"}}}}))
	f.Fuzz(func(t *testing.T, text string) {
		if seen, err := ParseBaseline(text); err == nil && Baseline(seen) != text {
			t.Errorf("%q is written as %q", text, Baseline(seen))
		}
	})
}

func FuzzParseReports(f *testing.F) {
	f.Add("application/csp-report", `{"csp-report":{"document-uri":"https://shop.example/checkout","blocked-uri":"inline","violated-directive":"script-src 'self'"}}`)
	f.Add("application/reports+json", `[{"type":"csp-violation","body":{"blockedURL":"https://evil.example/ada"}}]`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		list, err := ParseReports(kind, []byte(body), "https://shop.example", func(string) string { return "/" })
		if err != nil && list != nil {
			t.Error("a list beside an error")
		}
		for _, r := range list {
			if len(r.Blocked)+len(r.Source) > 4*(2*longest+8) || !slices.Contains(append(directives, "other"), r.Directive) || strings.ContainsAny(r.Blocked, "\n\r?") {
				t.Errorf("got %+v", r)
			}
		}
	})
}
