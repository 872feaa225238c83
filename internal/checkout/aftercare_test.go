package checkout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

var clerk = ledger.OS("clerk")

func TestAnUnpaidOrderIsGivenUp(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		b := s.Ready(t, bowl.ID, 2)
		p := place(t, s, b, "key-1")
		if _, err := s.Desk.Cancel(noCtx, p.Order.Number, "a guess"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("a guess at the token got %v, want not found", err)
		}
		for range 2 { // doing it again changes nothing
			v, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
			if err != nil || v.Order.Status != order.Cancelled || v.Order.Why != order.ByCustomer || v.Payment.RedirectURL != "" {
				t.Fatalf("got %v, %v", v, err)
			}
		}
		wantStock(t, s, bowl.ID, 5, 0)
		if n := events(t, s, "order.cancelled", p.Order.ID); n != 1 {
			t.Errorf("got %d events, want 1", n)
		}
		s.Run(t)
		if got := s.Letters.All(); len(got) != 1 || !strings.Contains(got[0].Text, "You asked us to cancel it") {
			t.Errorf("got %d letters, want the one that says who cancelled", len(got))
		}
		// The bank's page was still open: what is paid there comes back.
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		if s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref) != p.Order.Totals.Total {
			t.Errorf("the money stayed with the bank")
		}
		wantStock(t, s, bowl.ID, 5, 0)
		// The cart is open, and can be ordered again.
		again := place(t, s, b, "key-2")
		if err := s.Approve(again); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.Cancel(noCtx, again.Order.Number, again.Token); !fault.Is(err, fault.Conflict) {
			t.Errorf("cancelling a paid order got %v, want a conflict", err)
		}
		wantStatus(t, s, again, order.Paid)
	})
}

func TestAnOrderGivenUpAfterItsHoldEndedIsNotPaidForLate(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 2), "key-1")
		s.Clock.Move(16 * time.Minute)
		if _, err := s.Desk.SweepHolds(noCtx); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			v, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
			if err != nil || v.Order.Status != order.Cancelled || v.Order.Why != order.ByCustomer {
				t.Fatalf("got %v because of %q, %v", v.Order.Status, v.Order.Why, err)
			}
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		wantStatus(t, s, p, order.Cancelled)
		wantStock(t, s, bowl.ID, 5, 0)
		if s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref) != p.Order.Totals.Total {
			t.Errorf("the money stayed with the bank")
		}
	})
}

func TestOfCancellingAndPayingOneWins(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(100))
		paid, cancelled := 0, 0
		for i := range 20 {
			p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
			errs := atOnce(2, func(n int) error {
				if n == i%2 {
					_, err := s.Desk.Cancel(noCtx, p.Order.Number, p.Token)
					return err
				}
				return s.Approve(p)
			})
			s.Run(t)
			refund := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref)
			switch s.Order(t, p).Status {
			case order.Paid:
				paid++
				if refund.Minor() != 0 || !fault.Is(errs[i%2], fault.Conflict) {
					t.Errorf("paid, and %v came back; cancelling got %v", refund.Minor(), errs[i%2])
				}
			case order.Cancelled:
				cancelled++
				if refund != p.Order.Totals.Total {
					t.Errorf("cancelled, and %d of %d came back", refund.Minor(), p.Order.Totals.Total.Minor())
				}
			default:
				t.Errorf("the order is %s", s.Order(t, p).Status)
			}
		}
		wantStock(t, s, bowl.ID, int64(100-paid), 0)
		t.Logf("%d paid, %d cancelled", paid, cancelled)
	})
}

