package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/keystore"
	"github.com/cartkeep/cartkeep/internal/ledger"
)

type keysCmd struct {
	List        keysListCmd   `cmd:"" help:"List the epoch keys: their age, how many dossiers need each, and what keeps it; and the keys of the blind indexes."`
	Recovery    recoveryCmd   `cmd:"" help:"Bring the keys back one day: who may, with what, and whether it was tried."`
	Rotate      keysRotateCmd `cmd:"" help:"Begin a new epoch now and re-wrap everything alive under it, or replace the key of the blind indexes. The shop serves meanwhile."`
	Reseal      keysResealCmd `cmd:"" help:"Give everything that is sealed another key, and the newest format, for example after somebody may have seen keys. The shop serves meanwhile; what was cut off goes on."`
	Move        keysMoveCmd   `cmd:"" help:"Let somebody else keep the keys: a file, sealed by a passphrase or not, Vault, or a program. The shop is stopped meanwhile."`
	TryProvider keysTryCmd    `cmd:"" help:"Try the provider in the settings out, with keys of its own: does it do what a provider has to?"`
}

type keysListCmd struct {
	JSON bool `help:"One JSON object a line." name:"json"`
}

// Run lists epochs.
func (c keysListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if c.JSON {
		args["json"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "keys list", Args: args}, nil)
}

type keysRotateCmd struct {
	Index bool `help:"Replace the key of the blind indexes instead: every hash is computed anew and the old key destroyed. What was cut off goes on."`
}

// Run begins an epoch, or replaces the index key.
func (c keysRotateCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if c.Index {
		args["index"] = "yes"
	}
	if terminal(p.Err) {
		args["bar"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "keys rotate", Args: args}, nil)
}

// epochLine is an epoch as JSON.
type epochLine struct {
	Epoch    uint32     `json:"epoch"`
	State    string     `json:"state"`
	Begun    time.Time  `json:"begun"`
	Dossiers int64      `json:"dossiers"`
	Ends     *time.Time `json:"ends,omitempty"`
	Gone     *time.Time `json:"destroyed,omitempty"`
}

// keysList tells of each epoch that lives, and in JSON of the others too.
func (o *operating) keysList(ctx context.Context, lines bool) error {
	list, err := o.vault.life.List(ctx)
	if err != nil {
		return err
	}
	now := o.vault.db.Now()
	enc := json.NewEncoder(o.out)
	for _, e := range list {
		if lines {
			if err := enc.Encode(epochLine{uint32(e.ID), e.State.String(), e.Begun, e.Dossiers, date(e.Ends), date(e.Gone)}); err != nil {
				return err
			}
			continue
		}
		if e.State == keylife.Finished {
			continue
		}
		fmt.Fprintf(o.out, "epoch %d  made %s  %s old  %s  %s\n", e.ID, e.Begun.Format(time.DateOnly), many(int(now.Sub(e.Begun).Hours()/24), "day"), many(int(e.Dossiers), "dossier"), keeps(e))
	}
	if err := o.indexList(ctx, lines, now); err != nil {
		return err
	}
	if err := o.resealList(ctx, lines); err != nil {
		return err
	}
	advice, err := o.vault.saver.advice(ctx, o.vault.ring.Sealing())
	if err == nil && advice != "" {
		fmt.Fprintln(o.err, "cartkeep: "+advice)
	}
	if err != nil {
		return err
	}
	left, err := keystore.Left(o.vault.saver.path)
	if err != nil {
		return err
	}
	if left != "" {
		fmt.Fprintf(o.err, "cartkeep: moving the keys away from %s was cut off before its keys were deleted: stop the shop and move them again\n", left)
	}
	if err := o.warnOfCopies(ctx); err != nil {
		return err
	}
	return o.warnOfBackups(ctx)
}

// indexLine is a key of the blind indexes as JSON.
type indexLine struct {
	Index int64      `json:"index"`
	State string     `json:"state"`
	Begun time.Time  `json:"begun"`
	Done  *int64     `json:"done,omitempty"`
	Of    *int64     `json:"of,omitempty"`
	Gone  *time.Time `json:"destroyed,omitempty"`
}

