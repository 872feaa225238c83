package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/certs"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/money"
	"github.com/cartkeep/cartkeep/internal/payment"
	"github.com/cartkeep/cartkeep/internal/shipping"
	"github.com/cartkeep/cartkeep/internal/store"
)

// newServer takes the folder, unlocks its shop and returns a server that
// listens nowhere yet. The demo makes what is missing.
func newServer(ctx context.Context, p *Process, set *Settings, demo bool) (*server, error) {
	f, err := openFolder(set.Data)
	if err != nil {
		return nil, err
	}
	s := &server{settings: set, folder: f, places: p.Places, log: newLog(p.Err, set.LogRequests), demo: demo, began: time.Now(), failed: make(chan error, 4)}
	if err := f.take(); err != nil {
		if errors.Is(err, errLocked) {
			err = fmt.Errorf("a shop is already running in %s", f.path)
		}
		return nil, err
	}
	if demo {
		if _, err := f.found(set, s.began); err != nil {
			return nil, errors.Join(err, f.release())
		}
	}
	if s.vault, err = f.unlock(ctx, set, s.log); err != nil {
		return nil, errors.Join(err, f.release())
	}
	if err := s.vault.ring.Unlocked(); err != nil {
		fmt.Fprintf(p.Err, "cartkeep: the epoch keys lie in memory that may be swapped to a disk: %v; allow 64 KiB (ulimit -l, LimitMEMLOCK=)\n", err)
	}
	return s, nil
}

func joinClose(err error, closing func() error) error { return errors.Join(err, closing()) }

type initCmd struct{}

// Run makes the folder, the keys and the database of a real shop.
func (initCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if set.ShopName == "" {
		return misused("init: give the shop a name with --shop-name")
	}
	f, err := openFolder(set.Data)
	if err != nil {
		return err
	}
	if err := f.take(); err != nil {
		return err
	}
	made, err := f.found(set, time.Now())
	if err != nil {
		return joinClose(err, f.release)
	}
	v, err := f.unlock(ctx, set, newLog(p.Err, set.LogRequests))
	if err != nil {
		return joinClose(err, f.release)
	}
	err = initialise(ctx, v.db, set)
	err = errors.Join(err, v.close(), f.release())
	if err != nil {
		return err
	}
	id, err := f.shopID()
	if err != nil {
		return err
	}
	path, err := keyPath(set, f, id)
	if err != nil {
		return err
	}
	if !made {
		fmt.Fprintln(p.Out, "cartkeep: the shop was there already; nothing was changed")
	}
	fmt.Fprintf(p.Out, "cartkeep: data folder %s\ncartkeep: key file %s\ncartkeep: keep a copy of the key file apart from the data. Without it nobody can read the data, you included.\n", f.path, path)
	if made {
		fmt.Fprint(p.Out, inviteHint)
	}
	return nil
}

func initialise(ctx context.Context, db *store.DB, set *Settings) error {
	old, err := db.Settings(ctx)
	if err != nil || old.ShopName != "" {
		return err
	}
	if old.Demo {
		return errors.New("this folder holds a demo; a real shop needs one of its own")
	}
	c, err := money.ParseCurrency(set.Currency)
	if err != nil {
		return err
	}
	return db.InTx(ctx, ledger.System("init"), func(t *store.Tx) error {
		for _, kv := range [][2]string{{"shop.name", set.ShopName}, {"shop.currency", c.Code()}, {"shop.country", set.Country}, {"shop.descriptor", descriptor(set.ShopName)}, {"shop.contact", set.Contact}} {
			if err := t.Set(kv[0], kv[1]); err != nil {
				return err
			}
		}
		return t.SetShipping(shipping.Plan{Zones: []shipping.Zone{shipping.ZoneOf(shipping.Anywhere)},
			Methods: shipping.Methods{{ID: "standard", Title: "Standard delivery", Rates: []shipping.Rate{shipping.FlatRate("world", money.Zero(c))}}}})
	})
}

