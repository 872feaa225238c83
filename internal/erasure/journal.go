// Package erasure is the erasure journal: which dossiers were destroyed because
// a person wished it, in order, so that a restore or a database that was put back
// does not bring them to life again.
//
// It knows numbers, ids of dossiers and times, and nothing else: no person, no
// purpose, no reason. Entries are chained by hashes and the newest link is signed
// like a checkpoint of the ledger, under an origin of its own, so that a line that
// was changed, left out or added is found. It does not know where the dossiers
// are (store), who asks (privacy) or what a backup is.
//
// Read journal.go first, then file.go, the copy that lies beside the key file.
package erasure

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// Link ties an entry to all before it:
//
//	SHA-256(link before ‖ number, 8 bytes ‖ length of the id, 4 bytes ‖ id ‖ time, 8 bytes)
//
// with big-endian numbers and times in Unix milliseconds. The link before the
// first entry is 32 zero bytes.
type Link = ledger.Hash

// Entry says that a dossier was destroyed by a person's wish.
type Entry struct {
	Number  int64 // from 1, without a gap
	Dossier string
	At      time.Time
	Link    Link
}

// ErrDamaged means a journal in which a line was changed, left out or added.
var ErrDamaged = errors.New("the erasure journal is damaged")

// maxID bounds the id of a dossier, in bytes.
const maxID = 64

// Next is the entry that follows e; the zero Entry stands before the first.
func (e Entry) Next(dossier string, at time.Time) Entry {
	n := Entry{Number: e.Number + 1, Dossier: dossier, At: time.UnixMilli(at.UnixMilli()).UTC()}
	h := sha256.New()
	h.Write(e.Link[:])
	b := binary.BigEndian.AppendUint64(nil, uint64(n.Number))
	b = binary.BigEndian.AppendUint32(b, uint32(len(dossier)))
	b = append(b, dossier...)
	b = binary.BigEndian.AppendUint64(b, uint64(n.At.UnixMilli()))
	h.Write(b)
	h.Sum(n.Link[:0])
	return n
}

// Follows reports whether n is what comes after e.
func (e Entry) Follows(n Entry) error {
	if want := e.Next(n.Dossier, n.At); want != n || n.Dossier == "" || len(n.Dossier) > maxID {
		return fmt.Errorf("%w: entry %d does not follow entry %d", ErrDamaged, n.Number, e.Number)
	}
	return nil
}

// Signer signs heads of the journal of one shop. seed is that of the key that
// signs its ledger; the origin keeps the two apart.
func Signer(shop string, seed []byte) (*ledger.Signer, error) {
	return ledger.NewSigner("cartkeep/"+shop+"/erasures/1", seed)
}

// Sign signs the newest entry: how many there are, and the last link.
func (e Entry) Sign(s *ledger.Signer) (string, error) { return s.Sign(e.Number, e.Link) }

// Signed reports whether one of the keys signed that the journal ends with e.
func (e Entry) Signed(note string, keys ...string) error {
	c, err := ledger.OpenCheckpoint(note, keys...)
	if err != nil {
		return fmt.Errorf("%w: its head: %w", ErrDamaged, err)
	}
	if c.Size != e.Number || c.Root != e.Link {
		return fmt.Errorf("%w: its head is of %d entries that are not these %d", ErrDamaged, c.Size, e.Number)
	}
	return nil
}
