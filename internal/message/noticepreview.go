package message

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
)

// told lists the notices as a merchant reads them, with when each is sent.
var told = []struct {
	kind NoticeKind
	when string
}{
	{SignupCode, "somebody asks for an account"},
	{HaveAccount, "somebody asks for an account with an e-mail that has one"},
	{Welcome, "an account is made"},
	{ResetCode, "a password is forgotten"},
	{DeviceCode, "many passwords are tried for an account, and its owner wants in"},
	{LostCode, "a second step is lost"},
	{ClaimCode, "somebody wants their earlier orders in their account"},
	{MoveCode, "an account is to have another e-mail"},
	{PayCode, "many payments fail, and a guest is to show that the e-mail of an order is theirs"},
	{NewDevice, "somebody signs in with a browser that was not seen before"},
	{PasswordChanged, "a password is changed"},
	{FactorAdded, "a way to sign in is added"},
	{FactorRemoved, "a way to sign in is removed"},
	{CodesMade, "recovery codes are made"},
	{RecoveryUsed, "a recovery code is used"},
	{RecoveryBegun, "a second step is to be replaced"},
	{RecoveryDone, "a second step was replaced"},
	{EmailChanged, "an account has another e-mail: to the old one"},
	{EmailIsNew, "an account has another e-mail: to the new one"},
	{PasskeyCopied, "a passkey looks like a copy"},
	{Undone, "a change was taken back"},
	{StaffWaiting, "somebody takes an invitation: to the owners"},
	{Alarm, "many sign-ins fail: to the owners"},
	{Carding, "many payments fail: to the owners"},
	{PagesForeign, "something foreign on the payment pages: to the owners"},
	{PagesChanged, "the payment pages have changed: to the owners"},
	{PagesUnseen, "the payment pages could not be looked at for a day: to the owners"},
	{PaymentConcern, "a payment is disputed or could not be given back: to the owners"},
	{TextsShut, "codes by text are held back: to the owners"},
	{Tampered, "an account was changed in the database: to the owners"},
}

// toOwners are those that only owners get.
var toOwners = []NoticeKind{StaffWaiting, Alarm, Carding, PagesForeign, PagesChanged, PagesUnseen, PaymentConcern, TextsShut, Tampered}

// toldByText are those that go to a phone.
var toldByText = []struct {
	kind NoticeKind
	when string
}{
	{SecondCode, "somebody signs in with a code by text"},
	{NumberCode, "a number is to be proved"},
	{NumberGone, "a number is changed or taken away: to the old one"},
	{RecoveryBegun, "a second step is to be replaced, by text"},
	{EmailChanged, "an account has another e-mail, by text"},
}

// noticePreviews writes every message about accounts with sample values.
func (w *Writer) noticePreviews(to contact.Email, name contact.Name, at time.Time) (out []Preview, err error) {
	letter := func(name, when string, n Notice) {
		say := notices[n.Kind]
		if say.code {
			n.Code, n.Minutes = "00000000", 10
		}
		if say.link != "" {
			n.Link = w.shop.Origin + "/account/undo?token=sample"
		}
		m, e := w.Notice("sample-"+name, n)
		err = errors.Join(err, e)
		out = append(out, Preview{name, when, m})
	}
	sample := Notice{To: to, Name: name, At: at, Where: "Firefox on Linux"}
	for _, l := range told {
		n := sample
		n.Kind, n.Staff = l.kind, slices.Contains(toOwners, l.kind)
		letter("notice-"+string(l.kind), l.when, n)
		if _, ok := forStaff[l.kind]; ok {
			n.Staff = true
			letter("staff-"+string(l.kind), l.when+": to staff", n)
		}
	}
	number, e := contact.ParsePhone("+4915112345678", "")
	err = errors.Join(err, e)
	for _, l := range toldByText {
		n := Notice{Kind: l.kind}
		if strings.Contains(texts[l.kind], "%s") {
			n.Code = "000000"
		}
		m, e := w.Text("sample-text-"+string(l.kind), number, n)
		err = errors.Join(err, e)
		out = append(out, Preview{"text-" + string(l.kind), l.when, m})
	}
	return out, err
}
