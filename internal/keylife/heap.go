package keylife

import (
	"runtime/debug"
	"sync"
)

// roomyPercent is how much of what lives may be added before the collector runs, while
// a pass goes on. What a shop keeps is small, and a pass makes things by the million:
// with Go's 100 the collector would run ten times a second, and the slowest hundredth
// of what is served meanwhile took 6.3 ms instead of 4.5 (docs/evidence/keys.txt).
const roomyPercent = 400

// heap counts the passes under way, and keeps what was set before the first.
var heap struct {
	mu     sync.Mutex
	passes int
	before int
}

// roomy lets the heap grow until the function that it returns is called. A heap that
// somebody has set to grow more, by GOGC, is left so.
func roomy() (end func()) {
	heap.mu.Lock()
	defer heap.mu.Unlock()
	if heap.passes++; heap.passes == 1 {
		heap.before = debug.SetGCPercent(roomyPercent)
		if heap.before < 0 || heap.before > roomyPercent { // negative: never
			debug.SetGCPercent(heap.before)
		}
	}
	return func() {
		heap.mu.Lock()
		defer heap.mu.Unlock()
		if heap.passes--; heap.passes == 0 {
			debug.SetGCPercent(heap.before)
		}
	}
}
