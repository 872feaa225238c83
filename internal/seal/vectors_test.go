package seal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// The vectors come from testdata/vectors.mjs, a second implementation.
type vectors struct {
	Dossiers []struct {
		Name, Dossier, Subject, Purpose, Case string
		Epoch                                 EpochID
		EpochKey                              string `json:"epoch_key"`
		DossierKey                            string `json:"dossier_key"`
		Table, Column, Row                    string
		Plain, Wrap, Value                    string
	}
	Indexes []struct{ Key, Field, Normalised, Hash string }
	Macs    []struct {
		Key, Label string
		Parts      []string
		Sum        string
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Dossiers) == 0 || len(v.Indexes) == 0 || len(v.Macs) == 0 {
		t.Fatal("no vectors")
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectorsOpen(t *testing.T) {
	for _, v := range readVectors(t).Dossiers {
		t.Run(v.Name, func(t *testing.T) {
			key, err := ParseEpochKey(unhex(t, v.EpochKey))
			if err != nil {
				t.Fatal(err)
			}
			ring, err := Open(context.Background(), NewMemory(Epoch{ID: v.Epoch, Key: key, Created: time.Now()}))
			if err != nil {
				t.Fatal(err)
			}
			o := Owner{Dossier: v.Dossier, Subject: v.Subject, Purpose: v.Purpose, Case: v.Case}
			d, err := ring.Unwrap(o, unhex(t, v.Wrap))
			if err != nil {
				t.Fatal(err)
			}
			p := Place{Table: v.Table, Column: v.Column, Row: v.Row}
			got, err := d.Open(p, unhex(t, v.Value))
			if err != nil || string(got) != v.Plain {
				t.Errorf("got %q, %v, want %q", got, err, v.Plain)
			}
			if id, err := ValueDossier(unhex(t, v.Value)); err != nil || id != v.Dossier || d.ID() != v.Dossier {
				t.Errorf("got dossier %s, %v, want %s", id, err, v.Dossier)
			}
			if id, err := WrapEpoch(unhex(t, v.Wrap)); err != nil || id != v.Epoch {
				t.Errorf("got epoch %d, %v, want %d", id, err, v.Epoch)
			}
		})
	}
}

func TestVectorsOfIndexesAndMacs(t *testing.T) {
	v := readVectors(t)
	for _, c := range v.Indexes {
		k, err := NewIndexKey(unhex(t, c.Key))
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(k.Hash(c.Field, c.Normalised)); got != c.Hash {
			t.Errorf("%s: got %s, want %s", c.Field, got, c.Hash)
		}
	}
	for _, c := range v.Macs {
		k, err := NewMacKey(unhex(t, c.Key))
		if err != nil {
			t.Fatal(err)
		}
		parts := make([][]byte, len(c.Parts))
		for i, p := range c.Parts {
			parts[i] = []byte(p)
		}
		if got := k.Sum(c.Label, parts...); hex.EncodeToString(got[:]) != c.Sum || !k.Matches(got[:], c.Label, parts...) {
			t.Errorf("%s: got %x, want %s", c.Label, got, c.Sum)
		}
	}
}
