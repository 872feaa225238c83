package stripe

import (
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// says writes the event of something that Stripe says of a payment besides. Each
// object has the fields of Stripe's own examples in its API reference.
func (b *bank) says(kind string, object map[string]any) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, asked{}) // an event id of its own
	body := b.event(kind, object)
	b.said = append(b.said, body)
	return body
}

func dispute(status, reason string, units int64) map[string]any {
	return map[string]any{"id": "du_1MtJUT2eZvKYlo2CNaw2HvEv", "object": "dispute", "amount": units, "currency": "eur", "charge": "ch_1AZtxr2eZvKYlo2CJDX8whov",
		"livemode": false, "metadata": map[string]any{}, "payment_intent": "pi_1", "reason": reason, "status": status,
		"evidence_details": map[string]any{"due_by": begun.Add(9 * 24 * time.Hour).Unix(), "has_evidence": false, "past_due": false, "submission_count": 0}}
}

// paidFor is an order that was paid at Stripe with the intent pi_1.
func (c *counter) paidFor(handle string) checkout.Placed {
	c.t.Helper()
	p := c.buy(handle)
	c.hears(1, c.bank.decide(c.ref(p), "checkout.session.completed", true))
	c.stands(p, order.Paid)
	return p
}

// paidAt is the number of an order that was paid with the session of that name.
func (c *counter) paidAt(handle, ref string) order.Number {
	c.t.Helper()
	p := c.buy(handle)
	c.hears(1, c.bank.decide(ref, "checkout.session.completed", true))
	c.stands(p, order.Paid)
	return p.Order.Number
}

// ref finds the session of the newest attempt of an order.
func (c *counter) ref(p checkout.Placed) string {
	c.t.Helper()
	var ref string
	err := c.DB.View(c.t.Context(), func(v *store.View) error {
		last, err := v.LastPayment(p.Order.Owner, p.Order.ID)
		ref = last.Ref
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return ref
}

func (c *counter) concerns() []checkout.Concern {
	c.t.Helper()
	list, err := c.desk.Concerns(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// TestADisputeComesGoesAndIsLost: the order stays paid, nothing is given back
// beside it, and its end is known whichever notice came first.
func TestADisputeComesGoesAndIsLost(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		p := c.paidFor("bowl")
		c.hears(3, c.bank.says("charge.dispute.created", dispute("needs_response", "product_not_received", p.Order.Totals.Total.Minor())))
		c.stands(p, order.Paid)
		list := c.concerns()
		if len(list) != 1 || list[0].Kind != store.ConcernDispute || list[0].Reason != order.DisputeNotReceived || list[0].Number != p.Order.Number || list[0].AnswerBy.Sub(begun) < 8*24*time.Hour {
			t.Fatalf("got %+v, want the dispute, once", list)
		}
		if err := c.desk.Refund(t.Context(), ledger.OS("owner"), p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("a refund beside a dispute: %v, want that it is refused", err)
		}
		if n, err := c.desk.SeeConcerns(t.Context(), ledger.OS("owner"), p.Order.Number); n != 0 || err != nil {
			t.Errorf("%d seen to, %v: a dispute is not over because somebody looked", n, err)
		}
		c.hears(2, c.bank.says("charge.dispute.closed", dispute("lost", "product_not_received", p.Order.Totals.Total.Minor())))
		c.hears(1, c.bank.says("charge.dispute.created", dispute("needs_response", "product_not_received", p.Order.Totals.Total.Minor()))) // late
		if list := c.concerns(); len(list) != 0 {
			t.Errorf("it is over, and still open: %+v", list)
		}
		all, err := c.desk.ConcernsOf(t.Context(), p.Order.Number)
		if err != nil || len(all) != 1 || all[0].Ending != store.ConcernLost {
			t.Errorf("got %+v, %v, want it lost", all, err)
		}
		if err := c.desk.Refund(t.Context(), ledger.OS("owner"), p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("a refund of what the bank has taken: %v, want that it is refused", err)
		}
		if len(c.bank.refunds) != 0 {
			t.Errorf("%d refunds at Stripe, want none", len(c.bank.refunds))
		}
	})
}

// TestAWarningAndARefundThatDidNotArrive stay open until somebody has seen to them.
func TestAWarningAndARefundThatDidNotArrive(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		c := newCounter(t, s)
		p := c.paidFor("bowl")
		c.hears(2, c.bank.says("radar.early_fraud_warning.created", map[string]any{"id": "issfr_1NnrwHBw2dPENLoi9lnhV3RQ", "object": "radar.early_fraud_warning",
			"actionable": true, "charge": "ch_1", "fraud_type": "misc", "livemode": false, "payment_intent": "pi_1"}))
		if list := c.concerns(); len(list) != 1 || list[0].Kind != store.ConcernWarning || list[0].Amount != p.Order.Totals.Total {
			t.Fatalf("got %+v, want the warning", list)
		}
		if err := c.desk.Refund(t.Context(), ledger.OS("owner"), p.Order.Number); err != nil {
			t.Fatal(err) // what a warning is answered with
		}
		c.stands(p, order.Refunded)
		failed := maps.Clone(c.bank.refunds[0])
		failed["status"], failed["object"], failed["currency"] = "failed", "refund", "eur"
		c.hears(3, c.bank.says("refund.failed", failed))
		list := c.concerns()
		if len(list) != 2 || list[1].Kind != store.ConcernRefund || list[1].Amount != p.Order.Totals.Total {
			t.Fatalf("got %+v, want the refund too", list)
		}
		if n, err := c.desk.SeeConcerns(t.Context(), ledger.OS("owner"), p.Order.Number); n != 2 || err != nil || len(c.concerns()) != 0 {
			t.Errorf("%d seen to, %v", n, err)
		}
	})
}