func TestStaffTakeAnOrderToItsDoor(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		n := p.Order.Number
		if err := s.Desk.Pack(noCtx, clerk, n); !fault.Is(err, fault.Conflict) {
			t.Errorf("packing an unpaid order got %v, want a conflict", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if err := s.Desk.Pack(noCtx, clerk, n); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Ship(noCtx, clerk, n, checkout.Parcel{Tracking: strings.Repeat("x", 101)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a number too long got %v", err)
		}
		if err := s.Desk.Ship(noCtx, clerk, n, checkout.Parcel{Carrier: "Moor Post", Tracking: "TRACK-MARK-77"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Ship(noCtx, clerk, n, checkout.Parcel{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("sending it twice got %v, want a conflict", err)
		}
		s.Run(t)
		letters := s.Letters.All()
		if last := letters[len(letters)-1]; !strings.Contains(last.Text, "Moor Post") || !strings.Contains(last.Text, "TRACK-MARK-77") {
			t.Errorf("the letter does not tell the parcel:\n%s", last.Text)
		}
		before := count(t, s, `SELECT MIN(destroy_after) FROM dossiers WHERE case_id = $1 AND purpose = 'courier'`, string(p.Order.ID))
		s.Clock.Move(48 * time.Hour)
		if err := s.Desk.Deliver(noCtx, clerk, n); err != nil {
			t.Fatal(err)
		}
		o := s.Order(t, p)
		if o.Status != order.Delivered || o.Times.Paid.IsZero() || o.Times.Packed.IsZero() || o.Times.Shipped.IsZero() || o.Times.Delivered.Sub(o.Times.Shipped) < 48*time.Hour {
			t.Errorf("got %s with %+v", o.Status, o.Times)
		}
		after := count(t, s, `SELECT MIN(destroy_after) FROM dossiers WHERE case_id = $1 AND purpose = 'courier'`, string(p.Order.ID))
		if want := o.Times.Delivered.AddDate(0, 0, 30).UnixMilli(); after != want || after >= before {
			t.Errorf("the courier's folder ends at %d, want %d, thirty days after the day it arrived", after, want)
		}
		for _, action := range []string{"order.packed", "order.shipped", "order.delivered"} {
			if got := count(t, s, `SELECT count(*) FROM events WHERE action = $1 AND actor = 'os:clerk'`, action); got != 1 {
				t.Errorf("%d events say that the clerk did %s", got, action)
			}
		}
	})
}

func TestMoneyGoesBackOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("refunding an unpaid order got %v, want a conflict", err)
		}
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		won := 0
		for _, err := range atOnce(10, func(int) error { return s.Desk.Refund(noCtx, clerk, p.Order.Number) }) {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("got %v", err)
			}
		}
		s.Run(t)
		if won == 0 {
			t.Error("nobody could refund")
		}
		wantStatus(t, s, p, order.Refunded)
		if got := s.Bank.Refunded(s.Bank.Say(p, 1, payment.Approved).Ref); got != p.Order.Totals.Total {
			t.Errorf("%d came back, want %d", got.Minor(), p.Order.Totals.Total.Minor())
		}
		if n := events(t, s, "payment.refunded", p.Order.ID); n != 1 {
			t.Errorf("got %d events, want 1", n)
		}
		letters := 0
		for _, l := range s.Letters.All() {
			if strings.Contains(l.Text, "We have given back") {
				letters++
			}
		}
		if letters != 1 {
			t.Errorf("got %d letters about it, want 1", letters)
		}
	})
}

