package checkout

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// OrderToken computes the token that opens an order: a keyed hash of its id,
// so that it can be shown again without being stored.
func (d *Desk) OrderToken(id order.ID) string {
	mac := d.db.Keys().Token.Sum("order token v1", []byte(id))
	return base64.RawURLEncoding.EncodeToString(mac[:])
}

// OrderLink is the mailed link to an order. A mailbox keeps letters for years
// and may be read by others one day, so what it carries ends after
// message.LinkDays; a code that is mailed anew opens the order then (AskCode).
func (d *Desk) OrderLink(o order.Order) string {
	return d.origin + "/orders/" + string(o.Number) + "?token=" + d.linkToken(o.ID, d.db.Now().AddDate(0, 0, message.LinkDays))
}

// OpenLink returns the token of an order to whoever has its mailed link, or
// has that token already, as a shop's own front end does. An unknown number, a
// wrong token and a link that has ended answer alike.
func (d *Desk) OpenLink(ctx context.Context, number order.Number, mailed string) (token string, err error) {
	err = d.db.View(ctx, func(v *store.View) error {
		o, err := v.OrderByNumber(number)
		if err != nil {
			return err
		}
		token = d.OrderToken(o.ID)
		if !d.holds(mailed, o.ID, d.linkToken) && subtle.ConstantTimeCompare([]byte(token), []byte(mailed)) != 1 {
			return errNoOrder
		}
		return nil
	})
	return token, err
}

// linkToken is what a mailed link carries.
func (d *Desk) linkToken(id order.ID, end time.Time) string {
	return d.ending("order link v1", id, end)
}

// seenToken is what a browser shows that proved the mailbox of an order.
func (d *Desk) seenToken(id order.ID, end time.Time) string {
	return d.ending("order seen v1", id, end)
}

// ending computes a token about an order that ends by itself: its end, in Unix
// milliseconds, and a keyed hash over both. purpose keeps one kind from passing
// for another.
func (d *Desk) ending(purpose string, id order.ID, end time.Time) string {
	mac := d.db.Keys().Token.Sum(purpose, []byte(id), binary.BigEndian.AppendUint64(nil, uint64(end.UnixMilli())))
	return strconv.FormatInt(end.UnixMilli(), 10) + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// holds reports whether token is of this kind, about this order, and has not
// ended.
func (d *Desk) holds(token string, id order.ID, kind func(order.ID, time.Time) string) bool {
	at, _, _ := strings.Cut(token, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return false
	}
	end := time.UnixMilli(ms)
	return end.After(d.db.Now()) && subtle.ConstantTimeCompare([]byte(kind(id, end)), []byte(token)) == 1
}
