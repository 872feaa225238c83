package ledger

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// An export is JSON Lines with one spelling: a line that is not byte for byte
// what this file writes is a bad line.
//
//	{"index":0,"leaf":"BASE64","leaf_hash":"BASE64"}   an event
//	{"index":1,"hash":"BASE64"}                        an emptied one: only its leaf hash is left
//	{"checkpoint":"NOTE"}                              the last line
//
// leaf_hash follows from leaf. It is there to name the place: the root alone
// says that something is wrong, but not where.

// MaxLine bounds a line of an export, in bytes.
const MaxLine = 128 << 10

// Line is one event of an export: its leaf, or only the hash of an emptied one.
type Line struct {
	Index   int64
	Leaf    []byte // nil when emptied
	Hash    Hash
	Emptied bool
}

// ErrExport means bytes that are no export.
var ErrExport = errors.New("ledger: not an export")

// ExportWriter writes an export.
type ExportWriter struct {
	w    *bufio.Writer
	buf  []byte
	next int64
	done bool
}

// NewExportWriter begins an export at index 0.
func NewExportWriter(w io.Writer) *ExportWriter {
	return &ExportWriter{w: bufio.NewWriterSize(w, 1<<16)}
}

// Leaf writes the next event.
func (x *ExportWriter) Leaf(leaf []byte) error {
	if len(leaf) == 0 {
		return ErrLeaf
	}
	h := LeafHash(leaf)
	b := strconv.AppendInt(append(x.buf[:0], indexPrefix...), x.next, 10)
	b = base64.StdEncoding.AppendEncode(append(b, leafPrefix...), leaf)
	b = base64.StdEncoding.AppendEncode(append(b, leafHashPrefix...), h[:])
	return x.line(append(b, lineEnd...))
}

// Emptied writes the next event, of which only the leaf hash is left.
func (x *ExportWriter) Emptied(h Hash) error {
	b := strconv.AppendInt(append(x.buf[:0], indexPrefix...), x.next, 10)
	b = base64.StdEncoding.AppendEncode(append(b, hashPrefix...), h[:])
	return x.line(append(b, lineEnd...))
}

func (x *ExportWriter) line(b []byte) error {
	if x.done {
		return errors.New("ledger: the export is closed")
	}
	if len(b) > MaxLine {
		return ErrLeaf
	}
	x.buf = b
	x.next++
	_, err := x.w.Write(b)
	return err
}

// Close ends the export with the signed note of its checkpoint.
func (x *ExportWriter) Close(signed string) error {
	if x.done {
		return errors.New("ledger: the export is closed")
	}
	x.done = true
	text, err := json.Marshal(signed)
	if err != nil {
		return err
	}
	x.w.WriteString(checkpointPrefix)
	x.w.Write(text)
	x.w.WriteString("}\n")
	return x.w.Flush()
}

const (
	indexPrefix      = `{"index":`
	leafPrefix       = `,"leaf":"`
	leafHashPrefix   = `","leaf_hash":"`
	hashPrefix       = `,"hash":"`
	lineEnd          = "\"}\n"
	checkpointPrefix = `{"checkpoint":`
)

// ReadExport gives each event of an export in order and returns the note of its
// last line. It checks form and order only; VerifyExport checks the rest.
func ReadExport(r io.Reader, each func(Line) error) (string, error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 1<<16), MaxLine)
	s.Split(scanWholeLines)
	var next int64
	for s.Scan() {
		if signed, ok := parseCheckpointLine(s.Bytes()); ok {
			if s.Scan() || s.Err() != nil {
				return "", fmt.Errorf("%w: lines after the checkpoint", ErrExport)
			}
			return signed, nil
		}
		line, _, err := parseLine(s.Bytes(), nil)
		if err != nil || line.Index != next {
			return "", fmt.Errorf("%w: line %d", ErrExport, next+1)
		}
		if err := each(line); err != nil {
			return "", err
		}
		next++
	}
	if err := s.Err(); err != nil {
		return "", fmt.Errorf("read export: %w", err)
	}
	return "", fmt.Errorf("%w: no checkpoint at its end", ErrExport)
}

