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
	// page is how many dossiers one transaction destroys.
	page = 100
)

// Retention destroys the key of every dossier whose end date has passed, and
// then clears the values that nobody can open any more. The dossiers of an
// order that is still under way are kept a while longer instead. One event says
// how many of which purpose were destroyed. At the end the database's files
// are scrubbed of what was destroyed. It returns the count.
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
	for {
		counts := map[personal.Purpose]int{}
		seen := 0
		err := db.InTx(ctx, ledger.System("retention"), func(t *store.Tx) error {
			clear(counts)
			if err := clock(&t.View); err != nil {
				return err
			}
			due, err := t.DueDossiers(page)
			if err != nil {
				return err
			}
			seen = len(due)
			for _, d := range due {
				open, err := t.OpenOrder(d.Subject, d.Case)
				if err != nil {
					return err
				}
				if open {
					if err := t.Postpone(d, pushOut); err != nil {
						return err
					}
					continue
				}
				if err := t.Destroy(d); err != nil {
					return err
				}
				counts[d.Purpose]++
			}
			if len(counts) == 0 {
				return nil
			}
			detail, err := json.Marshal(counts)
			if err != nil {
				return err
			}
			return t.Event("retention.destroyed", "", "", string(detail))
		})
		if err != nil {
			return total, err
		}
		for p, n := range counts {
			total[p] += n
			log.InfoContext(ctx, "retention destroyed keys", "purpose", string(p), "dossiers", n)
		}
		if seen < page {
			if err := forget(ctx, db); err != nil {
				return total, err
			}
			// Also for the carts that ended since: their keys went with them.
			return total, db.Scrub(ctx)
		}
	}
}

// forget ends what has an end date but no key of its own: the values of old
// events, of which only the leaf stays, and the rows of dossiers long destroyed.
func forget(ctx context.Context, db *store.DB) error {
	for _, what := range []struct {
		purpose personal.Purpose
		end     func(*store.Tx, time.Time, int) (int, error)
	}{
		{personal.Security, (*store.Tx).EmptyEvents},
		{personal.Rights, (*store.Tx).ForgetDossiers},
	} {
		terms, err := personal.TermsOf(what.purpose)
		if err != nil {
			return err
		}
		for n := page; n == page; {
			err := db.InTx(ctx, ledger.System("retention"), func(t *store.Tx) (err error) {
				n, err = what.end(t, terms.Keep.Before(t.Now()), page)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
