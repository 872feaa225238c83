package mollie

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// What Mollie tells of a payment that stays paid in its words: the payer's bank took
// the money back, or gave it to us again, or a refund did not arrive. It calls back
// when that happens, and names the payment only; the payment is then read together
// with its refunds and chargebacks.
//
// Mollie takes a chargeback off the balance at once and says of none until when it can
// be answered, nor that it was lost. One that was reversed is won.

// chargeback is what is read of one.
type chargeback struct {
	ID         string `json:"id"`
	Amount     amount `json:"amount"`
	ReversedAt string `json:"reversedAt"` // "" or null: it stands
}

// told is a payment with what came after it.
type told struct {
	paid
	Embedded struct {
		Refunds     []refund     `json:"refunds"`
		Chargebacks []chargeback `json:"chargebacks"`
	} `json:"_embedded"`
	Back *amount `json:"amountChargedBack"`
}

// Remarks tells what became of a payment since.
func (p *Provider) Remarks(ctx context.Context, ref string) ([]payment.Notice, error) {
	if !isID(ref, "tr_") {
		return nil, fmt.Errorf("read what came after: %w", payment.ErrRefused)
	}
	var got told
	if err := p.call(ctx, http.MethodGet, "/v2/payments/"+ref+"?embed=refunds,chargebacks", "", nil, &got); err != nil {
		return nil, fmt.Errorf("read what came after: %w", err)
	}
	n, err := p.read(got.paid)
	if err == nil && n.Ref != ref {
		err = payment.ErrNotice
	}
	if err != nil {
		return nil, fmt.Errorf("read what came after: %w", err)
	}
	n.At = p.c.Now()
	out, err := chargebacks(n, got)
	if err != nil {
		return nil, fmt.Errorf("read what came after: %w", err)
	}
	arrived := map[string]bool{} // a refund that failed may have been asked for again
	for _, r := range got.Embedded.Refunds {
		if !r.failed() {
			arrived[r.Metadata.Refund] = true
		}
	}
	for _, r := range got.Embedded.Refunds {
		if !r.failed() || r.Metadata.Refund == "" || r.Metadata.Shop != p.c.Shop || arrived[r.Metadata.Refund] {
			continue // not failed, or made at Mollie: not ours to finish
		}
		one := n
		one.ID, one.About, one.Outcome, one.Refund = "failed-"+r.ID, r.ID, payment.RefundFailed, r.Metadata.Refund
		if one.Amount, err = r.Amount.money(); err != nil {
			return nil, fmt.Errorf("read what came after: %w", err)
		}
		out = append(out, one)
	}
	return out, nil
}

// chargebacks reads what the payer's bank took back, and what of it came again.
func chargebacks(n payment.Notice, got told) (out []payment.Notice, err error) {
	for _, c := range got.Embedded.Chargebacks {
		one := n
		one.ID, one.About, one.Outcome, one.Reason = "chargeback-"+c.ID, c.ID, payment.Disputed, order.DisputeOther
		if one.Amount, err = c.Amount.money(); err != nil || !isID(strings.ReplaceAll(c.ID, "_", ""), "chb") {
			return nil, payment.ErrNotice
		}
		if c.ReversedAt != "" {
			one.ID, one.Outcome = "reversed-"+c.ID, payment.DisputeWon
		}
		out = append(out, one)
	}
	if got.Back != nil && strings.Trim(got.Back.Value, "0.") != "" && len(out) == 0 {
		return nil, payment.ErrNotice // some was taken back, and not a word of which
	}
	return out, nil
}
