package backup

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/cartkeep/cartkeep/internal/ledger"
)

// A manifest is a signed note like a checkpoint of the ledger, under the same key
// and an origin of its own: its size is the number of rows, its root the SHA-256
// of every frame before it, and its one extension line says the rest.
const manifestWord = "manifest "

// sign ends a part with what is in it.
func (p *partWriter) sign(s *ledger.Signer, m Manifest) error {
	if err := p.flush(); err != nil {
		return err
	}
	m.Rows = p.rows
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	note, err := s.Sign(p.total, p.digest(), manifestWord+string(text))
	if err != nil {
		return fmt.Errorf("sign the manifest: %w", err)
	}
	return p.close(note)
}

// verify checks that the shop's key signed what was read.
func (p *part) verify(vkey string) (Manifest, error) {
	c, err := ledger.OpenCheckpoint(p.note, vkey)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: its manifest is not signed by the shop that it is said to be of: %w", p.name, err)
	}
	var sum [32]byte
	p.sum.Sum(sum[:0])
	var m Manifest
	if c.Root != sum || c.Size != p.total || len(c.Extensions) != 1 {
		return m, fmt.Errorf("%s: %w: it is not what its manifest was signed for", p.name, ErrDamaged)
	}
	text, ok := strings.CutPrefix(c.Extensions[0], manifestWord)
	if !ok || json.Unmarshal([]byte(text), &m) != nil || !maps.Equal(m.Rows, p.rows) {
		return m, fmt.Errorf("%s: %w: its manifest does not read", p.name, ErrDamaged)
	}
	return m, nil
}
