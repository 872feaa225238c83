package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Source is what a restore reads.
type Source struct {
	File    string   // the data part: its path, or its name in From
	From    Target   // where File is, unless it is a path
	Journal string   // the erasure journal beside the old key file; one that is not there is none
	Keys    []string // key parts, or folders of them; those beside File count too
	Also    []Target // further places that may have key parts
	IDs     []age.Identity
}

func (s Source) data() held {
	if s.From != nil {
		return held{s.From, s.File}
	}
	return onDisk(s.File)
}

// Head reads the header of the data part: whose backup it is, and of when.
func (s Source) Head(ctx context.Context) (Header, error) {
	file := s.data()
	p, in, err := file.open(ctx, s.IDs)
	if err != nil {
		return Header{}, err
	}
	defer in.Close()
	defer p.close()
	if p.Part != Data {
		return Header{}, fmt.Errorf("%s is no data part; give the file that ends in .data", file)
	}
	return p.Header, nil
}

func (h held) open(ctx context.Context, ids []age.Identity) (*part, io.Closer, error) {
	in, err := h.in.Get(ctx, h.name)
	if err != nil {
		return nil, nil, err
	}
	p, err := openPart(in, h.String(), ids)
	if err != nil {
		return nil, nil, errors.Join(err, in.Close())
	}
	return p, in, nil
}

// keyPart is a key part that may be paired with a data part.
type keyPart struct {
	Header
	held
}

// keyParts lists the key parts of a shop, the newest first. One that is named is
// an error when it does not read; so is one that lies beside, and a place that
// cannot be looked into: what is missed may be what says who was erased.
func (s Source) keyParts(ctx context.Context, shop string) ([]keyPart, error) {
	files := map[string]held{}
	named := map[string]bool{}
	look := func(in Target) error {
		list, err := in.List(ctx)
		if err != nil {
			return err
		}
		for _, n := range list {
			if of, _, part, _ := parseName(n.Name); part == Keys && of == short(shop) {
				k := held{in, n.Name}
				files[k.String()] = k
			}
		}
		return nil
	}
	if err := look(s.data().in); err != nil {
		return nil, err
	}
	for _, t := range s.Also {
		if err := look(t); err != nil {
			return nil, fmt.Errorf("%s can't be looked into, and may have the newest key part, which tells who was erased: %w", t, err)
		}
	}
	for _, k := range s.Keys {
		info, err := os.Stat(k)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files[filepath.Clean(k)], named[filepath.Clean(k)] = onDisk(k), true
		} else if err := look(Folder(k)); err != nil {
			return nil, err
		}
	}
	var out []keyPart
	for path, file := range files {
		p, in, err := file.open(ctx, s.IDs)
		if err != nil {
			return nil, err
		}
		p.close()
		if err := in.Close(); err != nil {
			return nil, err
		}
		switch {
		case p.Part != Keys:
			return nil, fmt.Errorf("%s is no key part; give a file that ends in .keys", file)
		case p.Shop == shop:
			out = append(out, keyPart{p.Header, file})
		case named[path]:
			return nil, fmt.Errorf("%s is of another shop than %s", file, s.data())
		}
	}
	slices.SortFunc(out, func(a, b keyPart) int { return b.At.Compare(a.At) })
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no key part beside %s; give one with --keys", s.data())
	}
	return out, nil
}

// Lost is a dossier that has no key any more, and that nothing says was destroyed.
type Lost struct {
	Dossier, Purpose string
	Epoch            seal.EpochID // its key is there, and the key store lacks this epoch; 0 when there is none
}

// Taken is a key that the newest key part lacks and an older one has.
type Taken struct{ Dossier, Purpose, From string }

// Restored is what a restore did.
type Restored struct {
	From   Header
	Key    string // the key part that was paired
	KeyAt  time.Time
	Rows   int64
	Alive  int64 // dossiers that have their key
	Ended  int64 // dossiers without one, whose values are cleared
	Erased int64 // dossiers that only the erasure journal says were erased
	Barred int64 // dossiers of the data part that are not restored, since the erasure journal says that they were erased after it
	Opened int64 // values that were opened to be indexed, and orders and files that were opened whole
	Shut   int64 // those that have a key and did not open
	Taken  []Taken
	Lost   []Lost
	Whole  bool // an earlier try had done it all: of what is above, nothing was counted again
	Branch ledger.Branch
	Ledger ledger.Report
}

