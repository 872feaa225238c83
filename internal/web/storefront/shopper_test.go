package storefront

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestSavedForLaterWaitsBesideTheCart(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b, eve := s.shopper(t), s.shopper(t)
	line := b.post("/cart/lines", put(mug, "3")).line()
	eve.post("/cart/lines", put(mug, "1"))
	eve.post(line+"/save", nil).is(200, "That is not in your cart any more.")

	saved := b.post(line+"/save", nil).is(200, "Your cart is empty", "Saved for later", "The mug", "It is saved for later", "3 × ")
	if got := saved.count(); got != "0" {
		t.Errorf("got %s in the masthead, want what is saved not to count", got)
	}
	b.get("/cart").is(200).not("It is saved for later")
	b.get("/checkout").is(200, "Your cart is empty")
	if got := b.post(line+"/restore", nil).is(200, "It is in your cart again.", "€58.50").not("Saved for later").count(); got != "3" {
		t.Errorf("got %s, want all three back", got)
	}
	b.post(line+"/save", nil)
	b.post(line, url.Values{"quantity": {"0"}}).is(200, "The mug is out of your cart.", "Undo").not("Saved for later")
}

func TestACartWithAChangedPriceWaitsForAWord(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1"))
	s.reprice(t, "mug", 2450)
	b.get("/cart").is(200, "A price changed since you looked", "it was", "€19.50", "€24.50", "Please look at what is marked first.").not(`href="/checkout"`)
	if got := b.get("/checkout"); got.path != "/cart" {
		t.Errorf("got %s, want the cart first", got.path)
	}
	b.post("/cart/accept", nil).is(200, `href="/checkout"`).not("A price changed")
	// What is no longer sold has to go first.
	err := s.DB.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
		p, err := tx.ProductByHandle("mug")
		if err != nil {
			return err
		}
		p.Published = false
		return tx.SaveProduct(p)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.get("/cart").is(200, "This is no longer for sale. Please remove it to go on.").not(`href="/checkout"`)
}

func TestDeliveryIsEstimatedBeforeAnybodyIsAsked(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1")).is(200, "Standard, Germany", "€4.90", "Total, estimated", "€24.40")
	b.post("/cart/estimate", url.Values{"country": {"AT"}}).is(200, `<option value="AT" selected`, "Standard, Austria", "Total, estimated")
	b.get("/cart").is(200, `<option value="AT" selected`)
	// It is where the form begins, and nothing personal is stored.
	b.get("/checkout").is(200, `<option value="AT" selected`)
	if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM dossiers WHERE purpose = 'cart'`) + shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM cart_details`); n != 0 {
		t.Errorf("got %d rows about a person for an estimate, want none", n)
	}
	b.post("/cart/estimate", url.Values{"country": {"Atlantis"}}).is(422, "Choose a country.")
	b.post("/cart/estimate", nil).is(422, "Choose a country.")
	s.shopper(t).post("/cart/estimate", url.Values{"country": {"AT"}}).is(200, "Your cart is empty")
	// Once an address is known, the real price is in the total.
	b.post("/checkout", ada())
	b.get("/cart").is(200, "Total").not("Total, estimated", "Delivery to")
}

func TestStepByStepNothingIsLost(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1"))
	whole := ada()
	step := func(n, button string, fields ...string) url.Values {
		form := url.Values{"step": {n}, "go": {button}}
		for _, f := range fields {
			form.Set(f, whole.Get(f))
		}
		return form
	}
	address := []string{"name", "phone", "shipping_address.street_address", "shipping_address.address_locality", "shipping_address.postal_code", "shipping_address.address_country"}

	b.get("/checkout").is(200, `href="/checkout?step=1"`, "Full name")
	b.get("/checkout?step=1").is(200, "Step 1 of 3", "E-mail", "Checkout, step 1 of 3").not("Full name", "Bill to another address")
	wrong := step("1", "")
	wrong.Set("email", "ada at lovelace")
	b.post("/checkout", wrong).is(422, "Step 1 of 3", "Error: ", `value="ada at lovelace"`)
	b.get("/checkout?step=1").is(200, `value="ada at lovelace"`) // kept, mistakes included
	if got := b.post("/checkout", step("1", "", "email")).is(200, "Step 2 of 3", "Full name").not(`name="email"`); got.path != "/checkout" {
		t.Errorf("got %s, want the next step", got.path)
	}
	// Back with half a form, and with something wrong in it.
	half := step("2", "back", "name", "shipping_address.street_address")
	half.Set("shipping_address.postal_code", "ABC")
	b.post("/checkout", half).is(200, "Step 1 of 3", `value="ada@lovelace.example"`)
	b.get("/checkout?step=2").is(200, "Ada Lovelace", "12 Analytical Way", `value="ABC"`).not("Error: ")
	b.post("/checkout", step("2", "", "name")).is(422, "Step 2 of 3", "Please choose a country.").not("An e-mail")
	b.post("/checkout", step("2", "", address...)).is(200, "Step 3 of 3", "It is a gift")
	// Everything on one page, and back to steps.
	gift := step("3", "whole")
	gift.Set("gift_name", "Byron")
	b.post("/checkout", gift).is(200, `value="Byron"`, `value="ada@lovelace.example"`, "12 Analytical Way").not("Step 3")
	last := step("3", "", "note", "shipping_method")
	last.Set("order_note", "No plastic")
	b.post("/checkout", last).is(200, "Check and pay", "ada@lovelace.example", "Byron", "The blue bell", "No plastic", "10115 Berlin")
	// The last step finds what an earlier one left out.
	b.post("/checkout", url.Values{"step": {"1"}, "email": {""}}).is(422)
	b.post("/checkout", step("3", "", "note")).is(422, "Step 1 of 3", "Please give an e-mail address.")
	if got := b.get("/checkout/review"); got.path != "/checkout" {
		t.Errorf("got %s, want no review of an unfinished form", got.path)
	}
	b.get("/checkout?step=9").is(200, "Full name", "E-mail")
}

func TestAFormWithMistakesIsThereTomorrow(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, catalog.Stock{})
	b := s.shopper(t)
	b.post("/cart/lines", put(mug, "1"))
	form := ada()
	form.Set("email", "ada@")
	form.Set("gift_message", strings.Repeat("x", 10_000))
	b.post("/checkout", form).is(422, "Something is missing after the @.", "Please shorten the text to 300 characters.")
	s.Clock.Move(24 * time.Hour)
	got := b.get("/checkout").is(200, `value="ada@"`, "12 Analytical Way", "The blue bell")
	if n := strings.Count(got.body, strings.Repeat("x", 10_000)); n != 1 {
		t.Errorf("the long text is there %d times, want once", n)
	}
	s.shopper(t).get("/checkout").is(200, "Your cart is empty").not("Analytical")
	b.post("/cart/clear", nil)
	b.post("/cart/lines", put(mug, "1"))
	b.get("/checkout").is(200).not("Analytical", `value="ada@`)
}

func TestClearingMakesTheBrowserForgetItsPages(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	b.post("/cart/lines", put(s.Product(t, "mug", 1950, shoptest.Counted(5)), "1"))
	r := b.form("/cart/clear", nil)
	answer, err := b.agent.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Header.Get("Clear-Site-Data"); got != `"cache", "storage"` {
		t.Errorf("got Clear-Site-Data %q", got)
	}
	if got := b.get("/cart").header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("got Cache-Control %q for a cart, want no-store", got)
	}
}
