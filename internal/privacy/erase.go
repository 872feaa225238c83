package privacy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// fate is what an erasure does with a dossier.
type fate int

const (
	spared fate = iota // not the request's business
	goes               // its key is destroyed
	stays              // restricted until its own end: the law holds it
	waits              // restricted until what holds it has ended, then it goes
)

// Why a dossier waits.
const (
	underWay = "the order is still under way"
	held     = "it is under a legal hold"
)

// of decides the fate of a dossier by the register, and says why where it is kept.
func of(kind string, d store.DossierOf) (fate, string) {
	terms, err := personal.TermsOf(d.Purpose)
	if err != nil {
		return spared, ""
	}
	switch d.Purpose {
	case personal.Rights, personal.Staff, personal.ShopSecrets:
		return spared, ""
	}
	if kind == KindRestrict {
		switch d.Purpose {
		case personal.Cart, personal.Account, personal.Security: // nobody but the person opens these
			return spared, ""
		}
		return stays, "restricted as asked"
	}
	switch {
	case d.Order && d.UnderWay:
		return waits, underWay
	case d.Held:
		return waits, held
	case terms.Outlives != "" && (!d.Order || d.Paid):
		return stays, terms.Outlives
	}
	return goes, ""
}

// Somebody with many orders is as many subjects. together of them share a
// transaction, and atOnce of those run beside each other.
const (
	together = 50
	atOnce   = 4
)

// Run begins a request or goes on with it. It may be cut off anywhere and is then
// run again: it does what is left. ErrHeld when the brake is on.
func (o *Officer) Run(ctx context.Context, who ledger.Actor, reference string) error {
	r, err := o.Request(ctx, reference)
	if err != nil {
		return err
	}
	if r.State == store.Done || r.State == store.Stopped || o.db.Now().Before(r.DueAt) {
		return nil
	}
	if !r.Email.IsZero() && r.DueAt.After(r.AskedAt) { // what came during the cool-off belongs to it as well
		more, err := o.find(ctx, r.Email)
		if err != nil {
			return err
		}
		r.Subjects = append(r.Subjects, more...)
		slices.Sort(r.Subjects)
		r.Subjects = slices.Compact(r.Subjects)
	}
	if r.Kind == KindErase {
		if err := o.brake(ctx, who, r); err != nil {
			return err
		}
	}
	kept, err := o.each(ctx, who, r)
	if err != nil {
		return err
	}
	return o.conclude(ctx, who, r, kept)
}

// brake holds a request back when an hour's erasures would be too many.
func (o *Officer) brake(ctx context.Context, who ledger.Actor, r store.Request) error {
	if r.AllowedBy != "" || r.State == store.Running {
		return nil
	}
	over := false
	err := o.db.InTx(ctx, who, func(t *store.Tx) error {
		var going, hour, month, living int64
		list, err := t.DossiersOf(r.Subjects...)
		if err != nil {
			return err
		}
		for _, d := range list {
			if f, _ := of(r.Kind, d); f == goes {
				going++
			}
		}
		if hour, err = t.ErasedSince(t.Now().Add(-time.Hour)); err == nil {
			if month, err = t.ErasedSince(t.Now().AddDate(0, 0, -usualOver)); err == nil {
				living, err = t.CountLiving()
			}
		}
		if err != nil {
			return err
		}
		bound := max(least, living/100, 5*month/(usualOver*24))
		was := r.State
		r.State = store.Running
		if over = hour+going > bound; over {
			r.State = store.Held
		}
		if over && was != store.Held {
			if err := t.Event("request.held", "", r.Reference, fmt.Sprintf(`{"dossiers":%d,"bound":%d}`, hour+going, bound)); err != nil {
				return err
			}
		}
		return errors.Join(t.NameSubjects(r.Reference, r.Subjects), t.SaveRequest(r))
	})
	if err == nil && over {
		err = ErrHeld
	}
	return err
}

// each does to every dossier of every subject what the register says, and
// returns what was kept.
func (o *Officer) each(ctx context.Context, who ledger.Actor, r store.Request) ([]store.Kept, error) {
	var mu sync.Mutex
	var kept []store.Kept
	err := o.pages(r, func(subjects []string) error {
		list, err := o.page(ctx, who, r.Kind, subjects)
		mu.Lock()
		kept = append(kept, list...)
		mu.Unlock()
		return err
	})
	return kept, err
}

