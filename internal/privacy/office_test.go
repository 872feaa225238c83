package privacy_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// place is a place of backups that a test reaches or does not.
type place struct {
	away    bool
	reached int64
}

func (p *place) String() string { return "the place" }

func (p *place) Bring(ctx context.Context, db *store.DB) (int64, error) {
	if p.away {
		return p.reached, errors.New("away")
	}
	last, err := db.SequenceErasures(ctx)
	p.reached = last.Number
	return p.reached, err
}

// shredding counts how often an epoch was closed at once.
type shredding struct {
	s     *shoptest.Shop
	times int
}

func (d *shredding) Shred(ctx context.Context, who ledger.Actor) error {
	d.times++
	_, err := keylife.New(d.s.DB, d.s.Ring, 0, slog.New(slog.DiscardHandler)).Shred(ctx, who, func(keylife.Progress) {})
	return err
}

type office struct {
	*privacy.Officer
	place *place
	shred *shredding
	file  string
}

func opened(t *testing.T, s *shoptest.Shop) office {
	t.Helper()
	o := office{place: &place{}, shred: &shredding{s: s}, file: filepath.Join(t.TempDir(), "erasures")}
	beside, _, err := privacy.Meet(context.Background(), s.DB, o.file)
	if err != nil {
		t.Fatal(err)
	}
	o.Officer = privacy.NewOfficer(s.DB, slog.New(slog.DiscardHandler), o.shred, beside, o.place)
	return o
}

var (
	noCtx = context.Background()
	clerk = ledger.OS("clerk")
	ada   = mail("ada@example.com")
)

func mail(s string) contact.Email {
	e, err := contact.ParseEmail(s)
	if err != nil {
		panic(err)
	}
	return e
}

// erase asks for an erasure at once and carries it out.
func (o office) erase(t *testing.T, opt privacy.Options) store.Request {
	t.Helper()
	opt.Now = true
	r, err := o.Ask(noCtx, clerk, privacy.KindErase, ada, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Run(noCtx, clerk, r.Reference); err != nil {
		t.Fatal(err)
	}
	if err := o.Spread(noCtx); err != nil && !o.place.away {
		t.Fatal(err)
	}
	return o.read(t, r.Reference)
}

func (o office) read(t *testing.T, reference string) store.Request {
	t.Helper()
	r, err := o.Request(noCtx, reference)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
