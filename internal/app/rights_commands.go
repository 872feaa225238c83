package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/store"
)

// whose is the person that a command is about.
type whose struct {
	Email string `help:"Whose data it is, or - to read it from standard input: other users of this machine see what stands on a command line." placeholder:"EMAIL"`
}

// read takes the address from where it is, and refuses one that is none.
func (w *whose) read(p *Process) error {
	if w.Email == "-" {
		line, err := firstLine(p.In)
		if err != nil {
			return misused("email: %w", err)
		}
		w.Email = line
	}
	if _, err := contact.ParseEmail(w.Email); err != nil {
		return misused("email: %w", err)
	}
	return nil
}

type eraseCmd struct {
	whose
	Now   bool `help:"Skip the cool-off of 48 hours, and nothing else."`
	Shred bool `help:"Close the living epoch too, so that what was erased opens to nobody at once, whatever copies they kept. Older backups open no more by it."`
}

// Run erases a person.
func (c eraseCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if err := c.read(p); err != nil {
		return err
	}
	return carryOut(ctx, p, set, call{Name: "privacy erase", Args: map[string]string{"email": c.Email, "now": word(c.Now), "shred": word(c.Shred)}}, nil)
}

type restrictCmd struct {
	whose
	Lift string `help:"End the restriction with this reference instead. Tell the person first." placeholder:"REFERENCE"`
}

// Run restricts what there is about a person, or ends that.
func (c restrictCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if (c.Lift == "") == (c.Email == "") {
		return misused("email: say whose data is restricted with --email, or which restriction ends with --lift")
	}
	if c.Lift != "" {
		return about(ctx, p, set, "privacy lift", c.Lift)
	}
	if err := c.read(p); err != nil {
		return err
	}
	return carryOut(ctx, p, set, call{Name: "privacy restrict", Args: map[string]string{"email": c.Email}}, nil)
}

type requestsCmd struct{}

// Run lists the newest requests.
func (requestsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "privacy requests"}, nil)
}

// referenceArg names a request.
type referenceArg struct {
	Reference string `arg:"" help:"The reference of the request." placeholder:"REFERENCE"`
}

type receiptCmd struct{ referenceArg }

// Run prints a receipt.
func (c receiptCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return about(ctx, p, set, "privacy receipt", c.Reference)
}

type stopCmd struct{ referenceArg }

// Run stops a request that has not begun.
func (c stopCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return about(ctx, p, set, "privacy stop", c.Reference)
}

type allowCmd struct{ referenceArg }

// Run is the second person for what waits for one.
func (c allowCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return about(ctx, p, set, "privacy allow", c.Reference)
}

func about(ctx context.Context, p *Process, set *Settings, name, reference string) error {
	reference, err := store.ParseReference(reference)
	if err != nil {
		return misused("reference: %w", err)
	}
	return carryOut(ctx, p, set, call{Name: name, Args: map[string]string{"reference": reference}}, nil)
}

