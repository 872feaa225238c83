package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/money"
)

// CreditReport is what came of adding the journal up again.
type CreditReport struct {
	Credits, Entries int64
	Nobodys          int64 // store credit whose person is gone
	Sums             []CreditSum
	Events           int64    // of the ledger, that the acts were held against
	Wrong            []string // what does not add up; empty: all is well
}

// CreditSum is what stands on one side of all credits together.
type CreditSum struct {
	Side   credit.Side
	Amount money.Amount
}

// mostWrong bounds what a report lists of each kind.
const mostWrong = 100

// wrongs are the questions that nothing may answer.
var wrongs = []struct{ what, query string }{
	{"credit %s, act %s: its entries do not sum to zero", `SELECT credit, act FROM credit_entries GROUP BY credit, act HAVING SUM(amount) <> 0 ORDER BY credit, act LIMIT $1`},
	{"credit %s, %s: what stands there is not what its entries add up to", `SELECT s.credit, s.side FROM credit_sides s
		LEFT JOIN (SELECT credit, side, order_id, SUM(amount) AS amount FROM credit_entries GROUP BY credit, side, order_id) e ON e.credit = s.credit AND e.side = s.side AND e.order_id = s.order_id
		WHERE s.amount <> COALESCE(e.amount, 0) ORDER BY s.credit, s.side LIMIT $1`},
	{"credit %s, %s: there are entries, and nothing stands there", `SELECT DISTINCT e.credit, e.side FROM credit_entries e
		WHERE NOT EXISTS (SELECT 1 FROM credit_sides s WHERE s.credit = e.credit AND s.side = e.side AND s.order_id = e.order_id) ORDER BY e.credit, e.side LIMIT $1`},
	{"credit %s, %s: it is below zero", `SELECT credit, side FROM credit_sides WHERE CASE WHEN side = 'issued' THEN amount > 0 ELSE amount < 0 END ORDER BY credit, side LIMIT $1`},
	{"credit %s, act %s: there is no such credit", `SELECT e.credit, MIN(e.act) FROM credit_entries e WHERE NOT EXISTS (SELECT 1 FROM credits c WHERE c.id = e.credit) GROUP BY e.credit ORDER BY e.credit LIMIT $1`},
	{"credit %s, order %s: held, with nothing that ends it", `SELECT s.credit, s.order_id FROM credit_sides s WHERE s.side = 'held' AND s.amount > 0
		AND NOT EXISTS (SELECT 1 FROM credit_holds h WHERE h.credit = s.credit AND h.order_id = s.order_id) ORDER BY s.credit LIMIT $1`},
	{"credit %s, order %s: an end, with nothing that is held", `SELECT h.credit, h.order_id FROM credit_holds h
		WHERE NOT EXISTS (SELECT 1 FROM credit_sides s WHERE s.side = 'held' AND s.amount > 0 AND s.credit = h.credit AND s.order_id = h.order_id) ORDER BY h.credit LIMIT $1`},
}

// VerifyCredit adds every entry up again, holds the sums against what stands, and the
// acts against the ledger's events: whoever writes both sides into the books has to
// write the ledger too, which VerifyLedger finds.
func (db *DB) VerifyCredit(ctx context.Context) (CreditReport, error) {
	var out CreditReport
	err := db.View(ctx, func(v *View) error {
		out = CreditReport{}
		err := v.row(`SELECT (SELECT count(*) FROM credits), (SELECT count(*) FROM credit_entries), (SELECT count(*) FROM credits WHERE kind = 'account' AND owner = '')`).
			Scan(&out.Credits, &out.Entries, &out.Nobodys)
		if err != nil {
			return err
		}
		for _, w := range wrongs {
			rows, err := v.rows(w.query, mostWrong)
			if err != nil {
				return err
			}
			pairs, err := scanPairs(rows)
			if err != nil {
				return err
			}
			for _, p := range pairs {
				out.Wrong = append(out.Wrong, fmt.Sprintf(w.what, p[0], p[1]))
			}
		}
		if err := v.creditEvents(&out); err != nil {
			return err
		}
		return v.creditSums(&out)
	})
	if err != nil {
		return out, fmt.Errorf("add up credit: %w", err)
	}
	return out, nil
}

