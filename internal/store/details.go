package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

const cartPurpose = personal.Cart

// SaveDetails seals what the shopper typed at checkout under the cart's
// dossier, which is opened here, at the cart's first personal value. An
// earlier draft goes: this is whole.
func (t *Tx) SaveDetails(id cart.ID, d order.Details, first bool) error {
	box, err := t.cartBox(id, first)
	if err != nil {
		return err
	}
	s := sealer{row: string(id)}
	args := []any{string(id),
		put(&s, box, personal.CartEmail, d.Email), put(&s, box, personal.CartName, d.Name), put(&s, box, personal.CartPhone, d.Phone),
		put(&s, box, personal.CartShipTo, d.ShipTo), put(&s, box, personal.CartBillTo, d.BillTo), put(&s, box, personal.CartNote, d.Note),
		put(&s, box, personal.CartOrderNote, d.OrderNote), put(&s, box, personal.CartGiftName, d.GiftName), put(&s, box, personal.CartGiftMessage, d.GiftMessage),
		put(&s, box, personal.CartVAT, d.VAT)}
	if s.err != nil {
		return fmt.Errorf("seal details: %w", s.err)
	}
	err = t.later("save details", nil, `INSERT INTO cart_details (owner, email, name, phone, ship_to, bill_to, note, order_note, gift_name, gift_message, vat)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (owner) DO UPDATE SET email = excluded.email, name = excluded.name, phone = excluded.phone,
			ship_to = excluded.ship_to, bill_to = excluded.bill_to, note = excluded.note, order_note = excluded.order_note,
			gift_name = excluded.gift_name, gift_message = excluded.gift_message, vat = excluded.vat, draft = NULL`, args...)
	if err != nil {
		return err
	}
	return t.Event("checkout.saved", string(id), string(id), "")
}

// SaveDraft seals a checkout form as it was typed, while something in it is
// missing or wrong. What was whole before stays beside it.
func (t *Tx) SaveDraft(id cart.ID, draft string, first bool) error {
	box, err := t.cartBox(id, first)
	if err != nil {
		return err
	}
	sealed, err := personal.CartDraft.Seal(box, string(id), draft)
	if err != nil {
		return fmt.Errorf("seal draft: %w", err)
	}
	err = t.later("save draft", nil, `INSERT INTO cart_details (owner, draft) VALUES ($1, $2) ON CONFLICT (owner) DO UPDATE SET draft = excluded.draft`, string(id), sealed)
	if err != nil {
		return err
	}
	return t.Event("checkout.drafted", string(id), string(id), "")
}

// cartBox opens the cart's dossier for sealing and moves its end.
func (t *Tx) cartBox(id cart.ID, first bool) (personal.Dossier, error) {
	terms, err := personal.TermsOf(cartPurpose)
	if err != nil {
		return personal.Dossier{}, err
	}
	if first {
		t.newFolder(string(id), string(id)) // nothing was typed before: there is no dossier to look for
	}
	return t.dossier(string(id), cartPurpose, string(id), terms.Keep.After(t.now))
}

// Details opens what SaveDetails sealed, and the draft if there is one. A cart
// without any has zero details.
func (v *View) Details(id cart.ID) (order.Details, string, error) {
	r, err := scanDetails(v.row(`SELECT `+cartDetails+` FROM cart_details WHERE owner = $1`, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return order.Details{}, "", nil
	}
	if err != nil {
		return order.Details{}, "", fmt.Errorf("read details: %w", err)
	}
	return v.openDetails(r)
}

// detailsRow is a row of cart_details, sealed.
type detailsRow struct {
	cart                                                                                   string
	email, name, phone, shipTo, billTo, note, orderNote, giftName, giftMessage, vat, draft []byte
}

const cartDetails = `owner, email, name, phone, ship_to, bill_to, note, order_note, gift_name, gift_message, vat, draft`

func scanDetails(from row) (r detailsRow, err error) {
	err = from.Scan(&r.cart, &r.email, &r.name, &r.phone, &r.shipTo, &r.billTo, &r.note, &r.orderNote, &r.giftName, &r.giftMessage, &r.vat, &r.draft)
	return r, err
}

func (v *View) openDetails(r detailsRow) (order.Details, string, error) {
	f, err := v.folder(r.cart, r.cart)
	if err != nil {
		return order.Details{}, "", err
	}
	s, box := sealer{row: r.cart}, f.open(cartPurpose)
	if !f.clear && box.Key == nil {
		return order.Details{}, "", nil // the key is gone, and so are the values
	}
	d := order.Details{
		Email: get(&s, box, personal.CartEmail, r.email), Name: get(&s, box, personal.CartName, r.name), Phone: get(&s, box, personal.CartPhone, r.phone),
		ShipTo: get(&s, box, personal.CartShipTo, r.shipTo), BillTo: get(&s, box, personal.CartBillTo, r.billTo), Note: get(&s, box, personal.CartNote, r.note),
		OrderNote: get(&s, box, personal.CartOrderNote, r.orderNote), GiftName: get(&s, box, personal.CartGiftName, r.giftName),
		GiftMessage: get(&s, box, personal.CartGiftMessage, r.giftMessage),
		VAT:         get(&s, box, personal.CartVAT, r.vat),
	}
	kept := get(&s, box, personal.CartDraft, r.draft)
	return d, kept, s.err
}

// sealer seals or opens the values of one row and remembers the first error.
type sealer struct {
	row string
	err error
}

func put[T any](s *sealer, d personal.Dossier, f personal.Value[T], v T) []byte {
	if s.err != nil {
		return nil
	}
	var b []byte
	b, s.err = f.Seal(d, s.row, v)
	return b
}

func get[T any](s *sealer, d personal.Dossier, f personal.Value[T], sealed []byte) (v T) {
	if s.err == nil {
		v, s.err = f.Open(d, s.row, sealed)
	}
	return v
}
