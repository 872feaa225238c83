package app

import (
	"context"
	"fmt"
)

type accountCmd struct {
	Repair accountRepairCmd `cmd:"" help:"Open an account again that stays shut because it was changed in the database. Its ways to sign in go; what is kept in it stays."`
}

type accountRepairCmd struct {
	Email string `help:"Whose account it is, or - to read it from standard input: other users of this machine see what stands on a command line." required:"" placeholder:"EMAIL"`
}

// Run repairs an account.
func (c accountRepairCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if c.Email == "-" {
		line, err := firstLine(p.In)
		if err != nil {
			return misused("email: %w", err)
		}
		c.Email = line
	}
	return carryOut(ctx, p, set, call{Name: "account repair", Args: map[string]string{"email": c.Email}}, nil)
}

func (o *operating) accountRepair(ctx context.Context, email string) error {
	k, err := o.people()
	if err != nil {
		return err
	}
	if err := k.Repair(ctx, o.actor, email); err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.out, "cartkeep: the account is open again; whose it is sets a new password by “Forgotten password?”")
	return err
}
