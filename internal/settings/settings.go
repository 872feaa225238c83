// Package settings brings the shop's choices in and out: who sells, what
// delivery and tax cost, the legal texts. A file is TOML, and so is what an
// export writes.
//
// Import reads the whole file, names everything that is wrong with it by key
// and line, and then changes the shop in one transaction, or not at all. What a
// file does not mention stays; a list that it mentions (zone, method, tax.rate,
// tax.region, collection, codes) becomes what the file says. No secret is among the settings.
//
// It does not know commands or pages: the command line uses it today as the
// staff console will.
package settings

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// MaxFile bounds a file, in bytes.
const MaxFile = 1 << 20

// Problem is one thing wrong with a file.
type Problem struct {
	Key    string // "method.standard.rate.de.price"
	Line   int    // 0 where the file does not mention it
	Detail string
}

// Problems is everything wrong with a file.
type Problems []Problem

// Error tells all of it, one a line.
func (p Problems) Error() string {
	var b strings.Builder
	for i, q := range p {
		if i > 0 {
			b.WriteByte('\n')
		}
		if q.Line > 0 {
			fmt.Fprintf(&b, "line %d: ", q.Line)
		}
		if q.Key != "" {
			b.WriteString(q.Key + ": ")
		}
		b.WriteString(q.Detail)
	}
	return b.String()
}

// Change is one setting that an import changes.
type Change struct {
	Key      string
	Old, New string // "" where there was none, or is none any more
	Warning  string // what the merchant should know about it; or ""
}

// String says the change in a line.
func (c Change) String() string {
	short := func(s string) string {
		s = strings.Join(strings.Fields(s), " ")
		if r := []rune(s); len(r) > 60 {
			s = string(r[:57]) + "…"
		}
		return s
	}
	switch {
	case c.Old == "":
		return fmt.Sprintf("%s: %s (new)", c.Key, short(c.New))
	case c.New == "":
		return fmt.Sprintf("%s: removed, was %s", c.Key, short(c.Old))
	}
	return fmt.Sprintf("%s: %s → %s", c.Key, short(c.Old), short(c.New))
}

// Payable says why a payment method can't be offered by a shop with this text on
// bank statements and this currency: its keys are missing, say; or why not by one
// that takes money later. Nil is that it can.
type Payable func(method, descriptor string, c money.Currency, later bool) error

// Import makes the shop's settings what a file says and returns what changed.
// With dry nothing is written. What is wrong comes back as Problems. A payment
// method that may does not allow is refused; with nil none can be added.
func Import(ctx context.Context, db *store.DB, actor ledger.Actor, file []byte, dry bool, may Payable) ([]Change, error) {
	now, err := read(ctx, db)
	if err != nil {
		return nil, err
	}
	d, problems := parse(file, now.currency())
	if len(problems) > 0 {
		return nil, problems
	}
	var changes []Change
	apply := func(v *store.View, t *store.Tx) error {
		now, err := readFrom(v)
		if err != nil {
			return err
		}
		to := now.with(d)
		problems := append(check(now, to, d), checkShelves(v, now, to, d)...)
		problems = append(problems, checkPaying(now, to, d, may)...)
		if len(problems) > 0 {
			return problems
		}
		changes = differences(now, to)
		if t == nil {
			return nil
		}
		return write(t, now, to)
	}
	if dry {
		err = db.View(ctx, func(v *store.View) error { return apply(v, nil) })
		return changes, err
	}
	err = db.InTx(ctx, actor, func(t *store.Tx) error { return apply(&t.View, t) })
	if err != nil {
		return nil, err
	}
	db.ForgetSettings()
	return changes, nil
}

// Export writes the shop's settings as Import reads them.
func Export(ctx context.Context, db *store.DB) ([]byte, error) {
	now, err := read(ctx, db)
	if err != nil {
		return nil, err
	}
	return now.toml(), nil
}

// state is every setting of a shop.
type state struct {
	words   map[string]string // by the name they are stored under
	texts   map[string]string
	rules   []tax.Rule
	regions []tax.Region
	plan    shipping.Plan
	shelves []catalog.Collection
	codes   discount.Codes
	stocked bool // there are products, whose prices are in the currency
}

func (s state) currency() money.Currency {
	c, _ := money.ParseCurrency(s.words["shop.currency"]) // of the shop: it parses, or there is none yet
	return c
}

func read(ctx context.Context, db *store.DB) (s state, err error) {
	err = db.View(ctx, func(v *store.View) error {
		s, err = readFrom(v)
		return err
	})
	return s, err
}

