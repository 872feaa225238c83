package passkey_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/passkey"
)

// shop is a party with a clock to turn, and the keys it keeps.
type shop struct {
	*passkey.Party
	t     testing.TB
	now   time.Time
	keys  map[string]passkey.Key
	owner map[string]passkey.User
	asked int
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{t: t, now: time.Unix(1_800_000_000, 0), keys: map[string]passkey.Key{}, owner: map[string]passkey.User{}}
	p, err := passkey.New(passkey.Config{RPID: "shop.example", RPName: "Tidewater",
		Origins: []string{origin, other}, Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	s.Party = p
	return s
}

var (
	ada   = passkey.User{ID: []byte("account-of-ada--"), Name: "ada@example.com", Shown: "Ada"}
	grace = passkey.User{ID: []byte("account-of-grace"), Name: "grace@example.com", Shown: "Grace"}
)

func (s *shop) enrol(d *device, u passkey.User, needUV bool) passkey.Key {
	s.t.Helper()
	options, state, err := s.BeginRegister(u, nil, needUV)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := s.FinishRegister(u, state, d.Register(s.t, options))
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep(u, key)
	return key
}

// keep goes through the written form, as a database would.
func (s *shop) keep(u passkey.User, key passkey.Key) {
	s.t.Helper()
	again, err := passkey.Unmarshal(key.Marshal())
	if err != nil {
		s.t.Fatal(err)
	}
	s.keys[string(key.ID)], s.owner[string(key.ID)] = again, u
}

func (s *shop) find(handle, id []byte) (passkey.User, passkey.Key, error) {
	s.asked++
	key, ok := s.keys[string(id)]
	if !ok {
		return passkey.User{}, passkey.Key{}, fmt.Errorf("look: %w", passkey.ErrUnknown)
	}
	return s.owner[string(id)], key, nil
}

func (s *shop) signIn(d *device, needUV bool) (passkey.Key, passkey.Grade, error) {
	s.t.Helper()
	options, state, err := s.BeginSignIn(needUV)
	if err != nil {
		s.t.Fatal(err)
	}
	answer := d.Get(s.t, options)
	key, grade, err := s.FinishSignIn(state, answer, s.find)
	if err == nil {
		agreed(s.t, options, answer, key)
	}
	return key, grade, err
}

func TestADeviceIsEnrolledAndSignsIn(t *testing.T) {
	for name, d := range map[string]*device{"ES256": newDevice(t), "EdDSA": newEdDevice(t), "RS256": newRSADevice(t, 2048)} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			d.Flags |= be | bs
			key := s.enrol(d, ada, true)
			if !bytes.Equal(key.ID, d.ID) || !key.UV || !key.Synced || !key.BackedUp || key.CrossDevice {
				t.Errorf("the key is not as the device is: %+v", key)
			}
			if got := strings.Join(key.Transports, " "); got != "internal hybrid" {
				t.Errorf("transports: got %q, want the two that exist", got)
			}
			d.Counter = 7
			d.Flags &^= bs
			key, grade, err := s.signIn(d, true)
			if err != nil || grade != passkey.TwoFactors || key.Sign != 7 || key.BackedUp {
				t.Fatalf("got grade %d, %+v, %v", grade, key, err)
			}
		})
	}
}

func TestWithoutVerificationAPasskeyIsOneFactor(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	s.enrol(d, ada, false)
	d.Flags = up
	if _, grade, err := s.signIn(d, false); err != nil || grade != passkey.OneFactor {
		t.Errorf("got %d, %v, want one factor", grade, err)
	}
	if key, grade, err := s.signIn(d, true); !errors.Is(err, passkey.ErrUV) || grade != 0 || key.ID != nil {
		t.Errorf("staff without verification: got %d, %v", grade, err)
	}
}

// A key found in the street, which had no PIN, gets one of the finder's.
func TestVerificationThatCameLaterIsNotBelieved(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	d.Flags = up
	s.enrol(d, ada, false)
	d.Flags = up | uv
	if _, grade, err := s.signIn(d, false); err != nil || grade != passkey.OneFactor {
		t.Errorf("got %d, %v, want one factor", grade, err)
	}
	if _, grade, err := s.signIn(d, true); !errors.Is(err, passkey.ErrUV) || grade != 0 {
		t.Errorf("got %d, %v, want it refused", grade, err)
	}
}

