package page

import (
	"strings"
	"time"
)

// Paths of what the shop says about itself.
const (
	PathImprint  = "/imprint"
	PathTerms    = "/terms"
	PathReturns  = "/returns"
	PathShipping = "/shipping"
)

// Text is one of the shop's own texts: terms, returns, delivery, imprint.
type Text struct {
	Layout
	Title  string
	Path   string
	Facts  []Named // who sells, on the imprint
	Blocks []Block
	Since  time.Time // when this wording began
	Old    bool      // a wording that holds for earlier orders only
}

// Named is a value with its name.
type Named struct{ Name, Value string }

// Lines are the value's lines.
func (n Named) Lines() []string { return strings.Split(n.Value, "\n") }

func (Text) template() string { return "text" }
func (p Text) head(s site) head {
	return head{Title: p.Title, Canonical: s.canonical(p.Path), Current: p.Path, NoIndex: p.Old}
}

// Block is a heading, a paragraph or a list.
type Block struct {
	Heading string
	Lines   []string
	Items   []string
}

// Blocks reads plain words as the shop's texts are written: parts stand apart
// by an empty line, "# " begins a heading, "- " an entry of a list. Anything
// else is text, tags among it: they are shown and never carried out.
func Blocks(body string) []Block {
	var out []Block
	var now Block
	flush := func() {
		if len(now.Lines)+len(now.Items) > 0 {
			out = append(out, now)
		}
		now = Block{}
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\r\n", "\n"), "\n") {
		line = strings.TrimSpace(line)
		heading, isHeading := strings.CutPrefix(line, "# ")
		item, isItem := strings.CutPrefix(line, "- ")
		switch {
		case line == "":
			flush()
		case isHeading:
			flush()
			out = append(out, Block{Heading: strings.TrimSpace(heading)})
		case isItem:
			if len(now.Lines) > 0 {
				flush()
			}
			now.Items = append(now.Items, strings.TrimSpace(item))
		default:
			if len(now.Items) > 0 {
				flush()
			}
			now.Lines = append(now.Lines, line)
		}
	}
	flush()
	return out
}
