package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// RefundState is where a refund stands.
type RefundState string

// The states of a refund. What was asked for counts as given until the provider
// has refused it.
const (
	RefundAsked   RefundState = "asked"
	RefundDone    RefundState = "done"
	RefundRefused RefundState = "refused"
)

// Refund is money that goes back for an order.
type Refund struct {
	ID      string // the idempotency key at the provider
	Owner   string
	Order   order.ID
	Payment string // the attempt that paid; "" of an order with nothing to pay
	Amount  money.Amount
	// ByCredit is the part of Amount that goes back to the gift cards and the
	// store credit that paid. The rest was taken by a payment service.
	ByCredit money.Amount
	ToCredit Target // where that rest goes, when not the way it came
	State    RefundState
	AskedAt  time.Time
	EndedAt  time.Time
	// FailedAt is when the provider told that the money did not arrive; zero else.
	// It is owed then, and has to go another way.
	FailedAt time.Time
	ByHand   bool // a person has sent it, whatever the payment service does
	// Untaken: its Rest was only reserved and will not be taken, so that no money moves.
	Untaken bool
}

// Rest is the part of a refund that a payment service took.
func (r Refund) Rest() money.Amount {
	return money.Of(r.Amount.Minor()-r.ByCredit.Minor(), r.Amount.Currency())
}

// Target says where the money of a payment service goes instead of back to it.
type Target string

// The targets.
const (
	ToService Target = ""        // the way it came
	ToAccount Target = "account" // store credit of the account whose order it is
	ToCard    Target = "card"    // a new gift card, mailed to the buyer
)

