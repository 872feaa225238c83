package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/settings"
	"github.com/cartkeep/cartkeep/internal/store"
)

// call names an operation on an open shop with its arguments. The same one is
// carried out here, when no shop runs, or by the running shop.
type call struct {
	Name string            `json:"name"`
	Args map[string]string `json:"args,omitempty"`
}

// operating is what an operation works with.
type operating struct {
	vault    *vault
	desk     *checkout.Desk   // the running shop's; nil when none runs
	keeper   *account.Keeper  // likewise
	paying   *pagewatch.Watch // likewise
	actor    ledger.Actor
	alone    bool // no shop runs, so nobody but the command itself says who the actor is
	payable  settings.Payable
	origin   string // the shop's public address; "" when it is not known
	in       io.Reader
	out, err io.Writer
}

func (o *operating) do(ctx context.Context, c call) error {
	switch c.Name {
	case "import products":
		return o.importProducts(ctx, c.Args["dry"] == "yes", c.Args["pictures"] != "no")
	case "export products":
		return o.exportProducts(ctx, c.Args["format"])
	case "settings export":
		return o.settingsExport(ctx)
	case "settings import":
		return o.settingsImport(ctx, c.Args["dry"] == "yes", c.Args["pictures"] != "no")
	case "tax journal":
		return o.taxJournal(ctx, c.Args["from"], c.Args["to"], c.Args["format"], c.Args["each"] == "yes")
	case "order list":
		limit, err := strconv.Atoi(c.Args["limit"])
		if err != nil {
			return err
		}
		return o.orderList(ctx, limit)
	case "order show", "order pack", "order ship", "order deliver", "order came-back", "refund", "capture":
		return o.orderAct(ctx, c)
	case "credit list", "credit issue", "credit show", "credit cancel", "credit verify":
		return o.credit(ctx, c)
	case "payments concerns":
		return o.concerns(ctx, order.Number(c.Args["number"]), c.Args["seen"] == "yes")
	case "payments reconcile", "payments recall", "payments received", "payments import", "payments owed", "payments returned":
		return o.payments(ctx, c)
	case "staff list", "staff invite", "staff confirm", "staff disable", "staff enable", "staff role", "staff passkeys":
		return o.staff(ctx, c)
	case "account repair":
		return o.accountRepair(ctx, c.Args["email"])
	case "keys list":
		return o.keysList(ctx, c.Args["json"] == "yes")
	case "keys recovery":
		return o.recoveryState(ctx)
	case "keys recovery add":
		if err := o.register(ctx, c.Args["recipient"], "added by "+o.actor.ID); err != nil {
			return err
		}
		return o.recoveryState(ctx)
	case "keys recovery split":
		needed, err := strconv.Atoi(c.Args["needed"])
		total, err2 := strconv.Atoi(c.Args["total"])
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		return o.recoverySplit(ctx, needed, total)
	case "keys recovery try":
		var marks map[seal.EpochID]string
		if err := json.Unmarshal([]byte(c.Args["marks"]), &marks); err != nil {
			return err
		}
		return o.recoveryTried(ctx, marks)
	case "keys rotate":
		if c.Args["index"] == "yes" {
			return o.keysRotateIndex(ctx, c.Args["bar"] == "yes")
		}
		return o.keysRotate(ctx, c.Args["bar"] == "yes")
	case "keys reseal":
		return o.keysReseal(ctx, c.Args["bar"] == "yes")
	case "backup create":
		return o.backupCreate(ctx, c.Args["to"], c.Args["recipients"])
	case "backup list":
		return o.backupList(ctx)
	case "backup keys":
		return o.backupKeys(ctx, c.Args["to"])
	case "ledger verify":
		return o.ledgerVerify(ctx, c.Args["checkpoint"])
	case "ledger checkpoint":
		return o.ledgerCheckpoint(ctx)
	case "ledger export":
		return o.ledgerExport(ctx)
	case "ledger key":
		keys, err := o.vault.db.VerifierKeys(ctx)
		for _, k := range keys {
			fmt.Fprintln(o.out, k)
		}
		return err
	case "files add", "files list", "files remove", "licences add", "licences list":
		return o.digital(ctx, c)
	case "privacy erase", "privacy restrict", "privacy lift", "privacy requests", "privacy receipt", "privacy stop", "privacy allow":
		return o.rights(ctx, c)
	case "privacy open ask", "privacy open", "privacy openings":
		return o.opening(ctx, c)
	case "privacy retention":
		return o.retention(ctx, c.Args["confirm"] == "yes")
	case "privacy hold", "privacy holds", "privacy release":
		return o.legalHold(ctx, c)
	case "payment-page status", "payment-page visit", "payment-page accept", "payment-page reports", "payment-page inventory", "payment-page baseline":
		return o.paymentPage(ctx, c)
	case "embed":
		return o.embed(ctx, c.Args["product"])
	case "outbox list":
		return o.outboxList(ctx)
	default:
		return fmt.Errorf("this version does not know %q", c.Name)
	}
}

