package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/breach"
	"github.com/cartkeep/cartkeep/internal/certs"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/demo"
	"github.com/cartkeep/cartkeep/internal/job"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/payment/sandbox"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/privacy"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/admin"
	"github.com/cartkeep/cartkeep/internal/web/api"
	"github.com/cartkeep/cartkeep/internal/web/embed"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/notices"
	"github.com/cartkeep/cartkeep/internal/web/page"
	"github.com/cartkeep/cartkeep/internal/web/storefront"
)

// server is a running shop.
type server struct {
	settings *Settings
	folder   *folder
	vault    *vault
	log      *slog.Logger
	demo     bool
	places   int // how many passwords are hashed at once
	began    time.Time

	origin   string // https://localhost:8443
	tls      *tls.Config
	local    *certs.Authority // demo
	public   *certs.Public    // serve
	sandbox  *sandbox.Service // demo
	services []payment.Provider
	gate     *gate.Gate
	pages    *page.Set
	desk     *checkout.Desk
	keeper   *account.Keeper
	passkeys *passkey.Party
	list     *breach.List // of stolen passwords; nil without one
	calm     func()       // ends measuring how long hashing takes
	front    *storefront.Shop
	staff    *admin.Console
	table    *gate.Table // every route of the shop
	jobs     *job.Runner
	control  *control
	figures  *figures
	paying   *pagewatch.Watch // over the payment pages
	senders  message.Channels // serve; empty when none is set up
	parties  personal.Parties // who those are

	doors    []net.Listener // of the shop
	consoles []net.Listener // of the staff console, when it has its own
	bank     net.Listener
	inner    net.Listener // figures
	plain    net.Listener // http redirect

	servers    []*http.Server
	failed     chan error
	running    sync.WaitGroup
	wrote      atomic.Int64 // when the owners were last told of an attack, in seconds
	wroteCards atomic.Int64 // and of cards that are tested
	carding    atomic.Bool  // cards are being tested
}

// addresses are what a start prints.
type addresses struct{ shop, admin, sandbox, outbox, private string }

// addresses names where everything is, once listen has run.
func (s *server) addresses() addresses {
	a := addresses{shop: s.origin + "/", admin: s.origin + "/admin"}
	if len(s.consoles) > 0 {
		host, _, _ := net.SplitHostPort(strings.TrimPrefix(s.origin, "https://"))
		if host == "" {
			host = strings.TrimPrefix(s.origin, "https://")
		}
		a.admin = fmt.Sprintf("https://%s:%d/admin", host, portOf(s.consoles[0]))
	}
	if s.bank != nil {
		a.sandbox = s.bankOrigin() + "/"
		a.outbox = s.bankOrigin() + "/outbox"
	}
	if s.inner != nil {
		a.private = "http://" + s.inner.Addr().String() + "/"
	}
	return a
}

