package personal

import "slices"

// Receiver is somebody outside the shop, and what they get.
type Receiver struct {
	Recipient Recipient
	Names     []string // of those that are set up: "Twilio"; none where the shop can't know
	Gets      []string // in a person's words
}

// Parties are those who carry letters and texts, by the names a person knows
// them by. Who is not among them gets nothing. The other recipients are a
// shop's whatever is set up.
type Parties map[Recipient][]string

// Everybody is every recipient that there can be, for the documents.
func Everybody() Parties { return Parties{MailProvider: nil, SMSProvider: nil} }

// Of lists the recipients of a field, each with the part that it gets where
// that is not the whole.
func (p Parties) Of(f Field) (out []string) {
	for _, to := range f.Recipients {
		if !p.has(to) {
			continue
		}
		if part := f.Part[to]; part != "" {
			out = append(out, string(to)+" (only: "+part+")")
		} else {
			out = append(out, string(to))
		}
	}
	return out
}

// Receivers turns the register round: who gets what.
func (p Parties) Receivers() (out []Receiver) {
	for _, to := range []Recipient{Courier, PaymentProvider, MailProvider, SMSProvider, TaxOffice} {
		if !p.has(to) {
			continue
		}
		r := Receiver{Recipient: to, Names: p[to]}
		for _, f := range fields {
			if !slices.Contains(f.Recipients, to) || f.Purpose == ShopSecrets {
				continue
			}
			what := f.Label
			if part := f.Part[to]; part != "" {
				what = part
			}
			if !slices.Contains(r.Gets, what) {
				r.Gets = append(r.Gets, what)
			}
		}
		out = append(out, r)
	}
	return out
}

func (p Parties) has(to Recipient) bool {
	if to != MailProvider && to != SMSProvider {
		return true
	}
	_, ok := p[to]
	return ok
}
