package passkey_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/cartkeep/cartkeep/internal/passkey"
)

// An authenticator that others wrote, for others' servers, gets along with us.
func TestAnIndependentAuthenticatorEnrolsAndSignsIn(t *testing.T) {
	for _, kind := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		s := newShop(t)
		rp := virtualwebauthn.RelyingParty{Name: "Tidewater", ID: "shop.example", Origin: origin}
		device := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: ada.ID,
			BackupEligible: true, BackupState: true})
		credential := virtualwebauthn.NewCredential(kind)
		// It drops leading zeros of coordinates, which one key in 128 has.
		for kind == virtualwebauthn.KeyTypeEC2 && len(credential.Key.AttestationData()) != 77 {
			credential = virtualwebauthn.NewCredential(kind)
		}

		options, state, err := s.BeginRegister(ada, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := virtualwebauthn.ParseAttestationOptions(string(options))
		if err != nil || wanted.UserID != string(ada.ID) || wanted.RelyingPartyID != rp.ID {
			t.Fatalf("the options are read otherwise: %+v, %v", wanted, err)
		}
		key, err := s.FinishRegister(ada, state, []byte(virtualwebauthn.CreateAttestationResponse(rp, device, credential, *wanted)))
		if err != nil {
			t.Fatal(err)
		}
		if key.AAGUID != device.Aaguid || !key.Synced || !key.BackedUp {
			t.Errorf("the key is not as the device is: %+v", key)
		}
		s.keep(ada, key)
		device.AddCredential(credential)

		sign := func(counter uint32) (passkey.Key, passkey.Grade, error) {
			options, state, err := s.BeginStepUp(ada, []passkey.Key{key}, true)
			if err != nil {
				t.Fatal(err)
			}
			wanted, err := virtualwebauthn.ParseAssertionOptions(string(options))
			if err != nil {
				t.Fatal(err)
			}
			found := device.FindAllowedCredential(*wanted)
			if found == nil {
				t.Fatalf("not among the allowed: %s", base64.RawURLEncoding.EncodeToString(credential.ID))
			}
			found.Counter = counter
			return s.FinishSignIn(state, []byte(virtualwebauthn.CreateAssertionResponse(rp, device, *found, *wanted)), s.find)
		}
		for _, counter := range []uint32{0, 1, 9} {
			kept, grade, err := sign(counter)
			if err != nil || grade != passkey.TwoFactors || kept.Sign != counter {
				t.Fatalf("counter %d: got %d, %+v, %v", counter, grade, kept, err)
			}
			s.keep(ada, kept)
		}
		if _, _, err := sign(8); !errors.Is(err, passkey.ErrCounter) {
			t.Errorf("counter 8 after 9: got %v, want ErrCounter", err)
		}
	}
}

// BenchmarkFinishSignIn tells how many sign-ins one core verifies.
func BenchmarkFinishSignIn(b *testing.B) {
	for _, c := range []struct {
		name string
		make func() *device
	}{{"ES256", func() *device { return newDevice(b) }}, {"EdDSA", func() *device { return newEdDevice(b) }},
		{"RS256", func() *device { return newRSADevice(b, 2048) }}} {
		b.Run(c.name, func(b *testing.B) {
			s, d := newShop(b), c.make()
			s.enrol(d, ada, true)
			options, state, _ := s.BeginSignIn(true)
			answer := d.Get(b, options)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.FinishSignIn(state, answer, s.find); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sign-ins/s")
		})
	}
}
