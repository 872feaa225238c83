package app

import (
	"context"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/api"
)

// shelf shows the API the catalogue.
type shelf struct{ db *store.DB }

// Products implements api.Shelf.
func (s shelf) Products(ctx context.Context, q api.Query) (list []catalog.Product, next string, err error) {
	err = s.db.View(ctx, func(v *store.View) error {
		list, next, err = v.Products(store.ProductQuery{Text: q.Text, Collection: q.Collection, Limit: q.Limit, Cursor: q.Cursor})
		return err
	})
	return list, next, err
}

// ProductByHandle implements api.Shelf. An old handle gives the product too,
// which says what it is called now.
func (s shelf) ProductByHandle(ctx context.Context, handle string) (p catalog.Product, err error) {
	err = s.db.View(ctx, func(v *store.View) error {
		if p, err = v.ProductByHandle(handle); !fault.Is(err, fault.NotFound) {
			return err
		}
		now, err := v.MovedTo(handle)
		if err == nil {
			p, err = v.ProductByHandle(now)
		}
		return err
	})
	return p, err
}

// checkpointHour is when the public checkpoint of a day is made, UTC. Its size
// tells volume, so strangers get one a day.
const checkpointHour = 3

// publish makes the day's public checkpoint when it is due; a new shop gets
// its first at once.
func publish(ctx context.Context, db *store.DB) error {
	var last int64
	err := db.View(ctx, func(v *store.View) (err error) {
		_, last, err = v.PublicCheckpoint()
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	now := db.Now()
	due := time.Date(now.Year(), now.Month(), now.Day(), checkpointHour, 0, 0, 0, time.UTC)
	if due.After(now) {
		due = due.AddDate(0, 0, -1)
	}
	if err == nil && !time.UnixMilli(last).Before(due) {
		return nil
	}
	if _, err := db.Sequence(ctx); err != nil {
		return err
	}
	_, err = db.Checkpoint(ctx, true)
	return err
}

func hasScheme(s string) bool { return len(s) > 8 && (s[:8] == "https://" || s[:7] == "mailto:") }

// proofs shows the API the ledger.
type proofs struct{ db *store.DB }

// Inclusion implements api.Proofs.
func (p proofs) Inclusion(ctx context.Context, index, size int64) ([]ledger.Hash, error) {
	return p.prove(ctx, "size", size, func(t ledger.TileStore) ([]ledger.Hash, error) { return ledger.ProveInclusion(t, size, index) })
}

// Consistency implements api.Proofs.
func (p proofs) Consistency(ctx context.Context, from, to int64) ([]ledger.Hash, error) {
	return p.prove(ctx, "to", to, func(t ledger.TileStore) ([]ledger.Hash, error) { return ledger.ProveConsistency(t, from, to) })
}

func (p proofs) prove(ctx context.Context, name string, size int64, proof func(ledger.TileStore) ([]ledger.Hash, error)) (out []ledger.Hash, err error) {
	err = p.db.View(ctx, func(v *store.View) error {
		// Up to the public checkpoint only: the size of the day tells volume.
		note, _, err := v.PublicCheckpoint()
		if err != nil {
			return err
		}
		public, err := p.db.OpenCheckpoint(note)
		if err != nil {
			return err
		}
		if size > public.Size {
			return fault.Field(name, "The public ledger is not that long yet.")
		}
		out, err = proof(v.Tiles())
		return err
	})
	return out, err
}
