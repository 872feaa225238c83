package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cartkeep/cartkeep/internal/discount"
	"github.com/cartkeep/cartkeep/internal/settings"
)

type settingsCmd struct {
	Export settingsExportCmd `cmd:"" help:"Write the shop's settings as TOML. No secret is among them."`
	Import settingsImportCmd `cmd:"" help:"Change the shop's settings to what a file says: all of it or, when something is wrong, nothing."`

	NewCode settingsNewCodeCmd `cmd:"" help:"Make up discount codes that nobody can guess, and print them for the settings file. Nothing is kept."`
}

type settingsExportCmd struct {
	File string `arg:"" optional:"" help:"Where to write; default standard output." placeholder:"FILE.toml"`
}

// Run writes the settings.
func (c settingsExportCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	order := call{Name: "settings export"}
	if c.File == "" || c.File == "-" {
		return carryOut(ctx, p, set, order, nil)
	}
	return writeFile(p, c.File, func(to *Process) error { return carryOut(ctx, to, set, order, nil) })
}

type settingsImportCmd struct {
	File       string `arg:"" help:"The TOML file, or - for standard input." placeholder:"FILE.toml"`
	DryRun     bool   `help:"Say what would change and change nothing."`
	NoPictures bool   `help:"Fetch no pictures of collections from other hosts now; a later import does."`
}

type settingsNewCodeCmd struct {
	Count int `help:"How many." default:"1" placeholder:"N"`
}

// maxNewCodes is how many codes a settings file can have.
const maxNewCodes = 5000

// Run prints codes.
func (c settingsNewCodeCmd) Run(p *Process) error {
	if c.Count < 1 || c.Count > maxNewCodes {
		return misused("--count is from 1 to %d", maxNewCodes)
	}
	for range c.Count {
		if _, err := fmt.Fprintln(p.Out, discount.New()); err != nil {
			return err
		}
	}
	return nil
}

// Run brings settings in.
func (c settingsImportCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	in, err := openInput(p, c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	args := map[string]string{}
	if c.DryRun {
		args["dry"] = "yes"
	}
	if c.NoPictures {
		args["pictures"] = "no"
	}
	return carryOut(ctx, p, set, call{Name: "settings import", Args: args}, in)
}

func (o *operating) settingsExport(ctx context.Context) error {
	b, err := settings.Export(ctx, o.vault.db)
	if err == nil {
		_, err = o.out.Write(b)
	}
	return err
}

func (o *operating) settingsImport(ctx context.Context, dry, pictures bool) error {
	file, err := io.ReadAll(io.LimitReader(o.in, settings.MaxFile+1))
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	changes, err := settings.Import(ctx, o.vault.db, o.actor, file, dry, o.payable)
	var bad settings.Problems
	if errors.As(err, &bad) {
		for _, p := range bad {
			fmt.Fprintln(o.err, "cartkeep: "+settings.Problems{p}.Error())
		}
		fmt.Fprintf(o.err, "cartkeep: %s, nothing was changed\n", many(len(bad), "mistake"))
		return statusError(1)
	}
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintln(o.out, c)
		if c.Warning != "" {
			fmt.Fprintln(o.err, "cartkeep: WARNING: "+c.Warning)
		}
	}
	word := "changed"
	if dry {
		word = "would change"
	}
	fmt.Fprintf(o.out, "cartkeep: %s %s\n", many(len(changes), "setting"), word)
	if dry || !pictures {
		return nil
	}
	return o.bringPictures(ctx, true)
}
