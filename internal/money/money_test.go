package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/fault"
)

func currency(t testing.TB, code string) Currency {
	t.Helper()
	c, err := ParseCurrency(code)
	if err != nil {
		t.Fatalf("ParseCurrency(%q): %v", code, err)
	}
	return c
}

func TestCurrenciesAreThoseOfISO4217(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Currencies() {
		if len(c.Code()) != 3 || seen[c.Code()] {
			t.Errorf("currency %q is no code or stands twice", c.Code())
		}
		seen[c.Code()] = true
		if got, err := ParseCurrency(c.Code()); err != nil || got != c {
			t.Errorf("ParseCurrency(%q) = %v, %v", c.Code(), got, err)
		}
	}
	for code, want := range map[string]int{"EUR": 2, "USD": 2, "JPY": 0, "KRW": 0, "ISK": 0, "UGX": 0, "KWD": 3, "TND": 3, "CLF": 4, "UYW": 4, "HUF": 2, "MRU": 2} {
		if got := currency(t, code).Exponent(); got != want {
			t.Errorf("%s has %d decimals, want %d", code, got, want)
		}
	}
	for _, no := range []string{"", "eur", "EU", "EURO", "XXX", "XTS", "XAU", "UR ", "DEM", "R U"} {
		if _, err := ParseCurrency(no); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseCurrency(%q) = %v, want invalid", no, err)
		}
	}
}

func TestParseAndWrite(t *testing.T) {
	for _, row := range []struct {
		code, text      string
		minor           int64
		decimal, people string
	}{
		{"EUR", "48", 4800, "48.00", "€48.00"},
		{"EUR", " 48.00 ", 4800, "48.00", "€48.00"},
		{"EUR", "1234.5", 123450, "1234.50", "€1,234.50"},
		{"EUR", "0.05", 5, "0.05", "€0.05"},
		{"EUR", "-0.05", -5, "-0.05", "−€0.05"},
		{"EUR", "-0", 0, "0.00", "€0.00"},
		{"EUR", "48.0000", 4800, "48.00", "€48.00"},
		{"EUR", "0001.10", 110, "1.10", "€1.10"},
		{"EUR", "100000000000.00", Limit, "100000000000.00", "€100,000,000,000.00"},
		{"JPY", "480", 480, "480", "¥480"},
		{"JPY", "480.00", 480, "480", "¥480"},
		{"KWD", "4.8", 4800, "4.800", "KWD\u00a04.800"},
		{"CLF", "0.0001", 1, "0.0001", "CLF\u00a00.0001"},
	} {
		c := currency(t, row.code)
		got, err := Parse(row.text, c)
		if err != nil || got != Of(row.minor, c) {
			t.Errorf("Parse(%q, %s) = %v, %v; want %d", row.text, row.code, got, err, row.minor)
		}
		if got.Decimal() != row.decimal || got.Format() != row.people || got.String() != row.decimal+" "+row.code {
			t.Errorf("%v writes %q and %q, want %q and %q", got, got.Decimal(), got.Format(), row.decimal, row.people)
		}
	}
}

func TestParseRefusesAndSaysHowToMend(t *testing.T) {
	for _, row := range []struct{ code, text, want string }{
		{"EUR", "", "like 48.00"},
		{"EUR", "4,80", "dot"},
		{"EUR", "1,234.00", "dot"},
		{"EUR", ".5", "dot"},
		{"EUR", "5.", "dot"},
		{"EUR", "--5", "dot"},
		{"EUR", "+5", "dot"},
		{"EUR", "1e3", "dot"},
		{"EUR", "٤٨", "dot"},
		{"EUR", "NaN", "dot"},
		{"EUR", "48.001", "at most 2 decimals, like 480.00"},
		{"JPY", "480.5", "no decimals"},
		{"KWD", "1.2345", "at most 3 decimals"},
		{"EUR", "100000000000.01", "too large"},
		{"EUR", "9223372036854775808", "too large"},
		{"EUR", strings.Repeat("9", 50), "too long"},
	} {
		got, err := Parse(row.text, currency(t, row.code))
		e := fault.Of(err)
		if err == nil || e.Kind != fault.Invalid || len(e.Problems) != 1 || !strings.Contains(e.Text, row.want) {
			t.Errorf("Parse(%q) = %v, %v; want a refusal with %q", row.text, got, err, row.want)
		}
	}
	if _, err := Parse("1", Currency{}); err == nil {
		t.Error("an amount of no currency was read")
	}
}

