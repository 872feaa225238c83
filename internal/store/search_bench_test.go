package store_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/search"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

const (
	benchProducts = 50_000
	searchBudget  = 50 // milliseconds, p95
	saveBudget    = 2_000
)

// invented makes words that look like a language, the commoner ones shorter.
func invented(r *rand.Rand, n int) []string {
	syllables := strings.Fields("ka ke ki lo la mi mo na ne ri ro sa se ta te ti va ve wo zu bra cle dri fen gar hol jun kel lin mor")
	out := make([]string, n)
	for i := range out {
		for range 2 + r.IntN(2) + i*2/n {
			out[i] += syllables[r.IntN(len(syllables))]
		}
	}
	return out
}

// BenchmarkSearch fills a shop of 50,000 products and asks it as shoppers do. The
// budget is for p95.
func BenchmarkSearch(b *testing.B) {
	for _, engine := range shoptest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := shoptest.Open(b, engine)
			r := rand.New(rand.NewPCG(1, 2))
			words := invented(r, 20_000)
			word := func() string { return words[min(r.IntN(len(words)), r.IntN(len(words)), r.IntN(len(words)))] }
			began := time.Now()
			fill(b, s, r, word)
			rate := benchProducts / time.Since(began).Seconds()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began = time.Now()
			ask(b, s, store.ProductQuery{Text: "warm"})
			first := time.Since(began)
			runtime.GC()
			runtime.ReadMemStats(&after)
			fmt.Printf("%s: %d products saved at %.0f/s (budget on SQLite %d); read for search in %v; the cards take %.0f MiB\n",
				engine, benchProducts, rate, saveBudget, first.Round(time.Millisecond), float64(after.HeapAlloc-before.HeapAlloc)/(1<<20))

			kinds := []struct {
				name string
				q    func() store.ProductQuery
			}{
				{"one word", func() store.ProductQuery { return store.ProductQuery{Text: word()} }},
				{"the commonest word", func() store.ProductQuery { return store.ProductQuery{Text: words[0]} }},
				{"three letters", func() store.ProductQuery { return store.ProductQuery{Text: word()[:3]} }},
				{"two words", func() store.ProductQuery { return store.ProductQuery{Text: word() + " " + word()[:4]} }},
				{"three words", func() store.ProductQuery {
					return store.ProductQuery{Text: word()[:3] + " " + word()[:3] + " " + word()[:3]}
				}},
				{"a typo", func() store.ProductQuery { return store.ProductQuery{Text: typo(r, word())} }},
				{"two typos", func() store.ProductQuery { return store.ProductQuery{Text: typo(r, word()) + " " + typo(r, word())} }},
				{"a SKU", func() store.ProductQuery {
					return store.ProductQuery{Text: fmt.Sprintf("SKU-%d-0", r.IntN(benchProducts))}
				}},
				{"nothing like it", func() store.ProductQuery { return store.ProductQuery{Text: "xqxqxqxq yvyvyvyv"} }},
				{"a word, filtered, by price, counted", func() store.ProductQuery {
					return store.ProductQuery{Text: word()[:3], Sort: search.ByPrice, Facets: true, Available: true, From: 1000, Filters: []search.Filter{{Group: "o.Colour", Value: "Red"}}}
				}},
				{"a shelf, counted", func() store.ProductQuery { return store.ProductQuery{Collection: "kind-3", Facets: true} }},
			}
			for _, k := range kinds {
				b.Run(k.name, func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						q := k.q()
						began := time.Now()
						ask(b, s, q)
						took = append(took, time.Since(began))
					}
					slices.Sort(took)
					ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
					b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
					b.ReportMetric(ms(took[len(took)*95/100]), "p95-ms")
					b.ReportMetric(searchBudget, "budget-ms")
				})
			}
		})
	}
}

func fill(b *testing.B, s *shoptest.Shop, r *rand.Rand, word func() string) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		b.Fatal(err)
	}
	text := func(n int) string {
		var t []string
		for range n {
			t = append(t, word())
		}
		return strings.Join(t, " ")
	}
	const at = 250
	for from := 0; from < benchProducts; from += at {
		products := make([]catalog.Product, at)
		for i := range products {
			n := from + i
			p := catalog.Product{Handle: fmt.Sprintf("p-%d", n), Title: text(2 + r.IntN(4)), Description: "<p>" + text(30) + "</p>", Kind: fmt.Sprintf("Kind %d", n%20),
				Vendor: fmt.Sprintf("Maker %d", n%50), Tags: []string{text(1), text(1)}, Published: true, Options: []string{"Colour"}}
			for j, colour := range []string{"Red", "Blue"}[:1+n%2] {
				p.Variants = append(p.Variants, catalog.Variant{SKU: fmt.Sprintf("SKU-%d-%d", n, j), Values: []string{colour}, Price: money.Of(int64(500+r.IntN(10_000)), eur),
					CompareAt: money.Zero(eur), Stock: shoptest.Counted(int64(n % 10))})
			}
			products[i] = p
		}
		err := s.DB.InTx(noCtx, ledger.System("bench"), func(t *store.Tx) error {
			for _, p := range products {
				if err := t.SaveProduct(p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func ask(b *testing.B, s *shoptest.Shop, q store.ProductQuery) {
	if err := s.DB.View(noCtx, func(v *store.View) error { _, err := v.Find(q); return err }); err != nil {
		b.Fatal(err)
	}
}

// typo swaps two letters of a word.
func typo(r *rand.Rand, word string) string {
	at := r.IntN(len(word) - 1)
	return word[:at] + word[at+1:at+2] + word[at:at+1] + word[at+2:]
}
