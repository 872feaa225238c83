package store_test

import (
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/checkout"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/order"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

func details(s *shoptest.Shop, o order.Order) (d order.Details, err error) {
	err = s.DB.View(noCtx, func(v *store.View) error {
		d, err = v.OrderDetails(o.Owner, o.ID)
		return err
	})
	return d, err
}

func placed(t *testing.T, s *shoptest.Shop, b shoptest.Basket) checkout.Placed {
	t.Helper()
	p, err := s.Place(b, "key-1")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAValueOpensInItsPlaceAlone lets a thief with write access move sealed
// values about: to another row, another column, another person.
func TestAValueOpensInItsPlaceAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		ada, other := placed(t, s, s.Ready(t, bowl.ID, 1)).Order, placed(t, s, s.Ready(t, bowl.ID, 1)).Order
		if d, err := details(s, ada); err != nil || d.Email.Reveal() != "ada@example.com" || d.Phone.Reveal() != "+49301234567" {
			t.Fatalf("got %v, want Ada's own values for her order", err)
		}
		raw := s.Raw(t)
		read := func(column string) []byte {
			return shoptest.One[[]byte](t, raw, `SELECT `+column+` FROM order_details WHERE owner = $1`, ada.Owner)
		}
		for name, move := range map[string]struct{ from, to string }{
			"another column":                         {"name", "email"},
			"a column of another purpose":            {"name", "invoice_name"},
			"the same words under another purpose":   {"ship_to", "bill_to"},
			"a value of another person, same column": {"", "email"},
		} {
			kept := read(move.to)
			value := shoptest.One[[]byte](t, raw, `SELECT email FROM order_details WHERE owner = $1`, other.Owner)
			if move.from != "" {
				value = read(move.from)
			}
			shoptest.Do(t, raw, `UPDATE order_details SET `+move.to+` = $1 WHERE owner = $2`, value, ada.Owner)
			d, err := details(s, ada)
			if move.to != "invoice_name" && err == nil { // nothing shows the invoice's name yet
				t.Errorf("%s: got %q, want nothing opened", name, d.Email.Reveal())
			}
			if err != nil && (strings.Contains(err.Error(), "ada@") || strings.Contains(err.Error(), "Lovelace")) {
				t.Errorf("%s: the error quotes the value", name)
			}
			shoptest.Do(t, raw, `UPDATE order_details SET `+move.to+` = $1 WHERE owner = $2`, kept, ada.Owner)
		}
		flipped := read("email")
		flipped[len(flipped)-1] ^= 1
		shoptest.Do(t, raw, `UPDATE order_details SET email = $1 WHERE owner = $2`, flipped, ada.Owner)
		if _, err := details(s, ada); err == nil {
			t.Error("a value with one changed bit opens")
		}
	})
}

// TestAWrapOpensForItsOwnerAlone grafts one person's key onto another's dossier.
func TestAWrapOpensForItsOwnerAlone(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		ada, other := placed(t, s, s.Ready(t, bowl.ID, 1)).Order, placed(t, s, s.Ready(t, bowl.ID, 1)).Order
		raw := s.Raw(t)
		wrap := shoptest.One[[]byte](t, raw, `SELECT wrap FROM dossiers WHERE subject = $1 AND purpose = 'fulfilment'`, ada.Owner)
		shoptest.Do(t, raw, `UPDATE dossiers SET wrap = $1 WHERE subject = $2 AND purpose = 'fulfilment'`, wrap, other.Owner)
		if _, err := details(s, other); err == nil {
			t.Error("another person's key was accepted")
		}
		shoptest.Do(t, raw, `UPDATE dossiers SET wrap = (SELECT d.wrap FROM dossiers d WHERE d.subject = $1 AND d.purpose = 'invoicing') WHERE subject = $1 AND purpose = 'fulfilment'`, ada.Owner)
		if _, err := details(s, ada); err == nil {
			t.Error("the key of another purpose was accepted")
		}
	})
}

func TestNothingIsSealedUnderADeadKey(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		bowl := s.Product(t, "bowl", 3900, shoptest.Counted(5))
		o := placed(t, s, s.Ready(t, bowl.ID, 1)).Order
		keep := func() error {
			return s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
				return t.KeepLetter(o.Owner, o.ID, store.Letter{ID: store.NewID(), Channel: "email", To: "ada@example.com", Subject: "s", Text: "t", HTML: "h"})
			})
		}
		if err := keep(); err != nil {
			t.Fatal(err)
		}
		raw := s.Raw(t)
		for _, change := range []string{
			`UPDATE dossiers SET state = 'restricted' WHERE subject = $1`,
			`UPDATE dossiers SET state = 'open', destroy_after = 1 WHERE subject = $1`,
			`UPDATE dossiers SET state = 'destroyed', wrap = NULL WHERE subject = $1`,
		} {
			shoptest.Do(t, raw, change, o.Owner)
			if err := keep(); err == nil {
				t.Errorf("a letter was sealed after %s", change)
			}
		}
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM outbox`); n != 1 {
			t.Errorf("got %d letters, want the first alone", n)
		}
	})
}

// TestADestroyedKeyIsNowhere destroys keys and reads every byte of the
// database's files for them. On PostgreSQL the log of writes still has them:
// there the end of the epoch closes it, as the threat model says.
func TestADestroyedKeyIsNowhere(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(100))
	raw := s.Raw(t)
	var wraps []string
	for range 40 {
		o := placed(t, s, s.Ready(t, bowl.ID, 1)).Order
		var list []store.DueDossier
		rows, err := raw.Query(`SELECT id, purpose, wrap FROM dossiers WHERE subject = $1 AND case_id = $2`, o.Owner, string(o.ID))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			d := store.DueDossier{Subject: o.Owner, Case: string(o.ID)}
			var wrap []byte
			if err := rows.Scan(&d.ID, &d.Purpose, &wrap); err != nil {
				t.Fatal(err)
			}
			list, wraps = append(list, d), append(wraps, string(wrap[37:]))
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if len(wraps) < 4 {
			t.Fatalf("got %d keys, want four dossiers for an order with a phone", len(wraps))
		}
		if found := files(t, s, wraps[len(wraps)-1]); !found {
			t.Fatal("the living key is not found either: the search does not work")
		}
		err = s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
			for _, d := range list {
				if err := t.Destroy(d); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !files(t, s, wraps...) {
		t.Log("the log of writes has forgotten the keys by itself; usually it does not")
	}
	if err := s.DB.Scrub(noCtx); err != nil {
		t.Fatal(err)
	}
	if files(t, s, wraps...) {
		t.Error("a destroyed key is still in the files")
	}
}
