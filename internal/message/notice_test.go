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

// TestNoticesReadAsAgreed compares all that is said about accounts with its golden
// file, and holds each to the rules: nothing loaded, no link but to take back or
// to stop, no word that was typed by somebody.
func TestNoticesReadAsAgreed(t *testing.T) {
	w := must[*Writer](t)(NewWriter(kestrel))
	to := must[contact.Email](t)(contact.ParseEmail("ada@lovelace.example"))
	name := must[contact.Name](t)(contact.ParseName("Ada O’Lovelace"))
	all := must[[]Preview](t)(w.noticePreviews(to, name, time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)))
	var out strings.Builder
	links := map[NoticeKind]bool{FactorAdded: true, EmailChanged: true, RecoveryBegun: true}
	seen := map[string]bool{}
	for _, p := range all {
		out.WriteString("=== " + p.Name + ": sent when " + p.When + "\n")
		if p.Message.Channel == Email {
			out.WriteString("Subject: " + p.Message.Subject + "\n\n")
		}
		out.WriteString(p.Message.Text + "\n")
		seen[p.Name] = true
		kind, letter := strings.CutPrefix(p.Name, "notice-")
		if of, staff := strings.CutPrefix(p.Name, "staff-"); staff {
			kind, letter = of, true
			for _, bad := range []string{"your account", "password", "Security", "page “"} {
				if strings.Contains(p.Message.Text, bad) {
					t.Errorf("%s has %q: %s", p.Name, bad, p.Message.Text)
				}
			}
			if !strings.Contains(p.Message.Text, "your staff account") || !strings.Contains(p.Message.Text, "an owner") {
				t.Errorf("%s does not speak to staff", p.Name)
			}
		}
		if !letter {
			continue
		}
		if n := strings.Count(p.Message.HTML, "<a "); (n == 1) != links[NoticeKind(kind)] || n > 1 {
			t.Errorf("%s has %d links", p.Name, n)
		}
		if !links[NoticeKind(kind)] && (strings.Contains(p.Message.Text, "://") && strings.Count(p.Message.Text, "://") != strings.Count(p.Message.Text, kestrel.Origin)) {
			t.Errorf("%s leads elsewhere", p.Name)
		}
		for _, bad := range []string{"<img", "<script", "<style", "<form", "url(", " src="} {
			if strings.Contains(p.Message.HTML, bad) {
				t.Errorf("%s has %s", p.Name, bad)
			}
		}
		if strings.HasPrefix(p.Name, "notice-") && (NoticeKind(kind) == SignupCode || NoticeKind(kind) == RecoveryBegun) {
			golden(t, p.Name+".html", p.Message.HTML)
		}
	}
	golden(t, "notices.txt", out.String())
	for kind := range notices {
		if !seen["notice-"+string(kind)] {
			t.Errorf("%s is shown nowhere", kind)
		}
	}
	for kind := range forStaff {
		if !seen["staff-"+string(kind)] {
			t.Errorf("%s is shown nowhere as staff read it", kind)
		}
	}
	for kind := range texts {
		if !seen["text-"+string(kind)] {
			t.Errorf("the text %s is shown nowhere", kind)
		}
	}
	phone := must[contact.Phone](t)(contact.ParsePhone("+4915112345678", ""))
	for _, code := range []string{"12345x", "123 456", "@evil.example", "123456\n", "１２３４５６"} {
		if _, err := w.Text("id", phone, Notice{Kind: SecondCode, Code: code}); err == nil {
			t.Errorf("the code %q is put into a text", code)
		}
		if _, err := w.Notice("id", Notice{Kind: ResetCode, To: to, Code: code, Minutes: 1}); err == nil {
			t.Errorf("the code %q is put into a letter", code)
		}
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
