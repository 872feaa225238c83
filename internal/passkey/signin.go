package passkey

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Grade says how many factors a passkey proved. Zero is none. What a passkey
// proves can't be phished, whatever its grade.
type Grade int

// The grades.
const (
	OneFactor  Grade = 1 // the device alone: whoever holds it, signs in
	TwoFactors Grade = 2 // the device, and the person by PIN, finger or face
)

// BeginSignIn begins a sign-in of whoever holds a passkey of this shop; the
// device knows the account. The options are JSON for
// PublicKeyCredential.parseRequestOptionsFromJSON.
func (p *Party) BeginSignIn(needUV bool) (options, state []byte, err error) {
	options, state = p.beginProof(nil, nil, needUV)
	return options, state, nil
}

// BeginStepUp asks one account for one of its own keys, as a second factor or
// before something delicate. No other account's will do.
func (p *Party) BeginStepUp(user User, keys []Key, needUV bool) (options, state []byte, err error) {
	if len(user.ID) == 0 || len(keys) > MaxKeys {
		return nil, nil, errors.New("passkey: an account with an id and a bounded number of keys is needed")
	}
	if len(keys) == 0 { // an empty list would let every account in
		return nil, nil, refuse(ErrNone)
	}
	options, state = p.beginProof(user.ID, keys, needUV)
	return options, state, nil
}

func (p *Party) beginProof(user []byte, keys []Key, needUV bool) (options, state []byte) {
	s := p.begin(proving, user, keys, needUV)
	return encode(request{s.Challenge, timeout, p.id, names(keys), need(needUV)}), encode(s)
}

// FinishSignIn checks an answer and returns the key as it is to be kept from
// now on, and what it proved.
//
// find returns the owner and the key of a credential, or ErrUnknown. It is
// asked once, and only when everything but key and signature has been found
// right. userHandle is empty when the device did not name the account, which
// a step-up allows.
func (p *Party) FinishSignIn(state, response []byte, find func(userHandle, credentialID []byte) (User, Key, error)) (Key, Grade, error) {
	s, err := p.resume(state, proving)
	if err != nil {
		return Key{}, 0, err
	}
	a, ok := parse(response, false)
	if !ok {
		return Key{}, 0, refuse(ErrForm)
	}
	if why := p.before(s, a); why != nil {
		return Key{}, 0, refuse(why)
	}
	owner, key, err := find(bytes.Clone(a.Response.Handle), bytes.Clone(a.ID))
	if errors.Is(err, ErrUnknown) {
		return Key{}, 0, refuse(ErrUnknown)
	}
	if err != nil {
		return Key{}, 0, fmt.Errorf("find a passkey: %w", err)
	}
	if why := after(s, a, owner, key); why != nil {
		return Key{}, 0, refuse(why)
	}
	key.Sign, key.BackedUp = a.device.counter, a.device.flags&flagBS != 0
	if key.UV && a.device.flags&flagUV != 0 {
		return key, TwoFactors, nil
	}
	return key, OneFactor, nil
}

// before is what can be said without the key.
func (p *Party) before(s state, a answer) error {
	if err := p.compare(s, a.client); err != nil {
		return err
	}
	if err := p.weigh(s, a.device); err != nil {
		return err
	}
	switch {
	case len(s.IDs) > 0 && !contains(s.IDs, a.ID):
		return ErrAllow
	case len(s.User) == 0 && len(a.Response.Handle) == 0:
		return ErrForm // a discoverable passkey names its account
	}
	return nil
}

// after is what takes the key: owner, signature, and whether it may be a copy.
func after(s state, a answer, owner User, key Key) error {
	handle := a.Response.Handle
	switch {
	case len(owner.ID) == 0 || !bytes.Equal(key.ID, a.ID),
		len(handle) > 0 && !bytes.Equal(owner.ID, handle),
		len(s.User) > 0 && !bytes.Equal(owner.ID, s.User):
		return ErrOwner
	}
	public, ok := readKey(key.PublicKey)
	if !ok {
		return ErrAlgorithm
	}
	if ok, err := webauthncose.VerifySignature(public, a.signed(), a.Response.Signature); err != nil || !ok {
		return ErrSignature
	}
	// What follows is only true of the device once its signature is.
	d := a.device
	switch {
	case (d.flags&flagBE != 0) != key.Synced:
		return ErrFlags
	case s.UV && !key.UV:
		return ErrUV
	case (d.counter != 0 || key.Sign != 0) && d.counter <= key.Sign:
		return ErrCounter
	}
	return nil
}
