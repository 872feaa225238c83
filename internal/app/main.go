package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/cartkeep/cartkeep/internal/password"
)

// Version is what `cartkeep version` prints.
const Version = "0.1.0"

// cli is the command line: every command and, from Settings, every setting.
type cli struct {
	Settings

	Demo     demoCmd     `cmd:"" help:"Try the shop: makes a data folder, keys, a catalogue and a certificate, and serves on this machine only."`
	Init     initCmd     `cmd:"" help:"Make a data folder and keys for a real shop."`
	Serve    serveCmd    `cmd:"" help:"Serve a real shop."`
	Import   importCmd   `cmd:"" help:"Bring goods in."`
	Export   exportCmd   `cmd:"" help:"Take goods out."`
	Choices  settingsCmd `cmd:"" name:"settings" help:"The shop's own settings: delivery, taxes, texts, who sells."`
	Tax      taxCmd      `cmd:"" help:"The books."`
	Order    orderCmd    `cmd:"" help:"Orders: what stands, what was packed, sent and delivered."`
	Refund   refundCmd   `cmd:"" help:"Give the price of an order back, or a part of it, the way it was paid."`
	Capture  captureCmd  `cmd:"" help:"Take the money of an order that is only reserved, or a part of it. Needs the running shop."`
	Credit   creditCmd   `cmd:"" help:"Gift cards and store credit: issue, look, cancel, add up."`
	Payments paymentsCmd `cmd:"" help:"What the payment services say, beside what the shop says."`
	Files    filesCmd    `cmd:"" help:"Files that are sold."`
	Licences licencesCmd `cmd:"" help:"Licence keys that are sold."`
	Account  accountCmd  `cmd:"" help:"Help a customer whose account stays shut."`
	Staff    staffCmd    `cmd:"" help:"Who works here: invite, confirm, disable, change roles."`
	Keys     keysCmd     `cmd:"" help:"Look after the epoch keys."`
	Backup   backupCmd   `cmd:"" help:"Make backups, check them, restore them into a new shop."`
	Paying   payingCmd   `cmd:"" name:"payment-page" help:"Look after the pages on the way to paying: what they load, what has changed, what browsers blocked."`
	Embed    embedCmd    `cmd:"" help:"Print what goes into a page of another site, for a button and a cart there."`
	Ledger   ledgerCmd   `cmd:"" help:"Check and export the ledger."`
	Privacy  privacyCmd  `cmd:"" help:"What is kept about people."`
	Outbox   outboxCmd   `cmd:"" help:"Messages kept instead of sent (demo)."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// Process is what a command finds around it. Tests give their own.
type Process struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) (string, bool)
	Environ  []string // the same as a list, NAME=VALUE
	Places   int      // how many passwords are hashed at once; 0 is password.Places
}

// exit carries an exit code out of kong.
type exit int

// Main runs the command line and returns its exit code: 0 fine, 1 failed, 2 misused.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Room beside those that serve for the threads that hash passwords: how much
	// of the processor they get is the system's to say, and they stand behind.
	places := password.Places()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + places)
	conceal()
	return Run(ctx, args, Process{Places: places, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, Environ: os.Environ()})
}

// Run is Main for a given process.
func Run(ctx context.Context, args []string, p Process) (code int) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(e)
		}
	}()
	var c cli
	dir := dataDir(args, p.Env)
	src, err := newSources(dir, settingNames(), p.Env)
	if err = errors.Join(strangers(p.Environ, settingNames()), err); err != nil {
		fmt.Fprintln(p.Err, "cartkeep: "+err.Error())
		return 2
	}
	parser, err := kong.New(&c,
		kong.Name("cartkeep"),
		kong.Description("An online shop that keeps its customers' data safe."),
		kong.Writers(p.Out, p.Err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Vars{"data": dir},
		kong.Resolvers(src),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&p),
	)
	if err != nil {
		fmt.Fprintln(p.Err, "cartkeep: "+err.Error())
		return 1
	}
	call, err := parser.Parse(args)
	if err == nil && c.Data != dir {
		// The settings file of one folder must not count for another.
		err = errors.New("data: name a folder, and name it once")
	}
	if err == nil {
		err = c.Settings.check()
	}
	if err != nil {
		fmt.Fprintf(p.Err, "cartkeep: %s\nTry: cartkeep --help\n", err)
		return 2
	}
	if err := call.Run(&c.Settings); err != nil {
		var misuse misuseError
		var status statusError
		switch {
		case errors.As(err, &status):
			return int(status)
		case errors.As(err, &misuse):
			fmt.Fprintln(p.Err, "cartkeep: "+err.Error())
			return 2
		}
		fmt.Fprintln(p.Err, "cartkeep: "+err.Error())
		return 1
	}
	return 0
}

// misuseError is an error of who called the command, not of the command.
type misuseError struct{ error }

func misused(format string, args ...any) error {
	return misuseError{fmt.Errorf(format, args...)}
}

// statusError ends with an exit code after everything was said already.
type statusError int

// Error implements error.
func (s statusError) Error() string { return fmt.Sprintf("exit %d", int(s)) }

// dataDir finds the data folder before anything is parsed, because the
// settings file lies in it. As with every flag, the last one counts.
func dataDir(args []string, env func(string) (string, bool)) string {
	dir := defaultData(env)
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--data="); ok {
			dir = v
		}
		if a == "--data" && i+1 < len(args) {
			dir = args[i+1]
		}
		if a == "--" {
			break
		}
	}
	if dir == "" {
		return "" // no folder, and never the one we happen to be in
	}
	return kong.ExpandPath(dir)
}

// settingNames lists the names of all settings, and which of them are secret.
func settingNames() map[string]bool {
	out := map[string]bool{}
	for _, s := range ListSettings() {
		out[s.Name] = s.Secret
	}
	return out
}
