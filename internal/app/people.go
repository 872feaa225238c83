package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/message/sms"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/password"
	"github.com/cartkeep/cartkeep/internal/store"
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
	return account.New(account.Config{Store: s.vault.db, Hasher: password.NewHasher(s.places), Passkeys: party, Origin: s.origin,
		Writer: s.writer, Deliver: s.accountDeliverer(), Texts: s.textLimits(shop), Wake: s.jobs.Wake, Log: s.log})
}

// who tells the gate on which rung a request stands.
func (s *server) who(r *http.Request) (access.Standing, error) {
	if s.keeper == nil {
		return access.Standing{}, nil
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
