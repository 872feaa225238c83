package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// resetTime is how long a proved mailbox may set a new password.
const resetTime = 15 * time.Minute

// AskReset mails a code that allows a new password. A code, and no link: it
// works only in the browser that asked, nothing that opens mail for somebody
// uses it up, and there is no address in it that a forged Host could turn.
func (k *Keeper) AskReset(ctx context.Context, email string, v Visitor) (ticket string, err error) {
	return k.ask(ctx, challenge.Reset, email, access.Standing{}, v)
}

// AnswerReset takes the code and returns what SetPassword wants.
func (k *Keeper) AnswerReset(ctx context.Context, ticket, typed string) (pass string, err error) {
	err = k.answer(ctx, challenge.Reset, ticket, typed, func(t *store.Tx, c store.Challenge) error {
		f, err := passwordOf(&t.View, c.Subject)
		if err != nil {
			return err
		}
		pass = k.resetPass(c.Subject, t.Now().Add(resetTime), f.Secret)
		return t.Event("reset.begun", c.Subject, c.Subject, "")
	})
	return pass, err
}

// resetPass is a keyed hash over account, end and the password as it is: it
// dies by being used.
func (k *Keeper) resetPass(account string, end time.Time, secret []byte) string {
	now := sha256.Sum256(secret)
	mac := k.db.Keys().Token.Sum("reset pass v1", []byte(account), binary.BigEndian.AppendUint64(nil, uint64(end.UnixMilli())), now[:])
	return account + "." + strconv.FormatInt(end.UnixMilli(), 10) + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// SetPassword gives an account a new password, to whoever proved its mailbox
// within resetTime. Every session ends and no browser is trusted any more. It
// signs nobody in: the second factor is asked as ever.
func (k *Keeper) SetPassword(ctx context.Context, pass, typed string, v Visitor) error {
	parts := strings.Split(pass, ".")
	if len(parts) != 3 {
		return errEnded
	}
	end, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || !time.UnixMilli(end).After(k.db.Now()) {
		return errEnded
	}
	a, err := k.Account(ctx, parts[0])
	if fault.Is(err, fault.NotFound) {
		return errEnded
	}
	if err != nil {
		return err
	}
	p, err := k.read("password", typed)
	if err != nil {
		return err
	}
	strong := false
	if err := k.db.View(ctx, func(view *store.View) error { strong, err = view.Strong(a.ID); return err }); err != nil {
		return err
	}
	if err := k.judge(ctx, p, !strong, k.shopName(ctx), a.Email.Reveal(), a.Name.Reveal()); err != nil {
		return err
	}
	secret, err := k.hash(ctx, p, true)
	if err != nil {
		return err
	}
	err = k.db.InTx(ctx, ledger.Customer(a.ID), func(t *store.Tx) error {
		a, err := t.Account(a.ID)
		if err != nil {
			return err
		}
		old, err := passwordOf(&t.View, a.ID)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(k.resetPass(a.ID, time.UnixMilli(end), old.Secret)), []byte(pass)) != 1 || a.State != store.AccountOpen || a.Staff() {
			return errEnded
		}
		if err := t.Mark(a.ID, t.Now(), store.ResetAt, store.ProvedAt); err != nil {
			return err
		}
		return k.replacePassword(t, a, old, secret, "", v)
	})
	if err == nil {
		k.wake()
	}
	return err
}

// replacePassword puts a new password in the place of the old one, ends every
// session but one, and tells the mailbox.
func (k *Keeper) replacePassword(t *store.Tx, a store.Account, old store.Factor, secret []byte, keep string, v Visitor) error {
	var err error
	if old.ID == "" {
		err = t.AddFactor(a, store.Factor{ID: store.NewID(), Kind: store.PasswordFactor, On: true, Secret: secret})
	} else {
		err = t.SetSecret(a, old.ID, secret, 0)
	}
	if err != nil {
		return err
	}
	// At the entrance tries count for the mailbox, within a session for the account.
	if err := errors.Join(t.ClearTries(a.Email.Key(), "password"), t.ClearTries(a.ID, "password"), t.ClearTries(a.ID, "mail")); err != nil {
		return err
	}
	if err := k.shake(t, a, keep); err != nil {
		return err
	}
	if err := t.Event("password.changed", a.ID, a.ID, ""); err != nil {
		return err
	}
	return k.notify(t, a, notice{kind: message.PasswordChanged, agent: v.Agent})
}

// shake ends what hung on the factors an account had until now: every session
// but one, every half session, and the trust in browsers.
func (k *Keeper) shake(t *store.Tx, a store.Account, keep string) error {
	if _, err := t.EndSessions(a.ID, keep); err != nil {
		return err
	}
	return t.Distrust(a)
}

// AskDevice mails a code that makes a browser known: the way through for those
// whose account strangers are trying to get into.
func (k *Keeper) AskDevice(ctx context.Context, email string) (ticket string, err error) {
	return k.ask(ctx, challenge.Device, email, access.Standing{}, Visitor{})
}

// AnswerDevice takes the code and returns what makes this browser known. It
// signs nobody in.
func (k *Keeper) AnswerDevice(ctx context.Context, ticket, typed string, v Visitor) (device string, err error) {
	device = v.Device
	if device == "" {
		device = token()
	}
	err = k.answer(ctx, challenge.Device, ticket, typed, func(t *store.Tx, c store.Challenge) error {
		a, err := t.Account(c.Subject)
		if err != nil {
			return err
		}
		if _, _, err = t.KeepDevice(a, device, v.Agent); err != nil {
			return err
		}
		return t.Event("device.known", a.ID, a.ID, "")
	})
	return device, err
}
