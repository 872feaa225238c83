package checkout_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	taxes "github.com/cartkeep/cartkeep/internal/tax"
)

// shared opens one shop for all cases of a property: a shop for each case
// would take longer than the cases.
func shared(t *testing.T, cases map[string]int, fn func(t *rapid.T, s *shoptest.Shop, raw *sql.DB, fresh string)) {
	for _, engine := range shoptest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s, n := shoptest.Open(t, engine), 0
			raw := s.Raw(t)
			checks(t, shoptest.Tenth(cases[engine]))
			rapid.Check(t, func(r *rapid.T) {
				n++
				fn(r, s, raw, fmt.Sprintf("thing-%d", n))
			})
		})
	}
}

// halfEven is a·num/den rounded half to even: how tax is rounded, written down
// a second time.
func halfEven(a, num, den int64) int64 {
	x := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(a), big.NewInt(num)), big.NewInt(den))
	whole := new(big.Int).Div(x.Num(), x.Denom())
	rest := new(big.Rat).Sub(x, new(big.Rat).SetInt(whole))
	switch c := rest.Cmp(big.NewRat(1, 2)); {
	case c > 0, c == 0 && whole.Bit(0) == 1:
		whole.Add(whole, big.NewInt(1))
	}
	return whole.Int64()
}

func TestTotalsAddUp(t *testing.T) {
	shared(t, map[string]int{"sqlite": 1000, "postgres": 150}, func(r *rapid.T, s *shoptest.Shop, _ *sql.DB, fresh string) {
		included := rapid.Bool().Draw(r, "tax included")
		rate := int64(rapid.IntRange(0, 300000).Draw(r, "tax rate"))
		err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			return errors.Join(t.Set("tax.included", fmt.Sprint(included)), t.SetTaxes([]taxes.Rule{{Country: "DE", Rate: money.Rate(rate)}}, nil))
		})
		if err != nil {
			r.Fatal(err)
		}
		s.DB.ForgetSettings()
		c, token, err := s.Desk.NewCart(noCtx)
		if err != nil {
			r.Fatal(err)
		}
		b := shoptest.Basket{ID: c.ID, Token: token}
		method, shipping := "standard", int64(490)
		if rapid.Bool().Draw(r, "express") {
			method, shipping = "express", 1290
		}
		var items, tax int64
		part := func(amount int64) {
			den := int64(1_000_000)
			if included {
				den += rate
			}
			tax += halfEven(amount, rate, den)
		}
		for i := range rapid.IntRange(1, 6).Draw(r, "lines") {
			price := rapid.Int64Range(0, 10_000_000).Draw(r, "price")
			quantity := rapid.Int64Range(1, 999).Draw(r, "quantity")
			v := s.Product(r, fmt.Sprintf("%s-%d", fresh, i), price, catalog.Stock{})
			if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, v.ID, quantity); err != nil {
				r.Fatal(err)
			}
			items += price * quantity
			part(price * quantity)
		}
		part(shipping)
		in := shoptest.Ada()
		in.ShippingMethod = method
		if c, err = s.Desk.SaveDetails(noCtx, b.ID, b.Token, in); err != nil {
			r.Fatal(err)
		}
		total := items + shipping
		if !included {
			total += tax
		}
		check := func(what string, got cart.Totals) {
			if got.Items.Minor() != items || got.Shipping.Minor() != shipping || got.Tax.Minor() != tax || got.Total.Minor() != total || got.TaxIncluded != included {
				r.Fatalf("%s: got %v, want items %d, shipping %d, tax %d, total %d", what, got, items, shipping, tax, total)
			}
		}
		check("the cart", c.Totals)
		p, err := s.Place(b, "key-1")
		if err != nil {
			r.Fatal(err)
		}
		check("the order", p.Order.Totals)
		var lines, lineTax int64
		for _, l := range p.Order.Lines {
			lines, lineTax = lines+l.Total.Minor(), lineTax+l.Tax.Minor()
		}
		if lines != items || lineTax > tax {
			r.Fatalf("the order's lines add up to %d with tax %d, want %d and not more than %d", lines, lineTax, items, tax)
		}
	})
}

// model is what a shop with one variant must obey, whatever happens in
// whatever order.
type model struct {
	r       *rapid.T
	s       *shoptest.Shop
	raw     *sql.DB
	variant catalog.VariantID
	stock   int64
	orders  []checkout.Placed
	tries   map[order.ID]int             // attempts opened
	said    map[string]payment.Notice    // approvals that were delivered, by session
	baskets map[order.ID]shoptest.Basket // what an order was made of
	stood   map[order.ID]order.Status    // where each order stood after the last step
	lost    map[string]bool              // approvals that were decided and not delivered
	back    time.Duration                // how far the clock was turned back
	keys    int
}

func (m *model) ok(err error, allowed ...fault.Kind) bool {
	if err == nil {
		return true
	}
	for _, k := range allowed {
		if fault.Is(err, k) {
			return false
		}
	}
	m.r.Fatalf("got %v", err)
	return false
}

