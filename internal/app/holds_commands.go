package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/store"
)

type holdCmd struct {
	Order      string `help:"Everything that is left of this order." placeholder:"NUMBER"`
	Dossier    string `help:"This dossier alone." placeholder:"ID"`
	ReasonFile string `help:"A file that says why, or - for standard input: other users of this machine see what stands on a command line. It is sealed." required:"" placeholder:"FILE"`
	Until      string `help:"The last day of the hold, like 2027-06-30." required:"" placeholder:"DATE"`
}

// Run places a legal hold.
func (c holdCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if (c.Order == "") == (c.Dossier == "") {
		return misused("give --order or --dossier")
	}
	if c.Order != "" {
		n, err := order.ParseNumber(c.Order)
		if err != nil {
			return misused("an order number looks like K7Q2M-9F3XA")
		}
		c.Order = string(n)
	}
	if _, err := time.Parse(time.DateOnly, c.Until); err != nil {
		return misused("until: a day looks like 2027-06-30")
	}
	in, err := openInput(p, c.ReasonFile)
	if err != nil {
		return err
	}
	defer in.Close()
	return carryOut(ctx, p, set, call{Name: "privacy hold", Args: map[string]string{"order": c.Order, "dossier": c.Dossier, "until": c.Until}}, in)
}

type holdsCmd struct {
	Reasons bool `help:"Also say why. The ledger tells that they were read."`
}

// Run lists legal holds.
func (c holdsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if c.Reasons {
		args["reasons"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "privacy holds", Args: args}, nil)
}

type releaseCmd struct {
	ID string `arg:"" help:"The number of the hold, as privacy holds prints it." placeholder:"ID"`
}

// Run lifts a legal hold.
func (c releaseCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "privacy release", Args: map[string]string{"id": c.ID}}, nil)
}

// legalHold carries out the commands about legal holds.
func (o *operating) legalHold(ctx context.Context, c call) error {
	db := o.vault.db
	switch c.Name {
	case "privacy hold":
		day, err := time.Parse(time.DateOnly, c.Args["until"])
		if err != nil {
			return err
		}
		reason, err := readReason(o.in)
		if err != nil {
			return err
		}
		id, n, err := privacy.Hold(ctx, db, o.actor, privacy.Held{Order: order.Number(c.Args["order"]), Dossier: c.Args["dossier"]}, reason, day.AddDate(0, 0, 1))
		if err != nil {
			return err
		}
		fmt.Fprintf(o.out, "cartkeep: %s kept until the end of %s (UTC); to lift the hold: cartkeep privacy release %s\n%s\n", many(n, "dossier"), c.Args["until"], id, id)
		return nil
	case "privacy release":
		n, err := privacy.Release(ctx, db, o.actor, c.Args["id"])
		if err != nil {
			return err
		}
		fmt.Fprintf(o.out, "cartkeep: lifted; of %s that it kept, what is due goes with the next pass\n", many(n, "dossier"))
		return nil
	default:
		return o.holds(ctx, c.Args["reasons"] == "yes")
	}
}

// holds prints one line for each hold, and below it why, where that was asked for.
func (o *operating) holds(ctx context.Context, reasons bool) error {
	list, err := privacy.Holds(ctx, o.vault.db, o.actor, reasons)
	if err != nil {
		return err
	}
	for len(list) > 0 {
		h, n := list[0], 0
		var purposes []string
		for n < len(list) && list[n].ID == h.ID {
			purposes = append(purposes, string(orGone(list[n].Purpose)))
			n++
		}
		list = list[n:]
		about := "dossier " + h.Dossier
		if h.Order != "" {
			about = "order " + string(h.Order)
		}
		fmt.Fprintf(o.out, "%s  %s  from %s until %s  %s (%s)  by %s\n", h.ID, holdState(h, o.vault.db.Now()), h.Since.Format(time.DateOnly), h.End.Add(-time.Millisecond).Format(time.DateOnly), about, strings.Join(purposes, ", "), h.Actor)
		if !h.Reason.IsZero() {
			fmt.Fprintln(o.out, "  "+strings.ReplaceAll(h.Reason.Reveal(), "\n", "\n  "))
		}
	}
	return nil
}

func orGone(p personal.Purpose) personal.Purpose {
	if p == "" {
		return "forgotten"
	}
	return p
}

func holdState(h store.LegalHold, now time.Time) string {
	switch {
	case h.Holds(now):
		return "holds"
	case h.Lifted.IsZero():
		return "ended"
	default:
		return "lifted " + h.Lifted.Format(time.DateOnly) + " by " + h.LiftedBy
	}
}
