package password

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// Advice is what the meter says of a password.
type Advice struct {
	Score int    // 0, found at once, to 4, strong
	Text  string // one sentence, with what to do unless it is strong
}

// Meter judges a password for the person who is choosing it. It refuses
// nothing; Check does.
func Meter(p Password, c Context) Advice {
	own := c.words()
	switch bits := guesses(p, own); {
	case p.IsZero():
		return Advice{0, "Please type a password."}
	case isCommon(p):
		return Advice{0, "This is one of the passwords that thieves try first."}
	case bits < trivial:
		return Advice{0, "This is guessed at once. Please use a few words that don't belong together."}
	case p.Len() < c.Shortest():
		return Advice{1, "This is too short. One or two more words will do."}
	case without(p, own) < p.Len():
		return Advice{min(2, grade(bits)), "This holds a name that others know. Please take words that have nothing to do with you or the shop."}
	default:
		score := grade(bits)
		return Advice{score, sentences[score]}
	}
}

var sentences = [5]string{
	1: "This is weak. Please add a word or two.",
	2: "This is fair. One more word makes it good.",
	3: "This is good.",
	4: "This is strong.",
}

// grade turns bits into 1 to 4. The steps are those of zxcvbn: a hundred
// million guesses, ten thousand million, and then a hundred times that.
func grade(bits float64) int {
	score := 1
	for _, step := range []float64{26.6, 33.2, 40} {
		if bits >= step {
			score++
		}
	}
	return score
}

const (
	// trivial is a million guesses, in bits.
	trivial = 20
	// measured is how many characters the meter looks at. Its work grows with
	// the square of their number, and what is as long as this is strong unless
	// it repeats itself, which shows by then.
	measured = 64
	// single is what a character costs that belongs to no pattern, in bits.
	// Words that are in no list would be overrated with more: zxcvbn, too,
	// reckons with ten guesses for each character.
	single = 3.32
	// wordMost is the longest part that is looked up.
	wordMost = 16
)

// guesses is how many guesses a patient thief needs, in bits: the cheapest way
// to put the password together from common words, its owner's words, rows of
// keys, runs like 4567, dates, repetitions and single characters. The way it
// is found is zxcvbn's (Wheeler, 2016). The library itself would cost 60 ms at
// every start and 6 MB for good.
func guesses(p Password, own []string) float64 {
	typed := []rune(string(p.bytes()))
	defer clear(typed)
	if len(typed) > measured {
		typed = typed[:measured]
	}
	m := newMeasure(typed, own)
	defer clear(m.lower)
	defer clear(m.plain)
	return m.cheapest(0, len(typed))
}

// measure is one password under the meter.
type measure struct {
	typed, lower, plain []rune // as typed, in lower case, with 0 for o and so on undone
	own                 []string
	part                [][]float64 // part[i][j-i] is the cost of typed[i:j] as one part
}

func newMeasure(typed []rune, own []string) *measure {
	m := &measure{typed: typed, own: own, lower: make([]rune, len(typed)), plain: make([]rune, len(typed)), part: make([][]float64, len(typed))}
	for i, r := range typed {
		m.lower[i] = unicode.ToLower(r)
		m.plain[i] = m.lower[i]
		if at := strings.IndexRune(leetFrom, m.lower[i]); at >= 0 {
			m.plain[i] = rune(leetTo[at])
		}
	}
	for i := range typed {
		m.part[i] = make([]float64, len(typed)-i+1)
		for j := i + 1; j <= len(typed); j++ {
			m.part[i][j-i] = m.one(i, j)
		}
	}
	// Repetitions last, from the end and from the short to the long: what is
	// repeated may be made of any part that begins later.
	for i := range slices.Backward(typed) {
		m.repeats(i)
	}
	return m
}

const (
	leetFrom = "4@8301!$57"
	leetTo   = "aabeoiisst"
)

