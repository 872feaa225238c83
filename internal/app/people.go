package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/message/sms"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/password"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/admin"
	"github.com/cartkeep/cartkeep/internal/web/gate"
	"github.com/cartkeep/cartkeep/internal/web/page"
)

// newKeeper lets people in. A passkey belongs to the shop's name, never to an
// address or a port.
func (s *server) newKeeper(shop store.Settings) (*account.Keeper, error) {
	host, err := hostOf(s.origin)
	if err != nil {
		return nil, err
	}
	party, err := passkey.New(passkey.Config{RPID: host, RPName: shop.ShopName, Origins: s.passkeyOrigins()})
	if err != nil {
		return nil, err
	}
	stolen, err := s.breaches()
	if err != nil {
		return nil, err
	}
	hasher := password.NewHasher(s.places)
	s.calibrate(hasher)
	s.passkeys = party
	return account.New(account.Config{Store: s.vault.db, Hasher: hasher, Breached: stolen.Breached, Passkeys: party, Origin: s.origin, Console: strings.TrimSuffix(s.addresses().admin, page.PathAdmin),
		Writer: s.writer, Deliver: s.accountDeliverer(), Texts: s.textLimits(shop), Wake: s.jobs.Wake, Log: s.log})
}

// hashSetting remembers how much work this machine was found good for, so that
// a slow minute at start makes no new hash weaker than those before.
const hashSetting = "password.passes"

// hashTime is how long one password may take to hash.
const hashTime = 50 * time.Millisecond

// calibrate gives hashing the work of before at once, and measures anew beside
// serving. More is kept; less never is.
func (s *server) calibrate(h *password.Hasher) {
	db := s.vault.db
	ctx, stop := context.WithCancel(context.Background())
	s.calm = stop
	s.running.Go(func() {
		var words map[string]string
		if err := db.View(ctx, func(v *store.View) (err error) { words, err = v.SettingWords(); return err }); err != nil {
			s.log.WarnContext(ctx, "the work of password hashes not read", "error", err)
			return
		}
		known := words[hashSetting]
		if n, err := strconv.ParseUint(known, 10, 32); err == nil {
			h.Raise(password.Params{Memory: password.Floor.Memory, Passes: uint32(n)})
		}
		p, err := h.Calibrate(ctx, hashTime)
		if err == nil && known != strconv.FormatUint(uint64(p.Passes), 10) {
			err = db.InTx(ctx, ledger.System("start"), func(t *store.Tx) error { return t.Set(hashSetting, strconv.FormatUint(uint64(p.Passes), 10)) })
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "password hashes not calibrated", "error", err)
		}
	})
}

// who tells the gate on which rung a request stands: at the console as staff,
// elsewhere as a shopper. Each has a cookie of its own.
func (s *server) who(r *http.Request) (access.Standing, error) {
	if s.keeper == nil {
		return access.Standing{}, nil
	}
	if page.OfConsole(r.URL.Path) {
		return admin.Who(s.keeper, r)
	}
	cookie, ok := gate.Cookie(r, gate.SessionCookie)
	if !ok {
		return access.Standing{}, nil
	}
	return s.keeper.Who(r.Context(), cookie)
}

// accountDeliverer says where messages about accounts go: into the outbox in
// the demo, else to the senders that are set up. Without one they wait as jobs.
func (s *server) accountDeliverer() func(context.Context, string, string, message.Message) error {
	deliver := s.deliverer()
	if deliver == nil {
		return nil
	}
	return func(ctx context.Context, owner, about string, m message.Message) error {
		return deliver(ctx, owner, order.ID(about), m)
	}
}

// passkeyOrigins are the pages that may run ceremonies: the shop's and, where
// the console has an address of its own, that one's.
func (s *server) passkeyOrigins() []string {
	out := []string{s.origin}
	if a := strings.TrimSuffix(s.addresses().admin, page.PathAdmin); a != s.origin {
		out = append(out, a)
	}
	return out
}

// textLimits allows texts to mobile numbers of the countries that the settings
// name. Without sms in the settings none is offered: nobody would send it.
func (s *server) textLimits(shop store.Settings) account.TextLimits {
	countries := s.settings.countries(shop)
	return account.TextLimits{Off: !s.demo && s.senders[message.SMS] == nil,
		Allowed: func(p contact.Phone) bool { return sms.Allowed(p, countries) }}
}

func hostOf(origin string) (string, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return "", errors.New("the shop's origin is no address")
	}
	return u.Hostname(), nil
}
