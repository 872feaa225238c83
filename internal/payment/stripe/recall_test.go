package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// events answers as docs.stripe.com/api/events/list says: of the types, created since, the
// newest first, behind the one that is named.
func (b *bank) events(q url.Values, out map[string]any) (int, []byte) {
	var types []string
	for k, v := range q {
		if strings.HasPrefix(k, "types[") {
			types = append(types, v...)
		}
	}
	since, _ := strconv.ParseInt(q.Get("created[gte]"), 10, 64)
	limit, _ := strconv.Atoi(q.Get("limit"))
	behind, list, more := q.Get("starting_after") == "", []json.RawMessage{}, false
	for _, raw := range slices.Backward(b.said) {
		var e struct {
			ID, Type string
			Created  int64
		}
		if json.Unmarshal(raw, &e) != nil || !slices.Contains(types, e.Type) || e.Created < since {
			continue
		}
		if behind && len(list) == limit {
			more = true
			break
		}
		if behind {
			list = append(list, raw)
		}
		behind = behind || e.ID == q.Get("starting_after")
	}
	out["data"], out["has_more"] = list, more
	return show(out)
}

// move lets time pass at Stripe.
func (b *bank) move(by time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead += by
}

// TestADisputeWhoseCallBackWasLost is a concern when the shop asks, once, and as it ended
// when it has ended by then.
func TestADisputeWhoseCallBackWasLost(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		recall := func(want checkout.Recalled) {
			t.Helper()
			if got, err := c.desk.Recall(t.Context()); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		}
		p := c.paidFor("bowl")
		total := p.Order.Totals.Total.Minor()
		c.bank.says("charge.dispute.created", dispute("needs_response", "fraudulent", total))
		c.bank.says("payment_intent.payment_failed", map[string]any{}) // not asked for again
		recall(checkout.Recalled{Told: 1, New: 1})
		recall(checkout.Recalled{Told: 1})
		if list := c.concerns(); len(list) != 1 || list[0].Kind != store.ConcernDispute || list[0].Number != p.Order.Number || list[0].AnswerBy.IsZero() {
			t.Errorf("got %+v, want the dispute", list)
		}
		if err := c.desk.Refund(t.Context(), ledger.OS("owner"), p.Order.Number); !fault.Is(err, fault.Conflict) || len(c.bank.refunds) != 0 {
			t.Errorf("a refund beside it: %v", err)
		}
		c.hears(1, c.bank.said[0]) // it comes after all
		c.bank.says("charge.dispute.closed", dispute("lost", "fraudulent", total))
		recall(checkout.Recalled{Told: 2, New: 1})
		recall(checkout.Recalled{Told: 2})
		all, err := c.desk.ConcernsOf(t.Context(), p.Order.Number)
		if err != nil || len(all) != 1 || all[0].Ending != store.ConcernLost {
			t.Errorf("got %+v, %v, want it lost", all, err)
		}
		s.Clock.Move(40 * 24 * time.Hour)
		c.bank.move(40 * 24 * time.Hour)
		recall(checkout.Recalled{}) // nobody asks about it any more
	})
}

// TestWhatIsReadAgainIsJudgedAsACallBack: of another mode, account or shop, or not of the
// agreed form, it is nothing to this shop.
func TestWhatIsReadAgainIsJudgedAsACallBack(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p := c.paidFor("bowl")
	own := dispute("needs_response", "fraudulent", p.Order.Totals.Total.Minor())
	harmed := func(change func(e map[string]any)) {
		var e map[string]any
		if err := json.Unmarshal(c.bank.says("charge.dispute.created", own), &e); err != nil {
			t.Fatal(err)
		}
		change(e)
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		c.bank.said[len(c.bank.said)-1] = raw
	}
	harmed(func(e map[string]any) { e["livemode"] = true })
	harmed(func(e map[string]any) { e["account"] = "acct_another" })
	harmed(func(e map[string]any) { e["object"] = "charge" })
	harmed(func(e map[string]any) { e["data"] = "nothing" })
	got, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour))
	if err != nil || got.Unread != 4 || len(got.Notices) != 0 || got.Left {
		t.Errorf("got %+v, %v, want four that can't be read", got, err)
	}
	c.bank.said = nil
	c.bank.says("charge.dispute.created", own)
	meta := c.bank.sessions[c.ref(p)]["metadata"].(map[string]any)
	meta[metaShop] = "another"
	if got, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour)); err != nil || got.Unread != 0 || len(got.Notices) != 0 {
		t.Errorf("of another shop on the account: got %+v, %v", got, err)
	}
	meta[metaShop] = shop
	harmed(func(e map[string]any) { e["id"] = "no event" })
	if got, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour)); err == nil {
		t.Errorf("an event without a name, which nobody could read on from: got %+v", got)
	}
}

