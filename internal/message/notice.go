package message

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
)

// NoticeKind is what a message about an account is about. It is also how the
// account's message centre names it.
type NoticeKind string

// The kinds. Those that carry a code or a link say so in notices.
const (
	SignupCode NoticeKind = "signup-code" // proves the mailbox of a new account
	ResetCode  NoticeKind = "reset-code"  // allows a new password
	DeviceCode NoticeKind = "device-code" // makes a browser known
	LostCode   NoticeKind = "lost-code"   // one of two proofs when a second factor is lost
	ClaimCode  NoticeKind = "claim-code"  // finds the orders of a guest
	MoveCode   NoticeKind = "move-code"   // proves the mailbox an account changes to
	PayCode    NoticeKind = "pay-code"    // lets a guest pay where strangers may not
	SecondCode NoticeKind = "second-code" // by text: the second factor
	NumberCode NoticeKind = "number-code" // by text: proves a number
	NumberGone NoticeKind = "number-gone" // by text: to a number that was taken away

	Welcome         NoticeKind = "welcome"
	HaveAccount     NoticeKind = "have-account"
	NewDevice       NoticeKind = "new-device"
	PasswordChanged NoticeKind = "password-changed"
	FactorAdded     NoticeKind = "factor-added"
	FactorRemoved   NoticeKind = "factor-removed"
	CodesMade       NoticeKind = "codes-made"
	RecoveryUsed    NoticeKind = "recovery-used"
	RecoveryBegun   NoticeKind = "recovery-begun"
	RecoveryDone    NoticeKind = "recovery-done"
	EmailChanged    NoticeKind = "email-changed" // to the old address
	EmailIsNew      NoticeKind = "email-is-new"  // to the new one
	PasskeyCopied   NoticeKind = "passkey-copied"
	Undone          NoticeKind = "undone"
	StaffWaiting    NoticeKind = "staff-waiting"   // to owners: somebody has taken an invitation
	Alarm           NoticeKind = "alarm"           // to owners: the shop is under attack
	Carding         NoticeKind = "carding"         // to owners: stolen cards are being tested
	PagesForeign    NoticeKind = "pages-foreign"   // to owners: something foreign on the payment pages
	PagesChanged    NoticeKind = "pages-changed"   // to owners: the payment pages changed, by an update or a setting
	PagesUnseen     NoticeKind = "pages-unseen"    // to owners: nobody could look at the payment pages for a day
	PaymentConcern  NoticeKind = "payment-concern" // to owners: a payment is disputed, could not be given back, or waits for that
	TextsShut       NoticeKind = "texts-shut"      // to owners: codes by text are held back
	Tampered        NoticeKind = "tampered"        // to owners: an account was changed in the database
)

// Notice is a message about an account.
type Notice struct {
	Kind    NoticeKind
	To      contact.Email
	Name    contact.Name // for the greeting; may be zero
	At      time.Time
	Where   string // browser and system in our own words; "" where nobody knows
	Code    string // digits
	Minutes int    // how long the code works
	Link    string // to undo or to stop; only for kinds that may carry one
	Staff   bool   // the account is of somebody who works here
}

// words is what one kind of notice says.
type words struct {
	subject string // the shop's name is added
	title   string
	what    []string // what happened
	next    []string // what follows from it
	not     string   // the one thing to do if it wasn't you
	code    bool
	link    string // the words of the link; "" where none may stand
	when    bool   // tells when and where
}

// wrongHands is the one thing to do about most of what one has not done.
const wrongHands = "If this was not you, open the shop yourself, set a new password and end all other sign-ins. Both are on the page “Security” of your account."

