// Package pagewatch visits the shop's payment pages again and again, compares what
// arrives with what an owner signed, and says what follows: a line in the ledger, a
// letter to the owners and, where the merchant wants it so, a closed checkout.
//
//	first visit, nothing foreign ──▶ signed as it is
//	as signed                    ──▶ clean
//	otherwise, nothing foreign   ──▶ changed: an update or a setting; an owner accepts it
//	something foreign            ──▶ foreign: an attack until somebody shows that it is none
//	no answer                    ──▶ unknown: tried again, and told after a day
//
// It knows rhythm and consequences. It does not know HTML (package paymentpage), nor
// how a letter is written. Start reading at Watch.Visit.
package pagewatch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/paymentpage"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Every is how often the pages are visited. PCI DSS 4.0.1 asks for once a week
// (11.6.1); a skimmer earns by the hour.
const Every = time.Hour

// foundMost bounds what is kept of one visit.
const foundMost = 100

// Watch looks after the payment pages of one shop.
type Watch struct {
	DB    *store.DB
	Log   *slog.Logger
	Rules func(ctx context.Context) (paymentpage.Rules, error)
	// Visitor makes one that knows what there is to buy today.
	Visitor func(ctx context.Context) (paymentpage.Visitor, error)
	// Tell has the owners written to, in the transaction that says why: store.PagesForeign,
	// PagesChanged, or PagesUnknown when nobody could look for a day.
	Tell func(t *store.Tx, outcome string) error
}

// ErrBaseline: the state that is kept was not signed by this shop.
var ErrBaseline = errors.New("the signed state of the payment pages was changed in the database")

// Due reports whether the last visit, of whichever node, is long enough ago.
func (w *Watch) Due(ctx context.Context) (due bool, err error) {
	err = w.DB.View(ctx, func(v *store.View) error {
		last, err := v.PageVisits(1)
		due = len(last) == 0 || w.DB.Now().Sub(last[0].At) >= Every || w.DB.Now().Before(last[0].At)
		return err
	})
	return due, err
}

// Visit looks at the pages now and does what follows.
func (w *Watch) Visit(ctx context.Context) (store.PageVisit, error) {
	v := store.PageVisit{At: w.DB.Now()}
	seen, rules, err := w.look(ctx)
	var all []paymentpage.Difference
	switch {
	case ctx.Err() != nil:
		return v, ctx.Err()
	case err != nil:
		v.Outcome, v.Found = store.PagesUnknown, []string{err.Error()}
		w.Log.WarnContext(ctx, "the payment pages could not be looked at", "error", err)
	default:
		if all, err = w.judge(ctx, rules, seen); err != nil && !errors.Is(err, ErrBaseline) {
			return v, err
		}
		v.Outcome = outcome(all)
		if err != nil {
			v.Outcome, v.Found = store.PagesForeign, []string{err.Error()}
		}
		for _, d := range all[:min(len(all), foundMost)] {
			v.Found = append(v.Found, d.String())
		}
	}
	return v, w.keep(ctx, v)
}

func outcome(all []paymentpage.Difference) string {
	switch {
	case len(all) == 0:
		return store.PagesClean
	case len(paymentpage.Foreign(all)) == 0:
		return store.PagesChanged
	}
	return store.PagesForeign
}

func (w *Watch) look(ctx context.Context) ([]paymentpage.Seen, paymentpage.Rules, error) {
	rules, err := w.Rules(ctx)
	if err != nil {
		return nil, rules, err
	}
	visitor, err := w.Visitor(ctx)
	if err != nil {
		return nil, rules, err
	}
	seen, err := visitor.Visit(ctx)
	return seen, rules, err
}

// judge compares with what was signed. Before anything was, a visit that finds
// nothing foreign is signed.
func (w *Watch) judge(ctx context.Context, rules paymentpage.Rules, seen []paymentpage.Seen) ([]paymentpage.Difference, error) {
	baseline, signed, err := w.baseline(ctx)
	if err != nil {
		return rules.Check(seen), err
	}
	if signed {
		return paymentpage.Judge(rules, baseline, seen), nil
	}
	if foreign := rules.Check(seen); len(foreign) > 0 {
		return foreign, nil
	}
	return nil, w.sign(ctx, ledger.System("payment pages"), seen)
}

// baseline reads what was signed last.
func (w *Watch) baseline(ctx context.Context) (seen []paymentpage.Seen, signed bool, err error) {
	var b store.PageBaseline
	err = w.DB.View(ctx, func(v *store.View) (err error) {
		b, err = v.PageBaseline()
		return err
	})
	if err != nil || b.At.IsZero() {
		return nil, false, err
	}
	signer, err := w.DB.PageSigner()
	if err != nil {
		return nil, false, err
	}
	c, err := ledger.OpenCheckpoint(b.Signed, signer.VerifierKey())
	if err != nil || c.Origin != signer.Origin() || c.Size != int64(len(b.Text)) || c.Root != sha256.Sum256([]byte(b.Text)) {
		return nil, false, ErrBaseline
	}
	seen, err = paymentpage.ParseBaseline(b.Text)
	return seen, true, err
}

