package erasure

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// A journal file is text, a line each:
//
//	cartkeep erasures 1
//	NUMBER DOSSIER TIME          Unix milliseconds
//	head NOTE                    base64 of the signed head, after every batch
//
// Lines after the last head that is whole are of a batch that was cut short, and
// count as not there. Links are not written: they follow from the lines.
const (
	firstLine = "cartkeep erasures 1"
	headWord  = "head "
	maxLine   = 4 << 10
)

// Read reads a journal file and calls each with every entry that a head covers.
// It returns the last of them, and how many bytes they and their head take. The
// head must be signed by one of the keys.
func Read(r io.Reader, keys []string, each func(Entry) error) (last Entry, size int64, err error) {
	in := bufio.NewReaderSize(r, maxLine)
	line, err := readLine(in)
	if errors.Is(err, io.EOF) && line == "" || err == nil && line != firstLine+"\n" {
		return last, 0, fmt.Errorf("%w: line 1 is not %q", ErrDamaged, firstLine)
	}
	at, note := int64(len(line)), ""
	size = at
	var e Entry
	var batch []Entry
	for n := 2; err == nil; n++ {
		if line, err = readLine(in); err != nil {
			break // the end, or a line that was cut short
		}
		at += int64(len(line))
		if head, ok := strings.CutPrefix(line, headWord); ok {
			b, bad := base64.StdEncoding.DecodeString(strings.TrimSuffix(head, "\n"))
			if bad != nil {
				return last, size, fmt.Errorf("%w: line %d", ErrDamaged, n)
			}
			for _, one := range batch {
				if err := each(one); err != nil {
					return last, size, err
				}
			}
			batch, note, last, size = batch[:0], string(b), e, at
			continue
		}
		next, bad := parseEntry(line, e)
		if bad != nil {
			return last, size, fmt.Errorf("line %d: %w", n, bad)
		}
		e = next
		batch = append(batch, e)
	}
	if !errors.Is(err, io.EOF) {
		return last, size, err
	}
	if note == "" {
		return last, size, nil
	}
	return last, size, last.Signed(note, keys...)
}

// readLine reads a line with its end. What is longer than any line is damage.
func readLine(in *bufio.Reader) (string, error) {
	b, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("%w: a line is too long", ErrDamaged)
	}
	return string(b), err
}

func parseEntry(line string, before Entry) (Entry, error) {
	words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(words) != 3 || words[1] == "" || len(words[1]) > maxID {
		return Entry{}, ErrDamaged
	}
	ms, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return Entry{}, ErrDamaged
	}
	e := before.Next(words[1], time.UnixMilli(ms))
	if line != entryLine(e) {
		return Entry{}, ErrDamaged
	}
	return e, nil
}

func entryLine(e Entry) string {
	return fmt.Sprintf("%d %s %d\n", e.Number, e.Dossier, e.At.UnixMilli())
}

// File is the copy of the journal beside the key file. It outlives a database
// that is put back from an older copy, and every start compares the two.
type File struct {
	path string
	keys []string // whose heads count
	last Entry
	size int64
}

// Open opens the file, or one that is yet to be made, and calls each with every
// entry in it. keys are those whose signature on it counts.
func Open(path string, keys []string, each func(Entry) error) (*File, error) {
	f := &File{path: path, keys: keys}
	in, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("erasure journal: %w", err)
	}
	defer in.Close()
	if f.last, f.size, err = Read(in, keys, each); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Last is the newest entry that the file holds.
func (f *File) Last() Entry { return f.last }

// Append adds entries that follow the last one, and their signed head, and
// waits until they are on the disk. Cut short, it leaves what was there before.
func (f *File) Append(entries []Entry, s *ledger.Signer) error {
	if len(entries) == 0 {
		return nil
	}
	var b bytes.Buffer
	if f.size == 0 {
		b.WriteString(firstLine + "\n")
	}
	e := f.last
	for _, n := range entries {
		if err := e.Follows(n); err != nil {
			return err
		}
		b.WriteString(entryLine(n))
		e = n
	}
	note, err := e.Sign(s)
	if err != nil {
		return err
	}
	b.WriteString(headWord + base64.StdEncoding.EncodeToString([]byte(note)) + "\n")
	if err := f.write(b.Bytes()); err != nil {
		return fmt.Errorf("erasure journal: %w", err)
	}
	f.last, f.size = e, f.size+int64(b.Len())
	return nil
}

func (f *File) write(b []byte) (err error) {
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Truncate(f.size); err != nil { // what an earlier try has left
		return err
	}
	if _, err := out.WriteAt(b, f.size); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	if f.size > 0 {
		return nil
	}
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Restart throws the file's entries away, so that it can be written anew. What
// it held must be in the database by then.
func (f *File) Restart() error {
	if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("erasure journal: %w", err)
	}
	f.last, f.size = Entry{}, 0
	return nil
}
