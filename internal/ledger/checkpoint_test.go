package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestASignedCheckpointOpens(t *testing.T) {
	s := testSigner(t)
	signed, err := s.Sign(42, Hash{1, 2, 3}, "first", "second")
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenCheckpoint(signed, s.VerifierKey())
	if err != nil || c.Size != 42 || c.Root != (Hash{1, 2, 3}) || c.Origin != s.Origin() || strings.Join(c.Extensions, " ") != "first second" {
		t.Errorf("got %v, %v", c, err)
	}
	// Every byte counts, the spare bits of base64 too.
	for i := range signed {
		for bit := range 8 {
			b := []byte(signed)
			b[i] ^= 1 << bit
			if _, err := OpenCheckpoint(string(b), s.VerifierKey()); err == nil {
				t.Fatalf("bit %d of byte %d (%q) changed: opened", bit, i, signed[i])
			}
		}
	}
	if _, err := OpenCheckpoint(signed); !errors.Is(err, ErrSignature) {
		t.Errorf("without keys: got %v, want ErrSignature", err)
	}
}

func TestAKeyOfAnotherOriginDoesNotSpeakForThisOne(t *testing.T) {
	s := testSigner(t)
	other := *s
	other.origin = "other.example/ledger" // its text says other, its key says shop
	signed, err := other.Sign(1, Hash{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(signed, s.VerifierKey()); err == nil {
		t.Error("opened")
	}
}

func TestCheckpointsHaveOneSpelling(t *testing.T) {
	good := Checkpoint{Origin: "shop.example/ledger", Size: 7, Root: Hash{9}}.Text()
	if _, err := ParseCheckpoint(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"no origin":       strings.Replace(good, "shop.example/ledger", "", 1),
		"leading zero":    strings.Replace(good, "\n7\n", "\n07\n", 1),
		"plus":            strings.Replace(good, "\n7\n", "\n+7\n", 1),
		"negative":        strings.Replace(good, "\n7\n", "\n-7\n", 1),
		"huge":            strings.Replace(good, "\n7\n", "\n9223372036854775807\n", 1),
		"no line feed":    strings.TrimSuffix(good, "\n"),
		"empty extension": good + "\n",
		"short root":      "a\n1\nAAAA\n",
		"spare bits":      strings.Replace(good, "A=\n", "B=\n", 1),
		"two lines":       "a\n1\n",
		"carriage return": strings.ReplaceAll(good, "\n", "\r\n"),
	} {
		if _, err := ParseCheckpoint(bad); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: got %v, want ErrCheckpoint", name, err)
		}
	}
}

func TestASignerTakesNoLineBreaksAndNoBadNames(t *testing.T) {
	s := testSigner(t)
	if _, err := s.Sign(1, Hash{}, "a\nb"); err == nil {
		t.Error("an extension of two lines was signed")
	}
	if _, err := s.Sign(-1, Hash{}); err == nil {
		t.Error("a negative size was signed")
	}
	for _, origin := range []string{"", "a b", "a+b", "a\n"} {
		if _, err := NewSigner(origin, make([]byte, 32)); err == nil {
			t.Errorf("origin %q was taken", origin)
		}
	}
	if _, err := NewSigner("a", make([]byte, 31)); err == nil {
		t.Error("a short seed was taken")
	}
}

func TestASignerDoesNotShowItsKey(t *testing.T) {
	s := testSigner(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		if got := fmt.Sprintf(verb, s); got != "[key]" {
			t.Errorf("%s: got %s", verb, got)
		}
	}
	holder := struct{ s *Signer }{s}
	if got := fmt.Sprintf("%+v", holder); strings.Contains(got, " 7 7") {
		t.Errorf("inside a struct: got %s", got)
	}
	if b, err := json.Marshal(s); err == nil && strings.Contains(string(b), "7,7") {
		t.Errorf("JSON: got %s", b)
	}
}

func FuzzCheckpoint(f *testing.F) {
	s := testSigner(f)
	signed, err := s.Sign(42, Hash{1}, "more")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(Checkpoint{Origin: "o", Size: 1}.Text())
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Fatalf("got %q, want %q", c.Text(), text)
		}
		if c, err := OpenCheckpoint(text, s.VerifierKey()); err == nil && c.Text() != (Checkpoint{s.Origin(), 42, Hash{1}, []string{"more"}}).Text() {
			t.Fatalf("opened what was never signed: %q", text)
		}
	})
}
