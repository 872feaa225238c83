package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Difference is a payment of which a provider says something else than we do.
type Difference struct {
	Number   order.Number
	Attempt  int
	Provider string
	Text     string
}

// Reconciled is what came of asking the providers.
type Reconciled struct {
	Asked       int
	Silent      int // no answer: nothing is known of these
	Left        int // there were more than are asked about at once: older ones, not asked about
	Differences []Difference
}

// captureFor is how long taking reserved money may last before it counts as a difference.
const captureFor = time.Hour

// reconcileMax is how many payments are asked about at once.
const reconcileMax = 5000

// Reconcile asks the providers about every payment that was opened since, and
// tells where their word differs from ours. It changes nothing.
func (d *Desk) Reconcile(ctx context.Context, since time.Time) (out Reconciled, err error) {
	var list []store.Payment
	err = d.db.View(ctx, func(v *store.View) (err error) {
		if list, err = v.OpenedSince(since, reconcileMax); err != nil || len(list) < reconcileMax {
			return err
		}
		all, err := v.CountOpenedSince(since)
		out.Left = all - len(list)
		return err
	})
	if err != nil {
		return out, err
	}
	s, err := d.db.Settings(ctx)
	if err != nil {
		return out, err
	}
	read := map[string]bool{} // providers whose text on statements was read
	for _, p := range list {
		finder, can := d.providers[p.Provider].(payment.Finder)
		if !can || p.Ref == "" {
			continue
		}
		out.Asked++
		texts, err := d.compare(ctx, finder, p)
		if err != nil {
			out.Silent++
			continue
		}
		if printer, can := finder.(payment.Printer); can && settled(p) && !read[p.Provider] {
			read[p.Provider] = true // of the newest: the setting is the account's, and may have been changed
			text, err := comparePrinted(ctx, printer, p, s.Descriptor)
			if err != nil {
				out.Silent++
			}
			if text != "" {
				texts = append(texts, text)
			}
		}
		if len(texts) == 0 {
			continue
		}
		var o order.Order
		if err := d.db.View(ctx, func(v *store.View) (err error) { o, err = v.Order(p.Owner, p.Order); return err }); err != nil {
			return out, err
		}
		for _, text := range texts {
			out.Differences = append(out.Differences, Difference{o.Number, p.Attempt, p.Provider, text})
		}
	}
	return out, nil
}

// compare asks about one payment. The error says that the provider was silent.
func (d *Desk) compare(ctx context.Context, finder payment.Finder, p store.Payment) (texts []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	n, decided, err := finder.Find(ctx, p.Ref)
	if errors.Is(err, payment.ErrRefused) {
		n, decided, err = payment.Notice{}, false, nil // unknown there
	}
	if err != nil {
		return nil, err
	}
	paid := decided && n.Outcome == payment.Approved
	ours := (settled(p) || p.Status == order.PaymentSettling) && p.Capture != store.Released
	switch {
	case paid && p.Capture == store.Released:
		texts = append(texts, "paid there, let go here")
	case paid && !ours:
		texts = append(texts, fmt.Sprintf("paid there, %s here", p.Status))
	case ours && !paid:
		texts = append(texts, fmt.Sprintf("%s here, not paid there", p.Status))
	case paid && p.Capture != store.AtOnce && (n.Authorized || p.Capture != store.Captured):
		return compareReserved(n, p, d.db.Now()), nil
	case paid && n.Amount != p.Amount:
		texts = append(texts, fmt.Sprintf("%s there, %s here", n.Amount.Format(), p.Amount.Format()))
	}
	if capturer, can := finder.(payment.Capturer); can && paid && p.Capture == store.Captured {
		a, err := capturer.Authorization(ctx, p.Ref)
		if err != nil {
			return nil, err
		}
		if a.Captured != p.CaptureAmount {
			texts = append(texts, fmt.Sprintf("%s taken there, %s here", a.Captured.Format(), p.CaptureAmount.Format()))
		}
	}
	teller, can := finder.(payment.Teller)
	if !can || !paid {
		return texts, nil
	}
	there, err := teller.PaidBack(ctx, p.Ref)
	if err != nil {
		return nil, err
	}
	here, err := d.wentBack(ctx, p)
	if err == nil && there != here {
		texts = append(texts, fmt.Sprintf("%s given back there, %s here", there.Format(), here.Format()))
	}
	return texts, err
}

// comparePrinted holds what the payer's statement says against what the shop told the
// payer that it would. Banks print capitals where they like.
func comparePrinted(ctx context.Context, printer payment.Printer, p store.Payment, descriptor string) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	there, err := printer.Printed(ctx, p.Ref)
	if err != nil || there == "" || descriptor == "" || strings.EqualFold(strings.Join(strings.Fields(there), " "), strings.Join(strings.Fields(descriptor), " ")) {
		return "", err
	}
	return fmt.Sprintf("the payer's statement says %q, and shop.descriptor tells shoppers %q: set both to the same", there, descriptor), nil
}

// compareReserved compares what has become of reserved money, of which at least one
// of the two says that it is not taken yet.
func compareReserved(n payment.Notice, p store.Payment, now time.Time) []string {
	switch {
	case n.Authorized && p.Capture == store.Captured:
		return []string{"only reserved there, taken here"}
	case !n.Authorized && p.Capture == store.Authorized:
		return []string{"taken there, only reserved here"}
	case n.Authorized && p.Capture == store.Capturing && now.Sub(p.ChangedAt) > captureFor:
		return []string{"only reserved there, being taken here for over an hour"}
	}
	return nil // the same, or being done at this moment
}

// wentBack is how much of an attempt we have given back.
func (d *Desk) wentBack(ctx context.Context, p store.Payment) (money.Amount, error) {
	if p.Status == order.PaymentReturned {
		return sentBack(p), nil
	}
	var all []store.Refund
	err := d.db.View(ctx, func(v *store.View) (err error) {
		all, err = v.RefundsOf(p.Owner, p.Order)
		return err
	})
	sum := money.Zero(p.Amount.Currency())
	for _, r := range all {
		if err == nil && r.State == store.RefundDone && r.FailedAt.IsZero() && !r.ByHand && !r.Untaken && r.Payment == p.ID && r.ToCredit == store.ToService {
			sum, err = sum.Plus(r.Rest())
		}
	}
	return sum, err
}

// sentBack is how much of an attempt of no use goes back: all that was taken of it.
func sentBack(p store.Payment) money.Amount {
	if p.Capture == store.Captured {
		return p.CaptureAmount
	}
	return p.Amount
}