// AskRefund writes a refund, before the provider knows of it. It reports false
// when more would go back than was paid, with all that was asked for before: by
// credit, or by a payment service, each for itself. The order's row must be locked.
func (t *Tx) AskRefund(r Refund, byCredit, byService money.Amount) (bool, error) {
	if r.Amount.Currency() != byCredit.Currency() || r.Amount.Currency() != byService.Currency() {
		return false, nil
	}
	n, err := t.exec(`INSERT INTO refunds (owner, id, order_id, payment, amount, by_credit, to_credit, currency, state, asked_at, ended_at, by_hand, untaken)
		SELECT $1, $2, $3, $4, CAST($5 AS BIGINT), CAST($9 AS BIGINT), $11, $6, 'asked', CAST($7 AS BIGINT), 0, CAST($12 AS BOOLEAN), CAST($13 AS BOOLEAN)
		FROM (SELECT COALESCE(SUM(amount - by_credit), 0) AS service, COALESCE(SUM(by_credit), 0) AS credit FROM refunds WHERE owner = $1 AND order_id = $3 AND state <> 'refused') b
		WHERE CAST($5 AS BIGINT) >= CAST($9 AS BIGINT) AND CAST($5 AS BIGINT) - CAST($9 AS BIGINT) + b.service <= CAST($8 AS BIGINT) AND CAST($9 AS BIGINT) + b.credit <= CAST($10 AS BIGINT)`,
		r.Owner, r.ID, string(r.Order), r.Payment, r.Amount.Minor(), r.Amount.Currency().Code(), ms(t.now), byService.Minor(), r.ByCredit.Minor(), byCredit.Minor(), string(r.ToCredit), r.ByHand, r.Untaken)
	if err != nil {
		return false, fmt.Errorf("ask for a refund: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, t.Event("refund.asked", r.Owner, r.ID, "")
}

// EndRefund notes how a refund that was asked for ended, and whether its money was
// ever taken; the concern that it waits ends with it. It reports false when that is
// known already.
func (t *Tx) EndRefund(r Refund, to RefundState) (bool, error) {
	n, err := t.exec(`UPDATE refunds SET state = $3, ended_at = $4, untaken = $5 WHERE owner = $1 AND id = $2 AND state = 'asked'`, r.Owner, r.ID, string(to), ms(t.now), r.Untaken)
	if err != nil {
		return false, fmt.Errorf("end a refund: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if err := t.StopWaiting(r.Owner, r.Payment, r.ID); err != nil {
		return false, err
	}
	return true, t.Event("refund."+string(to), r.Owner, r.ID, "")
}

// RefundUntaken notes that the money of a refund that waits is only reserved still,
// and will not be taken. The order's row must be locked.
func (t *Tx) RefundUntaken(r Refund) error {
	if _, err := t.exec(`UPDATE refunds SET untaken = TRUE WHERE owner = $1 AND id = $2 AND state = 'asked'`, r.Owner, r.ID); err != nil {
		return fmt.Errorf("note a refund of reserved money: %w", err)
	}
	return t.Event("refund.untaken", r.Owner, r.ID, "")
}

// FailRefund notes that what a refund gave back did not arrive, and is owed still.
// It reports false when that is known, or when nothing was given back.
func (t *Tx) FailRefund(r Refund) (bool, error) {
	n, err := t.exec(`UPDATE refunds SET failed_at = $3 WHERE owner = $1 AND id = $2 AND state <> 'refused' AND failed_at = 0`, r.Owner, r.ID, ms(t.now))
	if err != nil {
		return false, fmt.Errorf("note a refund that failed: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, t.Event("refund.failed", r.Owner, r.ID, "")
}

const refundColumns = `SELECT owner, id, order_id, payment, amount, by_credit, to_credit, currency, state, asked_at, ended_at, failed_at, by_hand, untaken FROM refunds WHERE owner = $1 AND `

func scanRefund(row row) (Refund, error) {
	var r Refund
	var currency string
	var amount, byCredit, asked, ended, failed int64
	if err := row.Scan(&r.Owner, &r.ID, &r.Order, &r.Payment, &amount, &byCredit, &r.ToCredit, &currency, &r.State, &asked, &ended, &failed, &r.ByHand, &r.Untaken); err != nil {
		return Refund{}, err
	}
	c, err := money.ParseCurrency(currency)
	r.Amount, r.ByCredit, r.AskedAt, r.EndedAt, r.FailedAt = money.Of(amount, c), money.Of(byCredit, c), when(asked), since(ended), since(failed)
	return r, err
}

// Refund returns a refund by its id.
func (v *View) Refund(owner, id string) (Refund, error) {
	r, err := scanRefund(v.row(refundColumns+`id = $2`+v.forUpdate(), owner, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Refund{}, errNoOrder
	}
	if err != nil {
		return Refund{}, fmt.Errorf("read refund: %w", err)
	}
	return r, nil
}

// RefundsOf returns the refunds of an order, the oldest first.
func (v *View) RefundsOf(owner string, id order.ID) ([]Refund, error) {
	rows, err := v.rows(refundColumns+`order_id = $2 ORDER BY asked_at, id`, owner, string(id))
	if err != nil {
		return nil, fmt.Errorf("list refunds: %w", err)
	}
	defer rows.Close()
	var out []Refund
	for rows.Next() {
		r, err := scanRefund(rows)
		if err != nil {
			return nil, fmt.Errorf("list refunds: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// JournalPart writes a part of an order's price that went back into the tax
// journal: shared over its classes and rates by what is left of each, and each
// share split into net and tax as that is.
func (t *Tx) JournalPart(owner string, id order.ID, part money.Amount) error {
	left, entry, err := t.leftInJournal(owner, id, part.Currency())
	if err != nil || len(left) == 0 {
		return err
	}
	today, err := t.today()
	if err != nil {
		return err
	}
	weights := make([]int64, 0, len(left))
	for _, l := range left {
		gross, err := l.Gross()
		if err != nil {
			return err
		}
		weights = append(weights, gross.Minor())
	}
	shares, err := part.Allocate(weights)
	if err != nil {
		return fmt.Errorf("share a refund: %w", err)
	}
	for i, l := range left {
		if shares[i].IsZero() {
			continue
		}
		both, err := shares[i].Allocate([]int64{l.Net.Minor(), l.Tax.Minor()})
		if err != nil {
			return fmt.Errorf("share a refund: %w", err)
		}
		_, err = t.exec(`INSERT INTO tax_journal (owner, order_id, entry, class, rate, day, kind, currency, country, region, reverse, net, tax)
			VALUES ($1, $2, $3, $4, $5, $6, 'refund', $7, $8, $9, $10, $11, $12)`,
			owner, string(id), entry+1, l.Class, int64(l.Rate), today, part.Currency().Code(), l.Country, l.Region, l.Reverse, -both[0].Minor(), -both[1].Minor())
		if err != nil {
			return fmt.Errorf("write the tax journal: %w", err)
		}
	}
	return nil
}

// leftInJournal is what the journal says of an order, sales less refunds, and the
// number of its newest entry.
func (t *Tx) leftInJournal(owner string, id order.ID, c money.Currency) (out []JournalLine, entry int64, err error) {
	rows, err := t.rows(`SELECT class, rate, country, region, reverse, CAST(SUM(net) AS BIGINT), CAST(SUM(tax) AS BIGINT), MAX(entry) FROM tax_journal
		WHERE owner = $1 AND order_id = $2 GROUP BY class, rate, country, region, reverse ORDER BY class, rate`, owner, string(id))
	if err != nil {
		return nil, 0, fmt.Errorf("read the tax journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l JournalLine
		var net, tax, newest int64
		if err := rows.Scan(&l.Class, &l.Rate, &l.Country, &l.Region, &l.Reverse, &net, &tax, &newest); err != nil {
			return nil, 0, fmt.Errorf("read the tax journal: %w", err)
		}
		l.Net, l.Tax, entry = money.Of(net, c), money.Of(tax, c), max(entry, newest)
		out = append(out, l)
	}
	return out, entry, rows.Err()
}
