package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// KeepCardLetter seals the code of a card with the order whose buyer is to get it
// by mail. It is gone once the letter is.
func (t *Tx) KeepCardLetter(owner string, id order.ID, card credit.ID, code credit.Code) error {
	f, err := t.folder(owner, string(id))
	if err != nil {
		return err
	}
	if f.ended[personal.Fulfilment] {
		return ErrEnded
	}
	s := sealer{row: string(card)}
	sealed := put(&s, f.open(personal.Fulfilment), personal.CardCode, code.Reveal())
	if s.err != nil {
		return fmt.Errorf("seal a card's code: %w", s.err)
	}
	return t.later("keep a card's letter", nil, `INSERT INTO card_letters (owner, order_id, id, code, made_at) VALUES ($1, $2, $3, $4, $5)`, owner, string(id), string(card), sealed, ms(t.now))
}

// CardLetter opens the code of a card that is still to be mailed. Its zero value
// says that the letter is gone already, or that nobody may open it any more.
func (v *View) CardLetter(owner string, card credit.ID) (id order.ID, code credit.Code, err error) {
	var sealed []byte
	err = v.row(`SELECT order_id, code FROM card_letters WHERE owner = $1 AND id = $2`, owner, string(card)).Scan(&id, &sealed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && sealed == nil {
		return id, code, nil
	}
	if err != nil {
		return id, code, fmt.Errorf("read a card's letter: %w", err)
	}
	f, err := v.folder(owner, string(id))
	if err != nil {
		return id, code, err
	}
	s, box := sealer{row: string(card)}, f.open(personal.Fulfilment)
	if box.Key == nil && !f.clear {
		return id, code, nil
	}
	text := get(&s, box, personal.CardCode, sealed)
	code, _ = credit.ReadCode(text)
	return id, code, s.err
}

// EndCardLetter forgets the code of a card whose letter was handed over.
func (t *Tx) EndCardLetter(owner string, card credit.ID) error {
	return t.later("end a card's letter", nil, `DELETE FROM card_letters WHERE owner = $1 AND id = $2`, owner, string(card))
}
