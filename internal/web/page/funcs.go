package page

import (
	"fmt"
	"html/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/money"
)

// funcs are the few words templates have beyond the fields of their page.
func (s *Set) funcs() template.FuncMap {
	return template.FuncMap{
		"mark":       func() template.HTML { return CartMark },
		"date":       func(t time.Time) string { return t.In(s.zone.Load()).Format("2 January 2006") },
		"day":        func(t time.Time) string { return t.In(s.zone.Load()).Format("2 Jan") },
		"clock":      func(t time.Time) string { return t.In(s.zone.Load()).Format("15:04 MST") },
		"machine":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"stock":      stockWords,
		"left":       func(s catalog.Stock) int64 { n, _ := s.Left(); return n },
		"available":  available,
		"cheapest":   cheapest,
		"onePrice":   func(p catalog.Product) bool { return Product{Product: p}.OnePrice() },
		"pictures":   pictures,
		"shown":      shownAt,
		"unnamed":    unnamed,
		"productURL": ProductPath,
		"perUnit":    perUnit,
		"shelfUnit":  shelfUnit,
		"known":      func(a money.Amount) bool { return a != money.Amount{} },
		"keptDays":   func() int { return int(cart.IdleAfter / (24 * time.Hour)) },
		"capital":    capital,
		"percent":    func(r money.Rate) string { return Percent(int64(r)) },
		"wait":       waitWords,
		"initial":    initial,
		"asset":      func(name string) Asset { return s.assets.byName[name] },
	}
}

// stockWords says what a shopper needs to know about what is left, and no more
// than that: exact numbers only when few are left.
func stockWords(s catalog.Stock) string {
	left, limited := s.Left()
	switch {
	case limited && left == 0:
		return "Sold out"
	case limited && left <= 5:
		return fmt.Sprintf("%d left", left)
	case s.Counted && s.Backorder && s.OnHand-s.Held < 1:
		return "On order, sent when it is here"
	}
	return "In stock"
}

// initial is the letter that stands where a thing has no picture.
func initial(title string) string {
	for _, r := range title {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}

// cheapest is the lowest price among the variants; the zero amount for none.
func cheapest(p catalog.Product) money.Amount {
	var low money.Amount
	for i, v := range p.Variants {
		if i == 0 || v.Price.Minor() < low.Minor() {
			low = v.Price
		}
	}
	return low
}

// perUnit is a variant's price for a comparable amount; "" when there is none.
func perUnit(v catalog.Variant) string {
	if u, ok := v.UnitPrice(); ok {
		return u.Format()
	}
	return ""
}

// shelfUnit is that of the variant whose price a shelf shows.
func shelfUnit(p catalog.Product) string {
	low := cheapest(p)
	for _, v := range p.Variants {
		if v.Price == low {
			return perUnit(v)
		}
	}
	return ""
}

// pictures are those that can be shown.
func pictures(p catalog.Product) []catalog.Picture {
	var out []catalog.Picture
	for _, pic := range p.Pictures {
		if pic.URL != "" {
			out = append(out, pic)
		}
	}
	return out
}

// capital makes a word from the middle of a sentence begin a label.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// waitWords tells a waiting time as people do, rounded up.
func waitWords(d time.Duration) string {
	switch {
	case d <= 0:
		return "a little while"
	case d <= time.Second:
		return "a second"
	case d < 90*time.Second:
		return fmt.Sprintf("%d seconds", (d+time.Second-1)/time.Second)
	case d < 90*time.Minute:
		return fmt.Sprintf("%d minutes", (d+time.Minute-1)/time.Minute)
	}
	return fmt.Sprintf("%d hours", (d+time.Hour-1)/time.Hour)
}
