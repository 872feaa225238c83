package checkout

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/store"
)

// JobDigital hands out what a paid order has that is not sent by post.
const JobDigital = "digital.give"

// What a download allows.
const (
	DownloadTimes = 5
	DownloadFor   = 30 * 24 * time.Hour
)

var errNoKeys = fault.New(fault.Unavailable, "No licence keys are left.")

// giveDigital lets a paid order load its files and gives it a licence key for
// each unit. What is missing is given when the job runs again.
func (d *Desk) giveDigital(ctx context.Context, j store.Job) error {
	var o order.Order
	err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) (err error) {
		if o, err = t.Order(j.Owner, order.ID(j.Ref)); err != nil || !handsOut(o) {
			return err
		}
		return t.Grant(o, DownloadTimes, t.Now().Add(DownloadFor).UnixMilli())
	})
	if err != nil || !handsOut(o) {
		return err
	}
	missing := int64(0)
	for _, l := range o.Lines {
		err := d.db.InTx(ctx, ledger.System("checkout"), func(t *store.Tx) error { // the pool has no owner
			n, err := t.GiveLicences(o.ID, l.Variant, l.Quantity)
			missing += n
			return err
		})
		if err != nil {
			return err
		}
	}
	if missing > 0 {
		return errNoKeys
	}
	return nil
}

// KeysCame gives the orders that wait for a variant's licence keys theirs now,
// instead of when each tries again by itself.
func (d *Desk) KeysCame(ctx context.Context, actor ledger.Actor, variant catalog.VariantID) error {
	err := d.db.InTx(ctx, actor, func(t *store.Tx) error { return t.HurryLicences(JobDigital, variant) })
	if err == nil {
		d.wake()
	}
	return err
}

// handsOut reports whether an order is paid and was not given back.
func handsOut(o order.Order) bool {
	switch o.Status {
	case order.Pending, order.Cancelled, order.Refunded:
		return false
	}
	return true
}

// Digital is what an order has that is not sent by post.
type Digital struct {
	Downloads []store.Download
	Keys      []store.LicenceKey
	Waiting   bool // something is still to be handed out
}

// Digital returns it for an order that was opened by its token. An order that
// was given back has none.
func (d *Desk) Digital(ctx context.Context, o order.Order) (out Digital, err error) {
	if !handsOut(o) {
		return out, nil
	}
	err = d.db.View(ctx, func(v *store.View) (err error) {
		if out.Waiting, err = v.HasJob(o.Owner, JobDigital, string(o.ID)); err != nil {
			return err
		}
		if out.Downloads, err = v.Downloads(o.Owner, o.ID); err != nil {
			return err
		}
		out.Keys, err = v.LicencesOf(o.ID)
		return err
	})
	return out, err
}

// DownloadToken opens one file of one order and nothing else. It is computed
// and kept nowhere.
func (d *Desk) DownloadToken(o order.Order, file string) string {
	mac := d.db.Keys().Token.Sum("download token v1", []byte(o.ID), []byte(file))
	return string(o.Number) + "." + file + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

var errNoDownload = fault.Missing("There is no such download.")

// Download finds what a token opens. Unknown, another's and given back are one
// answer.
func (d *Desk) Download(ctx context.Context, token string) (order.Order, store.Download, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > 200 {
		return order.Order{}, store.Download{}, errNoDownload
	}
	number, err := order.ParseNumber(parts[0])
	if err != nil {
		return order.Order{}, store.Download{}, errNoDownload
	}
	var o order.Order
	var all []store.Download
	err = d.db.View(ctx, func(v *store.View) (err error) {
		if o, err = v.OrderByNumber(number); err != nil {
			return err
		}
		all, err = v.Downloads(o.Owner, o.ID)
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return order.Order{}, store.Download{}, err
	}
	if err == nil && handsOut(o) && subtle.ConstantTimeCompare([]byte(d.DownloadToken(o, parts[1])), []byte(token)) == 1 {
		for _, f := range all {
			if f.ID == parts[1] {
				return o, f, nil
			}
		}
	}
	return order.Order{}, store.Download{}, errNoDownload
}

// BeginDownload counts a download of what a token opens, unless one began
// within the hour.
func (d *Desk) BeginDownload(ctx context.Context, o order.Order, f store.Download) error {
	return d.db.InTx(ctx, ledger.Guest(o.Owner), func(t *store.Tx) error { return t.Begin(o.Owner, o.ID, f.ID) })
}

// WriteDownload writes a file from a byte on.
func (d *Desk) WriteDownload(ctx context.Context, f store.Download, from int64, out io.Writer) error {
	if err := d.db.ReadFile(ctx, f.File, from, out); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	return nil
}
