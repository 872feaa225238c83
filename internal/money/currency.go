package money

import (
	"strings"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Currency is one of the active currencies of ISO 4217. The zero value is no
// currency.
type Currency struct{ code string }

// ParseCurrency reads an ISO 4217 code, in capitals: "EUR".
func ParseCurrency(code string) (Currency, error) {
	if len(code) == 3 {
		for i := 0; i < len(active); i += 4 {
			if active[i:i+3] == code {
				return Currency{active[i : i+3]}, nil // our own string, not the caller's
			}
		}
	}
	return Currency{}, fault.Field("currency", "Give a currency as its three letters, like EUR.")
}

// Currencies returns every currency, the most usual ones first.
func Currencies() []Currency {
	var all []Currency
	for code := range strings.FieldsSeq(active) {
		all = append(all, Currency{code})
	}
	return all
}

// Code returns the three letters, or "" for no currency.
func (c Currency) Code() string { return c.code }

// String returns the code.
func (c Currency) String() string { return c.code }

// IsZero reports whether there is no currency.
func (c Currency) IsZero() bool { return c == Currency{} }

// Exponent returns how many decimals the currency has: 2 for EUR, 0 for JPY,
// 3 for KWD, 4 for CLF.
func (c Currency) Exponent() int {
	switch c.code {
	case "", "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// Symbol returns the sign people write before an amount, where there is one
// that is not mistaken for another currency's; otherwise "".
func (c Currency) Symbol() string {
	switch c.code {
	case "EUR":
		return "€"
	case "USD":
		return "$"
	case "GBP":
		return "£"
	case "JPY":
		return "¥"
	case "CNY":
		return "CN¥"
	case "INR":
		return "₹"
	case "KRW":
		return "₩"
	case "BRL":
		return "R$"
	case "AUD":
		return "A$"
	case "CAD":
		return "CA$"
	case "NZD":
		return "NZ$"
	case "HKD":
		return "HK$"
	case "TWD":
		return "NT$"
	case "SGD":
		return "S$"
	case "MXN":
		return "MX$"
	case "ILS":
		return "₪"
	case "VND":
		return "₫"
	case "PHP":
		return "₱"
	case "NGN":
		return "₦"
	case "UAH":
		return "₴"
	case "TRY":
		return "₺"
	case "KZT":
		return "₸"
	case "GEL":
		return "₾"
	}
	return ""
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// The active currencies, the usual ones first since they are looked for most.
// Bond-market units, gold and other things one does not pay with (XAU, XDR,
// XTS…) are left out.
const active = "EUR USD GBP CHF JPY PLN SEK DKK NOK CZK HUF RON " +
	"AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
	"CAD CDF CHE CHW CLF CLP CNY COP COU CRC CUP CVE DJF DOP DZD EGP ERN ETB FJD FKP GEL GHS GIP GMD GNF GTQ GYD " +
	"HKD HNL HTG IDR ILS INR IQD IRR ISK JMD JOD KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD " +
	"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NPR NZD OMR PAB PEN PGK PHP PKR PYG " +
	"QAR RSD RUB RWF SAR SBD SCR SDG SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS " +
	"UAH UGX USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
