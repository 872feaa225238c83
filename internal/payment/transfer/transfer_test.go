package transfer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/paymenttest"
)

var good = Config{Payee: "Corner Shop", IBAN: "DE89 3704 0044 0532 0130 00", BIC: "COBADEFFXXX", Days: 7, Open: 100, Mode: payment.ModeLive}

func TestTransferIsAPaymentByHand(t *testing.T) {
	p, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	paymenttest.RunByHand(t, p, func(order string, attempt int) payment.Request {
		return payment.Request{OrderID: order, OrderNumber: "K7Q2M-9F3X" + strings.ToUpper(order[len(order)-1:]), Attempt: attempt, Amount: money.Of(4800, eur), ExpiresAt: time.Unix(1, 0)}
	})
	if terms := p.Terms(); terms.Account != (payment.Account{Payee: "Corner Shop", IBAN: "DE89370400440532013000", BIC: "COBADEFFXXX"}) || terms.Wait != 7*24*time.Hour {
		t.Errorf("got %+v", terms)
	}
}

// References that others have published: of the Finnish bankers' guide to RF, and of
// the libraries iso-11649, node-iso11649 and php-iso11649.
func TestReferencesAreThoseOfISO11649(t *testing.T) {
	for body, want := range map[string]string{
		"539007547034":          "RF18539007547034",
		"AB2G5":                 "RF68AB2G5",
		"1234512345":            "RF451234512345",
		"TU06FX":                "RF96TU06FX",
		"X2HU4TC28XTYLHASYWT91": "RF14X2HU4TC28XTYLHASYWT91",
		"0HYA6":                 "RF720HYA6",
	} {
		if got := withCheck(body); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
		if got, ok := ParseReference(" " + strings.ToLower(payment.Fours(want))); !ok || got != want {
			t.Errorf("%s: got %s, %v", want, got, ok)
		}
	}
	for _, bad := range []string{"", "RF", "RF18", "RF19539007547034", "RF18539007547035", "RF18359007547034", "RF19GAX8WS5JYOOUJ87", "FR18539007547034", "RF00539007547034",
		"RF99539007547034", "RFAB539007547034", "RF18" + strings.Repeat("1", 22), "RF18 ", "RF1é539007547034"} {
		if got, ok := ParseReference(bad); ok {
			t.Errorf("%q was taken as %s", bad, got)
		}
	}
}

// A wrong digit for a digit, a wrong letter for a letter, and two neighbours of a
// kind swapped, are always told from the right reference. A letter for a digit is
// missed once in 97 times; then no order has that reference.
func TestASlipOfThePenIsNoticed(t *testing.T) {
	ref, err := NewReference("K7Q2M-9F3XA", 1)
	if err != nil || ref != "RF90K7Q2M9F3XA1" {
		t.Fatalf("got %q, %v", ref, err)
	}
	const signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit := func(c byte) bool { return c <= '9' }
	tried, missed := 0, 0
	for i := 4; i < len(ref); i++ {
		for j := range len(signs) {
			wrong := ref[:i] + signs[j:j+1] + ref[i+1:]
			_, taken := ParseReference(wrong)
			switch {
			case wrong == ref:
			case digit(ref[i]) == digit(signs[j]):
				if taken {
					t.Errorf("%s was taken", wrong)
				}
			default:
				tried++
				if taken {
					missed++
				}
			}
		}
		if i+1 < len(ref) && digit(ref[i]) == digit(ref[i+1]) {
			wrong := ref[:i] + ref[i+1:i+2] + ref[i:i+1] + ref[i+2:]
			if _, taken := ParseReference(wrong); taken {
				t.Errorf("%s was taken", wrong)
			}
		}
	}
	if tried < 100 || missed*30 > tried {
		t.Errorf("%d of %d letters for digits were missed", missed, tried)
	}
}

