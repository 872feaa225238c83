package checkout

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// AskWish keeps an address that wants to hear when a variant is there again,
// and returns what takes this very wish back. It answers alike whether the
// address waits already. Nothing is mailed: a stranger's address could be
// written to that way, time and again. For the same reason what can be bought
// is refused.
func (d *Desk) AskWish(ctx context.Context, variant catalog.VariantID, email string) (WishToken, error) {
	to, err := contact.ParseEmail(email)
	if err != nil {
		return WishToken{}, err
	}
	err = d.db.View(ctx, func(v *store.View) error {
		if _, err := v.ProductOf(variant); err != nil {
			return err
		}
		stock, err := v.StockOf(variant)
		if err == nil && stock.Has(1) {
			err = errThere
		}
		return err
	})
	if err != nil {
		return WishToken{}, err
	}
	owner := store.NewID()
	err = d.db.InTx(ctx, ledger.Guest(owner), func(t *store.Tx) error { return t.NewWish(owner, variant, to) })
	return d.wishToken(owner, variant), err
}

// WishToken takes one wish back. Its MAC is computed and stored nowhere; only
// the browser that asked has it. What a browser shows of its wishes comes from
// the token alone, so it does not tell whether an address waited already.
type WishToken struct {
	Owner   string
	Variant catalog.VariantID
	MAC     string
}

func (d *Desk) wishToken(owner string, variant catalog.VariantID) WishToken {
	mac := d.db.Keys().Token.Sum("wish v1", []byte(owner), []byte(variant))
	return WishToken{owner, variant, base64.RawURLEncoding.EncodeToString(mac[:])}
}

// OwnWish reports whether a token was made by this shop.
func (d *Desk) OwnWish(w WishToken) bool {
	mac, err := base64.RawURLEncoding.DecodeString(w.MAC)
	return err == nil && d.db.Keys().Token.Matches(mac, "wish v1", []byte(w.Owner), []byte(w.Variant))
}

var errNoWish = fault.Missing("We do not know that wish.")

// TakeBackWish ends the wish of a token and destroys its key. A wish that is
// gone, or never was kept, answers alike.
func (d *Desk) TakeBackWish(ctx context.Context, w WishToken) error {
	if !d.OwnWish(w) {
		return errNoWish
	}
	return d.db.InTx(ctx, ledger.Guest(w.Owner), func(t *store.Tx) error { return t.TakeBackWish(w.Owner) })
}

var errThere = fault.Field("variant_id", "It is there: you can buy it now.")

// wishesAtOnce bounds the letters of one pass, the oldest wish first: a hundred
// people need not hear at once of three things.
const wishesAtOnce = 20

// errHeldBack means that a mailbox has had enough letters for now, since somebody has
// wished for everything with this address, or asked for much else. The wish waits.
var errHeldBack = errors.New("checkout: the mailbox has had enough letters for now")

// SendWishes writes to those whose thing is there again, and forgets each
// address in the same breath. A letter that can't be handed over is tried
// again with the next pass.
func (d *Desk) SendWishes(ctx context.Context) (int, error) {
	if !d.mails() {
		return 0, nil // nothing can be sent: the wishes wait, until their date
	}
	var due []store.Wish
	err := d.db.View(ctx, func(v *store.View) (err error) {
		due, err = v.DueWishes(wishesAtOnce)
		return err
	})
	sent := 0
	for _, n := range due {
		one := d.sendWish(ctx, n.Owner) // one that fails holds up nobody else
		switch {
		case errors.Is(one, errHeldBack):
			continue
		case one == nil:
			sent++
		}
		err = errors.Join(err, one)
		if away(one) {
			break // whoever is next would wait for the same sender
		}
	}
	return sent, err
}

func (d *Desk) sendWish(ctx context.Context, owner string) error {
	var n store.Wish
	var p catalog.Product
	err := d.db.View(ctx, func(v *store.View) (err error) {
		if n, err = v.Wish(owner); err != nil || n.Email.IsZero() {
			return err
		}
		p, err = v.ProductOf(n.Variant)
		return err
	})
	if err != nil {
		return err
	}
	if n.Email.IsZero() {
		return nil // taken back, sent with another, or past its end: that is for retention
	}
	w, err := d.writer()
	if err != nil {
		return err
	}
	m, err := w.BackInStock(owner, message.BackInStock{To: n.Email, Title: p.Title, Link: d.origin + "/products/" + p.Handle})
	if err != nil {
		return err
	}
	may := false
	err = d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		if may, err = t.MayWrite(n.Email, owner); err == nil && !may {
			err = t.HoldBackWish(owner)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !may {
		return errHeldBack
	}
	err = d.deliver(ctx, owner, order.ID(owner), m)
	if message.Lasting(err) {
		// The mailbox is refused for good; kept on, twenty such would hold up everybody.
		return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.EndRefusedWish(owner) })
	}
	if err != nil {
		return err
	}
	return d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { return t.EndSentWish(owner) })
}

// away reports that a sender was not reached at all, whatever it was to send.
func away(err error) bool {
	f, ok := errors.AsType[*message.Failure](err)
	return ok && (f.Why == message.Unreachable || f.Why == message.Slow || f.Why == message.Unsafe)
}
