package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/payment"
)

// ServiceConfig is what the make-believe bank needs.
type ServiceConfig struct {
	Secret      []byte           // shared with the Provider; at least MinSecret bytes
	Journal     string           // path of the journal file, made with mode 0600
	Origin      string           // its own: "https://127.0.0.1:8444"
	ShopOrigins []string         // ReturnURL, CancelURL and NoticeURL must be on one of these
	Client      *http.Client     // for call-backs; trusts the shop's certificate
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger     // nil: silent
}

// Service is the make-believe bank.
type Service struct {
	secret  []byte
	token   string
	origin  string
	shops   []string
	client  *http.Client
	now     func() time.Time
	log     *slog.Logger
	pages   *pages
	handler http.Handler

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup
	busy chan struct{} // bounds the call-backs on the wire at once

	mu       sync.Mutex
	closed   bool
	journal  *journal
	sessions map[string]*session // by ref
	byKey    map[string]*session // by order and attempt

	customers map[string]*customer // whose cards are kept
}

// session is one attempt to pay. Fields are guarded by Service.mu.
type session struct {
	openBody
	ref     string
	events  []*event // at most one decline, one approval, one dispute, one end of it
	refunds map[string]money.Amount

	captured *money.Amount // of what was reserved; nil while nothing was taken
	released bool
}

type event struct {
	id      string
	outcome payment.Outcome
	due     time.Time     // not sent before; also the time it tells
	done    chan struct{} // closed when the call-back was answered
	card    string        // its fingerprint; "" for none
}

// NewService reads the journal and goes on with call-backs not yet answered.
func NewService(c ServiceConfig) (*Service, error) {
	if err := checkSecret(c.Secret); err != nil {
		return nil, err
	}
	if len(c.ShopOrigins) == 0 {
		return nil, errors.New("sandbox: no shop origin given")
	}
	for _, o := range append([]string{c.Origin}, c.ShopOrigins...) {
		if err := checkOrigin(o); err != nil {
			return nil, err
		}
	}
	if slices.Contains(c.ShopOrigins, c.Origin) {
		return nil, errors.New("sandbox: the bank must not share the shop's origin")
	}
	if c.Client == nil {
		return nil, errors.New("sandbox: no HTTP client given")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		secret: bytes.Clone(c.Secret), token: apiToken(c.Secret),
		origin: c.Origin, shops: slices.Clone(c.ShopOrigins),
		client: staying(c.Client), now: c.Now, log: c.Log,
		busy:     make(chan struct{}, 8),
		sessions: make(map[string]*session), byKey: make(map[string]*session), customers: make(map[string]*customer),
	}
	var err error
	if s.pages, err = newPages(); err != nil {
		return nil, err
	}
	if s.journal, err = openJournal(c.Journal, s.apply); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sessions {
		for _, e := range one.events {
			if !isDone(e) {
				s.send(one, e)
			}
		}
	}
	return s, nil
}

// Handler serves the pages and the API.
func (s *Service) Handler() http.Handler { return s.handler }

// Close stops call-backs under way, which go on after the next start, and
// closes the journal.
func (s *Service) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.close()
}

// apply repeats a record in memory: what add has written, or what a start reads.
func (s *Service) apply(r record) error {
	if r.Kind == arrived || r.Kind == kept || r.Kind == dropped {
		return s.applyCard(r)
	}
	if r.Kind == opened {
		if r.Opened == nil || s.sessions[r.Ref] != nil {
			return errors.New("not a new session")
		}
		one := &session{openBody: *r.Opened, ref: r.Ref, refunds: make(map[string]money.Amount)}
		s.sessions[r.Ref] = one
		s.byKey[one.key()] = one
		return nil
	}
	one := s.sessions[r.Ref]
	if one == nil {
		return errors.New("an unknown session")
	}
	switch r.Kind {
	case decided:
		if r.Due == nil || !r.Result.Known() {
			return errors.New("not a decision")
		}
		one.events = append(one.events, &event{r.Event, r.Result, *r.Due, make(chan struct{}), r.Card})
	case answered:
		for _, e := range one.events {
			if e.id == r.Event && !isDone(e) {
				close(e.done)
			}
		}
	case refunded:
		if r.Amount == nil {
			return errors.New("not a refund")
		}
		one.refunds[r.Refund] = *r.Amount
	case captured:
		if r.Amount == nil {
			return errors.New("not a capture")
		}
		one.captured = r.Amount
	case released:
		one.released = true
	default:
		return errors.New("an unknown kind")
	}
	return nil
}

// keep writes a record and then repeats it in memory. s.mu is held.
func (s *Service) keep(r record) error {
	if s.closed && r.Kind != answered {
		return errors.New("sandbox: closed")
	}
	r.At = s.now().UTC()
	if err := s.journal.add(r); err != nil {
		return err
	}
	return s.apply(r)
}

func (o openBody) key() string { return o.Order + "/" + strconv.Itoa(o.Attempt) }

var (
	errAsked  = errors.New("sandbox: that can't be asked for")
	errOther  = errors.New("sandbox: asked before with another content")
	errAbsent = errors.New("sandbox: no such session")
	errOver   = errors.New("sandbox: the session's time is over")
)

