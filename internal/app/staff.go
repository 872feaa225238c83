package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/password"
)

// Whoever may run commands as the shop's user counts as an owner here: that is
// how the first one comes in, and the way back when every passkey is lost.

type staffCmd struct {
	Invite   staffInviteCmd   `cmd:"" help:"Print a link that lets one person make a passkey and work here. Hand it over yourself."`
	List     staffListCmd     `cmd:"" help:"List who works here and who is invited, with covered addresses."`
	Confirm  staffConfirmCmd  `cmd:"" help:"Let somebody in who took an owner's invitation."`
	Disable  staffDisableCmd  `cmd:"" help:"Sign somebody out everywhere at once, for good."`
	Enable   staffEnableCmd   `cmd:"" help:"Let somebody in again who was disabled."`
	Role     staffRoleCmd     `cmd:"" help:"Give somebody another role."`
	Passkeys staffPasskeysCmd `cmd:"" help:"Print a link with which somebody replaces lost passkeys. It needs one of their recovery codes."`
}

type staffInviteCmd struct {
	Email string `help:"Whose invitation it is, or - to read it from standard input: other users of this machine see what stands on a command line." required:"" placeholder:"EMAIL"`
	Role  string `help:"What this person does: owner, manager, fulfilment, support or auditor." required:"" placeholder:"ROLE"`
}

// Run invites somebody.
func (c staffInviteCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if err := isRole(c.Role); err != nil {
		return err
	}
	if c.Email == "-" {
		line, err := firstLine(p.In)
		if err != nil {
			return misused("email: %w", err)
		}
		c.Email = line
	}
	return carryOut(ctx, p, set, call{Name: "staff invite", Args: map[string]string{"email": c.Email, "role": c.Role}}, nil)
}

func isRole(s string) error {
	if _, ok := access.ParseRole(s); !ok {
		return misused("role: one of owner, manager, fulfilment, support, auditor")
	}
	return nil
}

type staffListCmd struct {
	JSON bool `help:"One JSON object a line." name:"json"`
}

// Run lists staff.
func (c staffListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	args := map[string]string{}
	if c.JSON {
		args["json"] = "yes"
	}
	return carryOut(ctx, p, set, call{Name: "staff list", Args: args}, nil)
}

type staffConfirmCmd struct {
	ID string `arg:"" help:"Who, as staff list names them." placeholder:"ID"`
}

// Run confirms somebody.
func (c staffConfirmCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "staff confirm", Args: map[string]string{"id": c.ID}}, nil)
}

type staffDisableCmd struct {
	ID string `arg:"" help:"Who, as staff list names them." placeholder:"ID"`
}

// Run disables somebody.
func (c staffDisableCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "staff disable", Args: map[string]string{"id": c.ID}}, nil)
}

type staffEnableCmd struct {
	ID string `arg:"" help:"Who, as staff list names them." placeholder:"ID"`
}

// Run enables somebody again.
func (c staffEnableCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "staff enable", Args: map[string]string{"id": c.ID}}, nil)
}

type staffRoleCmd struct {
	ID   string `arg:"" help:"Who, as staff list names them." placeholder:"ID"`
	Role string `arg:"" help:"owner, manager, fulfilment, support or auditor." placeholder:"ROLE"`
}

// Run changes a role.
func (c staffRoleCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if err := isRole(c.Role); err != nil {
		return err
	}
	return carryOut(ctx, p, set, call{Name: "staff role", Args: map[string]string{"id": c.ID, "role": c.Role}}, nil)
}

type staffPasskeysCmd struct {
	ID string `arg:"" help:"Who, as staff list names them." placeholder:"ID"`
}

// Run invites somebody to replace lost passkeys.
func (c staffPasskeysCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "staff passkeys", Args: map[string]string{"id": c.ID}}, nil)
}

// people is the running shop's keeper, or one of our own that lets nobody in:
// what is to be mailed waits for the next start.
func (o *operating) people() (*account.Keeper, error) {
	if o.keeper != nil {
		return o.keeper, nil
	}
	origin := o.origin
	if origin == "" {
		origin = "https://localhost"
	}
	host, err := hostOf(origin)
	if err != nil {
		return nil, err
	}
	party, err := passkey.New(passkey.Config{RPID: host, RPName: "Cartkeep", Origins: []string{origin}})
	if err != nil {
		return nil, err
	}
	return account.New(account.Config{Store: o.vault.db, Hasher: password.NewHasher(1), Passkeys: party, Origin: origin})
}

