package mollie

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// What Mollie calls back about after a payment can be found again by the lists of all
// chargebacks and of all refunds of the profile, the newest first
// (docs.mollie.com/reference/list-all-chargebacks, …/list-all-refunds; both for a key of
// the profile, at most 250 an answer). They name payments; each is then read by Remarks,
// which compares mode, profile and shop.
//
//	Recall  GET /v2/chargebacks and /v2/refunds, then GET /v2/payments/{ref}?embed=… of each named

const (
	listed    = 250 // the most that one answer lists
	listPages = 4   // the most answers that are read of a list
	// mostNamed is how many payments are read at once.
	mostNamed = 200

	// A list goes by when a thing was made, and not by when it changed: a chargeback is
	// reversed, and a refund fails, days or months after that.
	reversedWithin = 180 * 24 * time.Hour
	failedWithin   = 30 * 24 * time.Hour
)

// entry is what is read of an entry of either list.
type entry struct {
	ID         string   `json:"id"`
	Payment    string   `json:"paymentId"`
	CreatedAt  string   `json:"createdAt"`
	ReversedAt string   `json:"reversedAt"` // of a chargeback; "" or null: it stands
	Status     string   `json:"status"`     // of a refund
	Metadata   metadata `json:"metadata"`   // of a refund
}

type entries struct {
	Embedded struct {
		Chargebacks []entry `json:"chargebacks"`
		Refunds     []entry `json:"refunds"`
	} `json:"_embedded"`
	Links struct {
		Next *struct {
			Href string `json:"href"`
		} `json:"next"`
	} `json:"_links"`
}

// Recall tells what has become of payments of which something was said since.
func (p *Provider) Recall(ctx context.Context, since time.Time) (out payment.Recalled, err error) {
	var named []string
	name := func(ref string) {
		switch {
		case slices.Contains(named, ref):
		case len(named) < mostNamed:
			named = append(named, ref)
		default:
			out.Left = true
		}
	}
	more, err := p.list(ctx, "chargebacks", since.Add(-reversedWithin), func(e entry, made time.Time) {
		if reversed, err := time.Parse(time.RFC3339, e.ReversedAt); !made.Before(since) || err == nil && !reversed.Before(since) {
			name(e.Payment)
		}
	})
	if err != nil {
		return out, fmt.Errorf("list chargebacks: %w", err)
	}
	out.Left = out.Left || more
	more, err = p.list(ctx, "refunds", since.Add(-failedWithin), func(e entry, _ time.Time) {
		if (refund{Status: e.Status}).failed() && e.Metadata.Shop == p.c.Shop {
			name(e.Payment)
		}
	})
	if err != nil {
		return out, fmt.Errorf("list refunds: %w", err)
	}
	out.Left = out.Left || more
	var bad []error
	for _, ref := range slices.Backward(named) {
		list, err := p.Remarks(ctx, ref)
		switch {
		case err == nil:
			out.Notices = append(out.Notices, list...)
		case errors.Is(err, payment.ErrIgnored): // of somebody else on the same profile
		case errors.Is(err, payment.ErrNotice), errors.Is(err, payment.ErrRefused):
			out.Unread++
		default: // one that can't be had must not hide the others, of which the newest come last
			bad = append(bad, err)
		}
	}
	return out, errors.Join(bad...)
}

// list reads a list from its newest entry back to a time, and reports whether it goes on
// before that. Of a link to the next answer only the entry is taken that it begins with:
// a key is sent nowhere else than to Mollie.
func (p *Provider) list(ctx context.Context, what string, back time.Time, see func(e entry, made time.Time)) (more bool, err error) {
	from := ""
	for range listPages {
		query := url.Values{"limit": {strconv.Itoa(listed)}}
		if from != "" {
			query.Set("from", from)
		}
		var got entries
		if err := p.call(ctx, http.MethodGet, "/v2/"+what+"?"+query.Encode(), "", nil, &got); err != nil {
			return false, err
		}
		for _, e := range append(got.Embedded.Chargebacks, got.Embedded.Refunds...) {
			made, err := time.Parse(time.RFC3339, e.CreatedAt)
			if err != nil || !isID(e.Payment, "tr_") {
				return false, errors.New("the answer is not of the agreed form")
			}
			if made.Before(back) {
				return false, nil
			}
			see(e, made)
		}
		if got.Links.Next == nil {
			return false, nil
		}
		next, err := url.Parse(got.Links.Next.Href)
		if err != nil || next.Query().Get("from") == "" || next.Query().Get("from") == from || !isID(strings.ReplaceAll(next.Query().Get("from"), "_", ""), "") {
			return false, errors.New("the answer is not of the agreed form")
		}
		from = next.Query().Get("from")
	}
	return true, nil
}
