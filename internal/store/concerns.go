package store

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// ConcernKind is what a person has to look at.
type ConcernKind string

// The kinds of concerns.
const (
	ConcernDispute ConcernKind = "dispute" // the payer's bank asks for the money back
	ConcernWarning ConcernKind = "warning" // the provider or the card's network takes it for fraud
	ConcernRefund  ConcernKind = "refund"  // a refund that somebody asked for was refused, or did not arrive
	ConcernReturn  ConcernKind = "return"  // a payment that is of no use could not be sent back
	ConcernReserve ConcernKind = "reserve" // reserved money goes free at AnswerBy unless it is taken
	ConcernCapture ConcernKind = "capture" // reserved money was not taken as the shop meant to
	ConcernWaiting ConcernKind = "waiting" // money is to go back and has not for long; the shop goes on trying
)

// How a concern ended.
const (
	ConcernWon  = "won"
	ConcernLost = "lost"
	ConcernSeen = "seen" // somebody has seen to it; a dispute that nobody won is lost by then
	ConcernOver = "over" // what was waited for has come, or is not waited for any more
)

// Concern is something about a payment that a person has to look at.
type Concern struct {
	Owner    string
	Order    order.ID
	Payment  string
	Kind     ConcernKind
	About    string // the provider's id of it, to tell two apart; kept as a keyed hash
	Reason   order.DisputeReason
	Amount   money.Amount
	RaisedAt time.Time
	AnswerBy time.Time // until when it can be answered; zero where there is no such time
	EndedAt  time.Time // zero while it is open
	Ending   string

	which string
}

func (db *DB) concernKey(c Concern) string {
	mac := db.keys.Token.Sum("payment concern v1", []byte(c.Payment), []byte(c.Kind), []byte(c.About))
	return hex.EncodeToString(mac[:16])
}

// RaiseConcern writes a concern down. Said again it changes the time to answer
// by, and nothing once it has ended. It reports whether it is new.
func (t *Tx) RaiseConcern(c Concern) (bool, error) {
	return t.keepConcern(c, "", `answer_by = CASE WHEN payment_concerns.ended_at = 0 THEN excluded.answer_by ELSE payment_concerns.answer_by END`)
}

// EndConcern notes how a concern ended, one that nobody has heard of before too:
// what a provider says comes out of order. The first ending stays, but for what somebody
// in the shop has only seen to: how that ended is the bank's to say. It reports whether
// it ended with this.
func (t *Tx) EndConcern(c Concern, ending string) (bool, error) {
	return t.keepConcern(c, ending, `ended_at = excluded.ended_at, ending = excluded.ending`)
}

// StopWaiting ends the concern that money waits to go back: about is the id of the
// refund, or of the payment of no use. Where nobody was told, there is nothing to end.
func (t *Tx) StopWaiting(owner, payment, about string) error {
	c := Concern{Owner: owner, Payment: payment, Kind: ConcernWaiting, About: about}
	n, err := t.exec(`UPDATE payment_concerns SET ended_at = $5, ending = $6 WHERE owner = $1 AND payment = $2 AND kind = $3 AND which = $4 AND ended_at = 0`,
		c.Owner, c.Payment, string(c.Kind), t.db.concernKey(c), ms(t.now), ConcernOver)
	if err != nil {
		return fmt.Errorf("end a concern: %w", err)
	}
	if n == 0 {
		return nil
	}
	return t.Event("concern."+string(c.Kind)+"."+ConcernOver, c.Owner, c.Payment, "")
}

