package store_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/shoptest"
	"github.com/cartkeep/cartkeep/internal/store"
)

// traffic makes n paid orders and numbers their events. It returns the
// checkpoint at the end.
func traffic(t *testing.T, s *shoptest.Shop, n int) string {
	t.Helper()
	bowl := s.Product(t, "bowl", 3900, shoptest.Counted(1000))
	for range n {
		p := placed(t, s, s.Ready(t, bowl.ID, 1))
		if err := s.Approve(p); err != nil {
			t.Fatal(err)
		}
	}
	s.Run(t)
	if _, err := s.DB.Sequence(noCtx); err != nil {
		t.Fatal(err)
	}
	signed, err := s.DB.Checkpoint(noCtx, true)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func verify(t *testing.T, s *shoptest.Shop, old string) ledger.Report {
	t.Helper()
	r, err := s.DB.VerifyLedger(noCtx, old)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEventsAndLeavesOnlyGrow(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		traffic(t, s, 1)
		raw := s.Raw(t)
		before := s.Dump(t)
		for _, query := range []string{
			`UPDATE events SET actor = 'os:root'`,
			`UPDATE events SET subject = 'x'`,
			`UPDATE events SET object = 'x'`,
			`UPDATE events SET detail = '{}'`,
			`UPDATE events SET salts = owner`,
			`UPDATE events SET action = 'nothing.happened'`,
			`UPDATE events SET at = at + 1`,
			`UPDATE events SET owner = 'x'`,
			`UPDATE events SET id = id || 'x'`,
			`UPDATE events SET idx = idx + 1000`,
			`UPDATE events SET idx = NULL`,
			`DELETE FROM events`,
			`UPDATE leaves SET leaf = owner`,
			`UPDATE leaves SET idx = idx + 1000`,
			`DELETE FROM leaves`,
		} {
			if s.OnPostgres() {
				query = strings.Replace(query, "= owner", "= CAST(owner AS BYTEA)", 1)
			}
			if _, err := raw.Exec(query); err == nil {
				t.Errorf("the database let %s happen", query)
			}
		}
		if s.Dump(t) != before {
			t.Error("something changed")
		}
		// What time takes away may go: values and salts of an event.
		shoptest.Do(t, raw, `UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL WHERE idx = 3`)
		if r := verify(t, s, ""); r.OK() || r.FirstBad != 3 || r.Emptied != 1 {
			t.Errorf("got %v with %d emptied, want the event named that went before its time", r, r.Emptied)
		}
		s.Clock.Move(14 * 31 * 24 * time.Hour)
		if r := verify(t, s, ""); !r.OK() || r.Emptied != 1 {
			t.Errorf("got %v with %d emptied, want a good ledger with one emptied event", r, r.Emptied)
		}
	})
}

func TestTheLedgerHoldsAfterTraffic(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		early := traffic(t, s, 1)
		late := traffic(t, s, 3)
		for name, old := range map[string]string{"alone": "", "against an early checkpoint": early, "against the last one": late} {
			r := verify(t, s, old)
			if !r.OK() || !r.Signed || r.FirstBad != -1 || r.Size < 30 {
				t.Errorf("%s: got %v, want a good ledger of more than 30 events", name, r)
			}
		}
		if n := shoptest.One[int64](t, s.Raw(t), `SELECT count(*) FROM events WHERE idx IS NULL`); n != 0 {
			t.Errorf("%d events were not numbered", n)
		}
		s.Reopen(t)
		if r := verify(t, s, early); !r.OK() {
			t.Errorf("after a restart: %v", r)
		}
	})
}

// disarm takes the triggers away, as somebody with all rights to the database can.
func disarm(t *testing.T, s *shoptest.Shop, raw *sql.DB) {
	t.Helper()
	if s.OnPostgres() {
		shoptest.Do(t, raw, `ALTER TABLE events DISABLE TRIGGER ALL`)
		shoptest.Do(t, raw, `ALTER TABLE leaves DISABLE TRIGGER ALL`)
		return
	}
	for _, name := range []string{"events_only_grow", "events_stay", "leaves_fixed", "leaves_stay"} {
		shoptest.Do(t, raw, `DROP TRIGGER `+name)
	}
}

