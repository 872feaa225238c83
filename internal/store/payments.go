package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Payment is one attempt to pay an order.
type Payment struct {
	ID        string
	Owner     string
	Order     order.ID
	Attempt   int
	Provider  string
	Status    order.Payment
	Amount    money.Amount
	Ref       string // the provider's reference; "" until it was opened there
	URL       string // where the shopper pays
	Mode      string // of the account that it was opened for
	Account   string
	Cards     string // what whoever pays wishes about kept cards: "", CardKeep or CardKept
	Customer  string // whose they are, in the provider's words; while the attempt is open
	Here      bool   // its page is ours, with fields of the provider
	OpenedAt  time.Time
	ExpiresAt time.Time
	ChangedAt time.Time // when it last changed its state

	Capture       Capture
	CaptureAmount money.Amount // what is, or was, to be taken; zero before that was asked for
	CaptureBy     time.Time    // until when it can be taken; zero where it is not reserved
}

// NewPayment writes an attempt, before the provider knows of it.
func (t *Tx) NewPayment(p Payment) error {
	var customer []byte
	if p.Customer != "" {
		f, err := t.folder(p.Owner, string(p.Order))
		if err != nil {
			return err
		}
		if f.ended[personal.Payment] {
			return ErrEnded
		}
		s := sealer{row: p.ID}
		if customer = put(&s, f.open(personal.Payment), personal.PaymentCustomer, p.Customer); s.err != nil {
			return fmt.Errorf("seal payment: %w", s.err)
		}
	}
	return t.later("new payment", nil, `INSERT INTO payments (owner, id, order_id, attempt, provider, status, amount, currency, opened_at, expires_at, updated_at, capture, cards, customer, here)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $11, $12, $13, $14)`,
		p.Owner, p.ID, string(p.Order), p.Attempt, p.Provider, string(p.Status), p.Amount.Minor(), p.Amount.Currency().Code(), ms(t.now), ms(p.ExpiresAt), string(p.Capture), p.Cards, customer, p.Here)
}

// OpenedPayment seals what the provider answered. Done twice with the same
// answer it changes nothing.
func (t *Tx) OpenedPayment(p Payment) error {
	if err := t.lockOrderOf(p.Owner, p.ID); err != nil {
		return err
	}
	f, err := t.folder(p.Owner, string(p.Order))
	if err != nil {
		return err
	}
	if f.ended[personal.Payment] {
		return ErrEnded
	}
	s, box := sealer{row: p.ID}, f.open(personal.Payment)
	ref, url := put(&s, box, personal.PaymentRef, p.Ref), put(&s, box, personal.PaymentURL, p.URL)
	if s.err != nil {
		return fmt.Errorf("seal payment: %w", s.err)
	}
	n, err := t.exec(`UPDATE payments SET provider_ref = $3, pay_url = $4, updated_at = $5, mode = $6, account = $7 WHERE owner = $1 AND id = $2 AND provider_ref IS NULL`,
		p.Owner, p.ID, ref, url, ms(t.now), p.Mode, p.Account)
	if err != nil {
		return fmt.Errorf("keep payment: %w", err)
	}
	if n == 0 {
		return nil
	}
	keys, err := t.living()
	if err != nil {
		return err
	}
	if err := t.lead(keys, dirProvider, providerField(p.Provider), p.Ref, p.Owner, p.ID, false); err != nil {
		return err
	}
	return t.Event("payment.opened", p.Owner, p.ID, "")
}

// providerField names the index of a provider's references.
func providerField(provider string) string { return personal.ProviderIndex.Name() + "/" + provider }

const paymentColumns = `id, owner, order_id, attempt, provider, status, amount, currency, provider_ref, pay_url, mode, account, cards, customer, here, opened_at, expires_at, capture, capture_amount, capture_by, updated_at`

