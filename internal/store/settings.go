package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// Settings are the shop's choices: few, read with every cart, changed rarely.
type Settings struct {
	ShopName   string
	Tagline    string
	Currency   money.Currency
	Home       string // ISO 3166-1 alpha-2: taxes before the destination is known
	Descriptor string // what a bank statement will show
	Contact    string // where a shopper writes to
	Demo       bool   // made by cartkeep demo: the sandbox provider is enabled
	Tax        tax.Policy
	Shipping   shipping.Plan
	Providers  []string // enabled payment providers, the first is the default
	Seller     Seller
	Zone       *time.Location  // in which days and times are told; never nil
	Texts      map[string]Text // the legal ones there are, by name
	TakeLater  bool            // money is reserved when somebody pays, and taken when the goods are sent
	Closed     bool            // nobody can order or pay: the payment pages are not as they should be
	MustTick   bool            // the terms are accepted with a tick of their own
	Embeds     []string        // origins whose pages may show the shop's buttons
	Codes      discount.Codes  // never changed in place: copies share it

	codesVersion string // names the state of the table that Codes was read from
}

// Seller is who sells, as the imprint and every invoice must say (Directive
// 2000/31/EC Art. 5; VAT Directive Art. 226). What is not set is "".
type Seller struct {
	Name     string // the legal name, which may differ from the shop's
	Address  string // lines joined by line breaks
	Email    string
	Phone    string
	VAT      string // VAT identification number
	Register string // such as "Local court of Lübeck, HRB 1234"
}

const settingsAge = time.Second

// settingsCache keeps the settings for a second, so that another node's change
// is seen soon and a cart does not read six tables.
type settingsCache struct {
	mu    sync.Mutex
	value Settings
	until time.Time
}

// Settings returns the shop's settings as of at most a second ago.
func (db *DB) Settings(ctx context.Context) (Settings, error) {
	db.snap.mu.Lock()
	defer db.snap.mu.Unlock()
	if now := time.Now(); now.After(db.snap.until) {
		err := db.View(ctx, func(v *View) (err error) {
			db.snap.value, err = v.settings(db.snap.value)
			return err
		})
		if err != nil {
			return Settings{}, err
		}
		db.snap.until = now.Add(settingsAge)
	}
	return db.snap.value, nil
}

// PaymentMark is the word by which payment services tell this shop's payments from
// others of the same account. It is drawn once and stays: with another domain, and
// in a restored shop.
func (db *DB) PaymentMark(ctx context.Context) (mark string, err error) {
	err = db.InTx(ctx, ledger.System("payment"), func(t *Tx) error {
		err := t.row(`INSERT INTO settings (name, value) VALUES ('payment.mark', $1) ON CONFLICT (name) DO UPDATE SET value = settings.value RETURNING value`, NewID()).Scan(&mark)
		if err != nil {
			return fmt.Errorf("read the shop's word for payments: %w", err)
		}
		return nil
	})
	return mark, err
}

// ForgetSettings makes the next Settings read them afresh, after a change here.
func (db *DB) ForgetSettings() {
	db.snap.mu.Lock()
	defer db.snap.mu.Unlock()
	db.snap.until = time.Time{}
}

// SettingWords returns every setting that is one text, by its stored name.
func (v *View) SettingWords() (map[string]string, error) {
	words := map[string]string{}
	rows, err := v.rows(`SELECT name, value FROM settings`)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read settings: %w", err)
		}
		words[name] = value
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return words, nil
}

// Settings returns the shop's settings as they are now. DB.Settings is quicker
// where a second does not matter.
func (v *View) Settings() (Settings, error) { return v.settings(Settings{}) }

// settings reads them; codes that have not changed since before are taken from there.
func (v *View) settings(before Settings) (Settings, error) {
	words, err := v.SettingWords()
	if err != nil {
		return Settings{}, err
	}
	s := Settings{
		ShopName: words["shop.name"], Tagline: words["shop.tagline"], Home: words["shop.country"],
		Descriptor: words["shop.descriptor"], Contact: words["shop.contact"], Demo: words["shop.demo"] == "true",
		Tax: tax.Policy{Included: words["tax.included"] != "false", Home: words["shop.country"], HomeInEU: words["tax.home_in_eu"] == "true",
			ReverseCharge: words["tax.reverse_charge"] == "true", Delivery: words["tax.delivery"]},
	}
	if code := words["shop.currency"]; code != "" {
		if s.Currency, err = money.ParseCurrency(code); err != nil {
			return Settings{}, fmt.Errorf("setting shop.currency: %w", err)
		}
	}
	s.Seller = Seller{Name: words["seller.name"], Address: words["seller.address"], Email: words["seller.email"],
		Phone: words["seller.phone"], VAT: words["seller.vat"], Register: words["seller.register"]}
	if s.Zone, err = time.LoadLocation(words["shop.zone"]); err != nil { // "" is UTC
		return Settings{}, fmt.Errorf("setting shop.zone: %w", err)
	}
	s.MustTick, s.Embeds = words["terms.must_tick"] == "true", strings.Fields(words["embed.origins"])
	s.TakeLater = words["payment.capture"] == "when-sent"
	if words["payment.close_on_foreign"] == "true" {
		if s.Closed, err = v.pagesForeign(); err != nil {
			return Settings{}, err
		}
	}
	if s.Texts, err = v.texts(); err != nil {
		return Settings{}, err
	}
	if p := words["payment.providers"]; p != "" {
		s.Providers = splitWords(p)
	}
	if s.Tax.Rules, err = v.taxRules(); err != nil {
		return Settings{}, err
	}
	if s.Tax.Regions, err = v.taxRegions(); err != nil {
		return Settings{}, err
	}
	s.codesVersion = words[codesSetting]
	if s.Codes = before.Codes; s.codesVersion != before.codesVersion {
		if s.Codes, err = v.codes(s.Currency); err != nil {
			return Settings{}, err
		}
	}
	s.Shipping, err = v.shippingPlan(s.Currency)
	return s, err
}

// Set writes one setting and its event.
func (t *Tx) Set(name, value string) error {
	_, err := t.exec(`INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return t.Event("setting.changed", "", name, "")
}
