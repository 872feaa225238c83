package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Uses of codes are like holds of stock: the code is their key, no transaction
// spans one and an owner, and one that touches several codes takes them in the
// order of their keys.

// UseCode holds one use of a code for an order until end. It reports false when
// the code's bounds are reached, in all or for this customer, who is one mailbox
// however that is spelled; then the
// transaction is to be given up. Doing it again for the same order counts once.
func (t *Tx) UseCode(c discount.Code, id order.ID, owner string, customer contact.Email, end time.Time) (bool, error) {
	key := c.Key()
	odd, even, err := t.twin(codeField(key), customer.Counted())
	if err != nil {
		return false, err
	}
	n, err := t.exec(`INSERT INTO code_uses (code, order_id, owner, customer, customer_even, ends_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (code, order_id) DO NOTHING`,
		key, string(id), owner, odd, even, ms(end))
	if err != nil {
		return false, fmt.Errorf("use a code: %w", err)
	}
	if n == 1 {
		n, err = t.exec(`INSERT INTO code_counts (code, used) VALUES ($1, 1)
			ON CONFLICT (code) DO UPDATE SET used = code_counts.used + 1 WHERE CAST($2 AS BIGINT) = 0 OR code_counts.used < CAST($2 AS BIGINT)`, key, c.Uses)
		if err != nil {
			return false, fmt.Errorf("use a code: %w", err)
		}
		if n == 0 {
			return false, nil
		}
	} else {
		// The count's row is locked here as well, so that two orders of one
		// customer see each other below.
		if _, err := t.exec(`UPDATE code_counts SET used = used WHERE code = $1`, key); err != nil {
			return false, fmt.Errorf("use a code: %w", err)
		}
		if _, err := t.exec(`UPDATE code_uses SET customer = $3, customer_even = $4, ends_at = $5 WHERE code = $1 AND order_id = $2 AND ends_at > 0`, key, string(id), odd, even, ms(end)); err != nil {
			return false, fmt.Errorf("use a code: %w", err)
		}
	}
	if c.Each == 0 {
		return true, nil
	}
	var used int64
	if err := t.row(`SELECT count(*) FROM code_uses WHERE code = $1 AND (customer = $2 OR customer_even = $3)`, key, odd, even).Scan(&used); err != nil {
		return false, fmt.Errorf("count a customer's uses: %w", err)
	}
	return used <= c.Each, nil
}

// codeField names the index of the customers of a code. Each code has hashes of
// its own: they do not tell who used two of them.
func codeField(key string) string { return personal.CodeIndex.Name() + "/" + key }

// countCustomer gives the use of a code its customer's hashes under the given
// keys. One under another key stays.
func (t *Tx) countCustomer(keys indexKeys, code, id string, customer contact.Email) error {
	odd, even := keys.twin(codeField(code), customer.Counted())
	return t.later("index a use", nil, `UPDATE code_uses SET customer = COALESCE($3, customer), customer_even = COALESCE($4, customer_even) WHERE code = $1 AND order_id = $2`, code, id, odd, even)
}

// KeepUses makes the uses of an order lasting: it is paid.
func (t *Tx) KeepUses(id order.ID) error {
	_, err := t.exec(`UPDATE code_uses SET ends_at = 0 WHERE order_id = $1`, string(id))
	if err != nil {
		return fmt.Errorf("keep uses: %w", err)
	}
	return nil
}

// KeepUsesUntil makes what an order holds last until end, if it ended sooner.
func (t *Tx) KeepUsesUntil(id order.ID, end time.Time) error {
	return t.later("keep uses held", nil, `UPDATE code_uses SET ends_at = $2 WHERE order_id = $1 AND ends_at > 0 AND ends_at < $2`, string(id), ms(end))
}

// ReleaseUses gives back the uses of an order that are not lasting and whose
// end lies at or before the given moment.
func (t *Tx) ReleaseUses(id order.ID, before time.Time) error {
	rows, err := t.rows(`SELECT code FROM code_uses WHERE order_id = $1 ORDER BY code`, string(id))
	if err != nil {
		return fmt.Errorf("list uses: %w", err)
	}
	codes, err := column[string](rows)
	if err != nil {
		return fmt.Errorf("list uses: %w", err)
	}
	for _, code := range codes {
		n, err := t.exec(`DELETE FROM code_uses WHERE code = $1 AND order_id = $2 AND ends_at > 0 AND ends_at <= $3`, code, string(id), ms(before))
		if err != nil {
			return fmt.Errorf("give back a use: %w", err)
		}
		if n == 0 {
			continue
		}
		if _, err := t.exec(`UPDATE code_counts SET used = used - 1 WHERE code = $1`, code); err != nil {
			return fmt.Errorf("give back a use: %w", err)
		}
	}
	return nil
}

// HoldsUses reports whether an order has uses that are not lasting.
func (v *View) HoldsUses(id order.ID) (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM code_uses WHERE order_id = $1 AND ends_at > 0`, string(id)).Scan(&n)
	return n > 0, err
}

// EndedUses returns up to limit uses whose end has passed, as holds of nothing.
func (v *View) EndedUses(limit int) ([]Hold, error) {
	rows, err := v.rows(`SELECT '', order_id, owner, ends_at FROM code_uses WHERE ends_at > 0 AND ends_at <= $1 ORDER BY ends_at LIMIT $2`, ms(v.now), limit)
	if err != nil {
		return nil, fmt.Errorf("list ended uses: %w", err)
	}
	return scanHolds(rows)
}

// CodeUsed tells how often a code was used, unpaid orders that hold it included.
func (v *View) CodeUsed(key string) (used int64, err error) {
	err = v.row(`SELECT used FROM code_counts WHERE code = $1`, key).Scan(&used)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return used, err
}

// usedWords is how an order's row keeps its codes: "percentage:WELCOME10:500".
func usedWords(list []discount.Applied) string {
	words := make([]string, 0, len(list))
	for _, a := range list {
		words = append(words, fmt.Sprintf("%s:%s:%d", a.Kind, a.Word, a.Saving.Minor()))
	}
	return strings.Join(words, " ")
}

func usedCodes(text string, c money.Currency) ([]discount.Applied, error) {
	var out []discount.Applied
	for word := range strings.FieldsSeq(text) {
		kind, rest, _ := strings.Cut(word, ":")
		name, saved, _ := strings.Cut(rest, ":")
		minor, err := strconv.ParseInt(saved, 10, 64)
		key, ok := discount.Key(name)
		if err != nil || !ok {
			return nil, errors.New("read the codes of an order")
		}
		out = append(out, discount.Applied{Key: key, Word: name, Kind: discount.Kind(kind), Saving: money.Of(minor, c), Missing: money.Zero(c)})
	}
	return out, nil
}
