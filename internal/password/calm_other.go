//go:build !linux

package password

// aside carries fn out as everything is: threads have no niceness of their own here.
func aside(fn func()) { fn() }