// Restore brings a backup into a database for a shop with an id and a ring of its
// own, which is empty, or which an earlier try with the same id and ring has begun
// to fill: it goes on from there. What goes wrong is an error and leaves a database
// that is to be thrown away. from is the ring of the shop that the backup is of; it
// is read and nothing else.
func Restore(ctx context.Context, src Source, from *seal.Ring, into store.Config, who ledger.Actor) (out Restored, err error) {
	data, in, err := src.data().open(ctx, src.IDs)
	if err != nil {
		return out, err
	}
	defer in.Close()
	defer data.close()
	if data.Part != Data {
		return out, fmt.Errorf("%s is no data part; give the file that ends in .data", src.data())
	}
	keys, err := src.keyParts(ctx, data.Shop)
	if err != nil {
		return out, err
	}
	out.From, out.Key, out.KeyAt = data.Header, keys[0].String(), keys[0].At
	a := arrival{data: data, keys: keys, ids: src.IDs, out: &out, read: []*part{data},
		pairing: &pairing{from: from, to: into.Ring, was: data.Shop, is: into.ShopID, sealed: map[string]seal.EpochID{}}}
	err = store.Receive(ctx, into, store.Arrival{Shop: data.Shop, Backup: data.ID(), Schema: data.Schema}, func(r *store.Reception) error { return a.run(ctx, r) })
	if errors.Is(err, store.ErrWhole) {
		return out, a.whole(ctx, into, src.Journal)
	}
	if err != nil {
		return out, err
	}
	out.Rows = data.total
	db, err := store.Open(ctx, into)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if out.Erased, err = learn(ctx, db, data.Shop, a.pairing.erased, src.Journal); err != nil {
		return out, err
	}
	return out, finish(ctx, db, a.read, keys, who, &out)
}

// whole checks a shop that an earlier try has finished but for its name, and erases
// who was erased since.
func (a *arrival) whole(ctx context.Context, into store.Config, journal string) (err error) {
	newest, err := a.pairing.look(ctx, a.keys[0].held, a.ids, func(dossier) error { return nil })
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, into)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	signer, err := db.BackupSigner(a.data.Shop)
	if err != nil {
		return err
	}
	if _, err := newest.verify(signer.VerifierKey()); err != nil {
		return err
	}
	if a.out.Erased, err = learn(ctx, db, a.data.Shop, a.pairing.erased, journal); err != nil {
		return err
	}
	if _, err := db.ClearDestroyed(ctx); err != nil {
		return err
	}
	if err := db.Scrub(ctx); err != nil {
		return err
	}
	a.out.Whole = true
	if err := a.out.bar(ctx, db); err != nil {
		return err
	}
	return verified(ctx, db, a.out)
}

// bar counts what was alive in the data part and is not restored.
func (r *Restored) bar(ctx context.Context, db *store.DB) error {
	return db.View(ctx, func(v *store.View) (err error) {
		r.Barred, err = v.CountErasedSince(r.From.At)
		return err
	})
}

// verified checks the ledger of a restored shop.
func verified(ctx context.Context, db *store.DB, out *Restored) (err error) {
	if out.Ledger, err = db.VerifyLedger(ctx, ""); err == nil && !out.Ledger.OK() {
		err = fmt.Errorf("the ledger in the backup does not verify: %v", out.Ledger)
	}
	return err
}

// sampled is of how many orders and files every value is opened.
const sampled = 200

// finish makes a shop of the rows that were received.
func finish(ctx context.Context, db *store.DB, read []*part, keys []keyPart, who ledger.Actor, out *Restored) error {
	signer, err := db.BackupSigner(out.From.Shop)
	if err != nil {
		return err
	}
	for _, p := range read {
		if _, err := p.verify(signer.VerifierKey()); err != nil {
			return err
		}
	}
	c, err := db.Reindex(ctx)
	if err != nil {
		return err
	}
	if out.Ended, err = db.ClearDestroyed(ctx); err != nil {
		return err
	}
	more, err := db.Sample(ctx, sampled)
	if err != nil {
		return err
	}
	out.Opened, out.Shut = c.Opened+more.Opened, c.Shut+more.Shut
	err = db.View(ctx, func(v *store.View) (err error) {
		out.Alive, err = v.CountAlive()
		return err
	})
	if err != nil {
		return err
	}
	if err := out.bar(ctx, db); err != nil {
		return err
	}
	notes := []string{out.From.Checkpoint}
	for _, k := range keys {
		notes = append(notes, k.Checkpoint)
	}
	kept, err := db.Received(ctx)
	if err != nil {
		return err
	}
	out.Branch, err = db.OpenBranch(ctx, who, out.From.Shop, kept, notes, func(t *store.Tx) error {
		return t.Event("backup.restored", "", filepath.Base(read[0].name), fmt.Sprintf(`{"key":%q,"alive":%d,"ended":%d,"lost":%d}`, filepath.Base(out.Key), out.Alive, out.Ended, len(out.Lost)))
	})
	if err != nil {
		return err
	}
	if _, err := db.Sequence(ctx); err != nil {
		return err
	}
	if _, err := db.Checkpoint(ctx, true); err != nil {
		return err
	}
	if err := verified(ctx, db, out); err != nil {
		return err
	}
	if err := db.Scrub(ctx); err != nil {
		return err
	}
	return db.EndReceiving(ctx)
}