// carryOut runs an operation in the running shop, or here when none runs.
func carryOut(ctx context.Context, p *Process, set *Settings, c call, in io.Reader) error {
	f, err := openFolder(set.Data)
	if err != nil {
		return err
	}
	if in == nil {
		in = emptyReader{}
	}
	if ran, err := ask(ctx, f, c, p, in); ran {
		return err
	}
	if c.Name == "privacy allow" || c.Name == "privacy open ask" {
		return fmt.Errorf("%s: start the shop first. The rule of two persons needs it: the running shop sees which user of the system asks, and a command by itself can only believe what it is told", c.Name)
	}
	if _, err := f.shopID(); err != nil {
		return err
	}
	if err := f.take(); err != nil {
		return err
	}
	v, err := f.unlock(ctx, set, newLog(p.Err, set.LogRequests))
	if err != nil {
		return joinClose(err, f.release)
	}
	may, err := set.methodsOf(ctx, v.db)
	if err != nil {
		return errors.Join(err, v.close(), f.release())
	}
	env := &operating{vault: v, alone: true, payable: may, actor: ledger.OS(userName(os.Getuid())), in: in, out: p.Out, err: p.Err}
	if len(set.Domain) > 0 {
		env.origin = "https://" + set.Domain[0]
	}
	return errors.Join(env.do(ctx, c), v.close(), f.release())
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }

func (o *operating) ledgerVerify(ctx context.Context, old string) error {
	if _, err := o.vault.db.Sequence(ctx); err != nil {
		return err
	}
	began := time.Now()
	report, err := o.vault.db.VerifyLedger(ctx, old)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.out, report)
	if !report.OK() {
		return statusError(1)
	}
	tellBranches(o.out, report)
	fmt.Fprintf(o.err, "cartkeep: %.0f events a second\n", float64(report.Size)/max(time.Since(began).Seconds(), 1e-6))
	return nil
}

// tellBranches says where a ledger was restored from a backup, and what it lost.
func tellBranches(w io.Writer, r ledger.Report) {
	for _, b := range r.Branches {
		fmt.Fprintf(w, "restored at %d from %s: %s lost by restore\n", b.Kept, b.Origin, many(int(b.Lost()), "event"))
	}
}

func (o *operating) ledgerCheckpoint(ctx context.Context) error {
	if _, err := o.vault.db.Sequence(ctx); err != nil {
		return err
	}
	note, err := o.vault.db.Checkpoint(ctx, false)
	if err == nil {
		_, err = io.WriteString(o.out, note)
	}
	return err
}

func (o *operating) ledgerExport(ctx context.Context) error {
	if _, err := o.vault.db.Sequence(ctx); err != nil {
		return err
	}
	return o.vault.db.ExportLedger(ctx, o.out)
}

// letterLine is one line of `outbox list --json`.
type letterLine struct {
	ID      string `json:"id"`
	At      string `json:"at"`
	Channel string `json:"channel"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

func (o *operating) outboxList(ctx context.Context) error {
	shop, err := o.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	letters, err := letters(ctx, o.vault.db, 10_000)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(o.out)
	enc.SetEscapeHTML(false)
	for _, l := range letters {
		line := letterLine{l.ID, l.At.Format(time.RFC3339), l.Channel, l.To, l.Subject, l.Text, l.HTML}
		if !shop.Demo {
			line.To, line.Subject, line.Text, line.HTML = masked(l.To), "", "", ""
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// masked shows as much of an address as helps to recognise one's own.
func masked(to string) string {
	r := []rune(to)
	if len(r) == 0 {
		return ""
	}
	return string(r[0]) + "•••"
}

func letters(ctx context.Context, db *store.DB, limit int) (out []store.Letter, err error) {
	err = db.View(ctx, func(v *store.View) error {
		out, err = v.Letters(limit)
		return err
	})
	return out, err
}

// keepLetter puts a message into the demo's outbox, sealed.
func keepLetter(ctx context.Context, db *store.DB, owner string, id order.ID, m message.Message) error {
	err := db.InTx(ctx, ledger.System("outbox"), func(t *store.Tx) error {
		return t.KeepLetter(owner, id, store.Letter{ID: m.ID, Channel: string(m.Channel), To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
	})
	if errors.Is(err, store.ErrEnded) {
		return nil // nothing more is kept of somebody who asked to be erased
	}
	return err
}
