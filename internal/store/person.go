package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/cartkeep/cartkeep/internal/cart"
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
	for _, kind := range []struct {
		query string
		email func(*View, string) (contact.Email, error)
	}{
		{`SELECT owner FROM cart_details WHERE owner > $1 ORDER BY owner LIMIT $2`, func(v *View, id string) (contact.Email, error) {
			d, draft, err := v.Details(cart.ID(id))
			if err == nil && d.Email.IsZero() && mentions(draft, e.Reveal()) {
				return e, nil // in a form that is not whole yet
			}
			return d.Email, err
		}},
		{`SELECT owner FROM signups WHERE owner > $1 ORDER BY owner LIMIT $2`, func(v *View, id string) (contact.Email, error) {
			s, err := v.Signup(id)
			if errors.Is(err, errNoChallenge) {
				err = nil
			}
			return s.Email, err
		}},
	} {
		after := ""
		for n := personPage; n == personPage; {
			var found []string
			last := after
			err := db.View(ctx, func(v *View) error {
				found = nil
				rows, err := v.rows(kind.query, after, personPage)
				if err != nil {
					return err
				}
				ids, err := column[string](rows)
				if err != nil {
					return err
				}
				n = len(ids)
				for _, id := range ids {
					last = id
					typed, err := kind.email(v, id)
					if err != nil {
						return err
					}
					if typed.Equal(e) {
						found = append(found, id)
					}
				}
				return nil
			})
			if err != nil {
				return nil, fmt.Errorf("look for what was typed: %w", err)
			}
			after = last
			out = append(out, found...)
		}
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
