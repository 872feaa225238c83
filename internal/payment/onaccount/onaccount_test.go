package onaccount

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/paymenttest"
)

var (
	good    = Config{Limit: "200.50", Countries: []string{"DE", "AT"}, Mode: payment.ModeLive}
	account = payment.Account{Payee: "Corner Shop", IBAN: "DE89370400440532013000"}
)

func of(t *testing.T, minor int64, currency string) money.Amount {
	t.Helper()
	c, err := money.ParseCurrency(currency)
	if err != nil {
		t.Fatal(err)
	}
	return money.Of(minor, c)
}

func TestOnAccountIsAPaymentByHand(t *testing.T) {
	cash, err := OnDelivery(good)
	if err != nil {
		t.Fatal(err)
	}
	invoice, err := Invoice(good, account, 14)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Provider{cash, invoice} {
		t.Run(p.Name(), func(t *testing.T) {
			paymenttest.RunByHand(t, p, func(order string, attempt int) payment.Request {
				return payment.Request{OrderID: order, OrderNumber: "K7Q2M-9F3X" + order[len(order)-1:], Attempt: attempt, Amount: of(t, 4800, "EUR"), ExpiresAt: time.Unix(1, 0)}
			})
			if terms := p.Terms(); !terms.OnAccount || (terms.Due == 0) != (p == cash) {
				t.Errorf("got %+v", terms)
			}
			for name, row := range map[string]struct {
				total   money.Amount
				country string
				sent    bool
				want    bool
			}{
				"as much as it may": {of(t, 20050, "EUR"), "DE", true, true},
				"to the other":      {of(t, 1, "EUR"), "AT", true, true},
				"a cent more":       {of(t, 20051, "EUR"), "DE", true, false},
				"elsewhere":         {of(t, 100, "EUR"), "FR", true, false},
				"nowhere":           {of(t, 100, "EUR"), "", true, false},
				"lower case":        {of(t, 100, "EUR"), "de", true, false},
				"nothing is sent":   {of(t, 100, "EUR"), "DE", false, false},
				"without decimals":  {of(t, 100, "JPY"), "DE", true, false}, // 200.50 is no amount of yen
			} {
				if got := p.Takes(row.total, row.country, row.sent); got != row.want {
					t.Errorf("%s: got %v, want %v", name, got, row.want)
				}
			}
			if p.Fits("", of(t, 0, "EUR").Currency()) != nil || p.Fits("", of(t, 0, "JPY").Currency()) == nil {
				t.Error("the limit is of another currency")
			}
		})
	}
}

// Both are off until the merchant has said how much and where.
func TestNobodyBuysOnAccountWithoutLimits(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no limit":     func(c *Config) { c.Limit = "" },
		"no countries": func(c *Config) { c.Countries = nil },
		"a word":       func(c *Config) { c.Countries = []string{"Germany"} },
		"everywhere":   func(c *Config) { c.Countries = []string{"*"} },
		"no mode":      func(c *Config) { c.Mode = "" },
	} {
		c := good
		change(&c)
		_, err := OnDelivery(c)
		_, err2 := Invoice(c, account, 14)
		if err == nil || err2 == nil {
			t.Errorf("%s: got %v and %v", name, err, err2)
		}
	}
	if _, err := Invoice(good, payment.Account{}, 14); err == nil {
		t.Error("an invoice that nobody knows where to pay")
	}
	for _, days := range []int{0, -1, MaxDays + 1} {
		if _, err := Invoice(good, account, days); err == nil {
			t.Errorf("due after %d days", days)
		}
	}
	for _, limit := range []string{"0", "-1", "much", "1e9"} {
		c := good
		c.Limit = limit
		p, err := OnDelivery(c)
		if err == nil && p.Fits("", of(t, 0, "EUR").Currency()) == nil {
			t.Errorf("the limit %q was taken", limit)
		}
	}
	c := good
	c.Mode = payment.ModeTest
	if p, err := OnDelivery(c); err != nil || !strings.Contains(p.Title(), "test") {
		t.Errorf("got %v", err)
	}
}
