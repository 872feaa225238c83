package settings

import (
	"fmt"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
)

// toml writes a state as a file.
func (s state) toml() []byte {
	w := &writer{}
	w.line("# The settings of a Cartkeep shop. Change what you like and bring it back with")
	w.line("# cartkeep settings import FILE.toml; --dry-run shows what would change.")
	s.writeSingles(w, "shop", "seller", "terms", "payment", "embed")
	s.writeTexts(w)
	s.writeSingles(w, "tax")
	for _, r := range s.rules {
		w.head("[[tax.rate]]")
		w.text("country", r.Country)
		w.some("region", r.Region)
		w.some("class", r.Class)
		w.text("rate", strings.TrimSuffix(r.Rate.String(), "%"))
	}
	for _, r := range s.regions {
		w.head("[[tax.region]]")
		w.text("country", r.Country)
		w.text("name", r.Name)
		w.list("postal", postalWords(r.Postal))
	}
	for _, z := range s.plan.Zones {
		w.head("[[zone]]")
		w.text("id", z.ID)
		w.list("countries", z.Countries)
		if len(z.Regions) > 0 {
			w.list("regions", z.Regions)
		}
		if len(z.Postal) > 0 {
			w.list("postal", postalWords(z.Postal))
		}
	}
	for _, m := range s.plan.Methods {
		writeMethod(w, m)
	}
	for _, c := range s.shelves {
		writeShelf(w, c, s.currency())
	}
	for _, c := range s.codes.Sorted() {
		writeCode(w, c)
	}
	return []byte(w.b.String())
}

func (s state) writeSingles(w *writer, tables ...string) {
	for _, table := range tables {
		w.head("[" + table + "]")
		for _, one := range singles() {
			name, ok := strings.CutPrefix(one.key, table+".")
			if !ok {
				continue
			}
			value := s.words[one.stored]
			switch one.kind {
			case yesno:
				w.line(name + " = " + value)
			case list:
				w.list(name, strings.Fields(value))
			default:
				w.text(name, value)
			}
		}
	}
}

func (s state) writeTexts(w *writer) {
	w.head("[texts]")
	w.note(`Paragraphs apart by an empty line; "# " begins a heading, "- " an entry of a list.`)
	for _, name := range store.TextNames() {
		w.text(name, s.texts[name])
	}
}

func writeMethod(w *writer, m shipping.Method) {
	w.head("[[method]]")
	w.text("id", m.ID)
	w.text("title", m.Title)
	w.whole("days_from", int64(m.DaysFrom))
	w.whole("days_to", int64(m.DaysTo))
	w.some("tax_class", m.TaxClass)
	w.some("pickup_place", m.Pickup.Place)
	w.some("pickup_hours", m.Pickup.Hours)
	for _, r := range m.Rates {
		w.head("[[method.rate]]")
		w.text("zone", r.Zone)
		if r.Basis == shipping.Flat {
			w.text("price", r.Steps[0].Price.Decimal())
		} else {
			w.text("by", string(r.Basis))
			steps := make([]string, 0, len(r.Steps))
			for _, s := range r.Steps {
				steps = append(steps, fmt.Sprintf("{from = %s, price = %s}", fromText(r.Basis, s), quoted(s.Price.Decimal())))
			}
			w.line("steps = [" + strings.Join(steps, ", ") + "]")
		}
		if !r.FreeFrom.IsZero() {
			w.text("free_from", r.FreeFrom.Decimal())
		}
		w.whole("max_grams", r.MaxGrams)
	}
	for _, s := range m.Slots {
		w.head("[[method.slot]]")
		words := make([]string, 0, len(s.Days))
		for _, d := range s.Days {
			words = append(words, days[d])
		}
		w.list("days", words)
		w.text("from", clock(s.From))
		w.text("to", clock(s.To))
		w.text("order_by", clock(s.OrderBy))
		w.whole("days_before", int64(s.DaysBefore))
	}
}

func fromText(by shipping.Basis, s shipping.Step) string {
	if by == shipping.ByTotal {
		return quoted(money.Of(s.From, s.Price.Currency()).Decimal())
	}
	return number(s.From)
}

func postalWords(list []area.Span) []string {
	words := make([]string, 0, len(list))
	for _, s := range list {
		words = append(words, s.String())
	}
	return words
}

func postalText(list []area.Span) string {
	if len(list) == 0 {
		return "by its name in the address"
	}
	return strings.Join(postalWords(list), " ")
}

func zoneText(z shipping.Zone) string {
	parts := append(append(append([]string{}, z.Countries...), z.Regions...), postalWords(z.Postal)...)
	return strings.Join(parts, " ")
}

// methodText is a method in one line, without losing anything that could
// differ.
func methodText(m shipping.Method) string {
	w := &writer{}
	writeMethod(w, m)
	return strings.Join(strings.Fields(strings.NewReplacer("[[method]]", "", "[[method.rate]]", "·", "[[method.slot]]", "·").Replace(w.b.String())), " ")
}

// writer writes TOML.
type writer struct{ b strings.Builder }

func (w *writer) line(s string) { w.b.WriteString(s + "\n") }
func (w *writer) head(s string) { w.b.WriteString("\n" + s + "\n") }
func (w *writer) note(s string) { w.line("# " + s) }

func (w *writer) text(name, value string) { w.line(name + " = " + quoted(value)) }

// some writes a text that is there.
func (w *writer) some(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) whole(name string, n int64) {
	if n != 0 {
		w.line(name + " = " + number(n))
	}
}

func (w *writer) list(name string, words []string) {
	out := make([]string, 0, len(words))
	for _, s := range words {
		out = append(out, quoted(s))
	}
	w.line(name + " = [" + strings.Join(out, ", ") + "]")
}

// quoted writes a TOML string; one with line breaks over several lines.
func quoted(s string) string {
	many := strings.Contains(s, "\n")
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n' && many, c == '\t':
			b.WriteRune(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	if many {
		return `"""` + "\n" + b.String() + `"""`
	}
	return `"` + b.String() + `"`
}
