package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/store"
)

// InviteFor is how long an invitation can be taken.
const InviteFor = 48 * time.Hour

// Invitation is who is invited, as what.
type Invitation struct {
	Email   string
	Role    access.Role
	Account string // somebody who works here already and has lost their passkeys; "" for somebody new
}

// Invite makes the link of an invitation. It is shown to whoever invites and
// handed on by them; whoever reads the invited person's mail has nothing. by is
// the owner who invites, or somebody at the shop's own machine, whose word
// counts as an owner's.
func (k *Keeper) Invite(ctx context.Context, by ledger.Actor, i Invitation) (link string, err error) {
	to, err := contact.ParseEmail(i.Email)
	if err != nil {
		return "", err
	}
	if _, ok := access.ParseRole(string(i.Role)); !ok {
		return "", fault.Field("role", "Please choose what this person does: owner, manager, fulfilment, support or auditor.")
	}
	id, tok := store.NewID(), token()
	err = k.db.InTx(ctx, by, func(t *store.Tx) error {
		if i.Account == "" {
			_, err := t.AccountOf(to, true)
			if err == nil {
				return fault.Field("email", "This person works here already. To replace lost passkeys, use the button beside the name.")
			}
			if !errors.Is(err, store.ErrNoAccount) {
				return err
			}
		} else if a, err := t.Account(i.Account); err != nil || !a.Staff() {
			return errors.Join(err, store.ErrNoAccount)
		}
		inv := store.Invite{ID: id, Role: i.Role, Email: to, Account: i.Account, EndsAt: t.Now().Add(InviteFor)}
		if by.Kind == "staff" {
			inv.MadeBy = by.ID
		} else {
			inv.Confirmed = true
		}
		return t.NewInvite(inv, tok)
	})
	return k.cfg.Console + "/admin/invite?token=" + id + "." + tok, err
}

// Invited looks at an invitation. It uses nothing up.
func (k *Keeper) Invited(ctx context.Context, ticket string) (i store.Invite, err error) {
	id, tok, ok := split(ticket)
	if !ok {
		return i, errEnded
	}
	err = k.db.View(ctx, func(v *store.View) error {
		i, err = v.Invite(id, tok)
		return err
	})
	return i, err
}

// BeginInvite begins to enrol the passkey of whoever is invited.
func (k *Keeper) BeginInvite(ctx context.Context, ticket string) (Ceremony, error) {
	i, err := k.Invited(ctx, ticket)
	if err != nil {
		return Ceremony{}, err
	}
	a, keys := invitee(i, store.NewID()), []passkey.Key(nil)
	if i.Account != "" {
		err := k.db.View(ctx, func(v *store.View) (err error) {
			if a, err = v.Account(i.Account); err != nil {
				return err
			}
			keys, err = keysOf(v, i.Account)
			return err
		})
		if err != nil {
			return Ceremony{}, err
		}
	}
	options, state, err := k.cfg.Passkeys.BeginRegister(user(a), keys, true)
	if err != nil {
		return Ceremony{}, err
	}
	return k.begin(ctx, ceremonyInvite+i.ID, a.ID, options, state)
}

// invitee is the account that an invitation becomes.
func invitee(i store.Invite, id string) store.Account {
	return store.Account{ID: id, Role: i.Role, Email: i.Email, State: store.AccountWaiting, InvitedBy: i.MadeBy}
}

// Taking is what somebody shows who takes an invitation.
type Taking struct {
	Ticket   string // of the invitation
	Ceremony string // of the passkey
	Response []byte
	Label    string // what the passkey is called
	Name     string // of somebody new, as colleagues and letters call them; may be ""
	Code     string // a recovery code, from somebody who has lost their passkeys
}

