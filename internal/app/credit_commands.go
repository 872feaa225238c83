package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/store"
)

type creditCmd struct {
	List   creditListCmd   `cmd:"" help:"List the newest gift cards and store credits, with what is left of each."`
	Issue  creditIssueCmd  `cmd:"" help:"Make a gift card and print its code, this once; or put store credit on an account."`
	Show   creditShowCmd   `cmd:"" help:"Show what is left of one, and where every unit went."`
	Cancel creditCancelCmd `cmd:"" help:"End one for good: what is left of it goes. What orders have paid with it stays paid."`
	Verify creditVerifyCmd `cmd:"" help:"Add every entry of the journal up again and hold it against the balances; exit 1 when they differ."`
}

type creditListCmd struct {
	Limit int `help:"How many." default:"20" placeholder:"N"`
}

// Run lists credits.
func (c creditListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Limit < 1 || c.Limit > 1000 {
		return misused("limit: a number from 1 to 1000")
	}
	return carryOut(ctx, p, set, call{Name: "credit list", Args: map[string]string{"limit": fmt.Sprint(c.Limit)}}, nil)
}

type creditIssueCmd struct {
	Amount string `arg:"" help:"How much, like 50 or 12.50." placeholder:"MONEY"`
	Until  string `help:"The last day on which a gift card counts, like 2029-12-31; default: it does not end. The law of many countries forbids short ones." placeholder:"DAY"`
	To     string `help:"The e-mail of the account to put it on, instead of making a card; or - to read it from standard input: other users of this machine see what stands on a command line." placeholder:"EMAIL"`
}

// Run issues a credit.
func (c creditIssueCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.To != "" && c.Until != "" {
		return misused("until is for gift cards: store credit of an account does not end")
	}
	if c.To == "-" {
		line, err := firstLine(p.In)
		if err != nil {
			return misused("to: %w", err)
		}
		c.To = line
	}
	return carryOut(ctx, p, set, call{Name: "credit issue", Args: map[string]string{"amount": c.Amount, "until": c.Until, "to": c.To}}, nil)
}

type creditShowCmd struct {
	ID string `arg:"" help:"The id that list shows, or - to read a card's code from standard input." placeholder:"ID"`
}

// Run shows a credit.
func (c creditShowCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{"id": c.ID}
	if c.ID == "-" {
		line, err := firstLine(p.In)
		if err != nil {
			return misused("code: %w", err)
		}
		args = map[string]string{"code": line}
	}
	return carryOut(ctx, p, set, call{Name: "credit show", Args: args}, nil)
}

type creditCancelCmd struct {
	ID string `arg:"" help:"The id that list shows." placeholder:"ID"`
}

// Run cancels a credit.
func (c creditCancelCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "credit cancel", Args: map[string]string{"id": c.ID}}, nil)
}

type creditVerifyCmd struct{}

// Run adds the journal up.
func (creditVerifyCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "credit verify"}, nil)
}

// credit carries out the commands about gift cards and store credit.
func (o *operating) credit(ctx context.Context, c call) error {
	desk, err := o.till()
	if err != nil {
		return err
	}
	switch c.Name {
	case "credit list":
		limit, err := strconv.Atoi(c.Args["limit"])
		if err != nil {
			return err
		}
		return o.creditList(ctx, limit)
	case "credit issue":
		return o.creditIssue(ctx, desk, c)
	case "credit cancel":
		if err := desk.CancelCredit(ctx, o.actor, credit.ID(c.Args["id"])); err != nil {
			return err
		}
		return o.creditShow(ctx, desk, c)
	case "credit verify":
		return o.creditVerify(ctx)
	default:
		return o.creditShow(ctx, desk, c)
	}
}