func TestInvoicesAreNumberedWithoutGaps(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(200))
		const orders = 60
		placed := make([]checkout.Placed, orders)
		for i, err := range atOnce(orders, func(i int) (err error) {
			placed[i], err = s.Place(s.Ready(t, bowl.ID, 1), fmt.Sprint("key-", i))
			return err
		}) {
			if err != nil {
				t.Fatal(i, err)
			}
		}
		for _, err := range atOnce(orders, func(i int) error { return s.Approve(placed[i]) }) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for s.RunAll(t) > 0 {
		}
		n := count(t, s, `SELECT count(*) FROM invoices`)
		if distinct := count(t, s, `SELECT count(DISTINCT number) FROM invoices`); n != orders || distinct != orders {
			t.Fatalf("got %d invoices with %d numbers, want %d", n, distinct, orders)
		}
		if low, high := count(t, s, `SELECT MIN(number) FROM invoices`), count(t, s, `SELECT MAX(number) FROM invoices`); low != 1 || high != orders {
			t.Errorf("numbers go from %d to %d, want 1 to %d", low, high, orders)
		}
		// A job that comes twice gives no second number, and the row stands still.
		p := placed[0]
		before, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Jobs()[checkout.JobInvoice](noCtx, store.Job{Owner: p.Order.Owner, Ref: string(p.Order.ID)}); err != nil {
			t.Fatal(err)
		}
		after, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token, false)
		if err != nil || after.Invoice != before.Invoice {
			t.Errorf("got %v, %v; want %v as before", after.Invoice, err, before.Invoice)
		}
		if n := count(t, s, `SELECT last FROM invoice_series WHERE series = $1`, before.Invoice.Series); n != orders {
			t.Errorf("the series has come to %d, want %d", n, orders)
		}
		if _, err := s.Raw(t).Exec(`UPDATE invoices SET number = number + 1`); err == nil {
			t.Error("an invoice was changed")
		}
		var sum int64
		for _, tax := range after.Taxes {
			sum += tax.Net.Minor() + tax.Tax.Minor()
		}
		if sum != after.Order.Totals.Total.Minor() {
			t.Errorf("the rates add up to %d, want the total %d", sum, after.Order.Totals.Total.Minor())
		}
		if _, err := s.Desk.Invoice(noCtx, p.Order.Number, "guess", false); !fault.Is(err, fault.NotFound) {
			t.Errorf("a guess at the token got %v", err)
		}
		if _, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token, true); !fault.Is(err, fault.NotFound) {
			t.Errorf("a credit note of what was not refunded got %v", err)
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		credit, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token, true)
		if err != nil || credit.Of != before.Invoice.Name() || !strings.HasPrefix(credit.Invoice.Name(), "C-") || credit.Invoice.Number != 1 {
			t.Errorf("got %v of %s, %v; want the first credit note, of %s", credit.Invoice.Name(), credit.Of, err, before.Invoice.Name())
		}
	})
}

func TestACreditNoteNeverComesBeforeItsInvoice(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		// The job of the invoice waits for another try, and the money goes back meanwhile.
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Jobs()[checkout.JobCredit](noCtx, store.Job{Owner: p.Order.Owner, Ref: string(p.Order.ID)}); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		credit, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token, true)
		if err != nil || credit.Of == "" {
			t.Errorf("got a credit note of %q, %v", credit.Of, err)
		}
		if n := count(t, s, `SELECT count(*) FROM invoices`); n != 2 {
			t.Errorf("got %d papers, want an invoice and its credit note", n)
		}
	})
}

// lookUp asks for a code and returns the ticket, and the code that was mailed.
func lookUp(t *testing.T, s *shoptest.Shop, number order.Number, email string) (ticket, code string) {
	t.Helper()
	before := len(s.Letters.All())
	ticket, err := s.Desk.AskCode(noCtx, string(number), email)
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	for _, l := range s.Letters.All()[before:] {
		for line := range strings.Lines(l.Text) {
			if c, err := challenge.Parse(strings.TrimSpace(line)); err == nil {
				return ticket, c.Reveal()
			}
		}
	}
	return ticket, ""
}

