package account

import (
	"context"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/password"
)

// read reads a typed password for a field.
func (k *Keeper) read(field, typed string) (password.Password, error) {
	return password.Parse(field, typed)
}

// judge holds a new password to the rules. alone says that nothing else is
// asked at sign-in; words are what strangers would try first. Where a list of
// breached passwords is set up it is asked too; one that does not answer is no
// reason to refuse.
func (k *Keeper) judge(ctx context.Context, p password.Password, alone bool, words ...string) error {
	if err := password.Check("password", p, password.Context{Alone: alone, Words: words}); err != nil {
		return err
	}
	if k.cfg.Breached == nil {
		return nil
	}
	breached, err := k.cfg.Breached(ctx, p)
	if err != nil {
		k.log.WarnContext(ctx, "list of breached passwords did not answer", "error", err)
		return nil
	}
	if breached {
		return fault.Field("password", "This password was stolen somewhere else and is on the lists that thieves try. Please choose another one.")
	}
	return nil
}

func priority(known bool) password.Priority {
	if known {
		return password.Known
	}
	return password.Stranger
}

// hash makes what is kept of a password.
func (k *Keeper) hash(ctx context.Context, p password.Password, known bool) ([]byte, error) {
	s, err := k.cfg.Hasher.Hash(ctx, priority(known), p)
	return []byte(s), err
}

// verify compares a password with what is kept. Without anything kept it takes
// as long and says no.
func (k *Keeper) verify(ctx context.Context, kept []byte, p password.Password, known bool) (right, old bool, err error) {
	if kept == nil {
		return false, false, k.cfg.Hasher.VerifyNobody(ctx, priority(known), p)
	}
	return k.cfg.Hasher.Verify(ctx, priority(known), string(kept), p)
}

// Advice is what is to be said of a password while somebody chooses it.
func (k *Keeper) Advice(ctx context.Context, typed string, words ...string) string {
	p, err := k.read("password", typed)
	if err != nil {
		return fault.Of(err).Problems[0].Detail
	}
	return password.Meter(p, password.Context{Alone: true, Words: append(words, k.shopName(ctx))}).Text
}

// MailboxKey is the form of a typed address by which tries are counted: the
// same for every way to type it. What is no address counts as itself.
func MailboxKey(typed string) string {
	if e, err := contact.ParseEmail(typed); err == nil {
		return e.Key()
	}
	return typed[:min(len(typed), 254)]
}