// bankOrigin is the other loopback name: cookies ignore ports, so the
// make-believe bank must be another host than localhost.
func (s *server) bankOrigin() string {
	return fmt.Sprintf("https://127.0.0.1:%d", port(s.bank))
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// assemble wires the shop behind its listeners. Nothing answers before serve.
func (s *server) assemble(ctx context.Context) error {
	shop, err := s.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	if shop.Currency.IsZero() || shop.ShopName == "" {
		return errors.New("this shop has no name or currency yet; run: cartkeep init")
	}
	if s.pages, err = s.newPages(shop); err != nil {
		return err
	}
	trusted, err := gate.ParsePrefixes(s.settings.TrustedProxies)
	if err != nil {
		return err
	}
	exempt, err := gate.ParsePrefixes(s.settings.LimitsExempt)
	if err != nil {
		return err
	}
	s.figures = newFigures(s.vault.db)
	if s.senders, err = s.wireSenders(shop); err != nil {
		return err
	}
	s.jobs = job.New(s.vault.db, s.log)
	s.gate = gate.New(gate.Config{Log: s.log, HSTS: !s.demo || s.settings.DemoHSTS, TrustedProxies: trusted, Exempt: exempt, Guests: embed.Guests(s.vault.db),
		Counters: s.vault.db, Alarm: s.alarm, Who: s.who,
		Door: func(w http.ResponseWriter, r *http.Request, need access.Need, v access.Verdict) {
			if page.OfConsole(r.URL.Path) {
				s.staff.Door(w, r, need, v)
				return
			}
			s.front.Door(w, r, need, v)
		},
		Page: storefront.ErrorPage(s.pages, s.vault.db, s.log)})
	providers, err := s.providers(ctx)
	if err == nil {
		err = offered(providers, shop)
	}
	if err != nil {
		return err
	}
	s.services = providers
	s.desk, err = checkout.New(checkout.Config{Store: s.vault.db, Providers: providers, Origin: s.origin, Hold: s.settings.Hold,
		Writer: s.writer, Deliver: s.deliverer(), Alarm: s.alarm, Wake: s.jobs.Wake, Log: s.log,
		Tell: func(t *store.Tx, kind message.NoticeKind) error { return s.keeper.TellOwnersIn(t, kind) }})
	if err != nil {
		return err
	}
	if s.keeper, err = s.newKeeper(shop); err != nil {
		return err
	}
	if err := s.vault.db.FreeLeases(ctx); err != nil {
		return err
	}
	s.paying = s.pageWatch()
	s.schedule()
	handler, err := s.routes(shop, providers)
	if err != nil {
		return err
	}
	for _, door := range s.doors {
		s.add(gate.Server(handler, s.log), tls.NewListener(s.gate.Doors(door), s.tls))
	}
	if s.bank != nil {
		s.add(gate.Server(s.bankRoutes(), s.log), tls.NewListener(s.bank, s.tls))
	}
	if s.inner != nil {
		s.add(gate.Server(s.figures.routes(), s.log), s.inner)
	}
	if s.plain != nil {
		s.add(gate.Server(s.public.HTTPHandler(toHTTPS(s.origin)), s.log), s.plain)
	}
	s.control, err = newControl(s)
	return err
}

func (s *server) add(h *http.Server, l net.Listener) {
	s.servers = append(s.servers, h)
	s.running.Go(func() {
		if err := h.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			select {
			case s.failed <- err:
			default:
			}
		}
	})
}

func (s *server) newPages(shop store.Settings) (*page.Set, error) {
	c := page.Config{ShopName: shop.ShopName, BaseURL: s.origin, Zone: shop.Zone, Accent: s.settings.Accent,
		Footer: []page.Link{{Text: "Find your order", URL: page.PathFind}, {Text: "Privacy", URL: page.PathPrivacy}, {Text: "Staff", URL: page.PathAdmin}}}
	return page.New(c)
}

// providers wires the payment services in. The make-believe bank exists in the
// demo only.
func (s *server) providers(ctx context.Context) ([]payment.Provider, error) {
	mark, err := s.vault.db.PaymentMark(ctx)
	if err != nil {
		return nil, err
	}
	real, err := s.settings.services(mark, s.settings.Hold)
	if err != nil || !s.demo {
		return real, err
	}
	if len(real) > 0 && s.settings.PaymentMode != payment.ModeTest {
		return nil, errors.New("payment-mode: a demo takes no real money; give test keys and --payment-mode test")
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.local.ClientPool(), MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 16}}
	secret := s.vault.db.Keys().Sandbox
	p, err := sandbox.New(sandbox.Config{Secret: secret, Origin: s.bankOrigin(), Client: client})
	if err != nil {
		return nil, err
	}
	s.sandbox, err = sandbox.NewService(sandbox.ServiceConfig{Secret: secret, Journal: s.folder.file("sandbox.jsonl"), Origin: s.bankOrigin(),
		ShopOrigins: []string{s.origin}, Client: client, Log: s.log})
	if err != nil {
		return nil, err
	}
	return append([]payment.Provider{p}, real...), nil
}

// writer makes the letter writer of the shop as it is now.
func (s *server) writer() (*message.Writer, error) {
	shop, err := s.vault.db.Settings(context.Background())
	if err != nil {
		return nil, err
	}
	return message.NewWriter(message.Shop{Name: shop.ShopName, Origin: s.origin, Statement: shop.Descriptor})
}

