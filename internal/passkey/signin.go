package passkey

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
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
	s := p.begin(protocol.AssertCeremony, user, keys, needUV)
	return encode(protocol.PublicKeyCredentialRequestOptions{
		Challenge:          s.Challenge,
		Timeout:            timeout(),
		RelyingPartyID:     p.id,
		AllowedCredentials: describe(keys),
		UserVerification:   need(needUV),
	}), encode(s)
}

// FinishSignIn checks an answer and returns the key as it is to be kept from
// now on, and what it proved.
//
// find returns the owner and the key of a credential, or ErrUnknown. It is
// asked once, and only when everything but key and signature has been found
// right. userHandle is empty when the device did not name the account, which
// a step-up allows.
func (p *Party) FinishSignIn(state, response []byte, find func(userHandle, credentialID []byte) (User, Key, error)) (Key, Grade, error) {
	s, err := p.resume(state, protocol.AssertCeremony)
	if err != nil {
		return Key{}, 0, err
	}
	if len(response) > MaxResponse {
		return Key{}, 0, refuse(ErrForm)
	}
	r, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Key{}, 0, refuse(ErrForm)
	}
	if why := p.before(s, r); why != nil {
		return Key{}, 0, refuse(why)
	}
	owner, key, err := find(bytes.Clone(r.Response.UserHandle), bytes.Clone(r.RawID))
	if errors.Is(err, ErrUnknown) {
		return Key{}, 0, refuse(ErrUnknown)
	}
	if err != nil {
		return Key{}, 0, fmt.Errorf("find a passkey: %w", err)
	}
	if why := p.after(s, r, owner, key); why != nil {
		return Key{}, 0, refuse(why)
	}
	flags := r.Response.AuthenticatorData.Flags
	key.Sign, key.BackedUp = r.Response.AuthenticatorData.Counter, flags.HasBackupState()
	if key.UV && flags.HasUserVerified() {
		return key, TwoFactors, nil
	}
	return key, OneFactor, nil
}

// before is what can be said without the key.
func (p *Party) before(s state, r *protocol.ParsedCredentialAssertionData) error {
	if err := p.compare(s, r.Response.CollectedClientData); err != nil {
		return err
	}
	if err := p.weigh(s, r.Response.AuthenticatorData); err != nil {
		return err
	}
	handle := r.Response.UserHandle
	switch {
	case len(s.IDs) > 0 && !contains(s.IDs, r.RawID):
		return ErrAllow
	case len(s.User) == 0 && len(handle) == 0:
		return ErrForm // a discoverable passkey names its account
	}
	return nil
}

// after is what takes the key: owner, signature, and whether it may be a copy.
func (p *Party) after(s state, r *protocol.ParsedCredentialAssertionData, owner User, key Key) error {
	handle, device := r.Response.UserHandle, r.Response.AuthenticatorData
	switch {
	case len(owner.ID) == 0 || !bytes.Equal(key.ID, r.RawID),
		len(handle) > 0 && !bytes.Equal(owner.ID, handle),
		len(s.User) > 0 && !bytes.Equal(owner.ID, s.User):
		return ErrOwner
	}
	if err := r.Verify(base64.RawURLEncoding.EncodeToString(s.Challenge), p.id, "", p.origins, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, s.UV, true, key.PublicKey, protocol.SignaturePolicy{}); err != nil {
		return ErrSignature
	}
	// What follows is only true of the device once its signature is.
	switch {
	case device.Flags.HasBackupEligible() != key.Synced:
		return ErrFlags
	case s.UV && !key.UV:
		return ErrUV
	case (device.Counter != 0 || key.Sign != 0) && device.Counter <= key.Sign:
		return ErrCounter
	}
	return nil
}
