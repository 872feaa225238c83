package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"io"
	"math"
)

// A file's numbers for red, green and blue mean other colours when it carries a
// profile (ICC.1): phones write Display P3, cameras Adobe RGB. The profile itself
// is not handed on: it would be bytes of the file. Instead, the pixels are
// converted to sRGB, which is what a page means by numbers without a profile.
//
//	byte ── curve ──▸ light ── colorants ──▸ XYZ, D50 ──▸ light of sRGB ──▸ byte
//
// Only profiles of three curves and three colorants are converted; those are what
// cameras, phones and screens have. A picture with tables (of printers) or with
// none is drawn as it is.

const maxProfile = 4 << 20 // bytes; those of curves have a few hundred

// profile converts colours to sRGB. A nil one leaves them as they are.
type profile struct {
	light [3][256]float64 // of a byte of red, green, blue
	mix   [3][3]float64   // light of the file's colours to that of sRGB's
	bytes []uint8         // byte of sRGB for light from 0 to 1
}

const lightSteps = 1 << 14

// profileIn finds the profile of a file, nil when it has none.
func profileIn(k kind, file []byte) []byte {
	switch k {
	case isJPEG:
		parts := map[byte][]byte{}
		var count byte
		for marker, b := range segments(file) {
			if rest, ok := bytes.CutPrefix(b, []byte("ICC_PROFILE\x00")); ok && marker == 0xe2 && len(rest) > 2 {
				parts[rest[0]], count = rest[2:], rest[1]
			}
			if marker == 0xda {
				break
			}
		}
		var out []byte
		for n := 1; n <= int(count); n++ {
			out = append(out, parts[byte(n)]...)
		}
		return out
	case isPNG:
		for name, b := range chunks(file) {
			if name == "iCCP" {
				_, packed, _ := bytes.Cut(b, []byte{0, 0}) // the end of its name, and "zlib"
				z, err := zlib.NewReader(bytes.NewReader(packed))
				if err != nil {
					return nil
				}
				out, _ := io.ReadAll(io.LimitReader(z, maxProfile))
				return out
			}
		}
	case isWebP:
		for name, b := range riff(file) {
			if name == "ICCP" {
				return b
			}
		}
	}
	return nil
}

// readProfile returns nil for what is no profile of curves and colorants, and
// for one that is sRGB's as far as a byte can tell.
func readProfile(icc []byte) *profile {
	if len(icc) < 132 || string(icc[16:24]) != "RGB XYZ " || string(icc[36:40]) != "acsp" {
		return nil
	}
	tag := func(name string) []byte {
		rest := icc[132:]
		for range min(binary.BigEndian.Uint32(icc[128:]), 100) {
			if len(rest) < 12 {
				return nil
			}
			at, n := uint64(binary.BigEndian.Uint32(rest[4:])), uint64(binary.BigEndian.Uint32(rest[8:]))
			if string(rest[:4]) == name && at+n <= uint64(len(icc)) {
				return icc[at : at+n]
			}
			rest = rest[12:]
		}
		return nil
	}
	// XYZ of D50 to the light of sRGB: the inverse of sRGB's own colorants.
	toSRGB := [3][3]float64{{3.1338561, -1.6168667, -0.4906146}, {-0.9787684, 1.9161415, 0.0334540}, {0.0719453, -0.2289914, 1.4052427}}
	p := &profile{}
	for i, c := range [3]string{"r", "g", "b"} {
		xyz := tag(c + "XYZ")
		if len(xyz) < 20 || string(xyz[:4]) != "XYZ " {
			return nil
		}
		for to := range 3 {
			for from := range 3 {
				p.mix[to][i] += toSRGB[to][from] * fixed(xyz[8+4*from:])
			}
		}
		curve := readCurve(tag(c + "TRC"))
		if curve == nil {
			return nil
		}
		for n := range p.light[i] {
			v := curve(float64(n) / 255)
			if math.IsNaN(v) {
				return nil
			}
			p.light[i][n] = min(max(v, 0), 1)
		}
	}
	p.bytes = make([]uint8, lightSteps+1)
	for n := range p.bytes {
		p.bytes[n] = srgb(float64(n) / lightSteps)
	}
	if p.changesNothing() {
		return nil
	}
	return p
}