// open makes or finds a session.
func (s *Service) open(o openBody) (*session, error) {
	o.ExpiresAt = o.ExpiresAt.UTC()
	if !isWord(o.Order) || !isWord(o.Number) || o.Attempt < 1 || o.Amount.Minor() <= 0 || o.ExpiresAt.IsZero() {
		return nil, errAsked
	}
	for _, u := range []string{o.ReturnURL, o.CancelURL, o.NoticeURL} {
		if !s.ofShop(u) {
			return nil, errAsked
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.byKey[o.key()]; one != nil {
		if one.Amount != o.Amount || one.Number != o.Number || one.Authorize != o.Authorize || one.Customer != o.Customer || one.Keep != o.Keep {
			return nil, errOther
		}
		return one, nil
	}
	if o.Customer != "" && s.living(o.Customer) == nil {
		return nil, errAbsent
	}
	ref := "sb_" + random()
	if err := s.keep(record{Kind: opened, Ref: ref, Opened: &o}); err != nil {
		return nil, err
	}
	s.log.Info("sandbox session opened", "session", short(ref), "attempt", o.Attempt)
	return s.sessions[ref], nil
}

// ofShop accepts addresses of the shop that were written the plain way.
func (s *Service) ofShop(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= 2000 && u.User == nil && u.Opaque == "" && u.Fragment == "" &&
		slices.Contains(s.shops, u.Scheme+"://"+u.Host) && u.String() == address
}

func (s *Service) find(ref string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.sessions[ref]; one != nil {
		return one, nil
	}
	return nil, errAbsent
}

// decide notes an outcome and starts its call-back. A session that was
// approved stays approved; one that was declined may still be approved, as
// with a second card. The event is the one to wait for.
func (s *Service) decide(one *session, outcome payment.Outcome, card string, late bool) (*event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range one.events {
		if e.outcome == payment.Approved || e.outcome == outcome {
			return e, nil
		}
	}
	due := s.now().UTC()
	if over := one.ExpiresAt.Add(time.Second); late && over.After(due) {
		due = over
	} else if !late && !due.Before(one.ExpiresAt) {
		return nil, errOver
	}
	due = due.Truncate(time.Millisecond)
	id := "ev_" + random()
	if err := s.keep(record{Kind: decided, Ref: one.ref, Event: id, Result: outcome, Due: &due, Card: fingerprint(s.secret, card)}); err != nil {
		return nil, err
	}
	e := one.events[len(one.events)-1]
	if outcome == payment.Approved && card == "" { // with a kept one there is none to keep
		if err := s.keepCard(one, due); err != nil {
			return nil, err
		}
	}
	s.send(one, e)
	return e, nil
}

// answerIn is how long a shop has to answer a dispute.
const answerIn = 7 * 24 * time.Hour

// dispute has the payer's bank ask for an approved payment back, or decide on that.
func (s *Service) dispute(one *session, outcome payment.Outcome) (*event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := false
	for _, e := range one.events {
		asked = asked || e.outcome == payment.Disputed
		if e.outcome == outcome {
			return e, nil
		}
		if e.outcome == payment.DisputeWon || e.outcome == payment.DisputeLost {
			return nil, errAsked
		}
	}
	if !one.paid(s.now()) || one.taken().IsZero() || asked == (outcome == payment.Disputed) {
		return nil, errAsked
	}
	due := s.now().UTC().Truncate(time.Millisecond)
	if err := s.keep(record{Kind: decided, Ref: one.ref, Event: "ev_" + random(), Result: outcome, Due: &due}); err != nil {
		return nil, err
	}
	e := one.events[len(one.events)-1]
	s.send(one, e)
	return e, nil
}

// refund pays back, at most what was approved.
func (s *Service) refund(q refundBody) error {
	if !isWord(q.ID) || q.Amount.Minor() <= 0 {
		return errAsked
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.sessions[q.Session]
	if one == nil || one.Order != q.Order {
		return errAbsent
	}
	if was, again := one.refunds[q.ID]; again {
		if was != q.Amount {
			return errOther
		}
		return nil
	}
	total := []money.Amount{q.Amount}
	for _, a := range one.refunds {
		total = append(total, a)
	}
	sum, err := money.Sum(one.Amount.Currency(), total...)
	if err != nil || !one.paid(s.now()) || sum.Minor() > one.taken().Minor() {
		return errAsked
	}
	return s.keep(record{Kind: refunded, Ref: one.ref, Refund: q.ID, Amount: &q.Amount})
}

func (one *session) paid(now time.Time) bool {
	return slices.ContainsFunc(one.events, func(e *event) bool {
		return e.outcome == payment.Approved && !e.due.After(now)
	})
}

// notice is what the shop is told of an event.
func (one *session) notice(e *event) payment.Notice {
	n := payment.Notice{
		ID: e.id, Ref: one.ref, OrderID: one.Order, Attempt: one.Attempt,
		Outcome: e.outcome, Amount: one.Amount,
		Mode: payment.ModeTest, Account: Account, At: e.due, Fingerprint: e.card,
	}
	if one.Authorize && e.outcome == payment.Approved {
		n.Authorized, n.CaptureBy = true, e.due.Add(reservedFor)
	}
	if !e.outcome.Ends() {
		n.About, n.Reason = "dispute_"+one.ref, order.DisputeNotReceived
	}
	if e.outcome == payment.Disputed {
		n.AnswerBy = e.due.Add(answerIn)
	}
	return n
}

func isDone(e *event) bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// random returns 128 bits as hexadecimal digits.
func random() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// short names a session in a log without being enough to open its page.
func short(ref string) string {
	return fmt.Sprintf("%.9s…", strings.TrimSpace(ref))
}
