package search

import (
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// Groups of labels, by the names they have in an address. An option is a group
// of its own: OptionGroup and its name.
const (
	GroupKind   = "kind"
	GroupVendor = "vendor"
	GroupTag    = "tag"
	OptionGroup = "o."
)

// Bounds of filters and of what is shown of them.
const (
	MaxFilters = 20  // values that are filtered by
	maxLabel   = 100 // code points of a value
	maxOptions = 4   // groups of options shown, the commonest
	maxValues  = 8   // values shown of a group
)

// labels numbers every value of every group.
type labels struct {
	at     map[labelKey]uint32
	names  []string // as a product first wrote it
	groups []uint32 // label → group
	ids    map[string]uint32
	group  []string // group → its name in an address, an option's as first written
}

type labelKey struct {
	group uint32
	value string // folded
}

func newLabels() labels { return labels{at: map[labelKey]uint32{}, ids: map[string]uint32{}} }

func keyOf(group, value string) string {
	if group == GroupKind {
		return catalog.ShelfHandle(value) // as shelves are told apart
	}
	return Fold(strings.TrimSpace(value))
}

// find returns the number of a value, false when no product has it.
func (l *labels) find(group, value string) (uint32, bool) {
	g, known := l.ids[Fold(group)]
	if !known {
		return 0, false
	}
	n, known := l.at[labelKey{g, keyOf(group, value)}]
	return n, known
}

func (l *labels) number(group, value string) (uint32, bool) {
	key := keyOf(group, value)
	if key == "" {
		return 0, false
	}
	g, known := l.ids[Fold(group)]
	if !known {
		g = uint32(len(l.group))
		l.ids[Fold(group)] = g
		l.group = append(l.group, strings.Clone(group))
	}
	n, known := l.at[labelKey{g, key}]
	if !known {
		n = uint32(len(l.names))
		l.at[labelKey{g, strings.Clone(key)}] = n
		l.names, l.groups = append(l.names, strings.Clone(strings.TrimSpace(value))), append(l.groups, g)
	}
	return n, true
}

// of returns a product's labels, sorted.
func (l *labels) of(p catalog.Product) []uint32 {
	var out []uint32
	add := func(group, value string) {
		if n, ok := l.number(group, value); ok {
			out = append(out, n)
		}
	}
	add(GroupKind, p.Kind)
	add(GroupVendor, p.Vendor)
	for _, t := range p.Tags {
		add(GroupTag, t)
	}
	for _, v := range p.Variants {
		for i, value := range v.Values {
			if i < len(p.Options) {
				add(OptionGroup+p.Options[i], value)
			}
		}
	}
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// Filter is one value that a product must have. Of several values of a group
// one is enough; every group must fit.
type Filter struct {
	Group string
	Value string
}

// Value is a label as it is offered for filtering.
type Value struct {
	Value  string
	Count  int  // how many products the list has of it, if it is chosen too
	Chosen bool // it is filtered by
}

// Facet is a group with the values that the list has.
type Facet struct {
	Group  string // as in Filter
	Values []Value
	has    int // products counted, in all its values
}

// filters are the filters of a question, by group.
type filters struct {
	groups    []group
	available bool
	low, high int64 // of the price; high below zero has no end
}

type group struct {
	id     int // of labels; below zero: nothing has it
	labels []uint32
}

// Number of filters that are no labels, in the place of a group.
const (
	failPrice     = -2
	failAvailable = -3
)

func (x *Index) filtersOf(q Question) filters {
	f := filters{available: q.Available, low: q.From, high: -1}
	if q.To > 0 {
		f.high = q.To
	}
	at := map[string]int{}
	for _, want := range q.Filters[:min(len(q.Filters), MaxFilters)] {
		name := Fold(cut(want.Group, maxLabel))
		i, known := at[name]
		if !known {
			i = len(f.groups)
			at[name] = i
			id := -1
			if g, has := x.labels.ids[name]; has {
				id = int(g)
			}
			f.groups = append(f.groups, group{id: id})
		}
		if n, has := x.labels.find(want.Group, cut(want.Value, maxLabel)); has {
			f.groups[i].labels = append(f.groups[i].labels, n)
		}
	}
	return f
}

// failed counts the filters that a card does not pass, up to two, and tells
// the last of them.
func (f *filters) failed(c *card) (n, which int) {
	if f.available && !c.available() {
		n, which = 1, failAvailable
	}
	if c.low < f.low || f.high >= 0 && c.low > f.high {
		n, which = n+1, failPrice
	}
	for _, g := range f.groups {
		if n > 1 {
			break
		}
		if !slices.ContainsFunc(g.labels, func(l uint32) bool { return slices.Contains(c.labels, l) }) {
			n, which = n+1, g.id
		}
	}
	return n, which
}

// facets turns counts into what is offered: option groups and the fixed ones,
// each with its commonest values; a group with a single value helps nobody
// unless it is filtered by.
func (x *Index) facets(counts []int32, f filters) []Facet {
	values := map[uint32][]uint32{}
	for n, count := range counts {
		if count > 0 {
			values[x.labels.groups[n]] = append(values[x.labels.groups[n]], uint32(n))
		}
	}
	chosen := map[uint32]bool{}
	for _, g := range f.groups {
		for _, n := range g.labels {
			chosen[n] = true
			if counts[n] == 0 {
				values[x.labels.groups[n]] = append(values[x.labels.groups[n]], n)
			}
		}
	}
	var out []Facet
	for g, list := range values {
		if len(list) < 2 && !chosen[list[0]] {
			continue
		}
		slices.SortFunc(list, func(a, b uint32) int {
			if chosen[a] != chosen[b] {
				return order(chosen[b], chosen[a])
			}
			if counts[a] != counts[b] {
				return int(counts[b] - counts[a])
			}
			return strings.Compare(x.labels.names[a], x.labels.names[b])
		})
		facet := Facet{Group: x.labels.group[g]}
		for _, n := range list {
			facet.has += int(counts[n])
		}
		for _, n := range list[:min(len(list), maxValues)] {
			facet.Values = append(facet.Values, Value{x.labels.names[n], int(counts[n]), chosen[n]})
		}
		out = append(out, facet)
	}
	slices.SortFunc(out, func(a, b Facet) int {
		if ra, rb := rank(a.Group), rank(b.Group); ra != rb {
			return ra - rb
		}
		if a.has != b.has {
			return b.has - a.has
		}
		return strings.Compare(a.Group, b.Group)
	})
	options := 0
	return slices.DeleteFunc(out, func(f Facet) bool {
		if rank(f.Group) != rankOption {
			return false
		}
		options++
		return options > maxOptions && !slices.ContainsFunc(f.Values, func(v Value) bool { return v.Chosen })
	})
}

// rank puts the groups in the order in which people choose.
func rank(group string) int {
	switch group {
	case GroupKind:
		return 0
	case GroupVendor:
		return 2
	case GroupTag:
		return 3
	}
	return rankOption
}

const rankOption = 1

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