func (m *model) some() (checkout.Placed, bool) {
	if len(m.orders) == 0 {
		return checkout.Placed{}, false
	}
	return rapid.SampledFrom(m.orders).Draw(m.r, "order"), true
}

func (m *model) place() {
	quantity := rapid.Int64Range(1, 2).Draw(m.r, "quantity")
	c, token, err := m.s.Desk.NewCart(noCtx)
	m.ok(err)
	b := shoptest.Basket{ID: c.ID, Token: token}
	if _, err := m.s.Desk.AddLine(noCtx, b.ID, b.Token, m.variant, quantity); !m.ok(err, fault.OutOfStock) {
		return
	}
	in := shoptest.Ada() // each cart is somebody else's: what one buyer may hold is another story
	in.Email = inLetters(string(b.ID)) + "@example.com"
	_, err = m.s.Desk.SaveDetails(noCtx, b.ID, b.Token, in)
	m.ok(err)
	m.order(b)
}

// inLetters is an id without digits: one in three thousand has some that could be a
// card's, and no form takes those.
func inLetters(id string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return 'g' + r - '0'
		}
		return r
	}, id)
}

// calm forgets every decline: that many of them are met with friction, and not what
// it is like, is told by the tests of carding. Here it would end the story.
func (m *model) calm() {
	_, err := m.raw.Exec(`DELETE FROM abuse_buckets`)
	m.ok(err)
}

func (m *model) order(b shoptest.Basket) {
	m.calm()
	m.keys++
	p, err := m.s.Place(b, fmt.Sprintf("key-%d", m.keys))
	if m.ok(err, fault.OutOfStock, fault.CartClosed, fault.NotFound, fault.Changed) {
		m.orders = append(m.orders, p)
		m.tries[p.Order.ID], m.baskets[p.Order.ID] = 1, b
	}
}

// reorder buys a cart again that an order came of.
func (m *model) reorder() {
	if p, ok := m.some(); ok {
		m.order(m.baskets[p.Order.ID])
	}
}

func (m *model) tell(outcome payment.Outcome) {
	p, ok := m.some()
	if !ok {
		return
	}
	n := m.s.Bank.Say(p, rapid.IntRange(1, m.tries[p.Order.ID]).Draw(m.r, "attempt"), outcome)
	if m.lost[n.Ref] && outcome != payment.Approved {
		return
	}
	if m.ok(settle(m.s, n)) && outcome == payment.Approved {
		m.said[n.Ref] = n
	}
}

func (m *model) payAgain() {
	p, ok := m.some()
	if !ok {
		return
	}
	m.calm()
	if _, err := m.s.Desk.PayAgain(noCtx, p.Order.Number, p.Token); m.ok(err, fault.Conflict, fault.RateLimited) {
		m.tries[p.Order.ID] = int(m.number(`SELECT max(attempt) FROM payments WHERE order_id = $1`, string(p.Order.ID)))
	}
}

// lose lets the bank decide without its call-back ever arriving.
func (m *model) lose() {
	p, ok := m.some()
	if !ok {
		return
	}
	// Of an attempt that is open: a bank decides once.
	open := m.number(`SELECT count(*) FROM payments p JOIN orders o ON o.owner = p.owner AND o.id = p.order_id WHERE o.id = $1 AND o.status = 'pending' AND p.attempt = $2 AND p.status = 'open'`,
		string(p.Order.ID), m.tries[p.Order.ID])
	if open == 0 {
		return
	}
	n := m.s.Bank.Say(p, m.tries[p.Order.ID], payment.Approved)
	m.s.Bank.Decide(n)
	m.said[n.Ref], m.lost[n.Ref] = n, true // the shop asks for it when the hold has ended
}

// cancel lets a shopper give an order up.
func (m *model) cancel() {
	if p, ok := m.some(); ok {
		_, err := m.s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
		m.ok(err, fault.Conflict)
	}
}

// abandon clears a cart that an order may have come of.
func (m *model) abandon() {
	if p, ok := m.some(); ok {
		b := m.baskets[p.Order.ID]
		m.ok(m.s.Desk.Clear(noCtx, b.ID, b.Token), fault.CartClosed, fault.NotFound)
	}
}

// drawn checks that every order that moved did so along an arrow of the
// drawing in order.Status.
func (m *model) drawn() {
	for _, p := range m.orders {
		was, now := m.stood[p.Order.ID], m.s.Order(m.r, p).Status
		if was == "" {
			was = order.Pending
		}
		if was != now && !was.May(now) {
			m.r.Fatalf("an order went from %s to %s, and the drawing has no such arrow", was, now)
		}
		m.stood[p.Order.ID] = now
	}
}

func (m *model) sweep() {
	_, err := m.s.Desk.SweepHolds(noCtx)
	m.ok(err)
}

// work runs the jobs that are due; every other time they are repeated, as after
// a crash before a job could be marked as done.
func (m *model) work() {
	if rapid.Bool().Draw(m.r, "crash") {
		var jobs []store.Job
		m.ok(m.s.DB.View(noCtx, func(v *store.View) (err error) { jobs, err = v.DueJobs(1000); return err }))
		for _, j := range jobs {
			m.ok(m.s.Desk.Jobs()[j.Kind](noCtx, j))
		}
	}
	m.s.Run(m.r)
}

