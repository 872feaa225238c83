package tax

import (
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/money"
)

func currency(t testing.TB, code string) money.Currency {
	t.Helper()
	c, err := money.ParseCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestABillWorkedOutByHand(t *testing.T) {
	eur := currency(t, "EUR")
	a := func(minor int64) money.Amount { return money.Of(minor, eur) }
	p := Policy{Included: true, Home: "DE", Rules: []Rule{{"DE", "", "", 190_000}, {"DE", "", Reduced, 70_000}}}
	b := Bill{Currency: eur, At: At{Country: "DE"}, Items: []Item{{a(11900), ""}, {a(10700), Reduced}, {a(500), Exempt}}, Delivery: a(490)}
	got, err := p.Reckon(b)
	if err != nil {
		t.Fatal(err)
	}
	// 19.00 + 7.00 + 0 + 4.90/1.19*0.19 = 0.78
	if got.Tax != a(2678) || got.Total != a(23590) || got.Items != a(23100) {
		t.Errorf("tax %v, total %v, items %v", got.Tax, got.Total, got.Items)
	}
	if want := []Tax{{"", 190_000, a(10412), a(1978)}, {Reduced, 70_000, a(10000), a(700)}, {Exempt, 0, a(500), a(0)}}; !slices.Equal(got.Sums, want) {
		t.Errorf("sums %v, want %v", got.Sums, want)
	}
	// Pro rata: 490 by 11900:10700:500 is 252.4, 227.0, 10.6: 252, 227, 11.
	b.DeliveryClass = ProRata
	if got, err = p.Reckon(b); err != nil || got.Total != a(23590) || got.Tax != a(1900+700+40+15) {
		t.Errorf("pro rata: tax %v, total %v, %v", got.Tax, got.Total, err)
	}
	p.Included = false
	b.DeliveryClass, b.Discount = "", a(2310) // a tenth
	got, err = p.Reckon(b)
	if err != nil || got.Tax != a(2035+674+93) || got.Total != a(23100-2310+490+2802) {
		t.Errorf("added after a discount: tax %v, total %v, %v", got.Tax, got.Total, err)
	}
	for _, off := range []int64{-1, 23101} {
		b.Discount = a(off)
		if _, err := p.Reckon(b); err != ErrDiscount {
			t.Errorf("a discount of %d: %v", off, err)
		}
	}
	b = Bill{Currency: eur, Items: []Item{{a(0), Reduced}}, Delivery: a(490), DeliveryClass: ProRata}
	if got, err = p.Reckon(b); err != nil || got.Tax != a(93) {
		t.Errorf("delivery of gifts: tax %v, %v", got.Tax, err)
	}
	if got, err = p.Reckon(Bill{Currency: eur}); err != nil || !got.Total.IsZero() || got.Total.Currency() != eur {
		t.Errorf("an empty bill: %v, %v", got, err)
	}
}

// dice is what a random bill is drawn from: rapid, which shrinks what it finds,
// or a plain generator, which is quick.
type dice interface {
	upTo(n int64, what string) int64 // 0..n
}

type shrinking struct{ *rapid.T }

func (d shrinking) upTo(n int64, what string) int64 { return rapid.Int64Range(0, n).Draw(d.T, what) }

type quick struct{ *rand.Rand }

func (d quick) upTo(n int64, _ string) int64 { return d.Int64N(n + 1) }

var classes = []string{Standard, Reduced, Zero, Exempt, "books"}

func someBill(d dice, currencies []money.Currency) (Policy, Bill) {
	cur := currencies[d.upTo(int64(len(currencies)-1), "currency")]
	p := Policy{Included: d.upTo(1, "included") == 1, Home: "DE", HomeInEU: d.upTo(3, "small") == 0, Delivery: []string{"", Reduced, ProRata}[d.upTo(2, "delivery class")]}
	for _, country := range []string{"DE", "FR", Anywhere} {
		for _, class := range []string{Standard, Reduced, "books"} {
			if d.upTo(3, "rule") > 0 {
				p.Rules = append(p.Rules, Rule{Country: country, Class: class, Rate: money.Rate(d.upTo(1_000_000, "rate"))})
			}
		}
	}
	p.Rules = append(p.Rules, Rule{Country: "FR", Region: "island", Rate: money.Rate(d.upTo(300_000, "rate"))})
	b := Bill{Currency: cur, At: At{Country: []string{"", "DE", "FR", "US"}[d.upTo(3, "country")], Reverse: d.upTo(9, "reverse") == 0}}
	if b.At.Country == "FR" && d.upTo(2, "region") == 0 {
		b.At.Region = "island"
	}
	items := int64(0)
	for range d.upTo(12, "lines") {
		total := d.upTo([]int64{0, 9, 100_000, 999 * money.Limit / 1000}[d.upTo(3, "size")], "total")
		items += total
		b.Items = append(b.Items, Item{money.Of(total, cur), classes[d.upTo(int64(len(classes)-1), "class")]})
	}
	switch d.upTo(3, "discount") {
	case 0:
		b.Discount = money.Of(items, cur) // all of it
	case 1:
		b.Discount = money.Of(d.upTo(items, "off"), cur)
	default:
		b.Discount = money.Zero(cur)
	}
	b.Delivery = money.Zero(cur)
	if d.upTo(3, "free") > 0 {
		b.Delivery = money.Of(d.upTo(100_000, "price"), cur)
	}
	return p, b
}

// addsUp holds a bill to what Reckon promises, and says what does not hold.
func addsUp(p Policy, b Bill, exact bool) string {
	got, err := p.Reckon(b)
	if err != nil {
		return err.Error()
	}
	var items, lineTax, net, tax int64
	for i, item := range b.Items {
		items += item.Total.Minor()
		lineTax += got.Lines[i].Tax.Minor()
		if got.Lines[i].Rate != p.Rate(b.At, item.Class) {
			return "a line has another rate than its class"
		}
		if exact && b.Discount.IsZero() && got.Lines[i].Tax.Minor() != rounded(item.Total.Minor(), int64(got.Lines[i].Rate), p.Included) {
			return "a line's tax is not rounded half to even"
		}
	}
	for i, s := range got.Sums {
		net, tax = net+s.Net.Minor(), tax+s.Tax.Minor()
		for _, o := range got.Sums[:i] {
			if o.Class == s.Class && o.Rate == s.Rate {
				return "a class and rate stand in the books twice"
			}
		}
		if s.Net.Negative() || s.Tax.Negative() {
			return "a part is below zero"
		}
	}
	total := items - b.Discount.Minor() + b.Delivery.Minor()
	if !p.Included {
		total += got.Tax.Minor()
	}
	switch {
	case len(got.Lines) != len(b.Items):
		return "a line is missing"
	case got.Items.Minor() != items:
		return "the items do not add up"
	case got.Total.Minor() != total:
		return "the total is not items - discount + delivery (+ tax)"
	case net+tax != total || tax != got.Tax.Minor():
		return "the books do not add up to the bill"
	case lineTax > tax:
		return "lines are taxed more than the whole"
	case b.At.Reverse && tax != 0:
		return "tax is charged in spite of reverse charge"
	}
	return ""
}

// rounded is the tax on an amount, worked out a second way.
func rounded(a, rate int64, included bool) int64 {
	den := int64(1_000_000)
	if included {
		den += rate
	}
	x := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(a), big.NewInt(rate)), big.NewInt(den))
	whole := new(big.Int).Div(x.Num(), x.Denom())
	rest := new(big.Rat).Sub(x, new(big.Rat).SetInt(whole))
	if c := rest.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(1))
	}
	return whole.Int64()
}

