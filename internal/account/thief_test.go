package account_test

import (
	"bytes"
	"encoding/base32"
	"log/slog"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/account"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// TestAThiefReadsNothingOfAnAccount: whoever has the database, its log and what
// the engine writes beside it finds no address, name, number, password, code,
// key or cookie of somebody who has done everything one can do.
func TestAThiefReadsNothingOfAnAccount(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const (
			mail, next = "zqmarker.first@example.com", "zqmarker.second@example.com"
			number     = "+4915188877766"
			pass       = "zqmarker over quiet harbour"
		)
		logs := &bytes.Buffer{}
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(logs, nil)))
		defer slog.SetDefault(old)

		secrets := []string{mail, next, "zqmarker", number, number[3:], pass}
		keep := func(words ...string) {
			for _, w := range words {
				if w != "" {
					secrets = append(secrets, w)
				}
			}
		}
		entered := func(e account.Entry) account.Entry {
			_, token, _ := strings.Cut(e.Cookie, ".")
			keep(token, e.Device)
			return e
		}
		ticket, err := s.Keeper.Register(noCtx, mail, pass)
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(ticket, ".")
		code := s.Code(t, mail)
		e, err := s.Keeper.FinishRegister(noCtx, ticket, code, account.Visitor{Agent: firefox})
		if err != nil {
			t.Fatal(err)
		}
		keep(token)
		entered(e)
		st := who(t, s, e.Cookie)
		keep(st.CSRF)
		name, _ := contact.ParseName("Zqmarker Lovelace")
		address, err := contact.ParseAddress(contact.AddressFields{Street: "Zqmarker Road 1", Locality: "Zqmarkerton", PostalCode: "10115", Country: "DE"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.SavePlace(noCtx, st, store.Place{Name: name, Address: address, First: true}); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.CallMe(noCtx, st, "Zqmarker the First"); err != nil {
			t.Fatal(err)
		}
		codes := withCodes(t, s, e)
		keep(codes...)
		for _, c := range codes {
			keep(strings.ReplaceAll(c, "-", ""))
		}
		if err := s.Keeper.BeginTOTP(noCtx, st); err != nil {
			t.Fatal(err)
		}
		app, err := s.Keeper.TOTP(noCtx, st)
		if err != nil {
			t.Fatal(err)
		}
		key := strings.ReplaceAll(app.Key, " ", "")
		raw, err := base32.StdEncoding.DecodeString(key)
		if err != nil {
			t.Fatal(err)
		}
		keep(key, string(raw))
		if err := s.Keeper.ConfirmTOTP(noCtx, st, shoptest.TOTP(t, raw, s.Clock.Now()), visitor(e)); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.BeginPhone(noCtx, st, e.Cookie, number, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.ConfirmPhone(noCtx, st, e.Cookie, s.Code(t, number), visitor(e)); err != nil {
			t.Fatal(err)
		}
		ticket, err = s.Keeper.AskMove(noCtx, st, next)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keeper.AnswerMove(noCtx, st, ticket, s.Code(t, next), visitor(e)); err != nil {
			t.Fatal(err)
		}
		half, err := s.Keeper.SignIn(noCtx, next, pass, account.Visitor{Agent: safariOn})
		if err != nil {
			t.Fatal(err)
		}
		entered(half)
		whole, err := s.Keeper.Prove(noCtx, account.Visitor{Cookie: half.Cookie}, account.Proof{Method: account.ByRecovery, Typed: codes[2]})
		if err != nil {
			t.Fatal(err)
		}
		entered(whole)
		mailed := s.Letter(t, mail)
		_, undo, _ := strings.Cut(mailed.Text, "token=")
		undo, _, _ = strings.Cut(undo, "\n")
		keep(undo[strings.LastIndex(undo, ".")+1:])

		// What only a passkey opens.
		err = s.DB.InTx(noCtx, ledger.System("test"), func(tx *store.Tx) error {
			mailbox, err := contact.ParseEmail("zqmarker.staff@example.com")
			if err != nil {
				return err
			}
			return tx.NewAccount(store.Account{ID: store.NewID(), Role: access.Owner, State: store.AccountOpen, Email: mailbox, Name: name})
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(secrets); n < 30 {
			t.Fatalf("only %d secrets to look for", n)
		}
		found, read := shoptest.Search(t, s.Files(t), secrets...)
		if len(found) > 0 {
			t.Errorf("found in the files: %q", found)
		}
		if control, _ := shoptest.Search(t, s.Files(t), "factor.added"); len(control) == 0 || read == 0 {
			t.Error("what stands there in the clear is not found either")
		}
		all := s.Dump(t) + logs.String()
		for _, secret := range secrets {
			if strings.Contains(all, secret) {
				t.Errorf("%q stands in a column or a log", secret)
			}
		}
	})
}
