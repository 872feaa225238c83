package backup

import (
	"slices"
	"strings"
	"time"
)

// Set is what belongs together in a place: a data part and the key part that was
// taken after it. Either may be missing.
type Set struct {
	Shop       string // the end of its id
	At         time.Time
	Data, Keys Stored
}

// Whole says that it can be restored by itself.
func (s Set) Whole() bool { return s.Data.Name != "" && s.Keys.Name != "" }

// Sets puts parts together, the newest first.
func Sets(list []Stored) []Set {
	type key struct {
		shop string
		at   int64
	}
	found := map[key]*Set{}
	for _, p := range list {
		shop8, at, part, ok := parseName(p.Name)
		if !ok {
			continue
		}
		k := key{shop8, at.UnixMilli()}
		if found[k] == nil {
			found[k] = &Set{Shop: shop8, At: at}
		}
		if part == Data {
			found[k].Data = p
		} else {
			found[k].Keys = p
		}
	}
	var out []Set
	for _, s := range found {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Set) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.Shop, b.Shop)
	})
	return out
}

// past names the parts of a shop that were made before a moment and that nothing
// needs: neither the newest whole set goes nor anything newer than it, and so the
// newest key part stays, and that of each data part that stays. Data parts come
// first: a key part alone does no harm, a data part alone looks like a backup.
func past(list []Stored, shop8 string, before time.Time) []string {
	var data, keys []string
	whole := false
	for _, s := range Sets(list) {
		if s.Shop != shop8 {
			continue
		}
		goes := whole && s.At.Before(before)
		if goes && s.Data.Name != "" {
			data = append(data, s.Data.Name)
		}
		if goes && s.Keys.Name != "" {
			keys = append(keys, s.Keys.Name)
		}
		whole = whole || s.Whole()
	}
	return append(data, keys...)
}
