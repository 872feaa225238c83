package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cartkeep/cartkeep/internal/backup"
)

type backupCmd struct {
	Create  backupCreateCmd  `cmd:"" help:"Make a backup. The shop serves meanwhile. The last line printed is the path of its data part."`
	Verify  backupVerifyCmd  `cmd:"" help:"Try a backup: restore it into a scratch place, open what it holds, check its ledger, throw the scratch away."`
	Restore backupRestoreCmd `cmd:"" help:"Make a new shop from a backup. Who was erased since stays erased."`
}

type backupCreateCmd struct {
	To        string   `help:"Folder for the two parts; it is made when it is not there." required:"" placeholder:"DIR"`
	Recipient []string `help:"Seal both parts to this age recipient too (age1…), so that its owner can open them without this machine. May be given more than once." placeholder:"AGE1"`
}

// Run makes a backup.
func (c backupCreateCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if _, err := backup.ParseRecipients(c.Recipient); err != nil {
		return misuseError{err}
	}
	// The running shop may stand in another folder.
	to, err := filepath.Abs(c.To)
	if err != nil {
		return fmt.Errorf("backup folder: %w", err)
	}
	return carryOut(ctx, p, set, call{Name: "backup create", Args: map[string]string{"to": to, "recipients": strings.Join(c.Recipient, "\n")}}, nil)
}

// backupCreate makes a backup of the open shop.
func (o *operating) backupCreate(ctx context.Context, to, recipients string) error {
	more, err := backup.ParseRecipients(strings.Fields(recipients))
	if err != nil {
		return err
	}
	_, err = os.Lstat(o.vault.identity)
	isNew := os.IsNotExist(err)
	pair, err := backup.OpenPair(o.vault.identity)
	if err != nil {
		return err
	}
	m, err := backup.Create(ctx, o.vault.db, backup.Folder(to), pair, more, o.actor)
	if err != nil {
		return err
	}
	if isNew {
		fmt.Fprintf(o.err, "cartkeep: the file that opens backups was made beside the key file: %s; keep a copy of both elsewhere\n", o.vault.identity)
	}
	fmt.Fprintf(o.out, "cartkeep: %s in the data part, %s in the key part %s\n%s\n", many(int(m.Rows), "row"), many(int(m.Dossiers), "dossier"), m.Keys, filepath.Join(to, m.Data))
	return nil
}

// backupKeys makes a key part alone, for a restore beside this shop.
func (o *operating) backupKeys(ctx context.Context, to string) error {
	pair, err := backup.OpenPair(o.vault.identity)
	if err != nil {
		return err
	}
	_, err = backup.CreateKeys(ctx, o.vault.db, backup.Folder(to), pair, nil)
	return err
}

// identityPath is where the shop's backup identities lie: beside its key file.
func identityPath(keyFile string) string {
	return strings.TrimSuffix(keyFile, ".key") + ".identity"
}
