package store

import (
	"fmt"

	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// KeepParcel notes who carries an order and seals its tracking number, which
// leads to where somebody lives.
func (t *Tx) KeepParcel(o order.Order, carrier, tracking string) error {
	if carrier != "" {
		if err := t.later("keep the carrier", nil, `UPDATE orders SET carrier = $3 WHERE owner = $1 AND id = $2`, o.Owner, string(o.ID), carrier); err != nil {
			return err
		}
	}
	if tracking == "" {
		return nil
	}
	f, err := t.folder(o.Owner, string(o.ID))
	if err != nil {
		return err
	}
	if f.ended[personal.Fulfilment] {
		return nil // whoever asked to be erased gets the parcel, and nothing more is kept
	}
	s := sealer{row: string(o.ID)}
	sealed := put(&s, f.open(personal.Fulfilment), personal.OrderTracking, tracking)
	if s.err != nil {
		return fmt.Errorf("seal tracking: %w", s.err)
	}
	return t.later("keep tracking", nil, `UPDATE order_details SET tracking = $3 WHERE owner = $1 AND order_id = $2`, o.Owner, string(o.ID), sealed)
}

// Tracking opens the tracking number of an order's parcel; "" where there is
// none, or none any more.
func (v *View) Tracking(owner string, id order.ID) (string, error) {
	var sealed []byte
	if err := v.row(`SELECT tracking FROM order_details WHERE owner = $1 AND order_id = $2`, owner, string(id)).Scan(&sealed); err != nil {
		return "", fmt.Errorf("read tracking: %w", err)
	}
	f, err := v.folder(owner, string(id))
	if err != nil {
		return "", err
	}
	box := f.open(personal.Fulfilment)
	if box.Key == nil && !f.clear {
		return "", nil
	}
	s := sealer{row: string(id)}
	return get(&s, box, personal.OrderTracking, sealed), s.err
}

// KeepDelivered lets what is kept for an order's delivery end counting from
// now, the day it arrived. An end date only comes nearer by it.
func (t *Tx) KeepDelivered(owner string, id order.ID) error {
	for _, p := range []personal.Purpose{personal.Fulfilment, personal.CourierUse, personal.Gift} {
		terms, err := personal.TermsOf(p)
		if err != nil {
			return err
		}
		end := ms(terms.Keep.After(t.now))
		err = t.later("count from delivery", nil, `UPDATE dossiers SET destroy_after = $4 WHERE subject = $1 AND case_id = $2 AND purpose = $3 AND state = 'open' AND destroy_after > $4`,
			owner, string(id), string(p), end)
		if err != nil {
			return err
		}
	}
	return nil
}

// resendsADay is how often the confirmation of an order is mailed again.
const resendsADay = 3

// CountResend counts a letter that is asked for again and reports whether the
// order's budget of the day allows it.
func (t *Tx) CountResend(owner string, id order.ID) (bool, error) {
	day := ms(t.now) - 24*60*60*1000
	n, err := t.exec(`UPDATE orders SET resent = CASE WHEN resent_at <= $4 THEN 1 ELSE resent + 1 END, resent_at = CASE WHEN resent_at <= $4 THEN $3 ELSE resent_at END
		WHERE owner = $1 AND id = $2 AND (resent_at <= $4 OR resent < $5)`, owner, string(id), ms(t.now), day, resendsADay)
	if err != nil {
		return false, fmt.Errorf("count a letter: %w", err)
	}
	return n == 1, nil
}
