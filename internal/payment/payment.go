// Package payment holds what the shop asks of a payment service, whichever it
// is: open a page to pay on, understand the signed call-back, pay back.
//
// Card data never passes through here. The shopper types it on the provider's
// own origin, and what comes back is a Notice: which session, which order,
// how much, approved or declined. A Provider proves that a Notice is genuine
// (signature, age, mode, account); whether it fits the order (amount, attempt,
// state) is for checkout.Settle to judge.
//
// Every provider runs the suite in payment/paymenttest.
package payment

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
)

// Errors that callers branch on. They carry no detail of the body, so that
// whoever forges call-backs learns nothing from logs or answers.
var (
	// ErrSignature: the call-back was not signed by the provider, or too long ago.
	ErrSignature = errors.New("payment: call-back is not signed by the provider")
	// ErrNotice: signed, but not a call-back this shop can act on: another
	// account, another mode, or not of the agreed form.
	ErrNotice = errors.New("payment: call-back cannot be read")
	// ErrIgnored: genuine, and about something that is nothing to this shop. It is
	// answered as taken, so that the provider does not send it for days.
	ErrIgnored = errors.New("payment: call-back is about nothing of this shop")
	// ErrRefused: the provider understood and said no; asking again will not help.
	// Any other error of Open, Refund or Find may pass, and may be retried.
	ErrRefused = errors.New("payment: the provider refused")
)

// MaxNotice is the most bytes a call-back may have. Read no more than that.
const MaxNotice = 64 << 10

// Outcome is how an attempt to pay ended, or what became of it before or after.
type Outcome string

// The outcomes that end an attempt.
const (
	Approved Outcome = "approved"
	Declined Outcome = "declined"
	Expired  Outcome = "expired" // the page has ended and takes no payment any more
)

// What a provider may say besides. None of it makes an order paid, or unpaid.
const (
	Tried        Outcome = "tried"         // a card was refused, on a page that goes on
	Disputed     Outcome = "disputed"      // the payer's bank asks for the money back
	DisputeWon   Outcome = "dispute-won"   // and the shop keeps it
	DisputeLost  Outcome = "dispute-lost"  // and has it
	Warned       Outcome = "warned"        // the provider, or the card's network, takes it for fraud
	RefundFailed Outcome = "refund-failed" // what the provider had taken on to pay back did not arrive
)

// Ends reports whether an attempt is over with this.
func (o Outcome) Ends() bool { return o == Approved || o == Declined || o == Expired }

// Known reports whether o is one of the outcomes.
func (o Outcome) Known() bool {
	switch o {
	case Tried, Disputed, DisputeWon, DisputeLost, Warned, RefundFailed:
		return true
	}
	return o.Ends()
}

// Modes of a provider's account. A shop in one mode refuses notices of the other.
const (
	ModeTest = "test"
	ModeLive = "live"
)

// Request asks for a page to pay on. OrderID and Attempt together are the
// idempotency key: the same pair always gives the same Session.
type Request struct {
	OrderID     string
	OrderNumber string
	Attempt     int // 1 for the first
	Amount      money.Amount

	// Where the shopper comes back to and where the call-back goes. They hold
	// no secret: the provider keeps them, and browsers remember them.
	ReturnURL, CancelURL, NoticeURL string

	ExpiresAt time.Time // after this the page takes no payment

	// Statement is what the shop tells shoppers that their statement will say; "" where it
	// tells nothing. For a provider that prints what comes with each payment.
	Statement string

	Authorize bool // only reserve the money; it is captured later. For a Capturer alone
	// Of a Keeper: whose kept cards the page offers unless it keeps one, and whether the card that
	// pays is kept too. "" and false for a page that knows nobody.
	Customer string
	Keep     bool

	Here bool // of an Embedder: the fields stand on a page of the shop, and there is none of the provider
}

// Session is the provider's side of one attempt to pay.
type Session struct {
	Ref       string // the provider's id
	URL       string // where the shopper pays, on Provider.Origin; "" for Request.Here
	Mode      string // ModeTest or ModeLive
	Account   string // whose account will be paid
	ExpiresAt time.Time
}

// Notice is a genuine message of the provider about one session.
type Notice struct {
	ID      string // the provider's event id; the same for each delivery of it
	Ref     string // Session.Ref
	OrderID string
	Attempt int
	Outcome Outcome
	Amount  money.Amount
	Mode    string // ModeTest or ModeLive
	Account string // whose account was paid
	At      time.Time
	// Recalled: it did not come by itself, the shop asked for it and will again.
	Recalled bool
	// Fingerprint is the provider's word for the card, the same whoever pays with
	// it; "" where it gives none. It is counted under a keyed hash and kept nowhere.
	Fingerprint string

	// Of an approval: the money is reserved and not taken yet, and until when it can
	// be. Zero where nobody said.
	Authorized bool
	CaptureBy  time.Time
	// Of an approval of money that was to be reserved and is taken by now: how much of
	// it was. Zero where nobody said.
	Captured money.Amount

	// Of what is said before or after the end of an attempt. Such a notice may
	// name the order's number instead of the session.
	OrderNumber string
	About       string // the provider's id of the dispute or the warning
	Reason      order.DisputeReason
	AnswerBy    time.Time // until when a dispute can be answered; zero where nobody said
	Refund      string    // RefundRequest.ID of a refund that failed
}

// RefundRequest asks to pay back. ID is the idempotency key.
type RefundRequest struct {
	ID      string
	Ref     string // the approved session
	OrderID string
	Amount  money.Amount
}

