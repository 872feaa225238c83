package stripe

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// The part of the bank that keeps cards.

// keep attaches the card that paid a session to its customer, when it was to be kept.
func (b *bank) keep(s map[string]any) {
	of, _ := s["customer"].(string)
	if s["keep"] != "on_session" || b.people[of] == nil {
		return
	}
	id := fmt.Sprintf("pm_%d", len(b.asked))
	b.people[of] = append(b.people[of], map[string]any{"id": id, "object": "payment_method", "type": "card", "customer": of,
		"allow_redisplay": "limited", "card": map[string]any{"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030}})
}

func (b *bank) keeping(r *http.Request, form url.Values, out map[string]any) (int, []byte) {
	rest, _ := strings.CutPrefix(r.URL.Path, "/v1/")
	parts := strings.Split(rest, "/")
	switch {
	case parts[0] == "payment_methods":
		return b.detach(parts[1], out)
	case len(parts) == 1:
		id := fmt.Sprintf("cus_%d", len(b.people)+1)
		b.people[id] = []map[string]any{}
		maps.Copy(out, map[string]any{"id": id, "object": "customer", "livemode": false, "metadata": metadata(form)})
		return show(out)
	case !b.knows(parts[1]):
		return refuse(404, "resource_missing")
	case len(parts) == 3:
		out["data"], out["has_more"] = b.people[parts[1]], false
		return show(out)
	case r.Method == http.MethodDelete:
		b.people[parts[1]] = nil
		return show(map[string]any{"id": parts[1], "object": "customer", "deleted": true})
	}
	if b.people[parts[1]] == nil {
		return show(map[string]any{"id": parts[1], "object": "customer", "deleted": true})
	}
	maps.Copy(out, map[string]any{"id": parts[1], "object": "customer", "livemode": false, "metadata": map[string]any{metaShop: shop}})
	return show(out)
}

func (b *bank) knows(customer string) bool {
	_, known := b.people[customer]
	return known
}

func (b *bank) detach(card string, out map[string]any) (int, []byte) {
	for of, cards := range b.people {
		for i, one := range cards {
			if one["id"] == card {
				b.people[of] = append(cards[:i:i], cards[i+1:]...)
				maps.Copy(out, one)
				out["customer"] = nil
				return show(out)
			}
		}
	}
	return refuse(404, "resource_missing")
}