func word(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// rights carries out a command about a person or a request.
func (o *operating) rights(ctx context.Context, c call) error {
	office, reference := o.vault.office, c.Args["reference"]
	switch c.Name {
	case "privacy erase":
		return o.askedFor(ctx, privacy.KindErase, c.Args["email"], privacy.Options{Now: c.Args["now"] == "yes", Shred: c.Args["shred"] == "yes", Unseen: o.alone})
	case "privacy restrict":
		return o.askedFor(ctx, privacy.KindRestrict, c.Args["email"], privacy.Options{Now: true})
	case "privacy requests":
		return o.requests(ctx)
	case "privacy stop":
		if err := office.Stop(ctx, o.actor, reference); err != nil {
			return err
		}
	case "privacy lift":
		if err := office.Lift(ctx, o.actor, reference); err != nil {
			return err
		}
	case "privacy allow":
		if done, err := o.allowOpening(ctx, reference); done || err != nil {
			return err
		}
		if err := office.Allow(ctx, o.actor, reference); err != nil {
			return err
		}
		if err := o.told(office.Run(ctx, o.actor, reference)); err != nil {
			return err
		}
	}
	if c.Name != "privacy receipt" {
		o.spread(ctx)
	}
	return o.receipt(ctx, reference)
}

// askedFor keeps a request and, where it does not wait, carries it out.
func (o *operating) askedFor(ctx context.Context, kind, email string, opt privacy.Options) error {
	e, err := contact.ParseEmail(email)
	if err != nil {
		return err
	}
	office := o.vault.office
	r, err := office.Ask(ctx, o.actor, kind, e, opt)
	if before, ok := errors.AsType[*privacy.AlreadyErased](err); ok {
		fmt.Fprintln(o.out, "cartkeep: nobody is left under this address: whoever it was has been erased")
		return o.receipt(ctx, before.References[0])
	}
	if err != nil {
		return err
	}
	if opt.Now {
		err := o.told(office.Run(ctx, o.actor, r.Reference))
		if err != nil && !errors.Is(err, privacy.ErrHeld) {
			return fmt.Errorf("request %s goes on by itself: %w", store.SpellReference(r.Reference), err)
		}
		o.spread(ctx)
	}
	return o.receipt(ctx, r.Reference)
}

// told tells of a backup that an erasure waits for, which is no failure.
func (o *operating) told(err error) error {
	if !errors.Is(err, store.ErrReads) {
		return err
	}
	fmt.Fprintf(o.out, "cartkeep: the keys are destroyed. A backup is reading the database, for %v at most; the files are cleaned and the receipt written when it has ended\n", store.SnapshotLasts)
	return nil
}

// spread brings the copies of the journal up to date; the shop tries again
// where that fails.
func (o *operating) spread(ctx context.Context) {
	if err := o.vault.office.Spread(ctx); err != nil {
		fmt.Fprintf(o.err, "cartkeep: %v; the shop tries again by itself\n", err)
	}
}

// receipt tells where a request stands. It names nobody.
func (o *operating) receipt(ctx context.Context, reference string) error {
	r, err := o.vault.office.Request(ctx, reference)
	if err != nil {
		return err
	}
	const day = "2 January 2006 15:04 UTC"
	say := func(format string, args ...any) { fmt.Fprintf(o.out, format+"\n", args...) }
	say("cartkeep: request %s (%s), asked on %s", store.SpellReference(r.Reference), r.Kind, r.AskedAt.Format(day))
	switch {
	case r.State == store.Waiting:
		say("cartkeep: it begins on %s; until then: cartkeep privacy stop %s", r.DueAt.Format(day), store.SpellReference(r.Reference))
	case r.State == store.Held:
		say("cartkeep: it waits for a second person, since an hour's erasures would be more than usual: cartkeep privacy allow %s", store.SpellReference(r.Reference))
	case r.State == store.Stopped && r.Kind == privacy.KindRestrict:
		say("cartkeep: the restriction ended on %s", r.DoneAt.Format(day))
	case r.State == store.Stopped:
		say("cartkeep: stopped on %s; nothing was erased", r.DoneAt.Format(day))
	case r.State == store.Running:
		say("cartkeep: begun; the rest follows by itself")
	case r.Kind == privacy.KindRestrict:
		say("cartkeep: restricted since %s", r.DoneAt.Format(day))
	case r.Everywhere.IsZero():
		say("cartkeep: erased here on %s; backups pending", r.DoneAt.Format(day))
	default:
		say("cartkeep: erased here on %s; erased in backups too: no restore by Cartkeep brings it back", r.DoneAt.Format(day))
		if err := o.beyond(ctx, r.DoneAt, say); err != nil {
			return err
		}
	}
	for _, p := range personal.Purposes() {
		if n := r.Receipt.Erased[p.Purpose]; n > 0 {
			say("  erased      %-11s %d", p.Purpose, n)
		}
	}
	for _, k := range r.Receipt.Kept {
		say("  restricted  %-11s %d, until %s at the latest: %s", k.Purpose, k.Count, k.Until.Format(time.DateOnly), k.Why)
	}
	return nil
}

// beyond says until when somebody who kept old copies of the database and a copy
// of the key file of today could open by hand what was erased.
func (o *operating) beyond(ctx context.Context, erased time.Time, say func(string, ...any)) error {
	list, err := o.vault.life.List(ctx)
	if err != nil {
		return err
	}
	alive := slices.ContainsFunc(list, func(e keylife.Epoch) bool { return e.Gone.IsZero() && e.Begun.Before(erased) })
	if alive {
		say("cartkeep: who kept old copies of the database and has the key store of today could still open it by hand, until the epoch of then ends (cartkeep keys list)")
	}
	return nil
}

func (o *operating) requests(ctx context.Context) error {
	var list []string
	err := o.vault.db.View(ctx, func(v *store.View) (err error) {
		list, err = v.Requests(100)
		return err
	})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(o.out, "cartkeep: nobody has asked for anything yet")
	}
	for _, reference := range list {
		r, err := o.vault.office.Request(ctx, reference)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.out, "%s  %-8s %-8s %s\n", store.SpellReference(reference), r.Kind, r.State, r.AskedAt.Format(time.RFC3339))
	}
	return nil
}
