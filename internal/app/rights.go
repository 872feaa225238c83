package app

import (
	"context"
	"log/slog"
	"strings"

	"github.com/cartkeep/cartkeep/internal/backup"
	"github.com/cartkeep/cartkeep/internal/keylife"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/privacy"
)

// journalPath is where the shop's copy of the erasure journal lies: beside its
// key file, so that it outlives a database that is put back.
func journalPath(keyFile string) string {
	return strings.TrimSuffix(keyFile, ".key") + ".erasures"
}

// newOfficer compares the two copies of the erasure journal, replays what the
// database has forgotten, and makes who carries out what people ask for.
func (v *vault) newOfficer(ctx context.Context, keyFile string, log *slog.Logger) (*privacy.Officer, error) {
	beside, met, err := privacy.Meet(ctx, v.db, journalPath(keyFile))
	if err != nil {
		return nil, err
	}
	if met.Learnt > 0 {
		log.WarnContext(ctx, "the database is older than its erasure journal: it was put back from a copy; who was erased since is erased again",
			"entries", met.Learnt, "dossiers", met.Replayed)
	}
	var places []privacy.Copy
	for _, to := range v.backups.Targets {
		places = append(places, &backup.Journal{Target: to, Pair: v.backups.Pair, More: v.backups.More})
	}
	return privacy.NewOfficer(v.db, log, shredder{v}, beside, places...), nil
}

// shredder closes the living epoch at once. What key parts hold opens nothing
// then, so each place gets a new one.
type shredder struct{ v *vault }

// Shred implements privacy.Shredder.
func (s shredder) Shred(ctx context.Context, who ledger.Actor) error {
	if _, err := s.v.life.Shred(ctx, who, func(keylife.Progress) {}); err != nil {
		return err
	}
	pair, err := s.v.backups.Pair()
	for _, to := range s.v.backups.Targets {
		if err == nil {
			_, err = backup.CreateKeys(ctx, s.v.db, to, pair, s.v.backups.More)
		}
	}
	return err
}
