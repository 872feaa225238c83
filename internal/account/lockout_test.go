package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/challenge"
	"github.com/cartkeep/cartkeep/internal/fault"
	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// TestStrangersKeepNobodyFromANewPassword: they ask for codes until there are
// no more for the day.
func TestStrangersKeepNobodyFromANewPassword(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		s.Run(t)
		before := len(s.Letters.All())
		for range 20 {
			s.Clock.Move(15 * time.Minute)
			if _, err := s.Keeper.AskReset(noCtx, ada, account.Visitor{}); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
		}
		if n := len(s.Letters.All()) - before; n != 12 {
			t.Errorf("strangers made the shop send %d letters in a day, want 12", n)
		}
		s.Clock.Move(15 * time.Minute)
		ticket, err := s.Keeper.AskReset(noCtx, ada, visitor(e))
		if err != nil {
			t.Fatal(err)
		}
		pass, err := s.Keeper.AnswerReset(noCtx, ticket, s.Code(t, ada))
		if err != nil {
			t.Fatalf("the owner's browser gets no code: %v", err)
		}
		if err := s.Keeper.SetPassword(noCtx, pass, better, visitor(e)); err != nil {
			t.Error(err)
		}
		ticket, err = s.Keeper.AskDevice(noCtx, ada)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.AnswerDevice(noCtx, ticket, s.Code(t, ada), account.Visitor{}); err != nil {
			t.Errorf("another browser can't be made known: %v", err)
		}
	})
}

// TestStrangersKeepNobodyOutWhoIsOnABrowserNobodyKnows: they ask without end, all
// day, from more browsers than one code is for; Ada, on a new phone, comes in with
// the long code that was mailed once. Nobody guesses it, and it works once.
func TestStrangersKeepNobodyOutWhoIsOnABrowserNobodyKnows(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		join(t, s, ada, good)
		s.Run(t)
		before := len(s.Letters.All())
		var stranger string
		for range 10 * 60 { // each minute for ten hours
			s.Clock.Move(time.Minute)
			ticket, err := s.Keeper.AskReset(noCtx, ada, account.Visitor{})
			if err != nil {
				t.Fatal(err)
			}
			stranger = ticket
		}
		s.Run(t)
		if n := len(s.Letters.All()) - before; n > 12 {
			t.Errorf("strangers made the shop send %d letters, want at most 12", n)
		}
		code := s.Code(t, ada)
		if digits := strings.ReplaceAll(code, " ", ""); len(digits) != challenge.LongDigits {
			t.Fatalf("the newest code has %d digits, want %d", len(digits), challenge.LongDigits)
		}
		for range 4 {
			if _, err := s.Keeper.AnswerReset(noCtx, stranger, "00000000000000000000"); !fault.Is(err, fault.Invalid) {
				t.Errorf("a guess: %v", err)
			}
		}
		ticket, err := s.Keeper.AskReset(noCtx, ada, account.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		pass, err := s.Keeper.AnswerReset(noCtx, ticket, code)
		if err != nil {
			t.Fatalf("the long code: %v", err)
		}
		if _, err := s.Keeper.AnswerReset(noCtx, stranger, code); err == nil {
			t.Error("it works twice")
		}
		if err := s.Keeper.SetPassword(noCtx, pass, better, account.Visitor{}); err != nil {
			t.Error(err)
		}
		// And the code that makes her new browser known, the same way.
		for range 60 {
			s.Clock.Move(time.Minute)
			if _, err := s.Keeper.AskDevice(noCtx, ada); err != nil {
				t.Fatal(err)
			}
		}
		s.Run(t)
		if ticket, err = s.Keeper.AskDevice(noCtx, ada); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.AnswerDevice(noCtx, ticket, s.Code(t, ada), account.Visitor{}); err != nil {
			t.Errorf("another browser can't be made known: %v", err)
		}
	})
}

// TestStrangersKeepNobodyFromTheirTexts: somebody with an account has texts sent
// to number after number, Ada's among them, and types none back.
func TestStrangersKeepNobodyFromTheirTexts(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		e := join(t, s, ada, good)
		withCodes(t, s, e)
		withPhone(t, s, e)
		thief := join(t, s, eve, better)
		sent := func() (n int) {
			s.Run(t)
			for _, m := range s.Letters.All() {
				if m.To != ada && m.To != eve {
					n++
				}
			}
			return n
		}
		before := sent()
		for i := range 60 {
			s.Clock.Move(13 * time.Minute)
			if i%6 == 0 { // it stays fresh
				v, err := s.Keeper.SignIn(noCtx, eve, better, visitor(thief))
				if err != nil {
					t.Fatal(err)
				}
				thief = v
			}
			to := fmt.Sprintf("+49160555%04d", i)
			if i%3 == 0 {
				to = phone
			}
			if err := s.Keeper.BeginPhone(noCtx, who(t, s, thief.Cookie), thief.Cookie, to, ""); err != nil {
				t.Fatal(err)
			}
			s.Run(t)
		}
		if n := sent() - before; n < 15 || n > 25 {
			t.Errorf("%d texts before the breaker opened", n)
		}
		half, err := s.Keeper.SignIn(noCtx, ada, good, account.Visitor{})
		if err != nil || !half.Half {
			t.Fatalf("got %+v, %v", half, err)
		}
		if err := s.Keeper.SendText(noCtx, half.Cookie); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.BySMS, Typed: s.Code(t, phone)}); err != nil {
			t.Errorf("Ada gets no text any more: %v", err)
		}
	})
}
