package passkey

import (
	"bytes"
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
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
	s := p.begin(protocol.CreateCeremony, user.ID, existing, needUV)
	o := protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{CredentialEntity: protocol.CredentialEntity{Name: p.name}, ID: p.id},
		User: protocol.UserEntity{CredentialEntity: protocol.CredentialEntity{Name: user.Name},
			DisplayName: user.Shown, ID: protocol.URLEncodedBase64(user.ID)},
		Challenge:             s.Challenge,
		Parameters:            algorithms,
		Timeout:               timeout(),
		CredentialExcludeList: describe(existing),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(), // the same for browsers of Level 1
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   need(needUV),
		},
		Attestation: protocol.PreferNoAttestation,
	}
	return encode(o), encode(s), nil
}

// FinishRegister returns the key that was enrolled. The caller keeps it for
// the user, unless some account already holds a key with its ID.
func (p *Party) FinishRegister(user User, state, response []byte) (Key, error) {
	s, err := p.resume(state, protocol.CreateCeremony)
	if err != nil {
		return Key{}, err
	}
	if !bytes.Equal(s.User, user.ID) {
		return Key{}, refuse(ErrOwner)
	}
	if len(response) > MaxResponse {
		return Key{}, refuse(ErrForm)
	}
	r, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Key{}, refuse(ErrForm)
	}
	object := &r.Response.AttestationObject
	if err := p.compare(s, r.Response.CollectedClientData); err != nil {
		return Key{}, refuse(err)
	}
	if err := p.weigh(s, object.AuthData); err != nil {
		return Key{}, refuse(err)
	}
	made := object.AuthData.AttData
	if !acceptable(made.CredentialPublicKey) {
		return Key{}, refuse(ErrAlgorithm)
	}
	if contains(s.IDs, made.CredentialID) {
		return Key{}, refuse(ErrEnrolled)
	}
	// Some send a statement about their maker all the same. Nothing would be
	// believed for it, so the code that reads certificates never sees it.
	object.Format, object.AttStatement, object.SubStatements = string(protocol.AttestationFormatNone), nil, nil
	if _, err := r.Verify(r.Response.CollectedClientData.Challenge, p.id, p.origins, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, s.UV, true, nil, algorithms,
		protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return Key{}, refuse(ErrForm)
	}
	key := Key{
		ID: bytes.Clone(made.CredentialID), PublicKey: bytes.Clone(made.CredentialPublicKey),
		Sign: object.AuthData.Counter, UV: object.AuthData.Flags.HasUserVerified(),
		Synced: object.AuthData.Flags.HasBackupEligible(), BackedUp: object.AuthData.Flags.HasBackupState(),
		Transports: known(r.Response.Transports), CrossDevice: r.AuthenticatorAttachment == protocol.CrossPlatform,
	}
	copy(key.AAGUID[:], made.AAGUID)
	return key, nil
}
