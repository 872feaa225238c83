package store

import (
	"crypto/rand"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/money"
)

// codesSetting names the state of the table of codes: it changes with every
// change there, so that a shop with thousands of codes reads them once.
const codesSetting = "codes.version"

// SetCodes makes the shop's discount codes what is given. What differs is
// written, each with an event of its own. How often a code was used stays, also
// when it goes and comes again.
func (t *Tx) SetCodes(to discount.Codes, c money.Currency) error {
	now, err := t.codes(c)
	if err != nil {
		return err
	}
	changed := false
	for _, code := range now.Sorted() {
		if _, kept := to[code.Key()]; kept {
			continue
		}
		changed = true
		if _, err := t.exec(`DELETE FROM codes WHERE key = $1`, code.Key()); err != nil {
			return fmt.Errorf("drop a code: %w", err)
		}
		if err := t.Event("setting.removed", "", "codes."+code.Word, ""); err != nil {
			return err
		}
	}
	for _, code := range to.Sorted() {
		if now[code.Key()] == code {
			continue
		}
		changed = true
		_, err := t.exec(`INSERT INTO codes (key, word, kind, rate, off, up_to, uses, each, from_day, until_day, min_items, exclusive)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (key) DO UPDATE SET word = excluded.word, kind = excluded.kind, rate = excluded.rate, off = excluded.off, up_to = excluded.up_to, uses = excluded.uses,
				each = excluded.each, from_day = excluded.from_day, until_day = excluded.until_day, min_items = excluded.min_items, exclusive = excluded.exclusive`,
			code.Key(), code.Word, string(code.Kind), int64(code.Rate), code.Off.Minor(), code.UpTo.Minor(), code.Uses, code.Each, code.From, code.Until, code.MinItems.Minor(), code.Exclusive)
		if err != nil {
			return fmt.Errorf("set a code: %w", err)
		}
		if err := t.Event("setting.changed", "", "codes."+code.Word, ""); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	_, err = t.exec(`INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, codesSetting, rand.Text())
	if err != nil {
		return fmt.Errorf("set a code: %w", err)
	}
	return nil
}

// codes reads the shop's discount codes. A bound that there is not is the zero
// Amount.
func (v *View) codes(c money.Currency) (discount.Codes, error) {
	rows, err := v.rows(`SELECT word, kind, rate, off, up_to, uses, each, from_day, until_day, min_items, exclusive FROM codes`)
	if err != nil {
		return nil, fmt.Errorf("read codes: %w", err)
	}
	defer rows.Close()
	out := discount.Codes{}
	some := func(minor int64) money.Amount {
		if minor == 0 {
			return money.Amount{}
		}
		return money.Of(minor, c)
	}
	for rows.Next() {
		var code discount.Code
		var off, upTo, least int64
		if err := rows.Scan(&code.Word, &code.Kind, &code.Rate, &off, &upTo, &code.Uses, &code.Each, &code.From, &code.Until, &least, &code.Exclusive); err != nil {
			return nil, fmt.Errorf("read codes: %w", err)
		}
		code.Off, code.UpTo, code.MinItems = some(off), some(upTo), some(least)
		out[code.Key()] = code
	}
	return out, rows.Err()
}