// deliverer says where letters go: into the outbox in the demo, else to the
// senders that are set up. Without one they wait as jobs.
func (s *server) deliverer() func(context.Context, string, order.ID, message.Message) error {
	switch {
	case s.demo:
		return func(ctx context.Context, owner string, id order.ID, m message.Message) error {
			return keepLetter(ctx, s.vault.db, owner, id, m)
		}
	case len(s.senders) == 0:
		return nil
	}
	return func(ctx context.Context, _ string, _ order.ID, m message.Message) error {
		return s.senders.Send(ctx, m)
	}
}

// mails says that letters leave, so that pages may promise one.
func (s *server) mails() bool { return s.demo || s.senders[message.Email] != nil }

// schedule tells the runner what comes again and again.
func (s *server) schedule() {
	for kind, do := range s.desk.Jobs() {
		s.jobs.Handle(kind, job.Handler(do))
	}
	for kind, do := range s.keeper.Jobs() {
		s.jobs.Handle(kind, job.Handler(do))
	}
	s.jobs.Repeat(job.Round{Name: "sign-ins", Every: 10 * time.Minute, Do: s.keeper.Sweep})
	db := s.vault.db
	s.jobs.Repeat(job.Round{Name: "sequencer", Every: time.Second, Do: func(ctx context.Context) error {
		_, err := db.Sequence(ctx)
		return err
	}})
	s.jobs.Repeat(job.Round{Name: "holds", Every: time.Second, Do: func(ctx context.Context) error {
		_, err := s.desk.SweepHolds(ctx)
		return err
	}})
	s.jobs.Repeat(job.Round{Name: "payments", Every: 24 * time.Hour, Do: s.paymentsDaily})
	s.jobs.Repeat(job.Round{Name: "credit", Every: time.Hour, Do: s.desk.ExpireCredit})
	s.jobs.Repeat(job.Round{Name: "codes", Every: 10 * time.Minute, Do: s.desk.SweepChallenges})
	s.jobs.Repeat(job.Round{Name: "limits", Every: 10 * time.Minute, Do: s.desk.SweepAbuse})
	s.jobs.Repeat(job.Round{Name: "back in stock", Every: 10 * time.Second, Do: func(ctx context.Context) error {
		_, err := s.desk.SendWishes(ctx)
		return err
	}})
	s.jobs.Repeat(job.Round{Name: "retention", Every: privacy.RetentionEvery, Do: func(ctx context.Context) error {
		_, err := privacy.Retention(ctx, db, s.log, s.desk.SweepCarts, s.desk.EndIdleCards)
		return err
	}})
	s.jobs.Repeat(job.Round{Name: "rights", Every: privacy.RightsEvery, Do: s.vault.office.RunDue})
	s.jobs.Repeat(job.Round{Name: "erasure journal", Every: time.Hour, Do: s.vault.office.Replay})
	s.jobs.Repeat(job.Round{Name: "epochs", Every: keylife.TendEvery, Do: s.vault.life.Tend})
	s.jobs.Repeat(job.Round{Name: "index key", Every: keylife.IndexEvery, Do: s.vault.life.TendIndex})
	if db.Shared() {
		s.jobs.Repeat(job.Round{Name: "epochs of other nodes", Every: keylife.MeetEvery, Do: s.vault.life.Meet})
	}
	s.jobs.Repeat(job.Round{Name: "backups", Every: backup.RoundEvery, Do: s.vault.backups.Round})
	s.jobs.Repeat(job.Round{Name: "checkpoint", Every: time.Minute, Do: func(ctx context.Context) error { return publish(ctx, db) }})
	s.jobs.Repeat(job.Round{Name: "pictures", Every: 6 * time.Hour, Do: db.SweepPictures})
	s.jobs.Repeat(s.watch())
	s.jobs.Repeat(s.lookAtPages())
	s.jobs.Repeat(job.Round{Name: "commits", Every: 10 * time.Minute, Do: db.SweepCommits})
}

