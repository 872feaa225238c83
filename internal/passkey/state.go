package passkey

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
)

const stateVersion = 1

// state is what a ceremony remembers between its halves, version 1.
type state struct {
	V         int      `json:"v"`
	Ceremony  string   `json:"do"` // the type that the answer must name
	Challenge []byte   `json:"challenge"`
	User      []byte   `json:"user,omitempty"` // whose it must be; none when anybody may sign in
	IDs       [][]byte `json:"ids,omitempty"`  // allowed, or enrolled already
	UV        bool     `json:"uv,omitempty"`
	Ends      int64    `json:"ends"` // Unix milliseconds
}

func (p *Party) begin(c protocol.CeremonyType, user []byte, keys []Key, needUV bool) state {
	challenge := make([]byte, 32)
	rand.Read(challenge) // never fails
	return state{stateVersion, string(c), challenge, user, ids(keys), needUV, p.now().Add(Life).UnixMilli()}
}

// resume opens a state. One that is not ours is a fault of the program, since
// no stranger hands one in.
func (p *Party) resume(b []byte, c protocol.CeremonyType) (state, error) {
	var s state
	if err := decode(b, &s); err != nil || s.V != stateVersion || len(s.Challenge) != 32 {
		return state{}, errors.New("passkey: these bytes are no state")
	}
	if s.Ceremony != string(c) {
		return state{}, refuse(ErrCeremony)
	}
	// A clock that was set back must not give more time. The minute is for
	// machines whose clocks differ.
	left := time.Duration(s.Ends-p.now().UnixMilli()) * time.Millisecond
	if left <= 0 || left > Life+time.Minute {
		return state{}, refuse(ErrEnded)
	}
	return s, nil
}

// compare checks what the browser says it did.
func (p *Party) compare(s state, c protocol.CollectedClientData) error {
	want := base64.RawURLEncoding.EncodeToString(s.Challenge)
	switch {
	case string(c.Type) != s.Ceremony:
		return ErrCeremony
	case subtle.ConstantTimeCompare([]byte(want), []byte(c.Challenge)) != 1:
		return ErrChallenge
	case !slices.Contains(p.origins, c.Origin):
		return ErrOrigin
	case c.CrossOrigin || c.TopOrigin != "":
		return ErrFramed
	}
	return nil
}

// weigh checks what the device says about itself.
func (p *Party) weigh(s state, a protocol.AuthenticatorData) error {
	switch {
	case subtle.ConstantTimeCompare(p.hash[:], a.RPIDHash) != 1:
		return ErrRP
	case !a.Flags.HasUserPresent():
		return ErrUP
	case s.UV && !a.Flags.HasUserVerified():
		return ErrUV
	case a.Flags.HasBackupState() && !a.Flags.HasBackupEligible():
		return ErrFlags
	}
	return nil
}

func contains(list [][]byte, id []byte) bool {
	return slices.ContainsFunc(list, func(x []byte) bool { return bytes.Equal(x, id) })
}

func timeout() int { return int(Life / time.Millisecond) }
