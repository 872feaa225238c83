package search

import "slices"

// What products have in common, by what it tells about them.
const (
	sameKind   = 3
	sameTag    = 2
	sameVendor = 1
)

// maxLook bounds how many products are looked at for those related to one.
const maxLook = 20_000

// Related returns up to n products that have most in common with one: kind,
// tags and vendor, never who bought what. Of equal ones those that came into
// the shop next, so that neighbours do not all show the same few.
func (x *Index) Related(id string, n int) []string {
	at, known := x.at[id]
	if !known {
		return nil
	}
	mine := x.cards[at].labels
	type near struct {
		id    string
		score int
	}
	var top []near
	for step := 1; step < len(x.cards) && step <= maxLook; step++ {
		c := &x.cards[(int(at)+step)%len(x.cards)]
		if !c.live || !c.available() {
			continue
		}
		score, kin := 0, false
		for _, l := range c.labels {
			if _, shared := slices.BinarySearch(mine, l); !shared {
				continue
			}
			switch x.labels.group[x.labels.groups[l]] {
			case GroupKind:
				score, kin = score+sameKind, true
			case GroupTag:
				score, kin = score+sameTag, true
			case GroupVendor:
				score += sameVendor
			}
		}
		if !kin || len(top) == n && score <= top[n-1].score {
			continue
		}
		place, _ := slices.BinarySearchFunc(top, score, func(o near, score int) int {
			if o.score >= score {
				return -1
			}
			return 1
		})
		top = slices.Insert(top, place, near{c.id, score})
		top = top[:min(len(top), n)]
	}
	out := make([]string, len(top))
	for i, t := range top {
		out[i] = t.id
	}
	return out
}
