package ledger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// The vectors come from testdata/vectors.mjs, a second implementation.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Events []struct {
			ID                             string
			At                             int64
			Action                         string
			Actor, Subject, Object, Detail string
			Salts                          [4]string
			Leaf                           string
		}
		Root, Seed, Origin, Note string
		VerifierKey              string `json:"verifier_key"`
	}
	if err := json.Unmarshal(text, &v); err != nil || len(v.Events) == 0 {
		t.Fatal("no vectors", err)
	}
	export, err := os.ReadFile("testdata/export.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var leaves [][]byte
	for _, c := range v.Events {
		e := Event{ID: c.ID, At: time.UnixMilli(c.At), Action: c.Action, Actor: c.Actor, Subject: c.Subject, Object: c.Object, Detail: c.Detail}
		for i, salt := range c.Salts {
			if _, err := hex.Decode(e.Salts[i][:], []byte(salt)); err != nil {
				t.Fatal(err)
			}
		}
		leaf := Leaf(e)
		if got := hex.EncodeToString(leaf); got != c.Leaf {
			t.Errorf("%s: got leaf %s, want %s", c.ID, got, c.Leaf)
		}
		if err := CheckLeaf(leaf, e); err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
		leaves = append(leaves, leaf)
	}
	_, tree := grown(t, leaves)
	if root := tree.Root(); hex.EncodeToString(root[:]) != v.Root {
		t.Errorf("got root %x, want %s", root, v.Root)
	}
	seed, _ := hex.DecodeString(v.Seed)
	s, err := NewSigner(v.Origin, seed)
	if err != nil {
		t.Fatal(err)
	}
	if s.VerifierKey() != v.VerifierKey {
		t.Errorf("got verifier key %s, want %s", s.VerifierKey(), v.VerifierKey)
	}
	// Ed25519 signatures of one text are always the same bytes.
	if signed, err := s.Sign(tree.Size(), tree.Root()); err != nil || signed != v.Note {
		t.Errorf("got note %q, %v, want %q", signed, err, v.Note)
	}
	r, err := VerifyExport(bytes.NewReader(export), v.Note, v.VerifierKey)
	if err != nil || !r.OK() || r.Emptied != 1 {
		t.Errorf("got %v, %v", r, err)
	}
	var again bytes.Buffer
	x := NewExportWriter(&again)
	for i, leaf := range leaves {
		if i == 2 {
			err = x.Emptied(LeafHash(leaf))
		} else {
			err = x.Leaf(leaf)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(v.Note); err != nil || !bytes.Equal(again.Bytes(), export) {
		t.Errorf("got export %s, want %s", again.Bytes(), export)
	}
}
