package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/paymentpage"
	"github.com/cartkeep/cartkeep/internal/store"
)

type payingCmd struct {
	Status    payingStatusCmd    `cmd:"" help:"What the last visit found; exit 1 when it was not clean."`
	Visit     payingVisitCmd     `cmd:"" help:"Look at the payment pages now, as a shopper would; exit 1 when they are not as they were signed."`
	Accept    payingAcceptCmd    `cmd:"" help:"Sign the payment pages as they are now."`
	Reports   payingReportsCmd   `cmd:"" help:"List what browsers blocked on the shop’s pages."`
	Inventory payingInventoryCmd `cmd:"" help:"List every script, style sheet and icon that pages load: who answers for it, and why it is there."`
	Baseline  payingBaselineCmd  `cmd:"" help:"Print what was signed, and its signature."`
}

type payingStatusCmd struct{}

// Run tells how the last visit went.
func (payingStatusCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payment-page status"}, nil)
}

type payingVisitCmd struct{}

// Run visits the pages.
func (payingVisitCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payment-page visit"}, nil)
}

type payingAcceptCmd struct {
	Foreign bool `help:"Accept what does not come from this shop as well. Only when you know what it is."`
}

// Run accepts the pages.
func (c payingAcceptCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payment-page accept", Args: map[string]string{"foreign": word(c.Foreign)}}, nil)
}

type payingReportsCmd struct{}

// Run lists reports.
func (payingReportsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payment-page reports"}, nil)
}

type payingInventoryCmd struct{}

// Run lists the inventory.
func (payingInventoryCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payment-page inventory"}, nil)
}

type payingBaselineCmd struct{}

// Run prints the baseline.
func (payingBaselineCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "payment-page baseline"}, nil)
}

// paymentPage carries out a command about the payment pages.
func (o *operating) paymentPage(ctx context.Context, c call) error {
	switch c.Name {
	case "payment-page status":
		return o.pagesStatus(ctx)
	case "payment-page reports":
		return o.pageReports(ctx)
	case "payment-page baseline":
		return o.pageBaseline(ctx)
	}
	if o.paying == nil {
		return errors.New("the shop does not run, so there is no page to look at")
	}
	switch c.Name {
	case "payment-page inventory":
		rules, err := o.paying.Rules(ctx)
		for _, e := range rules.Inventory {
			hash := e.Integrity
			if hash == "" && e.Kind == paymentpage.Script {
				hash = "no hash; on " + e.Page + " alone"
			}
			fmt.Fprintf(o.out, "%s %s\n  %s\n  owner: %s\n  why: %s\n", e.Kind, e.Path, hash, e.Owner, e.Reason)
		}
		return err
	case "payment-page accept":
		return o.acceptPages(ctx, c.Args["foreign"] == "yes")
	}
	began := time.Now()
	v, err := o.paying.Visit(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.err, "cartkeep: looked for %v\n", time.Since(began).Round(time.Millisecond))
	return o.tellVisit(v)
}

func (o *operating) acceptPages(ctx context.Context, foreign bool) error {
	all, err := o.paying.Accept(ctx, o.actor, foreign)
	for _, d := range all {
		fmt.Fprintf(o.out, "  %s\n", d)
	}
	if errors.Is(err, pagewatch.ErrForeign) {
		return fmt.Errorf("%w; nothing was signed. If you know what it is: cartkeep payment-page accept --foreign", err)
	}
	if err == nil {
		fmt.Fprintf(o.out, "cartkeep: signed, with %s\n", many(len(all), "change"))
	}
	return err
}

func (o *operating) pagesStatus(ctx context.Context) error {
	var last []store.PageVisit
	var base store.PageBaseline
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		if base, err = v.PageBaseline(); err == nil {
			last, err = v.PageVisits(1)
		}
		return err
	})
	if err != nil {
		return err
	}
	if base.At.IsZero() {
		fmt.Fprintln(o.out, "cartkeep: the payment pages were not signed yet; the first visit that finds nothing foreign does it")
	} else {
		fmt.Fprintf(o.out, "cartkeep: signed on %s\n", base.At.Format(time.RFC3339))
	}
	if len(last) == 0 {
		fmt.Fprintln(o.out, "cartkeep: nobody has looked at the payment pages yet")
		return nil
	}
	return o.tellVisit(last[0])
}

func (o *operating) tellVisit(v store.PageVisit) error {
	words := map[string]string{store.PagesClean: "as they were signed", store.PagesChanged: "changed by an update or a setting", store.PagesForeign: "something there does not come from this shop", store.PagesUnknown: "they could not be looked at"}
	fmt.Fprintf(o.out, "cartkeep: payment pages looked at on %s: %s\n", v.At.Format(time.RFC3339), words[v.Outcome])
	for _, f := range v.Found {
		fmt.Fprintf(o.out, "  %s\n", f)
	}
	if v.Outcome != store.PagesClean {
		return statusError(1)
	}
	return nil
}

func (o *operating) pageReports(ctx context.Context) error {
	var list []store.PageReport
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.PageReports(100)
		return err
	})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(o.out, "cartkeep: no browser has said that it blocked anything")
	}
	for _, r := range list {
		fmt.Fprintf(o.out, "%6d  %s  %s blocked %s on %s", r.Count, r.Last.Format(time.DateOnly), r.Directive, r.Blocked, r.Page)
		if r.Source != "" {
			fmt.Fprintf(o.out, ", asked for by %s", r.Source)
		}
		fmt.Fprintf(o.out, " (%s)\n", r.Kind)
	}
	return nil
}

func (o *operating) pageBaseline(ctx context.Context) error {
	var b store.PageBaseline
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		b, err = v.PageBaseline()
		return err
	})
	if err == nil {
		fmt.Fprint(o.out, b.Text, "\n", b.Signed)
	}
	return err
}
