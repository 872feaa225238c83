package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

// Credit has a key of its own, like stock: no transaction spans one and an owner,
// and one that touches several takes them in the order of their ids.

// Credit is a gift card, or the store credit of an account.
type Credit struct {
	ID          credit.ID
	Kind        credit.Kind
	Owner       string // of an account's credit; "" once its person is gone, and of a card
	Last        string // of a card's code
	Source      credit.Source
	Order       string // that bought it, or whose refund it is; or ""
	Balance     money.Amount
	Held        money.Amount // by unpaid orders
	Issued      money.Amount
	MadeAt      time.Time
	EndsAt      time.Time // zero: never
	CancelledAt time.Time
}

// Spendable is what can be spent of it now.
func (c Credit) Spendable(now time.Time) money.Amount {
	if !c.CancelledAt.IsZero() || !c.EndsAt.IsZero() && !c.EndsAt.After(now) {
		return money.Zero(c.Balance.Currency())
	}
	return c.Balance
}

// Part is the credit with what can be spent of it.
func (c Credit) Part(now time.Time) credit.Part {
	return credit.Part{ID: c.ID, Kind: c.Kind, Last: c.Last, Amount: c.Spendable(now)}
}

var errNoCredit = fault.Missing("There is no such gift card or credit.")

// cardMAC is what is kept of a card's code. Its key belongs to no index, whose
// hashes are made anew from what they stand for: the code itself is nowhere.
func (db *DB) cardMAC(code credit.Code) []byte {
	mac := db.keys.Token.Sum("gift card code v1", code.Key())
	return mac[:]
}

// OpenCredit writes a credit on which nothing is yet. One of that id that is
// there stays as it is; then it reports false.
func (t *Tx) OpenCredit(c Credit, code credit.Code, in money.Currency) (bool, error) {
	var mac []byte
	if c.Kind == credit.Card {
		mac = t.db.cardMAC(code)
	}
	n, err := t.exec(`INSERT INTO credits (id, kind, currency, owner, code, last, source, order_id, made_at, ends_at, cancelled_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0) ON CONFLICT (id) DO NOTHING`,
		string(c.ID), string(c.Kind), in.Code(), c.Owner, mac, code.Last(), string(c.Source), c.Order, ms(t.now), msOr0(c.EndsAt))
	if err != nil {
		return false, fmt.Errorf("open a credit: %w", err)
	}
	return n == 1, nil
}

// msOr0 is ms, with 0 for the zero time.
func msOr0(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return ms(at)
}

const creditColumns = `SELECT c.id, c.kind, c.currency, c.owner, c.last, c.source, c.order_id, c.made_at, c.ends_at, c.cancelled_at,
	COALESCE((SELECT s.amount FROM credit_sides s WHERE s.credit = c.id AND s.side = 'balance' AND s.order_id = ''), 0),
	CAST(COALESCE((SELECT SUM(s.amount) FROM credit_sides s WHERE s.credit = c.id AND s.side = 'held'), 0) AS BIGINT),
	COALESCE((SELECT -s.amount FROM credit_sides s WHERE s.credit = c.id AND s.side = 'issued' AND s.order_id = ''), 0)
	FROM credits c WHERE `

func scanCredit(r row) (Credit, error) {
	var c Credit
	var currency string
	var made, ends, cancelled, balance, held, issued int64
	err := r.Scan(&c.ID, &c.Kind, &currency, &c.Owner, &c.Last, &c.Source, &c.Order, &made, &ends, &cancelled, &balance, &held, &issued)
	if errors.Is(err, sql.ErrNoRows) {
		return Credit{}, errNoCredit
	}
	if err != nil {
		return Credit{}, fmt.Errorf("read a credit: %w", err)
	}
	in, err := money.ParseCurrency(currency)
	c.Balance, c.Held, c.Issued = money.Of(balance, in), money.Of(held, in), money.Of(issued, in)
	c.MadeAt, c.EndsAt, c.CancelledAt = when(made), since(ends), since(cancelled)
	return c, err
}

// Credit returns a credit as it stands. It locks nothing: a cart only looks.
func (v *View) Credit(id credit.ID) (Credit, error) {
	return scanCredit(v.row(creditColumns+`c.id = $1`, string(id)))
}

// lockCredit is Credit for an act about it: such acts queue.
func (t *Tx) lockCredit(id credit.ID) (Credit, error) {
	if words := t.forUpdate(); words != "" {
		var there string
		err := t.row(`SELECT id FROM credits WHERE id = $1`+words, string(id)).Scan(&there)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Credit{}, fmt.Errorf("lock a credit: %w", err)
		}
	}
	return t.Credit(id)
}

// CardByCode finds the card that a code opens.
func (v *View) CardByCode(code credit.Code) (Credit, error) {
	return scanCredit(v.row(creditColumns+`c.code = $1`, v.db.cardMAC(code)))
}

// CreditOf finds the credit of an account in a currency.
func (v *View) CreditOf(owner string, in money.Currency) (Credit, error) {
	if owner == "" {
		return Credit{}, errNoCredit
	}
	return scanCredit(v.row(creditColumns+`c.owner = $1 AND c.currency = $2`, owner, in.Code()))
}

// Credits lists the newest credits.
func (v *View) Credits(limit int) ([]Credit, error) {
	rows, err := v.rows(creditColumns+`TRUE ORDER BY c.made_at DESC, c.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list credits: %w", err)
	}
	defer rows.Close()
	var out []Credit
	for rows.Next() {
		c, err := scanCredit(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// CreditAct is a line in the history of a credit: what an act did to what can be
// spent of it.
type CreditAct struct {
	Doing  credit.Doing
	Amount money.Amount // negative for what went off
	Order  string       // the id; or ""
	Number string       // of that order, where it is there
	At     time.Time
}

// CreditHistory lists the acts that moved the balance of a credit, the newest first.
func (v *View) CreditHistory(c Credit, limit int) ([]CreditAct, error) {
	rows, err := v.rows(`SELECT e.doing, e.amount, e.at, COALESCE(x.order_id, ''), COALESCE((SELECT o.number FROM orders o WHERE o.id = x.order_id), '')
		FROM credit_entries e LEFT JOIN credit_entries x ON x.credit = e.credit AND x.act = e.act AND x.order_id <> ''
		WHERE e.credit = $1 AND e.side = 'balance' ORDER BY e.at DESC, e.act DESC LIMIT $2`, string(c.ID), limit)
	if err != nil {
		return nil, fmt.Errorf("read the history of a credit: %w", err)
	}
	defer rows.Close()
	var out []CreditAct
	for rows.Next() {
		var a CreditAct
		var amount, at int64
		if err := rows.Scan(&a.Doing, &amount, &at, &a.Order, &a.Number); err != nil {
			return nil, fmt.Errorf("read the history of a credit: %w", err)
		}
		a.Amount, a.At = money.Of(amount, c.Balance.Currency()), when(at)
		out = append(out, a)
	}
	return out, rows.Err()
}

// side is what stands on one side of a credit for an order, or "".
func (v *View) side(id credit.ID, side credit.Side, order string) (amount int64, err error) {
	err = v.row(`SELECT amount FROM credit_sides WHERE credit = $1 AND side = $2 AND order_id = $3`, string(id), string(side), order).Scan(&amount)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read a credit: %w", err)
	}
	return amount, nil
}
