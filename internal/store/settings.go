package store

import (
	"context"
	"fmt"
	"sync"
	"time"

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
	Shipping   shipping.Methods
	Providers  []string // enabled payment providers, the first is the default
	Seller     Seller
	Zone       *time.Location // in which days and times are told; never nil
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
			db.snap.value, err = v.settings()
			return err
		})
		if err != nil {
			return Settings{}, err
		}
		db.snap.until = now.Add(settingsAge)
	}
	return db.snap.value, nil
}

// ForgetSettings makes the next Settings read them afresh, after a change here.
func (db *DB) ForgetSettings() {
	db.snap.mu.Lock()
	defer db.snap.mu.Unlock()
	db.snap.until = time.Time{}
}

func (v *View) settings() (Settings, error) {
	words := map[string]string{}
	rows, err := v.rows(`SELECT name, value FROM settings`)
	if err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return Settings{}, fmt.Errorf("read settings: %w", err)
		}
		words[name] = value
	}
	if err := rows.Err(); err != nil {
		return Settings{}, fmt.Errorf("read settings: %w", err)
	}
	s := Settings{
		ShopName: words["shop.name"], Tagline: words["shop.tagline"], Home: words["shop.country"],
		Descriptor: words["shop.descriptor"], Contact: words["shop.contact"], Demo: words["shop.demo"] == "true",
		Tax: tax.Policy{Included: words["tax.included"] != "false", Home: words["shop.country"]},
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
	if p := words["payment.providers"]; p != "" {
		s.Providers = splitWords(p)
	}
	if s.Tax.Table, err = v.taxTable(); err != nil {
		return Settings{}, err
	}
	s.Shipping, err = v.shippingMethods(s.Currency)
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

// SetTax writes the tax rate of a country.
func (t *Tx) SetTax(country string, rate money.Rate) error {
	_, err := t.exec(`INSERT INTO tax_rates (country, rate) VALUES ($1, $2) ON CONFLICT (country) DO UPDATE SET rate = excluded.rate`, country, int64(rate))
	if err != nil {
		return fmt.Errorf("set tax of %s: %w", country, err)
	}
	return t.Event("setting.changed", "", "tax."+country, "")
}

func (v *View) taxTable() (tax.Table, error) {
	rows, err := v.rows(`SELECT country, rate FROM tax_rates`)
	if err != nil {
		return nil, fmt.Errorf("read tax rates: %w", err)
	}
	defer rows.Close()
	var rules []tax.Rule
	for rows.Next() {
		var r tax.Rule
		if err := rows.Scan(&r.Country, &r.Rate); err != nil {
			return nil, fmt.Errorf("read tax rates: %w", err)
		}
		rules = append(rules, r)
	}
	return tax.Table(rules), rows.Err()
}

// SetShipping writes a delivery method with its prices by country; "*" stands
// for every other country.
func (t *Tx) SetShipping(m shipping.Method, position int) error {
	_, err := t.exec(`INSERT INTO shipping_methods (id, title, position) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, position = excluded.position`, m.ID, m.Title, position)
	if err != nil {
		return fmt.Errorf("set shipping %s: %w", m.ID, err)
	}
	if _, err := t.exec(`DELETE FROM shipping_prices WHERE method = $1`, m.ID); err != nil {
		return fmt.Errorf("set shipping %s: %w", m.ID, err)
	}
	for country, price := range m.Prices {
		if _, err := t.exec(`INSERT INTO shipping_prices (method, country, price) VALUES ($1, $2, $3)`, m.ID, country, price.Minor()); err != nil {
			return fmt.Errorf("set shipping %s: %w", m.ID, err)
		}
	}
	return t.Event("setting.changed", "", "shipping."+m.ID, "")
}

func (v *View) shippingMethods(c money.Currency) (shipping.Methods, error) {
	rows, err := v.rows(`SELECT m.id, m.title, p.country, p.price FROM shipping_methods m JOIN shipping_prices p ON p.method = m.id ORDER BY m.position, m.id`)
	if err != nil {
		return nil, fmt.Errorf("read shipping: %w", err)
	}
	defer rows.Close()
	var out shipping.Methods
	for rows.Next() {
		var id, title, country string
		var price int64
		if err := rows.Scan(&id, &title, &country, &price); err != nil {
			return nil, fmt.Errorf("read shipping: %w", err)
		}
		if n := len(out); n == 0 || out[n-1].ID != id {
			out = append(out, shipping.Method{ID: id, Title: title, Prices: map[string]money.Amount{}})
		}
		out[len(out)-1].Prices[country] = money.Of(price, c)
	}
	return out, rows.Err()
}
