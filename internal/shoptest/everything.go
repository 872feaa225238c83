package shoptest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/cart"
	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/credit"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/personal"
	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/store"
)

// Everything is a shop in which every field that the register seals has a value:
// what a test needs that says something about all of them.
type Everything struct {
	Order                       checkout.Placed
	Cart                        cart.ID
	Variant                     catalog.VariantID
	Shopper, Staff              store.Account
	Wish, Signup, Invite, Asked string
	Hold, Held, Letter          string
	Card                        credit.ID
	factor                      string
}

// Everything fills the shop.
func (s *Shop) Everything(t testing.TB) *Everything {
	t.Helper()
	s.Outbox = true
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, someone := context.Background(), ledger.OS("test")
	e := &Everything{Wish: store.NewID(), Signup: store.NewID(), Invite: store.NewID(), Asked: store.NewReference(), Hold: store.NewID(), Letter: store.NewID(), factor: store.NewID(), Card: credit.ID(store.NewID())}
	e.Variant = s.Product(t, "everything", 900, Counted(50)).ID
	in := Ada()
	in.Note, in.OrderNote, in.GiftName, in.GiftMessage = "Ring twice", "Wrap it well", "Charles Babbage", "For the engine"
	in.BillTo, in.VAT = &contact.AddressFields{Street: "1 Invoice Road", Locality: "Berlin", PostalCode: "10115", Country: "DE"}, "DE136695976"
	b, c := s.Basket(t, e.Variant, 1), s.Basket(t, e.Variant, 1)
	for _, b := range []Basket{b, c} {
		_, err := s.Desk.SaveDetails(ctx, b.ID, b.Token, in)
		must(err)
	}
	var err error
	e.Cart = c.ID
	e.Order, err = s.Place(b, "everything")
	must(err)
	must(s.Approve(e.Order))
	s.RunAll(t)

	email, err := contact.ParseEmail("ada@example.com")
	must(err)
	boss, err := contact.ParseEmail("boss@example.com")
	must(err)
	name, err := contact.ParseName("Ada Lovelace")
	must(err)
	address, err := contact.ParseAddress(in.ShipTo)
	must(err)
	phone, err := contact.ParsePhone(in.Phone, "")
	must(err)
	reason, err := contact.ParseNote("a lawsuit", 100)
	must(err)
	e.Shopper = store.Account{ID: store.NewID(), State: store.AccountOpen, Email: email, Name: name}
	e.Staff = store.Account{ID: store.NewID(), Role: access.Owner, State: store.AccountOpen, Email: boss, Name: name}
	must(s.DB.InTx(ctx, someone, func(tx *store.Tx) error {
		o := e.Order.Order
		for _, do := range []func() error{
			func() error { return tx.KeepParcel(o, "post", "TRACK-1815") },
			func() error { return tx.SaveDraft(e.Cart, "Ada, not whole", false) },
			func() error { return tx.NewWish(e.Wish, e.Variant, email) },
			func() error { return tx.NewSignup(store.Signup{ID: e.Signup, Email: email, Password: []byte("hash")}) },
			func() error {
				return tx.NewInvite(store.Invite{ID: e.Invite, Role: access.Owner, Email: boss, EndsAt: tx.Now().AddDate(0, 0, 7)}, "token")
			},
			func() error {
				return tx.NewRequest(store.Request{Reference: e.Asked, Kind: "erase", State: store.Waiting, Email: email, DueAt: tx.Now().AddDate(0, 0, 2)})
			},
			func() error { return tx.NewAccount(e.Shopper) },
			func() error { return tx.NewAccount(e.Staff) },
			func() error { return tx.KeepAccountCart(e.Shopper, string(e.Cart)) },
			func() error {
				return tx.SavePlace(e.Shopper, store.Place{ID: store.NewID(), Name: name, Address: address, Phone: phone})
			},
			func() error {
				return tx.AddFactor(e.Shopper, store.Factor{ID: e.factor, Kind: store.TOTPFactor, On: true, Secret: []byte("totp"), Label: "My phone"})
			},
			func() error {
				return tx.NewSession(e.Shopper, store.Session{Owner: e.Shopper.ID, Level: access.Guest + 1, MadeAt: tx.Now(), SeenAt: tx.Now(), EndsAt: tx.Now().AddDate(0, 1, 0), Agent: "Firefox on Linux"}, "token")
			},
			func() error {
				id, _, err := tx.KeepDevice(e.Shopper, "browser", "Firefox on Linux")
				if err != nil {
					return err
				}
				return tx.TrustDevice(e.Shopper, id, tx.Now().AddDate(0, 1, 0))
			},
			func() error {
				return tx.NewLetter(e.Shopper, store.AccountLetter{ID: e.Letter, Channel: "email", Kind: "signin", Agent: "Firefox on Linux"})
			},
			func() error {
				return tx.NewChange(e.Shopper, store.Change{ID: store.NewID(), Kind: "email", State: store.ChangeOpen, Object: "x", Old: "old@example.com", New: "new@example.com", DueAt: tx.Now().AddDate(0, 0, 1), EndsAt: tx.Now().AddDate(0, 0, 30)})
			},
			func() error {
				k, err := tx.KeepCards(e.Shopper, store.KeptCards{Provider: "bank", Customer: "cus_everything"})
				if err != nil {
					return err
				}
				return tx.ForgetCards(k, "card_everything")
			},
			func() error {
				return tx.NewPayment(store.Payment{ID: store.NewID(), Owner: o.Owner, Order: o.ID, Attempt: 2, Provider: "bank", Status: order.PaymentOpen, Amount: o.Due(), ExpiresAt: tx.Now(), Cards: store.CardKeep, Customer: "cus_paying"})
			},
			func() error { return tx.KeepCardLetter(o.Owner, o.ID, e.Card, credit.NewCode()) },
			func() error { _, err := tx.AddLicence(e.Variant, "KEY-1843"); return err },
			func() error {
				return tx.AskOpening(store.Opening{Reference: store.NewReference(), Subject: o.Owner, Case: string(o.ID), EndsAt: tx.Now().AddDate(0, 0, 1), Reason: reason})
			},
			func() error {
				list, err := tx.LivingOf(o.Owner, string(o.ID))
				for _, d := range list {
					if d.Purpose == personal.Invoicing {
						e.Held = d.ID
					}
				}
				if err != nil {
					return err
				}
				return tx.PlaceHold(e.Hold, o.Owner, []string{e.Held}, reason, tx.Now().AddDate(1, 0, 0))
			},
		} {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err = s.DB.AddFile(ctx, someone, e.Variant, "knots.pdf", strings.NewReader(strings.Repeat("A knot. ", 20*store.FileChunk/8)+"The end."))
	must(err)
	return e
}

// Read opens all of it, the way the shop does, and writes it down.
func (e *Everything) Read(t testing.TB, db *store.DB) string {
	t.Helper()
	var out strings.Builder
	say := func(what ...any) { fmt.Fprintln(&out, what...) }
	person := func(d order.Details) {
		say(d.Email.Reveal(), d.Name.Reveal(), d.Phone.Reveal(), d.ShipTo.Reveal(), d.BillTo.Reveal(), d.Note.Reveal(), d.OrderNote.Reveal(), d.GiftName.Reveal(), d.GiftMessage.Reveal(), d.VAT.Reveal())
	}
	look := func(fn func(v *store.View) error) {
		t.Helper()
		if err := db.View(context.Background(), fn); err != nil {
			t.Fatal(err)
		}
	}
	o := e.Order.Order
	look(func(v *store.View) error { d, err := v.OrderDetails(o.Owner, o.ID); person(d); return err })
	look(func(v *store.View) error { n, err := v.Tracking(o.Owner, o.ID); say(n); return err })
	look(func(v *store.View) error { p, err := v.LastPayment(o.Owner, o.ID); say(p.Ref, p.URL); return err })
	look(func(v *store.View) error {
		_, code, err := v.CardLetter(o.Owner, e.Card)
		say(code.Reveal())
		return err
	})
	look(func(v *store.View) error { k, err := v.KeptCards(e.Shopper.ID); say(k); return err })
	look(func(v *store.View) error { f, err := v.LeavingCards(e.Shopper.ID); say(f); return err })
	look(func(v *store.View) error { d, draft, err := v.Details(e.Cart); person(d); say(draft); return err })
	look(func(v *store.View) error { w, err := v.Wish(e.Wish); say(w.Email.Reveal()); return err })
	look(func(v *store.View) error {
		s, err := v.Signup(e.Signup)
		say(s.Email.Reveal(), string(s.Password))
		return err
	})
	look(func(v *store.View) error { r, err := v.Request(e.Asked); say(r.Email.Reveal()); return err })
	look(func(v *store.View) error {
		list, err := v.OpenInvites()
		for _, i := range list {
			say(i.Email.Reveal())
		}
		return err
	})
	for _, id := range []string{e.Shopper.ID, e.Staff.ID} {
		look(func(v *store.View) error { a, err := v.Account(id); say(a.Email.Reveal(), a.Name.Reveal()); return err })
	}
	id := e.Shopper.ID
	look(func(v *store.View) error { c, err := v.AccountCart(id); say(c); return err })
	look(func(v *store.View) error {
		list, err := v.Places(id)
		for _, p := range list {
			say(p.Name.Reveal(), p.Address.Reveal(), p.Phone.Reveal())
		}
		return err
	})
	look(func(v *store.View) error {
		list, err := v.Factors(id)
		for _, f := range list {
			say(string(f.Secret), f.Label)
		}
		return err
	})
	look(func(v *store.View) error {
		list, err := v.Sessions(id)
		for _, s := range list {
			say(s.Agent)
		}
		return err
	})
	look(func(v *store.View) error {
		list, err := v.Devices(id)
		for _, d := range list {
			say(d.Agent, d.TrustedUntil)
		}
		return err
	})
	look(func(v *store.View) error { l, err := v.AccountLetter(id, e.Letter); say(l.Agent); return err })
	look(func(v *store.View) error {
		list, err := v.Changes(id, "email", store.ChangeOpen)
		for _, c := range list {
			say(c.Old, c.New)
		}
		return err
	})
	look(func(v *store.View) error {
		list, err := v.LegalHolds()
		for _, h := range list {
			reason, failed := v.OpenReason(h)
			if err == nil {
				err = failed
			}
			say(h.Purpose, reason.Reveal())
		}
		return err
	})
	look(func(v *store.View) error {
		list, err := v.Letters(10)
		for _, l := range list {
			say(l.To, l.Subject, l.Text, l.HTML)
		}
		return err
	})
	look(func(v *store.View) error {
		list, err := v.Files("")
		for _, f := range list {
			var text bytes.Buffer
			if failed := db.ReadFile(context.Background(), f, 0, &text); err == nil {
				err = failed
			}
			say(text.String())
		}
		return err
	})
	return out.String()
}

// UnderWhat counts the sealed values of each field by format, and tells of those
// that are under no dossier there is.
func (s *Shop) UnderWhat(t testing.TB) map[string]map[byte]int {
	t.Helper()
	raw := s.Raw(t)
	living := map[string]bool{}
	for _, id := range Column[string](t, raw, `SELECT id FROM dossiers WHERE wrap IS NOT NULL`) {
		living[id] = true
	}
	out := map[string]map[byte]int{}
	for _, f := range personal.All() {
		if f.Kind == personal.Sealed {
			out[f.Name()] = underWhat(t, s, f, living)
		}
	}
	return out
}

func underWhat(t testing.TB, s *Shop, f personal.Field, living map[string]bool) map[byte]int {
	t.Helper()
	n := map[byte]int{}
	for _, sealed := range Column[[]byte](t, s.Raw(t), `SELECT `+f.Column+` FROM `+f.Table+` WHERE `+f.Column+` IS NOT NULL`) {
		id, err := seal.ValueDossier(sealed)
		if err != nil || !living[id] {
			t.Errorf("%s: a value is under no living dossier: %v", f.Name(), err)
		}
		n[sealed[0]]++
	}
	return n
}
