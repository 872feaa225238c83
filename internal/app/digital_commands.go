package app

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/store"
)

type filesCmd struct {
	Add    filesAddCmd    `cmd:"" help:"Seal a file that buyers of a virtual variant may download."`
	List   filesListCmd   `cmd:"" help:"List the files."`
	Remove filesRemoveCmd `cmd:"" help:"End a file: its key is destroyed, and nobody can load it any more."`
}

type filesAddCmd struct {
	Variant string `help:"SKU of the variant." required:"" placeholder:"SKU"`
	File    string `arg:"" help:"The file." placeholder:"FILE"`
}

// Run seals a file.
func (c filesAddCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	f, err := os.Open(c.File)
	if err != nil {
		return misused("%w", err)
	}
	defer f.Close()
	return carryOut(ctx, p, set, call{Name: "files add", Args: map[string]string{"variant": c.Variant, "name": filepath.Base(c.File)}}, f)
}

type filesListCmd struct{}

// Run lists files.
func (filesListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "files list"}, nil)
}

type filesRemoveCmd struct {
	ID string `arg:"" help:"The id that list shows." placeholder:"ID"`
}

// Run ends a file.
func (c filesRemoveCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "files remove", Args: map[string]string{"id": c.ID}}, nil)
}

type licencesCmd struct {
	Add  licencesAddCmd  `cmd:"" help:"Seal licence keys, one a line; each is handed out once."`
	List licencesListCmd `cmd:"" help:"Count the licence keys; none is shown."`
}

type licencesAddCmd struct {
	Variant string `help:"SKU of the variant." required:"" placeholder:"SKU"`
	From    string `help:"The file with the keys, or - for standard input." required:"" placeholder:"FILE"`
}

// Run seals licence keys.
func (c licencesAddCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	in := p.In
	if c.From != "-" {
		f, err := os.Open(c.From)
		if err != nil {
			return misused("%w", err)
		}
		defer f.Close()
		in = f
	}
	return carryOut(ctx, p, set, call{Name: "licences add", Args: map[string]string{"variant": c.Variant}}, in)
}

type licencesListCmd struct{}

// Run counts licence keys.
func (licencesListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "licences list"}, nil)
}

// digital carries out the commands about goods that are not sent by post.
func (o *operating) digital(ctx context.Context, c call) error {
	db := o.vault.db
	switch c.Name {
	case "files add":
		variant, err := o.virtual(ctx, c.Args["variant"])
		if err != nil {
			return err
		}
		name := c.Args["name"]
		if name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\\x00\r\n\"") {
			return fault.Field("file", "Give the file a plain name of up to 200 bytes.")
		}
		f, err := db.AddFile(ctx, o.actor, variant, name, o.in)
		if err == nil {
			fmt.Fprintf(o.out, "cartkeep: sealed %s, %d bytes, id %s\n", f.Name, f.Size, f.ID)
		}
		return err
	case "files list":
		return db.View(ctx, func(v *store.View) error {
			all, err := v.Files("")
			for _, f := range all {
				fmt.Fprintf(o.out, "%s  %s  %d bytes  %s\n", f.ID, f.SKU, f.Size, f.Name)
			}
			return err
		})
	case "files remove":
		return db.InTx(ctx, o.actor, func(t *store.Tx) error { return t.RemoveFile(c.Args["id"]) })
	case "licences add":
		return o.addLicences(ctx, c.Args["variant"])
	default:
		return db.View(ctx, func(v *store.View) error {
			pools, err := v.Pools()
			for _, p := range pools {
				fmt.Fprintf(o.out, "%s  %d left  %d given\n", p.SKU, p.Left, p.Given)
			}
			return err
		})
	}
}

// addLicences names bad lines by their number only: a key belongs into no
// terminal's history.
func (o *operating) addLicences(ctx context.Context, sku string) error {
	variant, err := o.virtual(ctx, sku)
	if err != nil {
		return err
	}
	added, twice, bad := 0, 0, 0
	lines := bufio.NewScanner(o.in)
	lines.Buffer(nil, 64<<10)
	for n := 1; lines.Scan(); n++ {
		key := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if key == "" {
			continue
		}
		if len(key) > store.MaxLicence || !utf8.ValidString(key) {
			fmt.Fprintf(o.err, "cartkeep: line %d: a licence key has up to %d bytes of text\n", n, store.MaxLicence)
			bad++
			continue
		}
		fresh := false
		err := o.vault.db.InTx(ctx, o.actor, func(t *store.Tx) (err error) {
			fresh, err = t.AddLicence(variant, key)
			return err
		})
		switch {
		case err != nil:
			return err
		case fresh:
			added++
		default:
			fmt.Fprintf(o.err, "cartkeep: line %d: this key is in the pool already\n", n)
			twice++
		}
	}
	if added > 0 {
		desk, err := o.till()
		if err != nil {
			return err
		}
		if err := desk.KeysCame(ctx, o.actor, variant); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read licence keys: %w", err)
	}
	fmt.Fprintf(o.out, "cartkeep: sealed %s\n", many(added, "licence key"))
	if twice+bad > 0 {
		return statusError(1)
	}
	return nil
}

func (o *operating) virtual(ctx context.Context, sku string) (id catalog.VariantID, err error) {
	err = o.vault.db.View(ctx, func(v *store.View) (err error) {
		id, err = v.VirtualBySKU(sku)
		return err
	})
	return id, err
}
