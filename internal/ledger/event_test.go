package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestALeafShowsTimeAndActionOnly(t *testing.T) {
	e := testEvent(t, 4711)
	leaf := Leaf(e)
	for _, hidden := range []string{"3b0c", "guest", "order:4711", `"lines"`} {
		if bytes.Contains(leaf, []byte(hidden)) {
			t.Errorf("the leaf shows %q", hidden)
		}
	}
	c, err := ParseLeaf(leaf)
	if err != nil || c.Action != "order.placed" || !c.At.Equal(e.At) {
		t.Errorf("got %v %q, %v", c.At, c.Action, err)
	}
	// The commitments, computed without this package.
	for i, want := range []string{"actorguest:3b0c", "subject3b0c", "objectorder:4711", `detail{"lines":4711}`} {
		mac := hmac.New(sha256.New, e.Salts[i][:])
		mac.Write([]byte("cartkeep/commit/v1/" + want))
		if !hmac.Equal(mac.Sum(nil), c.Commitments[i][:]) {
			t.Errorf("commitment %d differs", i)
		}
	}
}

func TestTheLeafFormatStandsStill(t *testing.T) {
	e := Event{ID: "1", At: time.UnixMilli(1), Action: "a", Actor: "system:x"}
	got := hex.EncodeToString(Leaf(e)[:11])
	if want := "01" + "0000000000000001" + "01" + "61"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := len(Leaf(e)); n != 11+4*32 {
		t.Errorf("got %d bytes", n)
	}
}

func TestTwoEqualEventsHaveUnequalLeaves(t *testing.T) {
	if bytes.Equal(Leaf(testEvent(t, 1)), Leaf(testEvent(t, 1))) {
		t.Error("equal leaves: the salts do not work")
	}
}

func TestEachChangedPartIsNamed(t *testing.T) {
	e := testEvent(t, 1)
	leaf := Leaf(e)
	if err := CheckLeaf(leaf, e); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Event)
	}{
		{"time", func(e *Event) { e.At = e.At.Add(time.Millisecond) }},
		{"action", func(e *Event) { e.Action = "order.paid" }},
		{"actor", func(e *Event) { e.Actor = "staff:1" }},
		{"subject", func(e *Event) { e.Subject = "" }},
		{"object", func(e *Event) { e.Object += "0" }},
		{"detail", func(e *Event) { e.Detail = "" }},
		{"detail", func(e *Event) { e.Salts[PartDetail][0]++ }},
		// Only value and salt together count as emptied.
		{"subject", func(e *Event) { e.Salts[PartSubject] = [16]byte{} }},
	} {
		changed := e
		c.change(&changed)
		var bad *MismatchError
		if err := CheckLeaf(leaf, changed); !errors.As(err, &bad) || !slices.Equal(bad.Parts, []string{c.name}) {
			t.Errorf("%s changed: got %v", c.name, err)
		}
	}
}

func TestAnEmptiedPartProvesNothingAndBreaksNothing(t *testing.T) {
	e := testEvent(t, 1)
	leaf := Leaf(e)
	for _, part := range []int{PartActor, PartSubject, PartObject, PartDetail} {
		e.Empty(part)
		if err := CheckLeaf(leaf, e); err != nil {
			t.Errorf("part %d: %v", part, err)
		}
	}
	if got := strings.Join(e.Emptied(), " "); got != "actor subject object detail" {
		t.Errorf("got emptied %q", got)
	}
}

func TestEventsThatCannotBeKeptAreRefused(t *testing.T) {
	ada := Staff("1")
	for _, c := range []struct {
		name, id, action        string
		actor                   Actor
		subject, object, detail string
	}{
		{"no id", "", "a", ada, "", "", ""},
		{"no action", "1", "", ada, "", "", ""},
		{"an action of many words", "1", "order placed", ada, "", "", ""},
		{"a long action", "1", strings.Repeat("a", 65), ada, "", "", ""},
		{"nobody", "1", "a", Actor{}, "", "", ""},
		{"an actor without id", "1", "a", Staff(""), "", "", ""},
		{"a long object", "1", "a", ada, "", strings.Repeat("x", 257), ""},
		{"broken text", "1", "a", ada, "\xff", "", ""},
		{"detail that is no JSON", "1", "a", ada, "", "", "{"},
	} {
		if _, err := NewEvent(c.id, noon, c.action, c.actor, c.subject, c.object, c.detail); err == nil {
			t.Errorf("%s: kept", c.name)
		}
	}
	if Leaf(Event{Action: strings.Repeat("a", 300)}) != nil {
		t.Error("an action of 300 bytes got a leaf")
	}
}

func TestActorsReadBack(t *testing.T) {
	for _, a := range []Actor{Guest("1"), Customer("2"), Staff("3"), System("retention"), OS("root:x"), Provider("sandbox")} {
		if got, err := ParseActor(a.String()); err != nil || got != a {
			t.Errorf("got %v, %v, want %v", got, err, a)
		}
	}
}

func FuzzParseLeaf(f *testing.F) {
	f.Add(Leaf(testEvent(f, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseLeaf(b)
		if err != nil {
			return
		}
		again := Leaf(Event{At: c.At, Action: c.Action})
		for i, commitment := range c.Commitments {
			copy(again[len(again)-(partCount-i)*32:], commitment[:])
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("got %x, want %x", again, b)
		}
	})
}
