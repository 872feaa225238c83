package seal

import "crypto/sha256"

// hmacSum is HMAC-SHA256 (RFC 2104) for keys of 32 bytes. crypto/hmac and
// crypto/hkdf give the same bytes, as a test shows, but allocate for each call;
// every request opens dossiers, and this way costs no garbage.
func hmacSum(key *[KeySize]byte, msg []byte) [sha256.Size]byte {
	var room [sha256.BlockSize + 448]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	for i := range sha256.BlockSize {
		room[i], outer[i] = 0x36, 0x5c
	}
	for i, k := range key {
		room[i] ^= k
		outer[i] ^= k
	}
	inner := sha256.Sum256(append(room[:sha256.BlockSize], msg...))
	copy(outer[sha256.BlockSize:], inner[:])
	sum := sha256.Sum256(outer[:])
	clear(room[:sha256.BlockSize])
	clear(outer[:])
	return sum
}

// expand is HKDF-Expand (RFC 5869) for one or two blocks of output.
func expand(prk *[KeySize]byte, info []byte, out []byte) {
	var room [sha256.Size + 448]byte
	sum := hmacSum(prk, append(append(room[:0], info...), 1))
	if n := copy(out, sum[:]); n < len(out) {
		msg := append(append(append(room[:0], sum[:]...), info...), 2)
		sum = hmacSum(prk, msg)
		copy(out[n:], sum[:])
		clear(room[:sha256.Size])
	}
	clear(sum[:])
}
