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
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/catalog"
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
		if name == "code" && s.path == "" {
			s.p.wrong(name, "this version has no discount codes yet")
			continue
		}
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

func (p *parser) zones(root section) {
	list, ok := root.tables("zone", maxZones)
	if !ok {
		return
	}
	zones := make([]shipping.Zone, 0, len(list))
	for _, s := range list {
		z := shipping.Zone{ID: p.idOf(s)}
		z.Countries, _ = s.list("countries", 260, func(text string) (string, error) {
			if strings.TrimSpace(text) == shipping.Anywhere {
				return shipping.Anywhere, nil
			}
			return country(text)
		})
		z.Regions, _ = s.list("regions", 200, line(1, 60))
		z.Postal = p.postal(s)
		if len(z.Regions) == 0 {
			z.Regions = nil
		}
		switch {
		case len(z.Countries) == 0:
			p.wrong(s.key("countries"), "needs a country, or \"*\" for all the others")
		case (len(z.Regions) > 0 || len(z.Postal) > 0) && (len(z.Countries) != 1 || z.Countries[0] == shipping.Anywhere):
			p.wrong(s.key("countries"), "is one country where the zone has regions or postcodes")
		}
		if slices.ContainsFunc(zones, func(o shipping.Zone) bool { return o.ID == z.ID }) {
			p.wrong(s.key("id"), "is there twice: %s", z.ID)
		}
		zones = append(zones, z)
		s.rest()
	}
	p.d.zones = &zones
}

func (p *parser) methods(root section) {
	list, ok := root.tables("method", maxMethods)
	if !ok {
		return
	}
	methods := make(shipping.Methods, 0, len(list))
	for _, s := range list {
		m := shipping.Method{ID: p.idOf(s), DaysFrom: int(s.whole("days_from", 365)), DaysTo: int(s.whole("days_to", 365))}
		if m.Title, ok = s.word("title", line(1, 80)); !ok {
			p.wrong(s.key("title"), "needs a text")
		}
		m.TaxClass, _ = s.word("tax_class", class)
		m.Pickup.Place, _ = s.word("pickup_place", lines(400))
		m.Pickup.Hours, _ = s.word("pickup_hours", line(0, 200))
		if m.DaysFrom > m.DaysTo {
			p.wrong(s.key("days_to"), "is not less than days_from")
		}
		if m.Pickup.Hours != "" && !m.Collected() {
			p.wrong(s.key("pickup_hours"), "needs a pickup_place")
		}
		m.Rates = p.rates(s)
		m.Slots = p.slots(s)
		if slices.ContainsFunc(methods, func(o shipping.Method) bool { return o.ID == m.ID }) {
			p.wrong(s.key("id"), "is there twice: %s", m.ID)
		}
		methods = append(methods, m)
		s.rest()
	}
	p.d.methods = &methods
}

func (p *parser) rates(method section) []shipping.Rate {
	list, _ := method.tables("rate", maxZones)
	var out []shipping.Rate
	for _, s := range list {
		r := shipping.Rate{Basis: shipping.Flat, MaxGrams: s.whole("max_grams", 1_000_000_000)}
		r.Zone, _ = s.word("zone", id)
		if basis, ok := s.text("by"); ok {
			r.Basis = shipping.Basis(strings.TrimSpace(basis))
		}
		if free, ok := s.text("free_from"); ok {
			r.FreeFrom = p.amount(s.key("free_from"), free)
			if r.FreeFrom.IsZero() {
				p.wrong(s.key("free_from"), "is above nothing; for free delivery write price = \"0\"")
			}
		}
		price, flat := s.text("price")
		steps, stepped := s.tables("steps", maxSteps)
		switch {
		case r.Basis == shipping.Flat && flat && !stepped:
			r.Steps = []shipping.Step{{Price: p.amount(s.key("price"), price)}}
		case r.Basis == shipping.Flat:
			p.wrong(s.path, "has one price; or say by = \"weight\" or by = \"total\" and give steps")
		case r.Basis != shipping.ByWeight && r.Basis != shipping.ByTotal:
			p.wrong(s.key("by"), "is flat, weight or total")
		case flat || !stepped || len(steps) == 0:
			p.wrong(s.path, "has steps instead of one price, like steps = [{from = 0, price = \"4.90\"}]")
		default:
			r.Steps = p.steps(steps, r.Basis)
		}
		if slices.ContainsFunc(out, func(o shipping.Rate) bool { return o.Zone == r.Zone }) {
			p.wrong(s.key("zone"), "has a rate already: %s", r.Zone)
		}
		out = append(out, r)
		s.rest()
	}
	if len(out) == 0 {
		p.wrong(method.path, "goes nowhere: give it a rate for a zone")
	}
	return out
}

