package backup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// Identity opens parts that were sealed to it.
type Identity = age.Identity

// Pair is the shop's own identities: parts of one kind open with one of them,
// and not with the other.
type Pair struct{ data, keys *age.X25519Identity }

// pairHead explains the file to whoever finds it.
const pairHead = `# Opens this shop's backups. The first identity is for data parts, the second for key parts.
# Keep a copy elsewhere: without it, and without another recipient, no backup opens.
`

// OpenPair reads the shop's identities from their file, or makes them.
func OpenPair(path string) (*Pair, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return newPair(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read backup identities: %w", err)
	}
	defer clear(text)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read %s; run: chmod 600 '%s'", path, path)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil || len(ids) != 2 {
		return nil, fmt.Errorf("%s does not hold two age identities", path)
	}
	data, ok1 := ids[0].(*age.X25519Identity)
	keys, ok2 := ids[1].(*age.X25519Identity)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("%s does not hold two age identities", path)
	}
	return &Pair{data, keys}, nil
}

func newPair(path string) (*Pair, error) {
	data, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	keys, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	out, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("write backup identities: %w", err)
	}
	defer os.Remove(out.Name())
	_, err = fmt.Fprintf(out, "%s%s\n%s\n", pairHead, data, keys)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Link(out.Name(), path) // fails where another has made one meanwhile
	}
	if errors.Is(err, os.ErrExist) {
		return OpenPair(path)
	}
	if err != nil {
		return nil, fmt.Errorf("write backup identities: %w", err)
	}
	return &Pair{data, keys}, nil
}

// recipients are who a part of a kind is sealed to.
func (p *Pair) recipients(part string, more []age.Recipient) []age.Recipient {
	own := p.data
	if part == Keys {
		own = p.keys
	}
	return append([]age.Recipient{own.Recipient()}, more...)
}

// Identities gives both.
func (p *Pair) Identities() []age.Identity { return []age.Identity{p.data, p.keys} }

// ParseRecipients reads recipients, "age1…" each.
func ParseRecipients(words []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, w := range words {
		list, err := age.ParseRecipients(strings.NewReader(w))
		if err != nil {
			return nil, fmt.Errorf("recipient: not an age recipient (age1…)")
		}
		out = append(out, list...)
	}
	return out, nil
}

// ReadIdentities reads a file of age identities.
func ReadIdentities(path string) ([]age.Identity, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	defer clear(text)
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("identity: %s holds no age identity", path)
	}
	return ids, nil
}
