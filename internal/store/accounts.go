package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// AccountState says whether an account may sign in.
type AccountState string

// The states of an account.
const (
	AccountOpen     AccountState = "open"
	AccountWaiting  AccountState = "waiting"  // staff whom no owner has confirmed yet
	AccountDisabled AccountState = "disabled" // ended for now, everywhere at once
)

// Account is somebody who can sign in: a shopper, or staff with a role. Its id
// is its subject.
type Account struct {
	ID           string
	Role         access.Role // "" for a shopper
	State        AccountState
	Preferred    string // the kind of second factor that is asked first; "" for the strongest
	Email        contact.Email
	Name         contact.Name
	InvitedBy    string // of staff
	ConfirmedBy  string // of staff
	MadeAt       time.Time
	SeenAt       time.Time // last signed in
	ProvedAt     time.Time // its mailbox was proved last
	ResetAt      time.Time // its password was last set by proving the mailbox alone
	CarefulUntil time.Time // nothing leaves the account before, after a change of contact
}

// Staff reports whether the account is of somebody who works in the shop.
func (a Account) Staff() bool { return a.Role != "" }

// purpose is that of the account's own dossier.
func (a Account) purpose() personal.Purpose {
	if a.Staff() {
		return personal.Staff
	}
	return personal.Account
}

// ErrNoAccount tells that there is no such account.
var ErrNoAccount = fault.Missing("We can't find that account.")

// ErrTaken tells that a mailbox has an account already.
var ErrTaken = fault.New(fault.Conflict, "There is an account with this e-mail already.")

// dirAccount and dirStaff lead from the blind index of an e-mail to its account.
const (
	dirAccount = "account"
	dirStaff   = "staff"
)

func (a Account) directory() string {
	if a.Staff() {
		return dirStaff
	}
	return dirAccount
}

// accountField names the index of the mailboxes of accounts.
const accountField = "account e-mail"

// claim makes a mailbox lead to an account. ErrTaken when it leads to one already.
func (t *Tx) claim(a Account, e contact.Email) error {
	keys, err := t.living()
	if err != nil {
		return err
	}
	for _, key := range keys {
		n, err := t.exec(`INSERT INTO directory (kind, key, version, owner, id) VALUES ($1, $2, $3, $4, '') ON CONFLICT (kind, key) DO NOTHING`,
			a.directory(), key.Hash(accountField, e.Key()), key.version, a.ID)
		if err != nil {
			return fmt.Errorf("list account: %w", err)
		}
		if n == 0 {
			return ErrTaken
		}
	}
	return nil
}