func (v *View) payment(row row) (Payment, error) {
	var p Payment
	var currency string
	var amount, opened, expires, captured, captureBy, changed int64
	var ref, url, customer []byte
	err := row.Scan(&p.ID, &p.Owner, &p.Order, &p.Attempt, &p.Provider, &p.Status, &amount, &currency, &ref, &url, &p.Mode, &p.Account, &p.Cards, &customer, &p.Here, &opened, &expires, &p.Capture, &captured, &captureBy, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return Payment{}, errNoOrder
	}
	if err != nil {
		return Payment{}, fmt.Errorf("read payment: %w", err)
	}
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return Payment{}, fmt.Errorf("read payment: %w", err)
	}
	p.Amount, p.OpenedAt, p.ExpiresAt, p.ChangedAt = money.Of(amount, c), when(opened), when(expires), when(changed)
	p.CaptureAmount, p.CaptureBy = money.Of(captured, c), since(captureBy)
	if ref == nil && customer == nil {
		return p, nil
	}
	f, err := v.folder(p.Owner, string(p.Order))
	if err != nil {
		return Payment{}, err
	}
	box := f.open(personal.Payment)
	if box.Key == nil && !f.clear {
		return p, nil // its key is gone
	}
	s := sealer{row: p.ID}
	p.Ref, p.URL = get(&s, box, personal.PaymentRef, ref), get(&s, box, personal.PaymentURL, url)
	p.Customer = get(&s, box, personal.PaymentCustomer, customer)
	return p, s.err
}

// LastPayment returns the attempt that counts for an order: the one that paid
// it, or else the newest.
func (v *View) LastPayment(owner string, id order.ID) (Payment, error) {
	return v.payment(v.row(`SELECT `+paymentColumns+` FROM payments WHERE owner = $1 AND order_id = $2 ORDER BY CASE WHEN status = 'approved' THEN 0 ELSE 1 END, attempt DESC LIMIT 1`+v.forUpdate(), owner, string(id)))
}

// FirstPayment returns the first attempt to pay an order.
func (v *View) FirstPayment(owner string, id order.ID) (Payment, error) {
	return v.payment(v.row(`SELECT `+paymentColumns+` FROM payments WHERE owner = $1 AND order_id = $2 AND attempt = 1`, owner, string(id)))
}

// Payment returns an attempt by its id.
func (v *View) Payment(owner, id string) (Payment, error) {
	return v.payment(v.row(`SELECT `+paymentColumns+` FROM payments WHERE owner = $1 AND id = $2`+v.forUpdate(), owner, id))
}

// PaymentByRef finds the attempt that a provider's notice is about. A hit of
// the index is a hint: the opened reference is compared.
func (v *View) PaymentByRef(provider, ref string) (Payment, error) {
	odd, even, err := v.twin(providerField(provider), ref)
	if err != nil {
		return Payment{}, err
	}
	owner, id, err := v.find(dirProvider, odd, even)
	if err != nil {
		return Payment{}, err
	}
	if err := v.lockOrderOf(owner, id); err != nil {
		return Payment{}, err
	}
	p, err := v.Payment(owner, id)
	if err != nil {
		return Payment{}, err
	}
	if p.Provider != provider || p.Ref != ref {
		return Payment{}, errNoOrder
	}
	return p, nil
}

// lockOrderOf locks the order of an attempt, where the engine locks rows: an
// order is always locked before its payments, so that two of its settlements
// queue and do not deadlock.
func (v *View) lockOrderOf(owner, id string) error {
	words := v.forUpdate()
	if words == "" {
		return nil
	}
	rows, err := v.rows(`SELECT id FROM orders WHERE owner = $1 AND id = (SELECT order_id FROM payments WHERE owner = $1 AND id = $2)`+words, owner, id)
	if err == nil {
		_, err = column[string](rows)
	}
	if err != nil {
		return fmt.Errorf("lock order: %w", err)
	}
	return nil
}

