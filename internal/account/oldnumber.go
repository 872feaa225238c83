package account

import (
	"encoding/base64"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// changeNumber is a number that an account no longer has. It keeps the number
// until the text to it has left; there is nothing to undo in it.
const changeNumber = "number"

// tellNumber tells the number of a factor that it gets no more codes. Whoever
// took it away may have used up the codes of account and number before, so the
// bounds here are others: those of the shop, and a few such texts an hour.
func (k *Keeper) tellNumber(t *store.Tx, a store.Account, f store.Factor, v Visitor) error {
	if f.Kind != store.SMSFactor || !f.On {
		return nil
	}
	number, err := contact.ParsePhone(string(f.Secret), "")
	if err != nil {
		return err
	}
	lim := k.cfg.Texts
	if lim.Off {
		return nil
	}
	b, err := t.TextBudget(a.ID, number, prefixOf(number))
	if err != nil {
		return err
	}
	if b.Shop >= lim.Shop || b.NumberD >= 3*lim.NumberD || b.Told >= lim.Number || !lim.Allowed(number) {
		return t.Event("text.withheld", a.ID, a.ID, "")
	}
	c := store.Change{ID: store.NewID(), Kind: changeNumber, State: store.ChangeUndone, Object: f.ID, New: changeNumber, Old: base64.RawURLEncoding.EncodeToString(f.Secret), EndsAt: t.Now().Add(day)}
	if err := t.NewChange(a, c); err != nil {
		return err
	}
	if err := t.TextTold(a.ID, c.ID, number, prefixOf(number)); err != nil {
		return err
	}
	return k.send(t, a, notice{kind: message.NumberGone, change: c.ID, agent: v.Agent})
}

// oldNumber is the number that a change was about.
func oldNumber(v *store.View, account, change string) (contact.Phone, error) {
	c, err := v.Change(account, change)
	if err != nil {
		return contact.Phone{}, err
	}
	was, err := base64.RawURLEncoding.DecodeString(c.Old)
	if err != nil {
		return contact.Phone{}, err
	}
	return contact.ParsePhone(string(was), "")
}
