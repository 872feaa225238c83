package credit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/money"
)

var euro = func() money.Currency { c, _ := money.ParseCurrency("EUR"); return c }()

func eur(minor int64) money.Amount { return money.Of(minor, euro) }

// TestEveryUnitHasAHistory draws any acts in any order: those that would take what
// is not there are refused whole, and the book adds up after each.
func TestEveryUnitHasAHistory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b, journal := Book{}, Book{}
		refused, done := 0, 0
		for range rapid.IntRange(1, 60).Draw(r, "acts") {
			do := rapid.SampledFrom(Doings()).Draw(r, "do")
			order := rapid.SampledFrom([]string{"o1", "o2", "o3"}).Draw(r, "order")
			if m := moves[do]; !m[0].ByOrder() && !m[1].ByOrder() {
				order = ""
			}
			amount := eur(rapid.Int64Range(1, 5000).Draw(r, "amount"))
			entries, err := Act(do, order, amount)
			if err != nil {
				r.Fatal(err)
			}
			before := maps.Clone(b)
			if err := b.Post(entries); err != nil {
				if !errors.Is(err, ErrShort) || !maps.Equal(b, before) {
					r.Fatalf("%v left %v of %v", err, b, before)
				}
				refused++
				continue
			}
			done++
			for _, e := range entries {
				was, there := journal[Key{e.Side, e.Order}]
				if !there {
					was = eur(0)
				}
				journal[Key{e.Side, e.Order}], _ = was.Plus(e.Amount)
			}
			sum, out := int64(0), int64(0)
			for key, amount := range b {
				sum += amount.Minor()
				if key.Side == Issued {
					out = -amount.Minor()
				} else if amount.Negative() || amount.Minor() > -b[Key{Issued, ""}].Minor() {
					r.Fatalf("%s stands at %v", key, amount)
				}
			}
			if sum != 0 || out < 0 || !maps.Equal(b, journal) {
				r.Fatalf("the book sums to %d: %v, its journal says %v", sum, b, journal)
			}
		}
		if refused+done == 0 {
			r.Fatal("nothing was tried")
		}
	})
}

func TestAnActThatIsNoneIsNotMade(t *testing.T) {
	for _, c := range []struct {
		do     Doing
		order  string
		amount int64
	}{{Issue, "", 0}, {Issue, "", -1}, {Issue, "o1", 5}, {Hold, "", 5}, {Take, "", 5}, {"", "", 5}, {"mint", "", 5}} {
		if e, err := Act(c.do, c.order, eur(c.amount)); err == nil {
			t.Errorf("%+v gave %v", c, e)
		}
	}
	yen, _ := money.ParseCurrency("JPY")
	for _, list := range [][]Entry{nil, {{Balance, "", eur(5)}}, {{Issued, "", eur(-5)}, {Balance, "", money.Of(5, yen)}}, {{Issued, "", eur(-5)}, {Balance, "", eur(6)}}} {
		if err := (Book{}).Post(list); !errors.Is(err, ErrUneven) {
			t.Errorf("%v was posted: %v", list, err)
		}
	}
}

func TestCreditPaysNoMoreThanThePrice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		price := eur(rapid.Int64Range(0, 10_000).Draw(r, "price"))
		var have []Part
		for i := range rapid.IntRange(0, MaxTogether).Draw(r, "credits") {
			have = append(have, Part{ID: ID(fmt.Sprint(i)), Kind: Card, Amount: eur(rapid.Int64Range(0, 6000).Draw(r, "balance"))})
		}
		parts, rest, err := Spread(price, have)
		if err != nil {
			r.Fatal(err)
		}
		sum, err := Sum(euro, parts)
		if err != nil || sum.Minor()+rest.Minor() != price.Minor() || rest.Negative() {
			r.Fatalf("%v and %v pay %v, %v", parts, rest, price, err)
		}
		for i, p := range parts {
			if p.Amount.Negative() || p.Amount.Minor() > have[i].Amount.Minor() || rest.Minor() > 0 && p.Amount != have[i].Amount {
				r.Fatalf("%v of %v is paid while %v is left", p.Amount, have[i].Amount, rest)
			}
		}
		back := eur(rapid.Int64Range(0, 12_000).Draw(r, "back"))
		shares, err := Share(back, parts)
		if back.Minor() > sum.Minor() {
			if !errors.Is(err, ErrShort) {
				r.Fatalf("%v of %v went back: %v", back, sum, err)
			}
			return
		}
		if got, _ := Sum(euro, shares); err != nil || got != back {
			r.Fatalf("%v went back of %v, %v", got, back, err)
		}
	})
}

func TestACodeTellsAMistypedOneByItself(t *testing.T) {
	seen := map[string]bool{}
	for range 300 {
		c := NewCode()
		text := c.Reveal()
		if seen[text] || len(text) != 23 || strings.Count(text, "-") != 3 || !strings.HasSuffix(text, c.Last()) {
			t.Fatalf("drew %q, last %q", text, c.Last())
		}
		seen[text] = true
		for _, typed := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", " "), strings.ReplaceAll(text, "0", "O"), strings.ReplaceAll(text, "1", "l")} {
			if got, ok := ReadCode(typed); !ok || got != c {
				t.Fatalf("%q reads as %v", typed, ok)
			}
		}
		key := c.key
		for i := range key {
			for _, other := range alphabet {
				if wrong := key[:i] + string(other) + key[i+1:]; wrong != key {
					if _, ok := ReadCode(wrong); ok {
						t.Fatalf("%s passes for %s", wrong, key)
					}
				}
			}
			if i+1 < len(key) && key[i] != key[i+1] {
				if _, ok := ReadCode(key[:i] + key[i+1:i+2] + key[i:i+1] + key[i+2:]); ok {
					t.Fatalf("%s with two neighbours exchanged passes", key)
				}
			}
		}
	}
}

func TestACodeDoesNotShowItself(t *testing.T) {
	c := NewCode()
	text, err := json.Marshal(map[string]any{"code": c})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %q %s", c, c, &c, struct{ C Code }{c}), string(text)} {
		if strings.Contains(got, c.key) || strings.Contains(got, c.Reveal()) || strings.Contains(got, c.Last()) {
			t.Errorf("it shows itself: %s", got)
		}
	}
}

func FuzzReadCode(f *testing.F) {
	f.Add(NewCode().Reveal())
	f.Add("SUMMER24")
	f.Fuzz(func(t *testing.T, typed string) {
		c, ok := ReadCode(typed)
		if !ok {
			return
		}
		if again, ok := ReadCode(c.Reveal()); !ok || again != c {
			t.Errorf("%q reads as another code the second time", typed)
		}
	})
}
