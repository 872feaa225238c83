package keylife

import (
	"runtime/debug"
	"testing"
)

// percent reads what is set.
func percent() int {
	was := debug.SetGCPercent(100)
	debug.SetGCPercent(was)
	return was
}

// TestTheHeapIsRoomyDuringPassesAlone: two passes overlap, and what was set before them
// is set after both; whoever gave the heap more room keeps it.
func TestTheHeapIsRoomyDuringPassesAlone(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, row := range []struct{ set, during int }{{100, roomyPercent}, {50, roomyPercent}, {800, 800}, {-1, -1}} {
		debug.SetGCPercent(row.set)
		first, second := roomy(), roomy()
		first()
		if got := percent(); got != row.during {
			t.Errorf("set to %d: during a pass it is %d, want %d", row.set, got, row.during)
		}
		second()
		if got := percent(); got != row.set {
			t.Errorf("set to %d: after the passes it is %d", row.set, got)
		}
	}
}
