package app

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/job"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/paymentpage"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
	"github.com/cartkeep/cartkeep/internal/web/storefront"
)

// pageLetters are what the owners get when the payment pages are not as they were.
var pageLetters = map[string]message.NoticeKind{store.PagesForeign: message.PagesForeign, store.PagesChanged: message.PagesChanged, store.PagesUnknown: message.PagesUnseen}

// pageWatch wires what looks after the payment pages.
func (s *server) pageWatch() *pagewatch.Watch {
	return &pagewatch.Watch{DB: s.vault.db, Log: s.log, Rules: s.pageRules, Visitor: s.pageVisitor,
		Tell: func(t *store.Tx, outcome string) error { return s.keeper.TellOwnersIn(t, pageLetters[outcome]) }}
}

// lookAtPages visits them when the last visit is long enough ago, of whichever node.
func (s *server) lookAtPages() job.Round {
	return job.Round{Name: "payment pages", Every: time.Minute, Do: func(ctx context.Context) error {
		due, err := s.paying.Due(ctx)
		if err != nil || !due {
			return err
		}
		_, err = s.paying.Visit(ctx)
		return err
	}}
}

// pageRules tells what the pages on the way to paying are sent with today.
func (s *server) pageRules(ctx context.Context) (paymentpage.Rules, error) {
	providers, err := s.desk.Methods(ctx)
	if err != nil {
		return paymentpage.Rules{}, err
	}
	hsts := !s.demo || s.settings.DemoHSTS
	plain, err := gate.Headers(hsts)
	if err != nil {
		return paymentpage.Rules{}, err
	}
	paying, err := gate.Headers(hsts, payment.Origins(providers)...)
	if err != nil {
		return paymentpage.Rules{}, err
	}
	// How long a page may be kept is no matter of what it brings along.
	delete(plain, "cache-control")
	delete(paying, "cache-control")
	out := paymentpage.Rules{Inventory: s.pages.Inventory(),
		Headers: map[string]map[string]string{page.PathCart: plain, page.PathCheckout: plain, page.PathReview: paying}}
	e, has, err := s.embedding(ctx)
	if err != nil || !has {
		return out, err
	}
	if out.Headers[page.PathCard], err = gate.EmbedHeaders(hsts, storefront.CardSources(e, providers)); err != nil {
		return out, err
	}
	delete(out.Headers[page.PathCard], "cache-control")
	out.Inventory = append(slices.Clone(out.Inventory), paymentpage.Entry{Kind: paymentpage.Script, Path: e.Script, Owner: e.Who, Reason: e.Reason, Page: page.PathCard})
	return out, nil
}

// embedding is whose card fields stand on the page for them, if there is one.
func (s *server) embedding(ctx context.Context) (e payment.Embedding, has bool, err error) {
	all, err := s.desk.Embedders(ctx)
	if err != nil || len(all) == 0 {
		return e, false, err
	}
	e, has = all[0].Embed()
	return e, has, nil
}

// pageVisitor walks from a thing that can be bought to the last page before the
// order, with details that are nobody's.
func (s *server) pageVisitor(ctx context.Context) (paymentpage.Visitor, error) {
	shop, err := s.vault.db.Settings(ctx)
	if err != nil {
		return paymentpage.Visitor{}, err
	}
	variant, err := s.somethingToBuy(ctx)
	if err != nil {
		return paymentpage.Visitor{}, err
	}
	details, err := nobody(shop)
	if err != nil {
		return paymentpage.Visitor{}, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second}
	if s.demo {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.local.ClientPool(), MinVersion: tls.VersionTLS12}
	}
	_, has, err := s.embedding(ctx)
	if err != nil {
		return paymentpage.Visitor{}, err
	}
	v := paymentpage.Visitor{Client: &http.Client{Transport: transport, Timeout: 20 * time.Second}, Origin: s.origin, Steps: []paymentpage.Step{
		{Path: page.PathCartLines, Form: url.Values{page.FieldVariant: {variant}, page.FieldQuantity: {"1"}}},
		{Path: page.PathCart, Look: true},
		{Path: page.PathCheckout, Look: true},
		{Path: page.PathCheckout, Form: details},
		{Path: page.PathReview, Look: true},
		{Path: page.PathCartClear, Form: url.Values{}},
	}}
	if has {
		v.Steps = append(v.Steps, paymentpage.Step{Path: page.PathCard, Look: true})
	}
	return v, nil
}

func (s *server) somethingToBuy(ctx context.Context) (id string, err error) {
	err = s.vault.db.View(ctx, func(v *store.View) error {
		list, _, err := v.Products(store.ProductQuery{Available: true, Limit: 100})
		if err != nil {
			return err
		}
		for _, p := range list {
			for _, variant := range p.Variants {
				if variant.Stock.Has(1) {
					id = string(variant.ID)
					return nil
				}
			}
		}
		return errors.New("there is nothing to buy, so nobody gets as far as paying")
	})
	return id, err
}

// nobody fills in the checkout. The address is that of no place.
func nobody(shop store.Settings) (url.Values, error) {
	to, ok := contact.CountryOf(shop.Home)
	if !ok || !shop.Shipping.Reaches(to.Code) {
		to = contact.Country{}
		for _, c := range contact.Countries() {
			if shop.Shipping.Reaches(c.Code) {
				to = c
				break
			}
		}
	}
	if to.Code == "" {
		return nil, errors.New("the shop delivers nowhere, so nobody gets as far as paying")
	}
	at := func(field string) string { return page.FieldShipping + "." + field }
	return url.Values{page.FieldEmail: {"self-visit@example.com"}, page.FieldName: {"Self visit of the shop"},
		at("street_address"): {"No street 1"}, at("address_locality"): {"Nowhere"}, at("address_region"): {to.RegionExample()},
		at("postal_code"): {to.PostalExample}, at("address_country"): {to.Code}}, nil
}

// reports takes what browsers say that they blocked on a page.
func (s *server) reports(w http.ResponseWriter, r *http.Request) {
	for _, bucket := range abuse.Report.Rule().Buckets {
		if err := s.gate.Allow(r, bucket); err != nil {
			s.gate.Refuse(w, r, err)
			return
		}
	}
	s.gate.Body(r, paymentpage.MaxReport)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.gate.Refuse(w, r, gate.ReadError(err))
		return
	}
	list, err := paymentpage.ParseReports(r.Header.Get("Content-Type"), body, s.origin, s.table.Shape)
	if err == nil {
		err = s.paying.Reported(r.Context(), list)
	} else {
		err = fault.Because(fault.Malformed, "This is no report of a browser.", err)
	}
	if err != nil {
		s.gate.Refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
