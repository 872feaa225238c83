package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// post writes an act into the journal of a credit, whose row is locked. The same
// act again changes nothing and reports false. When a side would fall below zero it
// returns credit.ErrShort, and the transaction is to be given up.
func (t *Tx) post(c Credit, act string, do credit.Doing, orderID string, amount money.Amount) (bool, error) {
	entries, err := credit.Act(do, orderID, amount)
	if err != nil {
		return false, err
	}
	if amount.Currency() != c.Balance.Currency() {
		return false, money.ErrCurrency
	}
	for i, e := range entries {
		n, err := t.exec(`INSERT INTO credit_entries (credit, act, side, order_id, doing, amount, at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credit, act, side, order_id) DO NOTHING`,
			string(c.ID), act, string(e.Side), e.Order, string(do), e.Amount.Minor(), ms(t.now))
		if err != nil {
			return false, fmt.Errorf("write an entry: %w", err)
		}
		if n == 0 && i == 0 {
			return false, nil // done before: either all entries of an act are there or none
		}
		if n == 0 {
			return false, fmt.Errorf("write an entry: act %s of credit %s was another", act, c.ID)
		}
		if _, err := t.exec(`INSERT INTO credit_sides (credit, side, order_id, amount) VALUES ($1, $2, $3, 0) ON CONFLICT (credit, side, order_id) DO NOTHING`, string(c.ID), string(e.Side), e.Order); err != nil {
			return false, fmt.Errorf("write a side: %w", err)
		}
		n, err = t.exec(`UPDATE credit_sides SET amount = amount + CAST($4 AS BIGINT) WHERE credit = $1 AND side = $2 AND order_id = $3 AND (side = 'issued' OR amount + CAST($4 AS BIGINT) >= 0)`,
			string(c.ID), string(e.Side), e.Order, e.Amount.Minor())
		if err != nil {
			return false, fmt.Errorf("write a side: %w", err)
		}
		if n == 0 {
			return false, credit.ErrShort
		}
	}
	return true, t.Event("credit."+string(do), string(c.ID), orderID, fmt.Sprintf(`{"amount":%d,"currency":%q}`, amount.Minor(), amount.Currency().Code()))
}

// IssueCredit puts units on a credit, under an act that happens once.
func (t *Tx) IssueCredit(id credit.ID, act string, amount money.Amount) (bool, error) {
	c, err := t.lockCredit(id)
	if err != nil {
		return false, err
	}
	return t.post(c, act, credit.Issue, "", amount)
}

// HoldCredit holds what a part says for an order until end. Doing it again for
// the same order changes the end only. When not so much can be spent it returns
// credit.ErrShort.
func (t *Tx) HoldCredit(p credit.Part, id order.ID, owner string, end time.Time) error {
	c, err := t.lockCredit(p.ID)
	if err != nil {
		return err
	}
	held, err := t.side(c.ID, credit.Held, string(id))
	if err != nil {
		return err
	}
	taken, err := t.tookCredit(c.ID, id)
	switch {
	case err != nil || taken:
		return err // it is paid with already
	case held > 0 && held != p.Amount.Minor():
		return errors.New("hold credit: held in another amount")
	case held == 0:
		if c.Spendable(t.now).Minor() < p.Amount.Minor() {
			return credit.ErrShort
		}
		if _, err := t.post(c, NewID(), credit.Hold, string(id), p.Amount); err != nil {
			return err
		}
	}
	_, err = t.exec(`INSERT INTO credit_holds (credit, order_id, owner, ends_at) VALUES ($1, $2, $3, $4) ON CONFLICT (credit, order_id) DO UPDATE SET ends_at = excluded.ends_at`,
		string(c.ID), string(id), owner, ms(end))
	if err != nil {
		return fmt.Errorf("hold credit: %w", err)
	}
	return nil
}

// CreditHeldBy is how much of a credit an order holds.
func (v *View) CreditHeldBy(c Credit, id order.ID) (money.Amount, error) {
	held, err := v.side(c.ID, credit.Held, string(id))
	return money.Of(held, c.Balance.Currency()), err
}

// tookCredit reports whether an order was paid with a credit for good.
func (t *Tx) tookCredit(of credit.ID, id order.ID) (bool, error) {
	var n int64
	err := t.row(`SELECT count(*) FROM credit_entries WHERE credit = $1 AND side = 'redeemed' AND order_id = $2 AND doing = 'take'`, string(of), string(id)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read a credit: %w", err)
	}
	return n > 0, nil
}

// KeepCreditUntil makes what an order holds last until end, if it ended sooner.
func (t *Tx) KeepCreditUntil(id order.ID, end time.Time) error {
	return t.later("keep credit held", nil, `UPDATE credit_holds SET ends_at = $2 WHERE order_id = $1 AND ends_at < $2`, string(id), ms(end))
}

// heldBy lists the credits that an order holds something of until a moment.
func (t *Tx) heldBy(id order.ID, before time.Time) ([]credit.ID, error) {
	rows, err := t.rows(`SELECT credit FROM credit_holds WHERE order_id = $1 AND ends_at <= $2 ORDER BY credit`, string(id), ms(before))
	if err != nil {
		return nil, fmt.Errorf("list held credit: %w", err)
	}
	return column[credit.ID](rows)
}

