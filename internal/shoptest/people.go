package shoptest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/passkey"
	"github.com/cartkeep/cartkeep/internal/password"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Origin is where the shop of a test is.
const Origin = "https://shop.test"

// keeper lets people into the shop of a test. Every number may get texts.
func (s *Shop) keeper(t testing.TB, writer func() (*message.Writer, error)) {
	t.Helper()
	party, err := passkey.New(passkey.Config{RPID: "shop.test", RPName: "Test Shop", Origins: []string{Origin}, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.Keeper, err = account.New(account.Config{Store: s.DB, Hasher: password.NewHasher(2), Passkeys: party, Origin: Origin, Writer: writer,
		Texts: account.TextLimits{Allowed: func(contact.Phone) bool { return true }},
		Deliver: func(_ context.Context, _, _ string, m message.Message) error {
			s.Letters.add(m)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
}

// handlers are the jobs of the till and of the accounts.
func (s *Shop) handlers() map[string]func(context.Context, store.Job) error {
	all := s.Desk.Jobs()
	maps.Copy(all, s.Keeper.Jobs())
	return all
}

var codes = regexp.MustCompile(`(?m)^ +(\d{4}(?: \d{4})+)$|#(\d{6})$`)

// Code carries out the jobs that are due and returns the code of the newest
// message to somebody, "" when it has none.
func (s *Shop) Code(t T, to string) string {
	t.Helper()
	s.Run(t)
	all := s.Letters.All()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].To == to {
			m := codes.FindStringSubmatch(all[i].Text)
			return strings.Join(m[min(1, len(m)):], "")
		}
	}
	return ""
}

// Letter returns the newest message to somebody; the zero one when there is none.
func (s *Shop) Letter(t T, to string) message.Message {
	t.Helper()
	s.Run(t)
	all := s.Letters.All()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].To == to {
			return all[i]
		}
	}
	return message.Message{}
}

// TOTP is the code that an authenticator app with this key shows (RFC 6238),
// reckoned here and not by the shop.
func TOTP(t T, key []byte, at time.Time) string {
	t.Helper()
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[from:])&0x7fffffff%1_000_000)
}
