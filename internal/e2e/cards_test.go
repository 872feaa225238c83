package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest/browser"
)

// TestAMemberHasACardKeptInABrowser: the demo's bank keeps a card by wish, the next order
// is paid with it, and the account's page has it forgotten; with scripts and without.
func TestAMemberHasACardKeptInABrowser(t *testing.T) {
	s := demo(t, "")
	b := browser.Start(t, browser.Certificate(t, filepath.Join(s.dir, "certs", "leaf.pem")))
	for i, view := range []browser.View{{Width: browser.Narrow, NoScript: true}, {Width: browser.Wide}} {
		t.Run(name(view), func(t *testing.T) {
			m := &member{visitor: &visitor{t: t, shop: s, view: view, Page: b.Page(t, view)}, email: []string{"mary@example.com", "emmy@example.com"}[i]}
			m.joins()
			m.toReview()
			if browser.Eval[bool](m.Page, `document.querySelector("[name=keep_card]").checked`) {
				t.Error("somebody has ticked the box for her")
			}
			if strings.Contains(m.Text("#pay"), "keeps for you") {
				t.Error("a kept card is offered, and there is none")
			}
			m.Click("[name=keep_card]")
			m.shot("review-keep")
			m.Submit("#pay .btn")
			m.expect(m.Text("main"), "This bank keeps the card for next time")
			m.paid("button[value=approved]")

			m.Open(m.shop.origin + "/account/cards")
			m.expect(m.Text("main"), "Make-believe card that ends in")
			m.shot("cards")

			m.toReview()
			m.Click(`[value="sandbox/kept"]`)
			m.Submit("#pay .btn")
			m.shot("sandbox-kept")
			m.paid("button[value^=approved-]")

			m.Open(m.shop.origin + "/account/cards")
			m.Submit("main li form button")
			m.expect(m.Text("main"), "No card is kept there")
			if strings.Contains(m.Text("main"), "ends in") {
				t.Error("the card is still there")
			}
			m.wasLeftAlone()
		})
	}
}

// toReview brings a thing to the last page before the order, with a member's own address.
func (m *member) toReview() {
	m.t.Helper()
	m.Open(m.shop.origin + "/products/nesting-bowls")
	m.Submit(".add .btn")
	m.Open(m.shop.origin + "/checkout")
	for field, text := range map[string]string{"#email": m.email, "#name": "Mary Somerville", "#shipping_address-street_address": "12 Analytical Way",
		"#shipping_address-postal_code": "10115", "#shipping_address-address_locality": "Berlin"} {
		m.Fill(field, text)
	}
	m.Choose("#shipping_address-address_country", "DE")
	m.status(m.Submit("#details .go .btn"), 200)
	m.expect(m.URL(), "/checkout/review")
}

// paid presses a button of the bank and is back with a paid order.
func (m *member) paid(button string) {
	m.t.Helper()
	m.expect(m.URL(), m.shop.bank+"/pay/")
	m.status(m.Submit(button), 200)
	m.expect(m.Text("h1"), "paid")
}
