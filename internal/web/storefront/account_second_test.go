package storefront

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func TestASecondStepIsSetUpWithoutJavaScript(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	key := s.sends(t, b, "/account/security/app", nil).is(200, "Or type this key", "<svg")
	typed := regexp.MustCompile(`<h2>Or type this key</h2>\s*<p>([A-Z2-7 ]+)</p>`).FindStringSubmatch(key.body)
	if typed == nil {
		t.Fatalf("no key\n%s", mainOf(key.body))
	}
	s.sends(t, b, "/account/security/app/code", url.Values{"code": {"12"}}).is(422, "Or type this key")
	s.sends(t, b, "/account/security/app/code", url.Values{"code": {codeOf(t, typed[1], s.Clock.Now())}}).is(200, "Authenticator app", "Your second step is not asked for yet")

	made := s.sends(t, b, "/account/security/codes", nil).is(200, "shown this once")
	codes := regexp.MustCompile(`<li><code>([^<]+)</code>`).FindAllStringSubmatch(made.body, -1)
	if len(codes) < 8 {
		t.Fatalf("got %d codes\n%s", len(codes), mainOf(made.body))
	}
	s.sends(t, b, "/account/security/codes/confirm", url.Values{"code": {strings.Repeat("A", 24)}}).is(422, "Make new codes").not(codes[0][1])
	s.sends(t, b, "/account/security/codes/confirm", url.Values{"code": {codes[0][1]}}).is(200, "codes left").not("not asked for yet", codes[0][1])

	// A text: its risk is told, and the number is shown by its end alone.
	b.get("/account/security").is(200, "The weakest of the three")
	s.sends(t, b, "/account/security/phone", url.Values{"phone": {"12"}}).is(422)
	s.sends(t, b, "/account/security/phone", url.Values{"phone": {"+49 151 23456742"}}).is(200, "•••• 42").not("23456742")
	s.sends(t, b, "/account/security/phone/code", url.Values{"code": {s.Code(t, "+4915123456742")}}).is(200, "Number •••• 42", "What comes first").not("23456742")
	s.sends(t, b, "/account/security/preferred", url.Values{"method": {"sms"}}).is(200, `value="sms" selected`)
	s.sends(t, b, "/account/security/preferred", url.Values{"method": {"passkey"}}).is(404)

	// Every other browser is signed out by each of these, and the mailbox told.
	b.get("/account/messages").is(200, "A new way to sign in", "New recovery codes", "by text to your phone")
	b.get("/account/activity").is(200, "A way to sign in was added", "New recovery codes were saved")
	remove := regexp.MustCompile(`/account/security/factors/[0-9a-f-]{36}/remove`).FindString(b.get("/account/security").body)
	s.sends(t, b, remove, nil).is(200, "It is done.")
}

