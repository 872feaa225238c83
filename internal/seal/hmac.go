package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// hmacSum is HMAC-SHA256 (RFC 2104).
func hmacSum(key *[KeySize]byte, msg []byte) (sum [sha256.Size]byte) {
	h := hmacOf(key)
	h.Write(msg) // never fails (hash.Hash)
	h.Sum(sum[:0])
	return sum
}

func hmacOf(key *[KeySize]byte) hash.Hash { return hmac.New(sha256.New, key[:]) }

// expand fills out, of at most 255 hashes, with HKDF-Expand (RFC 5869, section 2.3).
// Other than that of crypto/hkdf it takes the HMAC of the key, which after a Reset
// serves for the next info: with a new one each, half of a re-wrap went into making
// them and into clearing up after them.
func expand(prk hash.Hash, info []byte, out []byte) {
	if len(out) > 255*sha256.Size {
		panic("seal: HKDF gives no more than 255 hashes")
	}
	var t []byte
	for n := byte(1); len(out) > 0; n++ {
		if n > 1 {
			prk.Reset()
		}
		prk.Write(t)
		prk.Write(info)
		prk.Write([]byte{n})
		t = prk.Sum(t[:0])
		out = out[copy(out, t):]
	}
	clear(t)
}
