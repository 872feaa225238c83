package passkey

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"time"
)

const stateVersion = 1

// The ceremonies, as browsers name them.
const (
	enrolling = "webauthn.create"
	proving   = "webauthn.get"
)

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

func (p *Party) begin(ceremony string, user []byte, keys []Key, needUV bool) state {
	challenge := make([]byte, 32)
	rand.Read(challenge) // never fails
	return state{stateVersion, ceremony, challenge, user, ids(keys), needUV, p.now().Add(Life).UnixMilli()}
}

// resume opens a state. One that is not ours is a fault of the program, since
// no stranger hands one in.
func (p *Party) resume(b []byte, ceremony string) (state, error) {
	var s state
	if err := decode(b, &s); err != nil || s.V != stateVersion || len(s.Challenge) != 32 {
		return state{}, errors.New("passkey: these bytes are no state")
	}
	if s.Ceremony != ceremony {
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
func (p *Party) compare(s state, c clientData) error {
	want := base64.RawURLEncoding.EncodeToString(s.Challenge)
	switch {
	case c.Type != s.Ceremony:
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
func (p *Party) weigh(s state, d deviceData) error {
	switch {
	case subtle.ConstantTimeCompare(p.hash[:], d.hash) != 1:
		return ErrRP
	case d.flags&flagUP == 0:
		return ErrUP
	case s.UV && d.flags&flagUV == 0:
		return ErrUV
	case d.flags&(flagBE|flagBS) == flagBS:
		return ErrFlags
	}
	return nil
}

func contains(list [][]byte, id []byte) bool {
	return slices.ContainsFunc(list, func(x []byte) bool { return bytes.Equal(x, id) })
}
