package gate

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
)

// The work is a sum in the format of ALTCHA, version 1 (altcha.org/docs): find
// the number for which SHA-256 of salt and number is the challenge. It is
// signed, ends, names its act in the salt, and counts once. The salt ends with
// an ampersand, so that no digit can be moved between it and the number.
//
// Whoever can't do sums waits instead: the ticket of the form gets good after a
// minute. It is bound to the network it was given to, and a network has few.
const (
	workMax   = 100_000 // a browser finds a number half as large, on average, in about a second
	workLife  = 15 * time.Minute
	workBytes = 1 << 10
	usedMax   = 1 << 16 // bounds the memory of what was used

	// TicketWait is how long a form rests that is sent without work.
	TicketWait = time.Minute
)

// Work is what a form shows under attack. The zero one is a form of every day.
type Work struct {
	Algorithm, Challenge, Salt, Signature string
	Max                                   int
	Ticket                                string
	Wait                                  time.Duration
}

// ErrWork asks for work, or to wait with the form's ticket. It is drawn with
// the form, which keeps what was typed but secrets.
var ErrWork = fault.Limited("Many wrong tries are made here at the moment. Please send this again: your browser does a short sum first, or you wait for one minute.", TicketWait)

// Work returns what the form of an act needs now, and false in quiet times.
func (g *Gate) Work(r *http.Request, act abuse.Act) (Work, bool) {
	if !act.Rule().Work || !g.UnderAttack() {
		return Work{}, false
	}
	return g.NewWork(r, act), true
}

// NewWork returns what a form needs whose act was refused for want of work.
func (g *Gate) NewWork(r *http.Request, act abuse.Act) Work {
	now := g.cfg.Now()
	var salt [12]byte
	var number [8]byte
	rand.Read(salt[:]) // never fails
	rand.Read(number[:])
	w := Work{Algorithm: "SHA-256", Max: workMax, Wait: TicketWait,
		Salt: hex.EncodeToString(salt[:]) + "?" + url.Values{"expires": {strconv.FormatInt(now.Add(workLife).Unix(), 10)}, "act": {act.String()}}.Encode() + "&"}
	w.Challenge = sum(w.Salt, int64(binary.BigEndian.Uint64(number[:])%(workMax+1)))
	w.Signature = hex.EncodeToString(g.works.mac("work", w.Challenge))
	w.Ticket = g.ticket(r, act, now)
	return w
}

func sum(salt string, number int64) string {
	s := sha256.Sum256(strconv.AppendInt([]byte(salt), number, 10))
	return hex.EncodeToString(s[:])
}

// proof is how somebody has shown that they are not many.
type proof int

const (
	byWork proof = iota + 1
	byWaiting
)

// introduce tells a request's caller what only the gate knows. Both are asked for
// when friction stands before an act, and not before.
func (g *Gate) introduce(c *abuse.Caller, r *http.Request) {
	c.Account = func() string {
		st, err := g.Standing(r)
		if err != nil || st.Role != "" || st.Level < access.Password {
			return ""
		}
		return st.Account
	}
	c.Work = func(act abuse.Act) error {
		a := Attempt{Act: act, Work: r.Header.Get(WorkHeader), Ticket: r.Header.Get(TicketHeader)}
		if a.Work == "" && a.Ticket == "" {
			form, err := Form(r)
			if err != nil {
				return ErrWork // a call of the API, whose body is no form
			}
			a.Work, a.Ticket = form.Get(FieldWork), form.Get(FieldTicket)
		}
		_, err := g.shown(r, a)
		return err
	}
}

// Where a request shows its work, or that it has waited: a form in two fields,
// a call of the API in two headers.
const (
	FieldWork    = "work"
	FieldTicket  = "ticket"
	WorkHeader   = "Work"
	TicketHeader = "Work-Ticket"
)

// Worked asks for work under attack where nothing is proved yet, such as where a
// code is mailed to whoever is named.
func (g *Gate) Worked(r *http.Request, a Attempt) error {
	if !a.Act.Rule().Work || !g.UnderAttack() {
		return nil
	}
	_, err := g.shown(r, a)
	if err != nil {
		g.noted(true)
	}
	return err
}

