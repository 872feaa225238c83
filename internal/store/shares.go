package store

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// minWait is how long a refusal asks to wait at least: a hold that has ended is
// given back within moments.
const minWait = 5 * time.Second

const hoardText = "Much of something in your cart is being held for unpaid orders of yours or of your network, and some has to stay for others. Your cart is kept. Please take fewer, pay what you have ordered, or try again later."

// holder names who holds goods, under the keys of today and of yesterday: a hold
// may have been made before midnight. nil is nobody.
type holder struct{ source, mailbox, account [2][]byte }

func (t *Tx) holder(by Payer) (out holder, err error) {
	if by.Source == "" && by.Mailbox.IsZero() && by.Account == "" {
		return out, nil // the shop itself
	}
	keys, err := t.limits()
	if err != nil {
		return out, err
	}
	for i, key := range []seal.MacKey{keys.today, keys.yesterday} {
		name := func(kind string, whom string) []byte {
			if whom == "" {
				return nil
			}
			mac := key.Sum("holder v1", []byte(kind), []byte(whom))
			return mac[:]
		}
		out.source[i], out.account[i] = name("source", by.Source), name("account", by.Account)
		if !by.Mailbox.IsZero() {
			out.mailbox[i] = name("mailbox", by.Mailbox.Key())
		}
	}
	return out, nil
}

// share refuses a hold that is more than its holder's share of the units left.
// The row of the stock is locked by now, so nobody else's hold comes between.
func (t *Tx) share(variant catalog.VariantID, left int64, h holder, known bool) error {
	var source, mailbox, account, ends int64
	err := t.row(`SELECT
			CAST(COALESCE(SUM(CASE WHEN source IN ($2, $3) THEN quantity ELSE 0 END), 0) AS BIGINT),
			CAST(COALESCE(SUM(CASE WHEN mailbox IN ($4, $5) THEN quantity ELSE 0 END), 0) AS BIGINT),
			CAST(COALESCE(SUM(CASE WHEN account IN ($6, $7) THEN quantity ELSE 0 END), 0) AS BIGINT),
			COALESCE(MIN(expires_at), 0)
		FROM holds WHERE variant = $1 AND (source IN ($2, $3) OR mailbox IN ($4, $5) OR account IN ($6, $7))`,
		string(variant), h.source[0], h.source[1], h.mailbox[0], h.mailbox[1], h.account[0], h.account[1]).Scan(&source, &mailbox, &account, &ends)
	if err != nil {
		return fmt.Errorf("add up what is held of %s: %w", variant, err)
	}
	if (abuse.Held{Left: left, Buyer: max(mailbox, account), Source: source}).Hoards(known) {
		return fault.Limited(hoardText, max(minWait, when(ends).Sub(t.now)))
	}
	return nil
}
