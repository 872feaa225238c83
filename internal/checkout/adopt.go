package checkout

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Adopt takes over a cart that was filled on a page of another origin, and
// returns the token that opens it from now on. The old one is dead: whoever
// else knew it, such as the one who planted the cart there, can neither look at
// it nor order with what the shopper types next. A cart that holds somebody's
// details already is refused, because they may be somebody else's.
func (d *Desk) Adopt(ctx context.Context, id cart.ID, token string) (string, error) {
	fresh := newToken()
	err := d.inCart(ctx, id, token, func(t *store.Tx, row store.CartRow) error {
		if row.Typed || row.Checkout.Complete {
			return fault.New(fault.Invalid, "This cart holds somebody's details already, so it can't move to another browser. Please fill a new one.")
		}
		return t.Rekey(id, fresh)
	})
	if err != nil {
		return "", err
	}
	return fresh, nil
}

// passFor is how long a pass helps. The script asks for one when its button is
// pressed.
const passFor = 10 * time.Minute

// Pass computes what a page sends along that hides its origin: the end of the
// pass and a keyed hash over cart, token and end. It dies with the token, so it
// brings a cart over once. Only who holds the cart gets one.
func (d *Desk) Pass(ctx context.Context, id cart.ID, token string) (string, error) {
	err := d.db.View(ctx, func(v *store.View) error {
		_, err := v.Cart(id, token)
		return err
	})
	return d.pass(id, token, d.db.Now().Add(passFor)), err
}

func (d *Desk) pass(id cart.ID, token string, end time.Time) string {
	ms := end.UnixMilli()
	mac := d.db.Keys().Token.Sum("hand-over v1", []byte(id), []byte(token), binary.BigEndian.AppendUint64(nil, uint64(ms)))
	return strconv.FormatInt(ms, 10) + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// PassFits reports whether a pass was made for this cart and token and has not
// ended.
func (d *Desk) PassFits(id cart.ID, token, pass string) bool {
	at, _, _ := strings.Cut(pass, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	end := time.UnixMilli(ms)
	return err == nil && end.After(d.db.Now()) && subtle.ConstantTimeCompare([]byte(d.pass(id, token, end)), []byte(pass)) == 1
}