// TestVerifyNamesThePlace changes the ledger in every way that a person with
// all rights to the database can, one at a time, and puts it right again.
func TestVerifyNamesThePlace(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		kept := traffic(t, s, 2)
		raw := s.Raw(t)
		disarm(t, s, raw)
		at := shoptest.One[int64](t, raw, `SELECT min(idx) FROM events WHERE action = 'order.placed'`)
		flip := func(table, column string) func() {
			return func() {
				old := shoptest.One[[]byte](t, raw, `SELECT `+column+` FROM `+table+` WHERE idx = $1`, at)
				old[len(old)-5] ^= 1
				shoptest.Do(t, raw, `UPDATE `+table+` SET `+column+` = $1 WHERE idx = $2`, old, at)
			}
		}
		do := func(query string) func() {
			return func() {
				if n := shoptest.Do(t, raw, query, at); n != 1 {
					t.Fatalf("%s changed %d rows, want 1", query, n)
				}
			}
		}
		for name, tamper := range map[string]func(){
			"actor":         do(`UPDATE events SET actor = actor || 'x' WHERE idx = $1`),
			"subject":       do(`UPDATE events SET subject = subject || 'x' WHERE idx = $1`),
			"object":        do(`UPDATE events SET object = object || 'x' WHERE idx = $1`),
			"detail":        do(`UPDATE events SET detail = '{}' WHERE idx = $1`),
			"action":        do(`UPDATE events SET action = action || 'x' WHERE idx = $1`),
			"time":          do(`UPDATE events SET at = at + 1 WHERE idx = $1`),
			"owner":         do(`UPDATE events SET owner = 'x' WHERE idx = $1`),
			"salt":          flip("events", "salts"),
			"a value alone": do(`UPDATE events SET subject = NULL WHERE idx = $1`),
			"event removed": do(`DELETE FROM events WHERE idx = $1`),
			"leaf removed":  do(`DELETE FROM leaves WHERE idx = $1`),
			"leaf changed":  flip("leaves", "leaf"),
			"both changed": func() {
				shoptest.Do(t, raw, `UPDATE events SET action = 'nothing.here' WHERE idx = $1`, at)
				shoptest.Do(t, raw, `UPDATE leaves SET leaf = $1 WHERE idx = $2`, forged(t, raw, at), at)
			},
			"owner, in both": func() {
				shoptest.Do(t, raw, `UPDATE events SET owner = 'x' WHERE idx = $1`, at)
				shoptest.Do(t, raw, `UPDATE leaves SET owner = 'x' WHERE idx = $1`, at)
			},
			"longer salts": func() {
				salts := shoptest.One[[]byte](t, raw, `SELECT salts FROM events WHERE idx = $1`, at)
				shoptest.Do(t, raw, `UPDATE events SET salts = $1 WHERE idx = $2`, append(salts, 7), at)
			},
			"emptied whole": do(`UPDATE events SET actor = NULL, subject = NULL, object = NULL, detail = NULL, salts = NULL WHERE idx = $1`),
			"event squeezed in": func() {
				shoptest.Do(t, raw, `INSERT INTO events (owner, id, at, action, actor, subject, object, detail, salts, idx)
					SELECT owner, 'another', at, action, 'os:root', subject, object, detail, salts, idx FROM events WHERE idx = $1`, at)
			},
		} {
			for _, table := range []string{"events", "leaves"} {
				shoptest.Do(t, raw, `CREATE TABLE kept_`+table+` AS SELECT * FROM `+table)
			}
			tamper()
			for _, old := range []string{"", kept} {
				if r := verify(t, s, old); r.OK() || r.FirstBad != at || !r.Exact {
					t.Errorf("%s: got %v, want index %d named", name, r, at)
				}
			}
			for _, table := range []string{"events", "leaves"} {
				shoptest.Do(t, raw, `DELETE FROM `+table)
				shoptest.Do(t, raw, `INSERT INTO `+table+` SELECT * FROM kept_`+table)
				shoptest.Do(t, raw, `DROP TABLE kept_`+table)
			}
			if r := verify(t, s, kept); !r.OK() {
				t.Fatalf("%s was not put right: %v", name, r)
			}
		}
	})
}

