package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/picture"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Bounds of bringing in pictures. What is left over then is fetched by the next
// import.
const (
	picturesTime  = 30 * time.Minute
	picturesBytes = 4 << 30
	picturesPage  = 200 // asked of the store at once
	pictureHands  = 4   // fetching at the same time; one draws
)

// Pictures brings the pictures of products and collections into the shop.
type Pictures struct {
	Store   *store.DB
	Actor   ledger.Actor
	Shelves bool // those of collections alone
	// Fetch returns the bytes at an address, and Print draws them anew. Each
	// says with a fault why it can't.
	Fetch func(ctx context.Context, source string) ([]byte, error)
	Print func(ctx context.Context, file []byte) (picture.Set, error)
	// Missing is told of each picture that stays away, one at a time.
	Missing func(m store.MissingPicture, reason string)
}

// PictureReport is what became of pictures.
type PictureReport struct {
	Kept    int // fetched and kept
	Missing int // not to be had; tried again by the next import
	Left    int // not tried: the time or the bytes of one import were used up
}

// pictureRun is one run of Bring.
type pictureRun struct {
	Pictures
	mu     sync.Mutex
	report PictureReport
	bytes  int64
	broken error // of the store: ends the run
}

// Bring fetches every picture that the shop does not have yet. A picture that
// can't be had is reported and does not keep others away.
func (p Pictures) Bring(ctx context.Context) (PictureReport, error) {
	run := &pictureRun{Pictures: p}
	short, done := context.WithTimeout(ctx, picturesTime)
	defer done()
	for after := ""; ; {
		var page []store.MissingPicture
		err := p.Store.View(ctx, func(v *store.View) (err error) {
			page, err = v.MissingPictures(p.Shelves, after, picturesPage)
			return err
		})
		if err != nil || len(page) == 0 {
			return run.report, err
		}
		after = page[len(page)-1].Source
		queue := make(chan store.MissingPicture)
		var hands sync.WaitGroup
		for range pictureHands {
			hands.Go(func() {
				for m := range queue {
					run.one(short, m)
				}
			})
		}
		for _, m := range page {
			queue <- m
		}
		close(queue)
		hands.Wait()
		if err := errors.Join(run.broken, ctx.Err()); err != nil {
			return run.report, fmt.Errorf("bring pictures: %w", err)
		}
	}
}

// one brings one picture, or tells why not.
func (r *pictureRun) one(ctx context.Context, m store.MissingPicture) {
	if r.over(ctx) {
		return
	}
	set, err := r.drawn(ctx, m.Source)
	if err == nil {
		err = r.Store.InTx(ctx, r.Actor, func(t *store.Tx) error { return t.KeepPicture(m.Source, set) })
		if err != nil && ctx.Err() == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.broken = err
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.report.Kept++
	case ctx.Err() != nil:
		r.report.Left++
	default:
		r.report.Missing++
		r.Missing(m, fault.Of(err).Text)
	}
}

// over says whether this import has done its share, and counts what it leaves.
func (r *pictureRun) over(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() == nil && r.broken == nil && r.bytes < picturesBytes {
		return false
	}
	r.report.Left++
	return true
}

func (r *pictureRun) drawn(ctx context.Context, source string) (store.Drawn, error) {
	file, err := r.Fetch(ctx, source)
	if err != nil {
		return store.Drawn{}, err
	}
	r.mu.Lock()
	r.bytes += int64(len(file))
	r.mu.Unlock()
	set, err := r.Print(ctx, file)
	if err != nil {
		return store.Drawn{}, err
	}
	d := store.Drawn{Hash: set.Hash, Type: set.Type}
	for _, one := range set.Renditions {
		d.Bodies = append(d.Bodies, store.Body{Width: one.Width, Height: one.Height, Bytes: one.Body})
	}
	return d, nil
}
