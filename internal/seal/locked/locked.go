// Package locked keeps the few keys that live as long as the program in memory
// of their own: pages that the system never writes to the swap space or to a core
// file, outside the heap that the garbage collector copies and forgets about.
//
// It knows pages. It does not know what the keys are for. Where the system does
// not let us lock, the keys are kept all the same, and [Room.Fault] says so.
package locked

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Size is the length of a key in bytes.
const Size = 32

// Room holds keys. Its zero value is an empty one. It is safe for concurrent use.
// Its pages go back to the system when nothing refers to it any more, so whoever
// uses a key of it keeps it.
type Room struct {
	mu    sync.Mutex
	free  []*[Size]byte
	fault error
	lock  func([]byte) error // unix.Mlock where it is nil
}

// Take gives room for one key, all zeros.
func (r *Room) Take() *[Size]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free) == 0 {
		r.grow()
	}
	k := r.free[len(r.free)-1]
	r.free = r.free[:len(r.free)-1]
	return k
}

// Give zeroes a key, and takes its room back.
func (r *Room) Give(k *[Size]byte) {
	clear(k[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free = append(r.free, k)
}

// Fault says why keys are in memory that may be written to a disk; nil when they
// are not.
func (r *Room) Fault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// grow adds a page.
func (r *Room) grow() {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		r.fault = fmt.Errorf("memory of their own: %w", err)
		r.free = append(r.free, new([Size]byte))
		return
	}
	runtime.AddCleanup(r, func(page []byte) { unix.Munmap(page) }, page)
	lock := r.lock
	if lock == nil {
		lock = unix.Mlock
	}
	if err := lock(page); err != nil {
		r.fault = fmt.Errorf("lock their memory: %w", err)
	}
	// A system that knows no such advice writes core files as it likes; ours are
	// switched off for the whole program too.
	unix.Madvise(page, unix.MADV_DONTDUMP)
	for at := 0; at+Size <= len(page); at += Size {
		r.free = append(r.free, (*[Size]byte)(page[at:at+Size]))
	}
}
