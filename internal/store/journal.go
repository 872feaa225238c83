package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// JournalLine is one line of the tax journal: what one order sold, or gave back,
// by class and rate.
type JournalLine struct {
	Day     string // in the shop's zone: "2026-11-26"
	Kind    string // "sale", or "refund" with amounts below zero
	Owner   string
	Order   order.ID
	Country string
	Region  string
	Reverse bool // the buyer pays the tax itself
	Class   string
	Rate    money.Rate
	Net     money.Amount
	Tax     money.Amount
}

// Gross is what was paid.
func (l JournalLine) Gross() (money.Amount, error) { return l.Net.Plus(l.Tax) }

// journal writes what an order's new state means to the books, in the
// transaction that brings it there: all of it when it is paid; when it is paid
// back, what the journal says of it until then, the other way round.
func (t *Tx) journal(owner, id string, to order.Status) error {
	if to != order.Paid && to != order.Refunded {
		return nil
	}
	today, err := t.today()
	switch {
	case err != nil:
	case to == order.Paid:
		_, err = t.exec(`INSERT INTO tax_journal (owner, order_id, entry, class, rate, day, kind, currency, country, region, reverse, net, tax)
			SELECT x.owner, x.order_id, 1, x.class, x.rate, CAST($3 AS TEXT), 'sale', o.currency, o.country, o.region, o.reverse_charge, x.net, x.tax
			FROM order_taxes x JOIN orders o ON o.owner = x.owner AND o.id = x.order_id WHERE x.owner = $1 AND x.order_id = $2`, owner, id, today)
	default:
		_, err = t.exec(`INSERT INTO tax_journal (owner, order_id, entry, class, rate, day, kind, currency, country, region, reverse, net, tax)
			SELECT owner, order_id, (SELECT max(entry) + 1 FROM tax_journal WHERE owner = $1 AND order_id = $2), class, rate, CAST($3 AS TEXT), 'refund', currency, country, region, reverse, CAST(-SUM(net) AS BIGINT), CAST(-SUM(tax) AS BIGINT)
			FROM tax_journal WHERE owner = $1 AND order_id = $2
			GROUP BY owner, order_id, class, rate, currency, country, region, reverse HAVING SUM(net) <> 0 OR SUM(tax) <> 0`, owner, id, today)
	}
	if err != nil {
		return fmt.Errorf("write the tax journal: %w", err)
	}
	return nil
}

// Reversal is what went back of an order at one time, by class and rate, as a
// credit note has it: amounts are above zero.
type Reversal struct {
	Entry int64 // its number in the order's part of the tax journal
	Taxes []tax.Tax
	Sum   money.Amount // of all of them, with tax
}

// GivenBack returns what the tax journal says went back of an order, the first one
// first.
func (v *View) GivenBack(owner string, id order.ID, c money.Currency) (out []Reversal, err error) {
	rows, err := v.rows(`SELECT entry, class, rate, -net, -tax FROM tax_journal WHERE owner = $1 AND order_id = $2 AND kind = 'refund' ORDER BY entry, class, rate`, owner, string(id))
	if err != nil {
		return nil, fmt.Errorf("read the tax journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l tax.Tax
		var entry, net, due int64
		if err := rows.Scan(&entry, &l.Class, &l.Rate, &net, &due); err != nil {
			return nil, fmt.Errorf("read the tax journal: %w", err)
		}
		l.Net, l.Tax = money.Of(net, c), money.Of(due, c)
		if len(out) == 0 || out[len(out)-1].Entry != entry {
			out = append(out, Reversal{Entry: entry, Sum: money.Zero(c)})
		}
		last := &out[len(out)-1]
		last.Taxes = append(last.Taxes, l)
		if last.Sum, err = last.Sum.Plus(money.Of(net+due, c)); err != nil {
			return nil, fmt.Errorf("add up the tax journal: %w", err)
		}
	}
	return out, rows.Err()
}

// today names the day in the shop's zone.
func (t *Tx) today() (string, error) {
	var name string
	err := t.row(`SELECT value FROM settings WHERE name = 'shop.zone'`).Scan(&name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read the shop's zone: %w", err)
	}
	zone, err := time.LoadLocation(name) // "" is UTC
	if err != nil {
		return "", fmt.Errorf("read the shop's zone: %w", err)
	}
	return t.now.In(zone).Format(time.DateOnly), nil
}

// Journal calls fn with each line of the tax journal from one day to another,
// both included, in the order of days.
func (v *View) Journal(from, to string, fn func(JournalLine) error) error {
	rows, err := v.rows(`SELECT day, kind, owner, order_id, country, region, reverse, class, rate, currency, net, tax FROM tax_journal
		WHERE day >= $1 AND day <= $2 ORDER BY day, owner, order_id, entry, class, rate`, from, to)
	if err != nil {
		return fmt.Errorf("read the tax journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l JournalLine
		var currency string
		var net, due int64
		if err := rows.Scan(&l.Day, &l.Kind, &l.Owner, &l.Order, &l.Country, &l.Region, &l.Reverse, &l.Class, &l.Rate, &currency, &net, &due); err != nil {
			return fmt.Errorf("read the tax journal: %w", err)
		}
		c, err := money.ParseCurrency(currency)
		if err != nil {
			return fmt.Errorf("read the tax journal: %w", err)
		}
		l.Net, l.Tax = money.Of(net, c), money.Of(due, c)
		if err := fn(l); err != nil {
			return err
		}
	}
	return rows.Err()
}
