package store

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/personal"
)

// Device is a browser that has proved itself for an account before. It gives
// its owner tries of their own; being trusted, which is asked for apart, spares
// them the second factor at sign-in.
type Device struct {
	ID           string
	Agent        string
	MadeAt       time.Time
	SeenAt       time.Time
	TrustedUntil time.Time
}

// DeviceID is the id of a browser for one account: the same cookie is another
// id for another account.
func (db *DB) DeviceID(owner, token string) string {
	mac := db.keys.Token.Sum("device v1", []byte(owner), []byte(token))
	return base64.RawURLEncoding.EncodeToString(mac[:])
}

// deviceRow is what the sealed name of a browser stands for: its id and its
// trust, so that who can write here trusts none.
func deviceRow(id string, until time.Time) string { return fmt.Sprintf("%s/%d", id, stamp(until)) }

// Device finds a browser among those of an account; ok is false for a stranger.
func (v *View) Device(owner, token string) (d Device, ok bool, err error) {
	if token == "" {
		return Device{}, false, nil
	}
	d.ID = v.db.DeviceID(owner, token)
	list, err := v.devices(owner, `id = $2`, d.ID)
	if err != nil || len(list) == 0 {
		return Device{}, false, err
	}
	return list[0], true, nil
}

// maxDevices bounds how many browsers of an account are known; the one that was
// not seen for longest is forgotten.
const maxDevices = 30

// KeepDevice remembers that a browser proved itself and reports whether it is
// new. That may have been the very first one.
func (t *Tx) KeepDevice(a Account, token, agent string) (id string, fresh bool, err error) {
	id = t.db.DeviceID(a.ID, token)
	n, err := t.exec(`UPDATE devices SET seen_at = $3 WHERE owner = $1 AND id = $2`, a.ID, id, ms(t.now))
	if err != nil || n == 1 {
		return id, false, err
	}
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return "", false, err
	}
	s := sealer{row: deviceRow(id, time.Time{})}
	sealed := put(&s, box, personal.DeviceAgent, agent)
	if s.err != nil {
		return "", false, s.err
	}
	if _, err := t.exec(`DELETE FROM devices WHERE owner = $1 AND id IN (SELECT id FROM devices WHERE owner = $1 ORDER BY seen_at DESC, id LIMIT 100 OFFSET $2)`, a.ID, maxDevices-1); err != nil {
		return "", false, fmt.Errorf("forget old devices: %w", err)
	}
	return id, true, t.later("keep device", nil, `INSERT INTO devices (owner, id, agent, made_at, seen_at, trusted_until) VALUES ($1, $2, $3, $4, $4, 0)`, a.ID, id, sealed, ms(t.now))
}

// TrustDevice spares a known browser the second factor at sign-in until a time.
func (t *Tx) TrustDevice(a Account, id string, until time.Time) error {
	list, err := t.devices(a.ID, `id = $2`, id)
	if err != nil {
		return err
	}
	return t.trust(a, list, until)
}

func (t *Tx) trust(a Account, list []Device, until time.Time) error {
	box, err := t.accountBox(a, personal.Security)
	if err != nil {
		return err
	}
	for _, d := range list {
		s := sealer{row: deviceRow(d.ID, until)}
		if d.Agent == "" {
			d.Agent = "a browser" // something has to be sealed
		}
		agent := put(&s, box, personal.DeviceAgent, d.Agent)
		if s.err != nil {
			return s.err
		}
		if err := t.later("trust device", nil, `UPDATE devices SET trusted_until = $3, agent = $4 WHERE owner = $1 AND id = $2`, a.ID, d.ID, stamp(until), agent); err != nil {
			return err
		}
	}
	return nil
}

// Distrust ends the trust in every browser of an account.
func (t *Tx) Distrust(a Account) error {
	list, err := t.devices(a.ID, `trusted_until <> $2`, 0)
	if err != nil || len(list) == 0 {
		return err
	}
	return t.trust(a, list, time.Time{})
}

// ForgetDevice forgets a browser and reports whether it was known.
func (t *Tx) ForgetDevice(owner, id string) (bool, error) {
	n, err := t.exec(`DELETE FROM devices WHERE owner = $1 AND id = $2`, owner, id)
	return n == 1, err
}

// ForgetDevices forgets every browser of an account.
func (t *Tx) ForgetDevices(owner string) error {
	return t.later("forget devices", nil, `DELETE FROM devices WHERE owner = $1`, owner)
}

// Devices lists the browsers of an account, the last used first.
func (v *View) Devices(owner string) ([]Device, error) {
	return v.devices(owner, `seen_at > $2`, 0)
}

func (v *View) devices(owner, where string, arg any) ([]Device, error) {
	box, err := v.safe(owner)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT id, agent, made_at, seen_at, trusted_until FROM devices WHERE owner = $1 AND `+where+` ORDER BY seen_at DESC`, owner, arg)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	defer rows.Close()
	var out []Device
	for rows.Next() {
		var d Device
		var agent []byte
		var made, seen, trusted int64
		if err := rows.Scan(&d.ID, &agent, &made, &seen, &trusted); err != nil {
			return nil, fmt.Errorf("list devices: %w", err)
		}
		if agent == nil {
			trusted = 0 // nothing is sealed that says so
		}
		d.MadeAt, d.SeenAt, d.TrustedUntil = when(made), when(seen), since(trusted)
		s := sealer{row: deviceRow(d.ID, d.TrustedUntil)}
		if d.Agent = get(&s, box, personal.DeviceAgent, agent); s.err != nil {
			return nil, s.err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}
