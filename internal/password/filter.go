package password

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"math/bits"
	"strings"
)

// The filters are binary fuse filters with 16 bits for each entry (Graf and
// Lemire, 2022). An entry is always found; anything else is found once in
// 65,536 times. Command makefilter makes them and says of what.
//
// They are read where they lie in the program: nothing is decoded or copied,
// and pages that nobody asks for stay on the disk.
//
//	seed u64 ‖ segment length u32 ‖ mask u32 ‖ segments u32 ‖ their length u32 ‖ count u32
//	count × u16
//
// All numbers are little-endian. The form is that of xorfilter's Save.
type filter string

//go:embed common.filter
var commonBytes string

//go:embed parts.filter
var partsBytes string

const (
	// common holds the passwords of eight and more characters among the million
	// commonest.
	common = 488_130
	// parts holds the commonest of four to seven characters. None of them is
	// long enough for a password, but many passwords are made of them.
	parts = 20_000
)

const filterHead = 8 + 5*4

// has reports whether text, which is in lower case and NFC, is in the filter.
func (f filter) has(text []byte) bool {
	sum := sha256.Sum256(text)
	hash := murmur(binary.LittleEndian.Uint64(sum[:]) + f.u64(0))
	length, mask, reach := f.u32(8), f.u32(12), f.u32(20)
	top, _ := bits.Mul64(hash, uint64(reach))
	h0 := uint32(top)
	h1 := h0 + length
	h2 := h1 + length
	h1 ^= uint32(hash>>18) & mask
	h2 ^= uint32(hash) & mask
	return uint16(hash^hash>>32) == f.u16(h0)^f.u16(h1)^f.u16(h2)
}

func (f filter) u64(at int) uint64 { return uint64(f.u32(at)) | uint64(f.u32(at+4))<<32 }

func (f filter) u32(at int) uint32 {
	return uint32(f[at]) | uint32(f[at+1])<<8 | uint32(f[at+2])<<16 | uint32(f[at+3])<<24
}

func (f filter) u16(i uint32) uint16 {
	at := filterHead + 2*int(i)
	return uint16(f[at]) | uint16(f[at+1])<<8
}

// murmur is the mixing step the filter was made with (MurmurHash3's last).
func murmur(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// isCommon reports whether the password is one of the common ones, as it was
// typed or in other letters' case.
func isCommon(p Password) bool {
	lower := []byte(strings.ToLower(string(p.bytes())))
	defer clear(lower)
	return filter(commonBytes).has(lower)
}
