package shoptest

import (
	"slices"
	"sync"

	"github.com/cartkeep/cartkeep/internal/abuse"
)

// alarms is what staff were told.
type alarms struct {
	mu   sync.Mutex
	kind []string
}

func (a *alarms) add(one abuse.Alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kind = append(a.kind, one.Kind)
}

// Alarms lists the kinds of the alarms that the till has raised.
func (s *Shop) Alarms() []string {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	return slices.Clone(s.alarms.kind)
}