// Provider is a payment service.
type Provider interface {
	// Name is the word used in settings, rows and call-back paths: "sandbox".
	Name() string
	// Title is what a shopper reads when choosing: "Card (make-believe bank)".
	Title() string
	// Origin is where the shopper pays, for form-action: "https://pay.example"; "" where
	// there is no page to pay on.
	Origin() string
	// Open makes or finds the session of this order and attempt.
	Open(ctx context.Context, q Request) (Session, error)
	// Notice checks and reads a call-back whose body was already read (at most
	// MaxNotice bytes). The error is ErrSignature, ErrNotice or ErrIgnored; any other
	// means that the provider had to be asked something, and did not answer.
	Notice(r *http.Request, body []byte) (Notice, error)
	// Refund pays back part or all of an approved session.
	Refund(ctx context.Context, q RefundRequest) error
}

// Closer is a Provider that can end a session which took no payment yet, so that
// nobody pays on the page of an order that was given up. A session that has
// ended, or was paid meanwhile, stays as it is.
type Closer interface {
	Close(ctx context.Context, ref string) error
}

// Teller is a Provider that can say how much of a session it has paid back, as the
// merchant may do there too.
type Teller interface {
	PaidBack(ctx context.Context, ref string) (money.Amount, error)
}

// Capturer is a Provider that can reserve money when somebody pays, and take it
// later: once, and what is not taken then is free again.
type Capturer interface {
	Provider
	Finder
	// Capture takes part or all of what is reserved. Asked again for the same it
	// changes nothing. ErrRefused: nothing is reserved any more, less was, or another
	// amount was taken; Authorization tells which.
	Capture(ctx context.Context, q CaptureRequest) error
	// Release lets go of what is reserved. ErrRefused when it was taken.
	Release(ctx context.Context, ref string) error
	// Authorization tells what has become of the money of an approved session.
	Authorization(ctx context.Context, ref string) (Authorization, error)
}

// CaptureRequest asks to take money that is reserved. There is one capture of a
// session, so its Ref is the idempotency key.
type CaptureRequest struct {
	Ref     string
	OrderID string
	Amount  money.Amount
}

// Authorization is money that was reserved.
type Authorization struct {
	State     Reserve
	Captured  money.Amount // what was taken; zero while nothing was
	CaptureBy time.Time    // until when it can be taken; zero where nobody said
}

// Reserve is what has become of reserved money.
type Reserve string

// What becomes of it.
const (
	Reserved Reserve = "reserved" // it can be taken
	Captured Reserve = "captured"
	Released Reserve = "released" // let go, by us or because its time was over
)

// Terms is how an order is paid that no payment service stands behind.
type Terms struct {
	Note    string        // what a shopper reads under the title when choosing
	Wait    time.Duration // how long the goods are kept for the money
	Account Account       // where the money is sent to
	Most    int           // how many orders may wait at once, so that nobody empties the shelves without paying

	OnAccount bool          // the goods go before the money comes; Wait is how long until they have to be on their way
	Due       time.Duration // on account: how long after they were sent the money is due; 0: when they are brought
}

// Account is the shop's own account at a bank.
type Account struct {
	Payee string // whose it is
	IBAN  string // as ISO 13616 writes it for machines: no spaces
	BIC   string // may be ""
}

// Fours writes an account or a reference in groups of four, as people copy them.
func Fours(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ByHand is a Provider without a service behind it. There is no page to pay on, and
// nobody calls back: a person says that money has arrived, or a bank statement does.
// Session.Ref is what a payer writes with the money, Session.Account is where to.
// Open asks nobody and always answers the same. Notice believes nothing. Refund
// refuses: money that goes back is sent by a person, who then says so.
type ByHand interface {
	Provider
	Terms() Terms
}

// Origins are where shoppers pay, for form-action. Providers without a page have none.
func Origins(providers []Provider) []string {
	var out []string
	for _, p := range providers {
		if at := p.Origin(); at != "" {
			out = append(out, at)
		}
	}
	return out
}

// Choosy is a Provider that not every order can be paid with.
type Choosy interface {
	// Takes reports whether an order of this total, sent to this country, can be paid
	// this way. sent is false when nothing of it travels.
	Takes(total money.Amount, country string, sent bool) bool
}

// Finder is a Provider that can be asked how a session ended, for orders whose
// call-back never came. The second value is false while nothing was decided.
type Finder interface {
	Find(ctx context.Context, ref string) (Notice, bool, error)
}

// Remarker is a Provider that says by itself nothing of what happens after a payment
// and can be asked: notices of disputes, of how they ended, and of refunds that did not
// arrive. Asked again it tells the same, under the same ids. It is asked before money
// goes back, too: what the payer's bank has taken meanwhile must not go twice.
type Remarker interface {
	Remarks(ctx context.Context, ref string) ([]Notice, error)
	// GaveBack tells whether Refund was asked for this before and has paid it back, or is
	// about to. The error is ErrRefused where it did so with another amount.
	GaveBack(ctx context.Context, q RefundRequest) (bool, error)
}

// Pinged is a Provider whose call-backs nobody signs: one names a session and says
// nothing of it. The shop looks whether it knows that session, and only then asks
// with Find. Notice believes nothing.
type Pinged interface {
	Provider
	Finder
	// Named reads which session a call-back is about. The error is ErrNotice.
	Named(r *http.Request, body []byte) (ref string, err error)
}
