package intake

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Bounds of bringing in the files of one import.
const (
	loadsTime   = 60 * time.Minute
	loadsBytes  = 16 << 30
	maxFileName = 200 // bytes
)

// Download is a file that buyers of a variant are to get, and where the old
// shop has it.
type Download struct {
	Handle string   // of the product
	Values []string // of the variant's options; nil when it is the only one
	Name   string   // as buyers see it
	Source string
	Line   int
}

// Downloads seals the files of imported products. A variant that has a file of
// the same name keeps that one, so that a second import changes nothing.
type Downloads struct {
	Store *store.DB
	Actor ledger.Actor
	// Fetch hands what stands at an address to into, which reads as it comes. It
	// says with a fault why there is none.
	Fetch func(ctx context.Context, source string, into func(io.Reader) error) error
	// Missing is told of each file that stays away.
	Missing func(d Download, reason string)
}

// DownloadReport is what became of files.
type DownloadReport struct {
	Kept    int // fetched and sealed
	There   int // of that name already
	Missing int // not to be had; tried again by the next import
	Left    int // not tried: the time or the bytes of one import were used up
}

// Bring fetches and seals the files, one after another and each a chunk in
// memory at a time.
func (l Downloads) Bring(ctx context.Context, list []Download) (r DownloadReport, err error) {
	short, done := context.WithTimeout(ctx, loadsTime)
	defer done()
	bytes := int64(0)
	for i, d := range list {
		if short.Err() != nil || bytes >= loadsBytes {
			r.Left = len(list) - i
			break
		}
		size, there, err := l.one(short, d)
		bytes += size
		known := fault.Of(err)
		switch {
		case err == nil && there:
			r.There++
		case err == nil:
			r.Kept++
		case ctx.Err() != nil:
			return r, fmt.Errorf("bring downloads: %w", ctx.Err())
		case short.Err() != nil:
			r.Left++
		case known.Kind == fault.Internal:
			return r, fmt.Errorf("bring downloads: %w", err)
		default:
			r.Missing++
			l.Missing(d, known.Text)
		}
	}
	return r, nil
}

// one brings one file, unless it is there.
func (l Downloads) one(ctx context.Context, d Download) (size int64, there bool, err error) {
	var variant catalog.VariantID
	err = l.Store.View(ctx, func(v *store.View) error {
		p, err := v.KnownProduct(catalog.Product{Handle: d.Handle})
		if err != nil {
			return err
		}
		at := slices.IndexFunc(p.Variants, func(x catalog.Variant) bool { return slices.Equal(x.Values, d.Values) })
		if at < 0 || !p.Variants[at].Virtual {
			return fault.Missing("The variant is not there, or is sent by post.")
		}
		variant = p.Variants[at].ID
		files, err := v.Files(variant)
		there = slices.ContainsFunc(files, func(f store.File) bool { return f.Name == d.Name })
		return err
	})
	if err != nil || there {
		return 0, there, err
	}
	err = l.Fetch(ctx, d.Source, func(in io.Reader) error {
		f, err := l.Store.AddFile(ctx, l.Actor, variant, d.Name, in)
		size = f.Size
		return err
	})
	return size, false, err
}

// fileName makes the name of a file of what the old shop calls it, with the
// ending of its address where it has none.
func fileName(name, source string) string {
	last := ""
	if u, err := url.Parse(source); err == nil {
		last = path.Base(u.Path)
	}
	if name = plainName(name); name == "" {
		name = plainName(last)
	}
	if name == "" {
		name = "download"
	}
	if end := plainName(path.Ext(last)); path.Ext(name) == "" && end != "" && len(end) < 11 {
		name += "." + end
	}
	end := path.Ext(name)
	if len(end) >= 12 {
		end = "" // a point in a sentence
	}
	stem := strings.TrimSuffix(name, end)
	for len(stem)+len(end) > maxFileName {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + end
}

// plainName leaves out what a name of a file can't have anywhere.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' || forbidden(r) || r == utf8.RuneError {
			return '-'
		}
		return r
	}, name)
	return strings.Trim(strings.Join(strings.Fields(name), " "), " .-")
}

// freeName numbers a name that an earlier file of the variant has.
func freeName(list []Download, name string) string {
	end := path.Ext(name)
	stem := strings.TrimSuffix(name, end)
	for n := 2; slices.ContainsFunc(list, func(d Download) bool { return d.Name == name }); n++ {
		name = stem + " (" + strconv.Itoa(n) + ")" + end
	}
	return name
}
