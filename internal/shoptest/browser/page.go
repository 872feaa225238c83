package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Widths of a telephone and of a desk.
const (
	Narrow = 390
	Wide   = 1280
)

// patience bounds every single act on a page.
const patience = 20 * time.Second

// View is how a page is looked at. The zero value is a wide, light window with
// scripts.
type View struct {
	Width        int64 // of the window; 0 means Wide
	Dark         bool
	NoScript     bool // pages may not run scripts
	ForcedColors bool // the system's few colours instead of the page's
	Still        bool // the shopper wants no motion
}

// Page is one tab with cookies of its own.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex // guards what the browser tells meanwhile
	complaints []string
	requests   []string
}

// Page opens an empty tab in a profile of its own, as another shopper would.
func (b *Browser) Page(t testing.TB, view View) *Page {
	t.Helper()
	p := &Page{t: t}
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	t.Cleanup(end)
	p.ctx = ctx
	// The first act makes the tab and binds it to its context, so it runs on
	// the context without a limit.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p.do("enable the network events", command(network.Enable, network.EnableParams{}))
	p.do("enable the log", command(log.Enable, cdp.Empty{}))
	p.Look(view)
	p.do("allow or forbid scripts", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{
		Value: view.NoScript,
	}))
	return p
}

// Look looks at the open page in another window, light or motion. Scripts stay
// as they were.
func (p *Page) Look(view View) {
	p.t.Helper()
	if view.Width == 0 {
		view.Width = Wide
	}
	p.do("set the window", chromedp.EmulateViewport(view.Width, height(view.Width)))
	either := func(name string, on bool, yes, no string) *emulation.MediaFeature {
		if on {
			no = yes
		}
		return &emulation.MediaFeature{Name: name, Value: no}
	}
	p.do("set the media", command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		either("prefers-color-scheme", view.Dark, "dark", "light"),
		either("forced-colors", view.ForcedColors, "active", "none"),
		either("prefers-reduced-motion", view.Still, "reduce", "no-preference"),
	}}))
}

// Printed returns the page as a printer gets it, as PDF.
func (p *Page) Printed() []byte {
	p.t.Helper()
	return ask(p, "print", func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		got, err := cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{})
		return got.Data, err
	})
}

func height(width int64) int64 {
	if width < 700 {
		return 844
	}
	return 800
}

// command makes an action of a command of the protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// listen collects what the browser tells about the page.
func (p *Page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *network.EventLoadingFailed:
		if !e.Canceled {
			p.complaints = append(p.complaints, "request: "+e.ErrorText+" "+string(e.BlockedReason))
		}
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.complaints = append(p.complaints, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// Context runs chromedp's own actions on this tab, for what Page does not offer.
func (p *Page) Context() context.Context { return p.ctx }

// Complaints returns what the browser complained about on this tab: blocked
// and failed requests, errors in scripts, violations of the security policy.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// Requests returns the addresses this tab asked for, in order.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

func (p *Page) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

// do runs one act, or ends the test.
func (p *Page) do(what string, act chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	if err := chromedp.Do(ctx, act); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// ask runs one question, or ends the test.
func ask[T any](p *Page, what string, question chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	answer, err := chromedp.Run(ctx, question)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return answer
}

// Open goes to an address and returns the status of the answer.
func (p *Page) Open(url string) int {
	p.t.Helper()
	return p.load("open "+url, chromedp.Navigate(url))
}

// Submit clicks and returns the status of the page that this leads to.
func (p *Page) Submit(selector string) int {
	p.t.Helper()
	return p.load("submit with "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// load runs an act that loads a page and waits until that is done.
func (p *Page) load(what string, act chromedp.Action[chromedp.Void]) int {
	p.t.Helper()
	ctx, cancel := p.limited()
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, act)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	if answer == nil {
		return 0
	}
	return int(answer.Status)
}

// Click clicks on the first element that matches, without waiting for a page.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do("click on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Fill replaces the text of a field by typing. The text that was there is
// selected first, so that typing takes its place: chromedp.Clear changes the
// attribute alone, which a field that was typed into does not look at any more.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	p.Wait(selector)
	if !Eval[bool](p, fmt.Sprintf("(f => { f.focus(); f.select(); if (%v) f.value = ''; return true })(document.querySelector(%q))", text == "", selector)) {
		p.t.Fatalf("select the text of %s", selector)
	}
	p.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Choose sets the value of a select, as choosing the option would.
func (p *Page) Choose(selector, value string) {
	p.t.Helper()
	p.do("choose in "+selector, chromedp.SetValue(chromedp.CSS(selector), value))
}

// Wait returns when an element that matches can be seen.
func (p *Page) Wait(selector string) {
	p.t.Helper()
	p.do("wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// Text returns the visible text of the first element that matches.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return ask(p, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// Value returns what a field holds.
func (p *Page) Value(selector string) string {
	p.t.Helper()
	return ask(p, "read "+selector, chromedp.Value(chromedp.CSS(selector)))
}

// HTML returns the page as the browser understood it.
func (p *Page) HTML() string {
	p.t.Helper()
	return ask(p, "read the page", chromedp.OuterHTML(chromedp.CSS("html")))
}

// URL returns the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	return ask(p, "read the address", chromedp.Location())
}

// Has reports whether an element matches now.
func (p *Page) Has(selector string) bool {
	p.t.Helper()
	found := chromedp.QueryNodeIDs(chromedp.CSSAll(selector), chromedp.AtLeast(0))
	return len(ask(p, "look for "+selector, found)) > 0
}

// Eval runs an expression in the page, also where pages may not run scripts.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	return ask(p, "evaluate", chromedp.Evaluate[T](expression))
}

// Await is Eval for an expression that gives a promise.
func Await[T any](p *Page, expression string) T {
	p.t.Helper()
	return ask(p, "evaluate", chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Tell gives the browser a command of its protocol and returns its answer.
func Tell[P, R any](p *Page, c cdp.Command[P, R], params P) R {
	p.t.Helper()
	return ask(p, "tell the browser", chromedp.Action[R](func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, c, params) }))
}

// Forget removes a cookie from the browser.
func (p *Page) Forget(url, name string) {
	p.t.Helper()
	Tell(p, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: url})
}

// Authenticator gives the tab a device for passkeys, whose person is always
// there and always recognised.
func (p *Page) Authenticator() {
	p.t.Helper()
	Tell(p, webauthn.Enable, webauthn.EnableParams{})
	Tell(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Ctap2version: "ctap2_1", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
}

// Cookies returns the cookies that this page may send.
func (p *Page) Cookies() []*network.Cookie {
	p.t.Helper()
	return ask(p, "read the cookies", func(ctx context.Context, t *chromedp.Target) ([]*network.Cookie, error) {
		got, err := cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{})
		return got.Cookies, err
	})
}

// Shot saves a picture of the whole page as NAME.png in the folder that
// ShotsEnv names.
func (p *Page) Shot(name string) {
	p.t.Helper()
	folder := os.Getenv(ShotsEnv)
	if folder == "" {
		return
	}
	picture := ask(p, "take a picture", chromedp.FullScreenshot(100))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
