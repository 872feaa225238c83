package store

import (
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
)

// TextBudget is what was sent to phones lately: to bound what one number, one
// range of numbers and the whole shop can cost.
type TextBudget struct {
	Account  int64     // codes to this account in the last hour
	Number   int64     // to this number in the last hour
	NumberD  int64     // to this number in the last day, over all accounts
	Own      int64     // codes to this number from this account in the last hour
	OwnD     int64     // and in the last day
	Told     int64     // texts without a code to this number from this account in the last hour
	Prefix   int64     // to numbers that begin alike, in the last day
	Shop     int64     // by the shop in the last day
	Codes    int64     // of those, how many had a code
	Verified int64     // of these, how many were typed back
	Last     time.Time // the newest code to this account
}

// noCode stands in place of the time when a code was typed back, of texts that
// have none.
const noCode = -1

// textsKept is how long a text is remembered.
const textsKept = 48 * time.Hour

// numberMAC is made with the token key: the number stands nowhere sealed.
func (db *DB) numberMAC(label string, number string) []byte {
	mac := db.keys.Token.Sum(label, []byte(number))
	return mac[:]
}

// TextBudget counts. Until this transaction ends nobody else counts: what is
// sent by it is seen by the next one.
func (t *Tx) TextBudget(owner string, to contact.Phone, prefix string) (b TextBudget, err error) {
	if err := t.turn("texts", ""); err != nil {
		return TextBudget{}, err
	}
	hour, day := ms(t.now.Add(-time.Hour)), ms(t.now.Add(-24*time.Hour))
	number, begin := t.db.numberMAC("texted number", to.Reveal()), t.db.numberMAC("texted prefix", prefix)
	var last int64
	for _, q := range []struct {
		into  *int64
		query string
		args  []any
	}{
		{&b.Account, `SELECT count(*) FROM texts_sent WHERE owner = $1 AND at > $2 AND verified_at >= 0`, []any{owner, hour}},
		{&b.Number, `SELECT count(*) FROM texts_sent WHERE number_mac = $1 AND at > $2`, []any{number, hour}},
		{&b.NumberD, `SELECT count(*) FROM texts_sent WHERE number_mac = $1 AND at > $2`, []any{number, day}},
		{&b.Own, `SELECT count(*) FROM texts_sent WHERE owner = $1 AND number_mac = $2 AND at > $3 AND verified_at >= 0`, []any{owner, number, hour}},
		{&b.OwnD, `SELECT count(*) FROM texts_sent WHERE owner = $1 AND number_mac = $2 AND at > $3 AND verified_at >= 0`, []any{owner, number, day}},
		{&b.Told, `SELECT count(*) FROM texts_sent WHERE owner = $1 AND number_mac = $2 AND at > $3 AND verified_at < 0`, []any{owner, number, hour}},
		{&b.Prefix, `SELECT count(*) FROM texts_sent WHERE prefix_mac = $1 AND at > $2`, []any{begin, day}},
		{&b.Shop, `SELECT count(*) FROM texts_sent WHERE at > $1`, []any{day}},
		{&b.Codes, `SELECT count(*) FROM texts_sent WHERE at > $1 AND verified_at >= 0`, []any{day}},
		{&b.Verified, `SELECT count(*) FROM texts_sent WHERE at > $1 AND verified_at > 0`, []any{day}},
		{&last, `SELECT coalesce(max(at), 0) FROM texts_sent WHERE owner = $1 AND verified_at >= 0`, []any{owner}},
	} {
		if err := t.row(q.query, q.args...).Scan(q.into); err != nil {
			return TextBudget{}, fmt.Errorf("count texts: %w", err)
		}
	}
	b.Last = since(last)
	return b, nil
}

// TextSent remembers a text with the code of a challenge.
func (t *Tx) TextSent(owner, challenge string, to contact.Phone, prefix string) error {
	return t.textSent(owner, challenge, to, prefix, 0)
}

// TextTold remembers a text that only tells something. It counts for the number
// and the shop, and says nothing about codes that nobody types back.
func (t *Tx) TextTold(owner, id string, to contact.Phone, prefix string) error {
	return t.textSent(owner, id, to, prefix, noCode)
}

func (t *Tx) textSent(owner, id string, to contact.Phone, prefix string, verified int64) error {
	return t.later("remember a text", nil, `INSERT INTO texts_sent (owner, id, number_mac, prefix_mac, at, verified_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		owner, id, t.db.numberMAC("texted number", to.Reveal()), t.db.numberMAC("texted prefix", prefix), ms(t.now), verified)
}

// TextVerified remembers that the code of a text was typed back.
func (t *Tx) TextVerified(owner, challenge string) error {
	return t.later("remember a typed code", nil, `UPDATE texts_sent SET verified_at = $3 WHERE owner = $1 AND id = $2`, owner, challenge, ms(t.now))
}

// SweepTexts forgets texts that no budget counts any more.
func (t *Tx) SweepTexts() error {
	_, err := t.exec(`DELETE FROM texts_sent WHERE at < $1`, ms(t.now.Add(-textsKept)))
	return err
}
