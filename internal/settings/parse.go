package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// Bounds of the lists in a file.
const (
	maxZones   = 100
	maxMethods = 30
	maxRules   = 2000
	maxSteps   = 30
	maxSlots   = 30
	maxText    = 50_000 // characters of a legal text
)

// document is what a file mentions. A nil list is not mentioned.
type document struct {
	words   map[string]string // by stored name
	texts   map[string]string
	rules   *[]tax.Rule
	regions *[]tax.Region
	zones   *[]shipping.Zone
	methods *shipping.Methods
	shelves *[]catalog.Collection
	codes   *discount.Codes
	lines   lineIndex
}

// parse reads a file and names everything that is wrong with it by itself.
func parse(file []byte, now money.Currency) (document, Problems) {
	d := document{words: map[string]string{}, texts: map[string]string{}}
	if len(file) > MaxFile {
		return d, Problems{{Detail: "the file is longer than 1 MiB"}}
	}
	if !utf8.Valid(file) {
		return d, Problems{{Detail: "the file is not UTF-8"}}
	}
	if line := tooDeep(string(file)); line > 0 {
		return d, Problems{{Line: line, Detail: "tables lie too deep in one another"}}
	}
	raw := map[string]any{}
	if _, err := toml.Decode(string(file), &raw); err != nil {
		return d, Problems{notTOML(err)}
	}
	d.lines = indexLines(string(file))
	p := &parser{d: &d, currency: now}
	root := section{p: p, values: raw}
	p.singles(root)
	p.texts(root)
	p.taxes(root)
	p.zones(root)
	p.methods(root)
	p.shelves(root)
	p.codes(root)
	root.rest()
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Line - b.Line })
	return d, p.problems
}

func notTOML(err error) Problem {
	var e toml.ParseError
	if errors.As(err, &e) {
		return Problem{Line: e.Position.Line, Detail: e.Message}
	}
	return Problem{Detail: strings.TrimPrefix(err.Error(), "toml: ")}
}

// parser gathers a document and what is wrong.
type parser struct {
	d        *document
	currency money.Currency
	problems Problems
}

func (p *parser) wrong(key, format string, args ...any) {
	p.problems = append(p.problems, Problem{key, p.d.lines.of(key), fmt.Sprintf(format, args...)})
}

// section is one table of a file.
type section struct {
	p      *parser
	path   string // "method[0].rate[1]", "" for the whole file
	values map[string]any
}

func (s section) key(name string) string {
	if s.path == "" {
		return name
	}
	return s.path + "." + name
}

// take removes a value, so that what is left at the end is unknown.
func (s section) take(name string) (any, bool) {
	v, ok := s.values[name]
	delete(s.values, name)
	return v, ok
}

// text takes a value that is text; a number or yes-or-no will do.
func (s section) text(name string) (string, bool) {
	v, ok := s.take(name)
	if !ok {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			return strconv.FormatFloat(v, 'f', -1, 64), true
		}
	}
	s.p.wrong(s.key(name), "is written in quotes, like %s = \"…\"", name)
	return "", false
}

// word takes a text and tidies it.
func (s section) word(name string, parse func(string) (string, error)) (string, bool) {
	text, ok := s.text(name)
	if !ok {
		return "", false
	}
	tidy, err := parse(text)
	if err != nil {
		s.p.wrong(s.key(name), "%v", err)
		return "", false
	}
	return tidy, true
}

func (s section) whole(name string, most int64) int64 {
	v, ok := s.take(name)
	if !ok {
		return 0
	}
	if n, isInt := v.(int64); isInt && n >= 0 && n <= most {
		return n
	}
	s.p.wrong(s.key(name), "is a whole number from 0 to %d", most)
	return 0
}

func (s section) yes(name string) (string, bool) {
	v, ok := s.take(name)
	if !ok {
		return "", false
	}
	if b, isBool := v.(bool); isBool {
		return strconv.FormatBool(b), true
	}
	s.p.wrong(s.key(name), "is true or false, without quotes")
	return "", false
}

