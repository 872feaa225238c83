package gate

import (
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
)

// Figures is what became of the acts of the last hour, in counts.
type Figures map[abuse.Act]map[abuse.Event]int64

// figures counts by the minute, in memory: what staff see of now is about
// nobody, and of this process alone.
type figures struct {
	mu      sync.Mutex
	minutes [60]struct {
		of     int64
		counts map[figure]int64
	}
	now func() time.Time
}

type figure struct {
	act   abuse.Act
	event abuse.Event
}

func (f *figures) note(act abuse.Act, e abuse.Event) {
	of := f.now().Unix() / 60
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &f.minutes[of%60]
	if m.of != of {
		m.of, m.counts = of, map[figure]int64{}
	}
	m.counts[figure{act, e}]++
}

// Figures sums what became of every act in the last minutes, of which an hour is
// remembered.
func (g *Gate) Figures(last time.Duration) Figures {
	now := g.cfg.Now().Unix() / 60
	out := Figures{}
	g.figures.mu.Lock()
	defer g.figures.mu.Unlock()
	for i := range g.figures.minutes {
		m := &g.figures.minutes[i]
		if m.of > now || m.of <= now-int64(last/time.Minute) {
			continue
		}
		for k, n := range m.counts {
			if out[k.act] == nil {
				out[k.act] = map[abuse.Event]int64{}
			}
			out[k.act][k.event] += n
		}
	}
	return out
}
