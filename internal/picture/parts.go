package picture

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// The formats below are walked for three things only: how large the decoder
// would make a picture, which way up a camera held it, and what its colours mean.

// riff walks the chunks of a WebP file.
func riff(file []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for rest := file[min(12, len(file)):]; len(rest) >= 8; {
			name, n := string(rest[:4]), int(binary.LittleEndian.Uint32(rest[4:]))
			rest = rest[8:]
			if !yield(name, rest[:min(n, len(rest))]) {
				return
			}
			rest = rest[min(n+n&1, len(rest)):]
		}
	}
}

// segments walks the segments of a JPEG file by their markers, skipping what
// lies between them.
func segments(file []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for rest := file; ; {
			at := bytes.IndexByte(rest, 0xff)
			if at < 0 || at+4 > len(rest) {
				return
			}
			marker := rest[at+1]
			rest = rest[at+1:]
			if marker == 0xff || marker < 0xc0 || marker >= 0xd0 && marker <= 0xd9 {
				continue // filling, stuffing, or a marker without a segment
			}
			n := int(binary.BigEndian.Uint16(rest[1:]))
			if n < 2 || n+1 > len(rest) {
				n = min(2, len(rest)-1)
			}
			if !yield(marker, rest[3:n+1]) {
				return
			}
			rest = rest[n+1:]
		}
	}
}

// chunks walks the chunks of a PNG file.
func chunks(file []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for rest := file[min(8, len(file)):]; len(rest) >= 12; {
			n := int(binary.BigEndian.Uint32(rest))
			if n > len(rest)-12 || !yield(string(rest[4:8]), rest[8:8+n]) {
				return
			}
			rest = rest[12+n:]
		}
	}
}

// scans counts how often a JPEG goes over its pixels.
func scans(file []byte) int {
	n := 0
	for marker := range segments(file) {
		if marker == 0xda {
			n++
		}
	}
	return n
}

// orientation is how a camera says that the picture is to be turned: 1, as it
// is, to 8. The numbers are Exif's.
func orientation(k kind, file []byte) int {
	switch k {
	case isJPEG:
		for marker, b := range segments(file) {
			if exif, ok := bytes.CutPrefix(b, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
				return turnOf(exif)
			}
			if marker == 0xda {
				break
			}
		}
	case isPNG:
		for name, b := range chunks(file) {
			if name == "eXIf" {
				return turnOf(b)
			}
		}
	case isWebP:
		for name, b := range riff(file) {
			if name == "EXIF" {
				return turnOf(bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
			}
		}
	}
	return 1
}

// turnOf finds tag 0x0112 in the first directory of Exif's TIFF.
func turnOf(tiff []byte) int {
	var order binary.ByteOrder = binary.BigEndian
	switch {
	case len(tiff) < 8:
		return 1
	case string(tiff[:2]) == "II":
		order = binary.LittleEndian
	}
	at := int(order.Uint32(tiff[4:]))
	if at > len(tiff)-2 {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if turn := int(order.Uint16(entries[8:])); turn >= 1 && turn <= 8 {
				return turn
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