func TestAMailedCodeOpensAnOrderWholeAndOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if _, code := lookUp(t, s, p.Order.Number, "byron@example.com"); code != "" {
			t.Error("a code was mailed for an address that is not the order's")
		}
		if _, code := lookUp(t, s, order.NewNumber(), "ada@example.com"); code != "" {
			t.Error("a code was mailed for a number that is none")
		}
		ticket, code := lookUp(t, s, p.Order.Number, " ADA@example.com ")
		if code == "" {
			t.Fatal("no code was mailed")
		}
		other, _ := lookUp(t, s, p.Order.Number, "ada@example.com")
		wrong := "0000 0000"
		if wrong == code {
			wrong = "0000 0001"
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, ticket, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong code got %v", err)
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, other, code); !fault.Is(err, fault.Invalid) {
			t.Errorf("another ticket's code got %v", err)
		}
		id, _, _ := strings.Cut(ticket, ".")
		if _, _, err := s.Desk.AnswerCode(noCtx, id+".another-browser", code); !fault.Is(err, fault.NotFound) {
			t.Errorf("another browser got %v", err)
		}
		seen, won := "", 0
		var mine order.Order
		for _, err := range atOnce(20, func(int) error {
			o, token, err := s.Desk.AnswerCode(noCtx, ticket, code)
			if err == nil {
				seen, mine, won = token, o, won+1
			}
			return err
		}) {
			if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v", err)
			}
		}
		if won > 1 || won == 0 {
			t.Fatalf("the code opened %d times, want once", won)
		}
		if to, ok, err := s.Desk.People(noCtx, mine, seen); err != nil || !ok || to.Email.Reveal() != "ada@example.com" {
			t.Errorf("the proof opens %v, %v", ok, err)
		}
		for name, token := range map[string]string{"none": "", "a longer one": "9" + seen, "another end": strings.Replace(seen, ".", "0.", 1), "the order's own token": p.Token} {
			if _, ok, err := s.Desk.People(noCtx, mine, token); ok || err != nil {
				t.Errorf("%s opened who the order is for", name)
			}
		}
		second := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if _, ok, _ := s.Desk.People(noCtx, s.Order(t, second), seen); ok {
			t.Error("the proof of one order opened another")
		}
		s.Clock.Move(checkout.SeenFor)
		if _, ok, _ := s.Desk.People(noCtx, mine, seen); ok {
			t.Error("the proof never ends")
		}
	})
}