func TestSumsNeitherOverflowNorMixCurrencies(t *testing.T) {
	eur, jpy := currency(t, "EUR"), currency(t, "JPY")
	most, least := Of(math.MaxInt64, eur), Of(math.MinInt64, eur)
	one := Of(1, eur)
	for name, f := range map[string]func() (Amount, error){
		"most+1":      func() (Amount, error) { return most.Plus(one) },
		"least+least": func() (Amount, error) { return least.Plus(least) },
		"least-1":     func() (Amount, error) { return least.Minus(one) },
		"0-least":     func() (Amount, error) { return Zero(eur).Minus(least) },
		"most*2":      func() (Amount, error) { return most.Times(2) },
		"least*-1":    func() (Amount, error) { return least.Times(-1) },
		"sum":         func() (Amount, error) { return Sum(eur, most, one) },
		"tax":         func() (Amount, error) { return most.Added(2 * Whole) },
	} {
		if got, err := f(); !errors.Is(err, ErrOverflow) {
			t.Errorf("%s = %v, %v; want overflow", name, got, err)
		}
	}
	if _, err := one.Plus(Of(1, jpy)); !errors.Is(err, ErrCurrency) {
		t.Errorf("euro and yen were added: %v", err)
	}
	if _, err := Sum(eur, Of(1, jpy)); !errors.Is(err, ErrCurrency) {
		t.Errorf("yen were summed as euro: %v", err)
	}
	if got, err := least.Times(1); err != nil || got != least {
		t.Errorf("least*1 = %v, %v", got, err)
	}
	if got, err := Sum(eur); err != nil || got != Zero(eur) {
		t.Errorf("the sum of nothing = %v, %v", got, err)
	}
}

func TestTaxRoundsHalfToEven(t *testing.T) {
	eur := currency(t, "EUR")
	for _, row := range []struct{ minor, ppm, added int64 }{
		{50, 10_000, 0}, {150, 10_000, 2}, {250, 10_000, 2}, {-50, 10_000, 0}, {-150, 10_000, -2}, {4800, 190_000, 912},
	} {
		if got, err := Of(row.minor, eur).Added(Rate(row.ppm)); err != nil || got.Minor() != row.added {
			t.Errorf("%d at %d ppm adds %v, %v; want %d", row.minor, row.ppm, got, err, row.added)
		}
	}
	if got, _ := Of(11900, eur).Contained(190_000); got.Minor() != 1900 {
		t.Errorf("119.00 contains %v, want 19.00", got)
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]Rate{"19": 190_000, "19%": 190_000, " 7.7 % ": 77_000, "0": 0, "100": Whole, "5.5000": 55_000, "0.0001%": 1, "8.1": 81_000} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v; want %d", text, int64(got), err, want)
		}
	}
	for _, no := range []string{"", "%", "-1", "100.01", "1.00001", "7,7", "a", ".5", "5.", "19%%", strings.Repeat("1", 30)} {
		if _, err := ParseRate(no); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseRate(%q) = %v, want invalid", no, err)
		}
	}
	if got := Rate(77_000).Percent(); got != "7.7\u00a0%" {
		t.Errorf("7.7 %% is written %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := Rate(rapid.Int64Range(0, int64(Whole)).Draw(t, "ppm"))
		if back, err := ParseRate(r.String()); err != nil || back != r {
			t.Fatalf("%d is written %q and read %d, %v", int64(r), r, int64(back), err)
		}
	})
}

func TestJSON(t *testing.T) {
	eur := currency(t, "EUR")
	out, err := json.Marshal(map[string]any{"total": Of(4800, eur), "none": Amount{}})
	if want := `{"none":{"amount":0,"currency":""},"total":{"amount":4800,"currency":"EUR"}}`; err != nil || string(out) != want {
		t.Fatalf("got %s, %v; want %s", out, err, want)
	}
	for _, no := range []string{`{"amount":1.5,"currency":"EUR"}`, `{"amount":"1","currency":"EUR"}`, `{"amount":1}`, `{"currency":"EUR"}`, `{"amount":1,"currency":"eur"}`, `{"amount":9223372036854775808,"currency":"EUR"}`, `48`, `{"amount":1,"currency":""}`} {
		var a Amount
		if err := json.Unmarshal([]byte(no), &a); err == nil || a != (Amount{}) {
			t.Errorf("%s was read as %v", no, a)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount(t)
		raw, err := json.Marshal(a)
		var back Amount
		if err != nil || json.Unmarshal(raw, &back) != nil || back != a {
			t.Fatalf("%v came back as %v", a, back)
		}
	})
}

func anyAmount(t *rapid.T) Amount {
	c := rapid.SampledFrom(Currencies()).Draw(t, "currency")
	return Of(rapid.Int64().Draw(t, "minor"), c)
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(Currencies()).Draw(t, "currency")
		a := Of(rapid.Int64Range(-Limit, Limit).Draw(t, "minor"), c)
		if back, err := Parse(a.Decimal(), c); err != nil || back != a {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
	})
}

func TestAllocationLosesNoUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount(t)
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 20).Draw(t, "weights")
		var total int64
		for _, w := range weights {
			total += w
		}
		shares, err := a.Allocate(weights)
		if total == 0 {
			if !errors.Is(err, ErrWeights) {
				t.Fatalf("shared among nobody: %v", err)
			}
			return
		}
		if err != nil || len(shares) != len(weights) {
			t.Fatalf("%d shares for %d weights: %v", len(shares), len(weights), err)
		}
		sum, err := Sum(a.Currency(), shares...)
		if err != nil || sum != a {
			t.Fatalf("shares of %v add up to %v, %v", a, sum, err)
		}
		for i, s := range shares { // nobody is more than one unit from the exact share
			exact := new(big.Int).Mul(big.NewInt(a.Minor()), big.NewInt(weights[i]))
			off := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(s.Minor()), big.NewInt(total)), exact)
			if off.CmpAbs(big.NewInt(total)) >= 0 {
				t.Fatalf("share %d of %v by %v is %v", i, a, weights, s)
			}
			if weights[i] == 0 && !s.IsZero() {
				t.Fatalf("no weight, but %v", s)
			}
		}
	})
	if _, err := Of(1, Currency{}).Allocate([]int64{1, -1}); !errors.Is(err, ErrWeights) {
		t.Errorf("a negative weight was taken: %v", err)
	}
	if _, err := Of(1, Currency{}).Allocate([]int64{math.MaxInt64, math.MaxInt64}); !errors.Is(err, ErrOverflow) {
		t.Errorf("weights overflowed: %v", err)
	}
}

func TestContainedAndNetAreGross(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gross := anyAmount(t)
		rate := Rate(rapid.Int64Range(0, int64(Whole)).Draw(t, "rate"))
		tax, err := gross.Contained(rate)
		if err != nil {
			t.Fatal(err)
		}
		net, err := gross.Minus(tax)
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := net.Plus(tax); err != nil || sum != gross {
			t.Fatalf("net %v and tax %v are %v, not %v", net, tax, sum, gross)
		}
		// The tax on the net amount is the contained tax, but for the rounding of each.
		again, err := net.Added(rate)
		if diff := again.Minor() - tax.Minor(); err == nil && (diff < -1 || diff > 1) {
			t.Fatalf("%v contains %v at %v, but %v would be added to %v", gross, tax, rate, again, net)
		}
	})
}

func TestArithmeticAgreesWithBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		d := rapid.Int64Range(1, math.MaxInt64).Draw(t, "d")
		check := func(op string, got Amount, err error, want *big.Int) {
			if want.IsInt64() != (err == nil) || err == nil && got.Minor() != want.Int64() {
				t.Fatalf("%d %s %d = %v, %v; want %v", a, op, b, got, err, want)
			}
		}
		bigA, bigB := big.NewInt(a), big.NewInt(b)
		sum, err := Of(a, Currency{}).Plus(Of(b, Currency{}))
		check("+", sum, err, new(big.Int).Add(bigA, bigB))
		rest, err := Of(a, Currency{}).Minus(Of(b, Currency{}))
		check("-", rest, err, new(big.Int).Sub(bigA, bigB))
		product := new(big.Int).Mul(bigA, bigB)
		times, err := Of(a, Currency{}).Times(b)
		check("*", times, err, product)

		q, rem := new(big.Int).QuoRem(product, big.NewInt(d), new(big.Int))
		twice := new(big.Int).Abs(rem)
		twice.Lsh(twice, 1)
		if c := twice.Cmp(big.NewInt(d)); c > 0 || c == 0 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(int64(product.Sign())))
		}
		got, err := mulDiv(a, b, d)
		check("*/", Of(got, Currency{}), err, q)
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"48", "48.00", "-0.05", "1234.5", "1e9", "٤", "", "..", "100000000000.00"} {
		f.Add(s, "EUR")
	}
	f.Fuzz(func(t *testing.T, text, code string) {
		c, err := ParseCurrency(code)
		if err != nil {
			return
		}
		a, err := Parse(text, c)
		if err != nil {
			return
		}
		if a.Minor() > Limit || a.Minor() < -Limit {
			t.Errorf("%q is %v, beyond the limit", text, a)
		}
		if back, err := Parse(a.Decimal(), c); err != nil || back != a {
			t.Errorf("%v came back as %v, %v", a, back, err)
		}
	})
}

func TestAmountsHaveAnOrder(t *testing.T) {
	eur, jpy := currency(t, "EUR"), currency(t, "JPY")
	ascending := []Amount{{}, Of(-1, eur), Zero(eur), Of(7, eur), Of(-9, jpy)}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := a.Cmp(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v against %v is %d", a, b, got)
			}
		}
	}
	if !Zero(eur).IsZero() || Of(1, eur).IsZero() || !Of(-1, eur).Negative() || Zero(eur).Negative() {
		t.Error("nothing is something, or less than it")
	}
}

func TestASymbolMeansOneCurrency(t *testing.T) {
	seen := map[string]Currency{}
	for _, c := range Currencies() {
		symbol := c.Symbol()
		if other, twice := seen[symbol]; twice && symbol != "" {
			t.Errorf("%s is %v and %v", symbol, other, c)
		}
		seen[symbol] = c
	}
}

func BenchmarkAllocate(b *testing.B) {
	a := Of(123457, Currency{})
	for b.Loop() {
		a.Allocate([]int64{3, 1, 4, 1, 5})
	}
}