// of 0, 2 and 3 decimals, and one of 4
func currencies(t testing.TB) (out []money.Currency) {
	for _, code := range []string{"JPY", "EUR", "USD", "KWD", "CLF"} {
		out = append(out, currency(t, code))
	}
	return out
}

func TestABillAddsUp(t *testing.T) {
	all := currencies(t)
	rapid.Check(t, func(t *rapid.T) {
		p, b := someBill(shrinking{t}, all)
		if wrong := addsUp(p, b, true); wrong != "" {
			t.Fatalf("%s: %+v of %+v", wrong, b, p)
		}
	})
}

// TestAMillionBillsAddUp takes a tenth of them unless CARTKEEP_SOAK=1 asks for all.
func TestAMillionBillsAddUp(t *testing.T) {
	all, n, seed := currencies(t), 100_000, rand.Uint64()
	if os.Getenv("CARTKEEP_SOAK") == "1" {
		n = 1_000_000
	}
	d := quick{rand.New(rand.NewPCG(seed, 0))}
	taxed := 0
	for i := range n {
		p, b := someBill(d, all)
		if wrong := addsUp(p, b, i%16 == 0); wrong != "" {
			t.Fatalf("bill %d of seed %d: %s: %+v of %+v", i, seed, wrong, b, p)
		}
		if len(b.Items) > 0 && !b.At.Reverse {
			taxed++
		}
	}
	if taxed < n/2 {
		t.Errorf("only %d of %d bills had something to tax", taxed, n)
	}
	t.Logf("%d bills add up", n)
}
