package discount

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/money"
)

// Basket is what codes are reckoned on.
type Basket struct {
	Items    money.Amount // as listed
	Delivery money.Amount // what it costs without codes; zero while nobody knows
	Day      string       // in the shop's zone
}

// Applied is a code as it stands in a cart or an order.
type Applied struct {
	Key     string
	Word    string
	Kind    Kind
	Saving  money.Amount // what it takes off; zero when that is nothing, or not yet
	Missing money.Amount // how much more the items must cost for it to count
	Ended   bool         // it can't be used any more, whatever the reason
	Aside   bool         // it counts for nothing beside another code of the cart
}

// Counts reports whether the code takes something off.
func (a Applied) Counts() bool { return a.Saving.Minor() > 0 }

// Reckoning is what the codes of a cart take off together.
type Reckoning struct {
	Codes    []Applied // in the order in which they were given
	Items    money.Amount
	Delivery money.Amount
}

// Reckon says what codes take off a basket. Amounts come first, percentages are
// then reckoned on what they leave, one after the other; nothing takes off more
// than is left, so a sum never falls below zero. In which order the codes were
// typed does not matter.
//
// A code that stands alone puts every other aside, and beyond MaxTogether the
// rest is put aside.
func (all Codes) Reckon(words []string, b Basket) (Reckoning, error) {
	zero := money.Zero(b.Items.Currency())
	out := Reckoning{Items: zero, Delivery: zero}
	if len(words) == 0 {
		return out, nil
	}
	live := make([]*Applied, 0, len(words))
	out.Codes = make([]Applied, len(words))
	for i, word := range words {
		key, _ := Key(word)
		c, there := all[key]
		a := &out.Codes[i]
		*a = Applied{Key: key, Word: c.Word, Kind: c.Kind, Saving: zero, Missing: zero}
		if !there {
			a.Word = word
		}
		switch {
		case !there || !c.On(b.Day):
			a.Ended = true
		case c.MinItems.Minor() > b.Items.Minor():
			missing, err := c.MinItems.Minus(b.Items)
			if err != nil {
				return out, fmt.Errorf("reckon a code: %w", err)
			}
			a.Missing = missing
		default:
			live = append(live, a)
		}
	}
	items, delivery := b.Items, b.Delivery
	if delivery.Currency().IsZero() {
		delivery = zero
	}
	for _, a := range together(live, all) {
		c, from := all[a.Key], &items
		most := c.UpTo
		switch c.Kind {
		case Amount:
			most = c.Off
		case Percentage:
			part, err := items.Added(c.Rate)
			if err != nil {
				return out, fmt.Errorf("reckon a code: %w", err)
			}
			if most.IsZero() || part.Minor() < most.Minor() {
				most = part
			}
		case FreeDelivery:
			from = &delivery
			if most.IsZero() {
				most = delivery
			}
		}
		if a.Saving = most; from.Minor() < most.Minor() {
			a.Saving = *from
		}
		var err error
		if *from, err = from.Minus(a.Saving); err != nil {
			return out, fmt.Errorf("reckon a code: %w", err)
		}
	}
	var err error
	if out.Items, err = b.Items.Minus(items); err == nil && !b.Delivery.Currency().IsZero() {
		out.Delivery, err = b.Delivery.Minus(delivery)
	}
	return out, err
}

// together returns the codes that count, in the order in which they are
// reckoned, and marks the others.
func together(live []*Applied, all Codes) []*Applied {
	sorted := slices.Clone(live)
	slices.SortFunc(sorted, func(a, b *Applied) int {
		if d := turn(a.Kind) - turn(b.Kind); d != 0 {
			return d
		}
		return strings.Compare(a.Key, b.Key)
	})
	if i := slices.IndexFunc(sorted, func(a *Applied) bool { return all[a.Key].Exclusive }); i >= 0 {
		sorted[0], sorted[i] = sorted[i], sorted[0]
		setAside(sorted[1:])
		return sorted[:1]
	}
	if len(sorted) > MaxTogether {
		setAside(sorted[MaxTogether:])
		sorted = sorted[:MaxTogether]
	}
	return sorted
}

func setAside(list []*Applied) {
	for _, a := range list {
		a.Aside = true
	}
}

func turn(k Kind) int { return slices.Index([]Kind{Amount, Percentage, FreeDelivery}, k) }
