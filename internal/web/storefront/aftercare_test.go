package storefront

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// bought lets a shopper buy one mug and pay it.
func bought(t *testing.T, s *stall, b *shopper) checkout.Placed {
	t.Helper()
	mug := s.Product(t, "mug", 1950, shoptest.Counted(50))
	b.post("/cart/lines", put(mug, "1"))
	b.post("/checkout/review", pay(b.post("/checkout", ada())))
	p := s.placed(t, b)
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	for s.Run(t) > 0 {
	}
	return p
}

func TestAnOrderIsFoundByACodeFromItsMailbox(t *testing.T) {
	s := open(t)
	p := bought(t, s, s.shopper(t))
	at := "/orders/" + string(p.Order.Number)

	b := s.shopper(t) // another browser, with nothing but what one remembers
	b.get(at).is(404, "/find-order")
	b.get("/find-order").is(200, "Find your order")
	b.post("/find-order", url.Values{"number": {"what?"}, "email": {"ada at home"}}).is(422, "Error: ", "what?", "ada at home", "An order number looks like", "#number", "#email")
	b.post("/find-order", url.Values{"number": {strings.ToLower(string(p.Order.Number))}, "email": {"ada@lovelace.example"}}).is(200, "Type the code", `autocomplete="one-time-code"`, `inputmode="numeric"`).not("ada@", "Lovelace")
	s.Run(t)
	code := ""
	letters := s.Letters.All()
	for line := range strings.Lines(letters[len(letters)-1].Text) {
		if c, err := challenge.Order.Parse(strings.TrimSpace(line)); err == nil {
			code = c.Reveal()
		}
	}
	b.post("/find-order/code", url.Values{"code": {"12"}}).is(422, "eight digits")
	whole := b.post("/find-order/code", url.Values{"code": {code}}).is(200, "Ada Lovelace", "12 Analytical Way", "ada@lovelace.example", "half an hour")
	if whole.path != at || strings.Contains(whole.path, "token") {
		t.Errorf("the code led to %s, want %s", whole.path, at)
	}
	b.get(at+"/invoice").is(200, "Invoice", "Ada Lovelace", "-000001", "€19.50", "19 %").not("ada@lovelace.example")

	// When the name that the delivery needed has ended, the invoice has its own.
	end(t, s, p, personal.Fulfilment)
	b.get(at).is(200).not("Ada Lovelace", "ada@lovelace.example", "Delivered to")
	b.get(at+"/invoice").is(200, "Ada Lovelace", "12 Analytical Way", "€19.50").not("ada@lovelace.example")
	end(t, s, p, personal.Invoicing)
	b.get(at+"/invoice").is(200, "€19.50").not("Ada", "Analytical")

	// Who clears up after themselves leaves no proof behind for the next one
	// who opens the link in this browser.
	b.post("/cart/clear", nil).is(200, "this browser has forgotten")
	b.get(at+"?token="+p.Token).is(200, "Your order is paid").not("Ada", "Analytical")

	// The link alone opens the order and nobody's name, on paper too.
	c := s.shopper(t)
	c.get(at+"?token="+p.Token).is(200, "Your order is paid").not("Ada", "Analytical")
	c.get(at+"/invoice").is(200, "Invoice", "/find-order").not("Ada", "Analytical")
	c.get(at + "/credit-notes/C-2026-000001").is(404)
	s.shopper(t).get(at + "/invoice").is(404).not("Ada")
}

// TestEachPartThatGoesBackHasAPaperToPrint: the order's page leads to all of them.
func TestEachPartThatGoesBackHasAPaperToPrint(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	p := bought(t, s, b)
	at := "/orders/" + string(p.Order.Number)
	b.get(at).is(200, "/invoice").not("Credit note", "Given back")
	part := money.Of(500, p.Order.Totals.Total.Currency())
	for _, back := range []checkout.Back{{Part: &part}, {}} {
		if err := s.Desk.GiveBack(t.Context(), ledger.OS("clerk"), p.Order.Number, back); err != nil {
			t.Fatal(err)
		}
		for s.Run(t) > 0 {
		}
		if back.Part != nil {
			b.get(at).is(200, `<dt>Given back</dt><dd class="price">€5.00</dd>`)
		}
	}
	_, names, err := s.Desk.Papers(t.Context(), p.Order)
	if err != nil || len(names) != 2 {
		t.Fatalf("got %v, %v, want two credit notes", names, err)
	}
	b.get(at).is(200, `<dt>Given back</dt><dd class="price">`+p.Order.Totals.Total.Format()+`</dd>`, at+"/credit-notes/"+names[0], at+"/credit-notes/"+names[1])
	invoice := "Takes back a part of invoice"
	b.get(at+"/credit-notes/"+names[0]).is(200, names[0], invoice, "A part of the price", "€5.00", "€4.20", "€0.80").not("Mug", "Ada")
	rest := money.Of(p.Order.Totals.Total.Minor()-500, part.Currency())
	b.get(at+"/credit-notes/"+names[1]).is(200, names[1], invoice, rest.Format()).not("Mug", p.Order.Totals.Total.Format())
	b.get(at+"/invoice").is(200, p.Order.Totals.Total.Format()).not("Takes back")
	s.shopper(t).get(at + "/credit-notes/" + names[0]).is(404).not("€5.00")
}

