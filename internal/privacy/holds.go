package privacy

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// longestHold is how far away the end of a legal hold may lie. A lawsuit that
// lasts longer is held anew.
const longestHold = 10 // years

var (
	errNothingToHold = fault.New(fault.Conflict, "Nothing that a hold could keep is left: its time had come before.")
	errNotHoldable   = fault.New(fault.Conflict, "A hold can't keep this: it ends as soon as it has served.")
)

// Held is what a legal hold keeps: everything of an order, or one dossier.
type Held struct {
	Order   order.Number
	Dossier string
}

// Hold places a legal hold: until its end neither retention nor erasure destroys
// what it keeps. The dossiers' own end dates stay as they are; what is due by
// then goes with the first pass after the hold, and does not open meanwhile. It
// returns the hold's number and how many dossiers it keeps.
func Hold(ctx context.Context, db *store.DB, actor ledger.Actor, what Held, reason contact.Note, until time.Time) (id string, n int, err error) {
	if reason.IsZero() {
		return "", 0, fault.Field("reason", "Please say why this has to be kept.")
	}
	if now := db.Now(); !until.After(now) || until.After(now.AddDate(longestHold, 0, 0)) {
		return "", 0, fault.Field("until", "Please give a day in the next ten years.")
	}
	id = store.NewID()
	err = db.InTx(ctx, actor, func(t *store.Tx) error {
		list, err := find(&t.View, what)
		if err != nil {
			return err
		}
		var ids []string
		for _, d := range list {
			can, err := t.CanHold(d)
			if err != nil {
				return err
			}
			if can {
				ids = append(ids, d.ID)
			}
		}
		if n = len(ids); n == 0 && len(list) > 0 {
			return errNotHoldable
		}
		if n == 0 {
			return errNothingToHold
		}
		return t.PlaceHold(id, list[0].Subject, ids, reason, until)
	})
	return id, n, err
}

func find(v *store.View, what Held) ([]store.DueDossier, error) {
	if what.Dossier != "" {
		d, err := v.Living(what.Dossier)
		return []store.DueDossier{d}, err
	}
	o, err := v.OrderByNumber(what.Order)
	if err != nil {
		return nil, err
	}
	return v.LivingOf(o.Owner, string(o.ID))
}

// Release lifts a legal hold before its end. What is due goes with the next pass
// of retention. It returns how many dossiers it kept.
func Release(ctx context.Context, db *store.DB, actor ledger.Actor, id string) (n int, err error) {
	err = db.InTx(ctx, actor, func(t *store.Tx) (err error) {
		n, err = t.LiftHold(id)
		return err
	})
	return n, err
}

// Holds lists the legal holds there are and were, the newest first. With reasons
// it opens what was typed, and the ledger says that somebody read it.
func Holds(ctx context.Context, db *store.DB, actor ledger.Actor, reasons bool) (list []store.LegalHold, err error) {
	if !reasons {
		err = db.View(ctx, func(v *store.View) (err error) {
			list, err = v.LegalHolds()
			return err
		})
		return list, err
	}
	err = db.InTx(ctx, actor, func(t *store.Tx) (err error) {
		if list, err = t.LegalHolds(); err != nil {
			return err
		}
		for i, h := range list {
			if list[i].Reason, err = t.OpenReason(h); err != nil {
				return err
			}
		}
		return t.Event("hold.reasons_read", "", "", "")
	})
	return list, err
}