// notices is everything the shop says about accounts. Letters about passwords
// and factors carry no link to sign in with: whoever copies them for a fraud
// would have one to replace. Undoing and stopping are the only links.
var notices = map[NoticeKind]words{
	SignupCode: {subject: "Your code for an account", title: "Your code", what: []string{"Type this code into the page that asks for it, and your account is made:"}, code: true,
		not: "If you did not ask for an account, you can ignore this mail. Without the code there will be none."},
	ResetCode: {subject: "Your code for a new password", title: "Your code", what: []string{"Type this code into the page that asks for it. Then you can choose a new password:"}, code: true, when: true,
		not: "If you did not ask for a new password, you can ignore this mail. Your password stays as it is."},
	DeviceCode: {subject: "Your code for this browser", title: "Your code", what: []string{"Somebody tries many passwords for your account. Type this code, and your own browser no longer has to wait:"}, code: true, when: true,
		not: "If you did not ask for it, you can ignore this mail. The code signs nobody in."},
	LostCode: {subject: "Your code, because your second step is lost", title: "Your code", what: []string{"Somebody knows your password and says that the second step is lost. Type this code to go on:"}, code: true, when: true,
		not: "If this was not you, somebody knows your password. Open the shop yourself and set a new one at once."},
	ClaimCode: {subject: "Your code to find your orders", title: "Your code", what: []string{"Type this code, and the orders that you made without signing in come to your account:"}, code: true,
		not: "If you did not ask for it, you can ignore this mail."},
	MoveCode: {subject: "Your code for a new e-mail", title: "Your code", what: []string{"Type this code into the page that asks for it. Then your account has this e-mail:"}, code: true,
		not: "If you did not ask for it, you can ignore this mail. Nothing changes without the code."},
	PayCode: {subject: "Your code to pay", title: "Your code", what: []string{"Many payments fail at this shop at the moment, so it asks who pays. Type this code into the page that asks for it, and you can pay for your order:"}, code: true,
		not: "If you did not order anything, you can ignore this mail: somebody has mistyped an e-mail, or tried yours."},

	Welcome: {subject: "Your account", title: "You have an account", what: []string{"Your account is made, and this e-mail is proved to be yours."},
		next: []string{"A second step makes it safe even when your password is stolen. You find it on the page “Security” of your account."}, when: true,
		not: "If you did not make an account, somebody read the code in our last mail. Open the shop yourself, and have a new password set."},
	HaveAccount: {subject: "You have an account already", title: "You have an account already", what: []string{"Somebody asked for an account with this e-mail. There is one already, so nothing was changed."},
		next: []string{"If you forgot your password, open the shop yourself and choose “Forgotten password?” where you sign in."},
		not:  "If you did not ask for it, you can ignore this mail."},
	NewDevice:       {subject: "A new sign-in", title: "A new sign-in", what: []string{"Somebody signed in to your account with a browser that we did not know."}, when: true, not: wrongHands},
	PasswordChanged: {subject: "Your password was changed", title: "Your password was changed", what: []string{"Your account has a new password. Every other browser was signed out."}, when: true, not: "If this was not you, open the shop yourself and choose “Forgotten password?” at once. Then only you have the new one."},
	FactorAdded: {subject: "A new way to sign in", title: "A new way to sign in", what: []string{"A new way to sign in was added to your account. Every other browser was signed out."}, when: true, link: "This was not me: remove it",
		not: "If this was not you, use the link within a day. It removes what was added and signs everybody out."},
	FactorRemoved: {subject: "A way to sign in was removed", title: "A way to sign in was removed", what: []string{"A way to sign in was removed from your account. Every other browser was signed out."}, when: true, not: wrongHands},
	CodesMade:     {subject: "New recovery codes", title: "New recovery codes", what: []string{"Your account has new recovery codes. The old ones no longer work."}, when: true, not: wrongHands},
	RecoveryUsed:  {subject: "A recovery code was used", title: "A recovery code was used", what: []string{"Somebody signed in to your account, or proved it again, with one of your recovery codes. It is used up now."}, when: true, not: wrongHands},
	RecoveryBegun: {subject: "Somebody wants to replace your second step", title: "Your second step is to be replaced",
		what: []string{"Somebody who knows your password and reads your mail says that the second step is lost."},
		next: []string{"We wait for 72 hours. After that, whoever proves both again can sign in without it."}, when: true, link: "Stop it",
		not: "If this was not you, use the link to stop it. It ends your password too, because somebody knows it. Open the shop yourself and set a new one by “Forgotten password?”."},
	RecoveryDone: {subject: "Your second step was replaced", title: "Your second step was removed", what: []string{"The wait of 72 hours is over. Your old second step and your recovery codes no longer work."},
		next: []string{"Please set up a new second step on the page “Security” of your account."}, when: true, not: wrongHands},
	EmailChanged: {subject: "Your account has another e-mail", title: "Your account has another e-mail", what: []string{"Your account no longer uses this e-mail. We write to the new one from now on."}, when: true, link: "This was not me: change it back",
		not: "If this was not you, use the link within seven days. Your account gets this e-mail back, everybody is signed out, and you choose a new password."},
	EmailIsNew:    {subject: "This is the e-mail of your account now", title: "This is the e-mail of your account now", what: []string{"You proved this e-mail, and your account uses it from now on. For a day, addresses stay covered and nothing can be taken out."}, when: true, not: wrongHands},
	PasskeyCopied: {subject: "A passkey was refused", title: "A passkey was refused", what: []string{"A passkey of your account counted backwards. That happens when a device was copied, so we did not accept it."}, when: true, not: "If you restored a device from a copy, remove its passkey and add it again. If not, remove it on the page “Security” of your account."},
	Undone:        {subject: "It is undone", title: "It is undone", what: []string{"The change to your account was taken back. Everybody was signed out."}, next: []string{"Open the shop yourself and choose “Forgotten password?”, so that only you have the password."}, when: true, not: "If this was not you, write to us."},
	StaffWaiting:  {subject: "Somebody waits to be let in", title: "Somebody waits to be let in", what: []string{"Somebody took an invitation to work in the shop and waits for an owner to confirm it."}, not: "Confirm only whom you know, after speaking with them. Open the staff pages yourself."},
	Alarm:         {subject: "Somebody tries many passwords", title: "Somebody tries many passwords", what: []string{"Many sign-ins fail at once. The shop asks strangers for some work before each try, and your customers can still sign in."}, not: "You don’t have to do anything. Open the staff pages yourself to see how it goes."},
	Carding: {subject: "Somebody tests stolen cards", title: "Somebody tests stolen cards", what: []string{"Many payments are declined at once. The shop asks guests for a short sum or a minute’s wait before they pay, and your customers can still buy.",
		"Open the staff pages yourself and choose “Abuse”: there you see how it goes, and can let guests wait with one button."}, not: "You don’t have to do anything at once. Tell your payment service if it goes on."},
	TextsShut: {subject: "Codes by text are held back", title: "Codes by text are held back", what: []string{"Many codes by text were asked for in a day, or few of them were typed back. That is how some people earn money with calls to numbers of their own."},
		next: []string{"The shop sends fewer texts until a day has passed. Your customers can use an app, a passkey or a recovery code."},
		not:  "Look at the bill of whoever sends your texts. Name only countries that you sell to in the setting sms-countries, and start the shop again."},
	PagesForeign: {subject: "Something foreign on your payment pages", title: "Something foreign on your payment pages", what: []string{"The shop looked at its own payment pages, as a shopper would, or many browsers told it what they blocked. Something there does not come from the shop.", "That is how thieves copy card numbers: they slip in a script, or lead shoppers to a page of theirs."},
		next: []string{"Look what it is: cartkeep payment-page status, and cartkeep payment-page reports"},
		not:  "If you do not know where it comes from, close the shop until you do. Look at whatever stands between the shop and its shoppers: a proxy, a network, the server itself."},
	PagesChanged: {subject: "Your payment pages have changed", title: "Your payment pages have changed", what: []string{"The payment pages are no longer as they were accepted. Nothing on them is foreign: it came with an update, or with a setting."},
		next: []string{"Look what it is: cartkeep payment-page status. If it is as you wish: cartkeep payment-page accept"},
		not:  "If nobody updated the shop or changed a setting, somebody else did. Find out who."},
	PagesUnseen: {subject: "Nobody looks at your payment pages", title: "Nobody looks at your payment pages", what: []string{"The shop looks at its own payment pages every hour, as a shopper would. For a day it could not: it has no way to itself, or nothing that can be bought."},
		next: []string{"Look why: cartkeep payment-page status"},
		not:  "Until it can look again, nobody would notice a foreign script there."},
	PaymentConcern: {subject: "A payment needs you", title: "A payment needs you", what: []string{"The payment service says that a payer's bank asks for money back, or that a payment looks like fraud, or money could not be given back, or has waited for more than a day to go back; or money that is only reserved for an order goes free soon, or did.", "A dispute that is not answered in time is lost, whoever is right. Reserved money that is not taken in time is not paid."},
		next: []string{"See which, until when, and what to hand in: cartkeep payments concerns"},
		not:  "Answer on the payment service's own site, which you open yourself. Whoever writes or calls about a dispute and asks for a password or a card is not your payment service."},
	Tampered: {subject: "Somebody changed an account in the database", title: "Somebody changed an account in the database", what: []string{"What a customer signs in with was changed, and not by the shop. That account stays shut.", "Whoever did it can write in the database: by a copy that was put back, by another program, or by breaking in."},
		next: []string{"The ledger names the account. Once you know how it came about, open it again with: cartkeep account repair"},
		not:  "Change the password of the database, and look who can reach it."},
}