// unclaim takes that back.
func (t *Tx) unclaim(a Account, e contact.Email) error {
	odd, even, err := t.twin(accountField, e.Key())
	if err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM directory WHERE kind = $1 AND key IN ($2, $3) AND owner = $4`, a.directory(), odd, even, a.ID); err != nil {
		return fmt.Errorf("unlist account: %w", err)
	}
	return nil
}

// accountEnd is when the dossiers of an account end that was used just now.
func (t *Tx) accountEnd(a Account) (time.Time, error) {
	terms, err := personal.TermsOf(a.purpose())
	return terms.Keep.After(t.now), err
}

// accountBox opens a dossier of an account for sealing, and moves its end.
func (t *Tx) accountBox(a Account, p personal.Purpose) (personal.Dossier, error) {
	end, err := t.accountEnd(a)
	if err != nil {
		return personal.Dossier{}, err
	}
	return t.dossier(a.ID, p, a.ID, end)
}

// row is what the sealed values of an account stand for: its id, and of staff
// also what they may do, so that who can write here makes nobody an owner.
func (a Account) row() string {
	if !a.Staff() {
		return a.ID
	}
	return a.ID + "/" + string(a.Role) + "/" + string(a.State)
}

// safe opens what protects an account. Of one whose key is gone nothing opens.
func (v *View) safe(owner string) (personal.Dossier, error) {
	f, err := v.folder(owner, owner)
	if err != nil {
		return personal.Dossier{}, err
	}
	return f.open(personal.Security), nil
}

// NewAccount keeps an account whose mailbox was proved just now. ErrTaken when
// the mailbox has one.
func (t *Tx) NewAccount(a Account) error {
	if err := t.claim(a, a.Email); err != nil {
		return err
	}
	box, err := t.accountBox(a, a.purpose())
	if err != nil {
		return err
	}
	if _, err := t.accountBox(a, personal.Security); err != nil {
		return err
	}
	s := sealer{row: a.row()}
	if a.Staff() {
		email, name := put(&s, box, personal.StaffEmail, a.Email), put(&s, box, personal.StaffName, a.Name)
		err = t.later("keep staff", nil, `INSERT INTO staff_details (owner, email, name, invited_by, confirmed_by) VALUES ($1, $2, $3, $4, $5)`, a.ID, email, name, a.InvitedBy, a.ConfirmedBy)
	} else {
		email, name := put(&s, box, personal.AccountEmail, a.Email), put(&s, box, personal.AccountName, a.Name)
		err = t.later("keep account", nil, `INSERT INTO account_details (owner, email, name) VALUES ($1, $2, $3)`, a.ID, email, name)
	}
	if err = errors.Join(s.err, err); err != nil {
		return err
	}
	err = t.later("new account", nil, `INSERT INTO accounts (owner, role, state, preferred, made_at, seen_at, proved_at, reset_at, careful_until) VALUES ($1, $2, $3, '', $4, $4, $4, 0, 0)`,
		a.ID, string(a.Role), string(a.State), ms(t.now))
	if err = errors.Join(err, t.reguard(a.ID)); err != nil {
		return err
	}
	return t.Event("account.made", a.ID, a.ID, How(string(a.Role)))
}

// Account opens an account. It locks its row when asked in a transaction.
func (v *View) Account(id string) (Account, error) {
	a := Account{ID: id}
	var made, seen, proved, reset, careful int64
	err := v.row(`SELECT role, state, preferred, made_at, seen_at, proved_at, reset_at, careful_until FROM accounts WHERE owner = $1`+v.forUpdate(), id).
		Scan(&a.Role, &a.State, &a.Preferred, &made, &seen, &proved, &reset, &careful)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, ErrNoAccount
	}
	if err != nil {
		return Account{}, fmt.Errorf("read account: %w", err)
	}
	a.MadeAt, a.SeenAt, a.ProvedAt, a.ResetAt, a.CarefulUntil = when(made), since(seen), since(proved), since(reset), since(careful)
	return a, v.openPerson(&a)
}

// openPerson opens who an account is of.
func (v *View) openPerson(a *Account) error {
	f, err := v.folder(a.ID, a.ID)
	if err != nil {
		return err
	}
	var email, name []byte
	if a.Staff() {
		// In one statement with what it is sealed for, which may change meanwhile.
		err = v.row(`SELECT d.email, d.name, d.invited_by, d.confirmed_by, a.role, a.state FROM staff_details d JOIN accounts a ON a.owner = d.owner WHERE d.owner = $1`, a.ID).
			Scan(&email, &name, &a.InvitedBy, &a.ConfirmedBy, &a.Role, &a.State)
	} else {
		err = v.row(`SELECT email, name FROM account_details WHERE owner = $1`, a.ID).Scan(&email, &name)
	}
	if err != nil {
		return fmt.Errorf("read who an account is of: %w", err)
	}
	s, box := sealer{row: a.row()}, f.open(a.purpose())
	if box.Key == nil && !f.clear {
		return ErrNoAccount // its key is gone
	}
	if a.Staff() {
		a.Email, a.Name = get(&s, box, personal.StaffEmail, email), get(&s, box, personal.StaffName, name)
	} else {
		a.Email, a.Name = get(&s, box, personal.AccountEmail, email), get(&s, box, personal.AccountName, name)
	}
	return s.err
}

// AccountOf finds the account of a mailbox: a shopper's, or with staff that of
// somebody who works here. A hit of the index is only a hint, so the sealed
// address is compared.
func (v *View) AccountOf(e contact.Email, staff bool) (Account, error) {
	kind := dirAccount
	if staff {
		kind = dirStaff
	}
	odd, even, err := v.twin(accountField, e.Key())
	if err != nil {
		return Account{}, err
	}
	owner, _, err := v.find(kind, odd, even)
	if fault.Is(err, fault.NotFound) {
		return Account{}, ErrNoAccount
	}
	if err != nil {
		return Account{}, err
	}
	a, err := v.Account(owner)
	if err == nil && !a.Email.Equal(e) {
		err = ErrNoAccount
	}
	return a, err
}

// StaffAccounts lists everybody who works or worked here, the oldest first.
func (v *View) StaffAccounts() ([]Account, error) {
	rows, err := v.rows(`SELECT owner FROM accounts WHERE role <> '' ORDER BY made_at`)
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	ids, err := column[string](rows)
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	out := make([]Account, 0, len(ids))
	for _, id := range ids {
		a, err := v.Account(id)
		if errors.Is(err, ErrNoAccount) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// accountTimes are the columns that Mark may set.
var accountTimes = []string{"seen_at", "proved_at", "reset_at", "careful_until"}

// The times of an account that Mark sets.
const (
	SeenAt       = "seen_at"
	ProvedAt     = "proved_at"
	ResetAt      = "reset_at"
	CarefulUntil = "careful_until"
)

// Mark sets times of an account. Those that bound what may be done are guarded.
func (t *Tx) Mark(id string, at time.Time, which ...string) error {
	for _, w := range which {
		if !slices.Contains(accountTimes, w) {
			return fmt.Errorf("an account has no time %q", w)
		}
		mark := func() error {
			return t.later("mark account", nil, `UPDATE accounts SET `+w+` = $2 WHERE owner = $1`, id, ms(at))
		}
		err := error(nil)
		if w == ResetAt || w == CarefulUntil {
			err = t.guarding(id, mark)
		} else {
			err = mark()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Prefer remembers which kind of second factor is asked first.
func (t *Tx) Prefer(id, kind string) error {
	return t.later("prefer a factor", nil, `UPDATE accounts SET preferred = $2 WHERE owner = $1`, id, kind)
}

// SetAccountState opens or closes an account. Ending its sessions is the
// caller's.
func (t *Tx) SetAccountState(id string, s AccountState) error {
	if err := t.rebind(id, func(a *Account) { a.State = s }); err != nil {
		return err
	}
	if err := t.later("change the state of an account", nil, `UPDATE accounts SET state = $2 WHERE owner = $1`, id, string(s)); err != nil {
		return err
	}
	return t.Event("account."+string(s), id, id, "")
}

// SetRole gives staff another role.
func (t *Tx) SetRole(id string, r access.Role) error {
	if err := t.rebind(id, func(a *Account) { a.Role = r }); err != nil {
		return err
	}
	if err := t.later("change a role", nil, `UPDATE accounts SET role = $2 WHERE owner = $1 AND role <> ''`, id, string(r)); err != nil {
		return err
	}
	return t.Event("staff.role", id, id, How(string(r)))
}

// rebind seals who somebody of the staff is under what they may do from now on.
func (t *Tx) rebind(id string, change func(*Account)) error {
	a, err := t.Account(id)
	if err != nil || !a.Staff() {
		return err
	}
	if change(&a); !a.Staff() {
		return ErrNoAccount
	}
	box, err := t.accountBox(a, personal.Staff)
	if err != nil {
		return err
	}
	s := sealer{row: a.row()}
	email, name := put(&s, box, personal.StaffEmail, a.Email), put(&s, box, personal.StaffName, a.Name)
	if s.err != nil {
		return s.err
	}
	return t.later("seal staff anew", nil, `UPDATE staff_details SET email = $2, name = $3 WHERE owner = $1`, id, email, name)
}

// ConfirmStaff opens the account of somebody whom an owner has confirmed.
func (t *Tx) ConfirmStaff(id, by string) error {
	if err := t.later("confirm staff", nil, `UPDATE staff_details SET confirmed_by = $2 WHERE owner = $1`, id, by); err != nil {
		return err
	}
	return t.SetAccountState(id, AccountOpen)
}

// MoveAccount gives an account another mailbox, which was proved just now.
// ErrTaken when that has an account of its own.
func (t *Tx) MoveAccount(a Account, to contact.Email) error {
	if !a.Email.Equal(to) {
		if err := t.claim(a, to); err != nil {
			return err
		}
		if err := t.unclaim(a, a.Email); err != nil {
			return err
		}
	}
	box, err := t.accountBox(a, a.purpose())
	if err != nil {
		return err
	}
	s := sealer{row: a.row()}
	if a.Staff() {
		_, err = t.exec(`UPDATE staff_details SET email = $2 WHERE owner = $1`, a.ID, put(&s, box, personal.StaffEmail, to))
	} else {
		_, err = t.exec(`UPDATE account_details SET email = $2 WHERE owner = $1`, a.ID, put(&s, box, personal.AccountEmail, to))
	}
	return errors.Join(s.err, err)
}

// NameAccount keeps what a shopper wants to be called; the zero name takes that
// away.
func (t *Tx) NameAccount(a Account, name contact.Name) error {
	box, err := t.accountBox(a, personal.Account)
	if err != nil {
		return err
	}
	s := sealer{row: a.row()}
	sealed := put(&s, box, personal.AccountName, name)
	return errors.Join(s.err, t.later("name an account", func() error { return ErrNoAccount }, `UPDATE account_details SET name = $2 WHERE owner = $1`, a.ID, sealed))
}

// accountTables hold rows of an account that end with it.
var accountTables = []string{"accounts", "account_details", "staff_details", "factors", "recovery_codes", "sessions", "devices", "links", "addresses", "letters", "changes", "texts_sent", "kept_cards"}

// dropAccount removes every row of an account whose dossier has ended.
func (t *Tx) dropAccount(owner string) error {
	for _, table := range accountTables {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE owner = $1`, owner); err != nil {
			return fmt.Errorf("clear %s: %w", table, err)
		}
	}
	// What the shop owes stays in its books, without the person.
	if _, err := t.exec(`UPDATE credits SET owner = '' WHERE owner = $1`, owner); err != nil {
		return fmt.Errorf("leave store credit without its owner: %w", err)
	}
	if _, err := t.exec(`DELETE FROM directory WHERE kind IN ('account', 'staff') AND owner = $1`, owner); err != nil {
		return fmt.Errorf("unlist account: %w", err)
	}
	if err := t.forgetTries(owner); err != nil {
		return err
	}
	return t.endCase(owner, owner, personal.Security)
}
