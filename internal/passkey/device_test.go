package passkey_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest/authenticator"
)

type device = authenticator.Device

const (
	up, uv, be, bs, at = authenticator.UP, authenticator.UV, authenticator.BE, authenticator.BS, authenticator.AT
	origin             = "https://shop.example"
	other              = "https://www.shop.example:8443" // also the shop's
)

var cborMap, cborInt, cborBytes, cborText = authenticator.Map, authenticator.Int, authenticator.Bytes, authenticator.Text

func newDevice(t testing.TB) *device { return authenticator.New(t, "shop.example", origin) }

func newEdDevice(t testing.TB) *device {
	d := newDevice(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.Signer = private
	d.Public = cborMap(cborInt(1), cborInt(1), cborInt(3), cborInt(-8), cborInt(-1), cborInt(6), cborInt(-2), cborBytes(public))
	return d
}

func newRSADevice(t testing.TB, bits int) *device {
	d := newDevice(t)
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	d.Signer = key
	d.Public = cborMap(cborInt(1), cborInt(3), cborInt(3), cborInt(-257), cborInt(-1), cborBytes(key.N.Bytes()),
		cborInt(-2), cborBytes([]byte{1, 0, 1}))
	return d
}

func base(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unbase(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
