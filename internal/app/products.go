package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/intake"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
)

type importCmd struct {
	Products importProductsCmd `cmd:"" help:"Import products from the product CSV of Shopify or WooCommerce."`
}

type importProductsCmd struct {
	File       string `arg:"" help:"The CSV file, or - for standard input." placeholder:"FILE.csv"`
	DryRun     bool   `help:"Only say what would change."`
	NoPictures bool   `help:"Fetch no pictures and no files to download from other hosts now; a later import does."`
}

// Run imports products; bad rows are named, good ones kept.
func (c importProductsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
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
	return carryOut(ctx, p, set, call{Name: "import products", Args: args}, in)
}

type exportCmd struct {
	Products exportProductsCmd `cmd:"" help:"Write every product as the CSV of Shopify or WooCommerce."`
}

type exportProductsCmd struct {
	Format string `help:"shopify or woocommerce." enum:"shopify,woocommerce" default:"shopify"`
	Out    string `help:"Where to write; default standard output." type:"path" placeholder:"FILE"`
}

// Run writes the products.
func (c exportProductsCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	order := call{Name: "export products", Args: map[string]string{"format": c.Format}}
	if c.Out == "" {
		return carryOut(ctx, p, set, order, nil)
	}
	return writeFile(p, c.Out, func(to *Process) error { return carryOut(ctx, to, set, order, nil) })
}

// productSink brings products into the catalogue: those that are there already,
// as the file tells them, are left alone.
type productSink struct {
	db    *store.DB
	actor ledger.Actor
	dry   bool // nothing is written
}

