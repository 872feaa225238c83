package passkey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/passkey"
)

// marked stands in values of lying answers, and may stand in no error.
const marked = "zq-marked-zq"

func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m[name] = value }
}

// inside changes the member response of an answer.
func inside(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m["response"].(map[string]any)[name] = value }
}

// lie is one way in which an answer is wrong, in either ceremony.
type lie struct {
	name string
	tell func(d *device)
	want error
}

// both are lies that are possible when enrolling and when signing in.
var both = []lie{
	{"another origin", func(d *device) { d.Origin = "https://" + marked + ".example" }, passkey.ErrOrigin},
	{"the origin without TLS", func(d *device) { d.Origin = "http://shop.example" }, passkey.ErrOrigin},
	{"the origin with another port", func(d *device) { d.Origin += ":8443" }, passkey.ErrOrigin},
	{"the origin with a path", func(d *device) { d.Origin += "/" + marked }, passkey.ErrOrigin},
	{"the origin in large letters", func(d *device) { d.Origin = "https://SHOP.example" }, passkey.ErrOrigin},
	{"a domain below that is not named", func(d *device) { d.Origin = "https://blog.shop.example" }, passkey.ErrOrigin},
	{"no origin", func(d *device) { d.Origin = "" }, passkey.ErrOrigin},
	{"another shop's id", func(d *device) { d.RP = "other.example" }, passkey.ErrRP},
	{"another challenge", func(d *device) { d.Client = set("challenge", base(make([]byte, 32))) }, passkey.ErrChallenge},
	{"half a challenge", func(d *device) { d.Client = func(m map[string]any) { m["challenge"] = m["challenge"].(string)[:20] } }, passkey.ErrChallenge},
	{"no challenge", func(d *device) { d.Client = set("challenge", nil) }, passkey.ErrChallenge},
	{"a challenge that is a number", func(d *device) { d.Client = set("challenge", 7) }, passkey.ErrForm},
	{"another kind", func(d *device) { d.Client = set("type", "payment.get") }, passkey.ErrCeremony},
	{"in a frame of somebody else", func(d *device) { d.Client = set("crossOrigin", true) }, passkey.ErrFramed},
	{"below a page of somebody else", func(d *device) { d.Client = set("topOrigin", "https://other.example") }, passkey.ErrFramed},
	{"nobody was present", func(d *device) { d.Flags &^= up }, passkey.ErrUP},
	{"nobody was verified", func(d *device) { d.Flags &^= uv }, passkey.ErrUV},
	{"backed up, though it can't be", func(d *device) { d.Flags |= bs }, passkey.ErrFlags},
	{"bytes after the device's data", func(d *device) { d.Data = func(b []byte) []byte { return append(b, marked...) } }, passkey.ErrForm},
	{"the device's data cut off", func(d *device) { d.Data = func(b []byte) []byte { return b[:36] } }, passkey.ErrForm},
	{"extensions promised and missing", func(d *device) { d.Flags |= 0x80 }, passkey.ErrForm},
	{"an id that is not the raw one", func(d *device) { d.Answer = set("rawId", base([]byte(marked))) }, passkey.ErrForm},
	{"no id", func(d *device) { d.Answer = set("id", "") }, passkey.ErrForm},
	{"an id that is null", func(d *device) { d.Answer = set("id", nil) }, passkey.ErrForm},
	{"an id that is a list", func(d *device) { d.Answer = set("id", []string{marked}) }, passkey.ErrForm},
	{"a raw id that is null", func(d *device) { d.Answer = set("rawId", nil) }, passkey.ErrForm},
	{"another type of credential", func(d *device) { d.Answer = set("type", "password") }, passkey.ErrForm},
	{"a type that is a list", func(d *device) { d.Answer = set("type", []int{1}) }, passkey.ErrForm},
	{"a response that is null", func(d *device) { d.Answer = set("response", nil) }, passkey.ErrForm},
	{"a response that is a list", func(d *device) { d.Answer = set("response", []string{marked}) }, passkey.ErrForm},
	{"client data that is null", func(d *device) { d.Answer = inside("clientDataJSON", nil) }, passkey.ErrForm},
	{"client data that is a number", func(d *device) { d.Answer = inside("clientDataJSON", 7) }, passkey.ErrForm},
	{"client data that is no JSON", func(d *device) { d.Answer = inside("clientDataJSON", base([]byte(marked))) }, passkey.ErrForm},
	{"client data null inside", func(d *device) { d.Answer = inside("clientDataJSON", base([]byte("null"))) }, passkey.ErrCeremony},
	{"base64 with line breaks", func(d *device) { d.Answer = func(m map[string]any) { m["id"] = m["id"].(string) + "\n" } }, passkey.ErrForm},
	{"base64 with padding", func(d *device) { d.Answer = func(m map[string]any) { m["rawId"] = m["rawId"].(string) + "=" } }, passkey.ErrForm},
	{"an id beyond all bounds", func(d *device) { d.ID = make([]byte, 1024) }, passkey.ErrForm},
	{"a huge answer", func(d *device) { d.Answer = set("more", strings.Repeat(marked, passkey.MaxResponse/10)) }, passkey.ErrForm},
}

