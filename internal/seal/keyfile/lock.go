package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Cost is the work of Argon2id: how dear each guess of the passphrase is.
type Cost struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultCost takes a fraction of a second once at start.
func DefaultCost() Cost { return Cost{Time: 3, Memory: 64 << 10, Threads: 2} }

// The most that a file may ask for. One from elsewhere must not make us take
// all memory or work for hours.
const (
	maxTime    = 16
	maxMemory  = 1 << 20
	maxThreads = 16
)

func (c Cost) check() error {
	if c.Time < 1 || c.Time > maxTime || c.Threads < 1 || c.Threads > maxThreads ||
		c.Memory < 8*uint32(c.Threads) || c.Memory > maxMemory {
		return errors.New("the cost of the passphrase is out of bounds")
	}
	return nil
}

const (
	saltSize  = 16
	nonceSize = 12
	tagSize   = 16
)

// lock says how a passphrase becomes the key that seals the epochs.
type lock struct {
	cost Cost
	salt [saltSize]byte
}

func newLock(c Cost) (*lock, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &lock{cost: c}
	rand.Read(l.salt[:])
	return l, nil
}

const lockForm = "argon2id time=%d memory=%d threads=%d salt=%s"

// String is the lock as the file says it.
func (l *lock) String() string {
	return fmt.Sprintf(lockForm, l.cost.Time, l.cost.Memory, l.cost.Threads, base64.StdEncoding.EncodeToString(l.salt[:]))
}

func parseLock(s string) (*lock, error) {
	l := &lock{}
	var salt string
	if _, err := fmt.Sscanf(s, lockForm, &l.cost.Time, &l.cost.Memory, &l.cost.Threads, &salt); err != nil {
		return nil, errors.New("unknown protection")
	}
	if err := l.cost.check(); err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(salt)
	if err != nil || len(raw) != saltSize {
		return nil, errors.New("the salt is not 16 bytes")
	}
	copy(l.salt[:], raw)
	return l, nil
}

func (l *lock) key(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, l.salt[:], l.cost.Time, l.cost.Memory, l.cost.Threads, 32)
}

func sealLines(kek, lines []byte, head string) []byte {
	nonce := make([]byte, nonceSize, nonceSize+len(lines)+tagSize)
	rand.Read(nonce)
	return box(kek).Seal(nonce, nonce, lines, []byte(head))
}

func openLines(kek, sealed []byte, head string) ([]byte, error) {
	return box(kek).Open(nil, sealed[:nonceSize], sealed[nonceSize:], []byte(head))
}

// box is AES-256-GCM. The key comes from argon2 with 32 bytes, so neither step
// can fail.
func box(kek []byte) cipher.AEAD {
	block, err := aes.NewCipher(kek)
	if err != nil {
		panic("keyfile: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("keyfile: " + err.Error())
	}
	return aead
}
