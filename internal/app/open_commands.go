package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/store"
)

type openCmd struct {
	Reference  string `arg:"" optional:"" help:"What you asked to see, once a second person has allowed it." placeholder:"REFERENCE"`
	Order      string `help:"Ask to see everything that is kept of this order." placeholder:"NUMBER"`
	Dossier    string `help:"Ask to see this dossier alone." placeholder:"ID"`
	ReasonFile string `help:"A file that says why, or - for standard input. It is sealed." placeholder:"FILE"`
}

// Run asks to see what law or a legal hold keeps, or shows it.
func (c openCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Reference != "" {
		if c.Order != "" || c.Dossier != "" || c.ReasonFile != "" {
			return misused("give a reference, or say what you want to see and why")
		}
		return about(ctx, p, set, "privacy open", c.Reference)
	}
	if (c.Order == "") == (c.Dossier == "") || c.ReasonFile == "" {
		return misused("give a reference, or --order or --dossier, and --reason-file")
	}
	if c.Order != "" {
		n, err := order.ParseNumber(c.Order)
		if err != nil {
			return misused("an order number looks like K7Q2M-9F3XA")
		}
		c.Order = string(n)
	}
	in, err := openInput(p, c.ReasonFile)
	if err != nil {
		return err
	}
	defer in.Close()
	return carryOut(ctx, p, set, call{Name: "privacy open ask", Args: map[string]string{"order": c.Order, "dossier": c.Dossier}}, in)
}

type openingsCmd struct{}

// Run lists who wanted to look, and why.
func (openingsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "privacy openings"}, nil)
}

// opening carries out the commands about looking at what is kept.
func (o *operating) opening(ctx context.Context, c call) error {
	switch c.Name {
	case "privacy open ask":
		reason, err := readReason(o.in)
		if err != nil {
			return err
		}
		asked, err := privacy.AskOpening(ctx, o.vault.db, o.actor, privacy.Held{Order: order.Number(c.Args["order"]), Dossier: c.Args["dossier"]}, reason)
		if err != nil {
			return err
		}
		spelt := store.SpellReference(asked.Reference)
		fmt.Fprintf(o.out, "cartkeep: a second person lets you: cartkeep privacy allow %s\ncartkeep: you see it once, until %s: cartkeep privacy open %[1]s\n%[1]s\n", spelt, asked.EndsAt.Format("2 January 2006 15:04 UTC"))
		return nil
	case "privacy open":
		return o.show(ctx, c.Args["reference"])
	default:
		return o.openings(ctx)
	}
}

// allowOpening lets somebody look, when that is what the reference is about.
func (o *operating) allowOpening(ctx context.Context, reference string) (done bool, err error) {
	_, err = privacy.AllowOpening(ctx, o.vault.db, o.actor, reference)
	if errors.Is(err, store.ErrNoOpening) {
		return false, nil
	}
	if err == nil {
		fmt.Fprintln(o.out, "cartkeep: allowed; who asked is shown it once: cartkeep privacy open "+store.SpellReference(reference))
	}
	return true, err
}

// readReason reads what somebody typed as a reason.
func readReason(in io.Reader) (contact.Note, error) {
	// One byte more than any reason that is short enough, so that it is not cut.
	text, err := io.ReadAll(io.LimitReader(in, 16*order.MaxNote+1))
	if err != nil {
		return contact.Note{}, err
	}
	return contact.ParseNote(string(text), order.MaxNote)
}

// show prints what was opened, to who asked and to nobody else.
func (o *operating) show(ctx context.Context, reference string) error {
	list, err := privacy.ShowOpening(ctx, o.vault.db, o.actor, reference)
	if err != nil {
		return err
	}
	var last personal.Purpose
	for _, v := range list {
		if v.Purpose != last {
			fmt.Fprintf(o.out, "%s\n", v.Purpose)
			last = v.Purpose
		}
		fmt.Fprintf(o.out, "  %s: %s\n", v.Label, strings.ReplaceAll(v.Text, "\n", "\n    "))
	}
	if len(list) == 0 {
		fmt.Fprintln(o.out, "cartkeep: nothing is left in there")
	}
	return nil
}

func (o *operating) openings(ctx context.Context) error {
	list, err := privacy.Openings(ctx, o.vault.db, o.actor)
	if err != nil {
		return err
	}
	for _, v := range list {
		what := v.Case
		if v.Order != "" {
			what = "order " + string(v.Order)
		}
		if v.Purpose != "" {
			what += " (" + string(v.Purpose) + ")"
		}
		fmt.Fprintf(o.out, "%s  %s  %s  asked by %s on %s\n", store.SpellReference(v.Reference), openingState(v, o.vault.db.Now()), what, v.AskedBy, v.AskedAt.Format(time.DateOnly))
		if !v.Reason.IsZero() {
			fmt.Fprintln(o.out, "  "+strings.ReplaceAll(v.Reason.Reveal(), "\n", "\n  "))
		}
	}
	return nil
}

func openingState(v store.Opening, now time.Time) string {
	switch {
	case !v.ShownAt.IsZero():
		return "shown " + v.ShownAt.Format(time.DateOnly) + ", allowed by " + v.AllowedBy
	case !v.EndsAt.After(now):
		return "over"
	case v.AllowedBy != "":
		return "allowed by " + v.AllowedBy
	default:
		return "waits"
	}
}
