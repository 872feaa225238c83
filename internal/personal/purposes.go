package personal

import (
	"fmt"
	"strings"
	"time"
)

// Purpose is why something is kept (GDPR Art. 5(1)(b), purpose limitation). A
// dossier has exactly one.
type Purpose string

// The purposes. What each means stands in Purposes.
const (
	Cart        Purpose = "cart"
	Account     Purpose = "account"
	Security    Purpose = "security"
	Fulfilment  Purpose = "fulfilment"
	CourierUse  Purpose = "courier"
	Gift        Purpose = "gift"
	Invoicing   Purpose = "invoicing"
	Payment     Purpose = "payment"
	Support     Purpose = "support"
	Marketing   Purpose = "marketing"
	Rights      Purpose = "rights"
	Staff       Purpose = "staff"
	ShopSecrets Purpose = "shop"
)

// Period is how long a purpose lasts after its case began or closed, in
// calendar units.
type Period struct {
	Years, Months, Days int
	From                string // the event it counts from, in words
}

// After returns t moved on by the period. A month ends on the corresponding
// date, or on the last day of a shorter month.
func (p Period) After(t time.Time) time.Time {
	t = t.UTC()
	first := time.Date(t.Year()+p.Years, t.Month()+time.Month(p.Months), 1, 0, 0, 0, 0, time.UTC)
	day := min(t.Day(), first.AddDate(0, 1, -1).Day())
	return time.Date(first.Year(), first.Month(), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, 0, p.Days)
}

// Before returns the newest time whose period has ended by t.
func (p Period) Before(t time.Time) time.Time {
	return Period{Years: -p.Years, Months: -p.Months, Days: -p.Days}.After(t)
}

// Forever reports whether the purpose has no end date of its own.
func (p Period) Forever() bool { return p.Years == 0 && p.Months == 0 && p.Days == 0 }

// String says the period in words: "12 months after delivery".
func (p Period) String() string {
	if p.Forever() {
		return p.From
	}
	var parts []string
	for _, u := range []struct {
		n    int
		word string
	}{{p.Years, "year"}, {p.Months, "month"}, {p.Days, "day"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.word)
		case u.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", u.n, u.word))
		}
	}
	return strings.Join(parts, " ") + " " + p.From
}

// Terms is what holds for every field of a purpose: its legal basis, how long
// it lasts and which roles of staff may open it.
type Terms struct {
	Purpose Purpose
	Title   string // for a person: "Bringing you what you ordered"
	Why     string // one plain sentence
	Basis   string // GDPR article; defaults that a merchant confirms
	Keep    Period
	Open    []string // staff roles that may open it, always with a reason
	InUse   bool     // something of this purpose is stored by this version

	// Outlives says why it is kept, restricted, when the person is erased; "" where
	// it ends then.
	Outlives   string
	Restricted Restriction
}

// Restriction says what a restricted dossier still opens for (GDPR Art. 18(2)).
type Restriction int

// The restrictions.
const (
	StaysShut     Restriction = iota // kept, and opened by nobody alone: see privacy.AskOpening
	OpensUnderWay                    // while the order it is for is under way
	Opens                            // for its own purpose alone
)

// Purposes returns the terms of every purpose, in the order a notice tells them.
func Purposes() []Terms {
	return []Terms{
		{Cart, "Your cart and what you typed at checkout",
			"So that you can go on where you stopped.",
			"GDPR 6(1)(b), steps before a contract", Period{Days: 30, From: "after you last changed the cart"},
			nil, true, "", StaysShut},
		{Fulfilment, "Bringing you what you ordered",
			"Name, address and e-mail, to deliver your order and to write to you about it. Until we know the day of delivery, we count from 60 days after you ordered.",
			"GDPR 6(1)(b), contract", Period{Months: 12, From: "after delivery"},
			[]string{"owner", "manager", "fulfilment", "support"}, true, "", OpensUnderWay},
		{CourierUse, "Helping the courier find you",
			"Phone number and note, for the courier alone. Until we know the day of delivery, we count from 60 days after you ordered.",
			"GDPR 6(1)(b), contract", Period{Days: 30, From: "after delivery"},
			[]string{"owner", "manager", "fulfilment"}, true, "", OpensUnderWay},
		{Gift, "Delivering a gift",
			"Recipient and message of a gift. They are about somebody else, so they stay apart and end early. Until we know the day of delivery, we count from 60 days after you ordered.",
			"GDPR 6(1)(f), delivering to the recipient", Period{Days: 30, From: "after delivery"},
			[]string{"owner", "manager", "fulfilment"}, true, "", OpensUnderWay},
		{Payment, "Paying and paying back",
			"The payment provider's reference, so that a payment can be found, refunded or defended.",
			"GDPR 6(1)(b), contract, and 6(1)(f), defence of claims", Period{Months: 18, From: "after payment"},
			[]string{"owner", "manager"}, true, "claims about the payment can still be made (GDPR 17(3)(e))", Opens},
		{Invoicing, "Keeping the books",
			"Name and billing address, because tax law makes us keep invoices.",
			"GDPR 6(1)(c), legal duty", Period{Years: 10, From: "after the end of the year of the sale"},
			[]string{"owner"}, true, "tax law makes us keep invoices (GDPR 17(3)(b))", StaysShut},
		{Account, "Your account", "What you saved to shop more easily.",
			"GDPR 6(1)(b), contract", Period{Months: 36, From: "after you last signed in"},
			[]string{"owner", "support"}, true, "", StaysShut},
		{Security, "Being able to say who did what",
			"The ledger keeps what happened, by random ids, so that misuse can be noticed. What you sign in with is sealed here too and ends with your account.",
			"GDPR 6(1)(f) and 32, security", Period{Months: 13, From: "after it happened; then only a hash stays"}, nil, true, "", StaysShut},
		{Support, "Helping you", "What you wrote to us.",
			"GDPR 6(1)(b), contract", Period{Months: 24, From: "after the question was settled"},
			[]string{"owner", "support"}, false, "", StaysShut},
		{Marketing, "Telling you what you asked to hear",
			"Your e-mail, to write to you once when a thing is there again. We forget it as soon as we have written.",
			"GDPR 6(1)(a), consent", Period{Days: 90, From: "after you asked"}, []string{"owner"}, true, "", StaysShut},
		{Rights, "Answering for your rights",
			"Which sealed folders there were and when each key was destroyed, without what was in them; and why a legal hold kept one for longer.",
			"GDPR 6(1)(c) and 5(2), accountability", Period{Years: 3, From: "after the key was destroyed"},
			[]string{"owner", "auditor"}, true, "we must be able to show what was asked and done (GDPR 5(2))", Opens},
		{Staff, "People who work in the shop", "Their sign-in and their acts.",
			"GDPR 6(1)(b) and 32", Period{Months: 24, From: "after they left"}, []string{"owner"}, true, "whoever works here is no customer; their account is ended by an owner", Opens},
		{ShopSecrets, "The shop's own secrets", "Keys and passwords of the shop itself; about no person.",
			"not personal", Period{From: "as long as the shop lives"}, nil, true, "about no person", Opens},
	}
}

// Reveals is how long the ledger tells who looked at what is shut otherwise.
func Reveals() Period { return Period{Months: 24, From: "after somebody looked"} }

// TermsOf returns the terms of p. An unknown purpose is a mistake in the
// program and is reported as an error, so that nothing is kept without terms.
func TermsOf(p Purpose) (Terms, error) {
	for _, t := range Purposes() {
		if t.Purpose == p {
			return t, nil
		}
	}
	return Terms{}, fmt.Errorf("purpose %q is not declared", p)
}
