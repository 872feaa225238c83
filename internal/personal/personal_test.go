package personal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/seal"
)

func TestTheRegisterSaysEverything(t *testing.T) {
	seen := map[string]bool{}
	used := map[Purpose]bool{}
	for _, f := range All() {
		if f.Table == "" || f.Column == "" || f.Label == "" || f.Category == "" {
			t.Errorf("%q: table, column, label and category are all needed", f.Name())
		}
		if seen[f.Name()] {
			t.Errorf("%s is declared twice", f.Name())
		}
		seen[f.Name()] = true
		terms, err := TermsOf(f.Purpose)
		if err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		if !strings.HasPrefix(f.Category, "user.") && !strings.HasPrefix(f.Category, "system.") {
			t.Errorf("%s: %q is no category of fideslang", f.Name(), f.Category)
		}
		if (f.Kind != Sealed) != (f.Reason != "") {
			t.Errorf("%s is kept %s with the reason %q: what is not sealed, and only that, needs a reason", f.Name(), f.Kind, f.Reason)
		}
		used[f.Purpose] = true
		if !terms.InUse {
			t.Errorf("%s is stored, but its purpose says that it is not in use", f.Name())
		}
		switch f.Kind {
		case Sealed, Index, Hash, Linked:
		default:
			t.Errorf("%s is kept %q", f.Name(), f.Kind)
		}
	}
	for table, columns := range NotPersonal() {
		for column, why := range columns {
			if why == "" {
				t.Errorf("%s.%s is not personal, because…?", table, column)
			}
			if seen[table+"."+column] {
				t.Errorf("%s.%s is personal and is not", table, column)
			}
			if column == "*" && len(columns) > 1 {
				t.Errorf("%s is named whole and by column", table)
			}
		}
	}
	for _, terms := range Purposes() {
		if terms.InUse != used[terms.Purpose] {
			t.Errorf("%s: in use %v, but declared fields %v", terms.Purpose, terms.InUse, used[terms.Purpose])
		}
	}
}

func TestPurposesAreWhole(t *testing.T) {
	seen := map[Purpose]bool{}
	for _, p := range Purposes() {
		if seen[p.Purpose] {
			t.Errorf("%s is there twice", p.Purpose)
		}
		seen[p.Purpose] = true
		if p.Title == "" || p.Why == "" || p.Basis == "" || p.Keep.From == "" {
			t.Errorf("%s: title, why, basis and end are all needed", p.Purpose)
		}
		if p.Keep.Forever() != (p.Purpose == ShopSecrets) {
			t.Errorf("%s lasts %s: only the shop's own secrets have no end", p.Purpose, p.Keep)
		}
		if p.Keep.Years < 0 || p.Keep.Months < 0 || p.Keep.Days < 0 {
			t.Errorf("%s ends before it begins", p.Purpose)
		}
	}
	for _, p := range []Purpose{Cart, Account, Security, Fulfilment, CourierUse, Gift, Invoicing, Payment, Support, Marketing, Rights, Staff, ShopSecrets} {
		if !seen[p] {
			t.Errorf("%s has no terms", p)
		}
	}
	if _, err := TermsOf("curiosity"); err == nil {
		t.Error("an undeclared purpose has terms")
	}
}