func (w *Watch) sign(ctx context.Context, actor ledger.Actor, seen []paymentpage.Seen) error {
	signer, err := w.DB.PageSigner()
	if err != nil {
		return err
	}
	text := paymentpage.Baseline(seen)
	signed, err := signer.Sign(int64(len(text)), sha256.Sum256([]byte(text)))
	if err != nil {
		return err
	}
	return w.DB.InTx(ctx, actor, func(t *store.Tx) error { return t.AcceptPages(text, signed) })
}

// keep notes the visit and, when it is news, tells of it.
func (w *Watch) keep(ctx context.Context, v store.PageVisit) error {
	var news bool
	err := w.DB.InTx(ctx, ledger.System("payment pages"), func(t *store.Tx) (err error) {
		if news, err = t.KeepPageVisit(v.Outcome, v.Found); err != nil {
			return err
		}
		if v.Outcome == store.PagesUnknown {
			return w.unseen(t)
		}
		if !news {
			return nil
		}
		if err := t.Event(action(v.Outcome), "", "", fmt.Sprintf(`{"differences":%d}`, len(v.Found))); err != nil || v.Outcome == store.PagesClean {
			return err
		}
		return w.Tell(t, v.Outcome)
	})
	if err == nil && news && v.Outcome != store.PagesClean {
		w.Log.WarnContext(ctx, "the payment pages are not as they were signed", "outcome", v.Outcome, "differences", len(v.Found))
	}
	return err
}

// unseenMost is how long nobody may have been able to look before owners hear of it.
const unseenMost = 24 * time.Hour

// unseen tells the owners, once a day, that nobody can look at the payment pages:
// whoever changes them would like it so.
func (w *Watch) unseen(t *store.Tx) error {
	last, err := t.PagesUnseenSince()
	if err != nil || last.IsZero() || t.Now().Sub(last) < unseenMost {
		return err
	}
	may, err := w.mayTell(t, "pages.unseen.told")
	if err != nil || !may {
		return err
	}
	if err := t.Event("pages.unseen", "", "", ""); err != nil {
		return err
	}
	return w.Tell(t, store.PagesUnknown)
}

func action(outcome string) string {
	if outcome == store.PagesForeign {
		return "alarm.pages"
	}
	return "pages." + outcome
}

// ErrForeign: something foreign is not accepted along with the rest.
var ErrForeign = errors.New("something on the payment pages does not come from this shop")

// Accept looks at the pages and signs them as they are. What is foreign it refuses,
// unless the owner says so: a network in front of the shop may add a header that does
// no harm.
func (w *Watch) Accept(ctx context.Context, actor ledger.Actor, foreign bool) ([]paymentpage.Difference, error) {
	seen, rules, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	all, err := w.judge(ctx, rules, seen)
	if err != nil && !errors.Is(err, ErrBaseline) {
		return nil, err
	}
	if odd := paymentpage.Foreign(all); len(odd) > 0 && !foreign {
		return odd, ErrForeign
	}
	if err := w.sign(ctx, actor, seen); err != nil {
		return nil, err
	}
	return all, w.keep(ctx, store.PageVisit{At: w.DB.Now(), Outcome: store.PagesClean})
}

// Of one thing that was blocked, so many reports are told to the owners, at most
// once a day: anybody can make reports up.
const (
	reportsTell = 20
	tellEvery   = 24 * time.Hour
)

// Reported counts what browsers say they blocked, the same thing once for each page
// that was loaded. Enough of a suspect kind is told; it is others' word, so it
// closes nothing.
func (w *Watch) Reported(ctx context.Context, all []paymentpage.Report) error {
	return w.DB.InTx(ctx, ledger.System("payment pages"), func(t *store.Tx) error {
		tell, counted := false, map[paymentpage.Report]bool{}
		for _, r := range all {
			if counted[r] {
				continue
			}
			counted[r] = true
			n, err := t.CountReport(store.PageReport{Kind: r.Kind, Directive: r.Directive, Blocked: r.Blocked, Page: r.Page, Source: r.Source})
			if err != nil {
				return err
			}
			tell = tell || n >= reportsTell && r.Suspect()
		}
		if !tell {
			return nil
		}
		return w.tellReports(t)
	})
}

// tellReports tells of them, unless that was done a short while ago.
func (w *Watch) tellReports(t *store.Tx) error {
	may, err := w.mayTell(t, "pages.reports.told")
	if err != nil || !may {
		return err
	}
	if err := t.Event("alarm.pages", "", "", store.How("reports")); err != nil {
		return err
	}
	return w.Tell(t, store.PagesForeign)
}

// mayTell reports whether the owners were last told long enough ago, of what the
// setting names, and notes that they are told now.
func (w *Watch) mayTell(t *store.Tx, setting string) (bool, error) {
	words, err := t.SettingWords()
	if err != nil {
		return false, err
	}
	last, _ := strconv.ParseInt(words[setting], 10, 64) // 0 where there is none
	if t.Now().Sub(time.UnixMilli(last)) < tellEvery {
		return false, nil
	}
	return true, t.Set(setting, strconv.FormatInt(t.Now().UnixMilli(), 10))
}