var whenEnrolling = []lie{
	{"a proof instead of an enrolment", func(d *device) { d.Client = set("type", "webauthn.get") }, passkey.ErrCeremony},
	{"an algorithm that nobody asked for", func(d *device) { d.Public = bytes.Replace(d.Public, cborInt(-7), cborInt(-35), 1) }, passkey.ErrAlgorithm},
	{"an unknown algorithm", func(d *device) { d.Public = bytes.Replace(d.Public, cborInt(-7), cborInt(-999), 1) }, passkey.ErrAlgorithm},
	{"a key that is not what its algorithm says", func(d *device) { d.Public = bytes.Replace(d.Public, cborInt(-7), cborInt(-8), 1) }, passkey.ErrAlgorithm},
	{"a point that is not on the curve", func(d *device) { d.Public[len(d.Public)-1] ^= 1 }, passkey.ErrAlgorithm},
	{"a curve of another algorithm", func(d *device) { d.Public[6] = 2 }, passkey.ErrAlgorithm},
	{"a key without members", func(d *device) { d.Public = cborMap() }, passkey.ErrAlgorithm},
	{"a key that is no map", func(d *device) { d.Public = cborText(marked) }, passkey.ErrAlgorithm},
	{"a short RSA key", func(d *device) { d.Public = rsaKey(128) }, passkey.ErrAlgorithm},
	{"a long RSA key", func(d *device) { d.Public = rsaKey(600) }, passkey.ErrAlgorithm},
	{"ES384, whole and well", func(d *device) { d.Public = es384() }, passkey.ErrAlgorithm},
	{"Ed25519 by its newer name", func(d *device) { d.Public = bytes.Replace(edKey(), cborInt(-8), cborInt(-19), 1) }, passkey.ErrAlgorithm},
	{"extensions that are no map", func(d *device) {
		d.Flags |= 0x80
		d.Data = func(b []byte) []byte { return append(b, cborInt(1)...) }
	}, passkey.ErrForm},
	{"a key with ballast", func(d *device) {
		d.Public[0]++ // a map of one pair more
		d.Public = append(append(d.Public, cborText("x")...), cborBytes(make([]byte, 1000))...)
	}, passkey.ErrAlgorithm},
	{"an RSA key with a small exponent", func(d *device) { d.Public = append(rsaKey(256)[:len(rsaKey(256))-4], cborBytes([]byte{3})...) }, passkey.ErrAlgorithm},
	{"a key cut off", func(d *device) { d.Public = d.Public[:40] }, passkey.ErrForm},
	{"an enrolment without a key", func(d *device) { d.Data = func(b []byte) []byte { b[32] &^= at; return b[:37] } }, passkey.ErrForm},
	{"another id inside than outside", func(d *device) { d.Data = func(b []byte) []byte { b[60] ^= 1; return b } }, passkey.ErrForm},
	{"an id longer than the data", func(d *device) { d.Data = func(b []byte) []byte { b[53] = 3; return b } }, passkey.ErrForm},
	{"an object that is null", func(d *device) { d.Answer = inside("attestationObject", nil) }, passkey.ErrForm},
	{"an object that is no CBOR", func(d *device) { d.Answer = inside("attestationObject", base([]byte(marked))) }, passkey.ErrForm},
	{"a list nested without end", func(d *device) { d.Statement = bytes.Repeat([]byte{0x81}, 4000) }, passkey.ErrForm},
}

