package account_test

import (
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// stick is a security key: whoever holds it can touch it, and it asks nobody
// who they are.
type stick struct {
	party  virtualwebauthn.RelyingParty
	device virtualwebauthn.Authenticator
}

func newStick(t *testing.T, s *shoptest.Shop, e account.Entry) *stick {
	t.Helper()
	k := &stick{virtualwebauthn.RelyingParty{Name: "Test Shop", ID: "shop.test", Origin: shoptest.Origin},
		virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(e.Account), UserNotVerified: true})}
	credential := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	for len(credential.Key.AttestationData()) != 77 { // it drops leading zeros
		credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	st := who(t, s, e.Cookie)
	c, err := s.Keeper.BeginEnrol(noCtx, st)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	answer := virtualwebauthn.CreateAttestationResponse(k.party, k.device, credential, *wanted)
	if err := s.Keeper.FinishEnrol(noCtx, st, c.Ticket, []byte(answer), "", visitor(e)); err != nil {
		t.Fatal(err)
	}
	k.device.AddCredential(credential)
	return k
}

// touch answers a ceremony.
func (k *stick) touch(t *testing.T, c account.Ceremony) []byte {
	t.Helper()
	wanted, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtualwebauthn.CreateAssertionResponse(k.party, k.device, k.device.Credentials[0], *wanted))
}

// TestAStolenSecurityKeyIsOneFactorHoweverOftenItIsTouched: what did not ask
// who holds it is one of two factors, and is not the other one as well.
func TestAStolenSecurityKeyIsOneFactorHoweverOftenItIsTouched(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		key := newStick(t, s, e)
		withCodes(t, s, e)

		c, err := s.Keeper.BeginPasskey(noCtx, false)
		if err != nil {
			t.Fatal(err)
		}
		half, err := s.Keeper.FinishPasskey(noCtx, false, c.Ticket, key.touch(t, c), account.Visitor{})
		if err != nil || !half.Half {
			t.Fatalf("got %+v, %v", half, err)
		}
		v := account.Visitor{Cookie: half.Cookie}
		if c, err = s.Keeper.BeginProve(noCtx, half.Cookie); err != nil {
			t.Fatal(err)
		}
		if e, err := s.Keeper.FinishProve(noCtx, c.Ticket, key.touch(t, c), v, false); !fault.Is(err, fault.Invalid) {
			t.Errorf("the same key is its own second factor: %+v, %v", e, err)
		}
		if m, err := s.Keeper.Methods(noCtx, half.Cookie); err != nil || len(m) != 2 || m[0] != account.ByRecovery || m[1] != account.ByPassword {
			t.Errorf("offered %v, %v", m, err)
		}
		if _, err := s.Keeper.Prove(noCtx, v, account.Proof{Method: account.ByPassword, Typed: better}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a wrong password beside the key: %v", err)
		}
		whole, err := s.Keeper.Prove(noCtx, v, account.Proof{Method: account.ByPassword, Typed: good})
		if err != nil || who(t, s, whole.Cookie).Level != access.TwoFactors {
			t.Errorf("the key and the password stand as %+v, %v", who(t, s, whole.Cookie), err)
		}

		// After the password the key is the second factor.
		if half, err = s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); err != nil || !half.Half {
			t.Fatalf("got %+v, %v", half, err)
		}
		if c, err = s.Keeper.BeginProve(noCtx, half.Cookie); err != nil {
			t.Fatal(err)
		}
		whole, err = s.Keeper.FinishProve(noCtx, c.Ticket, key.touch(t, c), account.Visitor{Cookie: half.Cookie}, false)
		if err != nil || who(t, s, whole.Cookie).Level != access.TwoFactors {
			t.Errorf("the password and the key: %v", err)
		}
	})
}

// TestWhatAThiefHasSentOffDoesNotHappenOnceTheyAreSignedOut: the request of a
// stolen session has passed the door, and waits, as its owner ends it.
func TestWhatAThiefHasSentOffDoesNotHappenOnceTheyAreSignedOut(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		stolen := join(t, s, ada, good)
		thief := who(t, s, stolen.Cookie)
		own, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		move, err := s.Keeper.AskMove(noCtx, thief, "thief@example.com")
		if err != nil {
			t.Fatal(err)
		}
		code := s.Code(t, "thief@example.com")
		if err := s.Keeper.EndSessions(noCtx, who(t, s, own.Cookie)); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.ChangePassword(noCtx, thief, better, visitor(stolen)); !fault.Is(err, fault.NotFound) {
			t.Errorf("changing the password: %v", err)
		}
		if err := s.Keeper.AnswerMove(noCtx, thief, move, code, visitor(stolen)); !fault.Is(err, fault.NotFound) {
			t.Errorf("moving the account: %v", err)
		}
		if err := s.Keeper.BeginTOTP(noCtx, thief); !fault.Is(err, fault.NotFound) {
			t.Errorf("adding an app: %v", err)
		}
		if _, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{}); err != nil {
			t.Errorf("the password of its owner: %v", err)
		}
	})
}
