package search

import (
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// Sort is an order of products.
type Sort string

// The orders. Each ends with the product's id, so that no two share a place.
const (
	ByShelf     Sort = ""          // the collection's own, else as they came into the shop
	ByRelevance Sort = "relevance" // of a question with words; else ByShelf
	ByNewest    Sort = "newest"
	ByPrice     Sort = "price"      // cheapest first
	ByPriceDown Sort = "price-down" // dearest first
	ByTitle     Sort = "title"
)

// Question asks for products.
type Question struct {
	Text       string // every word must be found; "" asks for all
	Collection string // handle; "" for all
	Filters    []Filter
	Available  bool
	From, To   int64 // price in minor units; To 0 has no end
	Sort       Sort
	Limit      int    // at least 1
	Cursor     string // Next of the answer before; "" to begin
	Facets     bool   // count what could be filtered by
}

// Answer is a part of what was found.
type Answer struct {
	IDs     []string // in their order
	Next    string   // cursor of the next part; "" at the end
	Total   int      // all that was found, whatever the limit
	Facets  []Facet
	Meant   string // what the words were taken for, when that is not what was typed
	BadMark bool   // the cursor is none of this order; the answer begins anew
}

// scratch is room for one question.
type scratch struct {
	total, best []int32
	seen        []uint8
	counts      []int32
}

func (s *scratch) reset(cards, labels int) {
	s.total, s.best = zero(s.total, cards), zero(s.best, cards)
	s.counts = zero(s.counts, labels)
	if cap(s.seen) < cards {
		s.seen = make([]uint8, cards)
	}
	s.seen = s.seen[:cards]
	clear(s.seen)
}

func zero(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n+n/8)[:n]
	}
	s = s[:n]
	clear(s)
	return s
}

// found is a product on its way into the answer.
type found struct {
	card uint32
	num  int64  // what it is ordered by
	str  string // instead, by title
}

// Ask answers a question.
func (x *Index) Ask(q Question) Answer {
	var out Answer
	var stand *on
	if q.Collection != "" {
		s := x.shelf[q.Collection]
		if s == nil {
			return out
		}
		stand = x.ready(s)
	}
	room := x.pool.Get().(*scratch)
	defer x.pool.Put(room)
	room.reset(len(x.cards), len(x.labels.names))

	worded := strings.TrimSpace(q.Text) != ""
	if q.Sort == ByRelevance && !worded || q.Sort == "" && worded {
		q.Sort = map[bool]Sort{true: ByRelevance, false: ByShelf}[worded]
	}
	if worded {
		out.Meant = x.match(q.Text, room)
	}
	after, ok := parseMark(q.Cursor, q.Sort)
	out.BadMark = !ok
	f := x.filtersOf(q)
	q.Limit = max(1, q.Limit)
	top := make([]found, 0, q.Limit+2)
	for i := range x.cards {
		c := &x.cards[i]
		if !c.live || worded && room.total[i] == 0 {
			continue
		}
		place := 0
		if stand != nil {
			if place, ok = stand.has(c); !ok {
				continue
			}
		}
		failed, which := f.failed(c)
		if q.Facets {
			x.count(room.counts, c, failed, which)
		}
		if failed > 0 {
			continue
		}
		out.Total++
		one := found{card: uint32(i)}
		switch q.Sort {
		case ByRelevance:
			one.num = -int64(room.total[i])
		case ByNewest:
			one.num = -c.created
		case ByPrice:
			one.num = c.low
		case ByPriceDown:
			one.num = -c.low
		case ByTitle:
			one.str = titleKey(c.title)
		default:
			one.num = int64(place)
		}
		if after.set && x.compare(one, after) <= 0 {
			continue
		}
		top = x.insert(top, one, q.Limit+1)
	}
	if len(top) > q.Limit {
		top = top[:q.Limit]
		out.Next = x.mark(top[len(top)-1], q.Sort)
	}
	for _, t := range top {
		out.IDs = append(out.IDs, x.cards[t.card].id)
	}
	if q.Facets {
		out.Facets = x.facets(room.counts, f)
	}
	return out
}

// count adds a card to the counts of its labels: of all when it passes every
// filter, and of the one group whose filter alone it does not pass, since
// choosing another value there would bring it.
func (x *Index) count(counts []int32, c *card, failed, which int) {
	if failed > 1 || failed == 1 && which < 0 {
		return
	}
	for _, l := range c.labels {
		if failed == 0 || int(x.labels.groups[l]) == which {
			counts[l]++
		}
	}
}

// place is where a list goes on.
type place struct {
	found
	id  string
	set bool
}

func (x *Index) compare(f found, to place) int {
	switch {
	case f.num < to.num:
		return -1
	case f.num > to.num:
		return 1
	}
	if d := strings.Compare(f.str, to.str); d != 0 {
		return d
	}
	return strings.Compare(x.cards[f.card].id, to.id)
}

// insert keeps the first of what it is given, in order.
func (x *Index) insert(top []found, f found, most int) []found {
	less := func(o found) bool { return x.compare(f, place{found: o, id: x.cards[o.card].id}) < 0 }
	if len(top) == most && !less(top[most-1]) {
		return top
	}
	at, _ := slices.BinarySearchFunc(top, f, func(o, _ found) int {
		if less(o) {
			return 1
		}
		return -1
	})
	top = slices.Insert(top, at, f)
	return top[:min(len(top), most)]
}