// TestOneWordThatCanNotBeHadHidesNoOther: Stripe says nothing of one payment, and what it
// said of others, before and after, is heard all the same.
func TestOneWordThatCanNotBeHadHidesNoOther(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p := c.paidFor("bowl")
	total := p.Order.Totals.Total.Minor()
	other := dispute("needs_response", "fraudulent", total)
	other["id"], other["payment_intent"] = "du_2", "pi_2"
	c.bank.says("charge.dispute.created", dispute("needs_response", "fraudulent", total))
	c.bank.says("charge.dispute.created", other)
	c.bank.says("charge.dispute.closed", dispute("lost", "fraudulent", total))
	c.bank.silent = "/pi_2"
	got, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour))
	if err == nil || errors.Is(err, payment.ErrNotice) || len(got.Notices) != 2 || got.Notices[1].Outcome != payment.DisputeLost {
		t.Errorf("got %+v, %v, want both words of the other payment, and that one is missing", got, err)
	}
	if got, err := c.desk.Recall(t.Context()); err != nil || got != (checkout.Recalled{Told: 2, New: 2, Silent: 1}) {
		t.Errorf("got %+v, %v, want two that are new, and that Stripe did not tell all", got, err)
	}
	for range 2 * silentAtMost { // of the same payment, and newer than the others
		c.bank.says("charge.dispute.created", other)
	}
	before := len(c.bank.asked)
	got, err = c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour))
	if asked := len(c.bank.asked) - before; err == nil || len(got.Notices) != 2 || asked > 1+1+2 { // the library asks the silent one twice
		t.Errorf("got %+v, %v by %d questions, want what is said of the other payment", got, err, asked)
	}
	for i := range 2 * silentAtMost {
		strange := maps.Clone(other)
		strange["payment_intent"] = fmt.Sprintf("pi_%d_2", i)
		c.bank.says("charge.dispute.created", strange)
	}
	c.bank.silent = "_2"
	before = len(c.bank.asked)
	if _, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour)); err == nil || len(c.bank.asked)-before > 1+2*silentAtMost { // each once more
		t.Errorf("%d questions of a Stripe that says nothing, %v", len(c.bank.asked)-before, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	asked := len(c.bank.asked)
	if _, err := c.bank.provider.Recall(gone, begun.Add(-time.Hour)); !errors.Is(err, context.Canceled) || len(c.bank.asked) != asked {
		t.Errorf("%d questions when the time is up, %v", len(c.bank.asked)-asked, err)
	}
}

// TestAnAnswerThatCanNotBeReadIsNotQuoted: payers may stand in it, and the error in the log.
func TestAnAnswerThatCanNotBeReadIsNotQuoted(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	for status, body := range map[int]string{200: `{"object":"list","data":[{"email":"ada@example.com"`, 502: `<p>ada@example.com</p>`, 404: `{"error":"ada@example.com"}`} {
		answer := func(w http.ResponseWriter) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
		c.bank.fail = []func(http.ResponseWriter){answer, answer}
		_, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour))
		if err == nil || strings.Contains(err.Error(), "ada") || errors.Is(err, payment.ErrRefused) {
			t.Errorf("answer %d: got %v", status, err)
		}
		c.bank.fail = nil
	}
}