func (m *model) number(query string, args ...any) int64 {
	return shoptest.One[int64](m.r, m.raw, query, args...)
}

// always holds after every step.
func (m *model) always() {
	m.drawn()
	got := m.s.Stock(m.r, m.variant)
	held := m.number(`SELECT COALESCE(SUM(quantity), 0) FROM holds WHERE variant = $1`, string(m.variant))
	if got.Held != held {
		m.r.Fatalf("%d are held, but the holds add up to %d", got.Held, held)
	}
	if got.OnHand < got.Held || got.Held < 0 {
		m.r.Fatalf("%d in the house with %d held", got.OnHand, got.Held)
	}
	// Every unit is in the house, or was sold to a paid order that holds it no more.
	sold := m.number(`SELECT COALESCE(SUM(l.quantity), 0) FROM orders o JOIN order_lines l ON l.owner = o.owner AND l.order_id = o.id
		WHERE l.variant = $1 AND o.status = 'paid' AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.order_id = o.id)`, string(m.variant))
	if got.OnHand+sold != m.stock {
		m.r.Fatalf("%d in the house and %d sold of %d", got.OnHand, sold, m.stock)
	}
	// No order is paid without goods: held, or taken above.
	if n := m.number(`SELECT count(*) FROM orders o JOIN order_lines l ON l.owner = o.owner AND l.order_id = o.id
		JOIN payments p ON p.owner = o.owner AND p.order_id = o.id AND p.status = 'approved' WHERE l.variant = $1 AND o.status <> 'paid'`, string(m.variant)); n != 0 {
		m.r.Fatalf("%d unpaid orders have an approved payment", n)
	}
}

// finally holds once everything has come to rest.
func (m *model) finally() {
	m.s.Clock.Move(20*time.Minute + m.back)
	m.sweep()
	for m.s.Run(m.r) > 0 {
	}
	m.always()
	if got := m.s.Stock(m.r, m.variant); got.Held != 0 {
		m.r.Fatalf("%d are held for nobody", got.Held)
	}
	for _, p := range m.orders {
		now := m.s.Order(m.r, p)
		if now.Status != order.Paid && now.Status != order.Cancelled {
			m.r.Fatalf("an order is still %s", now.Status)
		}
		kept := 0
		for attempt := 1; attempt <= m.tries[p.Order.ID]; attempt++ {
			n, told := m.said[m.s.Bank.Say(p, attempt, payment.Approved).Ref]
			if !told {
				continue
			}
			switch back := m.s.Bank.Refunded(n.Ref); {
			case back.IsZero():
				kept++
			case back != n.Amount:
				m.r.Fatalf("%v of %v was paid back", back, n.Amount)
			}
		}
		if want := map[bool]int{true: 1, false: 0}[now.Status == order.Paid]; kept != want {
			m.r.Fatalf("%d payments were kept for an order that is %s", kept, now.Status)
		}
	}
}

func TestNothingIsSoldTwiceWhateverHappens(t *testing.T) {
	shared(t, map[string]int{"sqlite": 600, "postgres": 100}, func(r *rapid.T, s *shoptest.Shop, raw *sql.DB, fresh string) {
		m := &model{r: r, s: s, raw: raw, stock: rapid.Int64Range(1, 4).Draw(r, "stock"), tries: map[order.ID]int{}, said: map[string]payment.Notice{}, baskets: map[order.ID]shoptest.Basket{}, stood: map[order.ID]order.Status{}, lost: map[string]bool{}}
		m.variant = s.Product(r, fresh, 3900, shoptest.Counted(m.stock)).ID
		r.Repeat(map[string]func(*rapid.T){
			"":         func(*rapid.T) { m.always() },
			"place":    func(r *rapid.T) { m.r = r; m.place() },
			"reorder":  func(r *rapid.T) { m.r = r; m.reorder() },
			"approve":  func(r *rapid.T) { m.r = r; m.tell(payment.Approved) },
			"decline":  func(r *rapid.T) { m.r = r; m.tell(payment.Declined) },
			"payAgain": func(r *rapid.T) { m.r = r; m.payAgain() },
			"wait": func(r *rapid.T) {
				m.r = r
				s.Clock.Move(time.Duration(rapid.IntRange(1, 10).Draw(r, "minutes")) * time.Minute)
			},
			"back": func(r *rapid.T) {
				m.r = r
				back := time.Duration(rapid.IntRange(1, 10).Draw(r, "minutes back")) * time.Minute
				m.back += back
				s.Clock.Move(-back)
			},
			"cancel":  func(r *rapid.T) { m.r = r; m.cancel() },
			"lose":    func(r *rapid.T) { m.r = r; m.lose() },
			"abandon": func(r *rapid.T) { m.r = r; m.abandon() },
			"sweep":   func(r *rapid.T) { m.r = r; m.sweep() },
			"work":    func(r *rapid.T) { m.r = r; m.work() },
		})
		m.finally()
	})
}
