package checkout

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// RecallDays is how far back the providers are asked what they said: as long as Stripe
// keeps it, and longer than a shop is down or a backup is old.
const RecallDays = 30

// recallFor bounds how long one provider may take to tell all of it.
const recallFor = 2 * time.Minute

// Recalled is what came of asking the providers what they said lately.
type Recalled struct {
	Told   int // what they said of payments besides how they ended
	New    int // of that, what had never reached the shop, and does now
	Unfit  int // of that, what fits no payment of the shop, or can't be read
	Silent int // providers that did not tell, or not all of it
	Left   int // providers of which there was more than is read at once: the older words
}

// Recall asks the providers what they said lately of payments besides how they ended, and
// settles each word: what never arrived, because the shop was down or was put back from a
// backup, counts as if it came now. What is known already changes nothing, so it may be
// done as often as somebody likes.
func (d *Desk) Recall(ctx context.Context) (out Recalled, err error) {
	since := d.db.Now().AddDate(0, 0, -RecallDays)
	var bad []error
	for _, name := range slices.Sorted(maps.Keys(d.providers)) {
		recaller, can := d.providers[name].(payment.Recaller)
		if !can {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, recallFor)
		got, err := recaller.Recall(asking, since)
		cancel()
		if err != nil {
			out.Silent++
			d.log.WarnContext(ctx, "a payment service does not say what it said lately", "provider", name, "error", err)
		}
		out.Told += len(got.Notices) + got.Unread
		out.Unfit += got.Unread
		if got.Left {
			out.Left++
		}
		for _, n := range got.Notices {
			n.Recalled = true
			meaning, err := d.settleAs(ctx, ledger.Provider(name), name, n, nil)
			switch {
			case err == nil && meaning == store.NoticeTaken:
				out.New++
			case err == nil && meaning == store.NoticeMismatch, fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound):
				out.Unfit++
			case err != nil:
				bad = append(bad, err) // the next time it is told again
			}
		}
	}
	return out, errors.Join(bad...)
}
