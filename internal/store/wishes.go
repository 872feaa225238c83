package store

import (
	"errors"
	"fmt"
	"time"

	"database/sql"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// wishesOfOne bounds how many wishes of one address are kept at a time. The form says
// so beforehand.
const wishesOfOne = 20

// Wish is somebody's wish to hear when a variant is there again. Each is a
// subject of its own: nothing ties two of them together but the keyed hash of
// the address.
type Wish struct {
	Owner   string
	Variant catalog.VariantID
	Email   contact.Email // zero when it has ended
}

// NewWish seals an address that waits for a variant. Whoever asks again has a
// wish of their own, so that each can take back their own and nobody another's;
// one letter ends them all. An address that waits for too much changes nothing, and
// whoever asks does not hear of it: they need not be the one whose address it is.
func (t *Tx) NewWish(owner string, variant catalog.VariantID, to contact.Email) error {
	odd, even, err := t.twin(personal.WishIndex.Name(), to.Key())
	if err != nil {
		return err
	}
	var all int64
	if err := t.row(`SELECT count(*) FROM wishes WHERE email_mac = $1 OR email_mac_even = $2`, odd, even).Scan(&all); err != nil {
		return fmt.Errorf("count wish: %w", err)
	}
	if all >= wishesOfOne {
		return nil
	}
	terms, err := personal.TermsOf(personal.Marketing)
	if err != nil {
		return err
	}
	f := t.newFolder(owner, owner)
	if err := t.newDossiers(f, owner, owner, map[personal.Purpose]time.Time{personal.Marketing: terms.Keep.After(t.now)}); err != nil {
		return err
	}
	s := sealer{row: owner}
	sealed := put(&s, f.open(personal.Marketing), personal.WishEmail, to)
	if s.err != nil {
		return fmt.Errorf("seal wish: %w", s.err)
	}
	if err := t.later("keep wish", nil, `INSERT INTO wishes (owner, variant, email, email_mac, email_mac_even, made_at) VALUES ($1, $2, $3, $4, $5, $6)`, owner, string(variant), sealed, odd, even, ms(t.now)); err != nil {
		return err
	}
	return t.Event("wish.asked", owner, owner, "")
}

// DueWishes returns the oldest wishes about variants that can be bought again, but
// those that are to wait.
// One past its own end is left to retention, which asks whether the clock is right.
func (v *View) DueWishes(limit int) ([]Wish, error) {
	terms, err := personal.TermsOf(personal.Marketing)
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT n.owner, n.variant FROM wishes n JOIN stock s ON s.variant = n.variant JOIN variants x ON x.id = n.variant JOIN products p ON p.id = x.product
		WHERE x.sold AND p.published AND (NOT s.counted OR s.backorder OR s.on_hand > s.held) AND n.made_at > $2 AND n.wait_until <= $3
		AND NOT EXISTS (SELECT 1 FROM dossiers d WHERE d.subject = n.owner AND d.state = 'restricted') ORDER BY n.made_at LIMIT $1`, limit, ms(terms.Keep.Before(v.now)), ms(v.now))
	if err != nil {
		return nil, fmt.Errorf("list wish: %w", err)
	}
	defer rows.Close()
	var out []Wish
	for rows.Next() {
		var n Wish
		if err := rows.Scan(&n.Owner, &n.Variant); err != nil {
			return nil, fmt.Errorf("list wish: %w", err)
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// Wish opens one wish. What is gone has no address.
func (v *View) Wish(owner string) (Wish, error) {
	n := Wish{Owner: owner}
	var sealed []byte
	err := v.row(`SELECT variant, email FROM wishes WHERE owner = $1`, owner).Scan(&n.Variant, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("read wish: %w", err)
	}
	f, err := v.folder(owner, owner)
	if err != nil {
		return n, err
	}
	box := f.open(personal.Marketing)
	if box.Key == nil && !f.clear {
		return n, nil
	}
	s := sealer{row: owner}
	n.Email = get(&s, box, personal.WishEmail, sealed)
	return n, s.err
}

// HoldBackWish lets a wish wait whose mailbox has had enough letters: until there is
// room for one more.
func (t *Tx) HoldBackWish(owner string) error {
	return t.later("hold back a wish", nil, `UPDATE wishes SET wait_until = $2 WHERE owner = $1`, owner, ms(t.now.Add(abuse.Letters.Weight().One)))
}

// EndSentWish ends a wish whose letter was sent, and every other of the same
// address for the same thing.
func (t *Tx) EndSentWish(owner string) error {
	rows, err := t.rows(`SELECT o.owner FROM wishes n JOIN wishes o ON (o.owner = n.owner OR o.email_mac = n.email_mac OR o.email_mac_even = n.email_mac_even) AND o.variant = n.variant WHERE n.owner = $1`, owner)
	if err != nil {
		return fmt.Errorf("read wishes alike: %w", err)
	}
	alike, err := column[string](rows)
	if err != nil {
		return fmt.Errorf("read wishes alike: %w", err)
	}
	for _, one := range alike {
		if err := t.endWish(one, "sent"); err != nil {
			return err
		}
	}
	return nil
}

// TakeBackWish ends a wish that is not wanted any more. One that is gone
// changes nothing.
func (t *Tx) TakeBackWish(owner string) error {
	var there int64
	if err := t.row(`SELECT count(*) FROM wishes WHERE owner = $1`, owner).Scan(&there); err != nil {
		return fmt.Errorf("read wish: %w", err)
	}
	if there == 0 {
		return nil
	}
	if err := t.wished(owner, owner, personal.Marketing); err != nil {
		return err
	}
	return t.endWish(owner, "withdrawn")
}

// EndRefusedWish ends a wish whose mailbox takes no letter.
func (t *Tx) EndRefusedWish(owner string) error { return t.endWish(owner, "refused") }

// endWish destroys a wish's key and removes it.
func (t *Tx) endWish(owner, why string) error {
	if err := t.endCase(owner, owner, personal.Marketing); err != nil {
		return err
	}
	if err := t.dropWish(owner); err != nil {
		return err
	}
	return t.Event("wish."+why, owner, owner, "")
}

func (t *Tx) dropWish(owner string) error {
	return t.later("remove wish", nil, `DELETE FROM wishes WHERE owner = $1`, owner)
}