func TestPeriodsEndOnTheCorrespondingDay(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse("2006-01-02", s)
		if err != nil {
			t.Fatal(err)
		}
		return d.Add(15 * time.Hour)
	}
	for _, row := range []struct {
		from string
		keep Period
		want string
	}{
		{"2026-08-31", Period{Months: 1}, "2026-09-30"},
		{"2026-01-31", Period{Months: 1}, "2026-02-28"},
		{"2028-01-31", Period{Months: 1}, "2028-02-29"},
		{"2028-02-29", Period{Years: 1}, "2029-02-28"},
		{"2028-02-29", Period{Years: 4}, "2032-02-29"},
		{"2099-02-28", Period{Years: 1}, "2100-02-28"},
		{"2096-02-29", Period{Years: 4}, "2100-02-28"}, // 2100 is no leap year
		{"2026-12-31", Period{Months: 2}, "2027-02-28"},
		{"2026-11-30", Period{Months: 3}, "2027-02-28"},
		{"2026-10-31", Period{Months: 18}, "2028-04-30"},
		{"2026-03-15", Period{Months: 36}, "2029-03-15"},
		{"2026-12-31", Period{Days: 30}, "2027-01-30"},
		{"2026-01-31", Period{Months: 1, Days: 1}, "2026-03-01"},
		{"2027-01-01", Period{Years: 10}, "2037-01-01"},
		{"2026-05-05", Period{}, "2026-05-05"},
	} {
		if got := row.keep.After(day(row.from)); !got.Equal(day(row.want)) {
			t.Errorf("%s after %s: got %s, want %s", row.keep, row.from, got.Format(time.DateTime), row.want)
		}
	}
	// The day is that of UTC, wherever the clock stands.
	east := time.FixedZone("east", 10*3600)
	if got := (Period{Months: 1}).After(time.Date(2026, 9, 1, 5, 0, 0, 0, east)); got.Format(time.DateTime) != "2026-09-30 19:00:00" {
		t.Errorf("got %v, want 30 September 19:00 UTC", got)
	}
	rapid.Check(t, func(r *rapid.T) {
		from := time.Unix(rapid.Int64Range(0, 1<<33).Draw(r, "from"), 0)
		p := Period{Years: rapid.IntRange(0, 30).Draw(r, "years"), Months: rapid.IntRange(0, 40).Draw(r, "months"), Days: rapid.IntRange(0, 400).Draw(r, "days")}
		end := p.After(from)
		if end.Before(from) {
			r.Fatalf("%v ends before it begins", p)
		}
		if back := p.Before(end); back.After(from.Add(32*24*time.Hour)) || back.Before(from.Add(-32*24*time.Hour)) {
			r.Fatalf("%v before %v is %v", p, end, back)
		}
		more := Period{Years: p.Years, Months: p.Months, Days: p.Days + 1}
		if !more.After(from).After(end) {
			r.Fatalf("a day more than %v is not longer", p)
		}
	})
}