// descriptor is what a bank statement can show of a name: 22 capital letters,
// digits and spaces.
func descriptor(name string) string {
	var out []rune
	for _, r := range name {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ' ' {
			out = append(out, r)
		}
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	if len(text) < 3 {
		return "CARTKEEP SHOP"
	}
	return strings.TrimSpace(text[:min(len(text), 22)])
}

type serveCmd struct{}

// Run serves a real shop. It refuses unsafe settings and says which.
func (serveCmd) Run(ctx context.Context, p *Process, set *Settings) error {
	if set.Listen == "" {
		set.Listen = ":443"
	}
	if set.HTTPListen == "" {
		set.HTTPListen = ":80"
	}
	if err := safeToServe(set); err != nil {
		return misuseError{err}
	}
	s, err := newServer(ctx, p, set, false)
	if err != nil {
		return err
	}
	err = s.startPublic(ctx, p)
	if err == nil {
		err = s.run(ctx)
	}
	return joinClose(err, s.close)
}

// safeToServe finds every setting a real shop must not have.
func safeToServe(set *Settings) error {
	var bad []error
	if len(set.Domain) == 0 {
		bad = append(bad, errors.New("serve: name the shop's domain with --domain; certificates for it come by ACME"))
	}
	if set.AcmeEmail == "" {
		bad = append(bad, errors.New("serve: give --acme-email, where the certificate authority writes when something is wrong"))
	} else if _, err := contact.ParseEmail(set.AcmeEmail); err != nil {
		bad = append(bad, errors.New("serve: acme-email is no mail address"))
	}
	if set.DemoHSTS {
		bad = append(bad, errors.New("serve: demo-hsts is for the demo; a real shop always sends HSTS"))
	}
	if set.SandboxListen != "" {
		bad = append(bad, errors.New("serve: the make-believe bank exists in the demo only"))
	}
	return errors.Join(bad...)
}

func (s *server) startPublic(ctx context.Context, p *Process) error {
	shop, err := s.vault.db.Settings(ctx)
	if err != nil {
		return err
	}
	if shop.Demo || slices.Contains(shop.Providers, "sandbox") {
		return errors.New("serve: this database has the make-believe bank enabled, which marks orders paid that nobody paid; a real shop needs a database of its own")
	}
	s.origin = "https://" + s.settings.Domain[0]
	if s.public, err = certs.ACME(certs.PublicConfig{Domains: s.settings.Domain, Email: s.settings.AcmeEmail, Storage: s.folder.file("certs"), Log: s.log}); err != nil {
		return err
	}
	s.tls = s.public.TLSConfig()
	if s.doors, err = listen(s.settings.Listen); err != nil {
		return err
	}
	if s.plain, err = net.Listen("tcp", s.settings.HTTPListen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.settings.PrivateListen != "" {
		if s.inner, err = net.Listen("tcp", s.settings.PrivateListen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	if err := s.openConsole(); err != nil {
		return err
	}
	if err := s.assemble(ctx); err != nil {
		return err
	}
	if err := s.public.Start(); err != nil {
		return err
	}
	if s.settings.LimitsExempt != "" {
		fmt.Fprintf(p.Err, "cartkeep: WARNING: clients in %s are free from request rates\n", s.settings.LimitsExempt)
	}
	if len(shop.Providers) == 0 {
		fmt.Fprintln(p.Err, "cartkeep: no payment provider is set up yet: nobody can order")
	}
	if s.settings.PaymentMode == payment.ModeTest {
		fmt.Fprintln(p.Err, "cartkeep: WARNING: payments are in test mode: everybody can order, and no money moves")
	}
	if has, err := s.keeper.HasOwner(ctx); err != nil {
		return err
	} else if !has {
		fmt.Fprint(p.Err, inviteHint)
	}
	a := s.addresses()
	fmt.Fprintf(p.Out, "cartkeep: shop %s\ncartkeep: admin %s\ncartkeep: ready %s\n", a.shop, a.admin, s.origin)
	return nil
}
