package settings

import (
	"errors"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/tax"
)

// check names what does not fit together, in what a file says and in what
// stays beside it.
func check(now, to state, d document) Problems {
	var bad Problems
	wrong := func(key, detail string) { bad = append(bad, Problem{key, d.lines.of(key), detail}) }
	if was, is := now.words["shop.currency"], to.words["shop.currency"]; was != "" && is != was {
		if now.stocked {
			wrong("shop.currency", "can't change while there are products: their prices are in "+was)
		} else if d.methods == nil && len(to.plan.Methods) > 0 {
			wrong("shop.currency", "is another one: give the delivery methods in it too")
		}
	}
	if !checkCodes(to) {
		wrong("shop.currency", "is another one: give the codes in it too")
	}
	for i, z := range to.plan.Zones {
		for j, o := range to.plan.Zones[:i] {
			if z.Overlaps(o.Area) {
				wrong(d.path("zone", i, z.ID), "overlaps the zone "+to.plan.Zones[j].ID+": nobody could say in which a place lies")
			}
		}
	}
	for i, m := range to.plan.Methods {
		for j, r := range m.Rates {
			known := false
			for _, z := range to.plan.Zones {
				known = known || z.ID == r.Zone
			}
			if !known {
				key := d.path("method", i, m.ID)
				if d.methods != nil {
					key += ".rate[" + number(int64(j)) + "].zone"
				}
				wrong(key, "there is no zone "+r.Zone)
			}
		}
	}
	for i, r := range to.regions {
		for _, o := range to.regions[:i] {
			if r.Country == o.Country && (area.Area{Countries: []string{r.Country}, Regions: []string{r.Name}, Postal: r.Postal}).
				Overlaps(area.Area{Countries: []string{o.Country}, Regions: []string{o.Name}, Postal: o.Postal}) {
				wrong("tax.region", r.Name+" overlaps "+o.Name)
			}
		}
	}
	for _, r := range to.rules {
		if strings.TrimSpace(r.Country) == "" {
			wrong("tax.rate", "a rate has no country")
		}
	}
	if c := to.words["tax.delivery"]; c != tax.Standard && c != tax.ProRata {
		known := c == tax.Zero || c == tax.Exempt || c == tax.Reduced
		for _, r := range to.rules {
			known = known || r.Class == c
		}
		if !known {
			wrong("tax.delivery", "no rate has this class")
		}
	}
	if to.words["terms.must_tick"] == "true" && to.texts["terms"] == "" {
		wrong("terms.must_tick", "needs terms: give texts.terms")
	}
	return bad
}

// checkPaying refuses payment methods that could not be paid with. What is
// neither new nor touched by the change is left alone.
func checkPaying(now, to state, d document, may Payable) (bad Problems) {
	same := now.words["shop.descriptor"] == to.words["shop.descriptor"] && now.currency() == to.currency() && now.words["payment.capture"] == to.words["payment.capture"]
	had := strings.Fields(now.words["payment.providers"])
	for _, method := range strings.Fields(to.words["payment.providers"]) {
		if same && slices.Contains(had, method) {
			continue
		}
		err := errors.New("payment methods can't be changed here")
		if may != nil {
			err = may(method, to.words["shop.descriptor"], to.currency(), to.words["payment.capture"] == "when-sent")
		}
		if err != nil {
			bad = append(bad, Problem{"payment.methods", d.lines.of("payment.methods"), err.Error()})
		}
	}
	return bad
}

// path names an entry of a list as the file does, or by its id where the file
// does not mention the list.
func (d document) path(list string, i int, id string) string {
	if list == "zone" && d.zones != nil || list == "method" && d.methods != nil || list == "collection" && d.shelves != nil {
		return list + "[" + number(int64(i)) + "]"
	}
	return list + "." + id
}