func TestLookingUpTellsNothing(t *testing.T) {
	s := open(t)
	p := bought(t, s, s.shopper(t))
	ask := func(number, email string) (seen, time.Duration) {
		began := time.Now()
		got := s.shopper(t).post("/find-order", url.Values{"number": {number}, "email": {email}})
		return got, time.Since(began)
	}
	const samples = 6
	var mu sync.Mutex
	took := map[string][]time.Duration{}
	bodies := map[string][]byte{}
	slots := make(chan struct{}, 8)
	var group sync.WaitGroup
	for range samples {
		for name, row := range map[string][2]string{
			"fits": {string(p.Order.Number), "ada@lovelace.example"}, "another address": {string(p.Order.Number), "byron@lovelace.example"},
			"no such order": {"00000-00000", "ada@lovelace.example"},
		} {
			group.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				got, d := ask(row[0], row[1])
				mu.Lock()
				defer mu.Unlock()
				if got.status != 200 || got.path != "/find-order/code" {
					t.Errorf("%s: got %d at %s", name, got.status, got.path)
				}
				took[name], bodies[name] = append(took[name], d), []byte(got.body)
			})
		}
	}
	group.Wait()
	for name, times := range took {
		slices.Sort(times)
		t.Logf("%s: median %v of %d", name, times[len(times)/2], len(times))
		if times[0] < findTime {
			t.Errorf("%s was answered after %v, before the fixed %v", name, times[0], findTime)
		}
		if !bytes.Equal(bodies[name], bodies["fits"]) {
			t.Errorf("%s: the page differs from that of an order that fits", name)
		}
	}
	s.Run(t)
	mailed := 0
	for _, l := range s.Letters.All() {
		if strings.Contains(l.Subject, "Your code") {
			mailed++
		}
	}
	if mailed != 1 { // the others share it
		t.Errorf("%d codes were mailed for %d askings, want 1", mailed, samples)
	}
}

func TestWhatAnOrderPageCanDo(t *testing.T) {
	s := open(t)
	b := s.shopper(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(1))
	b.post("/cart/lines", put(mug, "1"))
	b.post("/checkout/review", pay(b.post("/checkout", ada())))
	at := "/orders/" + string(s.placed(t, b).Order.Number)
	b.get(at).is(200, at+"/cancel")
	for _, act := range []string{"/cancel", "/resend", "/again"} {
		s.shopper(t).post(at+act, nil).is(404)
	}
	b.post(at+"/cancel", nil).is(200, "You cancelled this order", "Nothing was charged").not(at + "/cancel")
	if got := s.Stock(t, mug.ID); got.Held != 0 {
		t.Errorf("%d mugs are still held", got.Held)
	}
	b.post("/cart/clear", nil)

	c := s.shopper(t)
	p := bought(t, s, c)
	at = "/orders/" + string(p.Order.Number)
	c.post(at+"/cancel", nil).is(200, "paid already")
	c.post(at+"/resend", nil).is(200, "on its way")
	c.post(at+"/again", nil).is(200, "in your cart again", "The mug")

	c.post("/wishes", url.Values{"variant_id": {string(mug.ID)}, "email": {"ada@lovelace.example"}}).is(422, "you can buy it now")
	s.Product(t, "mug", 1950, shoptest.Counted(0))
	c.post("/wishes", url.Values{"variant_id": {string(mug.ID)}, "email": {"nowhere"}}).is(422, "nowhere", "an @")
	c.post("/wishes", url.Values{"variant_id": {string(mug.ID)}, "email": {"ada@lovelace.example"}}).is(200, "We write to you once")
	c.post("/wishes", url.Values{"variant_id": {"none"}, "email": {"ada@lovelace.example"}}).is(422)
}

// end destroys the key of one purpose of an order.
func end(t *testing.T, s *stall, p checkout.Placed, purpose personal.Purpose) {
	t.Helper()
	id := shoptest.One[string](t, s.Raw(t), `SELECT id FROM dossiers WHERE subject = $1 AND case_id = $2 AND purpose = $3`, p.Order.Owner, string(p.Order.ID), string(purpose))
	err := s.DB.InTx(t.Context(), ledger.System("test"), func(t *store.Tx) error {
		return t.Destroy(store.DueDossier{Subject: p.Order.Owner, ID: id, Case: string(p.Order.ID), Purpose: purpose})
	})
	if err != nil {
		t.Fatal(err)
	}
}