// scanWholeLines splits after line feeds; a rest without one is a line too,
// and no good one.
func scanWholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

var errLine = errors.New("ledger: not a line of an export")

// errStated means a leaf that is not the one its line states the hash of.
var errStated = errors.New("ledger: leaf and leaf_hash differ")

// parseLine reads a line with its line feed. The leaf is decoded into buf when
// it fits; the possibly grown buf is returned for the next call. The index is
// given even when what follows is bad.
func parseLine(b, buf []byte) (Line, []byte, error) {
	line := Line{Index: -1}
	rest, ok := bytes.CutPrefix(b, []byte(indexPrefix))
	if !ok {
		return line, buf, errLine
	}
	index, rest, ok := parseIndex(rest)
	if !ok {
		return line, buf, errLine
	}
	line.Index = index
	if rest, ok = bytes.CutSuffix(rest, []byte(lineEnd)); !ok {
		return line, buf, errLine
	}
	if text, ok := bytes.CutPrefix(rest, []byte(hashPrefix)); ok {
		line.Emptied = true
		return line, buf, parseHash(&line.Hash, text)
	}
	rest, ok = bytes.CutPrefix(rest, []byte(leafPrefix))
	if !ok {
		return line, buf, errLine
	}
	// The stated hash has a fixed length at the end of the line.
	const tail = len(leafHashPrefix) + hashText
	if len(rest) <= tail || string(rest[len(rest)-tail:len(rest)-hashText]) != leafHashPrefix {
		return line, buf, errLine
	}
	text, stated := rest[:len(rest)-tail], rest[len(rest)-hashText:]
	if buf, ok = decodeStrict(buf[:0], text); !ok || len(buf) == 0 {
		return line, buf, errLine
	}
	line.Leaf, line.Hash = buf, LeafHash(buf)
	var want [hashText]byte
	base64.StdEncoding.Encode(want[:], line.Hash[:])
	if string(stated) != string(want[:]) {
		return line, buf, errStated
	}
	return line, buf, nil
}

// hashText is the length of a hash in base64.
const hashText = (hashSize + 2) / 3 * 4

func parseHash(h *Hash, text []byte) error {
	if len(text) != hashText {
		return errLine
	}
	var room [hashText / 4 * 3]byte
	raw, ok := decodeStrict(room[:0], text)
	if !ok || len(raw) != hashSize {
		return errLine
	}
	copy(h[:], raw)
	return nil
}

// decodeStrict decodes base64 in its one spelling: no spare bits, and none of
// the line breaks that the standard decoder would skip.
func decodeStrict(dst, text []byte) ([]byte, bool) {
	want := len(text) / 4 * 3
	if len(text)%4 != 0 {
		return dst, false
	}
	if bytes.HasSuffix(text, []byte("==")) {
		want -= 2
	} else if bytes.HasSuffix(text, []byte("=")) {
		want--
	}
	before := len(dst)
	dst, err := strictBase64.AppendDecode(dst, text)
	return dst, err == nil && len(dst)-before == want
}

var strictBase64 = base64.StdEncoding.Strict()

// parseIndex reads a decimal number without leading zeros.
func parseIndex(b []byte) (int64, []byte, bool) {
	var n int64
	i := 0
	for i < len(b) && i < 18 && b[i] >= '0' && b[i] <= '9' {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == 0 || (i > 1 && b[0] == '0') {
		return 0, nil, false
	}
	return n, b[i:], true
}

// parseCheckpointLine reads the last line of an export.
func parseCheckpointLine(b []byte) (string, bool) {
	text, ok := bytes.CutPrefix(b, []byte(checkpointPrefix))
	if !ok {
		return "", false
	}
	text, ok = bytes.CutSuffix(text, []byte("}\n"))
	if !ok {
		return "", false
	}
	var signed string
	if json.Unmarshal(text, &signed) != nil {
		return "", false
	}
	if again, err := json.Marshal(signed); err != nil || !bytes.Equal(again, text) {
		return "", false
	}
	return signed, true
}