// list takes a list of texts, each tidied.
func (s section) list(name string, most int, parse func(string) (string, error)) ([]string, bool) {
	v, ok := s.take(name)
	if !ok {
		return nil, false
	}
	items, isList := v.([]any)
	if !isList {
		s.p.wrong(s.key(name), "is a list, like %s = [\"…\"]", name)
		return nil, false
	}
	if len(items) > most {
		s.p.wrong(s.key(name), "has %d entries; at most %d", len(items), most)
		return nil, false
	}
	out, good := make([]string, 0, len(items)), true
	for i, item := range items {
		text, isText := item.(string)
		tidy, err := "", error(nil)
		if !isText {
			err = errors.New("is written in quotes")
		} else {
			tidy, err = parse(text)
		}
		switch {
		case err != nil:
			s.p.wrong(s.key(name), "entry %d %v", i+1, err)
			good = false
		case slices.Contains(out, tidy):
			s.p.wrong(s.key(name), "has entry %d twice", i+1)
			good = false
		default:
			out = append(out, tidy)
		}
	}
	return out, good
}

// table takes a table; an absent one is empty.
func (s section) table(name string) section {
	out := section{p: s.p, path: s.key(name), values: map[string]any{}}
	if v, ok := s.take(name); ok {
		if m, isTable := v.(map[string]any); isTable {
			out.values = m
		} else {
			s.p.wrong(s.key(name), "is a table: [%s]", s.key(name))
		}
	}
	return out
}

// tables takes a list of tables.
func (s section) tables(name string, most int) ([]section, bool) {
	v, ok := s.take(name)
	if !ok {
		return nil, false
	}
	var items []map[string]any
	switch v := v.(type) {
	case []map[string]any:
		items = v
	case []any:
		for _, item := range v {
			if m, isTable := item.(map[string]any); isTable {
				items = append(items, m)
			}
		}
		if len(items) != len(v) {
			s.p.wrong(s.key(name), "is a list of tables: [[%s]]", s.key(name))
			return nil, false
		}
	default:
		s.p.wrong(s.key(name), "is a list of tables: [[%s]]", s.key(name))
		return nil, false
	}
	if len(items) > most {
		s.p.wrong(s.key(name), "has %d entries; at most %d", len(items), most)
		return nil, false
	}
	out := make([]section, 0, len(items))
	for i, m := range items {
		out = append(out, section{p: s.p, path: fmt.Sprintf("%s[%d]", s.key(name), i), values: m})
	}
	return out, true
}

// rest refuses what nobody took.
func (s section) rest() {
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		s.p.wrong(s.key(name), "is no setting")
	}
}

// singles takes every setting with one value.
func (p *parser) singles(root section) {
	tables := map[string]section{}
	for _, w := range singles() {
		name, key, _ := strings.Cut(w.key, ".")
		if name == "tax" {
			continue // with the rates, in taxes
		}
		if _, ok := tables[name]; !ok {
			tables[name] = root.table(name)
		}
		p.single(tables[name], key, w)
	}
	for _, t := range tables {
		t.rest()
	}
}

func (p *parser) single(s section, name string, w word) {
	var value string
	var ok bool
	switch w.kind {
	case yesno:
		value, ok = s.yes(name)
	case list:
		var words []string
		words, ok = s.list(name, 50, w.parse)
		value = strings.Join(words, " ")
	default:
		value, ok = s.word(name, w.parse)
	}
	if !ok {
		return
	}
	p.d.words[w.stored] = value
	if w.stored == "shop.currency" {
		p.currency, _ = money.ParseCurrency(value)
	}
}

func (p *parser) texts(root section) {
	t := root.table("texts")
	for _, name := range store.TextNames() {
		if body, ok := t.word(name, lines(maxText)); ok {
			p.d.texts[name] = body
		}
	}
	t.rest()
}

