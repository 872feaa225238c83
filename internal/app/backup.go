package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/cartkeep/cartkeep/internal/backup"
)

type backupCmd struct {
	List    backupListCmd    `cmd:"" help:"List what backups there are in each place, how old and how large they are, and how the last one went."`
	Create  backupCreateCmd  `cmd:"" help:"Make a backup. The shop serves meanwhile. The last line printed is the path of its data part."`
	Verify  backupVerifyCmd  `cmd:"" help:"Try a backup: restore it into a scratch place, open what it holds, check its ledger, throw the scratch away."`
	Restore backupRestoreCmd `cmd:"" help:"Make a new shop from a backup. Who was erased since stays erased."`
}

type backupCreateCmd struct {
	To        string   `help:"Folder for the two parts, which is made when it is not there, or s3://BUCKET/PREFIX. Without it: every place of --backup-to." placeholder:"DIR"`
	Recipient []string `help:"Seal both parts to this age recipient too (age1…), so that its owner can open them without this machine. May be given more than once." placeholder:"AGE1"`
}

// Run makes a backup.
func (c backupCreateCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if _, err := backup.ParseRecipients(c.Recipient); err != nil {
		return misuseError{err}
	}
	args := map[string]string{}
	if c.To == "" {
		if len(c.Recipient) > 0 {
			return misused("recipient: with --to only; for the places of --backup-to there is --backup-recipient")
		}
		if len(set.BackupTo) == 0 {
			return misused("to: name a folder; or name one for good with --backup-to")
		}
	} else {
		to, err := address(c.To)
		if err != nil {
			return misused("to: %w", err)
		}
		args = map[string]string{"to": to, "recipients": strings.Join(c.Recipient, "\n")}
	}
	return carryOut(ctx, p, set, call{Name: "backup create", Args: args}, nil)
}

// backupCreate makes a backup of the open shop.
func (o *operating) backupCreate(ctx context.Context, where, recipients string) error {
	_, err := os.Lstat(o.vault.identity)
	isNew := os.IsNotExist(err)
	tell := func(to backup.Target, m backup.Made) {
		if isNew {
			fmt.Fprintf(o.err, "cartkeep: the file that opens backups was made beside the key file: %s; keep a copy of both elsewhere\n", o.vault.identity)
		}
		isNew = false
		fmt.Fprintf(o.out, "cartkeep: %s in the data part, %s in the key part %s\n%s\n", many(int(m.Rows), "row"), many(int(m.Dossiers), "dossier"), m.Keys, backup.Path(to, m.Data))
	}
	if where == "" {
		return o.vault.backups.All(ctx, o.actor, tell)
	}
	more, err := backup.ParseRecipients(strings.Fields(recipients))
	if err != nil {
		return err
	}
	to, err := o.vault.target(where)
	if err != nil {
		return err
	}
	pair, err := backup.OpenPair(o.vault.identity)
	if err != nil {
		return err
	}
	m, err := backup.Create(ctx, o.vault.db, to, pair, more, o.actor)
	if err != nil {
		return err
	}
	tell(to, m)
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