// TestEachWordThatNeedsAPersonIsReadAgain: of each kind that the shop acts on when it is
// called back, Stripe is asked.
func TestEachWordThatNeedsAPersonIsReadAgain(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	total := c.paidFor("bowl").Order.Totals.Total.Minor()
	with := func(id string, more map[string]any) map[string]any {
		object := map[string]any{"id": id, "payment_intent": "pi_1"}
		maps.Copy(object, more)
		return object
	}
	for kind, row := range map[string]struct {
		object map[string]any
		want   payment.Outcome
	}{
		"charge.dispute.created":            {dispute("needs_response", "fraudulent", total), payment.Disputed},
		"charge.dispute.updated":            {dispute("under_review", "fraudulent", total), payment.Disputed},
		"charge.dispute.closed":             {dispute("won", "fraudulent", total), payment.DisputeWon},
		"radar.early_fraud_warning.created": {with("issfr_1", nil), payment.Warned},
		"review.opened":                     {with("prv_1", nil), payment.Warned},
		"refund.failed": {with("re_1", map[string]any{"status": "failed", "amount": total, "currency": "eur",
			"metadata": map[string]any{metaShop: shop, metaRefund: "refund-1"}}), payment.RefundFailed},
	} {
		c.bank.said = nil
		c.bank.says(kind, row.object)
		got, err := c.bank.provider.Recall(t.Context(), begun.Add(-time.Hour))
		if err != nil || len(got.Notices) != 1 || got.Unread != 0 || got.Notices[0].Outcome != row.want {
			t.Errorf("%s: got %+v, %v, want that it is %s", kind, got, err, row.want)
		}
	}
}

// TestMuchIsReadAgainInBounds: page after page, in the order in which it was said, and
// what is left is told. When Stripe falls silent, what was read counts.
func TestMuchIsReadAgainInBounds(t *testing.T) {
	b := newBank(t)
	ref, err := b.provider.Open(t.Context(), b.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	b.decide(ref.Ref, "checkout.session.completed", true)
	saying := func(n int) {
		for range n {
			b.says("charge.dispute.created", dispute("needs_response", "fraudulent", 100))
			b.move(time.Second)
		}
	}
	asked := func() (n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, a := range b.asked {
			if a.path == "/v1/events" {
				n++
			}
		}
		return n
	}
	saying(250)
	got, err := b.provider.Recall(t.Context(), begun.Add(-time.Hour))
	if err != nil || len(got.Notices) != 250 || got.Left || asked() != 3 {
		t.Fatalf("got %d, %v, left %v, in %d questions", len(got.Notices), err, got.Left, asked())
	}
	if !slices.IsSortedFunc(got.Notices, func(x, y payment.Notice) int { return x.At.Compare(y.At) }) {
		t.Error("what was said later stands before what was said first")
	}
	if got, err := b.provider.Recall(t.Context(), begun.Add(200*time.Second)); err != nil || len(got.Notices) != 50 {
		t.Errorf("since the 200th: got %d, %v", len(got.Notices), err)
	}
	saying(850)
	got, err = b.provider.Recall(t.Context(), begun.Add(-time.Hour))
	if err != nil || len(got.Notices) != 1000 || !got.Left {
		t.Errorf("got %d, %v, left %v, want the newest thousand", len(got.Notices), err, got.Left)
	}
	if first := got.Notices[0].At; first.Before(begun.Add(99 * time.Second).Truncate(time.Second)) {
		t.Errorf("the first that was read is of %v", first)
	}
	b.fail = append(b.fail, func(w http.ResponseWriter) {
		status, body := refuse(http.StatusForbidden, "")
		w.WriteHeader(status)
		w.Write(body)
	})
	if got, err := b.provider.Recall(t.Context(), begun); err == nil || errors.Is(err, payment.ErrRefused) || len(got.Notices) != 0 {
		t.Errorf("a key that may not read events: got %d, %v", len(got.Notices), err)
	}
}
