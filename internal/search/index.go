package search

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// Fields of a product, worst first: what a word found there is worth.
const (
	inDescription = iota
	inLabels
	inTitle
)

var fieldWorth = [...]int32{inDescription: 1, inLabels: 4, inTitle: 8}

// Item is what an index is told about a product.
type Item struct {
	catalog.Product
	Created int64 // Unix milliseconds
}

// card is what the index keeps of a product.
type card struct {
	id       string
	title    string // folded
	low      int64  // its cheapest variant, in minor units
	created  int64
	labels   []uint32 // kind, vendor, tags, option values; see facets.go
	variants int32    // on sale
	gone     int32    // of those, sold out
	live     bool     // published, and not replaced by a newer card
}

func (c *card) available() bool { return c.gone < c.variants }

// Index is the cards of a catalogue. Its readers may be many at a time, its
// writers must be alone.
type Index struct {
	cards  []card
	at     map[string]uint32 // product → card
	alive  int               // cards that are live
	words  vocabulary
	labels labels
	seed   maphash.Seed
	codes  map[uint64][]uint32 // SKU or barcode → cards
	shelf  map[string]*shelf   // handle → collection
	gone   map[string]int32    // product → variants sold out, as last told
	pool   sync.Pool
}

// New makes an empty index.
func New() *Index {
	x := &Index{at: map[string]uint32{}, words: newVocabulary(), labels: newLabels(), seed: maphash.MakeSeed(),
		codes: map[uint64][]uint32{}, shelf: map[string]*shelf{}}
	x.pool.New = func() any { return new(scratch) }
	return x
}

// Len is the number of products that can be found.
func (x *Index) Len() int { return x.alive }

// Put adds a product, or replaces what the index has of it. One that is not
// published can't be found.
func (x *Index) Put(it Item) {
	id := string(it.ID)
	if old, known := x.at[id]; known {
		if x.cards[old].live {
			x.alive--
		}
		x.cards[old] = card{id: x.cards[old].id}
		delete(x.at, id)
	}
	if !it.Published {
		return
	}
	n := uint32(len(x.cards))
	c := card{id: strings.Clone(id), title: Fold(it.Title), created: it.Created, variants: int32(len(it.Variants)), live: true, gone: x.gone[id]}
	for i, v := range it.Variants {
		if i == 0 || v.Price.Minor() < c.low {
			c.low = v.Price.Minor()
		}
		x.addCode(v.SKU, n)
		x.addCode(v.Barcode, n)
	}
	for _, w := range Words(c.title) {
		x.words.add(w, n, inTitle)
	}
	for _, text := range append([]string{it.Kind, it.Vendor}, it.Tags...) {
		x.addLabel(text, n)
	}
	for _, v := range it.Variants {
		for _, value := range v.Values {
			x.addLabel(value, n)
		}
	}
	words := Words(Fold(textOf(it.Description)))
	for _, w := range words[:min(len(words), maxRead)] {
		x.words.add(w, n, inDescription)
	}
	c.labels = x.labels.of(it.Product)
	x.cards = append(x.cards, c)
	x.at[c.id] = n
	x.alive++
	if dead := len(x.cards) - x.alive; dead > 1000 && dead > x.alive {
		x.compact()
	}
}

func (x *Index) addLabel(text string, card uint32) {
	for _, w := range Words(Fold(text)) {
		x.words.add(w, card, inLabels)
	}
}

func (x *Index) addCode(code string, card uint32) {
	if code = Fold(strings.TrimSpace(code)); code == "" {
		return
	}
	key := maphash.String(x.seed, code)
	list := x.codes[key]
	if len(list) == 0 || list[len(list)-1] != card {
		x.codes[key] = append(list, card)
	}
}

// SoldOut tells how many variants of which products are sold out. A product
// that is not named has all of its own.
func (x *Index) SoldOut(gone map[string]int32) {
	for id := range x.gone {
		if n, known := x.at[id]; known {
			x.cards[n].gone = 0
		}
	}
	for id, count := range gone {
		if n, known := x.at[id]; known {
			x.cards[n].gone = count
		}
	}
	x.gone = gone
}

// compact drops the cards that were replaced. They are the price of never
// searching a list for what to take out of it.
func (x *Index) compact() {
	to := make([]uint32, len(x.cards))
	kept := make([]card, 0, x.alive)
	for i, c := range x.cards {
		if c.live {
			to[i] = uint32(len(kept))
			kept = append(kept, c)
		}
	}
	words := newVocabulary()
	for i, list := range x.words.lists {
		for _, p := range list {
			if x.cards[p>>fieldBits].live {
				words.add(x.words.terms[i], to[p>>fieldBits], p&(1<<fieldBits-1))
			}
		}
	}
	for key, list := range x.codes {
		var left []uint32
		for _, n := range list {
			if x.cards[n].live {
				left = append(left, to[n])
			}
		}
		if x.codes[key] = left; len(left) == 0 {
			delete(x.codes, key)
		}
	}
	x.cards, x.words = kept, words
	for i := range kept {
		x.at[kept[i].id] = uint32(i)
	}
}
