package checkout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Ping follows a call-back that nobody has signed. It proves nothing, so nothing is
// believed of it: a session that this shop does not know costs one look into the
// index and no question. For any other the provider is asked, and its answer is
// settled: how the session ended, or, when its money has found its place, what has
// become of that since. Whoever names one session over and over is told to come later.
func (d *Desk) Ping(ctx context.Context, provider, ref string) error {
	finder, can := d.providers[provider].(payment.Pinged)
	if !can {
		return errNoOrder
	}
	var p store.Payment
	err := d.db.View(ctx, func(v *store.View) (err error) {
		p, err = v.PaymentByRef(provider, ref)
		return err
	})
	remarker, tells := finder.(payment.Remarker)
	if fault.Is(err, fault.NotFound) || err == nil && settled(p) && !tells {
		return nil // the same answer as for a session of ours: nobody learns which there are
	}
	if err != nil {
		return err
	}
	if wait := d.pings.wait(ref, d.db.Now()); wait > 0 {
		return fault.Limited("This payment was asked about a moment ago.", wait)
	}
	asking, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if settled(p) {
		return d.hear(ctx, asking, provider, remarker, ref)
	}
	n, decided, err := finder.Find(asking, ref)
	switch {
	case err != nil:
		return unanswered(provider, err)
	case !decided:
		return nil
	}
	return d.Settle(ctx, provider, n)
}

// hear asks what has become of a session since its money found its place, and settles
// each word. One that does not fit does not hide the others.
func (d *Desk) hear(ctx, asking context.Context, provider string, remarker payment.Remarker, ref string) error {
	list, err := remarker.Remarks(asking, ref)
	if err != nil {
		return unanswered(provider, err)
	}
	var bad []error
	for _, n := range list {
		bad = append(bad, d.Settle(ctx, provider, n))
	}
	return errors.Join(bad...)
}

// unanswered says what a question without a usable answer means for whoever called.
func unanswered(provider string, err error) error {
	if errors.Is(err, payment.ErrRefused) || errors.Is(err, payment.ErrNotice) || errors.Is(err, payment.ErrIgnored) {
		return errMismatch // ours by its name, and not by what is said of it
	}
	return fault.Because(fault.Unavailable, "Please send this again.", fmt.Errorf("ask %s: %w", provider, err))
}

const (
	pingEvery = time.Second // one session is asked about so often at most
	pingsKept = 10_000
)

// pings remembers when sessions were last asked about.
type pings struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// wait notes that a session is asked about now, or says how long that has to wait.
func (p *pings) wait(ref string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left := p.last[ref].Add(pingEvery).Sub(now); left > 0 && left <= pingEvery {
		return left
	}
	if p.last == nil || len(p.last) >= pingsKept {
		p.last = map[string]time.Time{} // forgetting costs a question more, and memory stays small
	}
	p.last[ref] = now
	return 0
}