const maxTitleKey = 32 // bytes of a title that order goes by

func titleKey(title string) string { return title[:min(len(title), maxTitleKey)] }

// A mark is the first letter of the order, what it goes by and the id:
// "p1c2.018f…". It holds values, not a place in the list, so that a product
// added or sold out meanwhile moves nobody else.
func (x *Index) mark(f found, s Sort) string {
	key := strconv.FormatInt(f.num, 36)
	if s == ByTitle {
		key = base64.RawURLEncoding.EncodeToString([]byte(f.str))
	}
	return letter(s) + key + "." + x.cards[f.card].id
}

func letter(s Sort) string {
	switch s {
	case ByRelevance:
		return "r"
	case ByNewest:
		return "n"
	case ByPrice:
		return "p"
	case ByPriceDown:
		return "d"
	case ByTitle:
		return "t"
	}
	return "s"
}

func parseMark(mark string, s Sort) (p place, ok bool) {
	if mark == "" {
		return p, true
	}
	rest, ok := strings.CutPrefix(mark, letter(s))
	key, id, cut := strings.Cut(rest, ".")
	if !ok || !cut || id == "" || len(mark) > 200 {
		return p, false
	}
	p.id, p.set = id, true
	if s == ByTitle {
		b, err := base64.RawURLEncoding.DecodeString(key)
		p.str = string(b)
		return p, err == nil
	}
	var err error
	p.num, err = strconv.ParseInt(key, 36, 64)
	return p, err == nil
}

// match gives every card that has a term for each word of text its score, and
// returns what the words were taken for when typos were forgiven.
func (x *Index) match(text string, room *scratch) (meant string) {
	text = cut(Fold(strings.TrimSpace(text)), MaxText)
	if list := x.codes[maphash.String(x.seed, text)]; len(list) > 0 {
		for _, n := range list {
			room.total[n] = codeWorth
		}
		return ""
	}
	asked := x.parts(text)
	if len(asked) == 0 {
		return ""
	}
	if x.all(asked, room, false) {
		return corrected(x, asked)
	}
	if len(asked) > 1 && x.all(asked, room, true) {
		return corrected(x, asked)
	}
	clear(room.total)
	return ""
}

const (
	codeWorth  = 1000 // of a SKU or barcode
	titleWorth = 100  // of a title that is exactly what was typed
)

// part is a word of a question with what it stands for.
type part struct {
	word  string
	cards []uint32 // of a SKU
	fits  []fit
	typo  bool
}

func (x *Index) parts(text string) []part {
	var out []part
	for _, token := range strings.Fields(text) {
		if list := x.codes[maphash.String(x.seed, token)]; len(list) > 0 {
			out = append(out, part{word: token, cards: list})
			continue
		}
		for _, w := range Words(token) {
			if !slices.ContainsFunc(out, func(p part) bool { return p.word == w }) {
				out = append(out, part{word: w})
			}
		}
	}
	return out[:min(len(out), MaxWords)]
}

// all scores the cards that have every part, and reports whether there is one.
// With widely, a word that is found may also be a typo of another.
func (x *Index) all(asked []part, room *scratch, widely bool) bool {
	clear(room.total)
	clear(room.seen)
	left := 0
	for k := range asked {
		p := &asked[k]
		if p.cards == nil {
			if !widely {
				p.fits = x.words.fits(p.word)
				if x.nowhere(p.fits) {
					p.fits, p.typo = x.words.near(p.word), true
				}
			} else if !p.typo {
				p.fits = append(p.fits, x.words.near(p.word)...)
			}
		}
		left = x.one(p, uint8(k), room)
		if left == 0 {
			return false
		}
	}
	whole := asked[0].word
	for _, p := range asked[1:] {
		whole += " " + p.word
	}
	for i, total := range room.total {
		if room.seen[i] != uint8(len(asked)) {
			room.total[i] = 0
		} else if total > 0 && x.cards[i].title == whole {
			room.total[i] += titleWorth
		}
	}
	return true
}

// nowhere reports that no living card has any of these terms.
func (x *Index) nowhere(fits []fit) bool {
	for _, f := range fits {
		for _, p := range x.words.lists[f.term] {
			if x.cards[p>>fieldBits].live {
				return false
			}
		}
	}
	return true
}

// one adds the best that each card has for part k to its score, among those
// that had all parts before, and returns how many have.
func (x *Index) one(p *part, k uint8, room *scratch) (left int) {
	clear(room.best)
	for _, n := range p.cards {
		room.best[n] = codeWorth
	}
	for _, f := range p.fits {
		for _, at := range x.words.lists[f.term] {
			n := at >> fieldBits
			room.best[n] = max(room.best[n], f.worth*fieldWorth[at&(1<<fieldBits-1)])
		}
	}
	for n, worth := range room.best {
		if worth > 0 && room.seen[n] == k && x.cards[n].live {
			room.total[n] += worth
			room.seen[n] = k + 1
			left++
		}
	}
	return left
}

// corrected is the question with its typos mended, "" when there were none.
func corrected(x *Index, asked []part) string {
	words, any := make([]string, len(asked)), false
	for i, p := range asked {
		words[i] = p.word
		if p.typo && len(p.fits) > 0 {
			words[i], any = x.words.terms[p.fits[0].term], true
		}
	}
	if !any {
		return ""
	}
	return strings.Join(words, " ")
}
