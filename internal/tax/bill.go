package tax

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cartkeep/cartkeep/internal/money"
)

// Item is one line of a bill: its price in all and its class.
type Item struct {
	Total money.Amount
	Class string
}

// Bill is what is to be paid, before tax is known.
type Bill struct {
	Currency      money.Currency
	At            At
	Items         []Item
	Discount      money.Amount // taken off the items in proportion, not more than they cost; zero for none
	Delivery      money.Amount
	DeliveryClass string // "": as the policy says
}

// Tax is the tax on one part of a bill.
type Tax struct {
	Class string
	Rate  money.Rate
	Net   money.Amount
	Tax   money.Amount
}

// Reckoning is a bill with its tax.
type Reckoning struct {
	Items    money.Amount // as listed
	Tax      money.Amount // contained in Total, or added to it
	Total    money.Amount
	Lines    []Tax // one for each item, in its order
	Delivery money.Amount
	Sums     []Tax // all of it by class and rate, as the books want it
}

// Reckon adds a bill up. Each part's tax is rounded by itself, half to even: an
// item after its share of the discount, delivery as a whole, or each of its
// shares when it is taxed pro rata. Sums are sums of rounded parts and of
// nothing else, so that
//
//	Items - Discount + Delivery           = Total, where prices contain the tax
//	Items - Discount + Delivery + Tax     = Total, where it is added
//	the nets and taxes of Sums            = Total
func (p Policy) Reckon(b Bill) (Reckoning, error) {
	zero := money.Zero(b.Currency)
	out := Reckoning{Items: zero, Tax: zero, Total: zero, Delivery: b.Delivery, Lines: make([]Tax, 0, len(b.Items)), Sums: make([]Tax, 0, 4)}
	if b.Delivery.Currency().IsZero() {
		out.Delivery = zero
	}
	r := reckoner{policy: p, at: b.At, out: &out}
	off, err := shares(b.Discount, b.Items)
	if err != nil {
		return Reckoning{}, fmt.Errorf("share the discount: %w", err)
	}
	for i, item := range b.Items {
		if out.Items, err = out.Items.Plus(item.Total); err != nil {
			return Reckoning{}, fmt.Errorf("add up items: %w", err)
		}
		amount := item.Total
		if off != nil {
			if amount, err = amount.Minus(off[i]); err != nil {
				return Reckoning{}, fmt.Errorf("take off the discount: %w", err)
			}
		}
		line, err := r.part(amount, item.Class)
		if err != nil {
			return Reckoning{}, err
		}
		out.Lines = append(out.Lines, line)
	}
	if b.Discount.Negative() || b.Discount.Minor() > out.Items.Minor() {
		return Reckoning{}, ErrDiscount
	}
	return out, r.delivery(out.Delivery, b)
}

// ErrDiscount means that more was to be taken off than the items cost.
var ErrDiscount = errors.New("tax: the discount is not between nothing and what the items cost")

// reckoner gathers the parts of one bill.
type reckoner struct {
	policy Policy
	at     At
	out    *Reckoning
	known  []Tax // rates that were looked up, by class
}

func (r *reckoner) rate(class string) money.Rate {
	for _, k := range r.known {
		if k.Class == class {
			return k.Rate
		}
	}
	rate := r.policy.Rate(r.at, class)
	r.known = append(r.known, Tax{Class: class, Rate: rate})
	return rate
}

// part taxes one amount and adds it to everything it belongs to.
func (r *reckoner) part(amount money.Amount, class string) (Tax, error) {
	t := Tax{Class: class, Rate: r.rate(class), Net: amount}
	var err error
	if r.policy.Included {
		if t.Tax, err = amount.Contained(t.Rate); err == nil {
			t.Net, err = amount.Minus(t.Tax)
		}
	} else {
		t.Tax, err = amount.Added(t.Rate)
	}
	if err != nil {
		return Tax{}, fmt.Errorf("tax: %w", err)
	}
	return t, r.add(t)
}

func (r *reckoner) add(t Tax) error {
	gross, err := t.Net.Plus(t.Tax)
	if err == nil {
		r.out.Total, err = r.out.Total.Plus(gross)
	}
	if err == nil {
		r.out.Tax, err = r.out.Tax.Plus(t.Tax)
	}
	if err != nil {
		return fmt.Errorf("add up the bill: %w", err)
	}
	for i := range r.out.Sums {
		s := &r.out.Sums[i]
		if s.Class != t.Class || s.Rate != t.Rate {
			continue
		}
		if s.Net, err = s.Net.Plus(t.Net); err == nil {
			s.Tax, err = s.Tax.Plus(t.Tax)
		}
		return err
	}
	r.out.Sums = append(r.out.Sums, t)
	return nil
}

func (r *reckoner) delivery(price money.Amount, b Bill) error {
	if price.IsZero() {
		return nil
	}
	class := b.DeliveryClass
	if class == "" {
		class = r.policy.Delivery
	}
	if class != ProRata {
		_, err := r.part(price, class)
		return err
	}
	var classes []Item // one share for each class, not for each line: fewer roundings
	for _, item := range b.Items {
		i := slices.IndexFunc(classes, func(c Item) bool { return c.Class == item.Class })
		if i < 0 {
			classes = append(classes, item)
			continue
		}
		var err error
		if classes[i].Total, err = classes[i].Total.Plus(item.Total); err != nil {
			return fmt.Errorf("share delivery: %w", err)
		}
	}
	parts, err := shares(price, classes)
	if err != nil {
		return fmt.Errorf("share delivery: %w", err)
	}
	if parts == nil { // nothing in it costs anything
		_, err = r.part(price, Standard)
		return err
	}
	for i, share := range parts {
		if _, err := r.part(share, classes[i].Class); err != nil {
			return err
		}
	}
	return nil
}

// shares cuts an amount in proportion to what the items cost. It returns nil
// when there is nothing to cut or nothing to cut it by.
func shares(a money.Amount, items []Item) ([]money.Amount, error) {
	if a.IsZero() {
		return nil, nil
	}
	weights := make([]int64, len(items))
	some := false
	for i, item := range items {
		weights[i] = item.Total.Minor()
		some = some || weights[i] > 0
	}
	if !some {
		return nil, nil
	}
	return a.Allocate(weights)
}