// shown takes the work of an attempt, or its ticket.
func (g *Gate) shown(r *http.Request, a Attempt) (proof, error) {
	now := g.cfg.Now()
	if id, ok := g.works.solved(a.Work, a.Act.String(), now); ok && g.works.once(id, now) {
		return byWork, nil
	}
	if !g.goodTicket(r, a, now) {
		return 0, ErrWork
	}
	if err := g.Allow(r, abuse.Waits); err != nil {
		return 0, err
	}
	if !g.works.once(a.Ticket, now) {
		return 0, ErrWork
	}
	return byWaiting, nil
}

// ticket is "WHEN.RANDOM.MAC": good from when on, for an act and a network.
func (g *Gate) ticket(r *http.Request, act abuse.Act, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.Add(TicketWait).Unix()))
	rand.Read(b[8:])
	head := base64.RawURLEncoding.EncodeToString(b[:])
	return head + "." + g.ticketMAC(r, act, head)
}

func (g *Gate) ticketMAC(r *http.Request, act abuse.Act, head string) string {
	network := ""
	if v := visitOf(r); v != nil {
		network = neighbours(v.client).String()
	}
	return base64.RawURLEncoding.EncodeToString(g.works.mac("ticket", act.String(), network, head))
}

func (g *Gate) goodTicket(r *http.Request, a Attempt, now time.Time) bool {
	head, mac, ok := strings.Cut(a.Ticket, ".")
	if !ok || len(head) != 22 || len(mac) != 43 || subtle.ConstantTimeCompare([]byte(mac), []byte(g.ticketMAC(r, a.Act, head))) != 1 {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || len(b) != 16 {
		return false
	}
	from := time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	return !now.Before(from) && now.Before(from.Add(workLife))
}

// works signs sums and remembers which were used. The key lives in memory: after
// a restart a form is drawn anew.
type works struct {
	key atomic.Pointer[[32]byte]

	mu       sync.Mutex
	turn     time.Time // when old goes and now gets old
	now, old map[[16]byte]struct{}
}

func newWorks() *works {
	w := &works{now: map[[16]byte]struct{}{}}
	w.rekey()
	return w
}

func (w *works) rekey() {
	var key [32]byte
	rand.Read(key[:]) // never fails
	w.key.Store(&key)
}

func (w *works) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, w.key.Load()[:])
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// solved reads what a form carries: base64 of the JSON that ALTCHA's widget
// sends. id names the sum, however it is written.
func (w *works) solved(text, act string, now time.Time) (id string, ok bool) {
	if text == "" || len(text) > workBytes {
		return "", false
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	var s struct {
		Algorithm, Challenge, Salt, Signature string
		Number                                int64
	}
	if json.Unmarshal(raw, &s) != nil || s.Algorithm != "SHA-256" || s.Number < 0 || s.Number > workMax || !strings.HasSuffix(s.Salt, "&") {
		return "", false
	}
	signature, err := hex.DecodeString(s.Signature)
	if err != nil || s.Challenge != sum(s.Salt, s.Number) || !hmac.Equal(signature, w.mac("work", s.Challenge)) {
		return "", false
	}
	// The salt is ours from here on.
	_, query, _ := strings.Cut(strings.TrimSuffix(s.Salt, "&"), "?")
	said, err := url.ParseQuery(query)
	if err != nil || said.Get("act") != act {
		return "", false
	}
	expires, err := strconv.ParseInt(said.Get("expires"), 10, 64)
	return s.Challenge, err == nil && now.Unix() < expires
}

// once reports whether this was not used before.
func (w *works) once(id string, now time.Time) bool {
	key := [16]byte(w.mac("used", id))
	w.mu.Lock()
	defer w.mu.Unlock()
	// What was used is remembered for as long as it could be used again. A clock
	// that was put back makes that longer.
	if !now.Before(w.turn) {
		w.old, w.now, w.turn = w.now, map[[16]byte]struct{}{}, now.Add(workLife+TicketWait)
	}
	_, soon := w.now[key]
	_, before := w.old[key]
	if soon || before {
		return false
	}
	w.now[key] = struct{}{}
	if len(w.now) >= usedMax {
		// Too many to remember. Forgetting would let them be used again, and
		// refusing would close the door to everybody: all forms are drawn anew.
		w.old, w.now = nil, map[[16]byte]struct{}{}
		w.rekey()
	}
	return true
}
