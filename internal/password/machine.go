package password

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Places is how many passwords are hashed at once on this machine: one core
// stays free for the shop, and half of the memory.
func Places() int { return places(runtime.GOMAXPROCS(0), memory(os.ReadFile)) }

func places(cores int, ram uint64) int {
	return int(min(uint64(max(1, cores-1)), max(1, ram/2/(uint64(Floor.Memory)<<10))))
}

// memory is what the program may use in bytes: the least of the machine's and
// its control group's.
func memory(read func(string) ([]byte, error)) uint64 {
	const unknown = 1 << 30 // a small machine of today
	least := uint64(0)
	note := func(n uint64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if b, err := read("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
				n, _ := strconv.ParseUint(f[1], 10, 53)
				note(n << 10)
			}
		}
	}
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if b, err := read(name); err == nil {
			n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64) // "max" is no number and no limit
			note(n)
		}
	}
	if least == 0 {
		return unknown
	}
	return least
}

// quiet is how long nobody signs in before memory goes back to the system.
const quiet = 3 * time.Second

// calm gives memory back after a wave of hashes. Argon2 takes 19 MiB anew each
// time, and the runtime keeps what a wave took until a collection minutes later.
type calm struct {
	mu    sync.Mutex
	timer *time.Timer
}

// stir notes that a hash was made.
func (c *calm) stir() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil {
		c.timer = time.AfterFunc(quiet, debug.FreeOSMemory)
		return
	}
	c.timer.Reset(quiet)
}
