package app

import (
	"context"
	"fmt"
	"time"

	"github.com/cartkeep/cartkeep/internal/job"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/store"
	"github.com/cartkeep/cartkeep/internal/web/gate"
)

// alarm writes what the gate has seen to the log and the ledger, in counts.
func (s *server) alarm(a gate.Alarm) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.log.WarnContext(ctx, "alarm", "kind", a.Kind, "wrong", a.Wrong, "right", a.Right)
	err := s.vault.db.InTx(ctx, ledger.System("gate"), func(t *store.Tx) error {
		return t.Event("alarm."+a.Kind, "", "", fmt.Sprintf(`{"right":%d,"wrong":%d}`, a.Right, a.Wrong))
	})
	if err != nil {
		s.log.ErrorContext(ctx, "alarm not in the ledger", "kind", a.Kind, "error", err)
	}
}

// watch looks for the end of an attack, which nobody may be there to see.
func (s *server) watch() job.Round {
	return job.Round{Name: "attack", Every: time.Minute, Do: func(context.Context) error {
		s.gate.UnderAttack()
		return nil
	}}
}
