package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// CartRow is a cart without its lines.
type CartRow struct {
	ID        cart.ID
	State     cart.State
	OrderID   string
	Checkout  cart.Checkout
	Typed     bool   // something personal is sealed with it
	Estimate  string // country that delivery was estimated for; "" for none
	Credits   []CartCredit
	Codes     []string // words of the discount codes in it
	Quoted    int64    // the total that was last shown with complete details, in minor units
	ExpiresAt time.Time
}

var errNoCart = fault.Missing("We cannot find that cart. It may have ended.")

// cartMAC is what is kept of a cart's token: a keyed hash over the cart's id
// and the token, so that who can write the database can't graft a token.
func (db *DB) cartMAC(id cart.ID, token string) []byte {
	mac := db.keys.Token.Sum("cart token v1", []byte(id), []byte(token))
	return mac[:]
}

// NewCart writes an empty cart, whose only credential is token.
func (t *Tx) NewCart(id cart.ID, token string) (CartRow, error) {
	row := CartRow{ID: id, State: cart.Open, ExpiresAt: t.now.Add(cart.IdleAfter)}
	return row, t.later("new cart", nil, `INSERT INTO carts (owner, token_mac, state, order_id, country, shipping_method, complete, quoted, created_at, updated_at, expires_at)
		VALUES ($1, $2, 'open', '', '', '', FALSE, 0, $3, $3, $4)`,
		string(id), t.db.cartMAC(id, token), ms(t.now), ms(row.ExpiresAt))
}

// Cart returns the cart that token opens. An unknown cart, another's and one
// that has ended answer alike. In a transaction the row is locked.
func (v *View) Cart(id cart.ID, token string) (CartRow, error) {
	c, mac, err := scanCart(id, v.row(selectCart+v.forUpdate(), string(id)))
	if err != nil {
		return CartRow{}, err
	}
	return c, v.mayOpen(c, mac, token)
}

// CartLater is Cart whose row is there as soon as the next question has been
// answered: both travel together. It must also pass check, or all that was
// done meanwhile is undone.
func (t *Tx) CartLater(id cart.ID, token string, check func(CartRow) error) (*CartRow, error) {
	var c CartRow
	return &c, t.laterRow(func(r row) (err error) {
		var mac []byte
		if c, mac, err = scanCart(id, r); err != nil {
			return err
		}
		if err := t.mayOpen(c, mac, token); err != nil {
			return err
		}
		return check(c)
	}, selectCart+t.forUpdate(), string(id))
}

// mayOpen checks the token against what is kept of it, and that the cart has
// not ended.
func (v *View) mayOpen(c CartRow, mac []byte, token string) error {
	if !v.db.keys.Token.Matches(mac, "cart token v1", []byte(c.ID), []byte(token)) || !c.ExpiresAt.After(v.now) {
		return errNoCart
	}
	return nil
}

// OwnCart returns the cart of an order that is being carried out; who may do
// that was checked when it began.
func (t *Tx) OwnCart(id cart.ID) (CartRow, error) {
	c, _, err := scanCart(id, t.row(selectCart+t.forUpdate(), string(id)))
	return c, err
}

const selectCart = `SELECT token_mac, state, order_id, country, region, zone, shipping_method, delivery_window, reverse_charge, complete, typed, estimate, codes, credits, quoted, expires_at FROM carts WHERE owner = $1`

func scanCart(id cart.ID, r row) (c CartRow, mac []byte, err error) {
	var expires int64
	var codes, credits string
	c.ID = id
	k := &c.Checkout
	err = r.Scan(&mac, &c.State, &c.OrderID, &k.Country, &k.Region, &k.Zone, &k.ShippingMethod, &k.Window, &k.Reverse, &k.Complete, &c.Typed, &c.Estimate, &codes, &credits, &c.Quoted, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return CartRow{}, nil, errNoCart
	}
	if err != nil {
		return CartRow{}, nil, fmt.Errorf("read cart: %w", err)
	}
	c.ExpiresAt, c.Codes = when(expires), strings.Fields(codes)
	c.Credits, err = cartCredits(credits)
	return c, mac, err
}

// Rekey makes token the only one that opens a cart; the one before is dead at
// once.
func (t *Tx) Rekey(id cart.ID, token string) error {
	if _, err := t.exec(`UPDATE carts SET token_mac = $2 WHERE owner = $1`, string(id), t.db.cartMAC(id, token)); err != nil {
		return fmt.Errorf("rekey cart: %w", err)
	}
	return nil
}

