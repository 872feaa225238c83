package app

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	liveKey = "sk_live_0123456789abcdefghij"
	testKey = "rk_test_0123456789abcdefghij"
	hook    = "whsec_0123456789abcdefghijklmnop"
)

// TestPaymentServicesNeedTheirSecrets: half a set of keys, or keys of the other
// mode, are no settings.
func TestPaymentServicesNeedTheirSecrets(t *testing.T) {
	for name, row := range map[string]struct {
		paying Paying
		hold   time.Duration
		want   string // in what is wrong; "" when nothing is
	}{
		"nothing":                          {Paying{PaymentMode: "live"}, time.Minute, ""},
		"live":                             {Paying{PaymentMode: "live", StripeKey: liveKey, StripeSecret: hook}, time.Minute, ""},
		"test":                             {Paying{PaymentMode: "test", StripeKey: testKey, StripeSecret: hook}, time.Minute, ""},
		"a test key in a live shop":        {Paying{PaymentMode: "live", StripeKey: testKey, StripeSecret: hook}, time.Minute, "stripe-key: stripe: the key is of test mode"},
		"a live key in test mode":          {Paying{PaymentMode: "test", StripeKey: liveKey, StripeSecret: hook}, time.Minute, "the key is of live mode"},
		"no secret":                        {Paying{PaymentMode: "live", StripeKey: liveKey}, time.Minute, "whsec_"},
		"no key":                           {Paying{PaymentMode: "live", StripeSecret: hook}, time.Minute, "a key begins with"},
		"an account alone":                 {Paying{PaymentMode: "live", StripeAccount: "acct_1"}, time.Minute, "a key begins with"},
		"a hold that outlives every page":  {Paying{PaymentMode: "live", StripeKey: liveKey, StripeSecret: hook}, 24 * time.Hour, "hold:"},
		"the two in each other's place":    {Paying{PaymentMode: "live", StripeKey: hook, StripeSecret: liveKey}, time.Minute, "a key begins with"},
		"a publishable key instead of one": {Paying{PaymentMode: "live", StripeKey: "pk_live_0123456789abcdefghij", StripeSecret: hook}, time.Minute, "a key begins with"},
	} {
		list, err := row.paying.services("https://shop.example", row.hold)
		if row.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), row.want) || len(list) != 0 {
			t.Errorf("%s: got %d services, %v, want %q", name, len(list), err, row.want)
		} else if strings.Contains(err.Error(), "0123") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

// TestAShopOffersWhatItCanTake: enabled, and without keys or with a statement
// that the provider refuses, it does not start.
func TestAShopOffersWhatItCanTake(t *testing.T) {
	stripe := Paying{PaymentMode: "live", StripeKey: liveKey, StripeSecret: hook}
	eur, _ := money.ParseCurrency("EUR")
	ugx, _ := money.ParseCurrency("UGX")
	for name, row := range map[string]struct {
		paying Paying
		shop   store.Settings
		want   string
	}{
		"fine":                      {stripe, store.Settings{Providers: []string{"stripe"}, Descriptor: "CORNER SHOP", Currency: eur}, ""},
		"nothing offered":           {Paying{PaymentMode: "live"}, store.Settings{Descriptor: "X", Currency: eur}, ""},
		"no keys":                   {Paying{PaymentMode: "live"}, store.Settings{Providers: []string{"stripe"}, Descriptor: "CORNER SHOP", Currency: eur}, "stripe is not set up"},
		"unknown":                   {stripe, store.Settings{Providers: []string{"stripe", "gold"}, Descriptor: "CORNER SHOP", Currency: eur}, "gold is not set up"},
		"the sandbox":               {stripe, store.Settings{Providers: []string{"sandbox"}, Descriptor: "CORNER SHOP", Currency: eur}, "sandbox is not set up"},
		"a statement too short":     {stripe, store.Settings{Providers: []string{"stripe"}, Descriptor: "SHOP", Currency: eur}, "5 to 22"},
		"a statement of no letters": {stripe, store.Settings{Providers: []string{"stripe"}, Descriptor: "12345", Currency: eur}, "5 to 22"},
		"a statement too long":      {stripe, store.Settings{Providers: []string{"stripe"}, Descriptor: strings.Repeat("A", 23), Currency: eur}, "5 to 22"},
		"a statement with a star":   {stripe, store.Settings{Providers: []string{"stripe"}, Descriptor: "CORNER*SHOP", Currency: eur}, "5 to 22"},
		"a currency of no use":      {stripe, store.Settings{Providers: []string{"stripe"}, Descriptor: "CORNER SHOP", Currency: ugx}, "UGX"},
	} {
		list, err := row.paying.services("https://shop.example", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		err = offered(list, row.shop)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: got %v, want %q", name, err, row.want)
		}
	}
}
