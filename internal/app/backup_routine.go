package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/bucket"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/store"
)

// BackingUp are the settings of backups that the shop makes by itself.
type BackingUp struct {
	BackupTo        []string      `help:"Folders, or buckets as s3://BUCKET/PREFIX, that the shop brings backups to by itself, and where a restore looks for key parts. Backups past the backup window are deleted there. Default: none." placeholder:"DIR" group:"Backups"`
	BackupEvery     time.Duration `help:"How often." default:"24h" placeholder:"TIME" group:"Backups"`
	BackupRecipient []string      `help:"age recipients (age1…) that these backups are sealed to as well." placeholder:"AGE1" group:"Backups"`
	S3Endpoint      string        `help:"Object storage that speaks S3: https://HOST[:PORT]." name:"s3-endpoint" placeholder:"URL" group:"Backups"`
	S3Region        string        `help:"Its region. Without it the storage is asked." name:"s3-region" placeholder:"NAME" group:"Backups"`
	S3AccessKey     string        `help:"Who asks it." name:"s3-access-key" secret:"yes" placeholder:"TEXT" group:"Backups"`
	S3SecretKey     string        `help:"The secret that goes with it. Give it as CARTKEEP_S3_SECRET_KEY_FILE; a flag shows in the list of processes." name:"s3-secret-key" secret:"yes" placeholder:"TEXT" group:"Backups"`
	S3CA            string        `help:"A file of certificates to trust besides the system's." name:"s3-ca" type:"path" placeholder:"FILE" group:"Backups"`
}

// address is the one way to write where a place is. A path is one from here: the
// running shop may stand in another folder.
func address(name string) (string, error) {
	if !strings.Contains(name, "://") {
		return filepath.Abs(name)
	}
	bucket, prefix, err := bucket.Parse(name)
	return strings.TrimSuffix("s3://"+bucket+"/"+prefix, "/"), err
}

// target finds the place that somebody named.
func (b BackingUp) target(name string) (backup.Target, error) {
	where, err := address(name)
	if err != nil || !strings.Contains(name, "://") {
		return backup.Folder(where), err
	}
	to, err := bucket.Open(where, bucket.Settings{Endpoint: b.S3Endpoint, Region: b.S3Region, AccessKey: b.S3AccessKey, SecretKey: b.S3SecretKey, CAFile: b.S3CA})
	if err != nil {
		return nil, fmt.Errorf("%s: %w; see the settings s3-…", where, err)
	}
	return backup.InBucket(to), nil
}

// targets are the places of the settings.
func (b BackingUp) targets() ([]backup.Target, error) {
	var out []backup.Target
	seen := map[string]bool{}
	for _, name := range b.BackupTo {
		if name == "" {
			continue // the way to say none
		}
		to, err := b.target(name)
		if err != nil {
			return nil, err
		}
		if seen[to.String()] {
			return nil, fmt.Errorf("%s is named twice", to)
		}
		seen[to.String()] = true
		out = append(out, to)
	}
	return out, nil
}

// routine is how the shop makes backups by itself.
func (s *Settings) routine(v *vault, log *slog.Logger) (*backup.Routine, error) {
	targets, err := s.targets()
	if err != nil {
		return nil, err
	}
	more, err := backup.ParseRecipients(s.BackupRecipient)
	if err != nil {
		return nil, err
	}
	return &backup.Routine{DB: v.db, Targets: targets, Every: s.BackupEvery, Window: time.Duration(s.BackupWindow) * 24 * time.Hour, More: more, Log: log,
		Pair: func() (*backup.Pair, error) { return backup.OpenPair(v.identity) },
		Brake: func(ctx context.Context) (string, error) {
			b, err := privacy.Look(ctx, v.db)
			if err != nil || b.Why != privacy.ClockAhead && b.Why != privacy.ClockBehind {
				return "", err
			}
			return b.String(), nil
		}}, nil
}

type backupListCmd struct {
	Targets []string `arg:"" optional:"" help:"Folders or buckets to look into; no shop is needed then. Without one: every place of --backup-to, as the shop sees it." placeholder:"DIR"`
}

