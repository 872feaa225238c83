package password

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// How long a password has to be (NIST SP 800-63B-4, 3.1.1.2).
const (
	ShortestAlone  = 15 // when nothing else is asked for at sign-in
	ShortestBeside = 12 // beside a second factor; the standard would be content with 8
)

// Context is what is known about a password's owner.
type Context struct {
	// Alone says that the password is the only thing asked for at sign-in.
	Alone bool
	// Words are what anybody would try first: the shop's name, the owner's name
	// and mail address. They are taken apart here.
	Words []string
}

// Shortest is how many characters a password must have here.
func (c Context) Shortest() int {
	if c.Alone {
		return ShortestAlone
	}
	return ShortestBeside
}

const (
	ownWords   = 40  // words of a context that are looked at
	ownBytes   = 512 // bytes of each
	ownLetters = 3   // a shorter part is in any text
	besides    = 8   // characters that must be there beside the owner's words
)

// words are the parts of the context in lower case, the longest first.
func (c Context) words() []string {
	all := []string{"cartkeep"}
	for _, w := range c.Words {
		if len(w) > ownBytes {
			w = w[:ownBytes]
		}
		w = strings.ToLower(strings.ToValidUTF8(w, ""))
		all = append(all, strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
		if len(all) >= ownWords {
			all = all[:ownWords]
			break
		}
	}
	all = slices.DeleteFunc(all, func(w string) bool { return utf8.RuneCountInString(w) < ownLetters })
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(all)
}

// Check holds a new password to the rules. An error concerns field and says
// what to do. Whoever already has a password keeps it: Check is not for sign-in.
func Check(field string, p Password, c Context) error {
	if n := p.Len(); n < c.Shortest() {
		return fault.Field(field, fmt.Sprintf("This has %s. Please use at least %d: a few words in a row are easy to keep in mind.",
			characters(n), c.Shortest()))
	}
	if isCommon(p) {
		return fault.Field(field, "This is one of the passwords that thieves try first. Please choose another one.")
	}
	own := c.words()
	if left := without(p, own); left < besides && left < p.Len() {
		return fault.Field(field, "This is little more than a name or a word that others know. Please add words that have nothing to do with you or the shop.")
	}
	if guesses(p, own) < trivial {
		return fault.Field(field, "This is a simple pattern that is guessed at once. Please use a few words that don't belong together.")
	}
	return nil
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

// without counts the characters that are left when the owner's words are taken out.
func without(p Password, own []string) int {
	text := strings.ToLower(string(p.bytes()))
	for _, w := range own {
		text = strings.ReplaceAll(text, w, "")
	}
	return utf8.RuneCountInString(text)
}
