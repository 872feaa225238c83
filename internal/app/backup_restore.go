package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// backupSource is what verify and restore have in common.
type backupSource struct {
	File     string   `arg:"" help:"The data part: a path, or s3://BUCKET/PREFIX/NAME." placeholder:"FILE"`
	Keys     []string `help:"A key part, or a folder or bucket with some. Those beside FILE count too; the newest is used, and the others where it has lost something." placeholder:"FILE"`
	Identity []string `help:"A file with the age identity of another recipient. Without it the identities beside the key file are used." placeholder:"FILE"`
}

// opened is a backup with what opens it.
type openedBackup struct {
	backup.Source
	head backup.Header
	ring *seal.Ring
}

func (b *openedBackup) close() { b.ring.Close() }

// open finds what a backup needs: its identities, its key parts and the key file
// of the shop that it is of.
func (c backupSource) open(ctx context.Context, p *Process, set *Settings) (*openedBackup, error) {
	b := &openedBackup{Source: backup.Source{File: c.File}}
	var err error
	if b.Also, err = set.targets(); err != nil {
		return nil, err
	}
	if at := strings.LastIndexByte(c.File, '/'); strings.Contains(c.File, "://") {
		b.File = c.File[at+1:]
		if b.From, err = set.target(c.File[:at]); err != nil {
			return nil, err
		}
	}
	for _, k := range c.Keys {
		if !strings.Contains(k, "://") {
			b.Keys = append(b.Keys, k)
			continue
		}
		also, err := set.target(k)
		if err != nil {
			return nil, err
		}
		b.Also = append(b.Also, also)
	}
	if b.IDs, err = c.identities(set); err != nil {
		return nil, err
	}
	if b.head, err = b.Head(ctx); err != nil {
		return nil, err
	}
	path, err := oldKeyPath(set, b.head.Shop)
	if err != nil {
		return nil, err
	}
	b.Journal = journalPath(path)
	keys, err := openKeys(path, b.head.Shop, set, silent)
	if err != nil {
		return nil, fmt.Errorf("a backup opens with the key file of its shop only: %w", err)
	}
	defer keys.Close()
	// In memory: whatever happens here, the key file stays as it is.
	epochs, err := keys.Load(ctx)
	if err != nil {
		return nil, err
	}
	held := seal.NewMemory(epochs...)
	for i := range epochs {
		epochs[i].Key.Wipe()
	}
	b.ring, err = seal.Open(ctx, held)
	return b, err
}

// oldKeyPath is where the key file of a backup's shop lies.
func oldKeyPath(set *Settings, shop string) (string, error) {
	if set.KeyFile != "" {
		return filepath.Abs(set.KeyFile)
	}
	dir, err := keyFolder()
	return filepath.Join(dir, shop+".key"), err
}

// identities reads those that were named, or those beside the key file.
func (c backupSource) identities(set *Settings) (ids []backup.Identity, err error) {
	files := c.Identity
	if len(files) == 0 {
		own, err := c.ownIdentities(set)
		if err != nil {
			return nil, err
		}
		files = own
	}
	for _, file := range files {
		list, err := backup.ReadIdentities(file)
		if err != nil {
			return nil, err
		}
		ids = append(ids, list...)
	}
	return ids, nil
}

// ownIdentities finds the shop's identities by the end of its id, which the
// name of a part tells.
func (c backupSource) ownIdentities(set *Settings) ([]string, error) {
	if set.KeyFile != "" {
		return []string{identityPath(set.KeyFile)}, nil
	}
	dir, err := keyFolder()
	if err != nil {
		return nil, err
	}
	name := filepath.Base(c.File)
	end := ""
	if words := strings.Split(name, "-"); len(words) > 1 {
		end = words[1]
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"+end+".identity"))
	if err != nil || len(found) == 0 {
		return nil, errors.New("no identity opens this backup: give one with --identity, or the shop's key file with --key-file")
	}
	return found, nil
}

// fresh asks the old shop, where it still is, for a key part of this moment:
// nobody who was erased after the last backup comes back then.
func (b *openedBackup) fresh(ctx context.Context, p *Process, set *Settings) (clean func() error, err error) {
	f, err := openFolder(set.Data)
	if err != nil {
		return nil, err
	}
	if id, err := f.shopID(); err != nil || id != b.head.Shop {
		return func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "cartkeep-keys-*")
	if err != nil {
		return nil, err
	}
	quiet := &Process{Out: io.Discard, Err: io.Discard}
	if err := carryOut(ctx, quiet, set, call{Name: "backup keys", Args: map[string]string{"to": dir}}, nil); err != nil {
		fmt.Fprintf(p.Err, "cartkeep: the shop in %s does not tell who was erased since the backup (%v); the newest key part counts\n", f.path, err)
		return func() error { return os.RemoveAll(dir) }, nil
	}
	b.Keys = append(b.Keys, dir)
	return func() error { return os.RemoveAll(dir) }, nil
}

type backupVerifyCmd struct {
	backupSource
}

// Run tries a backup.
func (c backupVerifyCmd) Run(ctx context.Context, p *Process, set *Settings) (err error) {
	b, err := c.open(ctx, p, set)
	if err != nil {
		return err
	}
	defer b.close()
	began := time.Now()
	got, err := backup.Verify(ctx, b.Source, b.ring)
	tellRestored(p.Out, got, err)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "ok %s of %s, %s and %s opened, ledger %v\n", c.File, got.From.At.Format(time.RFC3339), many(int(got.Rows), "row"), many(int(got.Opened), "value"), got.Ledger)
	fmt.Fprintf(p.Err, "cartkeep: tried in %s\n", time.Since(began).Round(time.Millisecond))
	return nil
}

