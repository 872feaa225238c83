package seal

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
)

const (
	wrapHead   = 1 + 4             // format, epoch
	wrapCommit = wrapHead          // where the commitment starts
	wrapNonce  = wrapCommit + 32   // where the nonce starts
	wrapBox    = wrapNonce + 12    // where the sealed key starts
	wrapSize   = wrapBox + 32 + 16 // the whole
)

// WrapSize is the length in bytes of every wrap.
const WrapSize = wrapSize

// Owner says whose dossier a key is: a wrap opens for exactly this owner. An
// owner never changes.
type Owner struct {
	Dossier string // the dossier's id, a UUID in its usual lower-case spelling
	Subject string // the person's random id
	Purpose string // why we keep something
	Case    string // what it was for; may be empty
}

// NewDossier draws a dossier key and wraps it under the epoch in use. Its values
// are in the newest format.
func (r *Ring) NewDossier(o Owner) (*Dossier, []byte, error) {
	key := NewKey()
	defer clear(key)
	f := r.newest()
	d, err := newDossier(o.Dossier, key, f)
	if err != nil {
		return nil, nil, err
	}
	wrap, err := r.wrap(nil, 0, o, key, f)
	if err != nil {
		return nil, nil, err
	}
	return d, wrap, nil
}

// Unwrap opens a dossier for its owner.
func (r *Ring) Unwrap(o Owner, wrap []byte) (*Dossier, error) {
	var room [KeySize]byte
	key, f, err := r.unwrap(nil, o, wrap, room[:0])
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newDossier(o.Dossier, key, f)
}

// Rewrapper wraps the keys of many dossiers, all under one epoch. Between two of
// them it keeps what it derives their wrap keys from, in memory that is not locked:
// it is for a page of them, one after the other, and then to be forgotten.
type Rewrapper struct {
	ring  *Ring
	under EpochID
	known hmacs
}

// Rewrapper begins a page under the epoch in use.
func (r *Ring) Rewrapper() *Rewrapper { return &Rewrapper{r, r.Sealing(), hmacs{}} }

// Rewrap wraps a dossier's key under the page's epoch. The key stays the same,
// and so do all values under it.
func (w *Rewrapper) Rewrap(o Owner, wrap []byte) ([]byte, error) {
	return w.ring.adopt(w.known, w.under, w.ring, o, o, wrap)
}

// Adopt wraps under this ring's epoch in use what another ring wrapped: a
// restored shop gets epochs of its own, so that two copies never share one. It
// gets a new id too, and is the one subject whose own dossiers change their
// owner by that; everybody else's was and is the same.
func (r *Ring) Adopt(from *Ring, was, is Owner, wrap []byte) ([]byte, error) {
	return r.adopt(nil, 0, from, was, is, wrap)
}

func (r *Ring) adopt(known hmacs, under EpochID, from *Ring, was, is Owner, wrap []byte) ([]byte, error) {
	var room [KeySize]byte
	key, sealed, err := from.unwrap(known, was, wrap, room[:0])
	if err != nil {
		return nil, err
	}
	defer clear(key)
	f, err := r.formatOf(sealed.ID)
	if err != nil {
		return nil, err
	}
	return r.wrap(known, under, is, key, f)
}

// hmacs are those of the epochs that a Rewrapper has met. nil keeps none. They go by
// the epoch and not by its number, which returns when the newest was destroyed.
type hmacs map[*epoch]hash.Hash

func (h hmacs) of(e *epoch) hash.Hash {
	mac := h[e]
	if mac != nil {
		mac.Reset()
		return mac
	}
	mac = hmacOf(e.prk.key())
	if h != nil {
		h[e] = mac
	}
	return mac
}

// WrapEpoch tells under which epoch a wrap was made.
func WrapEpoch(wrap []byte) (EpochID, error) {
	if len(wrap) != wrapSize || wrap[0] == 0 {
		return 0, ErrFormat
	}
	return EpochID(binary.BigEndian.Uint32(wrap[1:])), nil
}

// wrap wraps a key under an epoch; 0 is the one in use.
func (r *Ring) wrap(known hmacs, under EpochID, o Owner, key []byte, f *Format) ([]byte, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if under == 0 {
		under = r.sealing
	}
	var keys [2 * KeySize]byte
	if err := r.derive(known, &keys, under, f, o); err != nil {
		return nil, err
	}
	defer clear(keys[:])
	out := make([]byte, wrapBox, wrapSize)
	out[0] = f.ID
	binary.BigEndian.PutUint32(out[1:], uint32(under))
	copy(out[wrapCommit:], keys[KeySize:])
	rand.Read(out[wrapNonce:wrapBox])
	box, err := newGCM(keys[:KeySize])
	if err != nil {
		return nil, err
	}
	return box.Seal(out, out[wrapNonce:wrapBox], key, out[:wrapHead]), nil
}

func (r *Ring) unwrap(known hmacs, o Owner, wrap, dst []byte) ([]byte, *Format, error) {
	id, err := WrapEpoch(wrap)
	if err != nil {
		return nil, nil, err
	}
	f, err := r.formatOf(wrap[0])
	if err != nil {
		return nil, nil, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	var keys [2 * KeySize]byte
	if err := r.derive(known, &keys, id, f, o); err != nil {
		return nil, nil, err
	}
	defer clear(keys[:])
	if subtle.ConstantTimeCompare(keys[KeySize:], wrap[wrapCommit:wrapNonce]) != 1 {
		return nil, nil, ErrOpen
	}
	box, err := newGCM(keys[:KeySize])
	if err != nil {
		return nil, nil, err
	}
	key, err := box.Open(dst, wrap[wrapNonce:wrapBox], wrap[wrapBox:], wrap[:wrapHead])
	if err != nil {
		return nil, nil, ErrOpen
	}
	return key, f, nil
}

var errOwner = errors.New("seal: an owner needs a dossier, a subject and a purpose")

// derive gives wrap key ‖ commitment of an owner. The caller holds the lock,
// so that an epoch is not wiped meanwhile.
func (r *Ring) derive(known hmacs, keys *[2 * KeySize]byte, id EpochID, f *Format, o Owner) error {
	if o.Dossier == "" || o.Subject == "" || o.Purpose == "" {
		return errOwner
	}
	e := r.epochs[id]
	if e == nil {
		return ErrEpochUnknown
	}
	var room [256]byte
	info := append(room[:0], f.wrapLabel...)
	info = appendString(info, o.Dossier)
	info = appendString(info, o.Subject)
	info = appendString(info, o.Purpose)
	info = appendString(info, o.Case)
	expand(known.of(e), info, keys[:])
	return nil
}
