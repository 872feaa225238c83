package contact

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// MaxName is the most code points a name has.
const MaxName = 200

// Name is the name of a person, or of a company that takes a parcel, as they
// write it themselves: any script, one word or many.
type Name struct {
	veil[nameWord]
	f **string
}

// ParseName accepts 1 to MaxName code points in any script. Spaces are
// collapsed and letters composed (NFC). Refused are control characters, line
// breaks, overrides of the writing direction and web addresses: a name goes
// into mails, and spammers know that.
func ParseName(s string) (Name, error) {
	if len(s) > 8*MaxName*utf8.UTFMax {
		return Name{}, fault.Field("name", nameTooLong)
	}
	if detail := unfit(s, "A name", false); detail != "" {
		return Name{}, fault.Field("name", detail)
	}
	s = collapse(norm.NFC.String(s))
	switch {
	case !visible(s):
		return Name{}, fault.Field("name", "Please give a name.")
	case utf8.RuneCountInString(s) > MaxName:
		return Name{}, fault.Field("name", nameTooLong)
	case linkish(s):
		return Name{}, fault.Field("name", "A name cannot contain a web address. Please give the name alone.")
	}
	return Name{f: hide(s)}, nil
}

const nameTooLong = "A name can have up to 200 characters. Please shorten it."

// Reveal returns the name.
func (n Name) Reveal() string { return content(n.f) }

// IsZero reports whether there is no name.
func (n Name) IsZero() bool { return n.f == nil }

// Equal reports whether both names are written the same.
func (n Name) Equal(o Name) bool { return n.IsZero() == o.IsZero() && n.Reveal() == o.Reveal() }

// Note is free text from a shopper, such as a word for the courier.
type Note struct {
	veil[noteWord]
	f **string
}

// ParseNote accepts text with line breaks, of at most limit code points. Lines
// lose their trailing spaces and the text its outer blank lines; an empty
// text is the zero Note, without an error.
func ParseNote(s string, limit int) (Note, error) {
	tooLong := func() error {
		return fault.Field("note", "Please shorten the text to "+plural(limit, "character")+".")
	}
	if len(s) > 8*limit*utf8.UTFMax+16 {
		return Note{}, tooLong()
	}
	if detail := unfit(s, "The text", true); detail != "" {
		return Note{}, fault.Field("note", detail)
	}
	s = norm.NFC.String(lineBreaks.Replace(s))
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(line, isSpace)
	}
	s = strings.Trim(strings.Join(lines, "\n"), "\n")
	if s == "" {
		return Note{}, nil
	}
	if utf8.RuneCountInString(s) > limit {
		return Note{}, tooLong()
	}
	return Note{f: hide(s)}, nil
}

// Reveal returns the text.
func (n Note) Reveal() string { return content(n.f) }

// IsZero reports whether there is no text.
func (n Note) IsZero() bool { return n.f == nil }

// Equal reports whether both texts are the same.
func (n Note) Equal(o Note) bool { return n.Reveal() == o.Reveal() }