// cheapest is the cost of typed[from:to] put together from parts.
func (m *measure) cheapest(from, to int) float64 {
	best := make([]float64, to-from+1)
	for j := from + 1; j <= to; j++ {
		best[j-from] = math.Inf(1)
		for i := from; i < j; i++ {
			best[j-from] = min(best[j-from], best[i-from]+m.part[i][j-i])
		}
	}
	return best[to-from]
}

// one is the cost of typed[i:j] as a part that is no repetition.
func (m *measure) one(i, j int) float64 {
	cost := math.Inf(1)
	n := j - i
	if n == 1 {
		return single
	}
	if n >= 3 {
		cost = min(cost, m.run(i, j), m.row(i, j))
	}
	if n >= ownLetters && n <= wordMost {
		cost = min(cost, m.word(i, j))
	}
	if n == 4 || n == 6 || n == 8 {
		cost = min(cost, m.date(i, j))
	}
	return cost
}

// word looks a part up among the owner's words and the common ones.
func (m *measure) word(i, j int) float64 {
	cost := math.Inf(1)
	for extra, text := range []string{string(m.lower[i:j]), string(m.plain[i:j])} {
		dear := float64(extra) // somebody wrote 0 for o
		if !slices.Equal(m.typed[i:j], m.lower[i:j]) {
			dear++
		}
		switch n := j - i; {
		case slices.Contains(m.own, text):
			cost = min(cost, 1+dear)
		case n >= 8 && filter(commonBytes).has([]byte(text)):
			cost = min(cost, math.Log2(common)+dear)
		case n >= 4 && n < 8 && filter(partsBytes).has([]byte(text)):
			cost = min(cost, math.Log2(parts)+dear)
		}
		if slices.Equal(m.lower[i:j], m.plain[i:j]) {
			break
		}
	}
	return cost
}

// run is the cost of characters at an equal distance, such as abcd or 9753.
func (m *measure) run(i, j int) float64 {
	step := m.lower[i+1] - m.lower[i]
	if step == 0 || step < -5 || step > 5 {
		return math.Inf(1)
	}
	for k := i + 1; k < j; k++ {
		if m.lower[k]-m.lower[k-1] != step {
			return math.Inf(1)
		}
	}
	return 5 + math.Log2(float64(j-i))
}

// rows are neighbouring keys, along and down, of the keyboards most in use.
var rows = func() string {
	along := "1234567890 qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn йцукенгшщзхъ фывапролджэ " +
		"1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm 1qaz2wsx3edc4rfv5tgb6yhn7ujm 147258369 789456123 !@#$%^&*() 1q2w3e4r5t6y7u8i9o0p"
	back := []rune(along)
	slices.Reverse(back)
	return along + " " + string(back)
}()

// row is the cost of keys beside each other.
func (m *measure) row(i, j int) float64 {
	text := string(m.lower[i:j])
	if strings.ContainsRune(text, ' ') || !strings.Contains(rows, text) {
		return math.Inf(1)
	}
	return 7 + math.Log2(float64(j-i))
}

// date is the cost of a year, or of day, month and year in any order.
func (m *measure) date(i, j int) float64 {
	text := string(m.typed[i:j])
	if strings.Trim(text, "0123456789") != "" {
		return math.Inf(1)
	}
	century := func(at int) bool { return text[at:at+2] == "19" || text[at:at+2] == "20" }
	switch len(text) {
	case 4:
		if century(0) {
			return 7
		}
	case 8:
		if century(0) || century(4) {
			return 15
		}
	case 6:
		return 15
	}
	return math.Inf(1)
}

// repeats finds what begins at i and stands there two times or more.
func (m *measure) repeats(i int) {
	n := len(m.lower)
	for unit := 1; i+2*unit <= n; unit++ {
		end := i + unit
		for end+unit <= n && slices.Equal(m.lower[i:i+unit], m.lower[end:end+unit]) {
			end += unit
		}
		if end == i+unit {
			continue
		}
		base := m.cheapest(i, i+unit)
		for j := i + 2*unit; j <= end; j += unit {
			m.part[i][j-i] = min(m.part[i][j-i], base+math.Log2(float64((j-i)/unit)))
		}
	}
}
