package checkout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
	books "github.com/cartkeep/cartkeep/internal/tax"
)

// notesOf are the credit notes of an order, as its shopper sees them.
func notesOf(t shoptest.T, s *shoptest.Shop, p checkout.Placed) (out []checkout.InvoiceView) {
	t.Helper()
	_, names, err := s.Desk.Papers(noCtx, p.Order)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		v, err := s.Desk.CreditNote(noCtx, p.Order.Number, p.Token, name)
		if err != nil || v.Invoice.Name() != name {
			t.Fatalf("credit note %s: got %s, %v", name, v.Invoice.Name(), err)
		}
		if v.Untaken() != (v.Order.Status == order.Cancelled) {
			t.Fatalf("credit note %s of an order that is %s says that nothing was paid: %v", name, v.Order.Status, v.Untaken())
		}
		out = append(out, v)
	}
	return out
}

// papersAgree holds the papers of an order against the tax journal: the invoice less
// the credit notes is what the journal has left, by class and rate. Each refund has one
// paper, and one entry, of just what went back.
func papersAgree(t shoptest.T, s *shoptest.Shop, p checkout.Placed) {
	t.Helper()
	type key struct {
		class string
		rate  money.Rate
	}
	sums := map[key][2]int64{}
	add := func(l books.Tax, sign int64) {
		at := sums[key{l.Class, l.Rate}]
		sums[key{l.Class, l.Rate}] = [2]int64{at[0] + sign*l.Net.Minor(), at[1] + sign*l.Tax.Minor()}
	}
	invoice, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token)
	if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	for _, l := range invoice.Taxes {
		add(l, +1)
	}
	notes := notesOf(t, s, p)
	for _, n := range notes {
		for _, l := range n.Taxes {
			add(l, -1)
		}
	}
	back := map[int64]bool{}
	var want, got []int64
	err = s.DB.View(noCtx, func(v *store.View) error {
		entries, err := v.GivenBack(p.Order.Owner, p.Order.ID, p.Order.Totals.Total.Currency())
		for _, e := range entries {
			back[e.Entry] = true
		}
		if err != nil {
			return err
		}
		all, err := v.RefundsOf(p.Order.Owner, p.Order.ID)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.State == store.RefundDone && invoice.Invoice.Number != 0 {
				want = append(want, r.Amount.Minor())
			}
		}
		return v.Journal("0000", "9999", func(l store.JournalLine) error {
			if l.Order == p.Order.ID {
				add(books.Tax{Class: l.Class, Rate: l.Rate, Net: l.Net, Tax: l.Tax}, -1)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for k, left := range sums {
		if left != [2]int64{} {
			t.Fatalf("papers and journal differ by %v in class %q at %v", left, k.class, k.rate)
		}
	}
	if len(notes) != len(back) {
		t.Fatalf("got %d credit notes, and money went back %d times", len(notes), len(back))
	}
	for _, n := range notes {
		got = append(got, n.Sum.Minor())
		if !back[n.Invoice.Entry] || n.Of != invoice.Invoice.Name() {
			t.Fatalf("credit note %s is of entry %d and of %q", n.Invoice.Name(), n.Invoice.Entry, n.Of)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("the credit notes are of %v, and %v went back", got, want)
	}
}

// TestEachPartHasItsCreditNote: three parts are three papers with numbers of their own,
// the last one of the rest. Nobody else reads them.
func TestEachPartHasItsCreditNote(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p := place(t, s, s.Ready(t, s.Product(t, "bowl", 3900, shoptest.Counted(5)).ID, 1), "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		total := p.Order.Totals.Total.Minor()
		for i, part := range []int64{1000, 1, total - 1001} {
			if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(part)); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
			notes := notesOf(t, s, p)
			if len(notes) != i+1 {
				t.Fatalf("after part %d: got %d credit notes", i+1, len(notes))
			}
			if last := notes[i]; last.Sum != euros(part) || !last.Part() || last.Invoice.Number != int64(i+1) {
				t.Errorf("part %d: got %s of %v", i+1, last.Invoice.Name(), last.Sum)
			}
			papersAgree(t, s, p)
		}
		wantStatus(t, s, p, order.Refunded)
		// The job that comes again, or a second time at once, writes nothing more.
		before := notesOf(t, s, p)
		for _, err := range atOnce(6, func(int) error {
			return s.Desk.Jobs()[checkout.JobCredit](noCtx, store.Job{Owner: p.Order.Owner, Ref: string(p.Order.ID)})
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if after := notesOf(t, s, p); len(after) != len(before) {
			t.Errorf("got %d credit notes, had %d", len(after), len(before))
		}
		for _, row := range []struct{ token, name string }{{"guess", before[0].Invoice.Name()}, {p.Token, "C-1999-000001"}, {p.Token, before[0].Of}, {p.Token, ""}} {
			if _, err := s.Desk.CreditNote(noCtx, p.Order.Number, row.token, row.name); !fault.Is(err, fault.NotFound) {
				t.Errorf("%q: got %v", row.name, err)
			}
		}
		other := place(t, s, s.Ready(t, s.Product(t, "jug", 3900, shoptest.Counted(5)).ID, 1), "key-2")
		if _, err := s.Desk.CreditNote(noCtx, other.Order.Number, other.Token, before[0].Invoice.Name()); !fault.Is(err, fault.NotFound) {
			t.Errorf("another order's credit note: got %v", err)
		}
	})
}

// TestPartsOfReservedMoneyHaveAPaperEach: what was given back before the money was taken
// has its papers with the invoice, one for each time.
func TestPartsOfReservedMoneyHaveAPaperEach(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		p, _ := promised(t, s)
		for _, part := range []int64{1000, 500} {
			if err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(part)); err != nil {
				t.Fatal(err)
			}
		}
		s.Run(t)
		if invoice, notes, err := s.Desk.Papers(noCtx, p.Order); err != nil || invoice || len(notes) != 0 {
			t.Errorf("money that did not come has papers: %v, %v, %v", invoice, notes, err)
		}
		if err := s.Desk.Capture(noCtx, clerk, p.Order.Number, nil); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		if notes := notesOf(t, s, p); len(notes) != 2 || notes[0].Sum.Minor()+notes[1].Sum.Minor() != 1500 {
			t.Errorf("got %+v, want a paper for each of the two parts", notes)
		}
		papersAgree(t, s, p)
	})
}

// TestAPartOfOneRateOnly: a cent that one rate takes alone leaves the other rate's part
// of the journal where it was, and the last paper still has the rest of both.
func TestAPartOfOneRateOnly(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		b := s.Ready(t, taxed(t, s, "bowl", 9900, "").ID, 1)
		if _, err := s.Desk.AddLine(noCtx, b.ID, b.Token, taxed(t, s, "book", 3, books.Reduced).ID, 1); err != nil {
			t.Fatal(err)
		}
		p := place(t, s, b, "key-1")
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
		for _, part := range []*money.Amount{new(euros(1)), nil} {
			if err := s.Desk.GiveBack(noCtx, clerk, p.Order.Number, checkout.Back{Part: part}); err != nil {
				t.Fatal(err)
			}
		}
		s.Run(t)
		papersAgree(t, s, p)
		if notes := notesOf(t, s, p); len(notes) != 2 || len(notes[0].Taxes) != 1 || len(notes[1].Taxes) != 2 {
			t.Errorf("got %+v", notes)
		}
	})
}

