package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

// unusedFor is how long a picture stays that nothing shows any more: an
// import that follows soon may name it again.
const unusedFor = 24 * time.Hour

// Drawn is a picture as it is kept: one body for each width.
type Drawn struct {
	Hash   string // its name
	Type   string // image/jpeg or image/png
	Bodies []Body // the narrowest first
}

// Body is what is sent for one width of a picture.
type Body struct {
	Width, Height int
	Bytes         []byte
}

// MissingPicture is one that a product or a collection has on another host only.
type MissingPicture struct {
	Source string
	Handle string // of one that shows it
}

// KeepPicture keeps what was drawn of a source. The same pixels from two
// sources are kept once.
func (t *Tx) KeepPicture(source string, d Drawn) error {
	sizes := make([]string, len(d.Bodies))
	for i, b := range d.Bodies {
		sizes[i] = fmt.Sprintf("%dx%d", b.Width, b.Height)
		if _, err := t.exec(`INSERT INTO renditions (hash, width, height, type, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash, width) DO NOTHING`,
			d.Hash, b.Width, b.Height, d.Type, b.Bytes); err != nil {
			return fmt.Errorf("keep picture: %w", err)
		}
	}
	if _, err := t.exec(`INSERT INTO fetched (source, hash, type, sizes, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (source) DO UPDATE SET hash = excluded.hash, type = excluded.type, sizes = excluded.sizes, at = excluded.at`,
		source, d.Hash, d.Type, strings.Join(sizes, " "), ms(t.now)); err != nil {
		return fmt.Errorf("keep picture: %w", err)
	}
	return t.Event("picture.kept", "", d.Hash, "")
}

// Picture finds what is sent for one address below /pictures/.
func (v *View) Picture(name string) (typ string, body []byte, err error) {
	hash, width, typ, ok := pictureNamed(name)
	if ok {
		err = v.row(`SELECT body FROM renditions WHERE hash = $1 AND width = $2 AND type = $3`, hash, width, typ).Scan(&body)
	}
	switch {
	case !ok, errors.Is(err, sql.ErrNoRows):
		return "", nil, fault.New(fault.NotFound, "There is no such picture.")
	case err != nil:
		return "", nil, fmt.Errorf("read picture: %w", err)
	}
	return typ, body, nil
}

// MissingPictures returns the sources after one that are still to be fetched,
// in their order: all, or those of collections alone.
func (v *View) MissingPictures(shelvesOnly bool, after string, limit int) ([]MissingPicture, error) {
	rows, err := v.rows(`SELECT w.source, MIN(w.handle) FROM (
			SELECT i.source, p.handle FROM pictures i JOIN products p ON p.id = i.product WHERE i.url = '' AND i.source > $1 AND NOT $3
			UNION ALL SELECT c.picture_source, c.handle FROM collections c WHERE c.picture_source > $1
		) w WHERE NOT EXISTS (SELECT 1 FROM fetched f WHERE f.source = w.source)
		GROUP BY w.source ORDER BY w.source LIMIT $2`, after, limit, shelvesOnly)
	if err != nil {
		return nil, fmt.Errorf("read missing pictures: %w", err)
	}
	defer rows.Close()
	var out []MissingPicture
	for rows.Next() {
		var m MissingPicture
		if err := rows.Scan(&m.Source, &m.Handle); err != nil {
			return nil, fmt.Errorf("read missing pictures: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// SweepPictures forgets pictures that neither a product nor a collection has
// shown for a day. A collection may also show one by its address here.
func (db *DB) SweepPictures(ctx context.Context) error {
	return db.InTx(ctx, ledger.System("pictures"), func(t *Tx) error {
		_, err := t.exec(`DELETE FROM fetched WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM pictures i WHERE i.source = fetched.source)
			AND NOT EXISTS (SELECT 1 FROM collections c WHERE c.picture_source = fetched.source OR c.picture LIKE '/pictures/' || fetched.hash || '-%')`, ms(t.now.Add(-unusedFor)))
		if err == nil {
			_, err = t.exec(`DELETE FROM renditions WHERE NOT EXISTS (SELECT 1 FROM fetched f WHERE f.hash = renditions.hash)`)
		}
		if err != nil {
			return fmt.Errorf("sweep pictures: %w", err)
		}
		return nil
	})
}

// suffixOf ends the address of a picture of a type.
func suffixOf(typ string) string {
	if typ == "image/png" {
		return ".png"
	}
	return ".jpg"
}

// showFetched fills in the addresses of a picture that was fetched.
func showFetched(p *catalog.Picture, hash, typ, sizes string) {
	if hash == "" || p.URL != "" {
		return
	}
	for size := range strings.FieldsSeq(sizes) {
		w, h, _ := strings.Cut(size, "x")
		r := catalog.Rendition{URL: "/pictures/" + hash + "-" + w + suffixOf(typ)}
		r.Width, _ = strconv.Atoi(w)
		r.Height, _ = strconv.Atoi(h)
		p.Renditions = append(p.Renditions, r)
		p.URL = r.URL
	}
}

// pictureNamed takes apart what showFetched puts together.
func pictureNamed(name string) (hash string, width int, typ string, ok bool) {
	for _, typ := range []string{"image/jpeg", "image/png"} {
		stem, is := strings.CutSuffix(name, suffixOf(typ))
		hash, w, cut := strings.Cut(stem, "-")
		width, err := strconv.Atoi(w)
		if is && cut && err == nil && strconv.Itoa(width) == w && len(hash) == 32 {
			return hash, width, typ, true
		}
	}
	return "", 0, "", false
}