func readFrom(v *store.View) (state, error) {
	set, err := v.Settings()
	if err != nil {
		return state{}, err
	}
	words, err := v.SettingWords()
	if err != nil {
		return state{}, err
	}
	n, err := v.CountProducts()
	if err != nil {
		return state{}, err
	}
	s := state{words: map[string]string{}, texts: map[string]string{}, rules: set.Tax.Rules, regions: set.Tax.Regions, plan: set.Shipping, codes: set.Codes, stocked: n > 0}
	for _, w := range singles() {
		value, ok := words[w.stored]
		if !ok {
			value = w.fallback
		}
		s.words[w.stored] = value
	}
	for name, text := range set.Texts {
		s.texts[name] = text.Body
	}
	s.shelves, err = v.Collections()
	if err != nil {
		return state{}, err
	}
	return s, nil
}

// with is the state after a document.
func (s state) with(d document) state {
	to := s
	to.words, to.texts = map[string]string{}, map[string]string{}
	for name, value := range s.words {
		to.words[name] = value
	}
	for name, value := range d.words {
		to.words[name] = value
	}
	for name, body := range s.texts {
		to.texts[name] = body
	}
	for name, body := range d.texts {
		to.texts[name] = body
	}
	if d.rules != nil {
		to.rules = *d.rules
	}
	if d.regions != nil {
		to.regions = *d.regions
	}
	if d.zones != nil {
		to.plan.Zones = *d.zones
	}
	if d.methods != nil {
		to.plan.Methods = *d.methods
	}
	if d.shelves != nil {
		to.shelves = *d.shelves
	}
	if d.codes != nil {
		to.codes = *d.codes
	}
	return to
}

// flat lists every setting by key, as a person reads it.
func (s state) flat() map[string]string {
	out := map[string]string{}
	for _, w := range singles() {
		out[w.key] = s.words[w.stored]
	}
	for name, body := range s.texts {
		out["texts."+name] = body
	}
	for _, r := range s.rules {
		out[ruleKey(r)] = r.Rate.String()
	}
	for _, r := range s.regions {
		out["tax.region."+r.Country+"."+r.Name] = postalText(r.Postal)
	}
	for i, z := range s.plan.Zones {
		out["zone."+z.ID] = fmt.Sprintf("%d. %s", i+1, zoneText(z))
	}
	for i, m := range s.plan.Methods {
		out["method."+m.ID] = fmt.Sprintf("%d. %s", i+1, methodText(m))
	}
	for i, c := range s.shelves {
		out["collection."+c.Handle] = fmt.Sprintf("%d. %s", i+1, shelfText(c, s.currency()))
	}
	for _, c := range s.codes {
		out["codes."+c.Word] = codeText(c)
	}
	return out
}

// differences lists what differs, by key.
func differences(from, to state) []Change {
	old, now := from.flat(), to.flat()
	var out []Change
	for key, value := range now {
		if old[key] != value {
			out = append(out, Change{Key: key, Old: old[key], New: value, Warning: warning(key)})
		}
	}
	for key, value := range old {
		if _, kept := now[key]; !kept {
			out = append(out, Change{Key: key, Old: value})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// warning is what a merchant should know who sets a setting.
func warning(key string) string {
	word, isCode := strings.CutPrefix(key, "codes.")
	if !isCode || !discount.Guessable(word) {
		return ""
	}
	return "the code " + word + " can be guessed: give it bounds, and nothing that hurts; cartkeep settings new-code makes codes that nobody guesses"
}

// write carries out what differs; each change writes its event.
func write(t *store.Tx, from, to state) error {
	for _, w := range singles() {
		if from.words[w.stored] != to.words[w.stored] {
			if err := t.Set(w.stored, to.words[w.stored]); err != nil {
				return err
			}
		}
	}
	for _, name := range store.TextNames() {
		if from.texts[name] != to.texts[name] {
			if err := t.SetText(name, to.texts[name]); err != nil {
				return err
			}
		}
	}
	if err := t.SetTaxes(to.rules, to.regions); err != nil {
		return err
	}
	if err := writeShelves(t, from, to); err != nil {
		return err
	}
	if err := t.SetCodes(to.codes, from.currency()); err != nil {
		return err
	}
	return t.SetShipping(to.plan)
}

func ruleKey(r tax.Rule) string {
	return strings.Join(slices.DeleteFunc([]string{"tax.rate", r.Country, r.Region, r.Class}, func(s string) bool { return s == "" }), ".")
}
