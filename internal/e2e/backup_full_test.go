package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cartkeep/cartkeep/internal/shoptest"
)

// onSmallDisk restores onto a disk of so many kibibytes, which is a namespace's own,
// tells what is left there, makes the disk larger and tries once more.
const onSmallDisk = `
set -e
mount -t tmpfs -o mode=700,size="$1"k tmpfs "$2"
shift
disk=$1 file=$2 program=$3
if "$program" backup restore "$file" --into "$disk/fresh"; then echo "IT HAD ROOM"; else echo "REFUSED"; fi
echo "LEFT $(ls -A "$disk" | tr '\n' ' ')"
mount -o remount,size=200m "$disk"
rm -rf "$disk/fresh"
"$program" backup restore "$file" --into "$disk/fresh"
unset CARTKEEP_KEY_FILE
"$program" ledger verify --data "$disk/fresh"
`

// TestAFullDiskLeavesNoRestoredShop fills the disk at many places of a restore.
// There is no shop and no key file then, the message says what is wrong, and with
// room the same command works.
func TestAFullDiskLeavesNoRestoredShop(t *testing.T) {
	if out, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err != nil {
		t.Skipf("no small disk can be made here: %v %s", err, out)
	}
	h := newHome(t, "")
	s := h.start(t)
	s.cmd.Process.Kill()
	<-s.exited
	base := filepath.Dir(h.dir)
	disk, keys := filepath.Join(base, "disk"), filepath.Join(base, ".config", "cartkeep", "*.key")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	file, _ := h.timed(t, "backup", "create", "--to", filepath.Join(base, "copies"))
	h.must(t, "backup", "restore", file, "--into", filepath.Join(base, "whole"))
	info, err := os.Stat(filepath.Join(base, "whole", "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	before := len(found(t, keys))
	points, full := shoptest.Tenth(50), 0
	for i := range points {
		room := 16 + int(info.Size()>>10)*i/points
		c := h.command(t)
		c.Args = []string{"unshare", "-rm", "sh", "-c", onSmallDisk, "small", strconv.Itoa(room), disk, file, c.Path}
		if c.Path, err = exec.LookPath("unshare"); err != nil {
			t.Fatal(err)
		}
		text, err := c.CombinedOutput()
		out := string(text)
		if err != nil {
			t.Fatalf("%d KiB: %v\n%s", room, err, out)
		}
		if strings.Contains(out, "REFUSED\n") {
			full++
			said, _, _ := strings.Cut(out, "REFUSED\n")
			told := strings.Contains(said, "disk is full") || strings.Contains(said, "no space left") || strings.Contains(said, "disk I/O error")
			if !told || !strings.Contains(out, "REFUSED\nLEFT \n") {
				t.Errorf("%d KiB: got\n%s\nwant nothing left, and a word of the disk", room, out)
			}
		}
		if !strings.Contains(out, "\nok ") {
			t.Errorf("%d KiB: got\n%s\nwant a ledger that verifies once there is room", room, out)
		}
		// One for the shop that came to be at last, and went with its disk; two where
		// the small one had room.
		now := found(t, keys)
		if len(now)-before > 2 || strings.Contains(out, "REFUSED\n") && len(now)-before != 1 {
			t.Errorf("%d KiB: got %d new key files", room, len(now)-before)
		}
		before = len(now)
	}
	if full == 0 {
		t.Error("the disk was never full")
	}
	t.Logf("%d restores, %d on a disk that was full", points, full)
}