func TestStepUpTakesTheAccountsOwnKeysOnly(t *testing.T) {
	s, hers, other := newShop(t), newDevice(t), newDevice(t)
	key := s.enrol(hers, ada, true)
	s.enrol(other, grace, true)
	begin := func() (options, state []byte) {
		options, state, err := s.BeginStepUp(ada, []passkey.Key{key}, true)
		if err != nil {
			t.Fatal(err)
		}
		return options, state
	}
	options, state := begin()
	hers.Handle = nil // a security key may leave it out when it was named
	if _, grade, err := s.FinishSignIn(state, hers.Get(t, options), s.find); err != nil || grade != passkey.TwoFactors {
		t.Errorf("got %d, %v", grade, err)
	}
	options, state = begin()
	if _, _, err := s.FinishSignIn(state, other.Get(t, options), s.find); !errors.Is(err, passkey.ErrAllow) {
		t.Errorf("the key of another account: got %v, want ErrAllow", err)
	}
	other.Answer = func(a map[string]any) { a["id"], a["rawId"] = base(hers.ID), base(hers.ID) }
	options, state = begin()
	if _, _, err := s.FinishSignIn(state, other.Get(t, options), s.find); !errors.Is(err, passkey.ErrOwner) {
		t.Errorf("her id with another handle: got %v, want ErrOwner", err)
	}
	other.Handle = ada.ID
	options, state = begin()
	if _, _, err := s.FinishSignIn(state, other.Get(t, options), s.find); !errors.Is(err, passkey.ErrSignature) {
		t.Errorf("her id and handle, signed by another: got %v, want ErrSignature", err)
	}
	if _, _, err := s.BeginStepUp(ada, nil, true); !errors.Is(err, passkey.ErrNone) {
		t.Errorf("an account without keys: got %v, want it refused and not open to every key", err)
	}
}

// The package does not rely on find: what it gives must fit the answer, and in
// a step-up the account that was asked.
func TestAFindThatErrsOpensNothing(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	key := s.enrol(d, ada, true)
	foreign := s.enrol(newDevice(t), grace, true)
	for name, found := range map[string]func() (passkey.User, passkey.Key){
		"another account": func() (passkey.User, passkey.Key) { return grace, key },
		"another key":     func() (passkey.User, passkey.Key) { return ada, foreign },
		"nobody":          func() (passkey.User, passkey.Key) { return passkey.User{}, key },
		"her bytes as another's": func() (passkey.User, passkey.Key) {
			return ada, passkey.Key{ID: foreign.ID, PublicKey: key.PublicKey, UV: true}
		},
	} {
		for _, handle := range [][]byte{ada.ID, nil} {
			d.Handle = handle
			options, state, _ := s.BeginStepUp(ada, []passkey.Key{key}, true)
			got, grade, err := s.FinishSignIn(state, d.Get(t, options), func(_, _ []byte) (passkey.User, passkey.Key, error) {
				u, k := found()
				return u, k, nil
			})
			if !errors.Is(err, passkey.ErrOwner) || grade != 0 || got.ID != nil {
				t.Errorf("%s: got %d, %v, want ErrOwner", name, grade, err)
			}
		}
		d.Handle = ada.ID
		options, state, _ := s.BeginSignIn(true)
		if _, grade, err := s.FinishSignIn(state, d.Get(t, options), func(_, _ []byte) (passkey.User, passkey.Key, error) {
			u, k := found()
			return u, k, nil
		}); !errors.Is(err, passkey.ErrOwner) || grade != 0 {
			t.Errorf("%s at the door: got %d, %v, want ErrOwner", name, grade, err)
		}
	}
}

func TestOptionsSayWhatIsWanted(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	key := s.enrol(d, ada, true)
	options, _, err := s.BeginRegister(ada, []passkey.Key{key}, false)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"rp":          map[string]any{"id": "shop.example", "name": "Tidewater"},
		"user":        map[string]any{"id": base(ada.ID), "name": ada.Name, "displayName": "Ada"},
		"attestation": "none", "timeout": 300000.0,
		"authenticatorSelection": map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "preferred"},
		"excludeCredentials":     []any{map[string]any{"type": "public-key", "id": base(key.ID), "transports": []any{"internal", "hybrid"}}},
		"pubKeyCredParams": []any{map[string]any{"type": "public-key", "alg": -7.0}, map[string]any{"type": "public-key", "alg": -8.0},
			map[string]any{"type": "public-key", "alg": -257.0}},
	} {
		if got := fmt.Sprint(o[path]); got != fmt.Sprint(want) {
			t.Errorf("%s: got %s, want %v", path, got, want)
		}
		delete(o, path)
	}
	if len(o) != 1 || len(unbase(t, o["challenge"].(string))) != 32 {
		t.Errorf("besides: got %v, want 32 bytes of challenge", o)
	}
	options, _, _ = s.BeginSignIn(true)
	if got := string(options); !strings.Contains(got, `"userVerification":"required"`) || strings.Contains(got, "allow") ||
		!strings.Contains(got, `"rpId":"shop.example"`) {
		t.Errorf("sign-in of staff: got %s", got)
	}
}

