package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
	"github.com/cartkeep/cartkeep/internal/seal/recovery"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Beside the key file lie two more: KEYFILE.recipients, which says who may bring
// the keys back, and KEYFILE.recovery, which is for them. The first is not in the
// database: whoever could write there would add themselves.
const (
	recipientsSuffix = ".recipients"
	recoverySuffix   = ".recovery"
)

// saver keeps the recovery file up to date.
type saver struct {
	keys seal.KeyStore
	db   *store.DB
	path string // of the key file
	shop string
}

// recipients reads who may bring the keys back; none where nobody is registered.
func (s *saver) recipients() ([]string, error) {
	text, err := os.ReadFile(s.path + recipientsSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read who may recover: %w", err)
	}
	list, err := recovery.Recipients(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path+recipientsSuffix, err)
	}
	return list, nil
}

// save writes the recovery file when the epochs or the recipients are others
// than those of the last one.
func (s *saver) save(ctx context.Context) error {
	to, err := s.recipients()
	if err != nil || len(to) == 0 {
		return err
	}
	epochs, err := s.keys.Load(ctx)
	if err != nil {
		return fmt.Errorf("write the recovery file: %w", err)
	}
	defer wipe(epochs)
	var holds strings.Builder
	for _, e := range epochs {
		fmt.Fprintf(&holds, "%d ", e.ID)
	}
	sum := sha256.Sum256([]byte(strings.Join(to, "\n")))
	holds.WriteString("for " + hex.EncodeToString(sum[:8]))
	var last store.Recovery
	if err := s.db.View(ctx, func(v *store.View) (err error) { last, err = v.Recovery(); return err }); err != nil {
		return err
	}
	file := s.path + recoverySuffix
	if _, err := os.Stat(file); err == nil && last.Holds == holds.String() {
		return nil
	}
	text, err := keyfile.Text(s.shop, epochs)
	if err != nil {
		return fmt.Errorf("write the recovery file: %w", err)
	}
	defer clear(text)
	var sealed bytes.Buffer
	if err := recovery.Seal(&sealed, text, to); err != nil {
		return fmt.Errorf("write the recovery file: %w", err)
	}
	if err := putFile(file, sealed.Bytes()); err != nil {
		return fmt.Errorf("write the recovery file: %w", err)
	}
	return s.db.InTx(ctx, systemKeys, func(t *store.Tx) error { return t.RecoveryWritten(holds.String()) })
}

func wipe(epochs []seal.Epoch) {
	for _, e := range epochs {
		e.Key.Wipe()
	}
}

// putFile replaces a file that only its owner may read, whole or not at all.
func putFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// register adds a recipient, for good, and writes the file for all of them.
func (s *saver) register(ctx context.Context, recipient, note string) error {
	if _, err := recovery.Recipients(recipient); err != nil {
		return err
	}
	list, err := s.recipients()
	if err != nil {
		return err
	}
	for _, have := range list {
		if have == recipient {
			return s.save(ctx)
		}
	}
	text, err := os.ReadFile(s.path + recipientsSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(text) == 0 {
		text = []byte("# Who may bring the keys of this shop back from " + filepath.Base(s.path) + recoverySuffix + ", as age recipients.\n# Take a line out and run: cartkeep keys recovery\n")
	}
	// What does not mix with the others is refused before it is registered.
	if err := recovery.Seal(&bytes.Buffer{}, nil, append(list, recipient)); err != nil {
		return err
	}
	if err := putFile(s.path+recipientsSuffix, fmt.Appendf(text, "# %s\n%s\n", note, recipient)); err != nil {
		return fmt.Errorf("register a recipient: %w", err)
	}
	return s.save(ctx)
}

// recoveryState tells of the recovery file, and what is left to do.
func (o *operating) recoveryState(ctx context.Context) error {
	if err := o.vault.saver.save(ctx); err != nil {
		return err
	}
	to, err := o.vault.saver.recipients()
	if err != nil {
		return err
	}
	if len(to) > 0 {
		fmt.Fprintf(o.out, "cartkeep: %s may recover, with %s\n", many(len(to), "recipient"), o.vault.saver.path+recoverySuffix)
	}
	advice, err := o.vault.saver.advice(ctx, o.vault.ring.Sealing())
	if err != nil {
		return err
	}
	if advice == "" {
		advice = "the recovery file was tried, and holds the newest epoch"
	}
	fmt.Fprintln(o.out, "cartkeep: "+advice)
	return nil
}

// advice is what is left to do for the keys to be brought back one day.
func (s *saver) advice(ctx context.Context, newest seal.EpochID) (string, error) {
	to, err := s.recipients()
	if err != nil {
		return "", err
	}
	if len(to) == 0 {
		return "nobody can bring the keys back when this machine is lost; see: cartkeep keys recovery --help", nil
	}
	var known store.Recovery
	if err := s.db.View(ctx, func(v *store.View) (err error) { known, err = v.Recovery(); return err }); err != nil {
		return "", err
	}
	switch {
	case known.Tried == 0:
		return "the recovery file was never tried: copy it to another place, and run there or here: cartkeep keys recovery try FILE", nil
	case known.Tried < newest:
		return fmt.Sprintf("the recovery file that was tried ends with epoch %d, and the newest is %d: copy it again, and try it", known.Tried, newest), nil
	}
	return "", nil
}

// register adds a recipient and says so in the ledger.
func (o *operating) register(ctx context.Context, recipient, note string) error {
	if err := o.vault.saver.register(ctx, recipient, note); err != nil {
		return err
	}
	return o.vault.db.InTx(ctx, o.actor, func(t *store.Tx) error { return t.Event("keys.recipient", "", recipient, "") })
}

// recoverySplit splits a new identity and registers it.
func (o *operating) recoverySplit(ctx context.Context, needed, total int) error {
	recipient, shares, err := recovery.Split(needed, total)
	if err != nil {
		return err
	}
	if err := o.register(ctx, recipient, fmt.Sprintf("any %d of %d shares", needed, total)); err != nil {
		return err
	}
	enc := json.NewEncoder(o.out)
	for _, s := range shares {
		if err := enc.Encode(string(s)); err != nil {
			return err
		}
		clear(s)
	}
	return nil
}

// recoveryTried compares what somebody found in a recovery file with the ring.
func (o *operating) recoveryTried(ctx context.Context, marks map[seal.EpochID]string) error {
	ring := o.vault.ring
	for _, e := range ring.Epochs() {
		mark, err := ring.Check(e.ID)
		if err != nil {
			return err
		}
		found, there := marks[e.ID]
		switch {
		case !there && e.ID == ring.Sealing():
			return fmt.Errorf("this recovery file is older than epoch %d, which is in use: copy the new one", e.ID)
		case !there:
			return fmt.Errorf("this recovery file lacks epoch %d", e.ID)
		case found != hex.EncodeToString(mark):
			return fmt.Errorf("this recovery file holds another key for epoch %d", e.ID)
		}
	}
	err := o.vault.db.InTx(ctx, o.actor, func(t *store.Tx) error { return t.RecoveryTried(ring.Sealing()) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "cartkeep: the recovery file opens, and holds every epoch up to %d\n", ring.Sealing())
	return err
}
