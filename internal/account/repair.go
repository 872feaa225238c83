package account

import (
	"context"
	"errors"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// tamperedEvery is how often one account is told of at most.
const tamperedEvery = time.Hour

// tellTampered writes to the ledger, and to the owners, which accounts were found
// changed behind the shop's back. Whoever found one could not: that transaction
// was given up.
func (k *Keeper) tellTampered(ctx context.Context) error {
	told := false
	var all error
	for _, id := range k.db.Tampered() {
		fresh := false
		err := k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
			n, err := t.EventsSince(id, "account.tampered", t.Now().Add(-tamperedEvery))
			if fresh = err == nil && n == 0; !fresh {
				return err
			}
			if !told {
				if err := k.tellOwners(t, message.Tampered); err != nil {
					return err
				}
			}
			return t.Event("account.tampered", id, id, "")
		})
		told = told || fresh && err == nil
		all = errors.Join(all, err)
	}
	if told {
		k.wake()
	}
	return all
}

var errStaffRepair = fault.New(fault.Conflict, "This is somebody of the staff: disable them, and invite them again.")

// Repair opens the account of a mailbox again that stays shut because it was
// tampered with. Everything that it proves itself with goes, and every session;
// what is kept in it stays. Its owner comes back by proving the mailbox.
func (k *Keeper) Repair(ctx context.Context, who ledger.Actor, email string) error {
	to, err := contact.ParseEmail(email)
	if err != nil {
		return err
	}
	return k.db.InTx(ctx, who, func(t *store.Tx) error {
		a, err := t.AccountOf(to, false)
		if fault.Is(err, fault.NotFound) {
			if staff, look := t.AccountOf(to, true); look == nil && staff.Staff() {
				return errStaffRepair
			}
		}
		if err != nil {
			return err
		}
		if err := t.Repair(a); err != nil {
			return err
		}
		return t.Event("account.repaired", a.ID, a.ID, "")
	})
}
