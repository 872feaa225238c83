package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/store"
)

type retentionCmd struct {
	Confirm bool `help:"The clock is right, and what is due may go: destroy it now. It can't be undone."`
}

// Run tells how retention stands, or confirms a pass.
func (c retentionCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if c.Confirm {
		args["confirm"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "privacy retention", Args: args}, nil)
}

// retention tells why destroying waits, if it does; with confirm it goes on,
// at once and once.
func (o *operating) retention(ctx context.Context, confirm bool) error {
	db := o.vault.db
	b, err := privacy.Look(ctx, db)
	if err != nil {
		return err
	}
	last := "there was no pass yet"
	if !b.Last.IsZero() {
		last = "the last pass was at " + b.Last.Format(time.RFC3339)
	}
	fmt.Fprintf(o.out, "cartkeep: the clock says %s; %s\ncartkeep: %d of %d dossiers are due; up to %d go without a person\n",
		b.Now.Format(time.RFC3339), last, b.Due, b.Living, b.Bound)
	if err := o.comingDue(ctx); err != nil {
		return err
	}
	switch {
	case b.Why == privacy.Free && !confirm:
		fmt.Fprintln(o.out, "cartkeep: what is due is destroyed by itself")
		return nil
	case b.Why == privacy.Free && b.Due == 0:
		fmt.Fprintln(o.out, "cartkeep: there is nothing to confirm")
		return nil
	case !confirm:
		fmt.Fprintf(o.out, "cartkeep: destroying waits: %s\ncartkeep: if the clock is right and this may go for good, run: cartkeep privacy retention --confirm\n", b)
		return statusError(1)
	}
	if b.Why != privacy.Free { // a confirmation that was cut off before its pass still stands
		// Events of a wrong clock that are not numbered yet would stop the next pass.
		if _, err := db.Sequence(ctx); err != nil {
			return err
		}
		if _, err := privacy.Confirm(ctx, db, o.actor); err != nil {
			return err
		}
	}
	desk, err := o.till()
	if err != nil {
		return err
	}
	gone, err := privacy.Retention(ctx, db, slog.New(slog.DiscardHandler), desk.SweepCarts, desk.EndIdleCards)
	if err != nil {
		return err
	}
	total := 0
	for _, n := range gone {
		total += n
	}
	fmt.Fprintf(o.out, "cartkeep: confirmed; destroyed %s, and the carts and kept cards whose time had come\n", many(total, "key"))
	return nil
}

// soonDays is how long before their day it is told what will be destroyed.
const soonDays = 14

// comingDue tells what becomes due soon, while an owner can still ask why.
func (o *operating) comingDue(ctx context.Context) error {
	var list []store.PurposeCount
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.ComingDue(v.Now().AddDate(0, 0, soonDays))
		return err
	})
	if err != nil || len(list) == 0 {
		return err
	}
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%d of %s", c.N, c.Purpose))
	}
	fmt.Fprintf(o.out, "cartkeep: due within %d days: %s\n", soonDays, strings.Join(parts, ", "))
	return nil
}
