package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/cartkeep/cartkeep/internal/payment"
)

// What Stripe has said can be read again for 30 days, the newest first
// (docs.stripe.com/api/events/list). Its filter delivery_success is not used
// (docs.stripe.com/webhooks/process-undelivered-events): it is about all endpoints of the
// account, knows nothing of a type that the endpoint was never told to send, and takes
// what a shop had answered before it was put back from a backup as delivered. Of these
// types there are few, and what is known already changes nothing.
//
//	Recall  GET /v1/events  each read by the same code as the body of a call-back

// recalled are the types that are read again. A card that was refused on a page that goes
// on is of no use later, and how a session ended is asked of the session.
var recalled = []stripe.EventType{
	stripe.EventTypeChargeDisputeCreated, stripe.EventTypeChargeDisputeUpdated, stripe.EventTypeChargeDisputeClosed,
	stripe.EventTypeRadarEarlyFraudWarningCreated, stripe.EventTypeReviewOpened, stripe.EventTypeRefundFailed,
}

const (
	eventsAtOnce = 100 // the most that one answer lists
	eventPages   = 10  // the most answers that are read
	silentAtMost = 10  // so many payments that nothing is said of are a failure of Stripe's, which nobody asks on
)

// eventQuery asks for a page of the list.
type eventQuery struct {
	stripe.Params `form:"*"`
	Types         []*string                `form:"types"`
	Created       *stripe.RangeQueryParams `form:"created"`
	After         *string                  `form:"starting_after"`
	Limit         int64                    `form:"limit"`
}

type eventList struct {
	stripe.APIResource
	Data []json.RawMessage `json:"data"`
	More bool              `json:"has_more"`
}

// Recall reads again what Stripe has said since. Each payment that an event is about is
// asked for once. One of which Stripe says no more is an error, and hides none of the
// others, unless there are silentAtMost of these.
func (p *Provider) Recall(ctx context.Context, since time.Time) (out payment.Recalled, err error) {
	query := &eventQuery{Params: stripe.Params{Context: ctx}, Created: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Unix()}, Limit: eventsAtOnce}
	for _, kind := range recalled {
		query.Types = append(query.Types, new(string(kind)))
	}
	defer func() { slices.Reverse(out.Notices) }()
	var silent []error
	ask := remembered(p.intentOf)
	for range eventPages {
		var list eventList
		if err := p.call(http.MethodGet, "/v1/events", query, &list); err != nil {
			return out, errors.Join(append(silent, fmt.Errorf("list events: %w", err))...)
		}
		last := ""
		for _, raw := range list.Data {
			n, err := p.event(ctx, raw, ask)
			switch {
			case err == nil:
				out.Notices = append(out.Notices, n)
			case errors.Is(err, payment.ErrNotice):
				out.Unread++
			case ctx.Err() != nil:
				return out, errors.Join(append(silent, ctx.Err())...)
			case !errors.Is(err, payment.ErrIgnored) && !slices.Contains(silent, err):
				if silent = append(silent, err); len(silent) == silentAtMost {
					return out, errors.Join(silent...)
				}
			}
			var e struct{ ID string }
			if json.Unmarshal(raw, &e) != nil || !isID(e.ID, "evt_") {
				return out, errors.Join(append(silent, errors.New("list events: the answer is not of the agreed form"))...)
			}
			last = e.ID
		}
		if !list.More || last == "" {
			return out, errors.Join(silent...)
		}
		query.After = &last
	}
	out.Left = true
	return out, errors.Join(silent...)
}

// remembered asks for each payment once: what is said of it, also that nothing is,
// stands for all events about it.
func remembered(ask asker) asker {
	type answer struct {
		intent intent
		err    error
	}
	known := map[string]answer{}
	return func(ctx context.Context, id string) (intent, error) {
		a, ok := known[id]
		if !ok {
			a.intent, a.err = ask(ctx, id)
			known[id] = a
		}
		return a.intent, a.err
	}
}