// tellRestored names what a backup lacks.
func tellRestored(w io.Writer, got backup.Restored, err error) {
	if err != nil {
		return
	}
	if got.KeyAt.Before(got.From.At) {
		fmt.Fprintf(w, "the key part %s is older than the data part: keys made between the two are lost\n", got.Key)
	}
	for _, t := range got.Taken {
		fmt.Fprintf(w, "dossier %s (%s) has no key in the newest key part; taken from %s\n", t.Dossier, t.Purpose, t.From)
	}
	for _, l := range got.Lost {
		if l.Epoch != 0 {
			fmt.Fprintf(w, "lost: dossier %s (%s): the key store no longer has epoch %d\n", l.Dossier, l.Purpose, l.Epoch)
			continue
		}
		fmt.Fprintf(w, "lost: dossier %s (%s): no key part has its key, and nothing says that it was destroyed\n", l.Dossier, l.Purpose)
	}
	if got.Barred > 0 {
		fmt.Fprintf(w, "%s of then not restored: the erasure journal says that people asked for that since\n", many(int(got.Barred), "dossier"))
	}
	if got.Erased > 0 {
		fmt.Fprintf(w, "%s erased since, as the erasure journal says, and erased again\n", many(int(got.Erased), "dossier"))
	}
	if got.Shut > 0 {
		fmt.Fprintf(w, "%s did not open though the key is there\n", many(int(got.Shut), "value"))
	}
}

type backupRestoreCmd struct {
	backupSource
	Into       string `help:"Folder of the new shop; or, for PostgreSQL, the postgres:// URL of an empty database, and then --folder." required:"" placeholder:"NEWDIR"`
	Folder     string `help:"With a postgres:// URL: the folder of the new shop." placeholder:"NEWDIR"`
	NewKeyFile string `help:"Where the new shop's key file goes. Without it, the usual place." placeholder:"FILE"`
	Overwrite  bool   `help:"Do not ask when NEWDIR has something in it: move it aside."`
}

// Run restores a backup.
func (c backupRestoreCmd) Run(ctx context.Context, p *Process, set *Settings) (err error) {
	dir, database := c.Into, ""
	if strings.Contains(c.Into, "://") {
		if dir, database = c.Folder, c.Into; dir == "" {
			return misused("folder: with the URL of a database, name the folder of the new shop too: --folder NEWDIR")
		}
	} else if c.Folder != "" {
		return misused("folder: --folder goes with the URL of a database; otherwise --into names the folder")
	}
	b, err := c.open(ctx, p, set)
	if err != nil {
		return err
	}
	defer b.close()
	plot, err := newPlot(dir, database, c.NewKeyFile, b.head.ID(), set)
	if err != nil {
		return err
	}
	if err := plot.clear(ctx, func(what string) bool { return c.Overwrite || agreed(p, what) }); err != nil {
		return err
	}
	clean, err := b.fresh(ctx, p, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	got, err := plot.build(ctx, func(ctx context.Context, into store.Config) (backup.Restored, error) {
		return backup.Restore(ctx, b.Source, b.ring, into, ledger.OS(userName(os.Getuid())))
	})
	tellRestored(p.Out, got, err)
	if err != nil {
		return err
	}
	if got.Whole {
		fmt.Fprintf(p.Out, "cartkeep: an earlier try had restored all of it but for the folder's name; ledger %v\n", got.Ledger)
		fmt.Fprintf(p.Out, "cartkeep: key file %s\n%s\n", plot.key, plot.final.path)
		return nil
	}
	fmt.Fprintf(p.Out, "cartkeep: %s of %s; %s open, %s ended\n", many(int(got.Rows), "row"), got.From.At.Format(time.RFC3339), many(int(got.Alive), "dossier"), many(int(got.Ended), "dossier"))
	fmt.Fprintf(p.Out, "cartkeep: %s lost by restore; the new ledger begins at %d\n", many(int(got.Branch.Lost()), "event"), got.Branch.Kept)
	fmt.Fprintf(p.Out, "cartkeep: key file %s\n", plot.key)
	fmt.Fprintln(p.Out, plot.final.path)
	return nil
}

// agreed asks whoever sits at the terminal.
func agreed(p *Process, what string) bool {
	fmt.Fprintf(p.Err, "%s Type yes to go on: ", what)
	if p.In == nil {
		return false
	}
	line, _ := bufio.NewReader(p.In).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}