// texts is what is said by text, above the code or alone.
var texts = map[NoticeKind]string{
	SecondCode:    "Your code is %s. Never tell it anybody, not even us.",
	NumberCode:    "Your code is %s. It proves that this number is yours.",
	NumberGone:    "This number gets no more codes for your account. If it was not you, set a new password.",
	RecoveryBegun: "Somebody wants to replace the second step of your account. If it was not you, look at our mail and stop it.",
	EmailChanged:  "Your account has another e-mail now. If it was not you, look at the mail to your old one.",
}

// Notice writes a message as a letter with this id.
func (w *Writer) Notice(id string, n Notice) (Message, error) {
	say, ok := notices[n.Kind]
	if !ok {
		return Message{}, errors.New("write notice: there is no letter of this kind")
	}
	if n.Staff {
		say = say.staff(n.Kind)
	}
	if say.code != (n.Code != "") || (say.link == "") && n.Link != "" {
		return Message{}, errors.New("write notice: a code or a link stands where none may, or is missing")
	}
	if strings.ContainsFunc(n.Code, noDigit) {
		return Message{}, errors.New("write notice: its code has more than digits")
	}
	l := noteLetter{Shop: w.shop, Subject: say.subject + " at " + w.shop.Name, Title: say.title, Closing: say.next, Link: n.Link, LinkText: say.link, Ignore: say.not, Staff: n.Staff}
	if hello := greeting(n.Name); hello != "" {
		l.Opening = append(l.Opening, "Hello "+hello+",")
	}
	switch {
	case say.when && say.code: // the words before a code lead to it
		l.Opening = append(append(l.Opening, n.happened("It was asked for")), say.what...)
	case say.when:
		l.Opening = append(append(l.Opening, say.what...), n.happened("It was"))
	default:
		l.Opening = append(l.Opening, say.what...)
	}
	if say.code {
		l.Code = challenge.Spoken(n.Code)
		l.Closing = append(howItWorks(n.Code, n.Minutes), l.Closing...)
	}
	return w.write(id, n.To, "note", l.Subject, l.Link, l)
}

