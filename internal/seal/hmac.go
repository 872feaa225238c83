package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// hmacSum is HMAC-SHA256 (RFC 2104).
func hmacSum(key *[KeySize]byte, msg []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key[:])
	h.Write(msg) // never fails (hash.Hash)
	h.Sum(sum[:0])
	return sum
}

// expand fills out with HKDF-Expand (RFC 5869).
func expand(prk *[KeySize]byte, info []byte, out []byte) error {
	okm, err := hkdf.Expand(sha256.New, prk[:], string(info), len(out))
	if err != nil {
		return fmt.Errorf("derive key: %w", err)
	}
	copy(out, okm)
	clear(okm)
	return nil
}
