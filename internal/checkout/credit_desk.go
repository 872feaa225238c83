package checkout

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/store"
)

var errWorthless = fault.Field("amount", "A gift card or credit needs an amount above zero.")

// IssueCard makes a gift card, which ends at a moment or, for the zero time,
// never. The code is returned this once and kept nowhere.
func (d *Desk) IssueCard(ctx context.Context, actor ledger.Actor, amount money.Amount, ends time.Time) (store.Credit, credit.Code, error) {
	if amount.Minor() <= 0 {
		return store.Credit{}, credit.Code{}, errWorthless
	}
	if !ends.IsZero() && !ends.After(d.db.Now()) {
		return store.Credit{}, credit.Code{}, fault.Field("until", "That day is over.")
	}
	c, code := store.Credit{ID: credit.ID(store.NewID()), Kind: credit.Card, Source: credit.Granted, EndsAt: ends}, credit.NewCode()
	err := d.db.InTx(ctx, actor, func(t *store.Tx) (err error) {
		if _, err = t.OpenCredit(c, code, amount.Currency()); err != nil {
			return err
		}
		if _, err = t.IssueCredit(c.ID, "issue", amount); err != nil {
			return err
		}
		c, err = t.Credit(c.ID)
		return err
	})
	if err != nil {
		return store.Credit{}, credit.Code{}, err
	}
	return c, code, nil
}

// IssueTo puts store credit on the account that a mailbox signs in to.
func (d *Desk) IssueTo(ctx context.Context, actor ledger.Actor, to contact.Email, amount money.Amount) (c store.Credit, err error) {
	if amount.Minor() <= 0 {
		return c, errWorthless
	}
	fresh, act := credit.ID(store.NewID()), store.NewID()
	err = d.db.InTx(ctx, actor, func(t *store.Tx) error {
		a, err := t.AccountOf(to, false)
		if err != nil {
			return err
		}
		id, err := creditFor(t, a.ID, amount.Currency(), fresh, credit.Granted, "")
		if err != nil {
			return err
		}
		if _, err := t.IssueCredit(id, act, amount); err != nil {
			return err
		}
		c, err = t.Credit(id)
		return err
	})
	return c, err
}

// creditFor is the store credit of an account, opened under a fresh id if there is
// none yet.
func creditFor(t *store.Tx, account string, in money.Currency, fresh credit.ID, from credit.Source, orderID string) (credit.ID, error) {
	c, err := t.CreditOf(account, in)
	if err == nil && !c.CancelledAt.IsZero() {
		return "", fault.New(fault.Conflict, "The store credit of this account is cancelled.")
	}
	if !fault.Is(err, fault.NotFound) {
		return c.ID, err
	}
	if fresh == "" {
		return "", nil // it was only asked whether there may be one
	}
	_, err = t.OpenCredit(store.Credit{ID: fresh, Kind: credit.Account, Owner: account, Source: from, Order: orderID}, credit.Code{}, in)
	return fresh, err
}

// CreditView is a credit with its newest acts.
type CreditView struct {
	store.Credit
	Acts []store.CreditAct
}

// historyMax is how many acts of a credit are shown.
const historyMax = 200

// ShowCredit returns a credit by its id.
func (d *Desk) ShowCredit(ctx context.Context, id credit.ID) (out CreditView, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		out = CreditView{}
		if out.Credit, err = v.Credit(id); err == nil {
			out.Acts, err = v.CreditHistory(out.Credit, historyMax)
		}
		return err
	})
	return out, err
}

// CreditByCode returns a card to whoever has its code.
func (d *Desk) CreditByCode(ctx context.Context, code credit.Code) (out CreditView, err error) {
	var id credit.ID
	err = d.db.View(ctx, func(v *store.View) error {
		c, err := v.CardByCode(code)
		id = c.ID
		return err
	})
	if err != nil {
		return out, err
	}
	return d.ShowCredit(ctx, id)
}

// AccountCredit is the store credit of an account in the shop's currency. One
// that never had any has nothing, which is no mistake.
func (d *Desk) AccountCredit(ctx context.Context, account string) (out CreditView, err error) {
	s, err := d.db.Settings(ctx)
	if err != nil {
		return out, err
	}
	err = d.db.View(ctx, func(v *store.View) error {
		out = CreditView{Credit: store.Credit{Balance: money.Zero(s.Currency), Held: money.Zero(s.Currency)}}
		c, err := v.CreditOf(account, s.Currency)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil {
			out.Credit = c
			out.Acts, err = v.CreditHistory(c, historyMax)
		}
		return err
	})
	return out, err
}

// CancelCredit ends a credit for good. What is left of it goes.
func (d *Desk) CancelCredit(ctx context.Context, actor ledger.Actor, id credit.ID) error {
	return d.db.InTx(ctx, actor, func(t *store.Tx) error { return t.CancelCredit(id) })
}

// ExpireCredit takes off what is left on credits whose end has passed.
func (d *Desk) ExpireCredit(ctx context.Context) error {
	const page = 50
	for {
		n := 0
		err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
			n, err = t.ExpireCredits(page)
			return err
		})
		if err != nil || n < page {
			return err
		}
	}
}
