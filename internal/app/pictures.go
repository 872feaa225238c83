package app

import (
	"context"
	"fmt"
	"io"

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

// bringDownloads fetches and seals the files that imported goods are sold with,
// and tells which of them stay away and why.
func (o *operating) bringDownloads(ctx context.Context, list []intake.Download) error {
	if len(list) == 0 {
		return nil
	}
	fetcher := picture.NewFetcher()
	defer fetcher.Close()
	report, err := intake.Downloads{Store: o.vault.db, Actor: o.actor,
		Fetch: func(ctx context.Context, source string, into func(io.Reader) error) error {
			return fetcher.Stream(ctx, source, store.MaxFile, into)
		},
		Missing: func(d intake.Download, reason string) {
			fmt.Fprintf(o.err, "cartkeep: line %d: no file %q for %s: %s\n", d.Line, d.Name, d.Handle, reason)
		}}.Bring(ctx, list)
	fmt.Fprintf(o.out, "cartkeep: sealed %s; %d there already; %d missing", many(report.Kept, "download"), report.There, report.Missing)
	if report.Left > 0 {
		fmt.Fprintf(o.out, "; %d not tried, the time was up: import again to go on", report.Left)
	}
	fmt.Fprintln(o.out)
	return err
}
