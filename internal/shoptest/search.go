package shoptest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

// Spellings returns the bytes a text could lie as in a file, by the name of
// the spelling: as it is, in lower and upper case, as UTF-16 of both orders,
// in base64 at each of the three alignments, and in hex.
func Spellings(text string) map[string][]byte {
	out := map[string][]byte{}
	for name, s := range map[string]string{"": text, " in lower case": strings.ToLower(text), " in upper case": strings.ToUpper(text)} {
		out["text"+name] = []byte(s)
		out["hex"+name] = []byte(hex.EncodeToString([]byte(s)))
		out["HEX"+name] = bytes.ToUpper([]byte(hex.EncodeToString([]byte(s))))
		var le, be []byte
		for _, u := range utf16.Encode([]rune(s)) {
			le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
		}
		out["UTF-16LE"+name], out["UTF-16BE"+name] = le, be
		for k := range 3 {
			for alphabet, e := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
				all := e.EncodeToString(append(make([]byte, k), s...))
				// The letters at the ends depend on what stands before and after.
				out[fmt.Sprintf("%s at %d%s", alphabet, k, name)] = []byte(all[(8*k+5)/6 : 8*(k+len(s))/6])
			}
		}
	}
	return out
}

// Search looks for texts, in all their spellings, in files. It returns what it
// found, and how many bytes it read.
func Search(t testing.TB, files []string, texts ...string) (found []string, read int64) {
	t.Helper()
	wanted := newNeedles(texts)
	var mu sync.Mutex
	var group sync.WaitGroup
	queue := make(chan string)
	for range 2 {
		group.Go(func() {
			for path := range queue {
				data, err := os.ReadFile(path)
				hits := wanted.in(data)
				mu.Lock()
				if err != nil && !os.IsNotExist(err) {
					t.Error(err)
				}
				for _, hit := range hits {
					found = append(found, hit+" in "+path)
				}
				read += int64(len(data))
				mu.Unlock()
			}
		})
	}
	for _, path := range files {
		queue <- path
	}
	close(queue)
	group.Wait()
	sort.Strings(found)
	return found, read
}

// needles are all spellings of what is searched, by their first two bytes, so
// that one pass over a file looks for all of them.
type needles struct {
	begins [1 << 16]bool
	list   map[uint16][]needle
}

type needle struct {
	bytes []byte
	name  string
}

func newNeedles(texts []string) *needles {
	n := &needles{list: map[uint16][]needle{}}
	seen := map[string]bool{}
	for _, text := range texts {
		for spelling, b := range Spellings(text) {
			if seen[string(b)] {
				continue
			}
			seen[string(b)] = true
			head := binary.BigEndian.Uint16(b)
			n.begins[head] = true
			n.list[head] = append(n.list[head], needle{b, fmt.Sprintf("%q as %s", text, spelling)})
		}
	}
	return n
}

func (n *needles) in(data []byte) (hits []string) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(data); i++ {
		head := uint16(data[i])<<8 | uint16(data[i+1])
		if !n.begins[head] {
			continue
		}
		for _, c := range n.list[head] {
			if !seen[c.name] && bytes.HasPrefix(data[i:], c.bytes) {
				seen[c.name] = true
				hits = append(hits, c.name)
			}
		}
	}
	return hits
}
