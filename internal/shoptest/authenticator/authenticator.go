// Package authenticator is a passkey's device for tests: an authenticator and
// its browser in software, which can lie.
package authenticator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// Device is an authenticator and its browser, written from the standard and
// with nothing of the library that the shop verifies with. It can lie: whoever
// wants a lie changes a field, or gives a hook.
type Device struct {
	RP, Origin string
	ID, Handle []byte
	Signer     crypto.Signer
	Public     []byte // COSE
	Counter    uint32
	Flags      byte
	Format     string
	Statement  []byte // CBOR

	Client func(map[string]any)       // changes the client data before it is hashed
	Data   func([]byte) []byte        // changes the authenticator data before it is signed
	Sign   func(signed []byte) []byte // signs something else
	Answer func(map[string]any)       // changes the answer at the end
}

// What an authenticator says of itself.
const (
	UP = 1  // somebody was present
	UV = 4  // and it checked who
	BE = 8  // it can be backed up
	BS = 16 // and is
	AT = 64 // a new key follows
)

// New makes a device that is honest, for the pages of an origin.
func New(t testing.TB, rp, origin string) *Device {
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
	return &Device{RP: rp, Origin: origin, ID: id, Signer: key, Flags: UP | UV, Format: "none",
		Public:    Map(Int(1), Int(2), Int(3), Int(-7), Int(-1), Int(1), Int(-2), Bytes(point[1:33]), Int(-3), Bytes(point[33:])),
		Statement: Map()}
}

// Register answers creation options.
func (d *Device) Register(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	d.Handle = unbase(t, o.User.ID)
	client := d.clientData("webauthn.create", o.Challenge)
	data := d.AuthData(AT)
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.ID)))
	data = append(append(data, d.ID...), d.Public...)
	if d.Data != nil {
		data = d.Data(data)
	}
	object := Map(Text("fmt"), Text(d.Format), Text("attStmt"), d.Statement, Text("authData"), Bytes(data))
	return d.reply(map[string]any{"clientDataJSON": base(client), "attestationObject": base(object),
		"transports": []string{"hybrid", "internal", "internal", "pigeon"}})
}

// Get answers request options.
func (d *Device) Get(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	client := d.clientData("webauthn.get", o.Challenge)
	data := d.AuthData(0)
	if d.Data != nil {
		data = d.Data(data)
	}
	hash := sha256.Sum256(client)
	signed := append(append([]byte{}, data...), hash[:]...)
	var sig []byte
	if d.Sign != nil {
		sig = d.Sign(signed)
	} else {
		sig = d.Signed(signed)
	}
	response := map[string]any{"clientDataJSON": base(client), "authenticatorData": base(data), "signature": base(sig)}
	if d.Handle != nil {
		response["userHandle"] = base(d.Handle)
	}
	return d.reply(response)
}

// Signed signs honestly.
func (d *Device) Signed(message []byte) []byte {
	digest, how := message, crypto.SignerOpts(crypto.Hash(0))
	if _, ed := d.Signer.(ed25519.PrivateKey); !ed {
		sum := sha256.Sum256(message)
		digest, how = sum[:], crypto.SHA256
	}
	sig, err := d.Signer.Sign(rand.Reader, digest, how)
	if err != nil {
		panic(err) // keys that were made a moment ago
	}
	return sig
}

func (d *Device) clientData(kind, challenge string) []byte {
	c := map[string]any{"type": kind, "challenge": challenge, "origin": d.Origin, "crossOrigin": false}
	if d.Client != nil {
		d.Client(c)
	}
	b, _ := json.Marshal(c)
	return b
}

// AuthData is what the device says of itself, with more flags.
func (d *Device) AuthData(more byte) []byte {
	hash := sha256.Sum256([]byte(d.RP))
	return binary.BigEndian.AppendUint32(append(hash[:], d.Flags|more), d.Counter)
}

func (d *Device) reply(response map[string]any) []byte {
	a := map[string]any{"id": base(d.ID), "rawId": base(d.ID), "type": "public-key", "response": response,
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}}
	if d.Answer != nil {
		d.Answer(a)
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

// head begins a value of CBOR, of which a device needs this much (RFC 8949).
func head(major byte, n uint64) []byte {
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

// Int is a number in CBOR.
func Int(n int) []byte {
	if n < 0 {
		return head(1, uint64(-1-n))
	}
	return head(0, uint64(n))
}

// Bytes are bytes in CBOR.
func Bytes(b []byte) []byte { return append(head(2, uint64(len(b))), b...) }

// Text is a text in CBOR.
func Text(s string) []byte { return append(head(3, uint64(len(s))), s...) }

// Map is a map in CBOR, of keys and values in turn.
func Map(pairs ...[]byte) []byte {
	b := head(5, uint64(len(pairs)/2))
	for _, p := range pairs {
		b = append(b, p...)
	}
	return b
}
