package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/personal"
)

type ledgerCmd struct {
	Verify     ledgerVerifyCmd     `cmd:"" help:"Check the ledger: prints ok SIZE ROOT, or the first bad index."`
	Checkpoint ledgerCheckpointCmd `cmd:"" help:"Print a fresh signed checkpoint; keep it where nobody of the shop can change it."`
	Export     ledgerExportCmd     `cmd:"" help:"Write every leaf and a signed checkpoint as JSON Lines."`
}

type ledgerVerifyCmd struct {
	Export     string   `help:"Check this export instead of the database; needs no shop." type:"path" placeholder:"FILE"`
	Checkpoint string   `help:"An older checkpoint that someone kept: the ledger must begin with it." type:"path" placeholder:"OLD"`
	Key        []string `help:"The note verifier key for an export (from /.well-known/cartkeep/ledger-key); of a restored shop, that of the one before it too. Without it signatures are not checked." placeholder:"KEY"`
}

// Run verifies the database's ledger, or an export.
func (c ledgerVerifyCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	old := ""
	if c.Checkpoint != "" {
		b, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return misused("%w", err)
		}
		old = string(b)
	}
	if c.Export == "" {
		return carryOut(ctx, p, set, call{Name: "ledger verify", Args: map[string]string{"checkpoint": old}}, nil)
	}
	f, err := os.Open(c.Export)
	if err != nil {
		return misused("%w", err)
	}
	defer f.Close()
	keys := c.verifiers(ctx, p, set)
	report, err := ledger.VerifyExport(f, old, keys...)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.Out, report)
	if !report.OK() {
		return statusError(1)
	}
	tellBranches(p.Out, report)
	if !report.Signed {
		fmt.Fprintln(p.Err, "cartkeep: signatures were not checked; give the shop's key with --key")
	}
	return nil
}

// verifiers are the keys that were given, else those of the shop, if there is one
// here that can be opened.
func (c ledgerVerifyCmd) verifiers(ctx context.Context, p *Process, set *Settings) []string {
	if len(c.Key) > 0 {
		return c.Key
	}
	var said strings.Builder
	quiet := Process{In: p.In, Out: &said, Err: io.Discard, Env: p.Env}
	if err := carryOut(ctx, &quiet, set, call{Name: "ledger key"}, nil); err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(said.String()), "\n")
}

type ledgerCheckpointCmd struct{}

// Run prints a checkpoint.
func (ledgerCheckpointCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "ledger checkpoint"}, nil)
}

type ledgerExportCmd struct {
	Out string `help:"Where to write; default standard output." type:"path" placeholder:"FILE"`
}

// Run writes the export.
func (c ledgerExportCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	order := call{Name: "ledger export"}
	if c.Out == "" {
		return carryOut(ctx, p, set, order, nil)
	}
	return writeFile(p, c.Out, func(to *Process) error { return carryOut(ctx, to, set, order, nil) })
}

type privacyCmd struct {
	Erase     eraseCmd     `cmd:"" help:"Erase everything about a person, but for what the law makes you keep; prints a receipt."`
	Restrict  restrictCmd  `cmd:"" help:"Restrict what is kept about a person, or end that."`
	Requests  requestsCmd  `cmd:"" help:"List the newest requests."`
	Receipt   receiptCmd   `cmd:"" help:"Tell where a request stands."`
	Stop      stopCmd      `cmd:"" help:"Stop a request that has not begun."`
	Allow     allowCmd     `cmd:"" help:"Be the second person: let an erasure go on, or somebody see what is kept."`
	Open      openCmd      `cmd:"" help:"Ask to see what law or a legal hold keeps, or see it once a second person has allowed it."`
	Openings  openingsCmd  `cmd:"" help:"List who wanted to see such, and why. The ledger tells that the reasons were read."`
	Inventory inventoryCmd `cmd:"" help:"Print the register: every field kept about a person, with purpose, basis, end date and recipients."`
	Retention retentionCmd `cmd:"" help:"Tell whether what is due is destroyed by itself; exit 1 when it waits for you."`
	Hold      holdCmd      `cmd:"" help:"Keep what is left of an order, past its end date and from being erased, until a day."`
	Holds     holdsCmd     `cmd:"" help:"List what is kept so, until when and by whom."`
	Release   releaseCmd   `cmd:"" help:"Lift a hold before its end: what is due goes."`
}

type inventoryCmd struct {
	Format string `help:"text or json." enum:"text,json" default:"text"`
}

// Run prints the register. It needs no shop: the register is in the program.
func (c inventoryCmd) Run(p *Process) error {
	if c.Format == "json" {
		enc := json.NewEncoder(p.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(inventory())
	}
	return writeInventory(p.Out)
}

// inventoryField is one line of the register as JSON.
type inventoryField struct {
	Table      string   `json:"table"`
	Column     string   `json:"column"`
	Label      string   `json:"label"`
	Kept       string   `json:"kept"`
	Category   string   `json:"category"`
	Purpose    string   `json:"purpose"`
	Basis      string   `json:"basis"`
	Retention  string   `json:"retention"`
	Recipients []string `json:"recipients"`
	Reason     string   `json:"reason,omitempty"`
}

func inventory() []inventoryField {
	terms := map[personal.Purpose]personal.Terms{}
	for _, t := range personal.Purposes() {
		terms[t.Purpose] = t
	}
	out := []inventoryField{}
	for _, f := range personal.All() {
		t := terms[f.Purpose]
		to := append([]string{}, personal.Everybody().Of(f)...)
		out = append(out, inventoryField{f.Table, f.Column, f.Label, string(f.Kind), f.Category, string(f.Purpose), t.Basis, t.Keep.String(), to, f.Reason})
	}
	return out
}

func writeInventory(w io.Writer) error {
	for _, f := range inventory() {
		if _, err := fmt.Fprintf(w, "%s.%s  %s  %s\n    %s; %s; kept %s", f.Table, f.Column, f.Kept, f.Label, f.Purpose, f.Basis, f.Retention); err != nil {
			return err
		}
		if len(f.Recipients) > 0 {
			fmt.Fprintf(w, "; goes to %s", strings.Join(f.Recipients, ", "))
		}
		if f.Reason != "" {
			fmt.Fprintf(w, "\n    not sealed: %s", f.Reason)
		}
		fmt.Fprintln(w)
	}
	return nil
}

type outboxCmd struct {
	List outboxListCmd `cmd:"" help:"List messages, one JSON object a line, newest last."`
	Test outboxTestCmd `cmd:"" help:"Send a test through each sender that is set up, and say which of them took it."`
}

type outboxListCmd struct {
	JSON bool `help:"JSON Lines, the only form there is." name:"json"`
}

// Run lists the outbox.
func (outboxListCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	return carryOut(ctx, p, set, call{Name: "outbox list"}, nil)
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(p *Process) error {
	_, err := fmt.Fprintln(p.Out, "cartkeep "+Version)
	return err
}
