package search

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// What a term is worth to a word, by how it fits.
const (
	fitSame   = 10
	fitBegins = 7
	fitTypo   = 5
	fitHolds  = 4
	fitTypos  = 3
)

// maxTerms bounds how many terms one word of a question stands for.
const maxTerms = 400

// vocabulary is every word of every product, each with where it occurs. It is
// read from end to end for each word of a question: letter sets rule nearly
// every term out by a single comparison.
type vocabulary struct {
	at    map[string]uint32
	terms []string
	sets  []uint64   // letter set of each term
	lists [][]uint32 // of each term: card<<fieldBits | field, in rising order
}

const fieldBits = 2

func newVocabulary() vocabulary { return vocabulary{at: map[string]uint32{}} }

// lettersOf is a set of letters: equal letters have equal bits, so a word that
// holds another has all its bits.
func lettersOf(word string) (set uint64) {
	for _, r := range word {
		set |= 1 << (uint32(r) * 0x9E3779B1 >> 26)
	}
	return set
}

// add notes that a card has a term in a field. Cards come in rising order; of
// one card's fields the best stays.
func (v *vocabulary) add(term string, card uint32, field uint32) {
	i, known := v.at[term]
	if !known {
		i = uint32(len(v.terms))
		term = strings.Clone(term) // not the text it was cut out of
		v.at[term] = i
		v.terms, v.sets, v.lists = append(v.terms, term), append(v.sets, lettersOf(term)), append(v.lists, nil)
	}
	list := v.lists[i]
	if n := len(list); n > 0 && list[n-1]>>fieldBits == card {
		list[n-1] = max(list[n-1], card<<fieldBits|field)
		return
	}
	v.lists[i] = append(list, card<<fieldBits|field)
}

// fit is a term that a word stands for.
type fit struct {
	term  uint32
	worth int32
}

// fits returns the terms that a word stands for: the same, those that begin
// with it and those that hold it.
func (v *vocabulary) fits(word string) []fit {
	var out []fit
	inside := holdsInside(word)
	want := lettersOf(word)
	for i, set := range v.sets {
		if want&^set != 0 {
			continue
		}
		term := v.terms[i]
		switch {
		case len(term) == len(word) && term == word:
			out = append(out, fit{uint32(i), fitSame})
		case strings.HasPrefix(term, word):
			out = append(out, fit{uint32(i), fitBegins})
		case inside && strings.Contains(term, word):
			out = append(out, fit{uint32(i), fitHolds})
		}
	}
	return v.best(out)
}

// holdsInside reports whether a word is looked for in the middle of others:
// two Latin letters are in nearly everything, two Chinese ones are a word.
func holdsInside(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return r >= 0x2E80 || utf8.RuneCountInString(word) >= 3
}

// near returns the terms that a word may have been meant for.
func (v *vocabulary) near(word string) []fit {
	letters := []rune(word)
	most := allowed(len(letters))
	if most == 0 {
		return nil
	}
	var out []fit
	want := lettersOf(word)
	for i, set := range v.sets {
		if bits.OnesCount64(want&^set) > most || bits.OnesCount64(set&^want) > most || len(v.lists[i]) == 0 {
			continue
		}
		term := v.terms[i]
		if d := len(term) - len(word); d > 4*most || d < -4*most {
			continue
		}
		switch distance(letters, []rune(term), most) {
		case 0, 1:
			out = append(out, fit{uint32(i), fitTypo})
		case 2:
			if most == 2 {
				out = append(out, fit{uint32(i), fitTypos})
			}
		}
	}
	return v.best(out)
}

// best puts the best fits first, then the commonest, and bounds their number.
func (v *vocabulary) best(fits []fit) []fit {
	slices.SortFunc(fits, func(a, b fit) int {
		if a.worth != b.worth {
			return int(b.worth - a.worth)
		}
		if d := len(v.lists[b.term]) - len(v.lists[a.term]); d != 0 {
			return d
		}
		return strings.Compare(v.terms[a.term], v.terms[b.term])
	})
	return fits[:min(len(fits), maxTerms)]
}
