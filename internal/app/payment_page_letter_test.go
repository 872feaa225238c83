package app

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/access"
	"github.com/cartkeep/cartkeep/internal/contact"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/pagewatch"
	"github.com/cartkeep/cartkeep/internal/store"
)

// staffed opens the accounts of an owner and of a manager.
func staffed(t *testing.T, db *store.DB) {
	t.Helper()
	err := db.InTx(t.Context(), ledger.System("test"), func(tx *store.Tx) error {
		for email, role := range map[string]access.Role{"ada@shop.test": access.Owner, "bob@shop.test": access.Manager} {
			to, err := contact.ParseEmail(email)
			if err != nil {
				return err
			}
			if err := tx.NewAccount(store.Account{ID: store.NewID(), Role: role, Email: to, State: store.AccountOpen}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sent carries out what waits and lists to whom which letter went, oldest first.
func sent(t *testing.T, s *server) (out []string) {
	t.Helper()
	s.jobs.Drain(t.Context())
	all, err := letters(t.Context(), s.vault.db, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		subject, _, _ := strings.Cut(l.Subject, " at ")
		out = append(out, l.To+": "+subject)
	}
	return out
}

// TestOwnersGetALetterAboutForeignScripts: from the script that is slipped in to the
// letter in the owner's mailbox, by way of whatever the shop does itself.
func TestOwnersGetALetterAboutForeignScripts(t *testing.T) {
	s, w, in := watched(t)
	staffed(t, s.vault.db)
	look(t, w, store.PagesClean)
	look(t, w, store.PagesClean)
	if got := sent(t, s); len(got) != 0 {
		t.Fatalf("got %q while all is as it was, want no letter", got)
	}
	slipped := time.Now()
	in.change = insert("</head>", `<script src="https://cdn.evil.example/a.js"></script>`)
	look(t, w, store.PagesForeign)
	got := sent(t, s)
	t.Logf("from the script to the letter: %v, and up to %v until a visit comes by", time.Since(slipped).Round(time.Millisecond), pagewatch.Every)
	want := "ada@shop.test: Something foreign on your payment pages"
	if len(got) != 1 || got[0] != want {
		t.Fatalf("got %q, want one letter, %q", got, want)
	}
	for range 2 {
		look(t, w, store.PagesForeign)
	}
	if got := sent(t, s); len(got) != 1 {
		t.Errorf("got %q after the same was seen again, want no letter more", got)
	}
}
