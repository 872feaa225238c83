package locked

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mapped reads what the system says of the pages that a key lies in.
func mapped(t *testing.T, k *[Size]byte) map[string]string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var at, from, to uint64
	if _, err := fmt.Sscanf(fmt.Sprintf("%p", k), "0x%x", &at); err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if word, _, _ := strings.Cut(line, " "); !strings.HasSuffix(word, ":") {
			if _, err := fmt.Sscanf(word, "%x-%x", &from, &to); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			continue
		}
		if from <= at && at < to {
			what, value, _ := strings.Cut(line, ":")
			said[what] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil || len(said) == 0 {
		t.Fatalf("no pages at %#x: %v", at, err)
	}
	return said
}

func TestKeysLieInLockedPages(t *testing.T) {
	var r Room
	var taken []*[Size]byte
	for range 3 * os.Getpagesize() / Size { // three pages of them
		k := r.Take()
		if *k != [Size]byte{} || slices.Contains(taken, k) {
			t.Fatal("a place is in use already")
		}
		k[0] = 1
		taken = append(taken, k)
	}
	if err := r.Fault(); err != nil {
		t.Fatalf("this system does not let us: %v", err)
	}
	for _, k := range []*[Size]byte{taken[0], taken[len(taken)-1]} {
		said := mapped(t, k)
		if said["Locked"] == "0 kB" || said["Locked"] == "" {
			t.Errorf("locked: %q", said["Locked"])
		}
		if flags := strings.Fields(said["VmFlags"]); !slices.Contains(flags, "lo") || !slices.Contains(flags, "dd") {
			t.Errorf("got flags %v, want lo (locked) and dd (not in a core file)", flags)
		}
	}
	for _, k := range taken {
		r.Give(k)
		if *k != [Size]byte{} {
			t.Fatal("a key is still there")
		}
	}
	before := len(r.free)
	r.Give(r.Take())
	if len(r.free) != before {
		t.Error("a place is not used again")
	}
	runtime.KeepAlive(&r)
}

func TestWhereNothingMayBeLockedItSaysSo(t *testing.T) {
	r := Room{lock: func([]byte) error { return unix.ENOMEM }}
	k := r.Take()
	k[0] = 1
	if err := r.Fault(); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("got %v", err)
	}
	r.Give(k)
	if *k != [Size]byte{} {
		t.Error("a key is still there")
	}
}
