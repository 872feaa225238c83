package fault

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Caught describes what recover returned for a log: what kind of thing it was,
// and which functions and lines it went through. It shows neither the value,
// which could quote anything, nor the arguments that a usual stack trace
// shows. Call it in the deferred function itself.
func Caught(caught any) (what, where string) {
	what = fmt.Sprintf("%T", caught)
	if err, ok := caught.(runtime.Error); ok {
		what = err.Error() // of the language: types and numbers only
	}
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.Function != "" {
			if b.Len() > 0 {
				b.WriteString(" < ")
			}
			fmt.Fprintf(&b, "%s %s:%d", filepath.Base(f.Function), filepath.Base(f.File), f.Line)
		}
		if !more || b.Len() > 1000 {
			return what, b.String()
		}
	}
}
