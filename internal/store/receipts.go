package store

import (
	"fmt"
)

// Lines of bank statements that paid an order. Of a line only a keyed hash is kept,
// to know it again: the same file twice pays once. Lines about nothing of this shop
// are not kept at all.

func (v *View) receipt(mark string) []byte {
	sum := v.db.Keys().Token.Sum("bank line v1", []byte(mark))
	return sum[:]
}

// HasReceipt reports whether a line has been counted for an attempt.
func (v *View) HasReceipt(p Payment, mark string) (bool, error) {
	var n int64
	if err := v.row(`SELECT count(*) FROM receipts WHERE owner = $1 AND payment = $2 AND mark = $3`, p.Owner, p.ID, v.receipt(mark)).Scan(&n); err != nil {
		return false, fmt.Errorf("look up receipt: %w", err)
	}
	return n > 0, nil
}

// KeepReceipt notes that a line was counted for an attempt.
func (t *Tx) KeepReceipt(p Payment, mark string) error {
	return t.later("keep receipt", nil, `INSERT INTO receipts (owner, payment, mark, at) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, payment, mark) DO NOTHING`,
		p.Owner, p.ID, t.receipt(mark), ms(t.now))
}

// OpenPayments counts the orders whose goods are kept because they are, or were, to
// be paid at a provider: who turned to another way to pay keeps them as long.
func (v *View) OpenPayments(provider string) (n int64, err error) {
	if err := v.row(`SELECT count(*) FROM orders o WHERE o.status = 'pending' AND o.hold_until > $2
		AND EXISTS (SELECT 1 FROM payments p WHERE p.owner = o.owner AND p.order_id = o.id AND p.provider = $1)`, provider, ms(v.now)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count open payments: %w", err)
	}
	return n, nil
}

// wordMark stands for a person's word among the lines of statements.
const wordMark = ""

// KeepWord notes that an attempt was paid by a person's word.
func (t *Tx) KeepWord(p Payment) error { return t.KeepReceipt(p, wordMark) }

// TakeWord lets a line of a statement stand for the word that an attempt was paid by
// before, and reports whether there was one that no line stands for yet.
func (t *Tx) TakeWord(p Payment, mark string) (bool, error) {
	if err := t.lockOrderOf(p.Owner, p.ID); err != nil {
		return false, err
	}
	n, err := t.exec(`INSERT INTO receipts (owner, payment, mark, at) SELECT owner, payment, $4, CAST($5 AS BIGINT) FROM receipts
		WHERE owner = $1 AND payment = $2 AND mark = $3 AND (SELECT count(*) FROM receipts WHERE owner = $1 AND payment = $2) = 1`,
		p.Owner, p.ID, t.receipt(wordMark), t.receipt(mark), ms(t.now))
	if err != nil {
		return false, fmt.Errorf("keep receipt: %w", err)
	}
	return n == 1, nil
}

// OwedPayments returns the attempts whose money a person has to send back, the
// newest first, up to limit.
func (v *View) OwedPayments(limit int) ([]Payment, error) {
	return v.payments(`SELECT owner, id FROM payments WHERE status = 'owed' ORDER BY opened_at DESC, id DESC LIMIT $1`, limit)
}
