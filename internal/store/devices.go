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

// Device finds a browser among those of an account; ok is false for a stranger.
func (v *View) Device(owner, token string) (d Device, ok bool, err error) {
	if token == "" {
		return Device{}, false, nil
	}
	d.ID = v.db.DeviceID(owner, token)
	rows, err := v.rows(`SELECT made_at, seen_at, trusted_until FROM devices WHERE owner = $1 AND id = $2`, owner, d.ID)
	if err != nil {
		return Device{}, false, fmt.Errorf("read device: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return Device{}, false, rows.Err()
	}
	var made, seen, trusted int64
	if err := rows.Scan(&made, &seen, &trusted); err != nil {
		return Device{}, false, fmt.Errorf("read device: %w", err)
	}
	d.MadeAt, d.SeenAt, d.TrustedUntil = when(made), when(seen), since(trusted)
	return d, true, nil
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
	s := sealer{row: id}
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
func (t *Tx) TrustDevice(owner, id string, until time.Time) error {
	return t.later("trust device", nil, `UPDATE devices SET trusted_until = $3 WHERE owner = $1 AND id = $2`, owner, id, stamp(until))
}

// Distrust ends the trust in every browser of an account.
func (t *Tx) Distrust(owner string) error {
	return t.later("distrust devices", nil, `UPDATE devices SET trusted_until = 0 WHERE owner = $1`, owner)
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
	box, err := v.safe(owner)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT id, agent, made_at, seen_at, trusted_until FROM devices WHERE owner = $1 ORDER BY seen_at DESC`, owner)
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
		s := sealer{row: d.ID}
		d.MadeAt, d.SeenAt, d.TrustedUntil = when(made), when(seen), since(trusted)
		if d.Agent = get(&s, box, personal.DeviceAgent, agent); s.err != nil {
			return nil, s.err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}
