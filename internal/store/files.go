package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
)

// A file that is sold stands in rows, cut into chunks. Each chunk is a sealed
// value (package seal draws it) under the file's own key, bound to where it
// stands in the file and to whether it is the last:
//
//	files        variant, id, name, size, chunks
//	file_chunks  id, 0  ← sealed for "file_chunks", "sealed", "ID/0/more"
//	             id, 1  ← sealed for …                        "ID/1/more"
//	             id, 2  ← sealed for …                        "ID/2/last"
//
// So a chunk that was moved, exchanged or left out does not open, and a file
// that was cut off does not end: its last chunk opens as "last" alone.

// FileChunk is how many bytes of a file stand in one row.
const FileChunk = 48 << 10

// MaxFile bounds one file.
const MaxFile = 512 << 20

// File is something to download that belongs to a variant.
type File struct {
	ID      string
	Variant catalog.VariantID
	SKU     string
	Name    string
	Size    int64
	chunks  int64
}

func chunkPlace(id string, n int64, last bool) string {
	word := "/more"
	if last {
		word = "/last"
	}
	return id + "/" + strconv.FormatInt(n, 10) + word
}

// VirtualBySKU finds the variant that files and licence keys may belong to.
func (v *View) VirtualBySKU(sku string) (catalog.VariantID, error) {
	var id string
	var virtual bool
	err := v.row(`SELECT id, virtual FROM variants WHERE sku = $1 ORDER BY sold DESC LIMIT 1`, sku).Scan(&id, &virtual)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", fault.Field("variant", "There is no variant with this SKU.")
	case err != nil:
		return "", fmt.Errorf("find variant: %w", err)
	case !virtual:
		return "", fault.Field("variant", "This variant is sent by post. Mark it as virtual first.")
	}
	return catalog.VariantID(id), nil
}

// AddFile reads a file to its end and seals it, a chunk in memory at a time. It
// is sold once all of it is there.
func (db *DB) AddFile(ctx context.Context, actor ledger.Actor, variant catalog.VariantID, name string, in io.Reader) (File, error) {
	f := File{ID: NewID(), Variant: variant, Name: name}
	chunk, next := make([]byte, FileChunk), make([]byte, FileChunk)
	n, err := io.ReadFull(in, chunk)
	for {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return File{}, errors.Join(fmt.Errorf("read file: %w", err), db.dropFile(ctx, actor, f.ID))
		}
		m, ahead := 0, err
		if err == nil {
			m, ahead = io.ReadFull(in, next)
		}
		last := err != nil || errors.Is(ahead, io.EOF)
		f.Size += int64(n)
		if f.Size > MaxFile {
			return File{}, errors.Join(fault.Field("file", "A file may have up to 512 MiB."), db.dropFile(ctx, actor, f.ID))
		}
		err = db.InTx(ctx, actor, func(t *Tx) error { return t.addChunk(f, chunk[:n], last) })
		if err != nil {
			return File{}, errors.Join(err, db.dropFile(ctx, actor, f.ID))
		}
		f.chunks++
		if last {
			return f, nil
		}
		chunk, next, n, err = next, chunk, m, ahead
	}
}

func (t *Tx) addChunk(f File, plain []byte, last bool) error {
	d, err := t.dossier(t.db.shop, personal.ShopSecrets, f.ID, t.now.AddDate(1000, 0, 0))
	if err != nil {
		return err
	}
	sealed, err := personal.FileBytes.Seal(d, chunkPlace(f.ID, f.chunks, last), plain)
	if err != nil {
		return fmt.Errorf("seal file: %w", err)
	}
	if _, err = t.exec(`INSERT INTO file_chunks (file, n, sealed) VALUES ($1, $2, $3)`, f.ID, f.chunks, sealed); err != nil {
		return fmt.Errorf("add file: %w", err)
	}
	if !last {
		return nil
	}
	_, err = t.exec(`INSERT INTO files (variant, id, name, size, chunks, ready, added_at) VALUES ($1, $2, $3, $4, $5, TRUE, $6)`,
		string(f.Variant), f.ID, f.Name, f.Size, f.chunks+1, ms(t.now))
	if err != nil {
		return fmt.Errorf("add file: %w", err)
	}
	return t.Event("file.added", "", f.ID, "")
}

// dropFile takes away what was read of a file before it failed.
func (db *DB) dropFile(ctx context.Context, actor ledger.Actor, id string) error {
	return db.InTx(context.WithoutCancel(ctx), actor, func(t *Tx) error { return t.endFile(id) })
}

func (t *Tx) endFile(id string) error {
	if _, err := t.exec(`DELETE FROM file_chunks WHERE file = $1`, id); err != nil {
		return fmt.Errorf("end file: %w", err)
	}
	return t.endCase(t.db.shop, id, personal.ShopSecrets)
}