// TestCreditNotesAreNumberedWithoutGaps: parts of many orders go back at once.
func TestCreditNotesAreNumberedWithoutGaps(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(200))
		const orders, parts = 12, 4
		placed := make([]checkout.Placed, orders)
		for i := range placed {
			placed[i] = place(t, s, s.Ready(t, bowl.ID, 1), fmt.Sprint("key-", i))
			if err := s.Approve(placed[i]); err != nil {
				t.Fatal(err)
			}
		}
		for s.RunAll(t) > 0 {
		}
		for _, err := range atOnce(orders*parts, func(i int) error {
			p := placed[i%orders]
			for { // whoever meets another one of the same order asks again
				err := s.Desk.RefundPart(noCtx, clerk, p.Order.Number, euros(int64(100+i)))
				if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
					return err
				}
			}
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		jobs := s.Desk.Jobs()
		for _, err := range atOnce(orders*2, func(i int) error {
			p := placed[i%orders]
			return jobs[checkout.JobCredit](noCtx, store.Job{Owner: p.Order.Owner, Ref: string(p.Order.ID)})
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for s.RunAll(t) > 0 {
		}
		var numbers []int64
		for _, p := range placed {
			papersAgree(t, s, p)
			for _, n := range notesOf(t, s, p) {
				numbers = append(numbers, n.Invoice.Number)
			}
		}
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != int64(i+1) {
				t.Fatalf("the numbers are %v", numbers)
			}
		}
		if len(numbers) != orders*parts {
			t.Errorf("got %d credit notes, want %d", len(numbers), orders*parts)
		}
		if last := count(t, s, `SELECT last FROM invoice_series WHERE series LIKE 'C-%'`); last != orders*parts {
			t.Errorf("the series has come to %d, want %d", last, orders*parts)
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
		before, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Desk.Jobs()[checkout.JobInvoice](noCtx, store.Job{Owner: p.Order.Owner, Ref: string(p.Order.ID)}); err != nil {
			t.Fatal(err)
		}
		after, err := s.Desk.Invoice(noCtx, p.Order.Number, p.Token)
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
		if _, err := s.Desk.Invoice(noCtx, p.Order.Number, "guess"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a guess at the token got %v", err)
		}
		if notes := notesOf(t, s, p); len(notes) != 0 {
			t.Errorf("what was not refunded has %d credit notes", len(notes))
		}
		if err := s.Desk.Refund(noCtx, clerk, p.Order.Number); err != nil {
			t.Fatal(err)
		}
		s.Run(t)
		notes := notesOf(t, s, p)
		if len(notes) != 1 || notes[0].Of != before.Invoice.Name() || !strings.HasPrefix(notes[0].Invoice.Name(), "C-") || notes[0].Invoice.Number != 1 {
			t.Errorf("got %+v, want the first credit note, of %s", notes, before.Invoice.Name())
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
		if notes := notesOf(t, s, p); len(notes) != 1 || notes[0].Of == "" {
			t.Errorf("got the credit notes %+v", notes)
		}
		if n := count(t, s, `SELECT count(*) FROM invoices`); n != 2 {
			t.Errorf("got %d papers, want an invoice and its credit note", n)
		}
	})
}
