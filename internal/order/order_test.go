package order

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/money"
)

func TestNumbersAreReadAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]Number{
		"K7Q2M-9F3XA":     "K7Q2M-9F3XA",
		"k7q2m9f3xa":      "K7Q2M-9F3XA",
		" k7q2m 9f3xa ":   "K7Q2M-9F3XA",
		"OIL00-00000":     "01100-00000",
		"k-7-q-2-m9f3x-a": "K7Q2M-9F3XA",
	} {
		if got, err := ParseNumber(typed); err != nil || got != want {
			t.Errorf("ParseNumber(%q) = %q, %v; want %q", typed, got, err, want)
		}
	}
	var text string
	for _, no := range []string{"", "K7Q2M-9F3X", "K7Q2M-9F3XAA", "U7Q2M-9F3XA", "K7Q2M_9F3XA", "Ⅰ7Q2M-9F3XA", strings.Repeat("1-", 30), "K7Q2M-9F3X\x00"} {
		_, err := ParseNumber(no)
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("ParseNumber(%q) = %v, want not found", no, err)
			continue
		}
		if got := fault.Of(err).Text; text != "" && got != text {
			t.Errorf("%q is answered with %q, others with %q", no, got, text)
		} else {
			text = got
		}
	}
}

func TestNumbersAreDrawnFromTheWholeAlphabet(t *testing.T) {
	seen, used := map[Number]bool{}, map[rune]bool{}
	for range 2000 {
		n := NewNumber()
		if back, err := ParseNumber(string(n)); err != nil || back != n {
			t.Fatalf("%q is read as %q, %v", n, back, err)
		}
		if seen[n] {
			t.Fatalf("%q was drawn twice", n)
		}
		seen[n] = true
		for _, c := range n {
			used[c] = true
		}
	}
	if len(used) != 33 { // 32 characters and the hyphen
		t.Errorf("%d characters are in use", len(used))
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"K7Q2M-9F3XA", "oil", "ſ7Q2M-9F3XA", "\xff", "          "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s)
		if err != nil {
			return
		}
		if len(n) != 11 || n[5] != '-' || strings.Trim(string(n), numberAlphabet+"-") != "" {
			t.Errorf("%q is no number", n)
		}
		if again, err := ParseNumber(string(n)); err != nil || again != n {
			t.Errorf("%q parses again to %q, %v", n, again, err)
		}
	})
}

// drawn is the picture above Status, arrow by arrow.
func drawn(from, to Status) bool {
	main := []Status{Pending, Paid, Packed, Shipped, Delivered}
	if i := slices.Index(main, from); i >= 0 && i+1 < len(main) && main[i+1] == to {
		return true
	}
	switch from {
	case Pending:
		return to == Cancelled || to == Packed || to == Shipped // hold ended; on account
	case Cancelled:
		return to == Paid // approved late
	case PartiallyRefunded:
		return to == Refunded || to == Packed || to == Shipped || to == Delivered // what is left goes on its way
	case Paid, Packed, Shipped, Delivered:
		return to == PartiallyRefunded || to == Refunded || from == Paid && to == Shipped || from != Paid && to == Cancelled // on account, and it came back
	}
	return false
}

// TestWhatIsLeftOfAnOrderGoesOnAndNeverBack: a part of the price went back, and
// the parcel is where it is.
func TestWhatIsLeftOfAnOrderGoesOnAndNeverBack(t *testing.T) {
	now := time.Now()
	for _, row := range []struct {
		at   Times
		want []Status
	}{
		{Times{Paid: now}, []Status{Packed, Shipped, Refunded}},
		{Times{Paid: now, Packed: now}, []Status{Shipped, Refunded}},
		{Times{Paid: now, Shipped: now}, []Status{Delivered, Refunded}},
		{Times{Paid: now, Packed: now, Shipped: now, Delivered: now}, []Status{Refunded}},
	} {
		o := Order{Status: PartiallyRefunded, Times: row.at}
		for _, to := range Statuses() {
			if got := o.May(to); got != slices.Contains(row.want, to) {
				t.Errorf("%+v to %s: got %v", row.at, to, got)
			}
		}
	}
}

// TestOnlyAnUnpaidOrderOnAccountComesBack: what somebody has paid for is given back, and
// never just cancelled.
func TestOnlyAnUnpaidOrderOnAccountComesBack(t *testing.T) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []Status{Packed, Shipped, Delivered} {
		for _, row := range []struct {
			onAccount bool
			paid      time.Time
			want      bool
		}{{true, time.Time{}, true}, {true, time.Now(), false}, {false, time.Now(), false}, {false, time.Time{}, false}} {
			o := Order{Status: at, OnAccount: row.onAccount, Times: Times{Paid: row.paid}, Totals: cart.Totals{Total: money.Of(100, eur)}}
			if got := o.May(Cancelled); got != row.want {
				t.Errorf("%s, on account %v, paid %v: got %v", at, row.onAccount, !row.paid.IsZero(), got)
			}
		}
	}
}

func TestAnOrderNeverLeavesTheDrawing(t *testing.T) {
	for _, from := range append(Statuses(), "", "lost") {
		for _, to := range append(Statuses(), "", "lost") {
			if from.May(to) != drawn(from, to) {
				t.Errorf("%q to %q: may %v, drawn %v", from, to, from.May(to), drawn(from, to))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		o, at, path := Order{Status: Pending}, Pending, []Status{Pending}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			to := rapid.SampledFrom(Statuses()).Draw(t, "to")
			if !o.May(to) {
				continue
			}
			switch o.Status = to; to {
			case Packed:
				o.Times.Packed = time.Now()
			case Shipped:
				o.Times.Shipped = time.Now()
			case Delivered:
				o.Times.Delivered = time.Now()
			}
			if to == at {
				t.Fatalf("%s leads to itself", at)
			}
			at, path = to, append(path, to)
		}
		paid := slices.Index(path, Paid)
		for i, s := range path {
			switch s {
			case Packed, Shipped, Delivered, PartiallyRefunded, Refunded:
				if paid < 0 || i < paid {
					t.Fatalf("%s before it was paid: %v", s, path)
				}
			case Cancelled, Pending:
				if paid >= 0 && i > paid {
					t.Fatalf("%s after it was paid: %v", s, path)
				}
			}
			// Only of what goes back in parts, and of nothing else, there is more than one.
			if s != PartiallyRefunded && slices.Contains(path[i+1:], s) {
				t.Fatalf("%s twice: %v", s, path)
			}
		}
		if at.Final() && len(moves[at]) > 0 && at != Delivered && at != Cancelled {
			t.Fatalf("%s is final and yet goes on", at)
		}
	})
}

func TestDetailsAreCompleteWithoutPhoneAndNote(t *testing.T) {
	var d Details
	if d.Complete() {
		t.Error("nothing is complete")
	}
	d.Name, _ = contact.ParseName("Ada")
	d.Email, _ = contact.ParseEmail("ada@example.com")
	if d.Complete() {
		t.Error("complete without an address")
	}
	home := contact.AddressFields{Street: "Weg 1", Locality: "Bern", PostalCode: "3000", Country: "CH"}
	d.ShipTo, _ = contact.ParseAddress(home)
	if !d.Complete() || !d.Billing().Equal(d.ShipTo) {
		t.Error("not complete, or the bill does not follow the goods")
	}
	home.Street = "Gasse 2"
	d.BillTo, _ = contact.ParseAddress(home)
	if !d.Billing().Equal(d.BillTo) {
		t.Error("the bill goes to the wrong address")
	}
}
