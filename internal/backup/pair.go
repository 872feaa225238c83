package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

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

// dossier is a row of a key part, in the order of [store.KeyTable].
type dossier struct {
	owner seal.Owner
	row   []store.Value
}

// Where in the row they stand.
const (
	atSubject, atID, atPurpose, atCase, atState = 0, 1, 2, 3, 4
	atEpoch, atWrap, atDestroyed                = 5, 6, 9
)

const ended = "destroyed"

func (d dossier) ended() bool { return string(d.row[atState].Raw) == ended }

// parseDossier reads a row of a key part.
func parseDossier(v []store.Value) (d dossier, ok bool) {
	const text, number = store.KindText, store.KindInt
	wrap, destroyed := store.KindBytes, store.KindNull
	if v[atWrap].Kind == store.KindNull {
		wrap, destroyed = store.KindNull, number
	}
	if v[atDestroyed].Kind == store.KindNull {
		destroyed = store.KindNull
	}
	if !kinds(v, text, text, text, text, text, number, wrap, number, number, destroyed) {
		return d, false
	}
	d.row = v
	d.owner = seal.Owner{Subject: string(v[atSubject].Raw), Dossier: string(v[atID].Raw), Purpose: string(v[atPurpose].Raw), Case: string(v[atCase].Raw)}
	return d, d.owner.Dossier != "" && d.ended() == (wrap == store.KindNull)
}

// kinds says that the values of a row are of these kinds.
func kinds(row []store.Value, want ...store.Kind) bool {
	return slices.EqualFunc(row, want, func(v store.Value, k store.Kind) bool { return v.Kind == k })
}

// read reads a key part and gives each of its dossiers as the new shop keeps it.
// One that is sealed under an epoch that the key store lacks is not given.
func (p *pairing) read(ctx context.Context, file held, ids []age.Identity, each func(dossier) error) (*part, error) {
	return p.look(ctx, file, ids, func(d dossier) error {
		err := p.adopt(&d)
		if errors.Is(err, seal.ErrEpochUnknown) {
			epoch := d.row[atEpoch].Int
			if d.owner.Subject == p.is && store.Essential(d.owner.Case) {
				return fmt.Errorf("%s: the shop's own keys are wrapped under epoch %d, which the key store no longer has: no backup can be restored that is older than its end", file, epoch)
			}
			p.sealed[d.owner.Dossier] = seal.EpochID(epoch)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: dossier %s: the key store does not open it: %w", file, d.owner.Dossier, err)
		}
		return each(d)
	})
}

// look reads a key part, its journal included, and gives each of its dossiers as
// it is.
func (p *pairing) look(ctx context.Context, file held, ids []age.Identity, each func(dossier) error) (*part, error) {
	in, closer, err := file.open(ctx, ids)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	defer in.close()
	in.held = sha256.New()
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
	}, func(v []store.Value) (err error) {
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
		return each(d)
	}, nil)
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
		d.row[atSubject] = store.TextValue(p.is)
	}
	if d.ended() {
		return nil
	}
	wrap, err := p.to.Adopt(p.from, was, d.owner, d.row[atWrap].Raw)
	if err != nil {
		return err
	}
	epoch, err := seal.WrapEpoch(wrap)
	d.row[atWrap], d.row[atEpoch] = store.BytesValue(wrap), store.IntValue(int64(epoch))
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
			if !d.ended() {
				out.Taken = append(out.Taken, Taken{d.owner.Dossier, d.owner.Purpose, k.String()})
			}
			return r.Row(d.row)
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
		if err := r.Row(lostRow(u, out.From.At)); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// lostRow is what is kept of a dossier whose key is lost: that there was one.
func lostRow(u store.Unpaired, at time.Time) []store.Value {
	text, number := store.TextValue, store.IntValue
	return []store.Value{text(u.Owner.Subject), text(u.Owner.Dossier), text(u.Owner.Purpose), text(u.Owner.Case), text(ended),
		number(0), {Kind: store.KindNull}, number(u.Created), number(u.DestroyAfter), number(at.UnixMilli())}
}