// endCreditHold ends what an order holds of a credit, one way or the other. One
// that was held afresh beyond the given moment meanwhile stays.
func (t *Tx) endCreditHold(of credit.ID, id order.ID, before time.Time, do credit.Doing) error {
	c, err := t.lockCredit(of)
	if err != nil {
		return err
	}
	n, err := t.exec(`DELETE FROM credit_holds WHERE credit = $1 AND order_id = $2 AND ends_at <= $3`, string(of), string(id), ms(before))
	if err != nil || n == 0 {
		return err
	}
	held, err := t.side(of, credit.Held, string(id))
	if err != nil || held == 0 {
		return err
	}
	amount := money.Of(held, c.Balance.Currency())
	if _, err := t.post(c, NewID(), do, string(id), amount); err != nil || do != credit.Release || c.CancelledAt.IsZero() {
		return err
	}
	_, err = t.post(c, NewID(), credit.Cancel, "", amount) // nobody can spend it any more
	return err
}

// ReleaseCredit gives back what an order holds and whose end lies at or before
// the given moment.
func (t *Tx) ReleaseCredit(id order.ID, before time.Time) error {
	list, err := t.heldBy(id, before)
	if err != nil {
		return err
	}
	for _, of := range list {
		if err := t.endCreditHold(of, id, before, credit.Release); err != nil {
			return err
		}
	}
	return nil
}

// TakeCredit makes a paid order's part paid for good. What is not held for it any
// more is held again first, so that nobody gets goods for nothing; without either
// it returns credit.ErrShort. Doing it again changes nothing.
func (t *Tx) TakeCredit(p credit.Part, id order.ID, owner string) error {
	if err := t.HoldCredit(p, id, owner, t.now); err != nil {
		return err
	}
	return t.endCreditHold(p.ID, id, t.now, credit.Take)
}

// grace is how much longer an expired card lasts to which money goes back.
const grace = 90 * 24 * time.Hour

// GiveBackCredit gives back a part of what an order was paid with, under an act
// that happens once: the id of the refund. What paid last gets its own back first,
// and nothing gets more than was taken from it.
func (t *Tx) GiveBackCredit(paid []credit.Part, id order.ID, act string, amount money.Amount) error {
	for _, p := range slices.SortedFunc(slices.Values(paid), func(a, b credit.Part) int { return strings.Compare(string(a.ID), string(b.ID)) }) {
		if _, err := t.lockCredit(p.ID); err != nil {
			return err
		}
	}
	var n int64
	if err := t.row(`SELECT count(*) FROM credit_entries WHERE order_id = $1 AND act = $2`, string(id), act).Scan(&n); err != nil || n > 0 {
		return err // given back before
	}
	paid = slices.Clone(paid)
	for i := range paid {
		taken, err := t.side(paid[i].ID, credit.Redeemed, string(id))
		if err != nil {
			return err
		}
		paid[i].Amount = money.Of(taken, amount.Currency())
	}
	back, err := credit.Share(amount, paid)
	if err != nil {
		return err
	}
	for _, p := range back {
		c, err := t.Credit(p.ID)
		if err != nil {
			return err
		}
		if _, err := t.post(c, act, credit.GiveBack, string(id), p.Amount); err != nil {
			return err
		}
		if c.EndsAt.IsZero() || c.EndsAt.After(t.now.Add(grace)) {
			continue
		}
		if _, err := t.exec(`UPDATE credits SET ends_at = $2 WHERE id = $1`, string(c.ID), ms(t.now.Add(grace))); err != nil {
			return fmt.Errorf("put off the end of a credit: %w", err)
		}
	}
	return nil
}

var errCancelled = fault.New(fault.Conflict, "That is cancelled already.")

// CancelCredit ends a credit for good and takes off what is left of it. What an
// order holds or has taken stays with that order.
func (t *Tx) CancelCredit(id credit.ID) error {
	c, err := t.lockCredit(id)
	if err != nil {
		return err
	}
	if !c.CancelledAt.IsZero() {
		return errCancelled
	}
	if _, err := t.exec(`UPDATE credits SET cancelled_at = $2 WHERE id = $1`, string(id), ms(t.now)); err != nil {
		return fmt.Errorf("cancel a credit: %w", err)
	}
	if c.Balance.IsZero() {
		return t.Event("credit.closed", string(id), "", "") // no act: the books have nothing of it
	}
	_, err = t.post(c, NewID(), credit.Cancel, "", c.Balance)
	return err
}

// ExpireCredits takes off what is left on up to limit credits whose end has
// passed, and tells how many there were.
func (t *Tx) ExpireCredits(limit int) (int, error) {
	rows, err := t.rows(`SELECT c.id FROM credits c JOIN credit_sides s ON s.credit = c.id AND s.side = 'balance' AND s.order_id = '' AND s.amount > 0
		WHERE c.ends_at > 0 AND c.ends_at <= $1 ORDER BY c.id LIMIT $2`, ms(t.now), limit)
	if err != nil {
		return 0, fmt.Errorf("list expired credit: %w", err)
	}
	list, err := column[credit.ID](rows)
	if err != nil {
		return 0, fmt.Errorf("list expired credit: %w", err)
	}
	for _, id := range list {
		c, err := t.lockCredit(id)
		if err != nil {
			return 0, err
		}
		if c.Balance.IsZero() || c.EndsAt.After(t.now) {
			continue
		}
		if _, err := t.post(c, NewID(), credit.Expire, "", c.Balance); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// HoldsCredit reports whether an order holds any credit.
func (v *View) HoldsCredit(id order.ID) (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM credit_holds WHERE order_id = $1`, string(id)).Scan(&n)
	return n > 0, err
}

// EndedCreditHolds returns up to limit holds of credit whose end has passed, as
// holds of nothing.
func (v *View) EndedCreditHolds(limit int) ([]Hold, error) {
	rows, err := v.rows(`SELECT '', order_id, owner, ends_at FROM credit_holds WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2`, ms(v.now), limit)
	if err != nil {
		return nil, fmt.Errorf("list ended holds of credit: %w", err)
	}
	return scanHolds(rows)
}
