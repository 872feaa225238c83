package keyfile

import (
	"os"
	"syscall"
)

// Hold waits until no other program changes the file at path, and keeps them
// away until the returned function is called. The lock is on the file itself,
// which a change replaces: whoever waited for a file that is gone waits again,
// for the one that has its name.
func Hold(path string) (unlock func(), err error) {
	for {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			f.Close()
			return nil, err
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Stat(path); err == nil && os.SameFile(mine, there) {
				return func() { f.Close() }, nil
			}
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}