// pages calls do with pages of a request's subjects, several beside each other.
func (o *Officer) pages(r store.Request, do func([]string) error) error {
	var mu sync.Mutex
	var errs []error
	var group sync.WaitGroup
	work := make(chan []string)
	for range atOnce {
		group.Go(func() {
			for subjects := range work {
				err := do(subjects)
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	for page := range slices.Chunk(r.Subjects, together) {
		work <- page
	}
	close(work)
	group.Wait()
	return errors.Join(errs...)
}

// page erases what may go of some subjects, and restricts the rest. When a hold comes
// between the look and the deed, it looks again.
func (o *Officer) page(ctx context.Context, who ledger.Actor, kind string, subjects []string) (kept []store.Kept, err error) {
	for range 3 {
		if kept, err = o.pageOnce(ctx, who, kind, subjects); !errors.Is(err, store.ErrHeld) {
			break
		}
	}
	return kept, err
}

func (o *Officer) pageOnce(ctx context.Context, who ledger.Actor, kind string, subjects []string) (kept []store.Kept, err error) {
	err = o.db.InTx(ctx, who, func(t *store.Tx) error {
		kept = nil
		var going, shut []store.DueDossier
		list, err := t.DossiersOf(subjects...)
		if err != nil {
			return err
		}
		for _, d := range list {
			switch f, why := of(kind, d); f {
			case goes:
				going = append(going, d.DueDossier)
			case stays, waits:
				kept = append(kept, store.Kept{Purpose: d.Purpose, Count: 1, Until: d.Ends, Why: why})
				if !d.Restricted {
					shut = append(shut, d.DueDossier)
				}
			}
		}
		if err := t.Restrict(shut); err != nil {
			return err
		}
		return t.EraseAll(going)
	})
	return kept, err
}

// backupPatience is how long an erasure waits for a backup that reads, before it
// lets whoever asked for it go. It goes on by itself.
const backupPatience = 5 * time.Second

// conclude writes the receipt, and ends the request where nothing waits any more.
func (o *Officer) conclude(ctx context.Context, who ledger.Actor, r store.Request, kept []store.Kept) error {
	if r.Kind == KindRestrict {
		return o.db.InTx(ctx, who, func(t *store.Tx) error {
			r.State, r.DoneAt, r.Receipt.Kept = store.Done, t.Now(), gather(kept)
			if err := errors.Join(t.NameSubjects(r.Reference, r.Subjects), t.ForgetAsker(r.Reference), t.SaveRequest(r)); err != nil {
				return err
			}
			return t.Event("restriction.begun", "", r.Reference, count(kept))
		})
	}
	first := r.Tail == 0 // its end was never reached: also after a scrub that was put off
	waiting := slices.ContainsFunc(kept, func(k store.Kept) bool { return k.Why == underWay || k.Why == held })
	if !waiting {
		// Events get their numbers first, since a leaf is made of the values.
		if _, err := o.db.Sequence(ctx); err != nil {
			return err
		}
		err := o.pages(r, func(subjects []string) error {
			return o.db.InTx(ctx, who, func(t *store.Tx) error { return t.EmptySubjects(subjects...) })
		})
		if err != nil {
			return err
		}
	}
	// Whom it is about is named before who asked is forgotten: cut off here, it goes on.
	err := o.db.InTx(ctx, who, func(t *store.Tx) error {
		return errors.Join(t.NameSubjects(r.Reference, r.Subjects), t.BeginRequest(r))
	})
	if err != nil {
		return err
	}
	if err := o.db.ScrubWithin(ctx, backupPatience); err != nil {
		return err // with ErrReads it goes on when it is looked for again
	}
	if r.Shred && (first || !waiting) {
		if err := o.shred.Shred(ctx, who); err != nil {
			return fmt.Errorf("erased, but the epoch is not closed yet: %w", err)
		}
	}
	last, err := o.db.SequenceErasures(ctx)
	if err != nil {
		return err
	}
	return o.db.InTx(ctx, who, func(t *store.Tx) error {
		erased, err := t.ErasedOf(r.Reference, r.AskedAt)
		if err != nil {
			return err
		}
		r.Receipt = store.Receipt{Erased: erased, Kept: gather(kept)}
		r.Tail = last.Number
		if waiting {
			r.State, r.DueAt = store.Running, t.Now().Add(LookAgain)
			return errors.Join(t.NameSubjects(r.Reference, r.Subjects), t.SaveRequest(r))
		}
		r.State, r.DoneAt = store.Done, t.Now()
		if err := t.EndRequest(r); err != nil {
			return err
		}
		detail, err := json.Marshal(r.Receipt.Erased)
		if err != nil {
			return err
		}
		return t.Event("erasure.done", "", r.Reference, string(detail))
	})
}

// gather sums what was kept by purpose and reason.
func gather(kept []store.Kept) (out []store.Kept) {
	for _, k := range kept {
		i := slices.IndexFunc(out, func(o store.Kept) bool { return o.Purpose == k.Purpose && o.Why == k.Why })
		if i < 0 {
			out = append(out, k)
			continue
		}
		out[i].Count += k.Count
		if k.Until.After(out[i].Until) {
			out[i].Until = k.Until
		}
	}
	slices.SortFunc(out, func(a, b store.Kept) int { return cmp.Compare(string(a.Purpose)+a.Why, string(b.Purpose)+b.Why) })
	return out
}

// count is the detail of an event: how many of which purpose.
func count(kept []store.Kept) string {
	n := map[personal.Purpose]int{}
	for _, k := range kept {
		n[k.Purpose] += k.Count
	}
	b, _ := json.Marshal(n) // of words and numbers
	return string(b)
}
