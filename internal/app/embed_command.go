package app

import (
	"context"
	"errors"
	"io"

	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/embed"
)

type embedCmd struct {
	Product string `arg:"" optional:"" help:"Handle of the product the button sells, as in its address. Default: the first of the catalogue." placeholder:"HANDLE"`
}

// Run prints what goes into a page of another site.
func (c embedCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "embed", Args: map[string]string{"product": c.Product}}, nil)
}

func (o *operating) embed(ctx context.Context, handle string) error {
	if o.origin == "" {
		return errors.New("embed: the shop's address is not known; run this beside the running shop, or set domain")
	}
	title := ""
	err := o.vault.db.View(ctx, func(v *store.View) error {
		if handle == "" {
			all, _, err := v.Products(store.ProductQuery{Limit: 1})
			if err != nil || len(all) == 0 {
				return errors.Join(err, errors.New("embed: there are no products yet"))
			}
			handle = all[0].Handle
		}
		p, err := v.ProductByHandle(handle)
		title = p.Title
		return err
	})
	if err != nil {
		return err
	}
	snippet, err := embed.Snippet(o.origin, handle, title)
	if err != nil {
		return err
	}
	_, err = io.WriteString(o.out, snippet)
	return err
}