func codeOf(t *testing.T, typed string, at time.Time) string {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(typed, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, raw) // RFC 6238, not by the shop's own code
	binary.Write(mac, binary.BigEndian, uint64(at.Unix()/30))
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

func TestBrowsersAndSessionsAreListedAndEnded(t *testing.T) {
	s := open(t)
	b := s.member(t, adasMail)
	other := s.shopper(t)
	if got := other.post("/sign-in", url.Values{"email": {adasMail}, "password": {adasPass}}); got.path != "/account" {
		t.Fatalf("came to %s", got.path)
	}
	b.get("/account/security").is(200, "this browser", "Sign out everywhere else", "Firefox on Linux")
	mine := s.standing(t, b)
	list, err := s.Keeper.Sessions(t.Context(), mine.Account)
	if err != nil || len(list) != 2 {
		t.Fatal(err, len(list))
	}
	for _, in := range list {
		if in.ID != mine.Session {
			s.sends(t, b, "/account/security/sessions", url.Values{"id": {in.Name}}).is(200, "It is done.")
		}
	}
	if got := other.get("/account"); got.path != "/sign-in" {
		t.Errorf("an ended session still opens %s", got.path)
	}
	other.post("/sign-in", url.Values{"email": {adasMail}, "password": {adasPass}})
	s.sends(t, b, "/account/security/sessions/others", nil).is(200, "It is done.")
	if got := other.get("/account"); got.path != "/sign-in" {
		t.Errorf("an ended session still opens %s", got.path)
	}
	s.sends(t, b, "/account/security/browsers", url.Values{"id": {mine.Device}}).is(200, "It is done.")
	s.sends(t, b, "/account/security/password", url.Values{"password": {"short"}}).is(422, "Please check what is marked")
	s.sends(t, b, "/account/security/password", url.Values{"password": {"seventeen lanterns at noon"}}).is(200, "It is done.")
}

func TestAnAccountIsOfferedOnceTheOrderStands(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.shopper(t)
	b.post("/checkout/review", pay(s.toReview(t, b, mug)))
	p := s.placed(t, b)
	at := "/orders/" + string(p.Order.Number)
	b.get(at).is(200).not("Keep this order in an account?") // it is not paid yet
	if err := s.Approve(p); err != nil {
		t.Fatal(err)
	}
	b.get(at).is(200, "Keep this order in an account?", "You don’t need one").not(adasMail)
	b.post(at+"/account", url.Values{"password": {"short"}}).is(422, "Keep this order in an account?").not(adasMail, `value="short"`)
	s.shopper(t).post(at+"/account", url.Values{"password": {adasPass}}).is(404)
	if got := b.post(at+"/account", url.Values{"password": {adasPass}}).is(200, "Type the code").not(adasMail); got.path != "/register/code" {
		t.Errorf("came to %s", got.path)
	}
	b.post("/register/code", url.Values{"code": {s.Code(t, adasMail)}}).is(200, "Your account is made")
	b.get("/account/orders").is(200, string(p.Order.Number))
}

func TestOrdersOfAGuestAreFoundByTheMailboxAlone(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.member(t, adasMail)
	guest := s.shopper(t)
	guest.post("/checkout/review", pay(s.toReview(t, guest, mug)))
	n := string(s.placed(t, guest).Order.Number)
	b.get("/account/orders").not(n)
	b.get("/account/orders/" + n).is(404)
	s.sends(t, b, "/account/find-orders", nil).is(200, "A code is on its way").not(adasMail)
	s.sends(t, b, "/account/find-orders/code", url.Values{"code": {"00000000"}}).is(422)
	s.sends(t, b, "/account/find-orders/code", url.Values{"code": {s.Code(t, adasMail)}}).is(200, "We found orders", n)
	b.get("/account/orders/"+n).is(200, n)
}

func TestTheCheckoutTakesAnAddressOfTheBook(t *testing.T) {
	s := open(t)
	mug := s.Product(t, "mug", 1950, shoptest.Counted(5))
	b := s.member(t, adasMail)
	s.sends(t, b, "/account/addresses", book())
	b.post("/cart/lines", put(mug, "1"))
	s.stale()
	b.get("/checkout").is(200, "Use an address of your book").not("Analytical", "Lovelace", adasMail)
	if got := b.get("/account/use-address").not(private...); got.path != "/account/prove" {
		t.Errorf("came to %s", got.path)
	}
	s.sends(t, b, "/account/prove", url.Values{"method": {"password"}, "password": {adasPass}}).is(200, "Which address?", "12 Analytical Way")
	places, err := s.Keeper.Places(t.Context(), s.standing(t, b).Account)
	if err != nil || len(places) != 1 {
		t.Fatal(err, len(places))
	}
	s.sends(t, b, "/account/use-address", url.Values{"id": {store.NewID()}}).is(404)
	if got := s.sends(t, b, "/account/use-address", url.Values{"id": {places[0].ID}}).is(200, "12 Analytical Way", "Ada Lovelace", adasMail); got.path != "/checkout" {
		t.Errorf("came to %s", got.path)
	}
	s.shopper(t).get("/checkout").not("Use an address of your book")
}

func TestTwoCartsAtSignInAreAChoice(t *testing.T) {
	s := open(t)
	mug, jug := s.Product(t, "mug", 1950, shoptest.Counted(5)), s.Product(t, "jug", 2950, shoptest.Counted(5))
	b := s.member(t, adasMail)
	b.post("/cart/lines", put(mug, "2"))
	other := s.shopper(t)
	other.post("/cart/lines", put(jug, "1"))
	if got := other.post("/sign-in", url.Values{"email": {adasMail}, "password": {adasPass}}).is(200, "Your account has a cart too.", "The mug", "The jug"); got.path != "/cart/adopt" {
		t.Errorf("came to %s", got.path)
	}
	other.post("/cart/adopt/choice", url.Values{"cart_choice": {"here"}}).is(200, "The jug").not("The mug")
	// A third browser without a cart gets the one that was chosen, unasked.
	third := s.shopper(t)
	third.post("/sign-in", url.Values{"email": {adasMail}, "password": {adasPass}})
	third.get("/cart").is(200, "The jug").not("The mug")
}
