package password

import (
	"runtime"
	"syscall"
)

// niceness is how far behind everything else hashing stands in line for the
// processor: a flood of sign-ins takes what serving leaves over.
const niceness = 10

// aside carries fn out on a thread of its own that lets others go first. The
// thread ends with it, since only the mighty may make one less nice again.
// Where the system refuses, fn runs as everything does.
func aside(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and no unlocking: the thread ends with this function
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
		fn()
	}()
	<-done
}
