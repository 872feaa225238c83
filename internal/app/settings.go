// Package app puts the shop together: settings, wiring, servers and commands.
//
// It is the one place that builds things: there are no globals, and two shops
// can live in one process. It knows which part needs which. It holds no rule
// of the shop and no SQL. Start reading at Main, then at server.go.
package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"

	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// Settings are what the operator decides. Each is a flag, else an environment
// variable CARTKEEP_NAME, else a key of cartkeep.toml in the data folder; a
// secret can also be a file named by CARTKEEP_NAME_FILE. The safe value is the
// default; docs/config.md is written from the tags.
type Settings struct {
	Data            string        `help:"The data folder." default:"${data}" type:"path" placeholder:"DIR"`
	Database        string        `help:"postgres://… puts the shop on PostgreSQL, by TLS or a local socket; empty is SQLite in the data folder." secret:"yes" placeholder:"URL"`
	KeyFile         string        `help:"Where the epoch keys are: never inside the data folder. Default: cartkeep/SHOP-ID.key in the user's configuration folder." type:"path" placeholder:"FILE"`
	Passphrase      string        `help:"Seals the key file. Give it as CARTKEEP_PASSPHRASE_FILE; a flag shows in the list of processes." secret:"yes" placeholder:"TEXT"`
	BackupWindow    int           `help:"For how many days a backup may be restored. An old epoch key lives as much longer than what it protects, and so does what was erased in a backup." default:"35" placeholder:"DAYS"`
	CopiesKept      int           `help:"For how many days copies of the database that others make last: Litestream's, base backups with their log, snapshots of the disk. 0: there are none. Never longer than the backup window, which is what epochs wait for." default:"0" placeholder:"DAYS"`
	Listen          string        `help:"Where shoppers reach the shop. Default for the demo: localhost:8443, else :443. Port 0 picks a free one." placeholder:"HOST:PORT" group:"Serving"`
	SandboxListen   string        `help:"Where the make-believe bank of the demo listens, on 127.0.0.1. Default: the next port." placeholder:"HOST:PORT" group:"Serving"`
	AdminListen     string        `help:"Moves the staff console to an address of its own; the shop's then answers /admin with 404. In the demo a loopback address." placeholder:"HOST:PORT" group:"Serving"`
	PrivateListen   string        `help:"Metrics and profiles, on a loopback address without TLS. Default for the demo: the port after next; else off." placeholder:"HOST:PORT" group:"Serving"`
	Domain          []string      `help:"The shop's public names; certificates for them come by ACME. The first is used in links. Needed by serve." placeholder:"NAME" group:"Serving"`
	AcmeEmail       string        `help:"Where the certificate authority writes when something is wrong. Needed by serve." placeholder:"MAIL" group:"Serving"`
	HTTPListen      string        `help:"Redirects http:// to https:// and answers certificate challenges. Default for serve: :80." placeholder:"HOST:PORT" name:"http-listen" group:"Serving"`
	ShopName        string        `help:"The shop's name, when it is made." placeholder:"TEXT" group:"The shop, when it is made"`
	Currency        string        `help:"The shop's currency, ISO 4217, when it is made." default:"EUR" placeholder:"CODE" group:"The shop, when it is made"`
	Country         string        `help:"The shop's home country, ISO 3166-1 alpha-2, when it is made." default:"DE" placeholder:"CODE" group:"The shop, when it is made"`
	Contact         string        `help:"Where a shopper or a security researcher writes to: a mail address or an https:// page." placeholder:"MAIL" group:"Serving"`
	Accent          string        `help:"The one colour of the shop, #rrggbb; corrected where it would be hard to read." placeholder:"COLOUR" group:"Serving"`
	Hold            time.Duration `help:"How long goods are kept for an order that is being paid." default:"15m" placeholder:"TIME" group:"Serving"`
	TrustedProxies  string        `help:"Peers whose X-Forwarded-For is believed, as CIDR list. A peer named here can pretend to be any client." placeholder:"CIDR,…" group:"Serving"`
	LimitsExempt    string        `help:"Clients that are free from request rates, as CIDR list, for load tests. Said aloud at start." placeholder:"CIDR,…" group:"Serving"`
	BreachedList    string        `help:"A file of stolen passwords as the Have I Been Pwned downloader writes it; new passwords are looked up in it. Default: none, and the built-in list alone." type:"path" placeholder:"FILE" group:"Serving"`
	BreachedService string        `help:"An https:// address that is told five digits of the hash of a new password and answers with those that begin so, such as https://api.pwnedpasswords.com/range/. Default: nobody is told." placeholder:"URL" group:"Serving"`
	LogRequests     bool          `help:"Log every request: route, status, duration; never an address, a query or a value. Failures are always logged." group:"Serving"`
	DemoHSTS        bool          `help:"Send HSTS from the demo. Browsers apply it to every port of localhost." name:"demo-hsts" group:"Serving"`

	Keeping   `embed:""`
	BackingUp `embed:""`
	Mailing   `embed:""`
	Paying    `embed:""`
}