// MovePayment changes the state of an attempt and writes the event. It reports
// false when the attempt is not in the state from.
func (t *Tx) MovePayment(p Payment, from, to order.Payment) (bool, error) {
	n, err := t.exec(`UPDATE payments SET status = $4, updated_at = $5, customer = NULL WHERE owner = $1 AND id = $2 AND status = $3`, p.Owner, p.ID, string(from), string(to), ms(t.now))
	if err != nil {
		return false, fmt.Errorf("move payment: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, t.Event("payment."+string(to), p.Owner, p.ID, "")
}

// ChangeMethod notes that an order is to be paid another way.
func (t *Tx) ChangeMethod(owner string, id order.ID, method string) error {
	if err := t.later("change method", nil, `UPDATE orders SET payment_method = $3, updated_at = $4 WHERE owner = $1 AND id = $2`, owner, string(id), method, ms(t.now)); err != nil {
		return err
	}
	return t.Event("order.method", owner, string(id), "")
}

// OpenedSince returns the attempts that were opened at their provider at or after
// a time, the newest first, up to limit.
func (v *View) OpenedSince(from time.Time, limit int) ([]Payment, error) {
	return v.payments(`SELECT owner, id FROM payments WHERE opened_at >= $1 AND provider_ref IS NOT NULL ORDER BY opened_at DESC, id DESC LIMIT $2`, ms(from), limit)
}

// payments returns the attempts whose owners and ids a query finds.
func (v *View) payments(query string, args ...any) (out []Payment, err error) {
	rows, err := v.rows(query, args...)
	if err != nil {
		return nil, fmt.Errorf("list payments: %w", err)
	}
	pairs, err := scanPairs(rows)
	if err != nil {
		return nil, fmt.Errorf("list payments: %w", err)
	}
	for _, one := range pairs {
		p, err := v.Payment(one[0], one[1])
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// CountOpenedSince counts what OpenedSince would return without a limit.
func (v *View) CountOpenedSince(from time.Time) (int, error) {
	var n int64
	if err := v.row(`SELECT COUNT(*) FROM payments WHERE opened_at >= $1 AND provider_ref IS NOT NULL`, ms(from)).Scan(&n); err != nil {
		return 0, fmt.Errorf("count payments: %w", err)
	}
	return int(n), nil
}

// settleLease is how long a late settlement may take before another takes it over.
const settleLease = time.Minute

// ClaimPayment makes an attempt the one that is being settled late. Of several
// attempts of an order one can be, until it is done or has been silent too
// long. The order's row must be locked.
func (t *Tx) ClaimPayment(p Payment) (bool, error) {
	n, err := t.exec(`UPDATE payments SET status = 'settling', updated_at = $3, customer = NULL WHERE owner = $1 AND id = $2
		AND NOT EXISTS (SELECT 1 FROM payments o WHERE o.owner = $1 AND o.order_id = $4 AND o.status = 'settling' AND o.updated_at > $5)`,
		p.Owner, p.ID, ms(t.now), string(p.Order), ms(t.now.Add(-settleLease)))
	if err != nil {
		return false, fmt.Errorf("claim payment: %w", err)
	}
	return n == 1, nil
}

// askAfter is how long after a session's end its provider is asked once more.
const askAfter = time.Minute

// AskLater leaves a job for each attempt of an order that was opened at its
// provider and has not been approved: once its page there has ended, the
// provider is asked whether it was paid all the same. The attempt named is left
// out.
func (t *Tx) AskLater(kind, owner string, id order.ID, but string) error {
	return t.later("ask later", nil, `INSERT INTO jobs (owner, id, kind, ref, run_at, lease_until, attempts, failure)
		SELECT owner, 'ask-' || id, $3, id, CASE WHEN expires_at > $5 THEN expires_at ELSE $5 END + $6, 0, 0, '' FROM payments
		WHERE owner = $1 AND order_id = $2 AND id <> $4 AND status IN ('open', 'declined', 'expired') AND provider_ref IS NOT NULL
		ON CONFLICT (owner, id) DO NOTHING`, owner, string(id), kind, but, ms(t.now), askAfter.Milliseconds())
}

// ExpirePayments ends every open attempt of an order and writes the event.
func (t *Tx) ExpirePayments(owner string, id order.ID) error {
	n, err := t.exec(`UPDATE payments SET status = 'expired', updated_at = $3, customer = NULL WHERE owner = $1 AND order_id = $2 AND status = 'open'`, owner, string(id), ms(t.now))
	if err != nil {
		return fmt.Errorf("expire payments: %w", err)
	}
	if n == 0 {
		return nil
	}
	return t.Event("payment.expired", owner, string(id), "")
}
