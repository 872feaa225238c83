package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// pairing gives the dossiers of a data part their keys, wrapped for the new shop.
type pairing struct {
	from, to *seal.Ring
	was, is  string                  // ids of the old and the new shop
	sealed   map[string]seal.EpochID // dossiers whose epoch the key store lacks
	erased   []erasure.Entry         // the longest erasure journal that was read
}

// dossier is a row of a key part.
type dossier struct {
	owner                 seal.Owner
	state                 string
	epoch                 int64
	wrap                  []byte
	created, destroyAfter int64
	destroyed             any // int64 or nil
}

func (d dossier) row() []any {
	var wrap any
	if d.wrap != nil {
		wrap = d.wrap
	}
	return []any{d.owner.Subject, d.owner.Dossier, d.owner.Purpose, d.owner.Case, d.state, d.epoch, wrap, d.created, d.destroyAfter, d.destroyed}
}

const ended = "destroyed"

// parseDossier reads a row of a key part.
func parseDossier(v []any) (d dossier, ok bool) {
	texts := []*string{&d.owner.Subject, &d.owner.Dossier, &d.owner.Purpose, &d.owner.Case, &d.state}
	for i, into := range texts {
		if *into, ok = v[i].(string); !ok {
			return d, false
		}
	}
	numbers := map[int]*int64{5: &d.epoch, 7: &d.created, 8: &d.destroyAfter}
	for i, into := range numbers {
		if *into, ok = v[i].(int64); !ok {
			return d, false
		}
	}
	if v[6] != nil {
		if d.wrap, ok = v[6].([]byte); !ok {
			return d, false
		}
	}
	if v[9] != nil {
		if _, ok = v[9].(int64); !ok {
			return d, false
		}
	}
	d.destroyed = v[9]
	return d, d.owner.Dossier != "" && (d.state == ended) == (d.wrap == nil)
}

// read reads a key part and gives each of its dossiers as the new shop keeps it.
// One that is sealed under an epoch that the key store lacks is not given.
func (p *pairing) read(ctx context.Context, file held, ids []age.Identity, each func(dossier) error) (*part, error) {
	in, closer, err := file.open(ctx, ids)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	defer in.close()
	journal := false
	var erased []erasure.Entry
	var last erasure.Entry
	err = in.each(func(table string, columns []string) error {
		if journal = isJournal(table, columns); journal {
			return nil
		}
		if want := store.KeyTable(); table != want.Name || !slices.Equal(columns, want.Columns) {
			return in.damaged("its table")
		}
		return nil
	}, func(v []any) (err error) {
		if journal {
			if last, err = parseErasure(v, last); err != nil {
				return in.damaged("its erasure journal")
			}
			erased = append(erased, last)
			return nil
		}
		d, ok := parseDossier(v)
		if !ok {
			return in.damaged("a dossier")
		}
		err = p.adopt(&d)
		if errors.Is(err, seal.ErrEpochUnknown) {
			if d.owner.Subject == p.is && store.Essential(d.owner.Case) {
				return fmt.Errorf("%s: the shop's own keys are wrapped under epoch %d, which the key store no longer has: no backup can be restored that is older than its end", file, d.epoch)
			}
			p.sealed[d.owner.Dossier] = seal.EpochID(d.epoch)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: dossier %s: the key store does not open it: %w", file, d.owner.Dossier, err)
		}
		return each(d)
	})
	if len(erased) > len(p.erased) {
		p.erased = erased
	}
	return in, err
}

// adopt wraps a dossier's key for the new shop.
func (p *pairing) adopt(d *dossier) error {
	was := d.owner
	if d.owner.Subject == p.was {
		d.owner.Subject = p.is
	}
	if d.wrap == nil {
		return nil
	}
	wrap, err := p.to.Adopt(p.from, was, d.owner, d.wrap)
	if err != nil {
		return err
	}
	epoch, err := seal.WrapEpoch(wrap)
	d.wrap, d.epoch = wrap, int64(epoch)
	return err
}

// search looks in older key parts, the newest first, for the keys that the
// newest lacks. A dossier that one of them says was destroyed is; one that none
// has is lost.
func (p *pairing) search(ctx context.Context, r *store.Reception, missing []store.Unpaired, keys []keyPart, ids []age.Identity, out *Restored) (read []*part, err error) {
	wanted := make(map[string]store.Unpaired, len(missing))
	for _, u := range missing {
		wanted[u.Owner.Dossier] = u
	}
	for _, k := range keys {
		if len(wanted) == 0 {
			break
		}
		in, err := p.read(ctx, k.held, ids, func(d dossier) error {
			if _, ok := wanted[d.owner.Dossier]; !ok {
				return nil
			}
			delete(wanted, d.owner.Dossier)
			if d.state != ended {
				out.Taken = append(out.Taken, Taken{d.owner.Dossier, d.owner.Purpose, k.String()})
			}
			return r.Row(d.row())
		})
		if err != nil {
			return nil, err
		}
		read = append(read, in)
	}
	for _, u := range missing {
		if _, ok := wanted[u.Owner.Dossier]; !ok {
			continue
		}
		if u.Owner.Subject == p.is && store.Essential(u.Owner.Case) {
			return nil, fmt.Errorf("the shop's own key %q is in no key part: without it the shop cannot be opened", u.Owner.Case)
		}
		out.Lost = append(out.Lost, Lost{u.Owner.Dossier, u.Owner.Purpose, p.sealed[u.Owner.Dossier]})
		d := dossier{owner: u.Owner, state: ended, created: u.Created, destroyAfter: u.DestroyAfter, destroyed: out.From.At.UnixMilli()}
		if err := r.Row(d.row()); err != nil {
			return nil, err
		}
	}
	return read, nil
}