// happened says when and where.
func (n Notice) happened(it string) string {
	s := it + " on " + n.At.UTC().Format("2 January 2006, 15:04") + " UTC"
	if where := oneLine(n.Where); where != "" {
		s += ", with " + where
	}
	return s + "."
}

func noDigit(c rune) bool { return c < '0' || c > '9' }

// maxText is how many characters one text to a phone has (GSM 03.38, 7 bits).
const maxText = 160

// Text writes a message to a phone. One with a code ends in the line that lets
// a phone offer the code on this shop's pages and nowhere else (WICG,
// "Origin-bound one-time codes delivered via SMS").
func (w *Writer) Text(id string, to contact.Phone, n Notice) (Message, error) {
	say, ok := texts[n.Kind]
	if !ok || to.IsZero() || id == "" || strings.ContainsFunc(n.Code, noDigit) || strings.Contains(say, "%s") != (n.Code != "") {
		return Message{}, errors.New("write text: there is no text of this kind, nobody to send it to, or its code is missing")
	}
	text := strings.Replace(say, "%s", n.Code, 1)
	if n.Code != "" {
		u, err := url.Parse(w.shop.Origin)
		if err != nil {
			return Message{}, errors.New("write text: the shop has no origin")
		}
		text += "\n\n@" + u.Hostname() + " #" + n.Code
	}
	if room := maxText - len(text) - 2; room > 3 {
		text = plainName(w.shop.Name, room) + ": " + text
	}
	return Message{ID: id, Channel: SMS, To: to.Reveal(), Text: text}, nil
}

// plainName shortens a name to what a text has room for, in letters that every
// phone knows.
func plainName(name string, room int) string {
	var b strings.Builder
	for _, c := range name {
		if b.Len() >= room {
			break
		}
		if c >= ' ' && c <= '~' && !strings.ContainsRune("[]\\^{|}~`", c) {
			b.WriteRune(c)
		}
	}
	return strings.TrimSpace(b.String())
}

// Subject is what a message about an account was about, for the list of those
// that were sent.
func Subject(k NoticeKind) string {
	switch k {
	case SecondCode:
		return "Your code to sign in"
	case NumberCode:
		return "Your code for a number"
	case NumberGone:
		return "Your number gets no more codes"
	}
	if say, ok := notices[k]; ok {
		return say.subject
	}
	return "A message about your account"
}