// Run lists backups.
func (c backupListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if len(c.Targets) == 0 {
		return carryOut(ctx, p, set, call{Name: "backup list"}, nil)
	}
	for _, name := range c.Targets {
		to, err := set.target(name)
		if err != nil {
			return misuseError{err}
		}
		list, err := to.List(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
		fmt.Fprintln(p.Out, to)
		tellSets(p.Out, backup.Sets(list), time.Now())
	}
	return nil
}

// backupList tells of every place that the shop brings backups to, and how the
// last one went. It is 1 where something is wrong.
func (o *operating) backupList(ctx context.Context) error {
	r := o.vault.backups
	if len(r.Targets) == 0 {
		fmt.Fprintln(o.out, noBackups)
		return nil
	}
	known, err := o.vault.backups.Known(ctx)
	if err != nil {
		return err
	}
	bad := false
	for _, to := range r.Targets {
		fmt.Fprintf(o.out, "%s  every %s, kept for %s\n", to, hours(r.Every), many(int(r.Window.Hours()/24), "day"))
		list, err := to.List(ctx)
		if err != nil {
			bad = true
			fmt.Fprintf(o.out, "  can't be looked into: %v\n", err)
		}
		tellSets(o.out, backup.Sets(list), r.DB.Now())
		if why := unwell(known[to.String()], r, r.DB.Now()); why != "" {
			bad = true
			fmt.Fprintf(o.out, "  %s\n", why)
		}
	}
	if bad {
		return statusError(1)
	}
	return nil
}

const noBackups = "cartkeep: no backups are made by themselves; say where they are to go with the setting backup-to"

// unwell says what is wrong with the backups in a place; empty when nothing is.
func unwell(b store.BackupTarget, r *backup.Routine, now time.Time) string {
	age := "there is no backup yet"
	if !b.Made.IsZero() {
		age = "the last backup is " + ago(now.Sub(b.Made)) + " old"
	}
	switch {
	case b.Failure != "":
		return fmt.Sprintf("failing since %s: %s; %s", b.Failing.Format(time.RFC3339), b.Failure, age)
	case !b.Made.IsZero() && now.Sub(b.Made) > 2*r.Every+time.Hour:
		return age + "; does the shop run?"
	}
	return ""
}

// warnOfBackups says which backups fail, and when they lie in one place alone.
func (o *operating) warnOfBackups(ctx context.Context) error {
	if len(o.vault.backups.Targets) == 0 {
		return nil
	}
	known, err := o.vault.backups.Known(ctx)
	if err != nil {
		return err
	}
	if len(o.vault.backups.Targets) == 1 {
		fmt.Fprintf(o.err, "cartkeep: backups go to %s alone, and their key parts with them: when that is lost, no older copy can be opened. Name a second place in backup-to\n", o.vault.backups.Targets[0])
	}
	for _, to := range o.vault.backups.Targets {
		if why := unwell(known[to.String()], o.vault.backups, o.vault.db.Now()); why != "" {
			fmt.Fprintf(o.err, "cartkeep: backups to %s: %s\n", to, why)
		}
	}
	return nil
}

// tellSets lists sets, the newest first.
func tellSets(w io.Writer, sets []backup.Set, now time.Time) {
	for _, s := range sets {
		fmt.Fprintf(w, "  %s  %s old  shop %s  %s, %s\n", s.At.Format(time.RFC3339), ago(now.Sub(s.At)), s.Shop, sizeOf("data", s.Data), sizeOf("keys", s.Keys))
	}
	if len(sets) == 0 {
		fmt.Fprintln(w, "  nothing")
	}
}

func sizeOf(kind string, s backup.Stored) string {
	if s.Name == "" {
		return "no " + kind
	}
	return kind + " " + bytesText(s.Size)
}

// bytesText is a size as people read it.
func bytesText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
}

// ago is an age as people say it.
func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return many(int(max(d, 0).Seconds()), "second")
	case d < 2*time.Hour:
		return many(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return many(int(d.Hours()), "hour")
	default:
		return many(int(d.Hours()/24), "day")
	}
}

// hours is a time without the zeros at its end.
func hours(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if strings.Contains(text, "h") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