// TestNothingStandsOutsideTheTree finds rows that claim places beyond it.
func TestNothingStandsOutsideTheTree(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		kept := traffic(t, s, 1)
		raw := s.Raw(t)
		disarm(t, s, raw)
		for name, tamper := range map[string][2]string{
			"an event numbered beyond": {`UPDATE events SET idx = 99999 WHERE idx = 3`, `UPDATE events SET idx = 3 WHERE idx = 99999`},
			"a leaf beyond":            {`INSERT INTO leaves (idx, leaf, owner, event) SELECT 99999, leaf, owner, event FROM leaves WHERE idx = 3`, `DELETE FROM leaves WHERE idx = 99999`},
			"a leaf before":            {`INSERT INTO leaves (idx, leaf, owner, event) SELECT -5, leaf, owner, event FROM leaves WHERE idx = 3`, `DELETE FROM leaves WHERE idx = -5`},
			"another name":             {`UPDATE tree SET origin = origin || 'x'`, `UPDATE tree SET origin = substr(origin, 1, length(origin) - 1)`},
		} {
			shoptest.Do(t, raw, tamper[0])
			if r := verify(t, s, kept); r.OK() {
				t.Errorf("%s: got %v, want it found", name, r)
			}
			shoptest.Do(t, raw, tamper[1])
			if r := verify(t, s, kept); !r.OK() {
				t.Fatalf("%s was not put right: %v", name, r)
			}
		}
	})
}

// forged is the leaf of the event as it now stands: what a careful forger writes.
func forged(t *testing.T, raw *sql.DB, index int64) []byte {
	t.Helper()
	var e ledger.Event
	var at int64
	var salts []byte
	err := raw.QueryRow(`SELECT id, at, action, actor, subject, object, detail, salts FROM events WHERE idx = $1`, index).
		Scan(&e.ID, &at, &e.Action, &e.Actor, &e.Subject, &e.Object, &e.Detail, &salts)
	if err != nil {
		t.Fatal(err)
	}
	e.At = time.UnixMilli(at)
	for i := range e.Salts {
		copy(e.Salts[i][:], salts[16*i:])
	}
	return ledger.Leaf(e)
}

// TestACutTailIsSeenFromOutside takes the last events away together with all
// that the database itself knows of them. Only who kept a checkpoint can tell.
func TestACutTailIsSeenFromOutside(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		kept := traffic(t, s, 2)
		raw := s.Raw(t)
		disarm(t, s, raw)
		cut := shoptest.One[int64](t, raw, `SELECT size FROM tree`) - 3
		for _, query := range []string{
			`DELETE FROM events WHERE idx >= $1`, `DELETE FROM leaves WHERE idx >= $1`,
			`UPDATE tree SET size = $1`, `DELETE FROM checkpoints WHERE size > $1`,
		} {
			shoptest.Do(t, raw, query, cut)
		}
		if r := verify(t, s, kept); r.OK() || r.FirstBad != cut || !r.Exact || !strings.Contains(r.Problem, "cut off") {
			t.Errorf("got %v, want the cut at %d named", r, cut)
		}
		// New events do not hide it.
		traffic(t, s, 1)
		if r := verify(t, s, kept); r.OK() {
			t.Errorf("got %v, want the forked ledger refused", r)
		}
	})
}

// TestTheTailCannotBeCutUnderACheckpointThatStays: a less thorough thief is
// found by the database's own checkpoints.
func TestTheTailCannotBeCutUnderACheckpointThatStays(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		traffic(t, s, 1)
		raw := s.Raw(t)
		disarm(t, s, raw)
		cut := shoptest.One[int64](t, raw, `SELECT size FROM tree`) - 2
		shoptest.Do(t, raw, `DELETE FROM events WHERE idx >= $1`, cut)
		shoptest.Do(t, raw, `DELETE FROM leaves WHERE idx >= $1`, cut)
		if r := verify(t, s, ""); r.OK() || r.FirstBad != cut {
			t.Errorf("got %v, want %d named while the tree still has its size", r, cut)
		}
		shoptest.Do(t, raw, `UPDATE tree SET size = $1`, cut)
		if r := verify(t, s, ""); r.OK() || r.FirstBad != cut {
			t.Errorf("got %v, want %d named by the shop's own checkpoint", r, cut)
		}
	})
}

