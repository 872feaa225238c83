package keystore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cartkeep/cartkeep/internal/seal"
	"github.com/cartkeep/cartkeep/internal/seal/keyfile"
)

const (
	firstLine = "cartkeep wrapped keys v1"
	hints     = "# This file holds the keys of a Cartkeep shop, wrapped by the provider below: alone it opens nothing.\n" +
		"# Without it, or without the provider's keys, nobody can read what the shop's customers entrusted to it. Do not edit it.\n"
	timeForm  = "2006-01-02T15:04:05.000Z"
	maxFile   = 1 << 20
	maxEpochs = 4096
)

// document is the content of the file.
type document struct {
	shop, provider string
	lines          []line
}

type line struct {
	id      seal.EpochID
	created time.Time
	wrapped []byte
}

func (d document) text() []byte {
	b := fmt.Appendf(nil, "%s\n%sshop: %s\nprovider: %s\n", firstLine, hints, d.shop, d.provider)
	for _, l := range d.lines {
		start := len(b)
		b = fmt.Appendf(b, "epoch: %d %s %s", l.id, l.created.Format(timeForm), base64.StdEncoding.EncodeToString(l.wrapped))
		sum := sha256.Sum256(append([]byte(d.shop+"\n"), b[start:]...))
		b = fmt.Appendf(b, " %x\n", sum[:4])
	}
	return fmt.Appendf(b, "check: %x\n", sha256.Sum256(b))
}

// Provider tells which kind of provider has wrapped the keys in a file: "vault" or
// "plugin"; "" for a key file, whose keys nobody has wrapped.
func Provider(path string) (string, error) {
	name, err := named(path)
	word, _, _ := strings.Cut(name, " ")
	return word, err
}

// named is Provider with the whole of the provider's name.
func named(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("open key file: %w", err)
	}
	defer clear(text)
	if !bytes.HasPrefix(text, []byte(firstLine+"\n")) {
		return "", nil
	}
	d, err := parse(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return d.provider, nil
}

// parse reads what text wrote and nothing else.
func parse(text []byte) (document, error) {
	var d document
	lines := strings.Split(string(text), "\n")
	if len(text) > maxFile || len(lines) < 7 || lines[0] != firstLine {
		return d, fmt.Errorf("%w: it is cut off or no such file", ErrDamaged)
	}
	var shop, provider bool
	d.shop, shop = strings.CutPrefix(lines[3], "shop: ")
	d.provider, provider = strings.CutPrefix(lines[4], "provider: ")
	if !shop || !provider {
		return d, fmt.Errorf("%w: line 4 or 5 names no shop or no provider", ErrDamaged)
	}
	for i, text := range lines[5 : len(lines)-2] {
		l, err := parseLine(text)
		if err != nil || i >= maxEpochs || i > 0 && d.lines[i-1].id >= l.id {
			return d, fmt.Errorf("%w: line %d is no epoch", ErrDamaged, i+6)
		}
		d.lines = append(d.lines, l)
		one := document{shop: d.shop, lines: []line{l}}.text()
		if !bytes.Contains(one, []byte("\n"+text+"\n")) {
			return d, fmt.Errorf("%w: line %d: epoch %d does not match its check", ErrDamaged, i+6, l.id)
		}
	}
	if !bytes.Equal(d.text(), text) {
		return d, fmt.Errorf("%w: the check at its end does not match what stands above it", ErrDamaged)
	}
	return d, nil
}

func parseLine(text string) (line, error) {
	rest, ok := strings.CutPrefix(text, "epoch: ")
	parts := strings.Split(rest, " ")
	if !ok || len(parts) != 4 {
		return line{}, ErrDamaged
	}
	id, err := strconv.ParseUint(parts[0], 10, 32)
	if err != nil || id == 0 {
		return line{}, ErrDamaged
	}
	created, err := time.Parse(timeForm, parts[1])
	if err != nil {
		return line{}, ErrDamaged
	}
	wrapped, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(wrapped) == 0 {
		return line{}, ErrDamaged
	}
	return line{seal.EpochID(id), created, wrapped}, nil
}

// read reads the file and checks whose it is.
func (s *Store) read() (document, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return document{}, fmt.Errorf("open wrapped keys: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return document{}, fmt.Errorf("open wrapped keys: %w", err)
	}
	d, err := parse(text)
	switch {
	case err != nil:
		return d, fmt.Errorf("%s: %w", s.path, err)
	case d.shop != s.shop:
		return d, fmt.Errorf("%s: %w", s.path, ErrShop)
	case d.provider != s.with.Name():
		return d, fmt.Errorf("%s: %w: it says %q, the settings say %q", s.path, ErrProvider, d.provider, s.with.Name())
	}
	return d, nil
}

func hold(path string) (func(), error) {
	unlock, err := keyfile.Hold(path)
	if err != nil {
		return nil, fmt.Errorf("lock wrapped keys: %w", err)
	}
	return unlock, nil
}

func replace(path string, text []byte) error {
	if err := keyfile.Put(path, text); err != nil {
		return fmt.Errorf("write wrapped keys: %w", err)
	}
	return nil
}
