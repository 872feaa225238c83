package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// device is an authenticator and its browser, written from the standard and
// with nothing of the library that the shop verifies with. It can lie: whoever
// wants a lie changes a field, or gives a hook.
type device struct {
	rp, origin string
	id, handle []byte
	signer     crypto.Signer
	public     []byte // COSE
	counter    uint32
	flags      byte
	format     string
	statement  []byte // CBOR

	client func(map[string]any)       // changes the client data before it is hashed
	data   func([]byte) []byte        // changes the authenticator data before it is signed
	sign   func(signed []byte) []byte // signs something else
	answer func(map[string]any)       // changes the answer at the end
}

const (
	up, uv, be, bs, at = 1, 4, 8, 16, 64
	origin             = "https://shop.example"
	other              = "https://www.shop.example:8443" // also the shop's
)

func newDevice(t testing.TB) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &device{rp: "shop.example", origin: origin, id: id, signer: key, flags: up | uv, format: "none",
		public: cborMap(cborInt(1), cborInt(2), cborInt(3), cborInt(-7), cborInt(-1), cborInt(1),
			cborInt(-2), cborBytes(point[1:33]), cborInt(-3), cborBytes(point[33:])),
		statement: cborMap()}
}

func newEdDevice(t testing.TB) *device {
	d := newDevice(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.signer = private
	d.public = cborMap(cborInt(1), cborInt(1), cborInt(3), cborInt(-8), cborInt(-1), cborInt(6), cborInt(-2), cborBytes(public))
	return d
}

func newRSADevice(t testing.TB, bits int) *device {
	d := newDevice(t)
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	d.signer = key
	d.public = cborMap(cborInt(1), cborInt(3), cborInt(3), cborInt(-257), cborInt(-1), cborBytes(key.N.Bytes()),
		cborInt(-2), cborBytes([]byte{1, 0, 1}))
	return d
}

// register answers creation options.
func (d *device) register(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	d.handle = unbase(t, o.User.ID)
	client := d.clientData("webauthn.create", o.Challenge)
	data := d.authData(at)
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), d.public...)
	if d.data != nil {
		data = d.data(data)
	}
	object := cborMap(cborText("fmt"), cborText(d.format), cborText("attStmt"), d.statement, cborText("authData"), cborBytes(data))
	return d.reply(map[string]any{"clientDataJSON": base(client), "attestationObject": base(object),
		"transports": []string{"hybrid", "internal", "internal", "pigeon"}})
}

// get answers request options.
func (d *device) get(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	client := d.clientData("webauthn.get", o.Challenge)
	data := d.authData(0)
	if d.data != nil {
		data = d.data(data)
	}
	hash := sha256.Sum256(client)
	signed := append(append([]byte{}, data...), hash[:]...)
	var sig []byte
	if d.sign != nil {
		sig = d.sign(signed)
	} else {
		sig = d.signed(signed)
	}
	response := map[string]any{"clientDataJSON": base(client), "authenticatorData": base(data), "signature": base(sig)}
	if d.handle != nil {
		response["userHandle"] = base(d.handle)
	}
	return d.reply(response)
}

// signed signs honestly.
func (d *device) signed(message []byte) []byte {
	digest, how := message, crypto.SignerOpts(crypto.Hash(0))
	if _, ed := d.signer.(ed25519.PrivateKey); !ed {
		sum := sha256.Sum256(message)
		digest, how = sum[:], crypto.SHA256
	}
	sig, err := d.signer.Sign(rand.Reader, digest, how)
	if err != nil {
		panic(err) // keys that were made a moment ago
	}
	return sig
}

func (d *device) clientData(kind, challenge string) []byte {
	c := map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false}
	if d.client != nil {
		d.client(c)
	}
	b, _ := json.Marshal(c)
	return b
}

func (d *device) authData(more byte) []byte {
	hash := sha256.Sum256([]byte(d.rp))
	return binary.BigEndian.AppendUint32(append(hash[:], d.flags|more), d.counter)
}

func (d *device) reply(response map[string]any) []byte {
	a := map[string]any{"id": base(d.id), "rawId": base(d.id), "type": "public-key", "response": response,
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}}
	if d.answer != nil {
		d.answer(a)
	}
	b, _ := json.Marshal(a)
	return b
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

// CBOR, as much as a device needs (RFC 8949).

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(1, uint64(-1-n))
	}
	return cborHead(0, uint64(n))
}

func cborBytes(b []byte) []byte { return append(cborHead(2, uint64(len(b))), b...) }
func cborText(s string) []byte  { return append(cborHead(3, uint64(len(s))), s...) }

func cborMap(pairs ...[]byte) []byte {
	b := cborHead(5, uint64(len(pairs)/2))
	for _, p := range pairs {
		b = append(b, p...)
	}
	return b
}
