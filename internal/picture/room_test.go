package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// emptyPNG is a grey-black PNG of any kind: rows of zeros.
func emptyPNG(w, h int, depth, colour byte, interlaced bool) []byte {
	samples := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
	rows := func(w, h int) int64 { return int64(h) * int64(1+(w*samples*int(depth)+7)/8) }
	size, way := rows(w, h), byte(0)
	if interlaced {
		size, way = 0, 1
		for _, p := range [7][4]int{{8, 8, 0, 0}, {8, 8, 4, 0}, {4, 8, 0, 4}, {4, 4, 2, 0}, {2, 4, 0, 2}, {2, 2, 1, 0}, {1, 2, 0, 1}} {
			size += rows((w-p[2]+p[0]-1)/p[0], (h-p[3]+p[1]-1)/p[1])
		}
	}
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	if _, err := io.CopyN(z, zeros{}, size); err != nil {
		panic(err)
	}
	z.Close()
	chunk := func(out []byte, name string, body []byte) []byte {
		out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
		body = append([]byte(name), body...)
		return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	out := chunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", append(head, depth, colour, 0, 0, way))
	if colour == 3 {
		out = chunk(out, "PLTE", make([]byte, 3))
	}
	return chunk(chunk(out, "IDAT", data.Bytes()), "IEND", nil)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// emptyJPEG is a grey JPEG of components that are sampled like this, such as
// 0x22 0x11 0x11 for one that a phone makes. Each block takes a bit or two.
func emptyJPEG(w, h int, progressive bool, sampled ...byte) []byte {
	segment := func(out []byte, marker byte, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint16(append(out, 0xff, marker), uint16(len(body)+2)), body...)
	}
	out := segment([]byte{0xff, 0xd8}, 0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(len(sampled))}
	scan := []byte{byte(len(sampled))}
	blocks, wide, high := 0, 1, 1
	for i, s := range sampled {
		frame, scan = append(frame, byte(i+1), s, 0), append(scan, byte(i+1), 0)
		blocks += int(s>>4) * int(s&15)
		wide, high = max(wide, int(s>>4)), max(high, int(s&15))
	}
	kind, last := byte(0xc0), byte(63)
	if progressive {
		kind, last = 0xc2, 0
	}
	if len(sampled) == 4 {
		out = segment(out, 0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")...)
	}
	out = segment(out, kind, frame...)
	one := append([]byte{1}, make([]byte, 15)...) // one code, of one bit, for nought
	out = segment(out, 0xc4, append(append([]byte{0x00}, one...), 0)...)
	out = segment(out, 0xc4, append(append([]byte{0x10}, one...), 0)...)
	out = segment(out, 0xda, append(scan, 0, last, 0)...)
	blocks *= ((w + 8*wide - 1) / (8 * wide)) * ((h + 8*high - 1) / (8 * high))
	return append(append(out, make([]byte, blocks/4+8)...), 0xff, 0xd9)
}

// emptyWebP is one of the form without loss: five codes of one symbol each, so
// that a pixel takes no bit at all.
func emptyWebP(w, h int) []byte {
	bits, n := uint64(0), 0
	put := func(v uint64, count int) { bits |= v << n; n += count }
	put(uint64(w-1), 14)
	put(uint64(h-1), 14)
	put(0, 1+3) // no alpha, version
	head := binary.LittleEndian.AppendUint32([]byte{0x2f}, uint32(bits))
	bits, n = 0, 0
	put(0, 3) // no transform, no cache, one group
	for range 5 {
		put(1, 4) // simple, one symbol, of one bit, nought
	}
	body := append(head, binary.LittleEndian.AppendUint64(nil, bits)...)
	body = append(body, make([]byte, 3+len(body)&1)...)
	body = append(binary.LittleEndian.AppendUint32([]byte("WEBPVP8L"), uint32(len(body))), body...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// peakOf is the most memory that objects took while do ran, beyond what there was.
func peakOf(do func()) int64 {
	read := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	debug.FreeOSMemory()
	before, peak, stop := read(), int64(0), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			peak = max(peak, read()-before)
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	do()
	close(stop)
	watching.Wait()
	return peak
}

// TestDrawingALargePictureStaysWithinItsRoom draws the largest pictures of each
// kind that are accepted, and measures.
func TestDrawingALargePictureStaysWithinItsRoom(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
	}{
		{"a camera's JPEG of 24 million pixels", emptyJPEG(6000, 4000, false, 0x22, 0x11, 0x11)},
		{"one that lies on its side", withExif(emptyJPEG(6000, 4000, false, 0x11, 0x11, 0x11), 6, "")},
		{"a progressive JPEG", emptyJPEG(4800, 3700, true, 0x22, 0x11, 0x11)},
		{"a PNG of 16 bits", emptyPNG(4100, 3000, 16, 6, false)},
		{"a long strip", emptyPNG(1000, 9000, 8, 2, false)},
	} {
		k, size, need, err := look(c.file)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var set Set
		peak := peakOf(func() { set, err = NewPress().Print(t.Context(), c.file) })
		if err != nil || len(set.Renditions) == 0 {
			t.Errorf("%s: %v", c.name, err)
		}
		_, kept := room(k, size, c.file)
		t.Logf("%s: %d MB at the peak, %d reckoned, %d for the picture", c.name, peak>>20, need>>20, kept>>20)
		if peak > int64(need) || peak > MaxRoom {
			t.Errorf("%s: took %d MB, reckoned with %d of at most %d", c.name, peak>>20, need>>20, MaxRoom>>20)
		}
		if peak < int64(kept)/2 {
			t.Errorf("%s: took %d MB only; the measure is broken", c.name, peak>>20)
		}
		runtime.KeepAlive(set)
	}
}

// TestAPictureThatNeedsTooMuchMemoryIsRefusedBeforeItIsDecoded has files that
// were drawn with up to 460 MB.
func TestAPictureThatNeedsTooMuchMemoryIsRefusedBeforeItIsDecoded(t *testing.T) {
	for name, file := range map[string][]byte{
		"progressive":        emptyJPEG(6000, 4000, true, 0x22, 0x11, 0x11),
		"progressive, whole": emptyJPEG(4000, 3000, true, 0x11, 0x11, 0x11),
		"16 bits":            emptyPNG(6000, 4000, 16, 2, false),
		"interlaced":         emptyPNG(6000, 4000, 8, 6, true),
		"for print":          emptyJPEG(6000, 4000, false, 0x11, 0x11, 0x11, 0x11),
		"a strip":            emptyPNG(1440, 12000, 8, 6, false),
	} {
		var err error
		peak := peakOf(func() { _, err = NewPress().Print(t.Context(), file) })
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Of(err).Text, "too much memory") {
			t.Errorf("%s: %v, want it refused", name, err)
		}
		if peak > 8<<20 {
			t.Errorf("%s: took %d MB to refuse", name, peak>>20)
		}
	}
	for name, file := range map[string][]byte{"JPEG": emptyJPEG(64, 48, false, 0x22, 0x11, 0x11), "progressive": emptyJPEG(64, 48, true, 0x22, 0x11, 0x11),
		"WebP": emptyWebP(64, 48), "interlaced": emptyPNG(64, 48, 16, 6, true), "for print": emptyJPEG(64, 48, false, 0x11, 0x11, 0x11, 0x11)} {
		if set, err := NewPress().Print(t.Context(), file); err != nil || sizes(set) != "64x48" {
			t.Errorf("a small one, %s: %s, %v", name, sizes(set), err)
		}
	}
}
