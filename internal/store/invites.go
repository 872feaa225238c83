package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// Invite lets one person enrol a passkey and work in the shop.
type Invite struct {
	ID        string // its own subject
	Role      access.Role
	Email     contact.Email
	MadeBy    string // an account; "" for somebody at the shop's own machine
	Confirmed bool   // whoever takes it needs no owner's word any more
	Account   string // somebody who works here already and has lost their passkeys; "" for somebody new
	MadeAt    time.Time
	EndsAt    time.Time
	UsedAt    time.Time
}

var errNoInvite = fault.Missing("This invitation has ended or was used. Please ask for a new one.")

// NewInvite keeps an invitation that the token opens.
func (t *Tx) NewInvite(i Invite, token string) error {
	f := t.newFolder(i.ID, i.ID)
	if err := t.newDossiers(f, i.ID, i.ID, map[personal.Purpose]time.Time{personal.Staff: i.EndsAt.AddDate(0, 0, 30)}); err != nil {
		return err
	}
	s := sealer{row: i.ID}
	email := put(&s, f.open(personal.Staff), personal.InviteEmail, i.Email)
	if s.err != nil {
		return fmt.Errorf("seal invitation: %w", s.err)
	}
	mac := t.db.keys.Token.Sum(inviteLabel, i.bound(token)...)
	err := t.later("keep invitation", nil, `INSERT INTO invites (owner, role, email, token_mac, made_by, confirmed, made_at, ends_at, used_at, account) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)`,
		i.ID, string(i.Role), email, mac[:], i.MadeBy, i.Confirmed, ms(t.now), ms(i.EndsAt), i.Account)
	if err != nil {
		return err
	}
	return t.Event("staff.invited", i.ID, i.ID, How(string(i.Role)))
}

const inviteLabel = "invite v2"

// bound is what the mac of an invitation binds together: nobody is invited as
// more than they were.
func (i Invite) bound(token string) [][]byte {
	confirmed := int64(0)
	if i.Confirmed {
		confirmed = 1
	}
	return [][]byte{[]byte(i.ID), []byte(token), []byte(i.Role), []byte(i.MadeBy), []byte(i.Account), number(confirmed), number(ms(i.EndsAt))}
}

const inviteColumns = `owner, role, email, made_by, confirmed, made_at, ends_at, used_at, account`

// Invite returns an invitation that can still be taken, to whoever has its token.
func (v *View) Invite(id, token string) (Invite, error) {
	var mac []byte
	err := v.row(`SELECT token_mac FROM invites WHERE owner = $1`, id).Scan(&mac)
	if errors.Is(err, sql.ErrNoRows) {
		return Invite{}, errNoInvite
	}
	if err != nil {
		return Invite{}, fmt.Errorf("read invitation: %w", err)
	}
	list, err := v.invites(`owner = $1`, id)
	if err == nil && (len(list) == 0 || !v.db.keys.Token.Matches(mac, inviteLabel, list[0].bound(token)...) || !list[0].UsedAt.IsZero() || !list[0].EndsAt.After(v.now)) {
		err = errNoInvite
	}
	if err != nil {
		return Invite{}, err
	}
	return list[0], nil
}

// OpenInvites lists the invitations that can still be taken.
func (v *View) OpenInvites() ([]Invite, error) {
	return v.invites(`used_at = 0 AND ends_at > $1`, ms(v.now))
}

func (v *View) invites(where string, args ...any) ([]Invite, error) {
	rows, err := v.rows(`SELECT `+inviteColumns+` FROM invites WHERE `+where+` ORDER BY made_at, owner`, args...)
	if err != nil {
		return nil, fmt.Errorf("read invitations: %w", err)
	}
	var out []Invite
	var sealed [][]byte
	for rows.Next() {
		var i Invite
		var email []byte
		var made, ends, used int64
		if err := rows.Scan(&i.ID, &i.Role, &email, &i.MadeBy, &i.Confirmed, &made, &ends, &used, &i.Account); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		i.MadeAt, i.EndsAt, i.UsedAt = when(made), when(ends), since(used)
		out, sealed = append(out, i), append(sealed, email)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read invitations: %w", err)
	}
	for n := range out {
		f, err := v.folder(out[n].ID, out[n].ID)
		if err != nil {
			return nil, err
		}
		s, box := sealer{row: out[n].ID}, f.open(personal.Staff)
		if box.Key == nil && !f.clear {
			continue
		}
		if out[n].Email = get(&s, box, personal.InviteEmail, sealed[n]); s.err != nil {
			return nil, s.err
		}
	}
	return out, nil
}

// UseInvite uses an invitation up: of two that take it, one does.
func (t *Tx) UseInvite(id, account string) error {
	n, err := t.exec(`UPDATE invites SET used_at = $2, account = $3 WHERE owner = $1 AND used_at = 0`, id, ms(t.now), account)
	if err == nil && n == 0 {
		err = errNoInvite
	}
	return err
}

// WithdrawInvite ends an invitation that nobody took, and its key.
func (t *Tx) WithdrawInvite(id string) error {
	if err := t.endCase(id, id, personal.Staff); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM invites WHERE owner = $1`, id); err != nil {
		return err
	}
	return t.Event("staff.uninvited", id, id, "")
}

// SweepInvites ends the invitations that were taken or have ended.
func (t *Tx) SweepInvites() error {
	list, err := t.invites(`used_at <> 0 OR ends_at < $1`, ms(t.now))
	if err != nil {
		return err
	}
	for _, i := range list {
		if err := t.endCase(i.ID, i.ID, personal.Staff); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM invites WHERE owner = $1`, i.ID); err != nil {
			return err
		}
	}
	return nil
}
