package store

import (
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// AccountCart is "ID.TOKEN" of the cart that an account has on every device;
// "" for none.
func (v *View) AccountCart(owner string) (string, error) {
	var sealed []byte
	err := v.row(`SELECT cart FROM account_details WHERE owner = $1`, owner).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) || err == nil && sealed == nil {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read an account's cart: %w", err)
	}
	f, err := v.folder(owner, owner)
	if err != nil {
		return "", err
	}
	s := sealer{row: owner}
	return get(&s, f.open(personal.Account), personal.AccountCart, sealed), s.err
}

// KeepAccountCart makes a cart the one that an account has on every device; ""
// for none.
func (t *Tx) KeepAccountCart(a Account, cart string) error {
	box, err := t.accountBox(a, personal.Account)
	if err != nil {
		return err
	}
	s := sealer{row: a.ID}
	sealed := put(&s, box, personal.AccountCart, cart)
	return errors.Join(s.err, t.later("keep an account's cart", nil, `UPDATE account_details SET cart = $2 WHERE owner = $1`, a.ID, sealed))
}

// shown is how a link was shown, with a keyed hash that ties it to both: who can
// write here makes no other's order their own.
func (db *DB) shown(owner, subject, how string) string {
	mac := db.keys.Token.Sum("link v1", []byte(owner), []byte(subject), []byte(how))
	return how + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// holds reports whether a link was made by the shop.
func (db *DB) holds(owner, subject, kept string) bool {
	how, _, _ := strings.Cut(kept, ".")
	return subtle.ConstantTimeCompare([]byte(db.shown(owner, subject, how)), []byte(kept)) == 1
}

// Link says that a guest's subject is the person of an account, and how that
// was shown. One that another account has is left alone.
func (t *Tx) Link(owner, subject, how string) (bool, error) {
	if err := t.turn("links", subject); err != nil {
		return false, err
	}
	var taken int64
	if err := t.row(`SELECT count(*) FROM links WHERE subject = $1`, subject).Scan(&taken); err != nil {
		return false, fmt.Errorf("read links: %w", err)
	}
	if taken > 0 {
		return false, nil
	}
	_, err := t.exec(`INSERT INTO links (owner, subject, how, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, subject) DO NOTHING`, owner, subject, t.db.shown(owner, subject, how), ms(t.now))
	if err != nil {
		return false, fmt.Errorf("link: %w", err)
	}
	return true, t.Event("subject.linked", owner, subject, How(how))
}

// LinkedOrders lists the orders of an account, the newest first.
func (v *View) LinkedOrders(owner string, limit int) ([]order.Order, error) {
	rows, err := v.rows(`SELECT o.number, l.subject, l.how FROM links l JOIN orders o ON o.owner = l.subject WHERE l.owner = $1 ORDER BY o.placed_at DESC LIMIT $2`, owner, limit)
	if err != nil {
		return nil, fmt.Errorf("list an account's orders: %w", err)
	}
	var numbers []order.Number
	for rows.Next() {
		var n order.Number
		var subject, how string
		if err := rows.Scan(&n, &subject, &how); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		if v.db.holds(owner, subject, how) {
			numbers = append(numbers, n)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("list an account's orders: %w", err)
	}
	out := make([]order.Order, 0, len(numbers))
	for _, n := range numbers {
		o, err := v.OrderByNumber(n)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// Linked reports whether a subject is an account's own.
func (v *View) Linked(owner, subject string) (bool, error) {
	var how string
	err := v.row(`SELECT how FROM links WHERE owner = $1 AND subject = $2`, owner, subject).Scan(&how)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && v.db.holds(owner, subject, how), err
}

// AccountOfSubject is the account that a subject is the person of; "" for none.
func (v *View) AccountOfSubject(subject string) (string, error) {
	var owner, how string
	err := v.row(`SELECT owner, how FROM links WHERE subject = $1`, subject).Scan(&owner, &how)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !v.db.holds(owner, subject, how) {
		return "", nil
	}
	return owner, err
}

// Place is an entry of an address book.
type Place struct {
	ID      string
	Name    contact.Name
	Address contact.Address
	Phone   contact.Phone
	First   bool // the one that a checkout begins with
}

// maxPlaces bounds an address book.
const maxPlaces = 20

var errNoPlace = fault.Missing("That address is not in your address book any more.")

// SavePlace adds an entry, or changes the one with its id.
func (t *Tx) SavePlace(a Account, p Place) error {
	box, err := t.accountBox(a, personal.Account)
	if err != nil {
		return err
	}
	if p.First {
		if _, err := t.exec(`UPDATE addresses SET first = FALSE WHERE owner = $1`, a.ID); err != nil {
			return err
		}
	}
	s := sealer{row: p.ID}
	name, address, phone := put(&s, box, personal.BookName, p.Name), put(&s, box, personal.BookAddress, p.Address), put(&s, box, personal.BookPhone, p.Phone)
	if s.err != nil {
		return fmt.Errorf("seal address: %w", s.err)
	}
	n, err := t.exec(`UPDATE addresses SET name = $3, address = $4, phone = $5, first = $6 WHERE owner = $1 AND id = $2`, a.ID, p.ID, name, address, phone, p.First)
	if err != nil || n == 1 {
		return err
	}
	var there int64
	if err := t.row(`SELECT count(*) FROM addresses WHERE owner = $1`, a.ID).Scan(&there); err != nil {
		return err
	}
	if there >= maxPlaces {
		return fault.New(fault.Conflict, "Your address book is full. Please remove an address first.")
	}
	return t.later("keep address", nil, `INSERT INTO addresses (owner, id, name, address, phone, first, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`, a.ID, p.ID, name, address, phone, p.First, ms(t.now))
}

// RemovePlace takes an entry out.
func (t *Tx) RemovePlace(owner, id string) error {
	n, err := t.exec(`DELETE FROM addresses WHERE owner = $1 AND id = $2`, owner, id)
	if err == nil && n == 0 {
		err = errNoPlace
	}
	return err
}

// Places opens the address book of an account, the first one first.
func (v *View) Places(owner string) ([]Place, error) {
	f, err := v.folder(owner, owner)
	if err != nil {
		return nil, err
	}
	box := f.open(personal.Account)
	if box.Key == nil && !f.clear {
		return nil, nil
	}
	rows, err := v.rows(`SELECT id, name, address, phone, first FROM addresses WHERE owner = $1 ORDER BY first DESC, made_at, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("read address book: %w", err)
	}
	defer rows.Close()
	var out []Place
	for rows.Next() {
		var p Place
		var name, address, phone []byte
		if err := rows.Scan(&p.ID, &name, &address, &phone, &p.First); err != nil {
			return nil, fmt.Errorf("read address book: %w", err)
		}
		s := sealer{row: p.ID}
		p.Name, p.Address, p.Phone = get(&s, box, personal.BookName, name), get(&s, box, personal.BookAddress, address), get(&s, box, personal.BookPhone, phone)
		if s.err != nil {
			return nil, s.err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Act is one line of what happened to an account.
type Act struct {
	At     time.Time
	Action string // "signin.done"
	Detail string // "passkey"
	By     string // who acted, as the ledger writes it
}

// Acts lists what happened to an account lately, the newest first.
func (v *View) Acts(owner string, since time.Time, limit int) ([]Act, error) {
	rows, err := v.rows(`SELECT at, action, coalesce(detail, ''), coalesce(actor, '') FROM events WHERE owner = $1 AND at > $2 ORDER BY at DESC, id DESC LIMIT $3`, owner, ms(since), limit)
	if err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	}
	defer rows.Close()
	var out []Act
	for rows.Next() {
		var a Act
		var at int64
		if err := rows.Scan(&at, &a.Action, &a.Detail, &a.By); err != nil {
			return nil, fmt.Errorf("read acts: %w", err)
		}
		a.At = when(at)
		out = append(out, a)
	}
	return out, rows.Err()
}
