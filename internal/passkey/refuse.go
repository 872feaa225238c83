package passkey

import (
	"errors"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Why a ceremony was refused. Each comes inside a fault of kind Invalid, whose
// text is for the person; none carries a value of the answer.
var (
	ErrForm      = errors.New("passkey: the answer is not of the agreed form")
	ErrEnded     = errors.New("passkey: the ceremony has ended")
	ErrCeremony  = errors.New("passkey: an answer of another kind of ceremony")
	ErrChallenge = errors.New("passkey: another challenge")
	ErrOrigin    = errors.New("passkey: another origin")
	ErrFramed    = errors.New("passkey: answered inside a page of somebody else")
	ErrRP        = errors.New("passkey: another shop's id")
	ErrUP        = errors.New("passkey: nobody was present")
	ErrUV        = errors.New("passkey: the person was not verified")
	ErrFlags     = errors.New("passkey: flags that contradict each other or the enrolment")
	ErrAlgorithm = errors.New("passkey: an algorithm or key that is not accepted")
	ErrEnrolled  = errors.New("passkey: enrolled already")
	ErrNone      = errors.New("passkey: the account has none")
	ErrUnknown   = errors.New("passkey: unknown credential") // also for find to return
	ErrAllow     = errors.New("passkey: a credential that was not asked for")
	ErrOwner     = errors.New("passkey: another account's")
	ErrSignature = errors.New("passkey: the signature is wrong")
	ErrCounter   = errors.New("passkey: the counter went back") // a copy may exist: tell the owner
)

// refuse tells a person what to do, and the caller why.
func refuse(why error) error {
	text := "We could not check this passkey. Please try again."
	switch why {
	case ErrEnded:
		text = "That took too long. Please start again."
	case ErrUV:
		text = "Your device did not check that it is you. Please set a screen lock or a PIN and try again."
	case ErrAlgorithm:
		text = "We cannot use passkeys of this device. Please try another device."
	case ErrEnrolled:
		text = "This device already has a passkey for your account."
	case ErrNone:
		text = "Your account has no passkey yet."
	case ErrUnknown:
		text = "We do not know this passkey. Please sign in another way."
	case ErrAllow, ErrOwner:
		text = "This passkey belongs to another account. Please choose another one."
	case ErrCounter:
		text = "Somebody may have copied this passkey, so we refuse it. Please sign in another way and remove it."
	}
	return fault.Because(fault.Invalid, text, why)
}