func TestAShopIsNotSetUpWrongly(t *testing.T) {
	for _, c := range []passkey.Config{
		{RPID: "192.0.2.1", Origins: []string{"https://192.0.2.1"}},
		{RPID: "192.0.2", Origins: []string{"https://192.0.2"}},
		{RPID: "2001:db8::1", Origins: []string{"https://[2001:db8::1]"}},
		{RPID: "shop.example", Origins: []string{"http://shop.example"}},
		{RPID: "shop.example", Origins: []string{"https://other.example"}},
		{RPID: "shop.example", Origins: []string{"https://evilshop.example"}},
		{RPID: "shop.example", Origins: []string{"https://shop.example/"}},
		{RPID: "shop.example", Origins: []string{"https://Shop.example"}},
		{RPID: "shop.example", Origins: []string{"https://shop.example:443"}},
		{RPID: "shop.example", Origins: []string{"https://user@shop.example"}},
		{RPID: "shop.example", Origins: []string{origin, "null"}},
		{RPID: "shop.example"},
		{RPID: "example", Origins: []string{"https://example"}},
		{RPID: "", Origins: []string{origin}},
		{RPID: "localhost", Origins: []string{"http://localhost:8080"}},
	} {
		c.RPName = "Shop"
		if _, err := passkey.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := passkey.New(passkey.Config{RPID: "localhost", RPName: "Shop", Origins: []string{"https://localhost:8443"}}); err != nil {
		t.Errorf("the demo: %v", err)
	}
}

func TestPasswordManagersLearnWhereToGo(t *testing.T) {
	s := newShop(t)
	got, err := s.Endpoints("/account/passkeys/new", "/account/security")
	want := `{"enroll":"https://shop.example/account/passkeys/new","manage":"https://shop.example/account/security"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, bad := range []string{"", "account", "//evil.example/"} {
		if _, err := s.Endpoints(bad, "/account"); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A database that fails is neither a wrong passkey nor a right one.
func TestAStorageErrorIsNoRefusal(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	s.enrol(d, ada, true)
	broken := errors.New("disk")
	options, state, _ := s.BeginSignIn(false)
	key, grade, err := s.FinishSignIn(state, d.Get(t, options), func(_, _ []byte) (passkey.User, passkey.Key, error) {
		return passkey.User{}, passkey.Key{}, broken
	})
	if !errors.Is(err, broken) || fault.Is(err, fault.Invalid) || grade != 0 || key.ID != nil {
		t.Errorf("got %d, %v", grade, err)
	}
}

func TestAUserDoesNotPrintItself(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, struct{ U passkey.User }{ada}); strings.Contains(got, "ada") {
			t.Errorf("%s printed %s", verb, got)
		}
	}
}

// The written form stays: keys of today must open for years.
func TestAKeyWrittenEarlierStillOpens(t *testing.T) {
	const written = `{"v":1,"id":"AQID","key":"pQEC","n":7,"uv":true,"be":true,"bs":true,"by":["usb"],"model":"AAECAwQFBgcICQoLDA0ODw==","away":true}`
	key, err := passkey.Unmarshal([]byte(written))
	want := passkey.Key{ID: []byte{1, 2, 3}, PublicKey: []byte{0xa5, 1, 2}, Sign: 7, UV: true, Synced: true, BackedUp: true,
		Transports: []string{"usb"}, AAGUID: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, CrossDevice: true}
	if err != nil || fmt.Sprint(key) != fmt.Sprint(want) || string(key.Marshal()) != written {
		t.Errorf("got %+v, %v, want %+v", key, err, want)
	}
	for _, bad := range []string{"", "null", "{}", strings.Replace(written, `"v":1`, `"v":2`, 1), written + "{}", written + "]",
		strings.Replace(written, `"n"`, `"m"`, 1), strings.Replace(written, "AQID", "", 1), strings.Replace(written, "AAECAwQFBgcICQoLDA0ODw==", "AAEC", 1)} {
		if _, err := passkey.Unmarshal([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	id := make([]byte, 16)
	rand.Read(id)
	f.Add(passkey.Key{ID: id, PublicKey: []byte{1}, Sign: 3, UV: true, Transports: []string{"usb"}, AAGUID: [16]byte{1}}.Marshal())
	f.Add([]byte(`{"v":1,"id":"AA==","key":"AA==","n":0}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := passkey.Unmarshal(b)
		if err != nil {
			return
		}
		again, err := passkey.Unmarshal(key.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), key.Marshal()) {
			t.Errorf("what parses is not written back the same: %v", err)
		}
	})
}
