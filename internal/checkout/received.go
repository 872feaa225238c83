package checkout

import (
	"context"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Receipt is money that arrived, by the word of a person or of a bank.
type Receipt struct {
	Reference string
	Amount    money.Amount
	Account   string // whose account, an IBAN; "" when that is not known
	Mark      string // tells this line of a statement from every other; "" for a person's word
}

// Arrival is what became of a receipt.
type Arrival string

// What becomes of one. Only ArrivedPaid and ArrivedOwed change anything.
const (
	ArrivedPaid       Arrival = "paid"         // its order is paid now
	ArrivedOwed       Arrival = "owed"         // too late, and the goods are gone: a person has to send it back
	ArrivedBefore     Arrival = "before"       // this very line, or word, was counted already
	ArrivedTwice      Arrival = "twice"        // paid already, by another line: this one is too much
	ArrivedTooLittle  Arrival = "too-little"   // less than the order costs
	ArrivedTooMuch    Arrival = "too-much"     // more than it costs
	ArrivedOtherMoney Arrival = "other-money"  // in another currency
	ArrivedElsewhere  Arrival = "elsewhere"    // on another account than the payer was told
	ArrivedUnknown    Arrival = "unknown"      // no order has this reference
	ArrivedLater      Arrival = "not-yet-done" // somebody settles it at this moment: say it again
)

// Received is an arrival and what it is about.
type Received struct {
	Arrival
	Number order.Number // "" for ArrivedUnknown
	Want   money.Amount // what the order costs
}

// Received carries out what somebody says of money that arrived. Reference, amount
// and currency must fit exactly; what does not is told and changes nothing, for
// nobody may guess with other people's money. The same line twice counts once.
func (d *Desk) Received(ctx context.Context, actor ledger.Actor, r Receipt) (Received, error) {
	p, err := d.paymentOf(ctx, r.Reference)
	if fault.Is(err, fault.NotFound) {
		return Received{Arrival: ArrivedUnknown}, nil
	}
	if err != nil {
		return Received{}, err
	}
	out := Received{Want: p.Amount}
	known := false
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := v.Order(p.Owner, p.Order)
		if err == nil && r.Mark != "" {
			known, err = v.HasReceipt(p, r.Mark)
		}
		out.Number = o.Number
		return err
	})
	if err != nil {
		return Received{}, err
	}
	if out.Arrival = d.unfit(p, r, known); out.Arrival == ArrivedTwice {
		return d.byWord(ctx, actor, p, r, out)
	}
	if out.Arrival != "" {
		return out, nil
	}
	n := payment.Notice{ID: "received-" + p.ID, Ref: p.Ref, OrderID: string(p.Order), Attempt: p.Attempt, Outcome: payment.Approved,
		Amount: r.Amount, Mode: p.Mode, Account: p.Account, At: d.db.Now()}
	first := false
	_, err = d.settleAs(ctx, actor, p.Provider, n, func(t *store.Tx, now store.Payment) error {
		first = !settled(now)
		switch {
		case !first:
			return nil
		case r.Mark == "":
			return t.KeepWord(now)
		}
		return t.KeepReceipt(now, r.Mark)
	})
	if fault.Is(err, fault.Unavailable) {
		out.Arrival = ArrivedLater
		return out, nil
	}
	if err != nil {
		return Received{}, err
	}
	return d.became(ctx, p, out, first)
}

// byWord looks whether a line that seems to be too much is the one that somebody has
// told of before. The first that fits is.
func (d *Desk) byWord(ctx context.Context, actor ledger.Actor, p store.Payment, r Receipt, out Received) (Received, error) {
	stands := false
	err := d.db.InTx(ctx, actor, func(t *store.Tx) (err error) {
		stands, err = t.TakeWord(p, r.Mark)
		return err
	})
	if stands {
		out.Arrival = ArrivedBefore
	}
	return out, err
}

// unfit says why a receipt changes nothing, or "".
func (d *Desk) unfit(p store.Payment, r Receipt, known bool) Arrival {
	account := ""
	if by, ok := d.byHand(p.Provider); ok {
		account = by.Terms().Account.IBAN
	}
	switch {
	case settled(p) && (known || r.Mark == ""):
		return ArrivedBefore
	case r.Amount.Currency() != p.Amount.Currency():
		return ArrivedOtherMoney
	case r.Amount.Cmp(p.Amount) < 0:
		return ArrivedTooLittle
	case r.Amount.Cmp(p.Amount) > 0:
		return ArrivedTooMuch
	case r.Account != "" && r.Account != p.Account && r.Account != account: // the shop's account may have changed since
		return ArrivedElsewhere
	case settled(p):
		return ArrivedTwice
	}
	return ""
}

// became looks what a settlement has made of an attempt.
func (d *Desk) became(ctx context.Context, p store.Payment, out Received, first bool) (Received, error) {
	err := d.db.View(ctx, func(v *store.View) (err error) {
		p, err = v.Payment(p.Owner, p.ID)
		return err
	})
	switch {
	case err != nil:
		return Received{}, err
	case !first:
		out.Arrival = ArrivedTwice // somebody was quicker with another line
	case p.Status == order.PaymentApproved:
		out.Arrival = ArrivedPaid
	case p.Status == order.PaymentOwed:
		out.Arrival = ArrivedOwed
	default:
		return Received{}, fmt.Errorf("payment %s is %s after it was settled", p.ID, p.Status)
	}
	return out, nil
}
