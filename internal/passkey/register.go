package passkey

import (
	"bytes"
	"errors"
)

// BeginRegister begins to enrol a device for an account. The options are JSON
// for PublicKeyCredential.parseCreationOptionsFromJSON.
//
// The passkey must be discoverable, which means that the device itself knows
// for which account it is. Then nobody has to type a name to sign in, and we
// never have to answer a stranger who names an account with a list of its
// passkeys, which would tell who has one.
//
// existing are the account's keys, so that one device is not enrolled twice.
func (p *Party) BeginRegister(user User, existing []Key, needUV bool) (options, state []byte, err error) {
	if len(user.ID) == 0 || len(user.ID) > 64 || user.Name == "" || len(existing) > MaxKeys {
		return nil, nil, errors.New("passkey: an account with an id, a name and a bounded number of keys is needed")
	}
	s := p.begin(enrolling, user.ID, existing, needUV)
	return encode(creation{
		RP:        party{p.id, p.name},
		User:      person{user.ID, user.Name, user.Shown},
		Challenge: s.Challenge,
		Kinds:     algorithms(),
		Timeout:   timeout,
		Exclude:   names(existing),
		Selection: selection{"required", true, need(needUV)},
		Statement: "none",
	}), encode(s), nil
}

// FinishRegister returns the key that was enrolled. The caller keeps it for
// the user, unless some account already holds a key with its ID.
func (p *Party) FinishRegister(user User, state, response []byte) (Key, error) {
	s, err := p.resume(state, enrolling)
	if err != nil {
		return Key{}, err
	}
	if !bytes.Equal(s.User, user.ID) {
		return Key{}, refuse(ErrOwner)
	}
	a, ok := parse(response, true)
	if !ok {
		return Key{}, refuse(ErrForm)
	}
	if err := p.compare(s, a.client); err != nil {
		return Key{}, refuse(err)
	}
	if err := p.weigh(s, a.device); err != nil {
		return Key{}, refuse(err)
	}
	if _, ok := readKey(a.device.publicKey); !ok {
		return Key{}, refuse(ErrAlgorithm)
	}
	if contains(s.IDs, a.ID) {
		return Key{}, refuse(ErrEnrolled)
	}
	flags := a.device.flags
	key := Key{
		ID: a.ID, PublicKey: bytes.Clone(a.device.publicKey), Sign: a.device.counter, UV: flags&flagUV != 0,
		Synced: flags&flagBE != 0, BackedUp: flags&flagBS != 0,
		Transports: known(a.Response.Transports), CrossDevice: a.Attachment == "cross-platform",
	}
	copy(key.AAGUID[:], a.device.model)
	return key, nil
}