// readCurve reads how much light a number from 0 to 1 means.
func readCurve(b []byte) func(float64) float64 {
	switch {
	case len(b) >= 12 && string(b[:4]) == "curv":
		table := b[12:]
		n := int(binary.BigEndian.Uint32(b[8:]))
		switch {
		case n == 0:
			return func(x float64) float64 { return x }
		case n > len(table)/2:
			return nil
		case n == 1:
			gamma := float64(binary.BigEndian.Uint16(table)) / 256
			return func(x float64) float64 { return math.Pow(x, gamma) }
		}
		return func(x float64) float64 {
			at := min(int(x*float64(n-1)), n-2)
			low, high := binary.BigEndian.Uint16(table[2*at:]), binary.BigEndian.Uint16(table[2*at+2:])
			part := x*float64(n-1) - float64(at)
			return (float64(low)*(1-part) + float64(high)*part) / 65535
		}
	case len(b) >= 12 && string(b[:4]) == "para":
		// g a b c d e f of ICC.1:2022, 10.18. What a form leaves out is its
		// neutral value.
		form := int(binary.BigEndian.Uint16(b[8:]))
		v := [7]float64{1, 1, 0, 0, 0, 0, 0}
		counts := [5]int{1, 3, 4, 5, 7}
		if form >= len(counts) || len(b) < 12+4*counts[form] {
			return nil
		}
		for i := range counts[form] {
			v[i] = fixed(b[12+4*i:])
		}
		g, a, o, c, d, e, f := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
		switch form {
		case 1, 2: // zero, or the offset, below -b/a
			e, f = c, c
			c, d = 0, math.Inf(-1)
			if a != 0 {
				d = -o / a
			}
		case 0:
			d = math.Inf(-1)
		}
		return func(x float64) float64 {
			if x >= d {
				return math.Pow(max(a*x+o, 0), g) + e
			}
			return c*x + f
		}
	}
	return nil
}

// fixed reads a number with 16 bits behind the point.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// srgb is the byte of sRGB that means some light (IEC 61966-2-1).
func srgb(light float64) uint8 {
	if light <= 0.0031308 {
		return uint8(light*12.92*255 + 0.5)
	}
	return uint8((1.055*math.Pow(light, 1/2.4)-0.055)*255 + 0.5)
}

func (p *profile) colour(r, g, b uint8) (out [3]uint8) {
	light := [3]float64{p.light[0][r], p.light[1][g], p.light[2][b]}
	for i, m := range p.mix {
		v := m[0]*light[0] + m[1]*light[1] + m[2]*light[2]
		out[i] = p.bytes[int(min(max(v, 0), 1)*lightSteps+0.5)] // what sRGB has not becomes its nearest edge
	}
	return out
}

// changesNothing tries colours of the whole range. Profiles of sRGB differ in
// their last digits.
func (p *profile) changesNothing() bool {
	for n := range 6 * 6 * 6 {
		in := [3]uint8{uint8(n % 6 * 51), uint8(n / 6 % 6 * 51), uint8(n / 36 * 51)}
		for i, v := range p.colour(in[0], in[1], in[2]) {
			if d := int(v) - int(in[i]); d < -2 || d > 2 {
				return false
			}
		}
	}
	return true
}

// convert turns the colours of a picture into sRGB, in place.
func (p *profile) convert(m *image.RGBA) {
	if p == nil {
		return
	}
	for at := 0; at+3 < len(m.Pix); at += 4 {
		px := m.Pix[at : at+4 : at+4]
		a := int(px[3])
		if a == 0 {
			continue
		}
		whole := func(v uint8) uint8 { return uint8(min(255, (int(v)*255+a/2)/a)) } // without the alpha that was multiplied in
		for i, v := range p.colour(whole(px[0]), whole(px[1]), whole(px[2])) {
			px[i] = uint8((int(v)*a + 127) / 255)
		}
	}
}

// widen gives the colours of a lossy WebP the range that the standard library
// expects. VP8 writes brightness as 16 to 235 and colour as 16 to 240, and its
// decoder hands them on like this; black would be grey (golang.org/issue/40173).
func widen(m image.Image) {
	var planes *image.YCbCr
	switch m := m.(type) {
	case *image.YCbCr:
		planes = m
	case *image.NYCbCrA:
		planes = &m.YCbCr
	default:
		return
	}
	stretch := func(plane []uint8, from, span, to float64) {
		var table [256]uint8
		for n := range table {
			table[n] = uint8(min(max((float64(n)-from)*255/span+to, 0), 255) + 0.5)
		}
		for i, v := range plane {
			plane[i] = table[v]
		}
	}
	stretch(planes.Y, 16, 219, 0)
	stretch(planes.Cb, 128, 224, 128)
	stretch(planes.Cr, 128, 224, 128)
}
