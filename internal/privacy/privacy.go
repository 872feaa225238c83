// Package privacy keeps the promises about time: what is due is destroyed.
//
// It knows when a dossier may go, and when a person has to be asked first
// (brake.go), and what a legal hold keeps (holds.go). It does not know SQL (store), purposes (personal) or keys (seal).
// Rights of a person, erasure and export, will find their place here: each is a
// loop over a subject's dossiers.
package privacy

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	// RetentionEvery is how often retention passes.
	RetentionEvery = time.Hour
	// pushOut is how far the end date of an open order's dossier moves.
	pushOut = 30
	// page is how many rows one transaction ends that are ended one by one.
	page = 100
	// smallest and largest bound how many dossiers end together. Each size doubles
	// the one before: the store has a text of its own for each.
	smallest, largest = 32, 1024
	// brief is about how long a page takes where nobody else writes meanwhile, and
	// unhurried where only those wait whose own dossiers are due. Whoever shops beside
	// it waits for some such pages, within the 25 ms that a step of theirs may take.
	brief, unhurried = 5 * time.Millisecond, 24 * time.Millisecond
	// eased is after how many dossiers SQLite's log is written back.
	eased = 800
)

// Retention destroys the key of every dossier whose end date has passed, and
// then clears the values that nobody can open any more. The dossiers of an
// order that is still under way are kept a while longer instead. An event for each
// page says how many of which purpose were destroyed. At the end the database's
// files are scrubbed of what was destroyed. It returns the count.
//
// ends are other endings that the clock decides and that destroy keys, such as
// that of carts; they come first. While the clock or the amount is out of the
// ordinary neither they nor anything else happens, and it returns ErrWaits.
func Retention(ctx context.Context, db *store.DB, log *slog.Logger, ends ...func(context.Context) (int, error)) (map[personal.Purpose]int, error) {
	total := map[personal.Purpose]int{}
	if err := begin(ctx, db); err != nil {
		return total, err
	}
	for _, end := range ends {
		if _, err := end(ctx); err != nil {
			return total, err
		}
	}
	defer func() {
		maps.DeleteFunc(total, func(_ personal.Purpose, n int) bool { return n == 0 })
		for p, n := range total {
			log.InfoContext(ctx, "retention destroyed keys", "purpose", string(p), "dossiers", n)
		}
	}()
	for _, t := range personal.Purposes() {
		end := endPages
		if store.EndsAlone(t.Purpose) {
			end = endAlone
		}
		if err := end(ctx, db, t.Purpose, total); err != nil {
			return total, err
		}
	}
	if err := forget(ctx, db); err != nil {
		return total, err
	}
	// Also for the carts that ended since: their keys went with them.
	return total, db.Scrub(ctx)
}

// endPages destroys what is due of a purpose, page by page, each as large as it
// can be without holding up the shop. No page waits for the disk: one that is lost
// with the power is due again. forget, which comes after, does wait, and with it
// everything before.
func endPages(ctx context.Context, db *store.DB, p personal.Purpose, total map[personal.Purpose]int) error {
	long := brief
	if db.Shared() {
		long = unhurried
	}
	var from time.Time
	for size, written := smallest, 0; ; {
		var span store.Span
		var n, postponed int
		var took time.Duration
		err := db.InLaggingTx(ctx, ledger.System("retention"), func(t *store.Tx) (err error) {
			began := time.Now()
			defer func() { took = time.Since(began) }()
			if err := clock(&t.View); err != nil {
				return err
			}
			if span, err = t.NextDue(p, from, size); err != nil {
				return err
			}
			if n, err = t.DestroyDue(p, span); err != nil {
				return err
			}
			// What else is in the page is about orders under way.
			if postponed, err = t.Postpone(p, span, pushOut); err != nil {
				return err
			}
			return told(t, p, n)
		})
		if err != nil {
			return err
		}
		total[p] += n
		if !span.Full {
			return nil
		}
		from = span.Until
		if written += n + postponed; written >= eased {
			if err := db.Ease(ctx); err != nil {
				return err
			}
			written = 0
		}
		switch {
		case took > 2*long && size > smallest:
			size /= 2
		case took < long/2 && size < largest:
			size *= 2
		}
	}
}

// endAlone destroys what has to be opened first, to find all that leads to it.
func endAlone(ctx context.Context, db *store.DB, p personal.Purpose, total map[personal.Purpose]int) error {
	for n := page; n == page; {
		err := db.InTx(ctx, ledger.System("retention"), func(t *store.Tx) error {
			n = 0
			if err := clock(&t.View); err != nil {
				return err
			}
			due, err := t.DueDossiers(p, page)
			if err != nil {
				return err
			}
			for _, d := range due {
				if err := t.Destroy(d); err != nil {
					return err
				}
				n++
			}
			return told(t, p, n)
		})
		if err != nil {
			return err
		}
		total[p] += n
	}
	return nil
}

// told writes the event of a page that destroyed n dossiers.
func told(t *store.Tx, p personal.Purpose, n int) error {
	if n == 0 {
		return nil
	}
	detail, err := json.Marshal(map[personal.Purpose]int{p: n})
	if err != nil {
		return err
	}
	return t.Event("retention.destroyed", "", "", string(detail))
}

// forget ends what has an end date but no key of its own: the values of old
// events, of which only the leaf stays, and the rows of dossiers long destroyed.
func forget(ctx context.Context, db *store.DB) error {
	security, err := personal.TermsOf(personal.Security)
	if err != nil {
		return err
	}
	rights, err := personal.TermsOf(personal.Rights)
	if err != nil {
		return err
	}
	for _, what := range []struct {
		keep personal.Period
		end  func(*store.Tx, time.Time, int) (int, error)
	}{
		{security.Keep, (*store.Tx).EmptyEvents},
		{personal.Reveals(), (*store.Tx).EmptyReveals},
		{rights.Keep, (*store.Tx).ForgetDossiers},
	} {
		for n := page; n == page; {
			err := db.InTx(ctx, ledger.System("retention"), func(t *store.Tx) (err error) {
				n, err = what.end(t, what.keep.Before(t.Now()), page)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