// RemoveFile ends a file: its key is destroyed, and nobody can load it any more.
func (t *Tx) RemoveFile(id string) error {
	n, err := t.exec(`DELETE FROM files WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("remove file: %w", err)
	}
	if n == 0 {
		return fault.Missing("There is no such file.")
	}
	if err := t.endFile(id); err != nil {
		return err
	}
	return t.Event("file.removed", "", id, "")
}

// Files lists all files, or those of one variant.
func (v *View) Files(variant catalog.VariantID) ([]File, error) {
	rows, err := v.rows(`SELECT f.id, f.variant, COALESCE(v.sku, ''), f.name, f.size, f.chunks FROM files f LEFT JOIN variants v ON v.id = f.variant
		WHERE f.ready AND ($1 = '' OR f.variant = $1) ORDER BY f.added_at, f.id`, string(variant))
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	defer rows.Close()
	var out []File
	for rows.Next() {
		var f File
		if err := rows.Scan(&f.ID, &f.Variant, &f.SKU, &f.Name, &f.Size, &f.chunks); err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// ReadFile writes a file from a byte on, a chunk in memory at a time. It ends
// with an error when anything of it was changed, moved or cut off.
func (db *DB) ReadFile(ctx context.Context, f File, from int64, out io.Writer) error {
	for n := from / FileChunk; n < f.chunks; n++ {
		var plain []byte
		err := db.View(ctx, func(v *View) error {
			var sealed []byte
			if err := v.row(`SELECT sealed FROM file_chunks WHERE file = $1 AND n = $2`, f.ID, n).Scan(&sealed); err != nil {
				return fmt.Errorf("read file: %w", err)
			}
			dossiers, err := v.folder(db.shop, f.ID)
			if err != nil {
				return err
			}
			opened, err := personal.FileBytes.Open(dossiers.open(personal.ShopSecrets), chunkPlace(f.ID, n, n == f.chunks-1), sealed)
			plain = bytes.Clone(opened)
			return err
		})
		if err != nil {
			return err
		}
		if want := min(FileChunk, f.Size-n*FileChunk); int64(len(plain)) != want {
			return fmt.Errorf("read file: a chunk has %d bytes, want %d", len(plain), want)
		}
		if skip := from - n*FileChunk; skip > 0 {
			plain = plain[min(skip, int64(len(plain))):]
		}
		if _, err := out.Write(plain); err != nil {
			return err
		}
	}
	return nil
}

// A download that began may be resumed for this long without counting again.
const resumeMs = int64(60 * 60 * 1000)

// Download is what an order may load.
type Download struct {
	File
	Left   int64 // how often more
	EndsAt int64 // ms
	begun  int64 // when the last counted one began
}

// Grant lets an order load the files of its goods. Doing it again changes nothing.
func (t *Tx) Grant(o order.Order, times int64, endsAt int64) error {
	for _, l := range o.Lines {
		_, err := t.exec(`INSERT INTO downloads (owner, order_id, file, variant, left_over, started_at, ends_at)
			SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), f.id, f.variant, CAST($4 AS BIGINT), 0, CAST($5 AS BIGINT) FROM files f WHERE f.variant = $3 AND f.ready
			ON CONFLICT (owner, order_id, file) DO NOTHING`, o.Owner, string(o.ID), string(l.Variant), times, endsAt)
		if err != nil {
			return fmt.Errorf("grant downloads: %w", err)
		}
	}
	return nil
}

// EnqueueVirtual leaves a job about an order if anything of it is not sent by post.
func (t *Tx) EnqueueVirtual(kind string, o order.Order) error {
	return t.later("enqueue "+kind, nil, `INSERT INTO jobs (owner, id, kind, ref, run_at, lease_until, attempts, failure)
		SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT), 0, 0, ''
		WHERE EXISTS (SELECT 1 FROM order_lines l JOIN variants v ON v.id = l.variant WHERE l.owner = $1 AND l.order_id = $4 AND v.virtual)`,
		o.Owner, NewID(), kind, string(o.ID), ms(t.now))
}

// Downloads lists what an order may load.
func (v *View) Downloads(owner string, id order.ID) ([]Download, error) {
	rows, err := v.rows(`SELECT f.id, f.variant, f.name, f.size, f.chunks, d.left_over, d.ends_at, d.started_at FROM downloads d JOIN files f ON f.variant = d.variant AND f.id = d.file
		WHERE d.owner = $1 AND d.order_id = $2 AND f.ready ORDER BY f.name, f.id`, owner, string(id))
	if err != nil {
		return nil, fmt.Errorf("list downloads: %w", err)
	}
	defer rows.Close()
	var out []Download
	for rows.Next() {
		var d Download
		if err := rows.Scan(&d.ID, &d.Variant, &d.Name, &d.Size, &d.chunks, &d.Left, &d.EndsAt, &d.begun); err != nil {
			return nil, fmt.Errorf("list downloads: %w", err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Open reports whether a download can be begun or resumed at a time.
func (d Download) Open(nowMs int64) bool {
	return nowMs < d.EndsAt && (d.Left > 0 || nowMs < d.begun+resumeMs)
}

// Begin counts a download, unless one began within the hour.
func (t *Tx) Begin(owner string, id order.ID, file string) error {
	n, err := t.exec(`UPDATE downloads SET left_over = CASE WHEN started_at + $5 > $4 THEN left_over ELSE left_over - 1 END,
			started_at = CASE WHEN started_at + $5 > $4 THEN started_at ELSE $4 END
		WHERE owner = $1 AND order_id = $2 AND file = $3 AND ends_at > $4 AND (left_over > 0 OR started_at + $5 > $4)`,
		owner, string(id), file, ms(t.now), resumeMs)
	if err != nil {
		return fmt.Errorf("begin download: %w", err)
	}
	if n == 0 {
		return fault.New(fault.Conflict, "This download has ended.")
	}
	return nil
}
