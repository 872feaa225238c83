package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// What a device sets in its flags.
const (
	flagUP = 1 << 0 // somebody was present
	flagUV = 1 << 2 // and verified
	flagBE = 1 << 3 // may be copied to other devices
	flagBS = 1 << 4 // and has been
	flagAT = 1 << 6 // a new key follows
	flagED = 1 << 7 // extensions follow
)

// base64url is bytes as the JSON of WebAuthn writes them, without padding.
type base64url []byte

var errBase64 = errors.New("passkey: not base64url")

func (b *base64url) UnmarshalText(text []byte) error {
	if bytes.ContainsAny(text, "\r\n") { // the decoder would skip them
		return errBase64
	}
	got, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return errBase64
	}
	*b = got
	return nil
}

func (b base64url) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// answer is what a browser sends at the end of a ceremony.
type answer struct {
	ID         base64url `json:"id"`
	RawID      base64url `json:"rawId"` // the same
	Type       string    `json:"type"`
	Attachment string    `json:"authenticatorAttachment"`
	Response   struct {
		Client     base64url `json:"clientDataJSON"`    // both
		Object     base64url `json:"attestationObject"` // enrolling
		Transports []string  `json:"transports"`        // enrolling
		Device     base64url `json:"authenticatorData"` // signing in
		Signature  base64url `json:"signature"`         // signing in
		Handle     base64url `json:"userHandle"`        // signing in
	} `json:"response"`
	client clientData
	device deviceData
}

// clientData is what the browser says it did.
type clientData struct {
	Type        string `json:"type"`
	Challenge   string `json:"challenge"`
	Origin      string `json:"origin"`
	TopOrigin   string `json:"topOrigin"`
	CrossOrigin bool   `json:"crossOrigin"`
}

// deviceData is what the device says, in the layout of the standard (6.1):
//
//	hash of the shop's id 32 │ flags 1 │ counter 4 │ [new key] │ [extensions]
//	new key: model 16 │ length of the id 2 │ id │ COSE key
type deviceData struct {
	hash      []byte
	flags     byte
	counter   uint32
	model     []byte
	id        []byte
	publicKey []byte
}

// parse reads an answer whole, or not at all. Its errors say nothing of the
// answer; what a decoder has to say might.
func parse(response []byte, enrolling bool) (answer, bool) {
	var a answer
	if len(response) > MaxResponse || json.Unmarshal(response, &a) != nil {
		return answer{}, false
	}
	if a.Type != "public-key" || len(a.ID) == 0 || len(a.ID) > maxID || !bytes.Equal(a.ID, a.RawID) ||
		json.Unmarshal(a.Response.Client, &a.client) != nil {
		return answer{}, false
	}
	told := []byte(a.Response.Device)
	if enrolling {
		// Some send a statement about their maker all the same. Nothing would
		// be believed for it, so nobody reads it.
		var object struct {
			Told []byte `cbor:"authData"`
		}
		if webauthncbor.Unmarshal(a.Response.Object, &object) != nil {
			return answer{}, false
		}
		told = object.Told
	}
	var ok bool
	if a.device, ok = parseDevice(told); !ok || enrolling && !bytes.Equal(a.device.id, a.ID) {
		return answer{}, false
	}
	return a, true
}

// maxID bounds a credential's id as the standard does.
const maxID = 1023

func parseDevice(b []byte) (deviceData, bool) {
	if len(b) < 37 {
		return deviceData{}, false
	}
	d := deviceData{hash: b[:32], flags: b[32], counter: binary.BigEndian.Uint32(b[33:])}
	b = b[37:]
	if d.flags&flagAT != 0 {
		if len(b) < 18 {
			return deviceData{}, false
		}
		n := int(binary.BigEndian.Uint16(b[16:]))
		if len(b) < 18+n {
			return deviceData{}, false
		}
		d.model, d.id = b[:16], b[18:18+n]
		key, rest, ok := item[any](b[18+n:])
		if !ok {
			return deviceData{}, false
		}
		d.publicKey, b = key, rest
	}
	if d.flags&flagED != 0 { // a map, of which nothing was asked for
		_, rest, ok := item[map[string]any](b)
		if !ok {
			return deviceData{}, false
		}
		b = rest
	}
	return d, len(b) == 0
}

// item cuts one item of CBOR off, which must be a T.
func item[T any](b []byte) (one, rest []byte, ok bool) {
	var read T
	n, err := webauthncbor.UnmarshalFirst(b, &read)
	if err != nil {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// signed is what the device put its name to.
func (a answer) signed() []byte {
	sum := sha256.Sum256(a.Response.Client)
	return append(bytes.Clone(a.Response.Device), sum[:]...)
}
