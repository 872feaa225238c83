package app

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/store"
)

type taxCmd struct {
	Journal taxJournalCmd `cmd:"" help:"What was sold and given back, by month, country, region and rate, for the books. It names no order and no person."`
}

type taxJournalCmd struct {
	From   string `help:"The first day, in the shop's time zone." default:"0001-01-01" placeholder:"YYYY-MM-DD"`
	To     string `help:"The last day." default:"9999-12-31" placeholder:"YYYY-MM-DD"`
	Format string `help:"csv or json." enum:"csv,json" default:"csv"`
	Days   bool   `help:"By day instead of by month."`
}

// Run writes the journal.
func (c taxJournalCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	for name, day := range map[string]string{"from": c.From, "to": c.To} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return misused("%s: write a day like 2026-01-31", name)
		}
	}
	args := map[string]string{"from": c.From, "to": c.To, "format": c.Format}
	if c.Days {
		args["each"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "tax journal", Args: args}, nil)
}

// period is what one row of the journal sums up.
type period struct {
	Period   string `json:"period"` // "2026-11", or "2026-11-26"
	Kind     string `json:"kind"`   // "sale" or "refund"
	Country  string `json:"country"`
	Region   string `json:"region"`
	Class    string `json:"class"`
	Rate     string `json:"rate"` // in percent
	Reverse  bool   `json:"reverse_charge"`
	Currency string `json:"currency"`
}

func (p period) sortKey() string {
	return strings.Join([]string{p.Period, p.Kind, p.Currency, p.Country, p.Region, p.Class, p.Rate, strconv.FormatBool(p.Reverse)}, "\x00")
}

// sums are what a row adds up.
type sums struct{ Net, Tax money.Amount }

func (o *operating) taxJournal(ctx context.Context, from, to, format string, days bool) error {
	var order []period
	total := map[period]sums{}
	err := o.vault.db.View(ctx, func(v *store.View) error {
		order, total = nil, map[period]sums{}
		return v.Journal(from, to, func(l store.JournalLine) error {
			name := l.Day
			if !days && len(name) >= len("2026-11") {
				name = name[:len("2026-11")]
			}
			p := period{name, l.Kind, l.Country, l.Region, l.Class, strings.TrimSuffix(l.Rate.String(), "%"), l.Reverse, l.Net.Currency().Code()}
			s, seen := total[p]
			if !seen {
				order = append(order, p)
				s = sums{money.Zero(l.Net.Currency()), money.Zero(l.Net.Currency())}
			}
			var err error
			if s.Net, err = s.Net.Plus(l.Net); err != nil {
				return err
			}
			if s.Tax, err = s.Tax.Plus(l.Tax); err != nil {
				return err
			}
			total[p] = s
			return nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(order, func(a, b period) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	if format == "json" {
		return journalJSON(o.out, order, total)
	}
	return journalCSV(o.out, order, total)
}

func journalCSV(out io.Writer, order []period, total map[period]sums) error {
	w := csv.NewWriter(out)
	w.Write([]string{"period", "kind", "country", "region", "class", "rate", "reverse_charge", "currency", "net", "tax", "gross"})
	for _, p := range order {
		s := total[p]
		gross, err := s.Net.Plus(s.Tax)
		if err != nil {
			return err
		}
		w.Write([]string{p.Period, p.Kind, p.Country, p.Region, p.Class, p.Rate, strconv.FormatBool(p.Reverse), p.Currency, s.Net.Decimal(), s.Tax.Decimal(), gross.Decimal()})
	}
	w.Flush()
	return w.Error()
}

func journalJSON(out io.Writer, order []period, total map[period]sums) error {
	enc := json.NewEncoder(out)
	for _, p := range order {
		s := total[p]
		gross, err := s.Net.Plus(s.Tax)
		if err == nil {
			err = enc.Encode(struct {
				period
				Net   string `json:"net"`
				Tax   string `json:"tax"`
				Gross string `json:"gross"`
			}{p, s.Net.Decimal(), s.Tax.Decimal(), gross.Decimal()})
		}
		if err != nil {
			return fmt.Errorf("write the journal: %w", err)
		}
	}
	return nil
}