// indexList tells of each key of the blind indexes that is there, and in JSON of
// the others too.
func (o *operating) indexList(ctx context.Context, lines bool, now time.Time) error {
	list, err := o.vault.life.ListIndexes(ctx)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(o.out)
	for _, k := range list {
		if lines {
			line := indexLine{Index: k.Version, State: k.State.String(), Begun: k.Begun, Gone: date(k.Gone)}
			if k.State == keylife.Filling {
				line.Done, line.Of = &k.Done, &k.All
			}
			if err := enc.Encode(line); err != nil {
				return err
			}
			continue
		}
		if k.State == keylife.Destroyed {
			continue
		}
		fmt.Fprintf(o.out, "index %d  made %s  %s old  %s\n", k.Version, k.Begun.Format(time.DateOnly), many(int(now.Sub(k.Begun).Hours()/24), "day"), hashes(k))
	}
	return nil
}

// hashes says what an index key is used for.
func hashes(k keylife.IndexKey) string {
	switch k.State {
	case keylife.Filling:
		return fmt.Sprintf("new; %d of %d values hashed under it", k.Done, max(k.All, k.Done))
	case keylife.Hashing:
		return "in use"
	case keylife.Replaced:
		return "older; in use until the new one has every value"
	default:
		return "older; its hashes are being removed, then it is destroyed"
	}
}

// systemKeys is who acts when the shop looks after its keys by itself.
var systemKeys = ledger.System("keys")

func date(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// keeps says what keeps an epoch alive.
func keeps(e keylife.Epoch) string {
	switch e.State {
	case keylife.Sealing:
		return "in use"
	case keylife.Leaving:
		return "older; its dossiers are being re-wrapped"
	case keylife.Waiting:
		return "kept for backups until " + e.Ends.Format(time.DateOnly) + ", then destroyed"
	default:
		return "being destroyed"
	}
}

// keysRotate begins an epoch and re-wraps what is alive.
func (o *operating) keysRotate(ctx context.Context, bar bool) error {
	id, err := o.vault.life.Rotate(ctx, o.actor)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "cartkeep: epoch %d began; what is sealed from now on needs its key\n", id)
	show := progress(o.err, bar)
	var done int64
	err = o.vault.life.Rewrap(ctx, keylife.Calm, func(p keylife.Progress) {
		done = p.Done
		show(p)
	})
	if bar && done > 0 {
		fmt.Fprintln(o.err)
	}
	if err != nil {
		return fmt.Errorf("re-wrapping stopped; a running shop goes on with it by itself within the hour: %w", err)
	}
	fmt.Fprintf(o.out, "cartkeep: %s re-wrapped; older keys are destroyed when no backup needs them\n", many(int(done), "dossier"))
	return nil
}

// keysRotateIndex replaces the key of the blind indexes.
func (o *operating) keysRotateIndex(ctx context.Context, bar bool) error {
	show := progress(o.err, bar)
	var done int64
	version, began, err := o.vault.life.RotateIndex(ctx, o.actor, func(p keylife.Progress) {
		done = p.Done
		show(p)
	})
	if bar && done > 0 {
		fmt.Fprintln(o.err)
	}
	if err != nil {
		return fmt.Errorf("replacing the index key stopped; a running shop goes on with it by itself, and so does this command: %w", err)
	}
	word := "is now"
	if !began {
		word = "had begun before and is now"
	}
	fmt.Fprintf(o.out, "cartkeep: index %d %s the only one, and the key before it is destroyed\n", version, word)
	return nil
}

// progress shows a bar, at most ten times a second, or does nothing.
func progress(w io.Writer, bar bool) func(keylife.Progress) {
	const width = 40
	var last time.Time
	return func(p keylife.Progress) {
		if !bar || p.All == 0 || p.Done < p.All && time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		full := int(p.Done * width / p.All)
		fmt.Fprintf(w, "\r[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(".", width-full), p.Done, p.All)
	}
}

// terminal reports whether somebody looks at w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
