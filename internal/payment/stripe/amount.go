package stripe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// Stripe counts most currencies in the minor units of ISO 4217. The others stand
// here (docs.stripe.com/currencies). A currency that it does not take, or of whose
// units it says two things, is refused rather than guessed: a factor of a hundred
// is at stake.
//
// unitsOf tells how many of Stripe's units there are for each `per` of ours, and
// of what number of Stripe's units an amount must be a multiple.
func unitsOf(c money.Currency) (times, per, multiple int64, err error) {
	switch c.Code() {
	case "ISK": // whole krónur, written with two decimals
		return 100, 1, 100, nil
	case "MGA": // ISO 4217 gives it two decimals, Stripe none
		return 1, 100, 1, nil
	case "BHD", "JOD", "KWD", "OMR", "TND": // three decimals, of which the last is 0
		return 1, 1, 10, nil
	case "", "UGX", "IQD", "LYD", "CLF", "UYI", "UYW":
		return 0, 0, 0, fmt.Errorf("no payments in %q: %w", c.Code(), payment.ErrRefused)
	}
	return 1, 1, 1, nil
}

// Fits says why a shop can't be paid by Stripe. What a statement shows has 5 to 22
// characters, one of them a letter, and none that Stripe refuses
// (docs.stripe.com/get-started/account/statement-descriptors).
func (p *Provider) Fits(descriptor string, c money.Currency) error {
	if _, _, _, err := unitsOf(c); err != nil {
		return fmt.Errorf("Stripe takes no payments in %s", c)
	}
	if len(descriptor) < 5 || len(descriptor) > 22 || strings.Trim(descriptor, statementSigns) != "" || strings.Trim(descriptor, statementSigns[26:]) == "" {
		return errors.New("Stripe wants shop.descriptor to have 5 to 22 letters, digits and spaces, one a letter; set the same at Stripe")
	}
	return nil
}

// statementSigns are the signs of a descriptor, letters first.
const statementSigns = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "

// toUnits writes an amount as Stripe does.
func toUnits(a money.Amount) (int64, error) {
	times, per, multiple, err := unitsOf(a.Currency())
	if err != nil {
		return 0, err
	}
	if a.Minor() <= 0 || a.Minor() > money.Limit || a.Minor()%per != 0 || a.Minor()/per*times%multiple != 0 {
		return 0, fmt.Errorf("an amount that can't be paid in %s: %w", a.Currency(), payment.ErrRefused)
	}
	return a.Minor() / per * times, nil
}

// fromUnits reads an amount as Stripe writes it.
func fromUnits(units int64, currency string) (money.Amount, error) {
	c, err := money.ParseCurrency(strings.ToUpper(currency))
	if err != nil || currency != strings.ToLower(currency) {
		return money.Amount{}, payment.ErrNotice
	}
	times, per, multiple, err := unitsOf(c)
	if err != nil || units <= 0 || units > money.Limit || units%times != 0 || units%multiple != 0 {
		return money.Amount{}, payment.ErrNotice
	}
	return money.Of(units/times*per, c), nil
}
