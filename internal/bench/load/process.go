package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the unit of the times in /proc, which Linux fixes for all programs.
const ticks = time.Second / 100

var errProc = errors.New("the process table is not as expected")

// OwnTime returns the processor time of this process so far.
func OwnTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// stat reads the fields of /proc/PID/stat after the name of the program, which
// may itself hold blanks and brackets.
func stat(pid int) ([]string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(content, ')')
	fields := strings.Fields(string(content[end+1:]))
	if end < 0 || len(fields) < 15 {
		return nil, errProc
	}
	return fields, nil
}

// ProcessTime returns the processor time of another process so far, without
// that of its children.
func ProcessTime(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return sum(fields[11:13])
}

// TreeTime returns the processor time of a process and all that descend from
// it, ended ones included when they were waited for. PostgreSQL serves each
// connection by a process of its own.
func TreeTime(pid int) (time.Duration, error) {
	children := make(map[int][]int)
	spent := make(map[int]time.Duration)
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		id, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			continue
		}
		fields, err := stat(id)
		if err != nil {
			continue // it ended meanwhile
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return 0, errProc
		}
		children[parent] = append(children[parent], id)
		if spent[id], err = sum(fields[11:15]); err != nil {
			return 0, err
		}
	}
	if _, there := spent[pid]; !there {
		return 0, os.ErrProcessDone
	}
	var total time.Duration
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		total += spent[queue[0]]
		queue = append(queue, children[queue[0]]...)
	}
	return total, nil
}

func sum(fields []string) (time.Duration, error) {
	var total time.Duration
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, errProc
		}
		total += time.Duration(n) * ticks
	}
	return total, nil
}

// Resident returns the memory that a process keeps in RAM, in bytes.
func Resident(pid int) (int64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0, errProc
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