// TestARefusedCardOnAPageThatGoesOn is counted, and ends nothing.
func TestARefusedCardOnAPageThatGoesOn(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p := c.buy("bowl")
	ref := c.ref(p)
	c.bank.mu.Lock()
	session := c.bank.sessions[ref]
	session["payment_intent"] = "pi_1"
	refused := c.bank.intentOf(session, map[string]any{"last_payment_error": map[string]any{"code": "card_declined",
		"payment_method": map[string]any{"card": map[string]any{"fingerprint": "Xt5EWLLDS7FJjR1c"}}}})
	c.bank.mu.Unlock()
	body := c.bank.says("payment_intent.payment_failed", refused)
	n, err := notice(c.bank, sign([]byte(secret), c.bank.now(), body), body)
	if err != nil || n.Outcome != payment.Tried || n.Fingerprint != "Xt5EWLLDS7FJjR1c" {
		t.Fatalf("got %+v, %v", n, err)
	}
	c.hears(4, body)
	c.stands(p, order.Pending)
	raw := s.Raw(t)
	if got := shoptest.One[int64](t, raw, `SELECT COUNT(*) FROM abuse_buckets WHERE kind = $1`, string(abuse.CardDeclines)); got == 0 {
		t.Error("the card's refusal was not counted")
	}
	c.hears(1, c.bank.decide(ref, "checkout.session.completed", true))
	c.stands(p, order.Paid)
}

// TestWhatIsSaidOfStrangers changes nothing: another shop's payment on the same
// account, one that nobody knows, an amount that is too large, the other mode.
func TestWhatIsSaidOfStrangers(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	c := newCounter(t, s)
	p := c.paidFor("bowl")
	said := func(object map[string]any) error {
		body := c.bank.says("charge.dispute.created", object)
		n, err := notice(c.bank, sign([]byte(secret), c.bank.now(), body), body)
		if err == nil {
			err = c.desk.Settle(t.Context(), Name, n)
		}
		return err
	}
	unknown := dispute("needs_response", "fraudulent", 100)
	unknown["payment_intent"] = "pi_nobody"
	if err := said(unknown); !errors.Is(err, payment.ErrIgnored) {
		t.Errorf("an unknown payment: %v", err)
	}
	if err := said(dispute("needs_response", "fraudulent", p.Order.Totals.Total.Minor()+1)); !fault.Is(err, fault.Conflict) {
		t.Errorf("more than was paid: %v", err)
	}
	live := dispute("needs_response", "fraudulent", 100)
	live["livemode"] = true
	if err := said(live); !errors.Is(err, payment.ErrNotice) {
		t.Errorf("the other mode: %v", err)
	}
	c.bank.mu.Lock()
	meta := c.bank.sessions[c.ref(p)]["metadata"].(map[string]any)
	c.bank.mu.Unlock()
	meta[metaShop] = "another"
	if err := said(dispute("needs_response", "fraudulent", 100)); !errors.Is(err, payment.ErrIgnored) {
		t.Errorf("another shop's: %v", err)
	}
	meta[metaShop] = shop
	c.bank.fail = append(c.bank.fail, down, down)
	if err := said(dispute("needs_response", "fraudulent", 100)); err == nil || errors.Is(err, payment.ErrNotice) || errors.Is(err, payment.ErrIgnored) {
		t.Errorf("Stripe is down: %v, want that it is sent again", err)
	}
	if list := c.concerns(); len(list) != 0 {
		t.Errorf("got %+v, want nothing", list)
	}
}

func down(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }

// TestADisputedPaymentDoesNotGoBackTwice: Stripe refuses by itself to give back what
// the payer's bank has taken (docs.stripe.com/error-codes, refund_disputed_payment),
// which ends the refund; one that was given before stays given.
func TestADisputedPaymentDoesNotGoBackTwice(t *testing.T) {
	b := newBank(t)
	opened, err := b.provider.Open(t.Context(), b.request("order-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	b.decide(opened.Ref, "checkout.session.completed", true)
	part := func(id string) payment.RefundRequest {
		return payment.RefundRequest{ID: id, Ref: opened.Ref, OrderID: "order-1", Amount: money.Of(100, b.request("order-1", 1).Amount.Currency())}
	}
	if err := b.provider.Refund(t.Context(), part("before")); err != nil {
		t.Fatal(err)
	}
	b.disputed = "pi_1"
	b.forget() // of what was asked, days ago
	if err := b.provider.Refund(t.Context(), part("before")); err != nil {
		t.Errorf("what was given before the dispute: %v", err)
	}
	if err := b.provider.Refund(t.Context(), part("after")); !errors.Is(err, payment.ErrRefused) {
		t.Errorf("a refund during the dispute: got %v, want a refusal for good", err)
	}
	if got := b.refunded["pi_1"]; got != 100 {
		t.Errorf("%d went back, want 100", got)
	}
}