// Save implements intake.Sink. What has to be written is written together;
// when one of it is refused, each by itself.
func (s productSink) Save(ctx context.Context, list []catalog.Product) ([]intake.Saved, error) {
	out := make([]intake.Saved, len(list))
	old := make([]string, len(list)) // handles so far
	var write []int
	err := s.db.View(ctx, func(v *store.View) error {
		write = write[:0]
		for i, p := range list {
			have, err := v.KnownProduct(p)
			if err != nil {
				return err
			}
			old[i] = have.Handle
			switch {
			case have.ID == "":
				out[i].Outcome = intake.New
			case intake.Same(have, p):
				out[i].Outcome = intake.Unchanged
				continue
			default:
				out[i].Outcome = intake.Changed
			}
			write = append(write, i)
		}
		return nil
	})
	if err != nil || s.dry || len(write) == 0 {
		return out, err
	}
	save := func(t *store.Tx, i int) error {
		if old[i] != "" && old[i] != list[i].Handle {
			if err := t.RenameProduct(old[i], list[i].Handle); err != nil {
				return err
			}
		}
		return t.SaveProduct(list[i])
	}
	err = s.db.InTx(ctx, s.actor, func(t *store.Tx) error {
		for _, i := range write {
			if err := save(t, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil || !refused(err) {
		return out, err
	}
	for _, i := range write {
		err := s.db.InTx(ctx, s.actor, func(t *store.Tx) error { return save(t, i) })
		switch {
		case err != nil && refused(err):
			out[i] = intake.Saved{Outcome: intake.Refused, Why: err}
		case err != nil:
			return out, err
		}
	}
	return out, nil
}

// refused tells a product that can't be kept from a catalogue that can't keep.
func refused(err error) bool { return fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) }

func (o *operating) importProducts(ctx context.Context, dry, pictures bool) error {
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	reader := intake.Read(o.in, shop.Currency)
	if shop.Demo {
		reader = reader.WithPictures(demoPicture)
	}
	last := time.Now()
	report, err := intake.Import(ctx, reader, productSink{o.vault.db, o.actor, dry}, func(n int) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(o.err, "cartkeep: %d products so far\n", n)
		}
	})
	for _, warning := range report.Warnings {
		fmt.Fprintln(o.err, "cartkeep: "+warning)
	}
	for _, bad := range report.Bad {
		fmt.Fprintln(o.err, "cartkeep: "+bad.Error())
	}
	if err != nil {
		return err
	}
	groups := 0
	if !dry {
		if groups, err = o.keepGroups(ctx, reader.Groups()); err != nil {
			return err
		}
	}
	loads := report.Downloads
	if pictures && !dry {
		report.MissingPictures, report.Downloads = 0, nil // told apart
	}
	o.tellImport(report, groups, dry)
	if pictures && !dry {
		if err := o.bringPictures(ctx, false); err != nil {
			return err
		}
		if err := o.bringDownloads(ctx, loads); err != nil {
			return err
		}
	}
	if len(report.Bad) > 0 {
		fmt.Fprintf(o.err, "cartkeep: %s left out, see above; the good ones were kept\n", many(rowsOf(report.Bad), "row"))
		return statusError(1)
	}
	return nil
}

func (o *operating) tellImport(report intake.Report, groups int, dry bool) {
	word := "imported"
	if dry {
		word = "nothing was written; would import"
	}
	fmt.Fprintf(o.out, "cartkeep: %s %s with %s: %d new, %d changed, %d unchanged", word, many(report.Products, "product"), many(report.Variants, "variant"),
		report.Outcomes[intake.New], report.Outcomes[intake.Changed], report.Outcomes[intake.Unchanged])
	if groups > 0 {
		fmt.Fprintf(o.out, "; %s as collections", many(groups, "group"))
	}
	if report.MissingPictures > 0 {
		fmt.Fprintf(o.out, "; %s elsewhere, not fetched", many(report.MissingPictures, "picture"))
	}
	if n := len(report.Downloads); n > 0 {
		fmt.Fprintf(o.out, "; %s not fetched", many(n, "download"))
	}
	fmt.Fprintln(o.out)
}

// keepGroups makes a collection of each product that only holds others
// together. Parts that are not there are left out.
func (o *operating) keepGroups(ctx context.Context, groups []intake.Group) (int, error) {
	for _, g := range groups {
		c := catalog.Collection{Handle: g.Handle, Title: g.Title, Description: g.Description, Picture: catalog.Picture{Source: g.Picture}}
		err := o.vault.db.View(ctx, func(v *store.View) error {
			c.Products = nil
			for _, sku := range g.SKUs {
				p, err := v.KnownProduct(catalog.Product{Variants: []catalog.Variant{{SKU: sku}}})
				if err != nil {
					return err
				}
				if p.ID == "" {
					fmt.Fprintf(o.err, "cartkeep: line %d (%s): a part of the group is not there\n", g.Line, g.Handle)
					continue
				}
				c.Products = append(c.Products, p.Handle)
			}
			return nil
		})
		if err == nil {
			err = o.vault.db.InTx(ctx, o.actor, func(t *store.Tx) error { return t.SaveCollection(c) })
		}
		if err != nil {
			return 0, err
		}
	}
	return len(groups), nil
}

// rowsOf counts the rows that errors are about: one row can have several.
func rowsOf(bad []*intake.RowError) int {
	lines := map[int]bool{}
	for _, b := range bad {
		lines[b.Line] = true
	}
	return len(lines)
}

// many counts things in words.
func many(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// exportAtOnce is how many products are read together.
const exportAtOnce = 200

func (o *operating) exportProducts(ctx context.Context, format string) error {
	begin := map[string]func(io.Writer) (*intake.Writer, error){"shopify": intake.WriteShopify, "woocommerce": intake.WriteWoo}[format]
	if begin == nil {
		return errors.New("the formats are shopify and woocommerce")
	}
	w, err := begin(o.out)
	if err != nil {
		return err
	}
	n := 0
	for after := catalog.ProductID(""); ; {
		var list []catalog.Product
		err := o.vault.db.View(ctx, func(v *store.View) (err error) {
			list, err = v.ProductsAfter(after, exportAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := w.Write(p); err != nil {
				return err
			}
		}
		if n += len(list); len(list) < exportAtOnce {
			break
		}
		after = list[len(list)-1].ID
	}
	fmt.Fprintf(o.err, "cartkeep: wrote %s\n", many(n, "product"))
	return w.Close()
}