func TestAReferenceIsFoundInWhatAPayerTypes(t *testing.T) {
	const ref, other = "RF90K7Q2M9F3XA1", "RF63K7Q2M9F3XA2"
	if got, err := NewReference("K7Q2M-9F3XA", 2); err != nil || got != other {
		t.Fatalf("got %s, %v", got, err)
	}
	for text, want := range map[string][]string{
		ref:                                      {ref},
		"RF90 K7Q2 M9F3 XA1":                     {ref},
		"order rf90k7q2m9f3xa1, thank you":       {ref},
		"RF90-K7Q2\nM9F3.XA1":                    {ref},
		"SVWZ+RF90K7Q2M9F3XA1EREF+NOTPROVIDED":   {ref},
		ref + " " + ref:                          {ref},
		ref + " and " + other:                    {ref, other},
		"RF91 K7Q2 M9F3 XA1":                     nil,
		"K7Q2M-9F3XA":                            nil,
		"RF18539007547034":                       nil,
		"":                                       nil,
		strings.Repeat("RF90", 1000) + "K7Q2M9F": nil,
	} {
		if got := FindReferences(text); !slices.Equal(got, want) {
			t.Errorf("%.40q: got %v, want %v", text, got, want)
		}
	}
}

func FuzzFindReferences(f *testing.F) {
	f.Add("RF90 K7Q2 M9F3 XA1")
	f.Add("rf90k7q2m9f3xa1RF63K7Q2M9F3XA2")
	f.Fuzz(func(t *testing.T, s string) {
		for _, ref := range FindReferences(s) {
			if again, ok := ParseReference(ref); !ok || again != ref || len(ref) != ReferenceLen {
				t.Errorf("got %q out of %q", ref, s)
			}
		}
	})
}

// Accounts from SWIFT's registry of IBAN formats.
func TestAccounts(t *testing.T) {
	for _, iban := range []string{"DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19", "NL91 ABNA 0417 1643 00", "FR14 2004 1010 0505 0001 3M02 606",
		"BE68 5390 0754 7034", "AT61 1904 3002 3457 3201", "CH93 0076 2011 6238 5295 7", "NO93 8601 1117 947", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "SA03 8000 0000 6080 1016 7519"} {
		got, err := ParseIBAN(strings.ToLower(iban))
		if err != nil || payment.Fours(got) != iban {
			t.Errorf("%s: got %s, %v", iban, got, err)
		}
	}
	for _, bad := range []string{"", "DE89", "DE88 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0131 00", "DE89 3704 0044 0523 0130 00", "89DE370400440532013000", "DE893704004405320130000",
		"XX00370400440532013000", "DE99370400440532013000"} {
		if got, err := ParseIBAN(bad); err == nil {
			t.Errorf("%q was taken as %s", bad, got)
		} else if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error repeats the account: %v", err)
		}
	}
}

func TestWhatAMerchantMustSay(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"payee":     func(c *Config) { c.Payee = " " },
		"long":      func(c *Config) { c.Payee = strings.Repeat("x", maxPayee+1) },
		"two lines": func(c *Config) { c.Payee = "Shop\nTo: somebody else" },
		"iban":      func(c *Config) { c.IBAN = "" },
		"bic":       func(c *Config) { c.BIC = "COBA1" },
		"bic sign":  func(c *Config) { c.BIC = "COBA11FF" },
		"no days":   func(c *Config) { c.Days = 0 },
		"days":      func(c *Config) { c.Days = MaxDays + 1 },
		"open":      func(c *Config) { c.Open = 0 },
		"mode":      func(c *Config) { c.Mode = "" },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: it was made all the same", name)
		}
	}
	c := good
	c.BIC, c.Days, c.Mode = "", 1, payment.ModeTest
	p, err := New(c)
	if err != nil || !strings.Contains(p.Title(), "no money") || !strings.Contains(p.Terms().Note, "one day") {
		t.Errorf("got %v, %v", p, err)
	}
	for _, attempt := range []int{0, -1, len(attempts) + 1} {
		if ref, err := NewReference("K7Q2M-9F3XA", attempt); err == nil {
			t.Errorf("attempt %d has %s", attempt, ref)
		}
	}
	for _, number := range []string{"", "K7Q2M", "k7q2m-9f3xa", fmt.Sprint("K7Q2M-9F3X", "é")} {
		if ref, err := NewReference(number, 1); err == nil {
			t.Errorf("number %q has %s", number, ref)
		}
	}
}
