package gate

import (
	"sync"
	"time"

	"github.com/cartkeep/cartkeep/internal/abuse"
)

// An attack is seen by what strangers get wrong on the roads that need no
// proof yet. Many at once is one sign; fewer, but hardly anything right among
// them, is the other: of people, most are right at the first or second try.
// It is over when little has been wrong for the whole time looked at. The
// states lie far enough apart that it does not come and go with each minute.
const (
	attackLook  = 5 * time.Minute // this far back
	attackSlots = 10
	attackMany  = 300 // wrong in that time: one a second
	attackSome  = 60  // wrong in that time, when not one in five is right
	attackRest  = 15  // wrong in that time: it is over
)

func (g *Gate) alarm(a abuse.Alarm) {
	if g.cfg.Alarm != nil {
		g.cfg.Alarm(a)
	}
}

// watch counts what strangers get wrong and right lately.
type watch struct {
	mu    sync.Mutex
	slots [attackSlots]struct {
		of           int64 // which stretch of time it counts
		wrong, right int64
	}
	on bool
}

const attackSlot = int64(attackLook / attackSlots / time.Second)

// look counts one more of each, and tells whether the state has changed.
func (w *watch) look(now time.Time, wrong, right int64) (on, changed bool, a abuse.Alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of := now.Unix() / attackSlot
	s := &w.slots[((of%attackSlots)+attackSlots)%attackSlots]
	if s.of != of {
		s.of, s.wrong, s.right = of, 0, 0
	}
	s.wrong += wrong
	s.right += right
	for i := range w.slots {
		// A clock that was put back leaves slots of the future: they don't count.
		if s := w.slots[i]; s.of <= of && s.of > of-attackSlots {
			a.Wrong += s.wrong
			a.Right += s.right
		}
	}
	was := w.on
	switch {
	case !was:
		w.on = a.Wrong >= attackMany || a.Wrong >= attackSome && a.Wrong >= 4*a.Right
	case a.Wrong <= attackRest:
		w.on = false
	}
	a.Kind = abuse.AttackEnds
	if w.on {
		a.Kind = abuse.AttackBegins
	}
	return w.on, w.on != was, a
}

// noted counts what has become of a stranger's try.
func (g *Gate) noted(wrong bool) {
	if wrong {
		g.looked(1, 0)
	} else {
		g.looked(0, 1)
	}
}

// UnderAttack reports that strangers must show work on the roads that lead in.
// Somebody has to look for the end to be seen: whoever asks, does.
func (g *Gate) UnderAttack() bool { return g.looked(0, 0) }

func (g *Gate) looked(wrong, right int64) bool {
	on, changed, a := g.watch.look(g.cfg.Now(), wrong, right)
	if changed {
		g.alarm(a)
	}
	return on
}
