package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

var someone = ledger.OS("ada")

// made is a shop with an order and a backup of it.
func made(t *testing.T, s *shoptest.Shop) (Made, Folder, *Pair) {
	t.Helper()
	pair, err := OpenPair(filepath.Join(t.TempDir(), "shop.identity"))
	if err != nil {
		t.Fatal(err)
	}
	v := s.Product(t, "pot", 1900, shoptest.Counted(9))
	placed, err := s.Place(s.Ready(t, v.ID, 2), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(placed); err != nil {
		t.Fatal(err)
	}
	to := Folder(t.TempDir())
	m, err := Create(t.Context(), s.DB, to, pair, nil, someone)
	if err != nil {
		t.Fatal(err)
	}
	return m, to, pair
}

// readAll reads a part to its end and returns its rows by table.
// plain is a value as a test compares it, a copy.
func plain(v store.Value) any {
	switch v.Kind {
	case store.KindInt:
		return v.Int
	case store.KindText:
		return string(v.Raw)
	case store.KindBytes:
		return bytes.Clone(v.Raw)
	}
	return nil
}

func readAll(t *testing.T, to Folder, name string, ids []age.Identity) (*part, map[string][]map[string]any) {
	t.Helper()
	in, err := to.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p, err := openPart(in, name, ids)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	out := map[string][]map[string]any{}
	var columns []string
	err = p.each(func(table string, c []string) error {
		columns = c
		out[table] = nil
		return nil
	}, func(values []store.Value) error {
		row := map[string]any{}
		for i, c := range columns {
			row[c] = plain(values[i])
		}
		out[p.table.Name] = append(out[p.table.Name], row)
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, out
}

func TestABackupReadsBackAndIsTwoParts(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		m, to, pair := made(t, s)
		signer, err := s.DB.BackupSigner(shoptest.ID)
		if err != nil {
			t.Fatal(err)
		}
		data, rows := readAll(t, to, m.Data, pair.Identities()[:1])
		manifest, err := data.verify(signer.VerifierKey())
		if err != nil || manifest.Key != m.Keys {
			t.Fatalf("got %+v, %v, want a signed manifest that names %s", manifest, err, m.Keys)
		}
		raw := s.Raw(t)
		for _, table := range []string{"orders", "order_lines", "settings", "leaves", "dossiers"} {
			if got, want := int64(len(rows[table])), shoptest.One[int64](t, raw, `SELECT count(*) FROM `+table); got != want && table != "leaves" || got == 0 {
				t.Errorf("%s: got %d rows, want %d", table, got, want)
			}
		}
		for _, d := range rows["dossiers"] {
			if _, ok := d["wrap"]; ok {
				t.Fatal("the data part holds a wrap")
			}
		}
		for _, table := range []string{"identities", "sessions", "epochs"} {
			if _, ok := rows[table]; ok {
				t.Errorf("the data part holds %s", table)
			}
		}
		for _, d := range rows["directory"] {
			if d["kind"] != "order" {
				t.Errorf("the data part holds an index of kind %v", d["kind"])
			}
		}

		keys, wraps := readAll(t, to, m.Keys, pair.Identities()[1:])
		if _, err := keys.verify(signer.VerifierKey()); err != nil {
			t.Fatal(err)
		}
		if _, ok := wraps["erasures"]; !ok || len(wraps) > 2 || int64(len(wraps["dossiers"])) != m.Dossiers || m.Dossiers < 6 {
			t.Errorf("got %d dossiers in %d tables, want %d and the erasure journal", len(wraps["dossiers"]), len(wraps), m.Dossiers)
		}
		if keys.At.Before(data.At) {
			t.Error("the key part is older than the data part")
		}
	})
}

func TestEachPartOpensWithItsOwnIdentityOnly(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	m, to, pair := made(t, s)
	for name, ids := range map[string][]age.Identity{m.Data: pair.Identities()[1:], m.Keys: pair.Identities()[:1]} {
		in, err := to.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if _, err := openPart(in, name, ids); !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want a refusal that names %s", err, name)
		}
	}
	for _, name := range []string{m.Data, m.Keys} {
		text, err := os.ReadFile(filepath.Join(string(to), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"pot", "Test Shop", "dossiers", shoptest.ID, "wrap"} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s shows %q", name, word)
			}
		}
	}
}

