package message

import (
	"strings"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/contact"
)

func TestEveryNoticeSaysWhatAndWhatToDo(t *testing.T) {
	w, err := NewWriter(Shop{Name: "Kestrel & Daughters", Origin: "https://shop.example", Statement: "KESTREL"})
	if err != nil {
		t.Fatal(err)
	}
	to, _ := contact.ParseEmail("ada@example.com")
	for kind, say := range notices {
		n := Notice{Kind: kind, To: to, At: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), Where: "Firefox on Linux"}
		if say.code {
			n.Code, n.Minutes = "01234567", 10
		}
		if say.link != "" {
			n.Link = "https://shop.example/account/undo?c=x"
		}
		m, err := w.Notice("id", n)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if say.not == "" || !strings.Contains(m.Text, say.not) {
			t.Errorf("%s does not say what to do", kind)
		}
		if say.when && (!strings.Contains(m.Text, "2 March 2026, 09:30 UTC") || !strings.Contains(m.Text, "Firefox on Linux")) {
			t.Errorf("%s does not say when and where:\n%s", kind, m.Text)
		}
		if say.code && !strings.Contains(m.Text, "0123 4567") {
			t.Errorf("%s has no code", kind)
		}
		links := strings.Count(m.HTML, "<a ")
		if (links == 1) != (say.link != "") || links > 1 {
			t.Errorf("%s has %d links", kind, links)
		}
		n.Link = "https://evil.example/"
		if _, err := w.Notice("id", n); err == nil {
			t.Errorf("%s takes a link that leads elsewhere, or one at all", kind)
		}
	}
	if _, err := w.Notice("id", Notice{Kind: ResetCode, To: to}); err == nil {
		t.Error("a letter with a code is written without one")
	}
}

func TestATextFitsAndEndsWithItsOrigin(t *testing.T) {
	w, err := NewWriter(Shop{Name: strings.Repeat("Kestrel & Daughters ", 4) + "x", Origin: "https://shop.example:8443", Statement: "KESTREL"})
	if err != nil {
		t.Fatal(err)
	}
	to, _ := contact.ParsePhone("+4915112345678", "")
	for kind, say := range texts {
		n := Notice{Kind: kind}
		if strings.Contains(say, "%s") {
			n.Code = "012345"
		}
		m, err := w.Text("id", to, n)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Text) > maxText || !strings.HasPrefix(m.Text, "Kestrel") || m.Channel != SMS || strings.Contains(m.Text, "https://") {
			t.Errorf("%s: %d characters: %q", kind, len(m.Text), m.Text)
		}
		if n.Code != "" && !strings.HasSuffix(m.Text, "\n@shop.example #012345") {
			t.Errorf("%s does not end with its origin: %q", kind, m.Text)
		}
	}
}