var whenSigningIn = []lie{
	{"an enrolment instead of a proof", func(d *device) { d.Client = set("type", "webauthn.create") }, passkey.ErrCeremony},
	{"the counter stands still", func(d *device) { d.Counter = 5 }, passkey.ErrCounter},
	{"the counter goes back", func(d *device) { d.Counter = 4 }, passkey.ErrCounter},
	{"the counter is gone", func(d *device) { d.Counter = 0 }, passkey.ErrCounter},
	{"a signature of other bytes", func(d *device) {
		honest := *d
		d.Sign = func(b []byte) []byte { return honest.Signed(append(b, 0)) }
	}, passkey.ErrSignature},
	{"a signature that is none", func(d *device) { d.Sign = func([]byte) []byte { return []byte(marked) } }, passkey.ErrSignature},
	{"an empty signature", func(d *device) { d.Sign = func([]byte) []byte { return nil } }, passkey.ErrSignature},
	{"a signature that is null", func(d *device) { d.Answer = inside("signature", nil) }, passkey.ErrSignature},
	{"a signature that is a list", func(d *device) { d.Answer = inside("signature", []int{1}) }, passkey.ErrForm},
	{"bytes after the signature", func(d *device) {
		honest := *d
		d.Sign = func(b []byte) []byte { return append(honest.Signed(b), 0) }
	}, passkey.ErrSignature},
	{"device data changed after signing", func(d *device) {
		d.Answer = func(m map[string]any) {
			b := d.AuthData(0)
			b[36]++
			inside("authenticatorData", base(b))(m)
		}
	}, passkey.ErrSignature},
	{"device data that is null", func(d *device) { d.Answer = inside("authenticatorData", nil) }, passkey.ErrForm},
	{"another account's handle", func(d *device) { d.Handle = grace.ID }, passkey.ErrOwner},
	{"no handle", func(d *device) { d.Handle = nil }, passkey.ErrForm},
	{"a handle that is null", func(d *device) { d.Answer = inside("userHandle", nil) }, passkey.ErrForm},
	{"a handle that is a list", func(d *device) { d.Answer = inside("userHandle", []string{marked}) }, passkey.ErrForm},
	{"suddenly a key that can be copied", func(d *device) { d.Flags |= be }, passkey.ErrFlags},
	{"an unknown credential", func(d *device) { d.ID = []byte(marked) }, passkey.ErrUnknown},
}

func rsaKey(bytesLong int) []byte {
	return cborMap(cborInt(1), cborInt(3), cborInt(3), cborInt(-257), cborInt(-1), cborBytes(bytes.Repeat([]byte{0xff}, bytesLong)),
		cborInt(-2), cborBytes([]byte{1, 0, 1}))
}

func edKey() []byte {
	return cborMap(cborInt(1), cborInt(1), cborInt(3), cborInt(-8), cborInt(-1), cborInt(6), cborInt(-2), cborBytes(make([]byte, 32)))
}

func es384() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(err) // never fails
	}
	point, _ := key.PublicKey.Bytes()
	return cborMap(cborInt(1), cborInt(2), cborInt(3), cborInt(-35), cborInt(-1), cborInt(2),
		cborInt(-2), cborBytes(point[1:49]), cborInt(-3), cborBytes(point[49:]))
}