// keepConcern reports whether a concern is new, or has ended by this.
func (t *Tx) keepConcern(c Concern, ending, change string) (bool, error) {
	which := c.which
	if which == "" {
		which = t.db.concernKey(c)
	}
	var before int64
	var was string
	err := t.row(`SELECT COUNT(*), COALESCE(MAX(ending), '') FROM payment_concerns WHERE owner = $1 AND payment = $2 AND kind = $3 AND which = $4`, c.Owner, c.Payment, string(c.Kind), which).Scan(&before, &was)
	if err != nil {
		return false, fmt.Errorf("keep a concern: %w", err)
	}
	if ending != "" && was != "" && (was != ConcernSeen || ending == ConcernSeen) {
		return false, nil // the first ending stays, and is told once
	}
	ended := int64(0)
	if ending != "" {
		ended = ms(t.now)
	}
	answer := int64(0)
	if !c.AnswerBy.IsZero() {
		answer = ms(c.AnswerBy)
	}
	_, err = t.exec(`INSERT INTO payment_concerns (owner, payment, kind, which, order_id, reason, amount, currency, raised_at, answer_by, ended_at, ending)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (owner, payment, kind, which) DO UPDATE SET `+change,
		c.Owner, c.Payment, string(c.Kind), which, string(c.Order), string(c.Reason), c.Amount.Minor(), c.Amount.Currency().Code(), ms(t.now), answer, ended, ending)
	if err != nil {
		return false, fmt.Errorf("keep a concern: %w", err)
	}
	what := "raised"
	if ending != "" {
		what = ending
	} else if before > 0 {
		return false, nil
	}
	return true, t.Event("concern."+string(c.Kind)+"."+what, c.Owner, c.Payment, "")
}

const concernColumns = `SELECT owner, payment, kind, which, order_id, reason, amount, currency, raised_at, answer_by, ended_at, ending FROM payment_concerns `

// OpenConcerns returns what nobody has seen to, up to limit: first what has to be
// answered soonest.
func (v *View) OpenConcerns(limit int) ([]Concern, error) {
	return v.concerns(concernColumns+`WHERE ended_at = 0 ORDER BY CASE WHEN answer_by = 0 THEN 1 ELSE 0 END, answer_by, raised_at, payment, which LIMIT $1`, limit)
}

// ConcernsOf returns the concerns about an order, the oldest first.
func (v *View) ConcernsOf(owner string, id order.ID) ([]Concern, error) {
	return v.concerns(concernColumns+`WHERE owner = $1 AND order_id = $2 ORDER BY raised_at, payment, which`, owner, string(id))
}

func (v *View) concerns(query string, args ...any) ([]Concern, error) {
	rows, err := v.rows(query, args...)
	if err != nil {
		return nil, fmt.Errorf("list concerns: %w", err)
	}
	defer rows.Close()
	var out []Concern
	for rows.Next() {
		var c Concern
		var currency string
		var amount, raised, answer, ended int64
		if err := rows.Scan(&c.Owner, &c.Payment, &c.Kind, &c.which, &c.Order, &c.Reason, &amount, &currency, &raised, &answer, &ended, &c.Ending); err != nil {
			return nil, fmt.Errorf("list concerns: %w", err)
		}
		unit, err := money.ParseCurrency(currency)
		if err != nil {
			return nil, fmt.Errorf("list concerns: %w", err)
		}
		c.Amount, c.RaisedAt, c.AnswerBy, c.EndedAt = money.Of(amount, unit), when(raised), since(answer), since(ended)
		out = append(out, c)
	}
	return out, rows.Err()
}

// PaymentOfOrder finds the attempt that a notice means which names the order's
// number instead of a session. The order is locked, as by PaymentByRef.
func (v *View) PaymentOfOrder(provider string, number order.Number, attempt int) (Payment, error) {
	owner, id, err := v.find(dirOrder, []byte(number), nil)
	if err != nil {
		return Payment{}, err
	}
	if _, err := v.Order(owner, order.ID(id)); err != nil {
		return Payment{}, err
	}
	var found string
	err = v.row(`SELECT id FROM payments WHERE owner = $1 AND order_id = $2 AND attempt = $3 AND provider = $4`, owner, id, attempt, provider).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return Payment{}, errNoOrder
	}
	if err != nil {
		return Payment{}, fmt.Errorf("find payment: %w", err)
	}
	return v.Payment(owner, found)
}