func (p *parser) steps(list []section, by shipping.Basis) []shipping.Step {
	out := make([]shipping.Step, 0, len(list))
	for i, s := range list {
		var step shipping.Step
		if by == shipping.ByWeight {
			step.From = s.whole("from", 1_000_000_000)
		} else if from, ok := s.text("from"); ok {
			step.From = p.amount(s.key("from"), from).Minor()
		}
		price, _ := s.text("price")
		step.Price = p.amount(s.key("price"), price)
		switch {
		case i == 0 && step.From != 0:
			p.wrong(s.key("from"), "is 0 in the first step")
		case i > 0 && step.From <= out[i-1].From:
			p.wrong(s.key("from"), "is more than in the step before")
		}
		out = append(out, step)
		s.rest()
	}
	return out
}

// amount reads money of the shop's currency: "4.90", or "4.90 EUR".
func (p *parser) amount(key, text string) money.Amount {
	number, code, named := strings.Cut(strings.TrimSpace(text), " ")
	if named && code != p.currency.Code() {
		p.wrong(key, "is in %s; the shop's currency is %s", code, p.currency.Code())
		return money.Zero(p.currency)
	}
	a, err := money.Parse(number, p.currency)
	switch {
	case p.currency.IsZero():
		p.wrong(key, "has no currency; set shop.currency first")
	case err != nil:
		p.wrong(key, "%s", fault.Of(err).Text)
	case a.Negative():
		p.wrong(key, "is below zero")
	default:
		return a
	}
	return money.Zero(p.currency)
}

var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (p *parser) slots(method section) []shipping.Slot {
	list, _ := method.tables("slot", maxSlots)
	var out []shipping.Slot
	for _, s := range list {
		slot := shipping.Slot{From: p.minute(s, "from"), To: p.minute(s, "to"), OrderBy: p.minute(s, "order_by"), DaysBefore: int(s.whole("days_before", 14))}
		words, _ := s.list("days", 7, func(text string) (string, error) {
			text = strings.ToLower(strings.TrimSpace(text))
			if !slices.Contains(days, text) {
				return "", errors.New("is no day; write mon, tue, wed, thu, fri, sat or sun")
			}
			return text, nil
		})
		for _, word := range words {
			slot.Days = append(slot.Days, time.Weekday(slices.Index(days, word)))
		}
		switch {
		case len(slot.Days) == 0:
			p.wrong(s.key("days"), "needs a day, like days = [\"tue\"]")
		case slot.From >= slot.To:
			p.wrong(s.key("to"), "is later than from")
		case slot.DaysBefore == 0 && slot.OrderBy > slot.From:
			p.wrong(s.key("order_by"), "is not later than from on the same day")
		}
		out = append(out, slot)
		s.rest()
	}
	return out
}

func (p *parser) minute(s section, name string) int {
	text, ok := s.text(name)
	if !ok {
		p.wrong(s.key(name), "is missing; write a time like \"18:00\"")
		return 0
	}
	m, err := minutes(text)
	if err != nil {
		p.wrong(s.key(name), "%v", err)
	}
	return m
}
