package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

const (
	es256 = webauthncose.AlgES256
	edDSA = webauthncose.AlgEdDSA
	rs256 = webauthncose.AlgRS256
)

// Key is an enrolled device, or a cloud's keychain, as the shop remembers it.
// It holds no secret; it is kept sealed because it tells whose device is whose.
type Key struct {
	ID        []byte // the credential's, chosen by the device
	PublicKey []byte // a COSE key
	Sign      uint32 // the counter; 0 on devices that have none
	// UV says that the person was verified when the key was enrolled. Only
	// then is verification believed later: whoever finds a security key
	// without a PIN can give it one of his own.
	UV          bool
	Synced      bool // may be copied to other devices of its owner
	BackedUp    bool // and has been
	Transports  []string
	AAGUID      [16]byte // the model, as the device claims it; zero when it doesn't
	CrossDevice bool     // enrolled with something that is not built into the device
}

const keyVersion = 1

// stored is a Key as it is written, version 1: JSON with short names.
type stored struct {
	V           int      `json:"v"`
	ID          []byte   `json:"id"`
	PublicKey   []byte   `json:"key"`
	Sign        uint32   `json:"n"`
	UV          bool     `json:"uv,omitempty"`
	Synced      bool     `json:"be,omitempty"`
	BackedUp    bool     `json:"bs,omitempty"`
	Transports  []string `json:"by,omitempty"`
	AAGUID      []byte   `json:"model,omitempty"`
	CrossDevice bool     `json:"away,omitempty"`
}

// Marshal writes a key down, to be sealed.
func (k Key) Marshal() []byte {
	s := stored{keyVersion, k.ID, k.PublicKey, k.Sign, k.UV, k.Synced, k.BackedUp, k.Transports, nil, k.CrossDevice}
	if k.AAGUID != [16]byte{} {
		s.AAGUID = k.AAGUID[:]
	}
	return encode(s)
}

// Unmarshal reads what Marshal wrote.
func Unmarshal(b []byte) (Key, error) {
	var s stored
	if err := decode(b, &s); err != nil || s.V != keyVersion || len(s.ID) == 0 || len(s.PublicKey) == 0 ||
		(len(s.AAGUID) != 0 && len(s.AAGUID) != 16) {
		return Key{}, errors.New("passkey: these bytes are no key")
	}
	k := Key{ID: s.ID, PublicKey: s.PublicKey, Sign: s.Sign, UV: s.UV, Synced: s.Synced, BackedUp: s.BackedUp,
		Transports: s.Transports, CrossDevice: s.CrossDevice}
	copy(k.AAGUID[:], s.AAGUID)
	return k, nil
}

// encode marshals what can always be marshalled.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("passkey: %v", err)) // structs of bytes, numbers and words
	}
	return b
}

// decode is strict: what we did not write, we do not read.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

func ids(keys []Key) [][]byte {
	var list [][]byte
	for _, k := range keys {
		list = append(list, k.ID)
	}
	return list
}

// known keeps the transports that the standard has, each once.
func known(told []string) []string {
	var list []string
	for _, t := range []string{"internal", "hybrid", "usb", "nfc", "ble", "smart-card"} {
		if slices.Contains(told, t) {
			list = append(list, t)
		}
	}
	return list
}

// maxKey bounds a COSE key; one of RSA with 4096 bits has some 530 bytes.
const maxKey = 1024

// readKey refuses a key that we would not or could not verify with.
func readKey(cose []byte) (key any, ok bool) {
	if len(cose) > maxKey {
		return nil, false
	}
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return nil, false
	}
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		return key, k.Algorithm == int64(es256)
	case webauthncose.OKPPublicKeyData:
		return key, k.Algorithm == int64(edDSA)
	case webauthncose.RSAPublicKeyData:
		// The upper bound is for us: time to verify grows with the square.
		n := len(bytes.TrimLeft(k.Modulus, "\x00"))
		return key, k.Algorithm == int64(rs256) && n >= 2048/8 && n <= 4096/8 &&
			bytes.Equal(bytes.TrimLeft(k.Exponent, "\x00"), []byte{1, 0, 1})
	}
	return nil, false
}
