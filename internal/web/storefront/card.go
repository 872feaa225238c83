package storefront

import (
	"net/http"
	"net/url"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// card shows the card fields of a payment service for an order. Without an order it
// shows that there is none, with the same headers and scripts: so the shop can look at
// its own page. Where no service has such fields there is no such page.
func (s *Shop) card(w http.ResponseWriter, r *http.Request) {
	all, err := s.desk.Embedders(r.Context())
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	if len(all) == 0 {
		s.gate.NotFound().ServeHTTP(w, r)
		return
	}
	e, _ := all[0].Embed()
	asked := r.URL.Query().Get(page.FieldCardOrder)
	if asked == "" {
		s.showCard(w, r, e, page.Card{Empty: true})
		return
	}
	number, err := order.ParseNumber(asked)
	token := ""
	if err == nil {
		token = s.orderKey(r, number)
	}
	if token == "" {
		s.noOrder(w, r)
		return
	}
	f, err := s.desk.Fields(r.Context(), number, token)
	if fault.Is(err, fault.Conflict) {
		seeOther(w, page.PathOrders+string(number))
		return
	}
	if s.shut(w, r, err) {
		return
	}
	settings, err := s.db.Settings(r.Context())
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	s.showCard(w, r, f.Embedding, page.Card{Who: f.Who, Number: f.Order.Number, Amount: f.Order.Due(), Key: f.Key, Secret: page.SecretOf(f.Secret),
		Method: f.Provider, Action: page.PathOrders + string(f.Order.Number) + "/payments", Descriptor: settings.Descriptor})
}

func (s *Shop) showCard(w http.ResponseWriter, r *http.Request, e payment.Embedding, p page.Card) {
	providers, err := s.desk.Methods(r.Context())
	if err == nil {
		err = gate.Embed(w, CardSources(e, providers))
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	p.Layout, p.Script = s.layout(r), e.Script
	if u, err := url.Parse(e.Script); err == nil {
		p.Origin = u.Scheme + "://" + u.Host
	}
	s.show(w, r, http.StatusOK, p)
}

// CardSources are what the page with card fields may bring in, and where its button leads.
func CardSources(e payment.Embedding, providers []payment.Provider) gate.Sources {
	return gate.Sources{Scripts: e.Scripts, Frames: e.Frames, Connects: e.Connects, Forms: payment.Origins(providers)}
}

// typedHere is what a service's fields on our page are called when choosing; "" where it
// has none.
func typedHere(p payment.Provider) (title, note string) {
	e, is := p.(payment.Embedder)
	if !is {
		return "", ""
	}
	what, on := e.Embed()
	if !on {
		return "", ""
	}
	return "Card, typed on a page of ours", "Into fields of " + what.Who + ": we never see the number. It needs JavaScript."
}
