package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
	"github.com/cartkeep/cartkeep/internal/job"
	"github.com/cartkeep/cartkeep/internal/ledger"
	"github.com/cartkeep/cartkeep/internal/message"
	"github.com/cartkeep/cartkeep/internal/store"
)

// alarm writes what the gate has seen to the log and the ledger, in counts, and
// tells the owners when an attack begins.
func (s *server) alarm(a abuse.Alarm) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.log.WarnContext(ctx, "alarm", "kind", a.Kind, "wrong", a.Wrong, "right", a.Right)
	err := s.vault.db.InTx(ctx, ledger.System("gate"), func(t *store.Tx) error {
		return t.Event("alarm."+a.Kind, "", "", fmt.Sprintf(`{"right":%d,"wrong":%d}`, a.Right, a.Wrong))
	})
	if err != nil {
		s.log.ErrorContext(ctx, "alarm not in the ledger", "kind", a.Kind, "error", err)
	}
	letter, last := message.Alarm, &s.wrote
	switch a.Kind {
	case abuse.CardingBegins, abuse.CardingRises:
		letter, last = message.Carding, &s.wroteCards
		s.carding.Store(true)
	case abuse.AttackBegins:
	default:
		return
	}
	if s.keeper != nil && mayWrite(last, s.vault.db.Now()) {
		if err := s.keeper.TellOwners(ctx, letter); err != nil {
			s.log.ErrorContext(ctx, "alarm not told to the owners", "kind", a.Kind, "error", err)
		}
	}
}

// alarmEvery is how often the owners get a letter about an attack at most: one
// that comes and goes must not fill their mailboxes.
const alarmEvery = time.Hour

// mayWrite reports whether the last letter is long enough ago.
func mayWrite(at *atomic.Int64, now time.Time) bool {
	last := at.Load()
	return (last == 0 || now.Sub(time.Unix(last, 0)) >= alarmEvery) && at.CompareAndSwap(last, now.Unix())
}

// watch looks for the end of an attack, which nobody may be there to see.
func (s *server) watch() job.Round {
	return job.Round{Name: "attack", Every: time.Minute, Do: func(ctx context.Context) error {
		s.gate.UnderAttack()
		var fill abuse.Fill
		err := s.vault.db.View(ctx, func(v *store.View) (err error) {
			fill, err = v.Overall()
			return err
		})
		if err == nil && abuse.StageOf(fill[abuse.AllDeclines]) == abuse.Calm && s.carding.CompareAndSwap(true, false) {
			s.alarm(abuse.Alarm{Kind: abuse.CardingEnds})
		}
		return err
	}}
}