// FinishInvite makes the account of whoever is invited, with its first passkey.
// Where an owner invited by the console, an owner has to confirm whoever came:
// then the entry is zero and the account waits. Somebody who replaces lost
// passkeys shows a recovery code beside the invitation.
func (k *Keeper) FinishInvite(ctx context.Context, w Taking, v Visitor) (Entry, error) {
	id, tok, ok := split(w.Ticket)
	if !ok {
		return Entry{}, errEnded
	}
	var name contact.Name
	if strings.TrimSpace(w.Name) != "" {
		var err error
		if name, err = contact.ParseName(w.Name); err != nil {
			return Entry{}, err
		}
	}
	var e Entry
	err := k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
		e = Entry{}
		i, err := t.Invite(id, tok)
		if err != nil {
			return err
		}
		c, err := end(t, w.Ceremony, ceremonyInvite+i.ID)
		if err != nil {
			return err
		}
		a := invitee(i, c.Account)
		a.Name = name
		if i.Account != "" {
			if a, err = t.Account(i.Account); err != nil {
				return err
			}
			code, err := k.readRecovery(a.ID, w.Code)
			if err != nil {
				return err
			}
			if used, err := t.UseRecoveryCode(a.ID, code); err != nil || !used {
				return errors.Join(err, errCode)
			}
		}
		key, err := k.enrolled(t, c, a, w.Response)
		if err != nil {
			return err
		}
		if !key.UV {
			return fault.New(fault.Invalid, "This passkey did not check that it is you. Please use one with a PIN, a finger or a face.")
		}
		if i.Account == "" {
			if i.Confirmed {
				a.State, a.ConfirmedBy = store.AccountOpen, t.Actor().String()
			}
			if err := t.NewAccount(a); err != nil {
				return err
			}
		} else if err := errors.Join(k.dropPasskeys(t, a), k.notify(t, a, notice{kind: message.RecoveryUsed, agent: v.Agent})); err != nil {
			return err
		}
		f := store.Factor{ID: store.NewID(), Kind: store.PasskeyFactor, On: true, Secret: key.Marshal(), Label: labelOf(w.Label, "Passkey"), Step: int64(key.Sign)}
		if err := t.AddFactor(a, f); err != nil {
			return err
		}
		if err := t.UseInvite(i.ID, a.ID); err != nil {
			return err
		}
		if err := t.Event("staff.joined", a.ID, a.ID, store.How(string(a.Role))); err != nil {
			return err
		}
		if a.State != store.AccountOpen {
			return k.tellOwners(t, message.StaffWaiting)
		}
		e, err = k.enter(t, a, access.TwoFactors, true, v)
		return err
	})
	if err == nil {
		k.wake()
	}
	return e, err
}

// dropPasskeys ends what somebody has lost, and where they were signed in.
func (k *Keeper) dropPasskeys(t *store.Tx, a store.Account) error {
	list, err := t.Factors(a.ID)
	if err != nil {
		return err
	}
	for _, f := range list {
		if _, err := t.RemoveFactor(a.ID, f.ID); err != nil {
			return err
		}
	}
	return k.shake(t, a, "")
}

// tellOwners writes to every owner.
func (k *Keeper) tellOwners(t *store.Tx, kind message.NoticeKind) error {
	list, err := t.StaffAccounts()
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.Role == access.Owner && a.State == store.AccountOpen {
			if err := k.notify(t, a, notice{kind: kind}); err != nil {
				return err
			}
		}
	}
	return nil
}

// TellOwnersIn has every owner written to in a transaction of somebody else's.
func (k *Keeper) TellOwnersIn(t *store.Tx, kind message.NoticeKind) error {
	return k.tellOwners(t, kind)
}

// TellOwners writes to every owner that something goes on.
func (k *Keeper) TellOwners(ctx context.Context, kind message.NoticeKind) error {
	err := k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error { return k.tellOwners(t, kind) })
	if err == nil {
		k.wake()
	}
	return err
}

// Staff is everybody who works here and every invitation that is open.
type Staff struct {
	People  []store.Account
	Invites []store.Invite
}

// Staff lists them.
func (k *Keeper) Staff(ctx context.Context) (out Staff, err error) {
	err = k.db.View(ctx, func(v *store.View) error {
		if out.People, err = v.StaffAccounts(); err != nil {
			return err
		}
		out.Invites, err = v.OpenInvites()
		return err
	})
	return out, err
}

// HasOwner reports whether the shop has an owner who can sign in.
func (k *Keeper) HasOwner(ctx context.Context) (bool, error) {
	s, err := k.Staff(ctx)
	return owners(s.People) > 0, err
}

func owners(list []store.Account) (n int) {
	for _, a := range list {
		if a.Role == access.Owner && a.State == store.AccountOpen {
			n++
		}
	}
	return n
}