func (o *operating) creditIssue(ctx context.Context, desk *checkout.Desk, c call) error {
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	amount, err := money.Parse(c.Args["amount"], shop.Currency)
	if err != nil {
		return err
	}
	if c.Args["to"] != "" {
		to, err := contact.ParseEmail(c.Args["to"])
		if err != nil {
			return err
		}
		one, err := desk.IssueTo(ctx, o.actor, to, amount)
		if err == nil {
			fmt.Fprintf(o.out, "cartkeep: %s more on store credit %s, which has %s now\n", amount.Format(), one.ID, one.Balance.Format())
		}
		return err
	}
	var ends time.Time
	if day := c.Args["until"]; day != "" {
		last, err := time.ParseInLocation(time.DateOnly, day, shop.Zone)
		if err != nil {
			return fault.Field("until", "Write a day like 2029-12-31.")
		}
		ends = last.AddDate(0, 0, 1)
	}
	one, code, err := desk.IssueCard(ctx, o.actor, amount, ends)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.out, code.Reveal())
	fmt.Fprintf(o.err, "cartkeep: that is the code of gift card %s, worth %s; it is shown this once and kept nowhere\n", one.ID, amount.Format())
	return nil
}

func (o *operating) creditList(ctx context.Context, limit int) error {
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	var list []store.Credit
	err = o.vault.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.Credits(limit)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range list {
		fmt.Fprintf(o.out, "%s  %-13s  %s of %s left  %s\n", c.ID, creditName(c), c.Balance.Format(), c.Issued.Format(), creditState(c, o.vault.db.Now(), shop.Zone))
	}
	return nil
}

func creditName(c store.Credit) string {
	switch {
	case c.Kind == credit.Card:
		return "card " + credit.Dots + c.Last
	case c.Owner == "":
		return "nobody's"
	}
	return "store credit"
}

// creditState says until when a credit counts; days are those of the shop's zone.
func creditState(c store.Credit, now time.Time, zone *time.Location) string {
	last := c.EndsAt.Add(-time.Millisecond).In(zone).Format(time.DateOnly)
	switch {
	case !c.CancelledAt.IsZero():
		return "cancelled " + c.CancelledAt.In(zone).Format(time.DateOnly)
	case c.EndsAt.IsZero():
		return "no end"
	case !c.EndsAt.After(now):
		return "ended " + last
	}
	return "until " + last
}

func (o *operating) creditShow(ctx context.Context, desk *checkout.Desk, c call) error {
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	var one checkout.CreditView
	if typed, given := c.Args["code"]; given {
		code, ok := credit.ReadCode(typed)
		if !ok {
			return fault.Field("code", "That is no code of a gift card: perhaps it was mistyped.")
		}
		one, err = desk.CreditByCode(ctx, code)
	} else {
		one, err = desk.ShowCredit(ctx, credit.ID(c.Args["id"]))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s %s: %s of %s left, %s held by unpaid orders, %s\n", creditName(one.Credit), one.ID, one.Balance.Format(), one.Issued.Format(), one.Held.Format(),
		creditState(one.Credit, o.vault.db.Now(), shop.Zone))
	for _, a := range one.Acts {
		fmt.Fprintf(o.out, "  %s  %-9s  %10s  %s\n", a.At.Format("2006-01-02 15:04"), a.Doing, a.Amount.Format(), a.Number)
	}
	return nil
}

func (o *operating) creditVerify(ctx context.Context) error {
	r, err := o.vault.db.VerifyCredit(ctx)
	if err != nil {
		return err
	}
	for _, wrong := range r.Wrong {
		fmt.Fprintln(o.out, wrong)
	}
	for _, s := range r.Sums {
		fmt.Fprintf(o.out, "%-9s  %s\n", s.Side, s.Amount.Format())
	}
	if len(r.Wrong) > 0 {
		return statusError(1)
	}
	fmt.Fprintf(o.out, "ok %s, %d entries; every act sums to zero, what stands is their sum, and the ledger has the same %d acts\n", many(int(r.Credits), "credit"), r.Entries, r.Events)
	if r.Nobodys > 0 {
		fmt.Fprintf(o.out, "%d of them without a person: the account was erased\n", r.Nobodys)
	}
	return nil
}
