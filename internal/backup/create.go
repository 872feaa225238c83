package backup

import (
	"context"
	"io"
	"time"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Made is what Create made.
type Made struct {
	Data, Keys string // names in the target
	Rows       int64  // of the data part
	Dossiers   int64  // of the key part
	At         time.Time
}

// Create makes both parts of a backup. The shop serves meanwhile.
//
// The key part is taken after the data part's snapshot, so that it has every key
// that the data part needs, and none that was destroyed until then. The data part
// names it and gets its own name last: where there is a data part, there is a key
// part that fits.
func Create(ctx context.Context, db *store.DB, to Target, pair *Pair, more []age.Recipient, who ledger.Actor) (Made, error) {
	signer, err := db.BackupSigner(db.ShopID())
	if err != nil {
		return Made{}, err
	}
	if _, err := db.Sequence(ctx); err != nil {
		return Made{}, err
	}
	checkpoint, err := db.Checkpoint(ctx, false)
	if err != nil {
		return Made{}, err
	}
	at := db.Now()
	m := Made{Data: name(db.ShopID(), at, Data), Keys: name(db.ShopID(), at, Keys), At: at}
	if err := to.Tidy(ctx, short(db.ShopID())); err != nil {
		return Made{}, err
	}
	h := Header{Format: format, Part: Data, Shop: db.ShopID(), At: at, Checkpoint: checkpoint}
	err = to.Put(ctx, m.Data, func(w io.Writer) error {
		var p *partWriter
		err := db.Snapshot(ctx, func(s *store.Snapshot) (err error) {
			if h.Schema, err = s.Schema(); err != nil {
				return err
			}
			if p, err = newPartWriter(w, pair.recipients(Data, more), h); err != nil {
				return err
			}
			tables, err := s.Tables()
			if err != nil {
				return err
			}
			for _, t := range tables {
				if err := p.copy(s, t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if m.Dossiers, err = createKeys(ctx, db, to, m.Keys, pair, more, signer, h); err != nil {
			return err
		}
		m.Rows = p.total
		return p.sign(signer, Manifest{Key: m.Keys})
	})
	if err != nil {
		return Made{}, err
	}
	return m, db.InTx(ctx, who, func(t *store.Tx) error { return t.Event("backup.made", "", m.Data, where(to)) })
}

// CreateKeys makes a key part alone: it pairs with every older data part.
func CreateKeys(ctx context.Context, db *store.DB, to Target, pair *Pair, more []age.Recipient) (string, error) {
	signer, err := db.BackupSigner(db.ShopID())
	if err != nil {
		return "", err
	}
	if _, err := db.Sequence(ctx); err != nil {
		return "", err
	}
	checkpoint, err := db.Checkpoint(ctx, false)
	if err != nil {
		return "", err
	}
	n := name(db.ShopID(), db.Now(), Keys)
	_, err = createKeys(ctx, db, to, n, pair, more, signer, Header{Format: format, Shop: db.ShopID(), Checkpoint: checkpoint})
	return n, err
}

// createKeys makes a key part.
func createKeys(ctx context.Context, db *store.DB, to Target, name string, pair *Pair, more []age.Recipient, signer *ledger.Signer, h Header) (n int64, err error) {
	h.Part = Keys
	err = to.Put(ctx, name, func(w io.Writer) error {
		var p *partWriter
		// Before the snapshot: what the part says of its age is never too young.
		h.At = db.Now()
		err := db.Snapshot(ctx, func(s *store.Snapshot) (err error) {
			if h.Schema, err = s.Schema(); err != nil {
				return err
			}
			if p, err = newPartWriter(w, pair.recipients(Keys, more), h); err != nil {
				return err
			}
			if err := p.copy(s, store.KeyTable()); err != nil {
				return err
			}
			n = p.total
			return p.copy(s, store.JournalTable())
		})
		if err != nil {
			return err
		}
		return p.sign(signer, Manifest{})
	})
	return n, err
}

// copy writes a table.
func (p *partWriter) copy(s *store.Snapshot, t store.Table) error {
	if err := p.begin(t.Name, t.Columns); err != nil {
		return err
	}
	return s.Rows(t, p.row)
}