// check finds everything wrong with the settings and reports it together.
func (s *Settings) check() error {
	var bad []error
	if s.Data == "" {
		bad = append(bad, errors.New("data: name a folder, . for this one"))
	}
	if s.Database != "" && !strings.HasPrefix(s.Database, "postgres://") && !strings.HasPrefix(s.Database, "postgresql://") {
		// Its value can hold a password, so it is not repeated.
		bad = append(bad, errors.New("database: give a postgres:// URL, or nothing for SQLite in the data folder"))
	}
	if _, err := money.ParseCurrency(s.Currency); err != nil {
		bad = append(bad, fmt.Errorf("currency: %q is no ISO 4217 code", s.Currency))
	}
	if _, ok := contact.CountryOf(s.Country); !ok {
		bad = append(bad, fmt.Errorf("country: %q is no ISO 3166-1 code", s.Country))
	}
	if s.Hold < time.Second || s.Hold > 24*time.Hour {
		bad = append(bad, errors.New("hold: give a time from 1s to 24h"))
	}
	if s.BackupWindow < 1 || s.BackupWindow > 400 {
		bad = append(bad, errors.New("backup-window: give 1 to 400 days"))
	}
	if s.CopiesKept < 0 || s.CopiesKept > s.BackupWindow {
		bad = append(bad, fmt.Errorf("copies-kept: give 0 to %d days, the backup window: a copy that lasts longer opens what was erased after everything else has forgotten it. Keep copies for less, or set backup-window to as long as they last", s.BackupWindow))
	}
	if _, err := s.targets(); err != nil {
		bad = append(bad, fmt.Errorf("backup-to: %w", err))
	}
	if _, err := backup.ParseRecipients(s.BackupRecipient); err != nil {
		bad = append(bad, fmt.Errorf("backup-%w", err))
	}
	if s.BackupEvery < time.Minute || s.BackupEvery > time.Duration(s.BackupWindow)*24*time.Hour {
		bad = append(bad, errors.New("backup-every: give a time from 1m to the backup window"))
	}
	for name, list := range map[string]string{"trusted-proxies": s.TrustedProxies, "limits-exempt": s.LimitsExempt} {
		if _, err := gate.ParsePrefixes(list); err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", name, err))
		}
	}
	if _, err := s.carriers("shop", "shop"); err != nil {
		bad = append(bad, err)
	}
	if _, err := s.services(unmarked, s.Hold); err != nil {
		bad = append(bad, err)
	}
	if s.PrivateListen != "" {
		if err := onLoopback(s.PrivateListen); err != nil {
			bad = append(bad, fmt.Errorf("private-listen: %w", err))
		}
	}
	return errors.Join(bad...)
}

// onLoopback refuses an address that others than this machine could reach.
func onLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", listen)
	}
	if host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%q is not a loopback address; others could reach it", listen)
}

