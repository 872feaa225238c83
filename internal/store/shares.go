package store

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// minWait is how long a refusal asks to wait at least: a hold that has ended is
// given back within moments.
const minWait = 5 * time.Second

// holder names who holds goods: first under the key of today, then under those of
// the days before, since a hold may be weeks old. Empty is nobody.
type holder struct {
	day                      sql.NullInt64
	source, mailbox, account [][]byte
}

func (t *Tx) holder(by Payer) (out holder, err error) {
	if by.Source == "" && by.Mailbox.IsZero() && by.Account == "" {
		return out, nil // the shop itself
	}
	keys, err := t.holders()
	if err != nil {
		return out, err
	}
	out.day = sql.NullInt64{Int64: keys.day, Valid: true}
	names := func(kind, whom string) (all [][]byte) {
		if whom == "" {
			return nil
		}
		for _, key := range append([]seal.MacKey{keys.today}, keys.older...) {
			mac := key.Sum("holder v1", []byte(kind), []byte(whom))
			all = append(all, mac[:])
		}
		return all
	}
	out.source, out.account = names("source", by.Source), names("account", by.Account)
	if !by.Mailbox.IsZero() {
		out.mailbox = names("mailbox", by.Mailbox.Counted())
	}
	return out, nil
}

// now is a name under the key of today; nil for nobody.
func now(names [][]byte) []byte {
	if len(names) == 0 {
		return nil
	}
	return names[0]
}

// share refuses a hold that is more than its holder's share of the units left.
// The row of the stock is locked by now, so nobody else's hold comes between.
func (t *Tx) share(variant catalog.VariantID, left int64, h holder, known bool) error {
	args := []any{string(variant)}
	among := func(column string, names [][]byte) string {
		if len(names) == 0 {
			return "FALSE"
		}
		var list strings.Builder
		for _, name := range names {
			args = append(args, name)
			fmt.Fprintf(&list, ", $%d", len(args))
		}
		return column + " IN (" + list.String()[2:] + ")"
	}
	ofSource, ofMailbox, ofAccount := among("source", h.source), among("mailbox", h.mailbox), among("account", h.account)
	sum := func(whose string) string {
		return `CAST(COALESCE(SUM(CASE WHEN ` + whose + ` THEN quantity ELSE 0 END), 0) AS BIGINT)`
	}
	var source, mailbox, account, ends int64
	err := t.row(`SELECT `+sum(ofSource)+`, `+sum(ofMailbox)+`, `+sum(ofAccount)+`, COALESCE(MIN(expires_at), 0)
		FROM holds WHERE variant = $1 AND (`+ofSource+` OR `+ofMailbox+` OR `+ofAccount+`)`, args...).Scan(&source, &mailbox, &account, &ends)
	if err != nil {
		return fmt.Errorf("add up what is held of %s: %w", variant, err)
	}
	if (abuse.Held{Left: left, Buyer: max(mailbox, account), Source: source}).Hoards(known) {
		return fault.Limited("Too much of this is held for you without being paid.", max(minWait, when(ends).Sub(t.now)))
	}
	return nil
}