// CartLines returns the lines of a cart at today's prices, those saved for
// later among them, without their pictures.
func (v *View) CartLines(id cart.ID) ([]cart.Line, error) {
	rows, err := v.rows(`SELECT l.id, l.variant, l.quantity, p.handle, p.title, v.option_values, v.sku, v.price, v.currency, v.sold AND p.published,
			v.grams, v.tax_class, v.virtual, l.seen, l.saved, s.counted, s.on_hand, s.held, s.backorder
		FROM cart_lines l
		JOIN variants v ON v.id = l.variant
		JOIN products p ON p.id = v.product
		JOIN stock s ON s.variant = l.variant
		WHERE l.owner = $1 ORDER BY l.id`, string(id))
	if err != nil {
		return nil, fmt.Errorf("read cart lines: %w", err)
	}
	defer rows.Close()
	var out []cart.Line
	for rows.Next() {
		var l cart.Line
		var values, currency string
		var price, seen int64
		err := rows.Scan(&l.ID, &l.Variant, &l.Quantity, &l.Handle, &l.Title, &values, &l.SKU, &price, &currency, &l.Sold,
			&l.Grams, &l.TaxClass, &l.Virtual, &seen, &l.Saved, &l.Stock.Counted, &l.Stock.OnHand, &l.Stock.Held, &l.Stock.Backorder)
		if err != nil {
			return nil, fmt.Errorf("read cart lines: %w", err)
		}
		if err := priceLine(&l, values, price, currency); err != nil {
			return nil, fmt.Errorf("price cart line: %w", err)
		}
		if seen >= 0 && seen != price {
			l.Was = money.Of(seen, l.Unit.Currency())
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// LinePictures returns the picture of each line that has one.
func (v *View) LinePictures(id cart.ID) (map[cart.LineID]catalog.Picture, error) {
	rows, err := v.rows(`SELECT l.id, i.url, i.alt, COALESCE(f.hash, ''), COALESCE(f.type, ''), COALESCE(f.sizes, '')
		FROM cart_lines l
		JOIN variants v ON v.id = l.variant
		JOIN pictures i ON i.product = v.product AND i.position = 0
		LEFT JOIN fetched f ON f.source = i.source
		WHERE l.owner = $1`, string(id))
	if err != nil {
		return nil, fmt.Errorf("read pictures of cart lines: %w", err)
	}
	defer rows.Close()
	out := map[cart.LineID]catalog.Picture{}
	for rows.Next() {
		var line cart.LineID
		var p catalog.Picture
		var hash, typ, sizes string
		if err := rows.Scan(&line, &p.URL, &p.Alt, &hash, &typ, &sizes); err != nil {
			return nil, fmt.Errorf("read pictures of cart lines: %w", err)
		}
		showFetched(&p, hash, typ, sizes)
		out[line] = p
	}
	return out, rows.Err()
}

// AddToCart adds units of a variant; one that is there already raises its line,
// and one that was saved for later comes back in this quantity. Today's price
// has been seen by whoever adds.
func (t *Tx) AddToCart(id cart.ID, variant catalog.VariantID, quantity int64) error {
	return t.later("add to cart", func() error { return t.whyNotAdded(id, variant) }, `INSERT INTO cart_lines (owner, id, variant, quantity, added_at, seen)
		SELECT $1, $2, v.id, CAST($4 AS BIGINT), CAST($5 AS BIGINT), v.price FROM variants v JOIN products p ON p.id = v.product WHERE v.id = $3 AND v.sold AND p.published
		ON CONFLICT (owner, variant) DO UPDATE SET seen = excluded.seen, saved = FALSE,
			quantity = CASE WHEN cart_lines.saved THEN excluded.quantity ELSE cart_lines.quantity + excluded.quantity END
			WHERE cart_lines.saved OR cart_lines.quantity + excluded.quantity <= 999`,
		string(id), NewID(), string(variant), quantity, ms(t.now))
}

// whyNotAdded tells the two reasons apart for which nothing was added.
func (t *Tx) whyNotAdded(id cart.ID, variant catalog.VariantID) error {
	var there int64
	if err := t.row(`SELECT count(*) FROM variants v JOIN products p ON p.id = v.product WHERE v.id = $1 AND v.sold AND p.published`, string(variant)).Scan(&there); err != nil {
		return fmt.Errorf("add to cart: %w", err)
	}
	if there == 0 {
		return fault.Field("variant_id", "We do not sell that. Please choose another one.")
	}
	return fault.Field("quantity", "A cart holds at most 999 of one thing.")
}

var errNoLine = fault.Missing("That is not in your cart any more.")

// SetQuantity sets the quantity of a line.
func (t *Tx) SetQuantity(id cart.ID, line cart.LineID, quantity int64) error {
	return t.later("set quantity", func() error { return errNoLine }, `UPDATE cart_lines SET quantity = $3 WHERE owner = $1 AND id = $2 AND NOT saved`, string(id), string(line), quantity)
}

// RemoveLine takes a line out of the cart.
func (t *Tx) RemoveLine(id cart.ID, line cart.LineID) error {
	return t.later("remove line", func() error { return errNoLine }, `DELETE FROM cart_lines WHERE owner = $1 AND id = $2`, string(id), string(line))
}

// SetAside moves a line between the cart and what is saved for later. Whoever
// moves it has seen today's price.
func (t *Tx) SetAside(id cart.ID, line cart.LineID, saved bool) error {
	return t.later("set line aside", func() error { return errNoLine }, `UPDATE cart_lines SET saved = $3, seen = COALESCE((SELECT v.price FROM variants v WHERE v.id = cart_lines.variant), seen)
		WHERE owner = $1 AND id = $2`, string(id), string(line), saved)
}

// SeePrices takes today's prices of all lines as seen.
func (t *Tx) SeePrices(id cart.ID) error {
	return t.later("accept prices", nil, `UPDATE cart_lines SET seen = COALESCE((SELECT v.price FROM variants v WHERE v.id = cart_lines.variant), seen)
		WHERE owner = $1 AND NOT saved`, string(id))
}

// SaveCart writes the cart's own row back and moves its end date: it was used.
func (t *Tx) SaveCart(c CartRow) (CartRow, error) {
	c.ExpiresAt = t.now.Add(cart.IdleAfter)
	k := c.Checkout
	err := t.later("save cart", nil, `UPDATE carts SET state = $2, order_id = $3, country = $4, region = $5, zone = $6, shipping_method = $7, delivery_window = $8, reverse_charge = $9,
			complete = $10, quoted = $11, updated_at = $12, expires_at = $13, typed = $14, estimate = $15, codes = $16, credits = $17 WHERE owner = $1`,
		string(c.ID), string(c.State), c.OrderID, k.Country, k.Region, k.Zone, k.ShippingMethod, k.Window, k.Reverse, k.Complete, c.Quoted, ms(t.now), ms(c.ExpiresAt), c.Typed, c.Estimate, strings.Join(c.Codes, " "), creditWords(c.Credits))
	if err != nil {
		return CartRow{}, fmt.Errorf("save cart: %w", err)
	}
	if f, ok := t.folders[string(c.ID)+"/"+string(c.ID)]; ok && f.dossiers[cartPurpose].Key != nil {
		return c, nil // typed in this very transaction, with that end
	}
	if !c.Typed || c.State != cart.Open || t.db.plain {
		return c, nil // nothing was typed yet, or it is sealed with the order now
	}
	// What was typed lives as long as its cart, or the cart could never be ordered.
	terms, err := personal.TermsOf(cartPurpose)
	if err != nil {
		return CartRow{}, err
	}
	if err := t.keepUntil(string(c.ID), string(c.ID), cartPurpose, terms.Keep.After(t.now)); err != nil {
		return CartRow{}, fmt.Errorf("save cart: %w", err)
	}
	return c, nil
}

// Why a cart ends: somebody cleared it, a person is erased, or nobody used it.
const (
	CartCleared = "cleared"
	CartErased  = "erased"
	CartExpired = "expired"
)

// EndCarts removes carts with all that hangs on them and destroys their dossiers.
// The events say why: cleared, erased or expired. One that somebody wished to be
// gone stays so after a restore.
func (t *Tx) EndCarts(why string, ids ...cart.ID) error {
	if err := t.dropCarts(ids); err != nil {
		return err
	}
	for _, id := range ids {
		if why != CartExpired {
			if err := t.wished(string(id), string(id), cartPurpose); err != nil {
				return err
			}
		}
		if err := t.endCase(string(id), string(id), cartPurpose); err != nil {
			return err
		}
		if err := t.cartEnded(string(id), why); err != nil {
			return err
		}
	}
	return nil
}

// dropCarts removes the rows of carts.
func (t *Tx) dropCarts(ids []cart.ID) error {
	for page := range slices.Chunk(ids, many) {
		for _, table := range []string{"cart_lines", "idempotency", "cart_details", "carts"} {
			if err := t.later("end carts", nil, `DELETE FROM `+table+` WHERE owner IN `+marks(0, many), texts(page)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tx) cartEnded(id, why string) error { return t.Event("cart."+why, id, id, "") }

// EndedCarts returns up to limit carts whose end date has passed.
func (v *View) EndedCarts(limit int) ([]cart.ID, error) {
	rows, err := v.rows(`SELECT owner FROM carts WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`, ms(v.now), limit)
	if err != nil {
		return nil, fmt.Errorf("list ended carts: %w", err)
	}
	return column[cart.ID](rows)
}

// column reads rows of one text.
func column[T ~string | ~int64](rows rows) ([]T, error) {
	defer rows.Close()
	var out []T
	for rows.Next() {
		var s T
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// priceLine completes a line from the catalogue's values.
func priceLine(l *cart.Line, values string, price int64, currency string) error {
	var options []string
	if err := json.Unmarshal([]byte(values), &options); err != nil {
		return err
	}
	if len(options) > 0 {
		l.Title += ", " + strings.Join(options, " / ")
	}
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return err
	}
	l.Unit = money.Of(price, c)
	l.Total, err = l.Unit.Times(l.Quantity)
	return err
}
