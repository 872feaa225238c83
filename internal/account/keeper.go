// Package account lets people in: shoppers who want an account, and the staff
// of the shop.
//
// It knows how somebody proves who they are, which rung of the ladder
// (package access) that gives, how long it lasts, and how a lost proof is
// replaced without becoming the weakest way in. It does not know pages or
// cookies' names (web/storefront, web/admin), how often one may try
// (web/gate), what a password may be (password), or SQL (store).
//
//	Register ─▶ code from the mailbox ─▶ account
//	SignIn   ─▶ one factor ─▶ [half a session ─▶ Prove] ─▶ session
//	Prove    ─▶ in a session: fresh again (step-up)
//
// A half session stands on the lowest rung: it remembers that the first of two
// factors was proved, and opens nothing. Every rise is a new session with a new
// token. Every answer to a stranger is the same whether there is an account or
// not; the truth goes to the mailbox.
//
// Start reading at signin.go, then prove.go.
package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/password"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Config is what a Keeper needs.
type Config struct {
	Store    *store.DB        // needed
	Hasher   *password.Hasher // needed
	Breached func(context.Context, password.Password) (bool, error)
	Passkeys *passkey.Party // needed
	Origin   string         // the shop's public origin, "https://shop.example"; needed
	Console  string         // the origin of the staff console; "" where it is the shop's
	Writer   func() (*message.Writer, error)
	// Deliver hands a message about an account over, to be sent or kept. Nil
	// leaves messages waiting.
	Deliver func(ctx context.Context, owner, about string, m message.Message) error
	Texts   TextLimits // what texts to phones may cost
	Wake    func()     // tells the job runner that there is work; may be nil
	Log     *slog.Logger
}

// Keeper keeps the accounts. Its methods may be called from many goroutines.
type Keeper struct {
	cfg  Config
	db   *store.DB
	wake func()
	log  *slog.Logger
}

// New makes a Keeper.
func New(c Config) (*Keeper, error) {
	if c.Store == nil || c.Hasher == nil || c.Passkeys == nil || c.Origin == "" {
		return nil, errors.New("account: a keeper needs a store, a hasher, passkeys and the shop's origin")
	}
	c.Origin = strings.TrimSuffix(c.Origin, "/")
	if c.Console == "" {
		c.Console = c.Origin
	}
	k := &Keeper{cfg: c, db: c.Store, wake: c.Wake, log: c.Log}
	if k.wake == nil {
		k.wake = func() {}
	}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	k.cfg.Texts = c.Texts.orDefault()
	return k, nil
}

// How long sessions last. The numbers are those of NIST SP 800-63B-4 (2.1.3,
// 2.2.3), stricter where a shop can be.
const (
	shopperLife = 30 * 24 * time.Hour
	shopperIdle = 14 * 24 * time.Hour
	strongLife  = 24 * time.Hour // then the rung of a shopper falls back to Password
	strongIdle  = time.Hour
	staffLife   = 12 * time.Hour
	staffIdle   = 15 * time.Minute
	halfLife    = 10 * time.Minute // of a half session

	touchEvery = time.Minute // how exactly the last use is known
)

// TrustFor is how long a browser can be spared the second factor at sign-in.
const TrustFor = 30 * 24 * time.Hour

// Visitor is who asks, as the browser shows itself.
type Visitor struct {
	Cookie string // of the session; "" for none
	Device string // of the known device; "" for none
	Agent  string // browser and system in our own words: "Firefox on Linux"
}

// Entry is what a proof has opened.
type Entry struct {
	Account string
	Cookie  string        // to be set: the new session
	Keep    time.Duration // how long the browser keeps it; 0 until it is closed
	Device  string        // to be set for a year: what makes this browser known; "" leaves it
	Half    bool          // a second factor is still to be proved
	First   bool          // the account was made just now
}

// token draws 256 random bits.
func token() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// split reads "ID.TOKEN", the form of every cookie and ticket of ours.
func split(cookie string) (id, token string, ok bool) {
	id, token, ok = strings.Cut(cookie, ".")
	return id, token, ok && len(id) == 36 && len(token) == 43
}

// errWrong is the one answer to a sign-in that fails, whatever was wrong.
var errWrong = fault.Field("password", "That e-mail and password don't fit together.")

// enter begins a session of an account, in place of the one the visitor has.
// level Guest begins half a one; fresh says of that that a passkey began it.
func (k *Keeper) enter(t *store.Tx, a store.Account, level access.Level, fresh bool, v Visitor) (Entry, error) {
	if a.State != store.AccountOpen {
		return Entry{}, errWrong
	}
	now, tok := t.Now(), token()
	e := Entry{Account: a.ID, Cookie: a.ID + "." + tok, Half: level == access.Guest}
	s := store.Session{Owner: a.ID, Name: store.NewID(), Level: level, MadeAt: now, SeenAt: now, EndsAt: now.Add(halfLife), Agent: v.Agent}
	if old, oldToken, ok := split(v.Cookie); ok {
		if _, err := t.EndSession(old, store.SessionID(oldToken)); err != nil {
			return Entry{}, err
		}
	}
	if fresh {
		s.FreshAt = now
	}
	if !e.Half {
		s.EndsAt, e.Keep = now.Add(shopperLife), shopperLife
		if a.Staff() {
			s.EndsAt, e.Keep = now.Add(staffLife), 0
		}
		if level == access.TwoFactors {
			s.StrongAt = now
		}
		if err := k.meet(t, a, v, &s, &e); err != nil {
			return Entry{}, err
		}
		if err := t.Mark(a.ID, now, store.SeenAt); err != nil {
			return Entry{}, err
		}
	}
	return e, t.NewSession(a, s, tok)
}

// meet remembers the browser of a session. One that is new to an account that
// has others is told to its mailbox.
func (k *Keeper) meet(t *store.Tx, a store.Account, v Visitor, s *store.Session, e *Entry) error {
	known, err := t.Devices(a.ID)
	if err != nil {
		return err
	}
	e.Device = v.Device
	if e.Device == "" {
		e.Device = token()
	}
	id, fresh, err := t.KeepDevice(a, e.Device, v.Agent)
	if err != nil {
		return err
	}
	s.Device = id
	if fresh && len(known) > 0 {
		return k.notify(t, a, notice{kind: message.NewDevice, agent: v.Agent})
	}
	return nil
}

// actor is who acts in an account's own name.
func actor(a store.Account) ledger.Actor {
	if a.Staff() {
		return ledger.Staff(a.ID)
	}
	return ledger.Customer(a.ID)
}
