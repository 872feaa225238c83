package store

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
)

// JobForgetCards tells a payment service to forget what it keeps for an account that
// wants that, or that has ended. It is here because the end of an account leaves it.
const JobForgetCards = "cards.forget"

// forgetFor is for how long a service is asked. Then nobody can ask any more: the word
// that it knows the shopper by is gone.
const forgetFor = 90 * 24 * time.Hour

// Wishes about kept cards, as an attempt to pay has them.
const (
	CardKeep = "keep" // the card that pays is to be kept
	CardKept = "kept" // it is paid with one that is
)

// KeptCards is whom a payment service keeps cards for.
type KeptCards struct {
	Owner    string // the account
	Provider string
	Customer string // the service's word for it
	UsedAt   time.Time
}

// row is what the sealed word stands for.
func (k KeptCards) row() string { return k.Owner + "/" + k.Provider }

// ErrNoCards means that no service keeps cards for that account.
var ErrNoCards = fault.New(fault.NotFound, "No cards are kept for you there any more.")

// KeptCards lists the services that keep cards for an account, without what does not open.
func (v *View) KeptCards(owner string) ([]KeptCards, error) {
	f, err := v.folder(owner, owner)
	if err != nil {
		return nil, err
	}
	out, _, err := v.keptCards(owner, f.open(personal.Account))
	return out, err
}

