package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// openOrder is how long an order may take until it is delivered, at most. Its
// dossiers' end dates count from there until the real date is known; retention
// pushes them out while an order is open.
const openOrder = 60 * 24 * time.Hour

var errNoOrder = fault.Missing("We cannot find that order.")

// orderEnds gives the end dates of the dossiers that an order opens.
func orderEnds(d order.Details, placed time.Time) (map[personal.Purpose]time.Time, error) {
	purposes := []personal.Purpose{personal.Fulfilment, personal.Invoicing, personal.Payment}
	if !d.Phone.IsZero() || !d.Note.IsZero() {
		purposes = append(purposes, personal.CourierUse)
	}
	if d.Gift() {
		purposes = append(purposes, personal.Gift)
	}
	ends := map[personal.Purpose]time.Time{}
	for _, p := range purposes {
		terms, err := personal.TermsOf(p)
		if err != nil {
			return nil, err
		}
		from := placed.Add(openOrder)
		switch p {
		case personal.Payment:
			from = placed // it is paid within minutes, or not at all
		case personal.Invoicing:
			from = time.Date(placed.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		ends[p] = terms.Keep.After(from)
	}
	return ends, nil
}

// InsertOrder writes a new order with its lines and seals its details, each
// under the dossier of its purpose. The order's number leads to its owner.
// sums is the total by tax class and rate.
func (t *Tx) InsertOrder(o order.Order, cartID cart.ID, d order.Details, sums []tax.Tax) error {
	if err := t.putOrder(o, cartID); err != nil {
		return err
	}
	if err := t.putLines(o); err != nil {
		return err
	}
	if err := t.putTaxes(o.Owner, string(o.ID), sums); err != nil {
		return err
	}
	if err := t.putDetails(o, d); err != nil {
		return err
	}
	if err := t.listOrder(string(o.Number), o.Owner, string(o.ID)); err != nil {
		return err
	}
	return t.Event("order.placed", o.Owner, string(o.ID), "")
}

func (t *Tx) putOrder(o order.Order, cartID cart.ID) error {
	s := o.Totals
	return t.later("insert order", nil, `INSERT INTO orders (owner, id, number, cart, status, currency, country, region, reverse_charge, items, discount, shipping, tax, total, tax_included,
			shipping_method, delivery_window, payment_method, accepted, placed_at, hold_until, updated_at, codes, credits, on_account)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $20, $22, $23, $24)`,
		o.Owner, string(o.ID), string(o.Number), string(cartID), string(o.Status), s.Total.Currency().Code(), o.Country, o.Region, o.Reverse,
		s.Items.Minor(), s.Discount.Minor(), s.Shipping.Minor(), s.Tax.Minor(), s.Total.Minor(), s.TaxIncluded,
		o.ShippingMethod, o.Window, o.PaymentMethod, o.Accepted, ms(o.PlacedAt), ms(o.HoldUntil), usedWords(o.Codes), paidWords(o.Credits), o.OnAccount)
}

func (t *Tx) putLines(o order.Order) error {
	var values []string
	var args []any
	for i, l := range o.Lines {
		values = append(values, marks(len(args), 13))
		args = append(args, o.Owner, string(o.ID), i, string(l.Variant), l.Handle, l.Title, l.SKU, l.Quantity, l.Unit.Minor(), l.Total.Minor(), l.Tax.Minor(), int64(l.TaxRate), l.TaxClass)
	}
	return t.later("insert order lines", nil, `INSERT INTO order_lines (owner, order_id, position, variant, handle, title, sku, quantity, unit_price, total, tax, tax_rate, tax_class) VALUES `+strings.Join(values, ", "), args...)
}

// marks writes n placeholders after the first `after`: "($3, $4)".
func marks(after, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", after+i+1)
	}
	return "(" + b.String() + ")"
}

func (t *Tx) putDetails(o order.Order, d order.Details) error {
	ends, err := orderEnds(d, o.PlacedAt)
	if err != nil {
		return err
	}
	f := t.newFolder(o.Owner, string(o.ID)) // an order that is new has none yet
	if err := t.newDossiers(f, o.Owner, string(o.ID), ends); err != nil {
		return err
	}
	ful, cou, inv, gift := f.open(personal.Fulfilment), f.open(personal.CourierUse), f.open(personal.Invoicing), f.open(personal.Gift)
	s := sealer{row: string(o.ID)}
	args := []any{o.Owner, string(o.ID),
		put(&s, ful, personal.OrderEmail, d.Email), put(&s, ful, personal.OrderName, d.Name), put(&s, ful, personal.OrderShipTo, d.ShipTo),
		put(&s, cou, personal.OrderPhone, d.Phone), put(&s, cou, personal.OrderNote, d.Note),
		put(&s, inv, personal.OrderInvoiceName, d.Name), put(&s, inv, personal.OrderBillTo, d.Billing()),
		put(&s, ful, personal.OrderOrderNote, d.OrderNote), put(&s, gift, personal.OrderGiftName, d.GiftName), put(&s, gift, personal.OrderGiftMessage, d.GiftMessage),
		put(&s, inv, personal.OrderVAT, d.VAT)}
	if s.err != nil {
		return fmt.Errorf("seal order: %w", s.err)
	}
	err = t.later("insert order details", nil, `INSERT INTO order_details (owner, order_id, email, name, ship_to, phone, note, invoice_name, bill_to, order_note, gift_name, gift_message, vat)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, args...)
	if err != nil {
		return err
	}
	keys, err := t.living()
	if err != nil {
		return err
	}
	if err := t.identify(keys, personal.EmailIndex, d.Email.Key(), o.Owner, f.ids[personal.Fulfilment]); err != nil {
		return err
	}
	// A use may be older than a living key.
	for _, c := range o.Codes {
		if err := t.countCustomer(keys, c.Key, string(o.ID), d.Email); err != nil {
			return err
		}
	}
	return nil
}

// Order returns an order by its owner and id, without its people. In a
// transaction the row is locked.
func (v *View) Order(owner string, id order.ID) (order.Order, error) {
	o := order.Order{ID: id, Owner: owner}
	var currency, codes, credits string
	var items, discount, ship, tax, total, placed, hold, updated int64
	var paid, packed, shipped, delivered, cancelled, refunded, due int64
	err := v.row(`SELECT number, status, currency, country, region, reverse_charge, items, discount, shipping, tax, total, tax_included,
			shipping_method, delivery_window, payment_method, accepted, placed_at, hold_until, updated_at,
			paid_at, packed_at, shipped_at, delivered_at, cancelled_at, refunded_at, cancelled_why, carrier, codes, credits, on_account, due_at
		FROM orders WHERE owner = $1 AND id = $2`+v.forUpdate(), owner, string(id)).
		Scan(&o.Number, &o.Status, &currency, &o.Country, &o.Region, &o.Reverse, &items, &discount, &ship, &tax, &total, &o.Totals.TaxIncluded,
			&o.ShippingMethod, &o.Window, &o.PaymentMethod, &o.Accepted, &placed, &hold, &updated,
			&paid, &packed, &shipped, &delivered, &cancelled, &refunded, &o.Why, &o.Carrier, &codes, &credits, &o.OnAccount, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return order.Order{}, errNoOrder
	}
	if err != nil {
		return order.Order{}, fmt.Errorf("read order: %w", err)
	}
	c, err := money.ParseCurrency(currency)
	if err != nil {
		return order.Order{}, fmt.Errorf("read order: %w", err)
	}
	o.Totals.Items, o.Totals.Discount, o.Totals.Shipping = money.Of(items, c), money.Of(discount, c), money.Of(ship, c)
	o.Totals.Tax, o.Totals.Total = money.Of(tax, c), money.Of(total, c)
	o.PlacedAt, o.HoldUntil, o.UpdatedAt, o.DueAt = when(placed), when(hold), when(updated), since(due)
	o.Times = order.Times{Paid: since(paid), Packed: since(packed), Shipped: since(shipped), Delivered: since(delivered), Cancelled: since(cancelled), Refunded: since(refunded)}
	if o.Codes, err = usedCodes(codes, c); err != nil {
		return order.Order{}, err
	}
	if o.Credits, err = paidCredits(credits, c); err != nil {
		return order.Order{}, err
	}
	o.Lines, err = v.orderLines(owner, id, c)
	return o, err
}

func (v *View) orderLines(owner string, id order.ID, c money.Currency) ([]order.Line, error) {
	rows, err := v.rows(`SELECT variant, handle, title, sku, quantity, unit_price, total, tax, tax_rate, tax_class FROM order_lines WHERE owner = $1 AND order_id = $2 ORDER BY position`, owner, string(id))
	if err != nil {
		return nil, fmt.Errorf("read order lines: %w", err)
	}
	defer rows.Close()
	var out []order.Line
	for rows.Next() {
		var l order.Line
		var unit, total, tax int64
		if err := rows.Scan(&l.Variant, &l.Handle, &l.Title, &l.SKU, &l.Quantity, &unit, &total, &tax, &l.TaxRate, &l.TaxClass); err != nil {
			return nil, fmt.Errorf("read order lines: %w", err)
		}
		l.Unit, l.Total, l.Tax = money.Of(unit, c), money.Of(total, c), money.Of(tax, c)
		out = append(out, l)
	}
	return out, rows.Err()
}

// OrderByNumber finds an order by its number.
func (v *View) OrderByNumber(n order.Number) (order.Order, error) {
	owner, id, err := v.find(dirOrder, []byte(n), nil)
	if err != nil {
		return order.Order{}, err
	}
	return v.Order(owner, order.ID(id))
}

// NewestOrders returns the newest orders, without their lines.
func (v *View) NewestOrders(limit int) ([]order.Order, error) {
	rows, err := v.rows(`SELECT number, status, currency, total, placed_at, on_account, paid_at FROM orders ORDER BY placed_at DESC, id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	var out []order.Order
	for rows.Next() {
		var o order.Order
		var currency string
		var total, placed, paid int64
		if err := rows.Scan(&o.Number, &o.Status, &currency, &total, &placed, &o.OnAccount, &paid); err != nil {
			return nil, fmt.Errorf("list orders: %w", err)
		}
		c, err := money.ParseCurrency(currency)
		if err != nil {
			return nil, fmt.Errorf("list orders: %w", err)
		}
		o.Totals.Total, o.PlacedAt, o.Times.Paid = money.Of(total, c), when(placed), since(paid)
		out = append(out, o)
	}
	return out, rows.Err()
}

// OrderDetails opens the personal values of an order. What has been destroyed
// is zero.
func (v *View) OrderDetails(owner string, id order.ID) (order.Details, error) {
	var email, name, shipTo, phone, note, invoiceName, billTo, orderNote, giftName, giftMessage, vat []byte
	err := v.row(`SELECT email, name, ship_to, phone, note, invoice_name, bill_to, order_note, gift_name, gift_message, vat FROM order_details WHERE owner = $1 AND order_id = $2`, owner, string(id)).
		Scan(&email, &name, &shipTo, &phone, &note, &invoiceName, &billTo, &orderNote, &giftName, &giftMessage, &vat)
	if errors.Is(err, sql.ErrNoRows) {
		return order.Details{}, nil
	}
	if err != nil {
		return order.Details{}, fmt.Errorf("read order details: %w", err)
	}
	f, err := v.folder(owner, string(id))
	if err != nil {
		return order.Details{}, err
	}
	s := sealer{row: string(id)}
	var d order.Details
	if ful := f.open(personal.Fulfilment); ful.Key != nil || f.clear {
		d.Email, d.Name, d.ShipTo = get(&s, ful, personal.OrderEmail, email), get(&s, ful, personal.OrderName, name), get(&s, ful, personal.OrderShipTo, shipTo)
		d.OrderNote = get(&s, ful, personal.OrderOrderNote, orderNote)
	}
	if cou := f.open(personal.CourierUse); cou.Key != nil || f.clear {
		d.Phone, d.Note = get(&s, cou, personal.OrderPhone, phone), get(&s, cou, personal.OrderNote, note)
	}
	if gift := f.open(personal.Gift); gift.Key != nil || f.clear {
		d.GiftName, d.GiftMessage = get(&s, gift, personal.OrderGiftName, giftName), get(&s, gift, personal.OrderGiftMessage, giftMessage)
	}
	if inv := f.open(personal.Invoicing); inv.Key != nil || f.clear {
		d.InvoiceName, d.BillTo = get(&s, inv, personal.OrderInvoiceName, invoiceName), get(&s, inv, personal.OrderBillTo, billTo)
		d.VAT = get(&s, inv, personal.OrderVAT, vat)
	}
	return d, s.err
}

// MoveOrder takes an order from one state to the next, and writes the event and,
// where money came or went, the tax journal. It
// reports false when the order is not in the state from, so that of two racing
// movers one wins. The detail goes into the event.
func (t *Tx) MoveOrder(owner string, id order.ID, from, to order.Status, detail string) (bool, error) {
	return t.moveOrder(owner, id, from, to, detail, true)
}

func (t *Tx) moveOrder(owner string, id order.ID, from, to order.Status, detail string, books bool) (bool, error) {
	if !from.May(to) {
		return false, fmt.Errorf("an order can't go from %s to %s", from, to)
	}
	only := ""
	switch {
	case from == order.Pending && to != order.Paid && to != order.Cancelled:
		only = " AND on_account" // nobody has paid it
	case from != order.Pending && to == order.Cancelled:
		only = " AND on_account AND paid_at = 0" // likewise, and it came back
	}
	n, err := t.exec(`UPDATE orders SET status = $4, updated_at = $5`+stepColumn(to)+` WHERE owner = $1 AND id = $2 AND status = $3`+only, owner, string(id), string(from), string(to), ms(t.now))
	if err != nil {
		return false, fmt.Errorf("move order: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if books {
		if err := t.journal(owner, string(id), to); err != nil {
			return false, err
		}
	}
	return true, t.Event("order."+string(to), owner, string(id), detail)
}

// PaidOnAccount notes that the money for an order has come whose goods went before.
// It stays where it is on its way; the tax journal has it from now on. It reports
// false when it is paid already, or not on its way.
func (t *Tx) PaidOnAccount(owner string, id order.ID) (bool, error) {
	n, err := t.exec(`UPDATE orders SET paid_at = $3, updated_at = $3 WHERE owner = $1 AND id = $2 AND on_account AND paid_at = 0 AND status IN ('packed', 'shipped', 'delivered')`, owner, string(id), ms(t.now))
	if err != nil {
		return false, fmt.Errorf("pay on account: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	if err := t.journal(owner, string(id), order.Paid); err != nil {
		return false, err
	}
	return true, t.Event("order.paid", owner, string(id), "")
}

// SetDue notes until when an order on account is to be paid.
func (t *Tx) SetDue(owner string, id order.ID, at time.Time) error {
	return t.later("set due", nil, `UPDATE orders SET due_at = $3 WHERE owner = $1 AND id = $2 AND on_account AND due_at = 0`, owner, string(id), ms(at))
}

// stepColumn notes when an order came to a state, where the state has a column.
func stepColumn(to order.Status) string {
	switch to {
	case order.Paid, order.Packed, order.Shipped, order.Delivered, order.Cancelled, order.Refunded:
		return `, ` + string(to) + `_at = $5`
	}
	return ""
}

// CancelOrder takes an unpaid order to its end, with its reason. It reports
// false when the order is not in the state from any more.
func (t *Tx) CancelOrder(owner string, id order.ID, from order.Status, why order.Reason) (bool, error) {
	moved, err := t.MoveOrder(owner, id, from, order.Cancelled, `{"why":"`+string(why)+`"}`)
	if err != nil || !moved {
		return false, err
	}
	return true, t.later("say why", nil, `UPDATE orders SET cancelled_why = $3 WHERE owner = $1 AND id = $2`, owner, string(id), string(why))
}

// KeepOrderHeld moves the end of a pending order's hold. The order's row must be
// locked; what is held for it follows in a transaction of its own.
func (t *Tx) KeepOrderHeld(owner string, id order.ID, end time.Time) error {
	err := t.later("keep order held", nil, `UPDATE orders SET hold_until = $3, updated_at = $4 WHERE owner = $1 AND id = $2 AND status = 'pending'`, owner, string(id), ms(end), ms(t.now))
	if err != nil {
		return err
	}
	return t.Event("order.kept", owner, string(id), "")
}

// Unwanted notes that the shopper gives up an order that was cancelled by itself.
func (t *Tx) Unwanted(owner string, id order.ID) error {
	n, err := t.exec(`UPDATE orders SET cancelled_why = $3 WHERE owner = $1 AND id = $2 AND status = 'cancelled' AND cancelled_why <> $3`, owner, string(id), string(order.ByCustomer))
	if err != nil {
		return fmt.Errorf("say why: %w", err)
	}
	if n == 0 {
		return nil
	}
	return t.Event("order.cancelled", owner, string(id), `{"why":"`+string(order.ByCustomer)+`"}`)
}

// CartOf returns the cart an order was made of. The cart may have ended.
func (t *Tx) CartOf(owner string, id order.ID) (CartRow, error) {
	var cartID cart.ID
	err := t.row(`SELECT cart FROM orders WHERE owner = $1 AND id = $2`, owner, string(id)).Scan(&cartID)
	if err != nil {
		return CartRow{}, fmt.Errorf("read order's cart: %w", err)
	}
	return t.OwnCart(cartID)
}

// OrderedAgain reports whether the cart of a cancelled order has become another
// order since.
func (v *View) OrderedAgain(owner string, id order.ID) (bool, error) {
	var n int64
	err := v.row(`SELECT count(*) FROM orders o JOIN carts c ON c.owner = o.cart WHERE o.owner = $1 AND o.id = $2 AND c.state = 'ordered' AND c.order_id <> o.id`, owner, string(id)).Scan(&n)
	return n > 0, err
}

// EndCheckout destroys the cart's dossier and clears its details: they are
// sealed with the order now.
func (t *Tx) EndCheckout(id cart.ID) error {
	if err := t.later("end checkout", nil, `DELETE FROM cart_details WHERE owner = $1`, string(id)); err != nil {
		return err
	}
	return t.endCase(string(id), string(id), cartPurpose)
}

// KeepCancelled shortens the life of a cancelled order's personal values: what
// was never sold needs no address. The payment's reference stays longer, so
// that money which arrives after all finds its way back.
func (t *Tx) KeepCancelled(owner string, id order.ID) error {
	for p, months := range map[personal.Purpose]int{personal.Fulfilment: 1, personal.CourierUse: 1, personal.Gift: 1, personal.Invoicing: 1, personal.Payment: 6} {
		if err := t.keepUntil(owner, string(id), p, t.now.AddDate(0, months, 0)); err != nil {
			return fmt.Errorf("shorten retention: %w", err)
		}
	}
	return nil
}

// KeepPaid sets the end dates of a paid order's personal values again, after a
// late payment revived a cancelled one.
func (t *Tx) KeepPaid(owner string, id order.ID) error {
	d, err := t.OrderDetails(owner, id)
	if err != nil {
		return err
	}
	ends, err := orderEnds(d, t.now)
	if err != nil {
		return err
	}
	for p, end := range ends {
		if err := t.keepUntil(owner, string(id), p, end); err != nil {
			return fmt.Errorf("set retention: %w", err)
		}
	}
	return nil
}