func TestAnyChangedByteIsFoundAndTheFileNamed(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	m, to, pair := made(t, s)
	signer, err := s.DB.BackupSigner(shoptest.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{m.Data, m.Keys} {
		whole, err := os.ReadFile(filepath.Join(string(to), name))
		if err != nil {
			t.Fatal(err)
		}
		read := func(b []byte) error {
			p, err := openPart(bytes.NewReader(b), name, pair.Identities()[i:i+1])
			if err != nil {
				return err
			}
			defer p.close()
			if err := p.each(func(string, []string) error { return nil }, func([]store.Value) error { return nil }, nil); err != nil {
				return err
			}
			_, err = p.verify(signer.VerifierKey())
			return err
		}
		if err := read(whole); err != nil {
			t.Fatal(err)
		}
		step := max(1, len(whole)/shoptest.Tenth(2000))
		for at := 0; at < len(whole); at += step {
			b := slices.Clone(whole)
			b[at] ^= 1
			if err := read(b); err == nil || !strings.Contains(err.Error(), name) {
				t.Fatalf("got %v with byte %d of %s changed, want an error that names it", err, at, name)
			}
		}
		for _, n := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
			if err := read(whole[:n]); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v with %d bytes of %s, want an error", err, n, name)
			}
		}
		if err := read(append(slices.Clone(whole), 0)); err == nil {
			t.Error("a byte more goes unnoticed")
		}
	}
}

func TestAFurtherRecipientOpensBothParts(t *testing.T) {
	s := shoptest.Open(t, "sqlite")
	friend, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	more, err := ParseRecipients([]string{friend.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	to := Folder(t.TempDir())
	m, err := Create(t.Context(), s.DB, to, pairOf(t), more, someone)
	if err != nil {
		t.Fatal(err)
	}
	c := empty(t, "sqlite")
	if _, err := Restore(t.Context(), Source{File: filepath.Join(string(to), m.Data), IDs: []Identity{friend}}, s.Ring, c, someone); err != nil {
		t.Errorf("got %v with the further recipient's identity alone", err)
	}
	if _, err := ParseRecipients([]string{"age1nonsense"}); err == nil {
		t.Error("nonsense is taken for a recipient")
	}
}

func TestNamesReadBack(t *testing.T) {
	at := time.Date(2026, 11, 26, 21, 56, 48, 123e6, time.UTC)
	got := name(shoptest.ID, at, Data)
	if got != "cartkeep-00000001-20261126T215648.123Z.data" {
		t.Errorf("got %s", got)
	}
	shop8, back, part, ok := parseName(got)
	if !ok || shop8 != "00000001" || !back.Equal(at) || part != Data {
		t.Errorf("got %s %v %s %v", shop8, back, part, ok)
	}
	for _, bad := range []string{"", "cartkeep-", got + unfinished, "cartkeep-1-2.data", strings.Replace(got, "data", "wal", 1)} {
		if _, _, _, ok := parseName(bad); ok {
			t.Errorf("%q is taken for a part", bad)
		}
	}
}

func TestAPartThatFailsLeavesNothingThatLooksWhole(t *testing.T) {
	to := Folder(t.TempDir())
	full := errors.New("no space left on device")
	err := to.Put(t.Context(), "cartkeep-00000001-20261126T215648.123Z.data", func(w io.Writer) error {
		if _, err := w.Write([]byte("half")); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	entries, err := os.ReadDir(string(to))
	if err != nil || len(entries) > 0 {
		t.Errorf("got %v, %v, want an empty folder", entries, err)
	}
	// What a kill leaves behind goes with the next try.
	left := filepath.Join(string(to), "cartkeep-00000001-20261126T215648.123Z.data"+unfinished)
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := to.Tidy(t.Context(), "00000001"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want the leftover gone", err)
	}
}

// FuzzParseRows: what parses is written back the same, and nothing else panics.
func FuzzParseRows(f *testing.F) {
	f.Add(4, appendRow(nil, []store.Value{{Kind: store.KindNull}, store.IntValue(-5), store.TextValue("text"), store.BytesValue([]byte{0, 1})}))
	f.Fuzz(func(t *testing.T, n int, b []byte) {
		values, err := parseRows(nil, b, max(0, min(n, 64)))
		if err != nil {
			return
		}
		again := appendRow(nil, values)
		second, err := parseRows(nil, again, n)
		if err != nil || !bytes.Equal(appendRow(nil, second), again) {
			t.Fatalf("got %v for what was written from what was read", err)
		}
	})
}