func TestCodesEndAndAreFew(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		ticket, code := lookUp(t, s, p.Order.Number, "ada@example.com")
		for range challenge.Tries {
			if _, _, err := s.Desk.AnswerCode(noCtx, ticket, "12345678"); err == nil {
				t.Fatal("guessed")
			}
		}
		if _, _, err := s.Desk.AnswerCode(noCtx, ticket, code); !fault.Is(err, fault.NotFound) {
			t.Errorf("after %d wrong ones the right one got %v", challenge.Tries, err)
		}
		ticket, code = lookUp(t, s, p.Order.Number, "ada@example.com")
		s.Clock.Move(challenge.Life)
		if _, _, err := s.Desk.AnswerCode(noCtx, ticket, code); !fault.Is(err, fault.NotFound) {
			t.Errorf("a code of ten minutes ago got %v", err)
		}
		// The mailbox is not buried, however often somebody asks.
		mailed := 0
		for range 20 {
			if _, code := lookUp(t, s, p.Order.Number, "ada@example.com"); code != "" {
				mailed++
			}
		}
		if mailed != 1 { // two have gone out within the hour already
			t.Errorf("%d more codes were mailed, want 1", mailed)
		}
		s.Clock.Move(25 * time.Hour)
		if err := s.Desk.SweepChallenges(noCtx); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT count(*) FROM challenges`); n != 0 {
			t.Errorf("%d challenges are remembered", n)
		}
		for field, row := range map[string][2]string{"number": {"nonsense", "ada@example.com"}, "email": {string(p.Order.Number), "ada"}} {
			_, err := s.Desk.AskCode(noCtx, row[0], row[1])
			if f := fault.Of(err); !fault.Is(err, fault.Invalid) || len(f.Problems) != 1 || f.Problems[0].Field != field {
				t.Errorf("%s: got %v", field, err)
			}
		}
	})
}

func TestTheConfirmationComesAgainThreeTimesADay(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		p := place(t, s, s.Ready(t, bowl.ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		sent := len(s.Letters.All())
		for _, err := range atOnce(10, func(int) error { return s.Desk.Resend(noCtx, p.Order.Number, p.Token) }) {
			if err != nil {
				t.Error(err)
			}
		}
		s.Run(t)
		if got := len(s.Letters.All()) - sent; got != 3 {
			t.Errorf("it came %d times, want 3", got)
		}
		s.Clock.Move(25 * time.Hour)
		if err := s.Desk.Resend(noCtx, p.Order.Number, p.Token); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if got := len(s.Letters.All()) - sent; got != 4 {
			t.Errorf("the next day it had come %d times, want 4", got)
		}
		for _, l := range s.Letters.All() {
			if l.To != "ada@example.com" {
				t.Errorf("a letter went to another address")
			}
		}
	})
}

func TestAnOrderIsPutIntoACartAgain(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl, cup := s.Product(t, "bowl", 3900, shoptest.Counted(4)), s.Product(t, "cup", 900, shoptest.Counted(1))
		b := s.Ready(t, bowl.ID, 3)
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, cup.ID, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Desk.Accept(noCtx, b.ID, b.Token); err != nil {
			t.Fatal(err)
		}
		p := place(t, s, b, "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		fresh := s.Basket(t, s.Product(t, "spoon", 100, shoptest.Counted(9)).ID, 1)
		got, err := s.Desk.Reorder(noCtx, p.Order.Number, p.Token, fresh.ID, fresh.Token)
		if err != nil || got != (checkout.Again{Added: 1, Missing: 1}) {
			t.Fatalf("got %+v, %v; want the bowl and no cup", got, err)
		}
		c, err := s.Desk.Cart(noCtx, fresh.ID, fresh.Token)
		if err != nil || len(c.Lines) != 2 || c.Count() != 2 { // a spoon, and the one bowl that is left
			t.Errorf("the cart has %d lines with %d units, %v", len(c.Lines), c.Count(), err)
		}
		if _, err := s.Desk.Reorder(noCtx, p.Order.Number, "guess", fresh.ID, fresh.Token); !fault.Is(err, fault.NotFound) {
			t.Errorf("a guess got %v", err)
		}
	})
}

func TestWhoWaitsHearsOnceAndIsForgotten(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(0))
		for range 3 {
			if err := s.Desk.AskWish(noCtx, bowl.ID, "waiting.mark@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Desk.AskWish(noCtx, bowl.ID, "nonsense"); !fault.Is(err, fault.Invalid) {
			t.Errorf("nonsense got %v", err)
		}
		// Nobody makes the shop write to a stranger at once: what is there is not waited for.
		if err := s.Desk.AskWish(noCtx, s.Product(t, "plate", 1200, shoptest.Counted(3)).ID, "waiting.mark@example.com"); !fault.Is(err, fault.Invalid) {
			t.Errorf("waiting for a thing that is there got %v", err)
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 1 {
			t.Errorf("one address waits %d times", n)
		}
		if n, err := s.Desk.SendWishes(noCtx); n != 0 || err != nil {
			t.Errorf("%d letters went out while it is sold out, %v", n, err)
		}
		s.Product(t, "bowl", 3900, shoptest.Counted(2))
		for range 2 {
			if _, err := s.Desk.SendWishes(noCtx); err != nil {
				t.Fatal(err)
			}
		}
		got := s.Letters.All()
		if len(got) != 1 || got[0].To != "waiting.mark@example.com" || !strings.Contains(got[0].Text, "/products/bowl") {
			t.Fatalf("got %d letters, want one", len(got))
		}
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 0 {
			t.Errorf("%d wishes are kept after the letter", n)
		}
		if n := count(t, s, `SELECT count(*) FROM dossiers WHERE purpose = 'marketing' AND state <> 'destroyed'`); n != 0 {
			t.Errorf("%d keys of it live", n)
		}
		// Nobody writes for ever: an unanswered wish ends by itself.
		cup := s.Product(t, "cup", 900, shoptest.Counted(0))
		if err := s.Desk.AskWish(noCtx, cup.ID, "waiting.mark@example.com"); err != nil {
			t.Fatal(err)
		}
		s.Clock.Move(23 * time.Hour)
		for range 91 {
			retain(t, s)
			s.Clock.Move(24 * time.Hour)
		}
		retain(t, s)
		if n := count(t, s, `SELECT count(*) FROM wishes`); n != 0 {
			t.Errorf("%d wishes are kept after their date", n)
		}
	})
}
