package ledger

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Branch is a place where a ledger was restored from a backup. From there on it
// has an origin of its own: the old ledger may have gone on, or may still.
// Every checkpoint after it says so in an extension line, so that nobody needs
// the database to know:
//
//	branch KEPT KNOWN ROOT ORIGIN
//
// KEPT is how many events of the old ledger were kept, and so the index of the
// first event of the new branch, which says the same. KNOWN and ROOT are of the
// newest checkpoint of ORIGIN, the old ledger, that was known then.
type Branch struct {
	Origin string
	Kept   int64
	Known  int64
	Root   Hash
}

// Lost is how many events the old ledger had, for all that was known, that the
// new one has not.
func (b Branch) Lost() int64 { return max(0, b.Known-b.Kept) }

const branchWord = "branch "

// Line is the branch as an extension line.
func (b Branch) Line() string {
	return fmt.Sprintf("%s%d %d %s %s", branchWord, b.Kept, b.Known, base64.StdEncoding.EncodeToString(b.Root[:]), b.Origin)
}

// ParseBranch reads an extension line. ok is false for one that says something else.
func ParseBranch(line string) (b Branch, ok bool) {
	rest, ok := strings.CutPrefix(line, branchWord)
	words := strings.SplitN(rest, " ", 4)
	if !ok || len(words) != 4 {
		return Branch{}, false
	}
	var err1, err2, err3 error
	var root []byte
	b.Kept, err1 = strconv.ParseInt(words[0], 10, 64)
	b.Known, err2 = strconv.ParseInt(words[1], 10, 64)
	root, err3 = base64.StdEncoding.DecodeString(words[2])
	if err1 != nil || err2 != nil || err3 != nil || len(root) != hashSize || b.Kept < 0 || b.Known < 0 || words[3] == "" {
		return Branch{}, false
	}
	copy(b.Root[:], root)
	if b.Origin = words[3]; b.Line() != line {
		return Branch{}, false
	}
	return b, true
}

// Branches are the places where the ledger of a checkpoint was restored.
func (c Checkpoint) Branches() []Branch {
	var out []Branch
	for _, line := range c.Extensions {
		if b, ok := ParseBranch(line); ok {
			out = append(out, b)
		}
	}
	return out
}

// forked compares an older checkpoint with the branches that the ledger
// announces. It reports whether the ledger may end before the older checkpoint
// does, and what is wrong.
func forked(c Checkpoint, old Checkpoint) (shorter bool, problem string) {
	if old.Origin == c.Origin {
		return false, ""
	}
	for _, b := range c.Branches() {
		if b.Origin != old.Origin || old.Size <= b.Kept {
			continue
		}
		switch {
		case old.Size > b.Known:
			return true, fmt.Sprintf("the restore says that %s had %d events, and an older checkpoint says %d", b.Origin, b.Known, old.Size)
		case old.Size == b.Known && old.Root != b.Root:
			return true, fmt.Sprintf("the restore names another checkpoint of %s with %d events than the older one", b.Origin, b.Known)
		}
		return true, ""
	}
	for _, b := range c.Branches() {
		if b.Origin == old.Origin {
			return false, "" // it was kept whole, and so compared
		}
	}
	return false, fmt.Sprintf("the older checkpoint is of %s, and no restore from there is announced", old.Origin)
}