var errLastOwner = fault.New(fault.Conflict, "This is the only owner. Please make somebody else an owner first.")

// change does something to somebody who works here, and never leaves the shop
// without an owner.
func (k *Keeper) change(ctx context.Context, by ledger.Actor, id string, fn func(*store.Tx, store.Account) error) error {
	err := k.db.InTx(ctx, by, func(t *store.Tx) error {
		a, err := t.Account(id)
		if err != nil {
			return err
		}
		if !a.Staff() {
			return store.ErrNoAccount
		}
		before, err := t.StaffAccounts()
		if err != nil {
			return err
		}
		if err := fn(t, a); err != nil {
			return err
		}
		after, err := t.StaffAccounts()
		if err == nil && owners(before) > 0 && owners(after) == 0 {
			err = errLastOwner
		}
		return err
	})
	if err == nil {
		k.wake()
	}
	return err
}

// ConfirmStaff lets somebody in who took an invitation.
func (k *Keeper) ConfirmStaff(ctx context.Context, by ledger.Actor, id string) error {
	return k.change(ctx, by, id, func(t *store.Tx, a store.Account) error {
		if a.State != store.AccountWaiting {
			return fault.New(fault.Conflict, "This person does not wait for a confirmation.")
		}
		return t.ConfirmStaff(id, by.String())
	})
}

// DisableStaff ends somebody's work here, everywhere at once: no session, no
// passkey and no invitation of theirs opens anything any more.
func (k *Keeper) DisableStaff(ctx context.Context, by ledger.Actor, id string) error {
	return k.change(ctx, by, id, func(t *store.Tx, a store.Account) error {
		if err := t.SetAccountState(id, store.AccountDisabled); err != nil {
			return err
		}
		if err := dropInvites(t, id); err != nil {
			return err
		}
		return k.shake(t, a, "")
	})
}

// dropInvites ends the invitations that somebody made, or could take.
func dropInvites(t *store.Tx, account string) error {
	open, err := t.OpenInvites()
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.MadeBy == account || i.Account == account {
			if err := t.WithdrawInvite(i.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// EnableStaff lets somebody in again who was disabled. Whoever was never
// confirmed is from now on, by whoever enables them.
func (k *Keeper) EnableStaff(ctx context.Context, by ledger.Actor, id string) error {
	return k.change(ctx, by, id, func(t *store.Tx, a store.Account) error {
		switch {
		case a.State != store.AccountDisabled:
			return fault.New(fault.Conflict, "This person is not disabled.")
		case a.ConfirmedBy == "":
			return t.ConfirmStaff(id, by.String())
		}
		return t.SetAccountState(id, store.AccountOpen)
	})
}

// SetRole gives somebody another role. What they are signed in with ends, and
// what they have invited, so that nothing has rights of before.
func (k *Keeper) SetRole(ctx context.Context, by ledger.Actor, id string, r access.Role) error {
	if _, ok := access.ParseRole(string(r)); !ok {
		return fault.Field("role", "Please choose owner, manager, fulfilment, support or auditor.")
	}
	return k.change(ctx, by, id, func(t *store.Tx, a store.Account) error {
		if err := t.SetRole(id, r); err != nil {
			return err
		}
		if err := dropInvites(t, id); err != nil {
			return err
		}
		return k.shake(t, a, "")
	})
}

// WithdrawInvite ends an invitation that nobody took, and nothing else that has
// such an id.
func (k *Keeper) WithdrawInvite(ctx context.Context, by ledger.Actor, id string) error {
	return k.db.InTx(ctx, by, func(t *store.Tx) error {
		open, err := t.OpenInvites()
		if err != nil {
			return err
		}
		for _, i := range open {
			if i.ID == id {
				return t.WithdrawInvite(id)
			}
		}
		return fault.Missing("That invitation has ended already.")
	})
}

// Sweep forgets what has ended.
func (k *Keeper) Sweep(ctx context.Context) error {
	if err := k.tellTampered(ctx); err != nil {
		return err
	}
	return k.db.InTx(ctx, ledger.System("account"), func(t *store.Tx) error {
		return errors.Join(t.SweepSessions(), t.SweepSignups(100), t.SweepCeremonies(), t.SweepTexts(), t.SweepInvites(), t.SweepTries())
	})
}