func (p *parser) taxes(root section) {
	t := root.table("tax")
	for _, w := range singles() {
		if name, isTax := strings.CutPrefix(w.key, "tax."); isTax {
			p.single(t, name, w)
		}
	}
	if list, ok := t.tables("rate", maxRules); ok {
		rules := make([]tax.Rule, 0, len(list))
		for _, s := range list {
			r := tax.Rule{Country: p.countryOf(s, true)}
			r.Region, _ = s.word("region", line(0, 40))
			r.Class, _ = s.word("class", class)
			r.Rate = p.rate(s)
			if r.Class == tax.Zero || r.Class == tax.Exempt || r.Class == tax.ProRata {
				p.wrong(s.key("class"), "%q needs no rate: it is known", r.Class)
			}
			if r.Region != "" && r.Country == tax.Anywhere {
				p.wrong(s.key("region"), "belongs to one country")
			}
			if slices.ContainsFunc(rules, func(o tax.Rule) bool { return ruleKey(o) == ruleKey(r) }) {
				p.wrong(s.path, "is there twice: %s", ruleKey(r))
			}
			rules = append(rules, r)
			s.rest()
		}
		sortRules(rules)
		p.d.rules = &rules
	}
	if list, ok := t.tables("region", 200); ok {
		regions := make([]tax.Region, 0, len(list))
		for _, s := range list {
			r := tax.Region{Country: p.countryOf(s, false)}
			r.Name, _ = s.word("name", line(1, 40))
			r.Postal = p.postal(s)
			if r.Name == "" {
				p.wrong(s.key("name"), "needs a text")
			}
			if slices.ContainsFunc(regions, func(o tax.Region) bool { return o.Country == r.Country && o.Name == r.Name }) {
				p.wrong(s.path, "is there twice: %s %s", r.Country, r.Name)
			}
			regions = append(regions, r)
			s.rest()
		}
		slices.SortFunc(regions, func(a, b tax.Region) int { return strings.Compare(a.Country+"."+a.Name, b.Country+"."+b.Name) })
		p.d.regions = &regions
	}
	t.rest()
}

// sortRules puts rules in the order an export has them.
func sortRules(rules []tax.Rule) {
	slices.SortFunc(rules, func(a, b tax.Rule) int {
		return cmp.Or(strings.Compare(a.Country, b.Country), strings.Compare(a.Region, b.Region), strings.Compare(a.Class, b.Class))
	})
}

func (p *parser) countryOf(s section, anywhere bool) string {
	text, ok := s.text("country")
	if ok && anywhere && strings.TrimSpace(text) == tax.Anywhere {
		return tax.Anywhere
	}
	code, err := country(text)
	if err != nil {
		p.wrong(s.key("country"), "%v", err)
	}
	return code
}

func (p *parser) rate(s section) money.Rate {
	text, ok := s.text("rate")
	if !ok {
		p.wrong(s.key("rate"), "is missing; write a percentage, like \"19\"")
		return 0
	}
	r, err := money.ParseRate(text)
	if err != nil {
		p.wrong(s.key("rate"), "%s", fault.Of(err).Text)
	}
	return r
}

func (p *parser) postal(s section) []area.Span {
	list, _ := s.list("postal", 500, func(text string) (string, error) {
		span, err := area.ParseSpan(text)
		if err != nil {
			return "", errors.New("is no run of postcodes: " + fault.Of(err).Text)
		}
		return span.String(), nil
	})
	var out []area.Span
	for _, word := range list {
		if span, err := area.ParseSpan(word); err == nil {
			out = append(out, span)
		}
	}
	return out
}

// id reads a word that stays.
func id(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return "", errors.New("is a word of small letters, digits and hyphens, at most 40")
	}
	return s, nil
}

func (p *parser) idOf(s section) string {
	word, ok := s.word("id", id)
	if !ok && s.values["id"] == nil {
		p.wrong(s.key("id"), "is missing or wrong")
	}
	return word
}
