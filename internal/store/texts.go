package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Text is what the shop says about itself, in plain words: see page.Words for
// how it is shown.
type Text struct {
	Body  string
	Hash  string // names this wording
	Since time.Time
}

// The texts that a shopper accepts with an order.
const (
	TextTerms   = "terms"
	TextReturns = "returns"
)

// TextNames lists the legal texts a shop can have, in the order of the footer.
func TextNames() []string { return []string{TextTerms, TextReturns, "shipping", "privacy", "imprint"} }

// SetText gives a text a new wording, or none, and writes the event. The old
// wordings stay: orders were made with them.
func (t *Tx) SetText(name, body string) error {
	sum := sha256.Sum256([]byte(body))
	_, err := t.exec(`INSERT INTO texts (name, since, hash, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name, since) DO UPDATE SET hash = excluded.hash, body = excluded.body`, name, ms(t.now), hex.EncodeToString(sum[:8]), body)
	if err != nil {
		return fmt.Errorf("set text %s: %w", name, err)
	}
	return t.Event("setting.changed", "", "texts."+name, "")
}

// texts returns the newest wording of each text there is.
func (v *View) texts() (map[string]Text, error) {
	rows, err := v.rows(`SELECT name, since, hash, body FROM texts t WHERE since = (SELECT max(since) FROM texts o WHERE o.name = t.name) AND body <> ''`)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	defer rows.Close()
	out := map[string]Text{}
	for rows.Next() {
		var name string
		var since int64
		var text Text
		if err := rows.Scan(&name, &since, &text.Hash, &text.Body); err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		text.Since = when(since)
		out[name] = text
	}
	return out, rows.Err()
}

// TextVersion returns a wording by its name and hash: what an order was made
// with. Of one that is not kept it returns false.
func (v *View) TextVersion(name, hash string) (Text, bool, error) {
	rows, err := v.rows(`SELECT since, body FROM texts WHERE name = $1 AND hash = $2 ORDER BY since LIMIT 1`, name, hash)
	if err != nil {
		return Text{}, false, fmt.Errorf("read text: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var since int64
		text := Text{Hash: hash}
		if err := rows.Scan(&since, &text.Body); err != nil {
			return Text{}, false, fmt.Errorf("read text: %w", err)
		}
		text.Since = when(since)
		return text, true, nil
	}
	return Text{}, false, rows.Err()
}