// refused checks what holds for every refusal.
func refused(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if !fault.Is(err, fault.Invalid) || !strings.HasSuffix(fault.Of(err).Text, ".") {
		t.Errorf("a person reads nothing: %v", err)
	}
	if err != nil && (strings.Contains(err.Error(), marked) || strings.Contains(err.Error(), base([]byte(marked)))) {
		t.Errorf("the error repeats the answer: %v", err)
	}
}

func TestNoLieEnrolsADevice(t *testing.T) {
	for _, l := range append(both[:len(both):len(both)], whenEnrolling...) {
		t.Run(l.name, func(t *testing.T) {
			s, d := newShop(t), newDevice(t)
			l.tell(d)
			options, state, err := s.BeginRegister(ada, nil, true)
			if err != nil {
				t.Fatal(err)
			}
			key, err := s.FinishRegister(ada, state, d.Register(t, options))
			refused(t, err, l.want)
			if key.ID != nil || key.PublicKey != nil {
				t.Error("a key came back")
			}
		})
	}
}

func TestNoLieSignsIn(t *testing.T) {
	for _, l := range append(both[:len(both):len(both)], whenSigningIn...) {
		t.Run(l.name, func(t *testing.T) {
			s, d := newShop(t), newDevice(t)
			d.Counter = 5
			s.enrol(d, ada, true)
			s.enrol(newDevice(t), grace, true)
			d.Counter = 6
			l.tell(d)
			key, grade, err := s.signIn(d, true)
			refused(t, err, l.want)
			if key.ID != nil || grade != 0 {
				t.Error("a key or a grade came back")
			}
			early := errors.Is(err, passkey.ErrForm) || errors.Is(err, passkey.ErrOrigin) || errors.Is(err, passkey.ErrChallenge)
			if early && s.asked > 0 {
				t.Error("the database was asked for an answer that was wrong at sight")
			}
		})
	}
}

// A state begun for one account, or for another ceremony, opens nothing else.
func TestStatesAreNotSwapped(t *testing.T) {
	s, hers, other := newShop(t), newDevice(t), newDevice(t)
	key := s.enrol(hers, ada, true)
	theirs := s.enrol(other, grace, true)

	options, state, _ := s.BeginRegister(ada, nil, false)
	fresh := newDevice(t)
	if got, err := s.FinishRegister(grace, state, fresh.Register(t, options)); !errors.Is(err, passkey.ErrOwner) || got.ID != nil {
		t.Errorf("enrolling for another account: got %v, want ErrOwner", err)
	}

	adaOptions, adaState, _ := s.BeginStepUp(ada, []passkey.Key{key}, true)
	graceOptions, graceState, _ := s.BeginStepUp(grace, []passkey.Key{theirs}, true)
	if _, _, err := s.FinishSignIn(graceState, hers.Get(t, adaOptions), s.find); !errors.Is(err, passkey.ErrChallenge) {
		t.Errorf("the answer to another's challenge: got %v, want ErrChallenge", err)
	}
	if _, _, err := s.FinishSignIn(adaState, other.Get(t, graceOptions), s.find); !errors.Is(err, passkey.ErrChallenge) {
		t.Errorf("the answer to another's challenge: got %v, want ErrChallenge", err)
	}

	_, proof, _ := s.BeginSignIn(false)
	if _, err := s.FinishRegister(ada, proof, fresh.Register(t, options)); !errors.Is(err, passkey.ErrCeremony) {
		t.Errorf("a state of a sign-in: got %v, want ErrCeremony", err)
	}
	if _, _, err := s.FinishSignIn(state, hers.Get(t, adaOptions), s.find); !errors.Is(err, passkey.ErrCeremony) {
		t.Errorf("a state of an enrolment: got %v, want ErrCeremony", err)
	}
	if s.asked != 0 {
		t.Errorf("the database was asked %d times", s.asked)
	}
}

