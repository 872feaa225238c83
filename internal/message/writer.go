package message

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
	"unicode"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/contact"
)

//go:embed letters
var letterFiles embed.FS

// Shop is what every letter says about its sender.
type Shop struct {
	Name      string // "Kestrel & Daughters"
	Origin    string // "https://shop.example"; every link must lead there
	Statement string // what the bank statement will say: "KESTREL SHOP"
}

// Writer writes the letters of one shop. It may be used by many at once.
type Writer struct {
	shop Shop
	text *texttemplate.Template
	html *htmltemplate.Template
}

// NewWriter checks the shop's facts and reads the templates.
func NewWriter(shop Shop) (*Writer, error) {
	if shop.Name == "" || oneLine(shop.Name) != shop.Name || utf8.RuneCountInString(shop.Name) > 100 {
		return nil, errors.New("message: the shop's name is one line of at most 100 characters")
	}
	if shop.Statement == "" || oneLine(shop.Statement) != shop.Statement || len(shop.Statement) > 40 {
		return nil, errors.New("message: the statement text is one line of at most 40 characters")
	}
	u, err := url.Parse(shop.Origin)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || "https://"+u.Host != shop.Origin {
		return nil, errors.New("message: the shop's origin is https://HOST")
	}
	w := &Writer{shop: shop}
	if w.text, err = texttemplate.ParseFS(letterFiles, "letters/*.txt"); err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	if w.html, err = htmltemplate.ParseFS(letterFiles, "letters/*.html"); err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	return w, nil
}

// write fills the two templates of a letter. A letter without a link has "".
func (w *Writer) write(id string, to contact.Email, template, subject, link string, letter any) (Message, error) {
	m := Message{ID: id, Channel: Email, To: to.Reveal(), Subject: subject}
	if id == "" || m.To == "" || strings.ContainsFunc(m.To, unfit) || oneLine(m.Subject) != m.Subject {
		return Message{}, errors.New("write letter: it has no id, no address, or more than one line in its head")
	}
	if (link != "" || template == "order") && !w.ours(link) {
		return Message{}, errors.New("write letter: its link does not lead to the shop")
	}
	var text, html strings.Builder
	if err := w.text.ExecuteTemplate(&text, template+".txt", letter); err != nil {
		return Message{}, fmt.Errorf("write letter: %w", err)
	}
	if err := w.html.ExecuteTemplate(&html, template+".html", letter); err != nil {
		return Message{}, fmt.Errorf("write letter: %w", err)
	}
	m.Text, m.HTML = text.String(), html.String()
	return m, nil
}

// ours accepts links to the shop's own origin, written the plain way.
func (w *Writer) ours(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.User == nil && "https://"+u.Host == w.shop.Origin && u.Scheme == "https" &&
		strings.HasPrefix(u.Path, "/") && u.String() == link && !strings.ContainsFunc(link, unfit)
}

// greeting returns the name where it can be nothing but a name, else "".
//
// Mail programs make a link of whatever looks like one ("prize.example"), and
// whoever types somebody else's address into a checkout chooses the name. So a
// greeting is letters, with what joins letters in names, and short. A person
// whose name has a digit in it is greeted without it; nothing else is lost.
func greeting(n contact.Name) string {
	s := n.Reveal()
	if utf8.RuneCountInString(s) > 60 || strings.Count(s, " ") > 5 {
		return ""
	}
	for i, c := range s {
		switch {
		case unicode.IsLetter(c), unicode.IsMark(c), strings.ContainsRune(" '’ʼʻ-‐·", c):
		case c == '\u200c' || c == '\u200d': // joiners, within Persian and Indic names
		case c == '.': // "J. R. Hartley", not "hartley.example"
			if rest := s[i+1:]; rest != "" && !strings.HasPrefix(rest, " ") {
				return ""
			}
		default:
			return ""
		}
	}
	return s
}

// oneLine makes one tidy line of a text: no breaks, no control characters, no
// marks that turn the direction of reading.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c), unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return ' '
		case c >= '\u202a' && c <= '\u202e', c >= '\u2066' && c <= '\u2069':
			return -1
		}
		return c
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// unfit are characters that may stand neither in an address nor in a link.
func unfit(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || c == utf8.RuneError }
