package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/cartkeep/cartkeep/internal/area"
	"github.com/cartkeep/cartkeep/internal/certs"
	"github.com/cartkeep/cartkeep/internal/demo"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/tax"
)

const demoListen = "localhost:8443"

type demoCmd struct{}

// Run makes a shop if there is none and serves it on this machine only.
func (demoCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if set.Listen == "" {
		set.Listen = demoListen
	}
	for _, address := range []string{set.Listen, set.SandboxListen, set.AdminListen} {
		if address == "" {
			continue
		}
		if err := onLoopback(address); err != nil {
			return misused("the demo is for this machine alone: %w", err)
		}
	}
	if set.SandboxListen != "" {
		host, _, _ := net.SplitHostPort(set.SandboxListen)
		if ip, err := netip.ParseAddr(host); err != nil || ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
			return misused("sandbox-listen: the make-believe bank lives on 127.0.0.1, because cookies ignore ports and the shop is localhost")
		}
	}
	s, err := newServer(ctx, p, set, true)
	if err != nil {
		return err
	}
	err = s.startDemo(ctx, p)
	if err == nil {
		err = s.run(ctx)
	}
	return joinClose(err, s.close)
}

func (s *server) startDemo(ctx context.Context, p *Process) error {
	var err error
	if s.local, err = certs.Local(s.folder.file("certs"), s.began); err != nil {
		return err
	}
	if s.local.Made() != "" {
		fmt.Fprintf(p.Err, "cartkeep: made a certificate for this machine (%s)\n%s\n", s.local.Made(), certs.TrustHint(s.local.CAFile()))
	}
	s.tls = s.local.TLSConfig()
	if err := s.demoPorts(); err != nil {
		return err
	}
	if err := s.openConsole(); err != nil {
		return err
	}
	s.origin = fmt.Sprintf("https://localhost:%d", portOf(s.doors[0]))
	if err := furnish(ctx, s.vault.db, s.settings); err != nil {
		return fmt.Errorf("demo catalogue: %w", err)
	}
	if err := s.assemble(ctx); err != nil {
		return err
	}
	owner, err := s.firstOwner(ctx)
	if err != nil {
		return err
	}
	a := s.addresses()
	fmt.Fprintf(p.Out, "cartkeep: shop %s\ncartkeep: admin %s\ncartkeep: sandbox %s\ncartkeep: outbox %s\ncartkeep: private %s\n", a.shop, a.admin, a.sandbox, a.outbox, a.private)
	if owner != "" {
		fmt.Fprintf(p.Out, "cartkeep: owner %s\n", owner)
	}
	if text := s.vault.placement(s.settings); text != "" {
		fmt.Fprintln(p.Err, "cartkeep: "+text)
	}
	if s.settings.LimitsExempt != "" {
		fmt.Fprintf(p.Err, "cartkeep: WARNING: clients in %s are free from request rates\n", s.settings.LimitsExempt)
	}
	if err := s.vault.db.Healthy(ctx); err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "cartkeep: ready %s\n", s.origin)
	return nil
}

// furnish gives a new demo shop its taxes, delivery and goods, and its name
// last: a shop without one was cut short while it was furnished, and everything
// before the name can be done again.
func furnish(ctx context.Context, db *store.DB, set *Settings) error {
	old, err := db.Settings(ctx)
	if err != nil {
		return err
	}
	if old.ShopName != "" {
		if !old.Demo {
			return misused("this folder holds a real shop; the demo needs one of its own")
		}
		return nil
	}
	currency, err := money.ParseCurrency(set.Currency)
	if err != nil {
		return err
	}
	name := set.ShopName
	if name == "" {
		name = demo.ShopName
	}
	actor := ledger.System("demo")
	if err := db.InTx(ctx, actor, func(t *store.Tx) error { return demoSettings(t, set, name, currency) }); err != nil {
		return err
	}
	db.ForgetSettings()
	if _, err := intake.Import(ctx, intake.Read(demo.Products(), currency).WithPictures(demoPicture), productSink{db, actor, false}, nil); err != nil {
		return err
	}
	defer db.ForgetSettings()
	return db.InTx(ctx, actor, func(t *store.Tx) error {
		if err := t.OrderCollections(demo.Collections()); err != nil {
			return err
		}
		return t.Set("shop.name", name)
	})
}

// demoPicture gives the demo's own drawings an address in the shop.
func demoPicture(source string) (string, bool) {
	name, ok := strings.CutPrefix(source, demo.Scheme)
	if !ok {
		return "", false
	}
	_, ok = demo.Picture(name)
	return "/pictures/" + name, ok
}

func demoSettings(t *store.Tx, set *Settings, name string, c money.Currency) error {
	for _, kv := range [][2]string{{"shop.tagline", demo.Tagline}, {"shop.currency", c.Code()}, {"shop.country", set.Country},
		{"shop.descriptor", descriptor(name)}, {"shop.demo", "true"}, {"payment.providers", "sandbox"}, {"tax.included", "true"},
		{"seller.name", name + ", a shop that does not exist"}, {"seller.address", "1 Sample Street\n00000 Sampletown"}} {
		if err := t.Set(kv[0], kv[1]); err != nil {
			return err
		}
	}
	for name, body := range demo.Texts() {
		if err := t.SetText(name, body); err != nil {
			return err
		}
	}
	if err := t.SetTaxes(demoTaxes()); err != nil {
		return err
	}
	unit := int64(1)
	for range c.Exponent() {
		unit *= 10
	}
	price := func(tenths int64) money.Amount { return money.Of(tenths*unit/10, c) }
	flat := func(zone string, tenths int64) shipping.Rate { return shipping.FlatRate(zone, price(tenths)) }
	home := flat("de", 49)
	home.FreeFrom = price(1500)
	return t.SetShipping(shipping.Plan{
		Zones: []shipping.Zone{shipping.ZoneOf("DE"), shipping.ZoneOf("AT"), shipping.ZoneOf(shipping.Anywhere)},
		Methods: shipping.Methods{
			{ID: "standard", Title: "Standard delivery, 2 to 4 days", Rates: []shipping.Rate{home, flat("at", 79), flat("world", 99)}},
			{ID: "express", Title: "Express delivery, next working day", Rates: []shipping.Rate{flat("de", 129)}},
			{ID: "pickup", Title: "Collect it at the workshop", Pickup: shipping.Pickup{Place: demo.PickupPlace, Hours: demo.PickupHours}, Rates: []shipping.Rate{flat("de", 0)}},
		}})
}

// demoTaxes are standard VAT rates in parts per million, for the demo, and one
// region outside the EU's VAT area. A merchant sets their own.
func demoTaxes() ([]tax.Rule, []tax.Region) {
	rules := []tax.Rule{{Country: "DE", Class: tax.Reduced, Rate: 70_000}, {Country: "ES", Region: "canary-islands", Rate: 0}}
	for country, rate := range standardRates() {
		rules = append(rules, tax.Rule{Country: country, Rate: rate})
	}
	return rules, []tax.Region{{Name: "canary-islands", Country: "ES", Postal: []area.Span{{From: "35", To: "35"}, {From: "38", To: "38"}}}}
}

func standardRates() map[string]money.Rate {
	return map[string]money.Rate{
		"AT": 200_000, "BE": 210_000, "CZ": 210_000, "DE": 190_000, "DK": 250_000, "ES": 210_000, "FI": 255_000, "FR": 200_000,
		"IE": 230_000, "IT": 220_000, "LU": 170_000, "NL": 210_000, "PL": 230_000, "PT": 230_000, "SE": 250_000,
	}
}
