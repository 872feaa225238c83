package app

import (
	"slices"
	"testing"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
)

// roads lists every road to each act that has more than one: a form, a call of
// the API (pages of other sites use the API, see web/embed), and pages of their
// own. A guard on one road and none on its twin is how such guards fail.
var roads = map[abuse.Act][]string{
	abuse.NewCart:  {"POST /cart/lines", "POST /orders/{number}/again", "POST /api/v1/carts"},
	abuse.Discount: {"POST /cart/code", "POST /api/v1/carts/{id}/codes"},
	abuse.Place:    {"POST /checkout/review", "POST /checkout/review/code/answer", "POST /api/v1/carts/{id}/orders"},
	abuse.Pay:      {"POST /orders/{number}/payments", "POST /orders/{number}/payments/code/answer", "POST /api/v1/orders/{number}/payments"},
	abuse.Hold:     {"POST /orders/{number}/hold", "POST /api/v1/orders/{number}/hold"},
	abuse.OwnOrder: {"POST /orders/{number}/cancel", "POST /orders/{number}/resend", "POST /orders/{number}/again", "POST /orders/{number}/account",
		"GET /orders/{number}/invoice", "GET /orders/{number}/credit-notes/{paper}", "POST /api/v1/orders/{number}/cancel"},
	abuse.SignIn:   {"POST /sign-in"},
	abuse.Register: {"POST /register", "POST /register/code", "POST /orders/{number}/account"},
	abuse.Reset:    {"POST /forgotten", "POST /forgotten/code", "POST /sign-in/browser"},
	abuse.LookUp: {"POST /find-order/code", "POST /sign-in/browser/code", "POST /account/find-orders/code",
		"POST /account/security/email/code", "POST /checkout/review/code/answer", "POST /orders/{number}/payments/code/answer",
		"POST /api/v1/carts/{id}/pay-code/answer", "POST /api/v1/orders/{number}/pay-code/answer"},
	abuse.PayCode: {"POST /checkout/review/code", "POST /orders/{number}/payments/code",
		"POST /api/v1/carts/{id}/pay-code", "POST /api/v1/orders/{number}/pay-code"},
	abuse.FindOrder: {"POST /find-order"},
}

// harmless lists what changes something and needs no rule of its own, with the
// reason. All of it counts as general, and a token that opens nothing as a miss.
var harmless = map[string]string{
	"POST /cart/lines/{line}":                         "one's own cart, which has bounds",
	"POST /cart/lines/{line}/save":                    "one's own cart, which has bounds",
	"POST /cart/lines/{line}/restore":                 "one's own cart, which has bounds",
	"POST /cart/estimate":                             "one's own cart",
	"POST /cart/accept":                               "one's own cart",
	"POST /cart/clear":                                "one's own cart",
	"POST /cart/code/remove":                          "one's own cart",
	"POST /cart/adopt":                                "needs the token of a cart that was counted when it was made",
	"POST /cart/adopt/choice":                         "one's own cart",
	"POST /checkout":                                  "one's own cart; nothing is held or sent",
	"POST /downloads/{token}":                         "256 bits; each link counts its own downloads",
	"POST /api/v1/carts/{id}/lines":                   "one's own cart, which has bounds",
	"PATCH /api/v1/carts/{id}/lines/{line_id}":        "one's own cart, which has bounds",
	"DELETE /api/v1/carts/{id}/lines/{line_id}":       "one's own cart, which has bounds",
	"POST /api/v1/carts/{id}/lines/{line_id}/save":    "one's own cart, which has bounds",
	"POST /api/v1/carts/{id}/lines/{line_id}/restore": "one's own cart, which has bounds",
	"POST /api/v1/carts/{id}/accept":                  "one's own cart",
	"DELETE /api/v1/carts/{id}/codes":                 "one's own cart",
	"POST /api/v1/carts/{id}/hand-over":               "one's own cart",
	"PUT /api/v1/carts/{id}/checkout":                 "one's own cart; nothing is held or sent",
	"POST /payments/sandbox/notices":                  "signed by the provider",
	"POST /sign-in/second/passkey":                    "a ceremony that was counted when it began",
}

// TestEveryRoadToAnActHasItsRule: whatever strangers can send, on any surface,
// brings the rule of what it does, and its twins bring the same.
func TestEveryRoadToAnActHasItsRule(t *testing.T) {
	s := opened(t)
	does := map[string][]abuse.Act{}
	for _, r := range s.table.Rows() {
		name := r.Method + " " + r.Path
		does[name] = r.Does
		for _, a := range r.Does {
			if !a.Known() {
				t.Errorf("%s does %d, which is no act", name, a)
			}
		}
		// Signed in one acts on what is one's own; what is delicate has a rule
		// of its own in package access.
		if r.Method == "GET" || r.Need.Level > access.Guest || len(r.Does) > 0 {
			continue
		}
		if harmless[name] == "" {
			t.Errorf("%s (%s) changes something and has no rule: say what it does, or why it is harmless", name, r.Surface)
		}
	}
	for act, list := range roads {
		for _, name := range list {
			acts, there := does[name]
			if !there {
				t.Errorf("there is no %s any more: mend the list", name)
			} else if !slices.Contains(acts, act) {
				t.Errorf("%s does %q, and its line in the table does not say so", name, act)
			}
		}
		for name, acts := range does {
			if slices.Contains(acts, act) && !slices.Contains(list, name) {
				t.Errorf("%s is one more road to %q: put it beside the others", name, act)
			}
		}
	}
	for name := range harmless {
		if _, there := does[name]; !there {
			t.Errorf("there is no %s any more: mend the list", name)
		}
	}
}
