package app

import (
	"context"
	"fmt"

	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/picture"
	"github.com/cartkeep/cartkeep/internal/store"
)

// bringPictures fetches the pictures that products and collections name and the
// shop does not have, and tells which of them stay away and why.
func (o *operating) bringPictures(ctx context.Context, shelvesOnly bool) error {
	fetcher := picture.NewFetcher()
	defer fetcher.Close()
	report, err := intake.Pictures{Store: o.vault.db, Actor: o.actor, Shelves: shelvesOnly, Fetch: fetcher.Fetch, Print: picture.NewPress().Print,
		Missing: func(m store.MissingPicture, reason string) {
			fmt.Fprintf(o.err, "cartkeep: no picture for %s: %s (%s)\n", m.Handle, reason, m.Source)
		}}.Bring(ctx)
	if report != (intake.PictureReport{}) {
		fmt.Fprintf(o.out, "cartkeep: fetched %s; %d missing", many(report.Kept, "picture"), report.Missing)
		if report.Left > 0 {
			fmt.Fprintf(o.out, "; %d not tried, the time was up: import again to go on", report.Left)
		}
		fmt.Fprintln(o.out)
	}
	return err
}