// keptCards reads them with the key of an account's dossier. lost are the services whose
// word for the shopper does not open.
func (v *View) keptCards(owner string, box personal.Dossier) (out []KeptCards, lost []string, err error) {
	rows, err := v.rows(`SELECT provider, customer, used_at FROM kept_cards WHERE owner = $1 AND customer IS NOT NULL ORDER BY provider`+v.forUpdate(), owner)
	if err != nil {
		return nil, nil, fmt.Errorf("read kept cards: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		k := KeptCards{Owner: owner}
		var sealed []byte
		var used int64
		if err := rows.Scan(&k.Provider, &sealed, &used); err != nil {
			return nil, nil, fmt.Errorf("read kept cards: %w", err)
		}
		s := sealer{row: k.row()}
		k.Customer, k.UsedAt = get(&s, box, personal.CardsCustomer, sealed), when(used)
		if s.err != nil || k.Customer == "" {
			lost = append(lost, k.Provider)
			continue
		}
		out = append(out, k)
	}
	return out, lost, rows.Err()
}

// KeptCardsAt is that of one service; ErrNoCards where there is none.
func (v *View) KeptCardsAt(owner, provider string) (KeptCards, error) {
	all, err := v.KeptCards(owner)
	if err != nil {
		return KeptCards{}, err
	}
	for _, k := range all {
		if k.Provider == provider {
			return k, nil
		}
	}
	return KeptCards{}, ErrNoCards
}

// KeepCards notes whom a service keeps cards for. What another request has noted
// meanwhile stays, and is what it returns.
func (t *Tx) KeepCards(a Account, k KeptCards) (KeptCards, error) {
	if there, err := t.KeptCardsAt(a.ID, k.Provider); err == nil || !errors.Is(err, ErrNoCards) {
		return there, err
	}
	box, err := t.accountBox(a, personal.Account)
	if err != nil {
		return KeptCards{}, err
	}
	k.Owner, k.UsedAt = a.ID, t.now
	s := sealer{row: k.row()}
	sealed := put(&s, box, personal.CardsCustomer, k.Customer)
	if s.err != nil {
		return KeptCards{}, fmt.Errorf("seal kept cards: %w", s.err)
	}
	n, err := t.exec(`INSERT INTO kept_cards (owner, provider, customer, made_at, used_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT (owner, provider) DO NOTHING`, a.ID, k.Provider, sealed, ms(t.now))
	if err != nil {
		return KeptCards{}, fmt.Errorf("note kept cards: %w", err)
	}
	if n == 0 {
		return t.KeptCardsAt(a.ID, k.Provider)
	}
	return k, t.Event("cards.kept", a.ID, a.ID, How(k.Provider))
}

// UseCards notes that an order is to be paid with what a service keeps, or that it
// is to keep more.
func (t *Tx) UseCards(k KeptCards) error {
	return t.later("note the use of kept cards", nil, `UPDATE kept_cards SET used_at = $3 WHERE owner = $1 AND provider = $2`, k.Owner, k.Provider, ms(t.now))
}

// DropCards forgets here what a service does not know any more.
func (t *Tx) DropCards(k KeptCards) error {
	return t.later("drop kept cards", nil, `DELETE FROM kept_cards WHERE owner = $1 AND provider = $2`, k.Owner, k.Provider)
}

// ForgetCards leaves a job that has a service forget one card, or with "" all of
// them and whose they were. From then on they are of no use here.
func (t *Tx) ForgetCards(k KeptCards, card string) error {
	id := NewID()
	box, err := t.dossier(k.Owner, personal.Payment, id, t.now.Add(forgetFor))
	if err != nil {
		return err
	}
	s := sealer{row: id}
	customer, which := put(&s, box, personal.ForgetCustomer, k.Customer), put(&s, box, personal.ForgetCard, card)
	if s.err != nil {
		return fmt.Errorf("seal what is to be forgotten: %w", s.err)
	}
	if err := t.later("note what is to be forgotten", nil, `INSERT INTO cards_to_forget (owner, id, provider, customer, card, made_at) VALUES ($1, $2, $3, $4, $5, $6)`, k.Owner, id, k.Provider, customer, which, ms(t.now)); err != nil {
		return err
	}
	if card == "" {
		if err := t.DropCards(k); err != nil {
			return err
		}
	}
	if err := t.Enqueue(JobForgetCards, k.Owner, id, t.now); err != nil {
		return err
	}
	return t.Event("cards.forget", k.Owner, id, How(k.Provider))
}

// forgetAllCards does so for an account that ends, also when it is past its date or
// restricted: nobody gets to see what it opens. What does not open must not keep the
// account alive; then an event and the log say that a service was not told.
func (t *Tx) forgetAllCards(d DueDossier) error {
	box, end, err := t.lastOpened(d)
	if err != nil {
		return err
	}
	defer end()
	all, lost, err := t.keptCards(d.Subject, box)
	if err != nil {
		return err
	}
	for _, k := range all {
		if err := t.ForgetCards(k, ""); err != nil {
			return err
		}
	}
	for _, provider := range lost {
		t.db.log.WarnContext(t.ctx, "an account ends, and nobody can tell any more whose cards a payment service was to forget", "provider", provider)
		if err := t.Event("cards.unforgotten", d.Subject, "", How(provider)); err != nil {
			return err
		}
	}
	return nil
}

// lastOpened opens a dossier that is about to be destroyed, whatever its state. One that
// does not open is empty. end wipes the key.
func (t *Tx) lastOpened(d DueDossier) (box personal.Dossier, end func(), err error) {
	box, end = personal.Dossier{Purpose: d.Purpose, Clear: t.db.plain}, func() {}
	var wrap []byte
	err = t.row(`SELECT wrap FROM dossiers WHERE subject = $1 AND case_id = $2 AND purpose = $3 AND id = $4`+t.forUpdate(), d.Subject, d.Case, string(d.Purpose), d.ID).Scan(&wrap)
	if errors.Is(err, sql.ErrNoRows) || err == nil && wrap == nil {
		return box, end, nil
	}
	if err != nil {
		return box, end, fmt.Errorf("read a dossier: %w", err)
	}
	if key, err := t.db.ring.Unwrap(seal.Owner{Dossier: d.ID, Subject: d.Subject, Purpose: string(d.Purpose), Case: d.Case}, wrap); err == nil {
		box.Key, end = key, key.Destroy
	}
	return box, end, nil
}

// ToForget is what a service has still to be told to forget.
type ToForget struct {
	KeptCards
	Card string // "" for all
}

// ToForget reads it. ErrNoCards once it is done, or when nobody can tell it any more.
func (v *View) ToForget(owner, id string) (f ToForget, err error) {
	var customer, card []byte
	f.Owner = owner
	err = v.row(`SELECT provider, customer, card FROM cards_to_forget WHERE owner = $1 AND id = $2`, owner, id).Scan(&f.Provider, &customer, &card)
	if errors.Is(err, sql.ErrNoRows) || err == nil && customer == nil {
		return f, ErrNoCards
	}
	if err != nil {
		return f, fmt.Errorf("read what is to be forgotten: %w", err)
	}
	folder, err := v.folder(owner, id)
	if err != nil {
		return f, err
	}
	box := folder.open(personal.Payment)
	if box.Key == nil && !folder.clear {
		return f, ErrNoCards
	}
	s := sealer{row: id}
	f.Customer, f.Card = get(&s, box, personal.ForgetCustomer, customer), get(&s, box, personal.ForgetCard, card)
	return f, s.err
}

// LeavingCards lists the cards of an account that a service is still to forget.
func (v *View) LeavingCards(owner string) (out []ToForget, err error) {
	rows, err := v.rows(`SELECT id FROM cards_to_forget WHERE owner = $1 AND card IS NOT NULL ORDER BY id`, owner)
	if err != nil {
		return nil, fmt.Errorf("list what is to be forgotten: %w", err)
	}
	ids, err := column[string](rows)
	if err != nil {
		return nil, fmt.Errorf("list what is to be forgotten: %w", err)
	}
	for _, id := range ids {
		f, err := v.ToForget(owner, id)
		if errors.Is(err, ErrNoCards) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// Forgotten ends what a service was told to forget.
func (t *Tx) Forgotten(owner, id string, done bool) error {
	if err := t.endCase(owner, id, personal.Payment); err != nil {
		return err
	}
	if err := t.later("end what was to be forgotten", nil, `DELETE FROM cards_to_forget WHERE owner = $1 AND id = $2`, owner, id); err != nil {
		return err
	}
	action := "cards.forgotten"
	if !done {
		action = "cards.unforgotten"
	}
	return t.Event(action, owner, id, "")
}

// IdleCards lists whom services keep cards for that nobody has paid with since a time,
// the longest unused first, from behind another. Customer is "" where it does not open,
// and where somebody has paid with them meanwhile.
func (v *View) IdleCards(since time.Time, from KeptCards, limit int) (out []KeptCards, err error) {
	used := int64(0)
	if from.Owner != "" {
		used = ms(from.UsedAt)
	}
	rows, err := v.rows(`SELECT owner, provider, used_at FROM kept_cards WHERE used_at < $1 AND customer IS NOT NULL
		AND (used_at, owner, provider) > ($2, $3, $4) ORDER BY used_at, owner, provider LIMIT $5`, ms(since), used, from.Owner, from.Provider, limit)
	if err != nil {
		return nil, fmt.Errorf("list idle cards: %w", err)
	}
	if out, err = scanIdle(rows); err != nil {
		return nil, fmt.Errorf("list idle cards: %w", err)
	}
	for i, one := range out {
		k, err := v.KeptCardsAt(one.Owner, one.Provider)
		if err == nil && k.UsedAt.Before(since) {
			out[i].Customer = k.Customer
		}
	}
	return out, nil
}

func scanIdle(rows rows) (out []KeptCards, err error) {
	defer rows.Close()
	for rows.Next() {
		var k KeptCards
		var used int64
		if err := rows.Scan(&k.Owner, &k.Provider, &used); err != nil {
			return nil, err
		}
		k.UsedAt = when(used)
		out = append(out, k)
	}
	return out, rows.Err()
}