const settingsFile = "cartkeep.toml"

// sources finds the value of a setting that is not given as a flag: in the
// environment, then in the settings file.
type sources struct {
	env  func(string) (string, bool)
	file map[string]any
}

// newSources reads the settings file of the data folder and refuses keys that
// are no setting, so that a misspelt one is never silently without effect.
func newSources(dir string, known map[string]bool, env func(string) (string, bool)) (*sources, error) {
	s := &sources{env: env, file: map[string]any{}}
	if dir == "" {
		return s, nil // Settings.check refuses it
	}
	path := filepath.Join(dir, settingsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	if err := toml.Unmarshal(text, &s.file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var bad []error
	for key := range s.file {
		if !isSetting(key, known) || key == "data" {
			bad = append(bad, fmt.Errorf("%s: there is no setting %q", path, key))
		}
	}
	return s, errors.Join(bad...)
}

// isSetting knows the names of settings, and the twin that names a file, which
// only a secret has.
func isSetting(name string, known map[string]bool) bool {
	if _, ok := known[name]; ok {
		return true
	}
	of, twin := strings.CutSuffix(name, "-file")
	return twin && known[of]
}

// notOurs are variables that others set: our tests, and Kubernetes for a
// service that is called cartkeep. A name ending in _ stands for all that begin so.
var notOurs = []string{"TEST_", "E2E_", "SOAK", "UPDATE", "SCREENSHOTS", "SAMPLES", "SERVICE_", "PORT", "PORT_"}

// strangers refuses variables CARTKEEP_… that are no setting, so that a
// misspelt one is never silently without effect. Values are not repeated.
func strangers(environ []string, known map[string]bool) error {
	var bad []error
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		word, ours := strings.CutPrefix(name, "CARTKEEP_")
		setting := strings.ToLower(strings.ReplaceAll(word, "_", "-"))
		foreign := slices.ContainsFunc(notOurs, func(n string) bool {
			return word == n || strings.HasSuffix(n, "_") && strings.HasPrefix(word, n)
		})
		if ours && !foreign && (!isSetting(setting, known) || envName(setting) != name) {
			bad = append(bad, fmt.Errorf("environment: there is no setting %s", name))
		}
	}
	return errors.Join(bad...)
}

// Validate implements kong.Resolver.
func (s *sources) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. Only the fields of Settings are settings;
// a command's own flags are not.
func (s *sources) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if parent.App == nil || flag.Name == "help" {
		return nil, nil
	}
	name := envName(flag.Name)
	if v, ok := s.env(name); ok {
		return v, nil
	}
	secret := flag.Tag.Has("secret")
	if path, ok := s.env(name + "_FILE"); ok && secret {
		return secretFile(path)
	}
	// What systemd hands a service (systemd.exec(5), LoadCredential).
	if dir, ok := s.env("CREDENTIALS_DIRECTORY"); ok && secret {
		path := filepath.Join(dir, "cartkeep."+flag.Name)
		if _, err := os.Stat(path); err == nil {
			return secretFile(path)
		}
	}
	if v, ok := s.file[flag.Name]; ok {
		return tomlText(v)
	}
	if path, ok := s.file[flag.Name+"-file"].(string); ok && secret {
		return secretFile(path)
	}
	return nil, nil
}

// tomlText gives a TOML value the form of a flag.
func tomlText(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		return nil, errors.New("settings have no sections")
	default:
		return fmt.Sprint(v), nil
	}
}

func secretFile(path string) (any, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("secret file: %w", err)
	}
	defer clear(b)
	return strings.TrimRight(string(b), "\r\n"), nil
}

func envName(flag string) string {
	return "CARTKEEP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// defaultData is the data folder when none is named.
func defaultData(env func(string) (string, bool)) string {
	if dir, ok := env("CARTKEEP_DATA"); ok {
		return dir
	}
	if dir, ok := env("XDG_DATA_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "cartkeep")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "cartkeep")
	}
	return "cartkeep-data"
}
