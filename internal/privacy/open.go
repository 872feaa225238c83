package privacy

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// What law or a legal hold keeps opens to nobody in the ordinary way. A tax
// inspector or a court may have to see it all the same: somebody asks and says
// why, a second person lets them, and whoever asked is shown it, once.

// OpeningLasts is how long a wish to look stands.
const OpeningLasts = 24 * time.Hour

var (
	errNothingKept   = fault.New(fault.Conflict, "Nothing of this is kept by law or a legal hold: it is gone, or is seen in the ordinary way.")
	errOpeningWaits  = fault.New(fault.Conflict, "This waits for a second person: cartkeep privacy allow.")
	errOpeningOver   = fault.New(fault.Conflict, "The time to look is over. Please ask again.")
	errOpeningShown  = fault.New(fault.Conflict, "This was shown already. Please ask again.")
	errOpeningYours  = fault.New(fault.Conflict, "Whoever asks to look can't be the second person.")
	errOpeningOthers = fault.New(fault.Conflict, "Only who asked is shown this.")
	errAllowed       = fault.New(fault.Conflict, "Somebody has allowed this already.")
)

// AskOpening keeps somebody's wish to look at what is kept of an order, or at one
// dossier. Nothing opens by it.
func AskOpening(ctx context.Context, db *store.DB, who ledger.Actor, what Held, reason contact.Note) (o store.Opening, err error) {
	if reason.IsZero() {
		return o, fault.Field("reason", "Please say why this has to be seen.")
	}
	reference := store.NewReference()
	err = db.InTx(ctx, who, func(t *store.Tx) error {
		o = store.Opening{Reference: reference, Reason: reason, EndsAt: t.Now().Add(OpeningLasts)}
		list, err := find(&t.View, what)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNothingKept
		}
		o.Subject, o.Case, o.Order = list[0].Subject, list[0].Case, what.Order
		if what.Dossier != "" {
			o.Purpose = list[0].Purpose
		}
		if list, err = t.Kept(o.Subject, o.Case, o.Purpose); err != nil {
			return err
		}
		if len(list) == 0 {
			return errNothingKept
		}
		return t.AskOpening(o)
	})
	return o, err
}

// AllowOpening lets somebody look who has asked. Whoever asked is not that person.
func AllowOpening(ctx context.Context, db *store.DB, who ledger.Actor, reference string) (o store.Opening, err error) {
	err = db.InTx(ctx, who, func(t *store.Tx) (err error) {
		if o, err = t.Opening(reference); err != nil {
			return err
		}
		switch {
		case o.AskedBy == who.String():
			return errOpeningYours
		case !o.EndsAt.After(t.Now()):
			return errOpeningOver
		}
		allowed, err := t.AllowOpening(o)
		if err == nil && !allowed {
			err = errAllowed
		}
		return err
	})
	return o, err
}

// ShowOpening opens what somebody asked to see and was let. The ledger says so
// before anything is handed out. It is done once.
func ShowOpening(ctx context.Context, db *store.DB, who ledger.Actor, reference string) (out []store.Shown, err error) {
	err = db.InTx(ctx, who, func(t *store.Tx) error {
		out = nil
		o, err := t.Opening(reference)
		if err != nil {
			return err
		}
		switch {
		case o.AskedBy != who.String():
			return errOpeningOthers
		case !o.ShownAt.IsZero():
			return errOpeningShown
		case o.AllowedBy == "":
			return errOpeningWaits
		case !o.EndsAt.After(t.Now()):
			return errOpeningOver
		}
		list, err := t.Kept(o.Subject, o.Case, o.Purpose)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNothingKept
		}
		first, err := t.OpeningShown(o, list)
		if err == nil && !first {
			err = errOpeningShown
		}
		if err != nil {
			return err
		}
		for _, d := range list {
			values, err := t.Show(d)
			if err != nil {
				return err
			}
			out = append(out, values...)
		}
		return nil
	})
	if err != nil {
		return nil, err // what was opened in vain is not handed out
	}
	return out, nil
}

// Openings lists who wanted to look, the newest first, with what they gave as the
// reason: the second person has to know it.
func Openings(ctx context.Context, db *store.DB, who ledger.Actor) (list []store.Opening, err error) {
	err = db.InTx(ctx, who, func(t *store.Tx) (err error) {
		if list, err = t.Openings(); err != nil || len(list) == 0 {
			return err
		}
		for i, o := range list {
			if list[i].Reason, err = t.OpeningReason(o); err != nil {
				return err
			}
		}
		return t.Event("opening.reasons_read", "", "", "")
	})
	return list, err
}
