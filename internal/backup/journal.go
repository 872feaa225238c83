package backup

import (
	"context"
	"slices"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/cartkeep/cartkeep/internal/erasure"
	"github.com/cartkeep/cartkeep/internal/store"
)

// journalEvery bounds how often a place gets a key part for the journal alone.
const journalEvery = time.Hour

// Journal is the copy of the erasure journal in a place of backups. Every key
// part holds the whole journal; where erasures wait for it, a key part is made
// between two backups.
type Journal struct {
	Target Target
	Pair   func() (*Pair, error)
	More   []age.Recipient

	mu      sync.Mutex
	reached int64
	at      time.Time
}

// String names the place.
func (j *Journal) String() string { return j.Target.String() }

// Bring brings the place to the end of the journal, at most once an hour, and
// returns the number that it has reached.
func (j *Journal) Bring(ctx context.Context, db *store.DB) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last, err := db.SequenceErasures(ctx)
	if err != nil || last.Number == j.reached {
		return j.reached, err
	}
	if now := db.Now(); !j.at.IsZero() && now.Sub(j.at) < journalEvery && !now.Before(j.at) {
		return j.reached, nil
	}
	pair, err := j.Pair()
	if err != nil {
		return j.reached, err
	}
	if _, err := CreateKeys(ctx, db, j.Target, pair, j.More); err != nil {
		return j.reached, err
	}
	j.reached, j.at = last.Number, db.Now()
	return j.reached, nil
}

// parseErasure reads a row of the journal in a key part.
func parseErasure(v []store.Value, before erasure.Entry) (erasure.Entry, error) {
	e := erasure.Entry{Number: v[0].Int, Dossier: string(v[1].Raw), At: time.UnixMilli(v[2].Int).UTC()}
	if !kinds(v, store.KindInt, store.KindText, store.KindInt, store.KindBytes) || len(v[3].Raw) != len(e.Link) {
		return before, erasure.ErrDamaged
	}
	copy(e.Link[:], v[3].Raw)
	return e, before.Follows(e)
}

// isJournal reports whether a table of a key part is the journal.
func isJournal(table string, columns []string) bool {
	want := store.JournalTable()
	return table == want.Name && slices.Equal(columns, want.Columns)
}

// learn makes the restored shop know every erasure that the key parts, and the
// journal beside the old shop's key file, tell of, and destroys what those erased.
func learn(ctx context.Context, db *store.DB, shop string, erased []erasure.Entry, file string) (n int64, err error) {
	signer, err := erasure.Signer(shop, db.Keys().Ledger)
	if err != nil {
		return 0, err
	}
	var beside []erasure.Entry
	if file != "" {
		if _, err := erasure.Open(file, []string{signer.VerifierKey()}, func(e erasure.Entry) error { beside = append(beside, e); return nil }); err != nil {
			return 0, err
		}
	}
	for _, list := range [][]erasure.Entry{erased, beside} {
		if _, err := db.LearnErasures(ctx, list); err != nil {
			return 0, err
		}
	}
	return db.Replay(ctx)
}