// TestAStrangersVerifierAgrees reads an export with nothing but the standard
// tlog and note packages of the Go checksum database.
func TestAStrangersVerifierAgrees(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		old := traffic(t, s, 1)
		traffic(t, s, 2)
		var out bytes.Buffer
		if err := s.DB.ExportLedger(noCtx, &out); err != nil {
			t.Fatal(err)
		}
		signer, err := s.DB.Signer()
		if err != nil {
			t.Fatal(err)
		}
		root, rootThen, size, text := strangerReads(t, out.Bytes(), signer.VerifierKey(), old)
		r := verify(t, s, old)
		if !r.OK() || r.Size != size || r.Root != root {
			t.Errorf("we say %v, the stranger read %d events with root %v", r, size, root)
		}
		if want := fmt.Sprintf("%d\n%s\n", size, base64.StdEncoding.EncodeToString(root[:])); !strings.HasSuffix(text, want) {
			t.Errorf("the checkpoint says %q, the stranger computed %q", text, want)
		}
		if then := strings.Split(old, "\n")[2]; then != base64.StdEncoding.EncodeToString(rootThen[:]) {
			t.Errorf("the old checkpoint says %s, the stranger computed %v", then, rootThen)
		}
	})
}

// strangerReads knows JSON, tlog and note, and nothing of this project.
func strangerReads(t *testing.T, export []byte, key, old string) (root, rootThen tlog.Hash, size int64, text string) {
	t.Helper()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = hashes[x]
		}
		return out, nil
	})
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	known := note.VerifierList(verifier)
	then, err := note.Open([]byte(old), known)
	if err != nil {
		t.Fatal(err)
	}
	var sizeThen int64
	if _, err := fmt.Sscan(strings.Split(then.Text, "\n")[1], &sizeThen); err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(bytes.TrimSpace(export), []byte("\n")) {
		var l struct {
			Index      int64
			Leaf       []byte
			Checkpoint string
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Checkpoint != "" {
			n, err := note.Open([]byte(l.Checkpoint), known)
			if err != nil {
				t.Fatal(err)
			}
			text = n.Text
			continue
		}
		more, err := tlog.StoredHashes(l.Index, l.Leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes, size = append(hashes, more...), size+1
	}
	if root, err = tlog.TreeHash(size, reader); err != nil {
		t.Fatal(err)
	}
	if rootThen, err = tlog.TreeHash(sizeThen, reader); err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveTree(size, sizeThen, reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(proof, size, root, sizeThen, rootThen); err != nil {
		t.Errorf("the ledger did not only grow: %v", err)
	}
	return root, rootThen, size, text
}

// TestManySequencersNumberOnce lets several nodes number events at the same time.
func TestManySequencersNumberOnce(t *testing.T) {
	shoptest.Each(t, func(t *testing.T, s *shoptest.Shop) {
		const writers, events = 4, 60
		errs := make(chan error, 2*writers)
		for w := range writers {
			go func() {
				for n := range events {
					err := s.DB.InTx(noCtx, ledger.System("test"), func(t *store.Tx) error {
						return t.Event("test.happened", "", fmt.Sprintf("%d-%d", w, n), "")
					})
					if err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
			go func() {
				for range 10 {
					if _, err := s.DB.Sequence(noCtx); err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		for range 2 * writers {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if _, err := s.DB.Sequence(noCtx); err != nil {
			t.Fatal(err)
		}
		raw := s.Raw(t)
		if n := shoptest.One[int64](t, raw, `SELECT count(*) FROM events WHERE action = 'test.happened' AND idx IS NOT NULL`); n != writers*events {
			t.Errorf("got %d events numbered, want %d", n, writers*events)
		}
		if n, m := shoptest.One[int64](t, raw, `SELECT count(DISTINCT idx) FROM events`), shoptest.One[int64](t, raw, `SELECT size FROM tree`); n != m {
			t.Errorf("got %d numbers for a tree of %d", n, m)
		}
		if r := verify(t, s, ""); !r.OK() {
			t.Error(r)
		}
	})
}
