package picture

import (
	"image"
	"runtime"
	"runtime/debug"
)

const (
	rgba      = 4        // bytes of a pixel of what is drawn
	coeff     = 4        // bytes of one sample that a progressive JPEG keeps until its last scan
	slack     = 24 << 20 // of scalers, and of what is encoded
	freeAbove = 24 << 20 // what one picture may leave to the collector's own rhythm
)

// room is how much memory the decoder takes for a picture at its peak, and
// how much of it the decoded picture goes on taking. Both follow from the file's
// header; the numbers are those of the decoders in the standard library and
// golang.org/x/image.
func room(k kind, size image.Point, file []byte) (peak, kept int) {
	pixels := size.X * size.Y
	switch k {
	case isJPEG:
		return roomJPEG(pixels, file)
	case isPNG:
		depth, colour, interlaced := file[24], file[25], file[28] == 1 // IHDR, which the decoder has read
		each := rgba
		switch {
		case colour == 3:
			each = 1
		case depth == 16:
			each = 2 * rgba
		}
		peak, kept = each*pixels, each*pixels
		if interlaced {
			peak *= 2 // each pass is a picture of its own
		}
	case isGIF:
		peak, kept = 2*pixels, 2*pixels // an interlaced one is copied
	case isWebP:
		peak, kept = 3*rgba*pixels/2, 3*rgba*pixels/2 // a palette of few colours widens a packed half
	}
	return peak, kept
}

// roomJPEG reads how finely each component is sampled.
func roomJPEG(pixels int, file []byte) (peak, kept int) {
	for marker, b := range segments(file) {
		if marker < 0xc0 || marker > 0xc2 || len(b) < 6 || len(b) < 6+3*int(b[5]) {
			continue
		}
		samples, widest, rgb := 0, 1, b[5] == 3 && b[6] == 'R' && b[9] == 'G'
		for i := range int(b[5]) {
			h, v := int(b[7+3*i]>>4), int(b[7+3*i]&15)
			samples, widest = samples+h*v, max(widest, h*v)
		}
		if b[5] == 1 {
			samples, widest = 1, 1
		}
		n := (samples*pixels + widest - 1) / widest
		p, q := n, n
		if marker == 0xc2 {
			p += coeff * n
		}
		if b[5] == 4 || rgb || adobeRGB(file) {
			p, q = p+rgba*pixels, rgba*pixels // converted into a second picture
		}
		peak, kept = max(peak, p), max(kept, q)
	}
	return peak, kept
}

// adobeRGB recognises the mark that three components are red, green and blue.
func adobeRGB(file []byte) bool {
	for marker, b := range segments(file) {
		if marker == 0xee && len(b) >= 12 && string(b[:5]) == "Adobe" && b[11] == 0 {
			return true
		}
	}
	return false
}

// needs is the memory that decoding and drawing take at their peak.
func needs(k kind, size image.Point, file []byte) int {
	peak, kept := room(k, size, file)
	turn := orientation(k, file)
	if turn > 4 {
		size.X, size.Y = size.Y, size.X
	}
	w := min(widths[len(widths)-1], size.X)
	h := heightFor(w, size)
	out, between := rgba*w*h, rgba*h*size.X // scaled in both directions, and in one
	if turn > 1 {
		kept += out
	}
	return max(peak, kept+between+out, 2*out) + slack
}

// tidy takes back what a large picture no longer uses. The collector by itself
// would wait until as much again has been taken.
func tidy(needs int) {
	if needs > freeAbove {
		runtime.GC()
	}
}

// leave does so at the end, and returns it to the machine.
func leave(needs int) {
	if needs > freeAbove {
		debug.FreeOSMemory()
	}
}