// staff carries out one of the acts on who works here.
func (o *operating) staff(ctx context.Context, c call) error {
	k, err := o.people()
	if err != nil {
		return err
	}
	id := c.Args["id"]
	switch c.Name {
	case "staff list":
		return o.staffList(ctx, k, c.Args["json"] == "yes")
	case "staff invite":
		return o.staffInvite(ctx, k, account.Invitation{Email: c.Args["email"], Role: access.Role(c.Args["role"])})
	case "staff passkeys":
		a, err := k.Account(ctx, id)
		if err != nil {
			return err
		}
		return o.staffInvite(ctx, k, account.Invitation{Email: a.Email.Reveal(), Role: a.Role, Account: id})
	case "staff confirm":
		err = k.ConfirmStaff(ctx, o.actor, id)
	case "staff disable":
		err = k.DisableStaff(ctx, o.actor, id)
	case "staff enable":
		err = k.EnableStaff(ctx, o.actor, id)
	case "staff role":
		err = k.SetRole(ctx, o.actor, id, access.Role(c.Args["role"]))
	}
	if err != nil {
		return err
	}
	return o.staffList(ctx, k, false)
}

// staffInvite prints a link, last.
func (o *operating) staffInvite(ctx context.Context, k *account.Keeper, i account.Invitation) error {
	if o.origin == "" {
		return errors.New("the link needs the shop's address: start the shop first, or name it with --domain")
	}
	link, err := k.Invite(ctx, o.actor, i)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.err, "cartkeep: this link works once, for %d hours. Hand it over yourself: whoever has it can take it.\n", account.InviteFor/time.Hour)
	_, err = fmt.Fprintln(o.out, link)
	return err
}

// staffLine is one line of `staff list --json`.
type staffLine struct {
	Kind  string `json:"kind"` // person or invitation
	ID    string `json:"id"`
	Role  string `json:"role"`
	State string `json:"state"`
	Email string `json:"email"` // covered
	Seen  string `json:"seen,omitempty"`
	Ends  string `json:"ends,omitempty"`
}

func (o *operating) staffList(ctx context.Context, k *account.Keeper, asJSON bool) error {
	all, err := k.Staff(ctx)
	if err != nil {
		return err
	}
	var lines []staffLine
	for _, a := range all.People {
		l := staffLine{Kind: "person", ID: a.ID, Role: string(a.Role), State: string(a.State), Email: masked(a.Email.Reveal())}
		if !a.SeenAt.IsZero() {
			l.Seen = a.SeenAt.UTC().Format(time.RFC3339)
		}
		lines = append(lines, l)
	}
	for _, i := range all.Invites {
		lines = append(lines, staffLine{Kind: "invitation", ID: i.ID, Role: string(i.Role), State: "open", Email: masked(i.Email.Reveal()), Ends: i.EndsAt.UTC().Format(time.RFC3339)})
	}
	enc := json.NewEncoder(o.out)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		if asJSON {
			err = enc.Encode(l)
		} else {
			_, err = fmt.Fprintln(o.out, strings.TrimRight(fmt.Sprintf("%s  %-10s  %-8s  %s  %s%s", l.ID, l.Role, l.State, l.Email, l.Seen, l.Ends), " "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// demoOwner is whose invitation the demo prints.
const demoOwner = "owner@shop.example"

// firstOwner makes the link that enrols the first owner of a demo: a new one at
// each start, as long as there is none. It is "" once there is one.
func (s *server) firstOwner(ctx context.Context) (string, error) {
	by := ledger.System("demo")
	if has, err := s.keeper.HasOwner(ctx); err != nil || has {
		return "", err
	}
	all, err := s.keeper.Staff(ctx)
	if err != nil {
		return "", err
	}
	for _, i := range all.Invites {
		if i.Email.Reveal() == demoOwner && i.Role == access.Owner {
			if err := s.keeper.WithdrawInvite(ctx, by, i.ID); err != nil {
				return "", err
			}
		}
	}
	return s.keeper.Invite(ctx, by, account.Invitation{Email: demoOwner, Role: access.Owner})
}

// inviteHint says how the first owner comes in.
const inviteHint = "cartkeep: nobody can sign in at /admin yet; invite the first owner with: cartkeep staff invite --email EMAIL --role owner\n"
