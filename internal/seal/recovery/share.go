package recovery

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"
)

// A share is a text, so that its keeper can print it:
//
//	cartkeep recovery share v1
//	# two sentences for people
//	set: 16-HEX of the recipient
//	share: 1 of 3, 2 needed
//	value: BASE64 of 32 bytes for each 31 of the identity
//	check: SHA-256-HEX of everything above
//
// The identity is split in pieces of 31 bytes, each the secret of a Shamir sharing
// over the scalars of ristretto255 (RFC 9496), whose arithmetic takes the same
// time for every secret.

// Errors of shares.
var (
	// ErrShare means a text that is no share, or was changed.
	ErrShare = errors.New("the share is damaged")
	// ErrSet means shares that were not made together.
	ErrSet = errors.New("the share belongs to another set")
	// ErrFew means fewer shares than are needed.
	ErrFew = errors.New("there are too few shares")
)

const (
	shareHead = "cartkeep recovery share v1"
	shareHint = "# With enough shares of the same set the recovery file of a Cartkeep shop is opened. One alone opens and tells nothing.\n" +
		"# Keep it where the other shares are not, and tell the owner of the shop when it is lost.\n"
	piece      = 31
	scalarSize = 32
	// MaxShares bounds how many people an identity is split among.
	MaxShares = 16
	maxShare  = 4096 // bytes of a share that are looked at
)

var scalars = group.Ristretto255

// Split makes an identity that nobody keeps, and splits it into total shares of
// which needed together give it back. It returns the recipient to register.
func Split(needed, total int) (recipient string, shares [][]byte, err error) {
	if needed < 2 || total < needed || total > MaxShares {
		return "", nil, fmt.Errorf("two to %d shares, of which at least two are needed", MaxShares)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", nil, fmt.Errorf("make an identity: %w", err)
	}
	secret := []byte(id.String())
	defer clear(secret)
	values := make([][]byte, total)
	for from := 0; from < len(secret); from += piece {
		parts, err := splitPiece(secret[from:min(from+piece, len(secret))], needed, total)
		if err != nil {
			return "", nil, err
		}
		for i := range values {
			values[i] = append(values[i], parts[i]...)
		}
	}
	recipient = id.Recipient().String()
	for i, v := range values {
		shares = append(shares, share{set: setOf(recipient), number: i + 1, total: total, needed: needed, value: v}.text())
		clear(v)
	}
	return recipient, shares, nil
}

func splitPiece(secret []byte, needed, total int) ([][]byte, error) {
	var room [scalarSize]byte
	defer clear(room[:])
	copy(room[:], secret) // little-endian: 31 bytes are below the order of the group
	s := scalars.NewScalar()
	if err := s.UnmarshalBinary(room[:]); err != nil {
		return nil, fmt.Errorf("split an identity: %w", err)
	}
	made := secretsharing.New(rand.Reader, uint(needed-1), s)
	out := make([][]byte, total)
	for i := range out {
		v, err := made.ShareWithID(scalars.NewScalar().SetUint64(uint64(i + 1))).Value.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("split an identity: %w", err)
		}
		out[i] = v
	}
	return out, nil
}

// Join gives the identity back, as a line that Open reads. An error names the
// share, counted from 1 as they were given, that is wrong.
func Join(texts ...[]byte) (identity []byte, err error) {
	var list []share
	seen := map[int]bool{}
	for i, text := range texts {
		s, err := parseShare(text)
		if err != nil {
			return nil, fmt.Errorf("share %d: %w", i+1, err)
		}
		if i > 0 && (s.set != list[0].set || s.needed != list[0].needed || s.total != list[0].total || len(s.value) != len(list[0].value)) {
			return nil, fmt.Errorf("share %d: %w", i+1, ErrSet)
		}
		list = append(list, s)
		seen[s.number] = true
	}
	if len(list) == 0 || len(seen) < list[0].needed {
		return nil, ErrFew
	}
	first := list[0]
	pieces := len(first.value) / scalarSize
	for n := range pieces {
		part, err := joinPiece(list, n)
		if err != nil {
			return nil, err
		}
		identity = append(identity, part...)
	}
	identity = bytes.TrimRight(identity, "\x00")
	id, err := age.ParseX25519Identity(string(identity))
	if err != nil || setOf(id.Recipient().String()) != first.set {
		clear(identity)
		return nil, fmt.Errorf("%w: together they give no identity", ErrShare)
	}
	return append(identity, '\n'), nil
}

func joinPiece(list []share, n int) ([]byte, error) {
	var parts []secretsharing.Share
	used := map[int]bool{}
	for _, s := range list {
		if used[s.number] {
			continue
		}
		used[s.number] = true
		v := scalars.NewScalar()
		if err := v.UnmarshalBinary(s.value[n*scalarSize : (n+1)*scalarSize]); err != nil {
			return nil, fmt.Errorf("share of number %d: %w", s.number, ErrShare)
		}
		parts = append(parts, secretsharing.Share{ID: scalars.NewScalar().SetUint64(uint64(s.number)), Value: v})
	}
	whole, err := secretsharing.Recover(uint(list[0].needed-1), parts)
	if err != nil {
		return nil, ErrFew
	}
	b, err := whole.MarshalBinary()
	if err != nil || b[piece] != 0 {
		return nil, fmt.Errorf("%w: together they give no identity", ErrShare)
	}
	return b[:piece], nil
}

// share is the content of a share.
type share struct {
	set                   string
	number, total, needed int
	value                 []byte
}

// setOf names the shares that were made together, by their recipient.
func setOf(recipient string) string {
	sum := sha256.Sum256([]byte(recipient))
	return hex.EncodeToString(sum[:8])
}

func (s share) text() []byte {
	b := fmt.Appendf(nil, "%s\n%sset: %s\nshare: %d of %d, %d needed\nvalue: %s\n", shareHead, shareHint, s.set, s.number, s.total, s.needed, base64.StdEncoding.EncodeToString(s.value))
	sum := sha256.Sum256(b)
	return fmt.Appendf(b, "check: %x\n", sum)
}

// parseShare reads what text wrote and nothing else; the ends of its lines may
// have become those of another system.
func parseShare(text []byte) (share, error) {
	if len(text) > maxShare {
		return share{}, ErrShare
	}
	clean := strings.Trim(strings.ReplaceAll(string(text), "\r\n", "\n"), " \n") + "\n"
	lines := strings.Split(clean, "\n")
	if len(lines) != 8 {
		return share{}, ErrShare
	}
	var s share
	var value string
	if _, err := fmt.Sscanf(lines[3], "set: %s", &s.set); err != nil {
		return share{}, ErrShare
	}
	if _, err := fmt.Sscanf(lines[4], "share: %d of %d, %d needed", &s.number, &s.total, &s.needed); err != nil {
		return share{}, ErrShare
	}
	if _, err := fmt.Sscanf(lines[5], "value: %s", &value); err != nil {
		return share{}, ErrShare
	}
	var err error
	if s.value, err = base64.StdEncoding.Strict().DecodeString(value); err != nil || len(s.value) == 0 || len(s.value)%scalarSize != 0 {
		return share{}, ErrShare
	}
	if s.number < 1 || s.number > s.total || s.needed < 2 || s.needed > s.total || s.total > MaxShares || string(s.text()) != clean {
		return share{}, ErrShare
	}
	return s, nil
}
