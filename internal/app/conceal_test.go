package app

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestACrashWritesNoMemoryToAFile(t *testing.T) {
	conceal()
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		t.Errorf("core files of %d bytes, %v", core.Max, err)
	}
	if on, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || on != 0 {
		t.Errorf("others of this user may look into our memory: %d, %v", on, err)
	}
}
