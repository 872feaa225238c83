package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint says how long the ledger is and what is in it, at one moment:
// the text of C2SP tlog-checkpoint.
//
//	origin line
//	size, decimal
//	root hash, base64
//	extension lines, if any
type Checkpoint struct {
	Origin     string
	Size       int64
	Root       Hash
	Extensions []string
}

// Errors of checkpoints.
var (
	// ErrCheckpoint means a text that is no checkpoint.
	ErrCheckpoint = errors.New("ledger: not a checkpoint")
	// ErrSignature means a note that no known key has signed, or a changed one.
	ErrSignature = errors.New("ledger: checkpoint is not signed by a known key")
)

// MaxNote bounds a checkpoint with its signatures, in bytes.
const MaxNote = 64 << 10

// Text is the checkpoint as it is signed.
func (c Checkpoint) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
	for _, line := range c.Extensions {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// ParseCheckpoint reads the text of a checkpoint, without signatures. It takes
// one spelling only: what parses is written back the same.
func ParseCheckpoint(text string) (Checkpoint, error) {
	if len(text) > MaxNote || !strings.HasSuffix(text, "\n") {
		return Checkpoint{}, ErrCheckpoint
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 {
		return Checkpoint{}, ErrCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size > maxTree {
		return Checkpoint{}, ErrCheckpoint
	}
	c := Checkpoint{Origin: lines[0], Size: size}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != hashSize {
		return Checkpoint{}, ErrCheckpoint
	}
	copy(c.Root[:], root)
	if len(lines) > 3 {
		c.Extensions = lines[3:]
	}
	if c.check() != nil || c.Text() != text {
		return Checkpoint{}, ErrCheckpoint
	}
	return c, nil
}

func (c Checkpoint) check() error {
	if c.Size < 0 || c.Size > maxTree || c.Origin == "" {
		return ErrCheckpoint
	}
	for _, line := range append([]string{c.Origin}, c.Extensions...) {
		if line == "" || strings.ContainsAny(line, "\r\n") {
			return ErrCheckpoint
		}
	}
	return nil
}

// Signer signs checkpoints of one origin with Ed25519. It prints as [key].
type Signer struct {
	origin string
	vkey   string
	hash   uint32
	key    *ed25519.PrivateKey
}

// NewSigner makes a signer from the ledger's 32-byte seed. The origin is a URL
// without scheme, such as "shop.example/ledger"; it names the key too, so it
// holds neither spaces nor a plus sign.
func NewSigner(origin string, seed []byte) (*Signer, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("ledger: a signing seed has 32 bytes")
	}
	key := ed25519.NewKeyFromSeed(seed)
	vkey, err := note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("ledger signer: %w", err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("ledger signer: origin cannot name a key: %w", err)
	}
	return &Signer{origin: origin, vkey: vkey, hash: v.KeyHash(), key: &key}, nil
}

// Origin is the first line of every checkpoint signed here.
func (s *Signer) Origin() string { return s.origin }

// VerifierKey is the public key as signed-note tools read it.
func (s *Signer) VerifierKey() string { return s.vkey }

// Sign gives the signed note of a checkpoint of this size and root. Extension
// lines are optional; each is one line of text.
func (s *Signer) Sign(size int64, root Hash, extensions ...string) (string, error) {
	c := Checkpoint{Origin: s.origin, Size: size, Root: root, Extensions: extensions}
	if err := c.check(); err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, noteSigner{s})
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	return string(signed), nil
}

// String hides the key.
func (s *Signer) String() string { return "[key]" }

// GoString hides the key from %#v.
func (s *Signer) GoString() string { return "[key]" }

// Format hides the key from every verb.
func (s *Signer) Format(f fmt.State, _ rune) { io.WriteString(f, "[key]") }

// LogValue hides the key from slog.
func (s *Signer) LogValue() slog.Value { return slog.StringValue("[key]") }

// noteSigner is note.Signer, kept off the exported type so that only whole
// checkpoints get signed.
type noteSigner struct{ s *Signer }

func (n noteSigner) Name() string                    { return n.s.origin }
func (n noteSigner) KeyHash() uint32                 { return n.s.hash }
func (n noteSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(*n.s.key, msg), nil }

// OpenCheckpoint checks that one of the keys signed the note and that the note
// is of that key's origin. Further signatures, of witnesses, are allowed.
func OpenCheckpoint(signed string, verifierKeys ...string) (Checkpoint, error) {
	if len(signed) > MaxNote {
		return Checkpoint{}, ErrCheckpoint
	}
	known := make([]note.Verifier, 0, len(verifierKeys))
	for _, vkey := range verifierKeys {
		v, err := note.NewVerifier(strings.TrimSpace(vkey))
		if err != nil {
			return Checkpoint{}, fmt.Errorf("ledger verifier key: %w", err)
		}
		known = append(known, v)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(known...))
	if err != nil {
		return Checkpoint{}, ErrSignature
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	byOrigin := false
	for _, sig := range n.Sigs {
		// Base64 leaves spare bits in the last letter: one spelling only.
		raw, err := base64.StdEncoding.Strict().DecodeString(sig.Base64)
		if err != nil || len(raw) < 4 || binary.BigEndian.Uint32(raw) != sig.Hash {
			return Checkpoint{}, ErrSignature
		}
		byOrigin = byOrigin || sig.Name == c.Origin
	}
	if !byOrigin {
		return Checkpoint{}, ErrSignature
	}
	return c, nil
}