// routes is the surface of the shop.
func (s *server) routes(shop store.Settings, providers []payment.Provider) (http.Handler, error) {
	front, err := storefront.New(storefront.Config{Gate: s.gate, Pages: s.pages, Desk: s.desk, Store: s.vault.db, Keeper: s.keeper, Origin: s.origin,
		Pictures: demo.Picture, Letters: s.mails(), Parties: s.parties, Log: s.log})
	if err != nil {
		return nil, err
	}
	s.front = front
	rest, err := api.New(api.Config{Gate: s.gate, Desk: s.desk, Shelf: shelf{s.vault.db}, Proofs: proofs{s.vault.db}, Origin: s.origin, Version: Version})
	if err != nil {
		return nil, err
	}
	staff, err := admin.New(admin.Config{Gate: s.gate, Pages: s.pages, Store: s.vault.db, Keeper: s.keeper, Version: Version})
	if err != nil {
		return nil, err
	}
	s.staff = staff
	elements, err := embed.New(s.gate)
	if err != nil {
		return nil, err
	}
	t := s.gate.Table()
	if len(s.consoles) == 0 {
		err = staff.Register(t)
	} else {
		t.Nothing("/admin", "/admin/")
		err = s.serveConsole(staff)
	}
	err = errors.Join(err, rest.Register(t), front.Register(t), elements.Register(t), t.Add("machines", s.machines(shop)...), t.Add("machines", notices.Routes(s.gate, s.desk, providers)...))
	if err != nil {
		return nil, err
	}
	t.Seal()
	s.table = t
	return s.figures.count(s.gate.Wrap(t)), nil
}

// serveConsole answers the staff console, and nothing of the shop, at its own doors.
func (s *server) serveConsole(staff *admin.Console) error {
	t := s.gate.Table()
	t.Nothing("/")
	err := errors.Join(staff.Register(t), t.Add("admin", gate.Route{Method: "GET", Path: page.PathAssets, Need: gate.Anybody, Handle: s.pages.Assets(s.gate.NotFound()).ServeHTTP}))
	if err != nil {
		return err
	}
	t.Seal()
	for _, door := range s.consoles {
		s.add(gate.Server(s.gate.Wrap(t), s.log), tls.NewListener(s.gate.Doors(door), s.tls))
	}
	return nil
}

func toHTTPS(origin string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate.Harden(w, "default-src 'none'; frame-ancestors 'none'")
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, "/") {
			path = "/" // the * of OPTIONS would become part of the name
		}
		// The target is our own name, never the Host that was sent, and no
		// query: a token in it has crossed the network in the clear already.
		w.Header().Set("Location", origin+path)
		w.WriteHeader(http.StatusPermanentRedirect)
	})
}

// run serves until ctx ends or a listener fails.
func (s *server) run(ctx context.Context) error {
	s.jobs.Start(context.WithoutCancel(ctx))
	s.running.Go(func() {
		if err := s.vault.db.ReadCatalogue(ctx); err != nil {
			s.log.WarnContext(ctx, "catalogue not read ahead", "error", err)
		}
		debug.FreeOSMemory() // starting takes more than serving needs
	})
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return fmt.Errorf("serve: %w", err)
	}
}

// close stops taking requests, finishes those under way and closes everything.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	if s.control != nil {
		errs = append(errs, s.control.close())
	}
	for _, h := range s.servers {
		if err := h.Shutdown(ctx); err != nil {
			errs = append(errs, h.Close())
		}
	}
	if s.calm != nil {
		s.calm()
	}
	s.running.Wait()
	if s.list != nil {
		errs = append(errs, s.list.Close())
	}
	for _, l := range append(append(s.doors, s.consoles...), s.bank, s.inner, s.plain) {
		if l != nil {
			l.Close() // closed by its server already, unless assemble failed
		}
	}
	if s.jobs != nil {
		s.jobs.Close()
	}
	if s.sandbox != nil {
		errs = append(errs, s.sandbox.Close())
	}
	if s.public != nil {
		errs = append(errs, s.public.Close())
	}
	if s.vault != nil {
		errs = append(errs, s.vault.close())
	}
	return errors.Join(append(errs, s.folder.release())...)
}

// newLog writes lines for operators. Requests that went well are not among
// them unless the operator asks for it.
func newLog(w io.Writer, requests bool) *slog.Logger {
	level := slog.LevelInfo
	if requests {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
