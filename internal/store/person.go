package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// PersonOf finds every subject of a mailbox that an index leads to: its orders,
// its account with the guest orders and the cart linked to it, and its wishes.
func (v *View) PersonOf(e contact.Email) ([]string, error) {
	out, err := v.Subjects(e.Key())
	if err != nil {
		return nil, err
	}
	a, err := v.AccountOf(e, false)
	switch {
	case errors.Is(err, ErrNoAccount):
	case err != nil:
		return nil, err
	default:
		own, err := v.subjectsOfAccount(a.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, own...)
	}
	odd, even, err := v.twin(personal.WishIndex.Name(), e.Key())
	if err != nil {
		return nil, err
	}
	rows, err := v.rows(`SELECT owner FROM wishes WHERE email_mac = $1 OR email_mac_even = $2`, odd, even)
	if err != nil {
		return nil, fmt.Errorf("look up wishes: %w", err)
	}
	wishes, err := column[string](rows)
	if err != nil {
		return nil, fmt.Errorf("look up wishes: %w", err)
	}
	for _, w := range wishes {
		n, err := v.Wish(w)
		if err != nil {
			return nil, err
		}
		if n.Email.Equal(e) {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// subjectsOfAccount are an account, the guests it was shown to be, and its cart.
func (v *View) subjectsOfAccount(id string) ([]string, error) {
	out := []string{id}
	rows, err := v.rows(`SELECT subject, how FROM links WHERE owner = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	var links [][2]string
	for rows.Next() {
		var l [2]string
		if err := rows.Scan(&l[0], &l[1]); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		links = append(links, l)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	for _, l := range links {
		if v.db.holds(id, l[0], l[1]) {
			out = append(out, l[0])
		}
	}
	cart, err := v.AccountCart(id)
	if err != nil {
		return nil, err
	}
	if id, _, ok := strings.Cut(cart, "."); ok {
		out = append(out, id)
	}
	return out, nil
}

// personPage is how many carts or sign-ups one look of TypedBy opens.
const personPage = 200

// TypedBy finds the carts and the sign-ups in which a mailbox was typed. No index
// leads to them, since they end so soon, so each is opened.
func (db *DB) TypedBy(ctx context.Context, e contact.Email) (out []string, err error) {
	for _, look := range []func(*View, string) ([]typed, error){(*View).typedInCarts, (*View).typedInSignups} {
		after := ""
		for n := personPage; n == personPage; {
			var page []typed
			err := db.View(ctx, func(v *View) (err error) {
				page, err = look(v, after)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("look for what was typed: %w", err)
			}
			for _, t := range page {
				after = t.id
				if t.email.Equal(e) || t.email.IsZero() && mentions(t.draft, e.Reveal()) { // a form that is not whole yet
					out = append(out, t.id)
				}
			}
			n = len(page)
		}
	}
	return out, nil
}

// typed is what somebody has typed who is no subject of an index.
type typed struct {
	id    string
	email contact.Email
	draft string
}

// typedInCarts opens the next carts after one.
func (v *View) typedInCarts(after string) ([]typed, error) {
	rows, err := v.rows(`SELECT `+cartDetails+` FROM cart_details WHERE owner > $1 ORDER BY owner LIMIT $2`, after, personPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sealed []detailsRow
	var carts []string
	for rows.Next() {
		r, err := scanDetails(rows)
		if err != nil {
			return nil, err
		}
		sealed, carts = append(sealed, r), append(carts, r.cart)
	}
	if err := errors.Join(rows.Err(), rows.Close(), v.ahead(carts)); err != nil {
		return nil, err
	}
	out := make([]typed, 0, len(sealed))
	for _, r := range sealed {
		d, draft, err := v.openDetails(r)
		if err != nil {
			return nil, err
		}
		out = append(out, typed{r.cart, d.Email, draft})
	}
	return out, nil
}

// typedInSignups opens the next sign-ups after one.
func (v *View) typedInSignups(after string) ([]typed, error) {
	rows, err := v.rows(`SELECT owner FROM signups WHERE owner > $1 ORDER BY owner LIMIT $2`, after, personPage)
	if err != nil {
		return nil, err
	}
	ids, err := column[string](rows)
	if err != nil {
		return nil, err
	}
	if err := v.ahead(ids); err != nil {
		return nil, err
	}
	out := make([]typed, 0, len(ids))
	for _, id := range ids {
		s, err := v.Signup(id)
		if err != nil && !errors.Is(err, errNoChallenge) {
			return nil, err
		}
		out = append(out, typed{id: id, email: s.Email})
	}
	return out, nil
}

// mentions reports whether a text has an address in it, and not as a part of
// somebody else's.
func mentions(text, address string) bool {
	part := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("@._%+-", r)
	}
	for _, word := range strings.FieldsFunc(text, part) {
		if strings.EqualFold(strings.Trim(word, "."), address) {
			return true
		}
	}
	return false
}
