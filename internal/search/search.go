// Package search knows how words, filters and orders find goods.
//
// It keeps one card for each product in memory: its words, prices, labels and
// place in every order. A question is answered from the cards alone; what a
// product looks like is for whoever asked to fetch. The package knows no SQL
// and no request, and nothing in it is personal.
//
//	typed text ─▶ Fold, Words ─▶ terms of the vocabulary that fit (vocabulary.go)
//	           ─▶ products that have one for every word, each with a score
//	           ─▶ filters, counts (facets.go) ─▶ order and cursor (ask.go)
//
// A word fits a term that is the same, begins with it, or holds it. When
// nothing does, one that differs by a typo or two. Title counts more than
// labels (kind, vendor, tags, option values), those more than the description.
//
// Start reading at Index.Ask.
package search

import (
	"html"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of one product's words and of one question. They keep a hostile text
// from being a large bill.
const (
	MaxText   = 200  // code points of a question that are read
	MaxWords  = 8    // words of a question that are looked for
	maxLetter = 40   // code points of one word
	maxRead   = 3000 // words of a description that are read
)

// letters that Unicode does not take apart, though people type them plain.
var plainLetters = strings.NewReplacer("ø", "o", "æ", "ae", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "ħ", "h", "ŧ", "t")

// Fold lower-cases text and drops accents, so that "Theiere" finds "Théière".
func Fold(s string) string {
	if isPlain(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(cases.Fold().String(s)) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return plainLetters.Replace(b.String())
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Words cuts folded text into words of letters and digits. An apostrophe
// inside a word is left out: "hunter's" is "hunters".
func Words(folded string) []string {
	if strings.ContainsAny(folded, "'’") {
		folded = strings.ReplaceAll(strings.ReplaceAll(folded, "'", ""), "’", "")
	}
	words := strings.FieldsFunc(folded, between)
	for i, w := range words {
		words[i] = cut(w, maxLetter)
	}
	return words
}

// between reports what stands between words.
func between(r rune) bool {
	if r < 0x80 {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z')
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// cut shortens s to n code points.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// textOf is the plain text of a sanitised description, where a "<" always
// opens a tag.
func textOf(description string) string {
	if !strings.ContainsAny(description, "<&") {
		return description
	}
	var b strings.Builder
	b.Grow(len(description))
	for description != "" {
		before, rest, found := strings.Cut(description, "<")
		b.WriteString(before)
		if !found {
			break
		}
		b.WriteByte(' ')
		_, description, _ = strings.Cut(rest, ">")
	}
	return html.UnescapeString(b.String())
}