func TestACeremonyEndsAfterFiveMinutes(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	s.enrol(d, ada, true)
	for _, c := range []struct {
		after time.Duration
		ok    bool
	}{{0, true}, {passkey.Life - time.Second, true}, {passkey.Life, false}, {24 * time.Hour, false}, {-30 * time.Second, true}, {-time.Hour, false}} {
		began := s.now
		options, state, _ := s.BeginSignIn(false)
		answer := d.Get(t, options)
		s.now = began.Add(c.after)
		_, _, err := s.FinishSignIn(state, answer, s.find)
		if c.ok && err != nil || !c.ok && !errors.Is(err, passkey.ErrEnded) {
			t.Errorf("after %v: got %v", c.after, err)
		}
		s.now = began
	}
	options, state, _ := s.BeginRegister(ada, nil, false)
	answer := newDevice(t).Register(t, options)
	s.now = s.now.Add(passkey.Life)
	if _, err := s.FinishRegister(ada, state, answer); !errors.Is(err, passkey.ErrEnded) {
		t.Errorf("enrolling: got %v, want ErrEnded", err)
	}
}

func TestADeviceIsNotEnrolledTwice(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	key := s.enrol(d, ada, true)
	options, state, _ := s.BeginRegister(ada, []passkey.Key{key}, true)
	if got, err := s.FinishRegister(ada, state, d.Register(t, options)); !errors.Is(err, passkey.ErrEnrolled) || got.ID != nil {
		t.Errorf("got %v, want ErrEnrolled", err)
	}
}

// What a device's maker says is not asked for, so it is not even read: neither
// a false statement nor one of an unknown form keeps a shopper out.
func TestStatementsOfMakersAreIgnored(t *testing.T) {
	for format, statement := range map[string][]byte{
		"packed":     cborMap(cborText("alg"), cborInt(-7), cborText("sig"), cborBytes([]byte("false"))),
		"tpm":        cborMap(cborText("ver"), cborText("2.0")),
		"unheard-of": cborMap(cborText("x"), cborInt(1)),
		"none":       cborMap(cborText("x"), cborInt(1)),
	} {
		s, d := newShop(t), newDevice(t)
		d.Format, d.Statement = format, statement
		if key := s.enrol(d, ada, true); !bytes.Equal(key.ID, d.ID) {
			t.Errorf("%s: got another key", format)
		}
	}
}

func TestAStrangersStateIsNoRefusalOfThePerson(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	s.enrol(d, ada, true)
	options, state, _ := s.BeginSignIn(false)
	for _, bad := range [][]byte{nil, []byte("null"), []byte("{}"), state[:len(state)-1], append(bytes.Clone(state), "{}"...),
		bytes.Replace(state, []byte(`"v":1`), []byte(`"v":2`), 1)} {
		if _, _, err := s.FinishSignIn(bad, d.Get(t, options), s.find); err == nil || fault.Is(err, fault.Invalid) {
			t.Errorf("state %q: got %v, want an error of ours", bad, err)
		}
	}
}

func TestDataCutAnywhereIsRefused(t *testing.T) {
	s, d := newShop(t), newDevice(t)
	s.enrol(d, ada, true)
	whole := 0
	d.Data = func(b []byte) []byte { whole = len(b); return b }
	enrol := func() error {
		options, state, _ := s.BeginRegister(ada, nil, true)
		_, err := s.FinishRegister(ada, state, d.Register(t, options))
		return err
	}
	if err := enrol(); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		d.Data = func(b []byte) []byte { return b[:n:n] }
		if err := enrol(); !errors.Is(err, passkey.ErrForm) {
			t.Errorf("enrolling with %d of %d bytes: got %v, want ErrForm", n, whole, err)
		}
	}
	for n := range 37 {
		d.Data = func(b []byte) []byte { return b[:n:n] }
		if _, _, err := s.signIn(d, true); !errors.Is(err, passkey.ErrForm) {
			t.Errorf("signing in with %d bytes: got %v, want ErrForm", n, err)
		}
	}
}
