package passkey_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/passkey"
)

// The fuzz targets hold that no bytes break the shop, that nobody gets in who
// was not let in, and that whatever is accepted here is accepted as well by the
// half of go-webauthn that the program does not use.

func FuzzFinishRegister(f *testing.F) {
	s := newShop(f)
	options, state, _ := s.BeginRegister(ada, nil, true)
	for _, d := range []*device{newDevice(f), newEdDevice(f)} {
		f.Add(d.Register(f, options))
	}
	seeds(f)
	f.Fuzz(func(t *testing.T, answer []byte) { enrolled(t, s, options, state, answer) })
}

// FuzzDeviceData goes below JSON and base64, to the bytes of the device.
func FuzzDeviceData(f *testing.F) {
	s := newShop(f)
	options, state, _ := s.BeginRegister(ada, nil, true)
	for _, d := range []*device{newDevice(f), newEdDevice(f), newRSADevice(f, 2048)} {
		d.Data = func(b []byte) []byte { f.Add(b); return b }
		d.Register(f, options)
		d.Flags |= 0x80 // with extensions
		d.Data = func(b []byte) []byte { f.Add(append(b, cborMap(cborText("credProtect"), cborInt(2))...)); return b }
		d.Register(f, options)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDevice(t)
		if len(data) >= 55 {
			n := int(binary.BigEndian.Uint16(data[53:]))
			d.ID = data[55:min(55+n, len(data))]
		}
		d.Data = func([]byte) []byte { return data }
		enrolled(t, s, options, state, d.Register(t, options))
	})
}

// enrolled finishes an enrolment with an answer of whatever kind.
func enrolled(t *testing.T, s *shop, options, state, answer []byte) {
	t.Helper()
	key, err := s.FinishRegister(ada, state, answer)
	if err != nil {
		if key.ID != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("a refusal that is none: %v", err)
		}
		return
	}
	if len(key.ID) == 0 || len(key.PublicKey) == 0 || !key.UV {
		t.Error("half a key was enrolled")
	}
	if again, err := passkey.Unmarshal(key.Marshal()); err != nil || !bytes.Equal(again.PublicKey, key.PublicKey) {
		t.Errorf("a key that can't be kept: %v", err)
	}
	r, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		t.Fatalf("go-webauthn does not read it: %v", err)
	}
	object := &r.Response.AttestationObject
	object.Format, object.AttStatement, object.SubStatements = "none", nil, nil
	var allowed []protocol.CredentialParameter
	for _, alg := range []webauthncose.COSEAlgorithmIdentifier{-7, -8, -257} {
		allowed = append(allowed, protocol.CredentialParameter{Type: "public-key", Algorithm: alg})
	}
	if _, err := r.Verify(challengeOf(t, options), "shop.example", []string{origin, other}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, true, true, nil, allowed, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		t.Fatalf("go-webauthn refuses it: %v", err)
	}
	if a := object.AuthData; !bytes.Equal(a.AttData.CredentialID, key.ID) || a.Counter != key.Sign ||
		a.Flags.HasBackupEligible() != key.Synced || !bytes.Equal(a.AttData.AAGUID, key.AAGUID[:]) {
		t.Errorf("go-webauthn reads another key: %+v, want %+v", a, key)
	}
}

func FuzzFinishSignIn(f *testing.F) {
	s, d := newShop(f), newDevice(f)
	s.enrol(d, ada, true)
	options, state, _ := s.BeginSignIn(true)
	right := d.Get(f, options)
	f.Add(right)
	seeds(f)
	f.Fuzz(func(t *testing.T, answer []byte) {
		key, grade, err := s.FinishSignIn(state, answer, s.find)
		if err != nil {
			if key.ID != nil || grade != 0 || !fault.Is(err, fault.Invalid) {
				t.Errorf("a refusal that is none: %v", err)
			}
			return
		}
		if !same(right, answer) {
			t.Errorf("let in with %q", answer)
		}
		agreed(t, options, answer, key)
	})
}

// agreed asks go-webauthn about an answer that signed somebody in.
func agreed(t testing.TB, options, answer []byte, key passkey.Key) {
	t.Helper()
	r, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		t.Fatalf("go-webauthn does not read it: %v", err)
	}
	if err := r.Verify(challengeOf(t, options), "shop.example", "", []string{origin, other}, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, false, true, key.PublicKey, protocol.SignaturePolicy{}); err != nil {
		t.Fatalf("go-webauthn refuses it: %v", err)
	}
}

func challengeOf(t testing.TB, options []byte) string {
	t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil || o.Challenge == "" {
		t.Fatalf("options without a challenge: %v", err)
	}
	return o.Challenge
}

func seeds(f *testing.F) {
	for _, b := range []string{"", "null", "[]", "{}", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"bnVsbA","attestationObject":"oA","authenticatorData":"AA"}}`,
		strings.Repeat("[", 9000)} {
		f.Add([]byte(b))
	}
}

// same reports whether two answers carry the same signed bytes. JSON around
// them may have other blanks.
func same(a, b []byte) bool {
	x, errX := protocol.ParseCredentialRequestResponseBytes(a)
	y, errY := protocol.ParseCredentialRequestResponseBytes(b)
	return errX == nil && errY == nil &&
		bytes.Equal(x.Raw.AssertionResponse.ClientDataJSON, y.Raw.AssertionResponse.ClientDataJSON) &&
		bytes.Equal(x.Raw.AssertionResponse.AuthenticatorData, y.Raw.AssertionResponse.AuthenticatorData)
}