// deed is what acts of one kind did with a credit, about one order or none.
type deed struct {
	credit, doing, order string
}

// tally is how many acts there were, and of how much together.
type tally struct{ acts, amount int64 }

// creditEvents holds the acts in the books against the events that were written in
// the same transactions. Of an old event only its name is kept, so from that time on
// back there must be as many acts of each kind, whatever they were about.
func (v *View) creditEvents(out *CreditReport) error {
	if v.db.plain {
		return nil // nothing is kept of what happened
	}
	var emptied int64 // up to when events were emptied
	if err := v.row(`SELECT COALESCE(MAX(at), -1) FROM events WHERE action LIKE 'credit.%' AND salts IS NULL`).Scan(&emptied); err != nil {
		return err
	}
	books, err := v.tallies(`SELECT credit, doing, MAX(order_id), CAST(SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS BIGINT), MAX(at) FROM credit_entries GROUP BY credit, act, doing`, func(r row) (d deed, amount int64, err error) {
		var at int64
		if err = r.Scan(&d.credit, &d.doing, &d.order, &amount, &at); at <= emptied {
			d.order, amount = "", 0
		}
		return d, amount, err
	})
	if err != nil {
		return err
	}
	events, err := v.tallies(`SELECT owner, action, COALESCE(object, ''), COALESCE(detail, ''), at FROM events WHERE action LIKE 'credit.%'`, func(r row) (d deed, amount int64, err error) {
		var action, detail string
		var at int64
		if err := r.Scan(&d.credit, &action, &d.order, &detail, &at); err != nil {
			return d, 0, err
		}
		d.doing = strings.TrimPrefix(action, "credit.")
		if !slices.Contains(credit.Doings(), credit.Doing(d.doing)) {
			return deed{}, 0, nil
		}
		out.Events++
		if at <= emptied {
			d.order = ""
			return d, 0, nil
		}
		var said struct {
			Amount int64 `json:"amount"`
		}
		if json.Unmarshal([]byte(detail), &said) != nil {
			said.Amount = 0 // which no act is of: it is told
		}
		return d, said.Amount, nil
	})
	if err != nil {
		return err
	}
	for d := range events {
		if _, there := books[d]; !there {
			books[d] = tally{}
		}
	}
	var wrong []string
	for d, book := range books {
		if event := events[d]; book != event {
			wrong = append(wrong, fmt.Sprintf("credit %s, %s %s: %d in the books, of %d together, and %d in the ledger, of %d", d.credit, d.doing, d.order, book.acts, book.amount, event.acts, event.amount))
		}
	}
	slices.Sort(wrong)
	out.Wrong = append(out.Wrong, wrong[:min(len(wrong), mostWrong)]...)
	return nil
}

// tallies adds up what a query finds. What is about nothing is left out.
func (v *View) tallies(query string, scan func(row) (deed, int64, error)) (map[deed]tally, error) {
	rows, err := v.rows(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[deed]tally{}
	for rows.Next() {
		d, amount, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if d == (deed{}) {
			continue
		}
		t := out[d]
		out[d] = tally{t.acts + 1, t.amount + amount}
	}
	return out, rows.Err()
}

func (v *View) creditSums(out *CreditReport) error {
	rows, err := v.rows(`SELECT c.currency, e.side, CAST(SUM(e.amount) AS BIGINT) FROM credit_entries e JOIN credits c ON c.id = e.credit GROUP BY c.currency, e.side ORDER BY c.currency, e.side`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var currency string
		var s CreditSum
		var amount int64
		if err := rows.Scan(&currency, &s.Side, &amount); err != nil {
			return err
		}
		in, err := money.ParseCurrency(currency)
		if err != nil {
			return err
		}
		s.Amount = money.Of(amount, in)
		out.Sums = append(out.Sums, s)
	}
	return rows.Err()
}
