package account

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TextLimits bounds what texts to phones may cost. Zero values take the
// defaults; fraud that makes a shop send texts to numbers that earn money by
// it is OAT-003, Cost-Inflation Fraud.
type TextLimits struct {
	Off     bool                     // no texts at all: the method is not offered
	Allowed func(contact.Phone) bool // which numbers may get one; nil allows none
	Account int64                    // an hour to one account; default 5
	Number  int64                    // an hour to one number; default 3
	NumberD int64                    // a day to one number, over all accounts; default 10
	Prefix  int64                    // a day to numbers that begin alike; default 50
	Shop    int64                    // a day in all; default 500
}

func (l TextLimits) orDefault() TextLimits {
	for _, d := range []struct {
		v *int64
		n int64
	}{{&l.Account, 5}, {&l.Number, 3}, {&l.NumberD, 10}, {&l.Prefix, 50}, {&l.Shop, 500}} {
		if *d.v <= 0 {
			*d.v = d.n
		}
	}
	if l.Allowed == nil {
		l.Off = true
	}
	return l
}

// The breaker: when fewer of the day's texts than this part were typed back, no
// new number gets one, because most of them go to people who did not ask.
const (
	breakAfter  = 20 // texts
	breakVerify = 30 // per cent
)

// spacing is how long to wait before the next text, by how many the last hour
// had.
func spacing(sent int64) time.Duration {
	switch {
	case sent == 0:
		return 0
	case sent == 1:
		return 30 * time.Second
	case sent == 2:
		return time.Minute
	}
	return 2 * time.Minute
}

// prefixDigits is how many characters of a number make its range: the plus, the
// country and the carrier, roughly.
const prefixDigits = 7

func prefixOf(p contact.Phone) string { return p.Reveal()[:min(prefixDigits, len(p.Reveal()))] }

// TextsOn reports whether codes by text are offered at all.
func (k *Keeper) TextsOn() bool { return !k.cfg.Texts.Off }

// SendText sends the code of a second factor to the proved number of a
// session's account. The session has at least the password behind it. A wait
// that is too short is said; once a budget is used up the answer is the same as
// ever and nothing is sent.
func (k *Keeper) SendText(ctx context.Context, cookie string) error {
	s, tok, err := k.session(ctx, cookie)
	if err != nil {
		return err
	}
	return k.text(ctx, s, tok, challenge.Second, s.ID, message.SecondCode, func(t *store.Tx) (contact.Phone, error) {
		return phoneOf(&t.View, s.Owner)
	})
}

// BeginPhone takes a number that is to get codes from now on, and sends it
// one. It works once that is typed back.
func (k *Keeper) BeginPhone(ctx context.Context, st access.Standing, cookie, typed, country string) error {
	if st.Role != "" {
		return errNoMethod
	}
	number, err := contact.ParsePhone(typed, country)
	if err != nil {
		return err
	}
	if k.cfg.Texts.Off || !k.cfg.Texts.Allowed(number) {
		return fault.Field("phone", "We can't send texts to this number. Please use a mobile number of a country we deliver to, or an authenticator app.")
	}
	s, tok, err := k.session(ctx, cookie)
	if err != nil {
		return err
	}
	f := store.Factor{ID: store.NewID(), Kind: store.SMSFactor, Secret: []byte(number.Reveal()), Label: "Text to your phone"}
	err = k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if err := t.RemoveUntried(a.ID, store.SMSFactor); err != nil {
			return err
		}
		return t.AddFactor(a, f)
	})
	if err != nil {
		return err
	}
	return k.text(ctx, s, tok, challenge.Number, f.ID, message.NumberCode, func(*store.Tx) (contact.Phone, error) { return number, nil })
}

// ConfirmPhone makes a number work, once the code of the text to it is typed.
// The mailbox and the number before it are told.
func (k *Keeper) ConfirmPhone(ctx context.Context, st access.Standing, cookie, typed string, v Visitor) error {
	s, tok, err := k.session(ctx, cookie)
	if err != nil {
		return err
	}
	f, err := k.untried(ctx, st.Account, store.SMSFactor)
	if err != nil {
		return err
	}
	id, right, err := k.answerText(ctx, challenge.Number, s, tok, f.ID, typed)
	if err != nil {
		return err
	}
	if !right {
		return errCode
	}
	return k.act(ctx, st, func(t *store.Tx, a store.Account) error {
		if err := t.TextVerified(a.ID, id); err != nil {
			return err
		}
		old, err := phoneOf(&t.View, a.ID)
		if err != nil {
			return err
		}
		if !old.IsZero() {
			if err := t.Mark(a.ID, t.Now().Add(day), store.CarefulUntil); err != nil {
				return err
			}
		}
		return k.switchOn(t, a, f, 0, 0, st, v)
	})
}

// text sends a code, if every budget allows it.
func (k *Keeper) text(ctx context.Context, s store.Signed, tok string, p challenge.Purpose, object string, kind message.NoticeKind, to func(*store.Tx) (contact.Phone, error)) error {
	lim := k.cfg.Texts
	err := k.db.InTx(ctx, ledger.Customer(s.Owner), func(t *store.Tx) error {
		a, _, err := again(t, s, tok)
		if err != nil {
			return err
		}
		number, err := to(t)
		if err != nil {
			return err
		}
		if number.IsZero() || lim.Off {
			return errNoMethod
		}
		b, err := t.TextBudget(a.ID, number, prefixOf(number))
		if err != nil {
			return err
		}
		if wait := spacing(b.Account) - t.Now().Sub(b.Last); b.Account > 0 && wait > 0 {
			return fault.Limited("We have just sent you a code. Please wait a moment before you ask for another one.", wait)
		}
		c := store.Challenge{ID: store.NewID(), Purpose: p, Subject: a.ID, Object: object}
		why := shut(b, lim, p)
		if why != "" || over(b, lim, p) || !lim.Allowed(number) {
			// Nothing is sent, and whoever tries numbers for money is not told.
			if err := t.Event("text.withheld", a.ID, a.ID, store.How(why)); err != nil || why == "" {
				return err
			}
			return k.alarmTexts(t, why)
		}
		if err := t.NewChallenge(c, tok); err != nil {
			return err
		}
		if err := t.TextSent(a.ID, c.ID, number, prefixOf(number)); err != nil {
			return err
		}
		return k.send(t, a, notice{kind: kind, object: c.ID, text: true})
	})
	if err == nil {
		k.wake()
	}
	return err
}

// send is notify for a text to a number that may not be proved yet, or no longer.
func (k *Keeper) send(t *store.Tx, a store.Account, n notice) error {
	l := store.AccountLetter{Owner: a.ID, ID: store.NewID(), Channel: string(message.SMS), Kind: string(n.kind), Object: n.object, ToChange: n.change, Agent: n.agent}
	if err := t.NewLetter(a, l); err != nil {
		return err
	}
	return t.Enqueue(JobNotice, a.ID, l.ID, t.Now())
}

// over reports whether a budget of an account or a number is used up. What
// anybody with an account can use up, by naming numbers that are not theirs,
// holds up the proving of numbers alone. So nobody keeps the code of a second
// factor from others.
func over(b store.TextBudget, lim TextLimits, p challenge.Purpose) bool {
	if b.Account >= lim.Account || b.Own >= lim.Number || b.OwnD >= lim.NumberD || b.NumberD >= 3*lim.NumberD {
		return true
	}
	return p == challenge.Number && (b.Number >= lim.Number || b.NumberD >= lim.NumberD)
}