func TestPeriodsInWords(t *testing.T) {
	for want, p := range map[string]Period{
		"12 months after delivery":            {Months: 12, From: "after delivery"},
		"1 year 1 month 1 day after the sale": {Years: 1, Months: 1, Days: 1, From: "after the sale"},
		"10 years 30 days after the sale":     {Years: 10, Days: 30, From: "after the sale"},
		"as long as the shop lives":           {From: "as long as the shop lives"},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

const (
	dossierID = "018f2e6a-0000-7000-8000-00000000000a"
	row       = "018f2e6a-0000-7000-8000-00000000000b"
)

func dossier(t testing.TB, p Purpose) Dossier {
	t.Helper()
	ring, err := seal.Open(t.Context(), seal.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.NewEpoch(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	d, _, err := ring.NewDossier(seal.Owner{Dossier: dossierID, Subject: "s", Purpose: string(p), Case: "c"})
	if err != nil {
		t.Fatal(err)
	}
	return Dossier{Purpose: p, Key: d}
}

// there checks that a value comes back, and from nowhere else.
func there[T any](t *testing.T, f Value[T], v T, same func(a, b T) bool, plain string) {
	t.Helper()
	d := dossier(t, f.Purpose)
	sealed, err := f.Seal(d, row, v)
	if err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	if bytes.Contains(sealed, []byte(plain)) {
		t.Errorf("%s: the sealed bytes show %q", f.Name(), plain)
	}
	if got, err := f.Open(d, row, sealed); err != nil || !same(got, v) {
		t.Errorf("%s: got %v, %v, want the value back", f.Name(), got, err)
	}
	if _, err := f.Open(d, row+"x", sealed); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("%s in another row: got %v, want ErrOpen", f.Name(), err)
	}
	if _, err := f.Open(dossier(t, f.Purpose), row, sealed); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("%s under another key: got %v, want ErrOpen", f.Name(), err)
	}
	wrong := d
	wrong.Purpose = Marketing
	if _, err := f.Open(wrong, row, sealed); err == nil || strings.Contains(err.Error(), plain) {
		t.Errorf("%s under another purpose: got %v, want a refusal without the value", f.Name(), err)
	}
	if _, err := f.Seal(wrong, row, v); err == nil || strings.Contains(err.Error(), plain) {
		t.Errorf("%s sealed for another purpose: got %v, want a refusal without the value", f.Name(), err)
	}
	if _, err := f.Seal(Dossier{Purpose: f.Purpose}, row, v); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("%s without a key: got %v, want ErrOpen", f.Name(), err)
	}
	var none T
	if b, err := f.Seal(d, row, none); b != nil || err != nil {
		t.Errorf("%s: an empty value became %d bytes, %v, want NULL", f.Name(), len(b), err)
	}
	if got, err := f.Open(d, row, nil); err != nil || !f.zero(got) {
		t.Errorf("%s: NULL opened to %v, %v", f.Name(), got, err)
	}
	bent := bytes.Clone(sealed)
	bent[len(bent)-1] ^= 1
	if _, err := f.Open(d, row, bent); err == nil {
		t.Errorf("%s: changed bytes open", f.Name())
	}
}

func parsed[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestValuesComeBackFromTheirPlaceAlone(t *testing.T) {
	mail := parsed[contact.Email](t)(contact.ParseEmail("ada@bücher.example"))
	who := parsed[contact.Name](t)(contact.ParseName("Åda O’Lovelace"))
	call := parsed[contact.Phone](t)(contact.ParsePhone("+49 30 1234567", ""))
	memo := parsed[contact.Note](t)(contact.ParseNote("ring twice\nat the back", 500))
	home := parsed[contact.Address](t)(contact.ParseAddress(contact.AddressFields{Street: "12 Analytical Way", Locality: "Berlin", PostalCode: "10115", Country: "DE"}))
	for _, f := range []Value[contact.Email]{CartEmail, OrderEmail} {
		there(t, f, mail, contact.Email.Equal, "ada@")
	}
	for _, f := range []Value[contact.Name]{CartName, OrderName, OrderInvoiceName} {
		there(t, f, who, contact.Name.Equal, "Lovelace")
	}
	for _, f := range []Value[contact.Phone]{CartPhone, OrderPhone} {
		there(t, f, call, contact.Phone.Equal, "1234567")
	}
	for _, f := range []Value[contact.Note]{CartNote, OrderNote} {
		there(t, f, memo, contact.Note.Equal, "twice")
	}
	for _, f := range []Value[contact.Address]{CartShipTo, CartBillTo, OrderShipTo, OrderBillTo} {
		there(t, f, home, contact.Address.Equal, "Analytical")
	}
	for _, f := range []Value[string]{PaymentRef, PaymentURL, OutboxTo, OutboxSubject, OutboxText, OutboxHTML} {
		there(t, f, "ref-analytical", func(a, b string) bool { return a == b }, "analytical")
	}
	there(t, Secret, []byte("a secret of the shop"), bytes.Equal, "secret of")
}

// TestAValueOfOneFieldIsNoneOfAnother: the same row and key, and still another place.
func TestAValueOfOneFieldIsNoneOfAnother(t *testing.T) {
	d := dossier(t, Cart)
	home := parsed[contact.Address](t)(contact.ParseAddress(contact.AddressFields{Street: "12 Analytical Way", Locality: "Berlin", PostalCode: "10115", Country: "DE"}))
	sealed, err := CartShipTo.Seal(d, row, home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CartBillTo.Open(d, row, sealed); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("got %v, want ErrOpen", err)
	}
}

// TestAnOpenedValueThatDoesNotParseIsNotQuoted seals text where an address is
// expected, as an older version or a mistake might have.
func TestAnOpenedValueThatDoesNotParseIsNotQuoted(t *testing.T) {
	d := dossier(t, Cart)
	sealed, err := d.Key.Seal(CartShipTo.place(row), []byte(`{"street_address":"12 Analytical Way","address_country":"??"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CartShipTo.Open(d, row, sealed); err == nil || strings.Contains(err.Error(), "Analytical") {
		t.Errorf("got %v, want an error without the value", err)
	}
}
