package shipping

import (
	"testing"

	"github.com/cartkeep/cartkeep/internal/money"
)

func TestTheCheapestMethodThatGoesThere(t *testing.T) {
	eur, _ := money.ParseCurrency("EUR")
	price := func(minor int64) money.Amount { return money.Of(minor, eur) }
	ms := Methods{
		{"express", "Express", map[string]money.Amount{"DE": price(1200), "AT": price(900)}},
		{"standard", "Standard", map[string]money.Amount{"DE": price(490), Anywhere: price(1500)}},
		{"pickup", "Collect it", map[string]money.Amount{"DE": price(0)}},
	}
	for country, want := range map[string]string{"DE": "pickup", "AT": "express", "FR": "standard", "": "standard"} {
		if got, ok := ms.Cheapest(country); !ok || got.ID != want {
			t.Errorf("to %q goes %q, %v; want %q", country, got.ID, ok, want)
		}
	}
	if got := ms.To("DE"); len(got) != 3 || got[0].ID != "pickup" || got[2].ID != "express" {
		t.Errorf("to DE: %v", got)
	}
	if ms[0].ID != "express" {
		t.Error("asking for the cheapest moved the shop's own order")
	}
	if _, ok := ms[0].For("FR"); ok {
		t.Error("express goes to France")
	}
	if got, ok := ms[1].For("DE"); !ok || got != price(490) {
		t.Errorf("standard to DE costs %v, %v", got, ok)
	}
	if _, ok := ms[:1].Cheapest("FR"); ok {
		t.Error("something goes to France")
	}
	if m, ok := ms.Find("standard"); !ok || m.Title != "Standard" {
		t.Errorf("found %v, %v", m, ok)
	}
	if _, ok := ms.Find("drone"); ok {
		t.Error("found a drone")
	}
}
