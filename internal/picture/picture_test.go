package picture

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// photo is a picture that is red in its upper left quarter and grey elsewhere.
func photo(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{120, uint8(100 + 50*x/w), 130, 255}
			if x < w/2 && y < h/2 {
				c = color.RGBA{230, 20, 20, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func asJPEG(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// withExif puts an Exif segment that turns the picture and tells where it was
// taken behind the start of a JPEG.
func withExif(file []byte, turn uint16, place string) []byte {
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x02")
	tiff = append(tiff, 0x01, 0x12, 0, 3, 0, 0, 0, 1, byte(turn>>8), byte(turn), 0, 0)
	tiff = append(tiff, 0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 40, 0, 0, 0, 0)
	body := append([]byte("Exif\x00\x00"), append(tiff, place...)...)
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	return append(append(out, body...), file[2:]...)
}

// load reads a picture of golang.org/x/image's own tests.
func load(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustPrint(t *testing.T, file []byte) Set {
	t.Helper()
	set, err := NewPress().Print(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func sizes(s Set) string {
	var out []string
	for _, r := range s.Renditions {
		out = append(out, fmt.Sprintf("%dx%d", r.Width, r.Height))
	}
	return strings.Join(out, " ")
}

func TestAPictureIsDrawnInEachWidthThatItHas(t *testing.T) {
	var moving bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 400, 300), color.Palette{color.White, color.Black})
	if err := gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame, frame}, Delay: []int{1, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	clear := photo(800, 400)
	clear.SetRGBA(5, 5, color.RGBA{})
	for _, c := range []struct {
		name  string
		file  []byte
		typ   string
		sizes string
	}{
		{"large", asJPEG(photo(1600, 1200)), TypeJPEG, "360x270 720x540 1440x1080"},
		{"between", asJPEG(photo(1000, 500)), TypeJPEG, "360x180 720x360 1000x500"},
		{"exact", asJPEG(photo(720, 720)), TypeJPEG, "360x360 720x720"},
		{"small", asPNG(photo(200, 300)), TypeJPEG, "200x300"},
		{"one pixel", asPNG(photo(1, 1)), TypeJPEG, "1x1"},
		{"a line", asPNG(photo(2000, 1)), TypeJPEG, "360x1 720x1 1440x1"},
		{"a hole", asPNG(clear), TypePNG, "360x180 720x360 800x400"},
		{"moving", moving.Bytes(), TypeJPEG, "360x270 400x300"},
		{"WebP", load(t, "lossy.webp"), TypeJPEG, "150x100"},
		{"WebP with a hole", load(t, "alpha.webp"), TypePNG, "75x100"},
		{"lying", withExif(asJPEG(photo(1000, 500)), 6, ""), TypeJPEG, "360x720 500x1000"},
	} {
		set := mustPrint(t, c.file)
		if set.Type != c.typ || sizes(set) != c.sizes {
			t.Errorf("%s: %s %s, want %s %s", c.name, set.Type, sizes(set), c.typ, c.sizes)
		}
		for _, r := range set.Renditions {
			m, format, err := image.Decode(bytes.NewReader(r.Body))
			if err != nil || "image/"+format != set.Type || m.Bounds().Size() != image.Pt(r.Width, r.Height) {
				t.Errorf("%s: a rendition is %s %v (%v), want %s %dx%d", c.name, format, m.Bounds(), err, set.Type, r.Width, r.Height)
			}
		}
	}
}

func TestThePixelsStayWhereTheyWere(t *testing.T) {
	// Where the red quarter of a wide picture is found after each turn of Exif's.
	for turn, want := range map[uint16]string{1: "left top", 2: "right top", 3: "right bottom", 4: "left bottom", 5: "left top", 6: "right top", 7: "right bottom", 8: "left bottom"} {
		set := mustPrint(t, withExif(asJPEG(photo(600, 400)), turn, ""))
		m, err := jpeg.Decode(bytes.NewReader(set.Renditions[len(set.Renditions)-1].Body))
		if err != nil {
			t.Fatal(err)
		}
		size := m.Bounds().Size()
		if tall := size.Y > size.X; tall != (turn > 4) {
			t.Errorf("turn %d: %v", turn, size)
		}
		for _, corner := range []struct {
			name string
			x, y int
		}{{"left top", 1, 1}, {"right top", 3, 1}, {"left bottom", 1, 3}, {"right bottom", 3, 3}} {
			r, g, _, _ := m.At(size.X*corner.x/4, size.Y*corner.y/4).RGBA()
			if red := r > 3*g; red != (corner.name == want) {
				t.Errorf("turn %d: red at %s is %v, want it at %s", turn, corner.name, red, want)
			}
		}
	}
}

func TestNothingButPixelsComesOut(t *testing.T) {
	const secret = "GPS 52.5163 N 13.3777 E <script>alert(1)</script><?php system($_GET[0]); ?>"
	text := func(file []byte) []byte { // a text chunk before the end of a PNG
		chunk := append([]byte("tEXt"), "Comment\x00"+secret...)
		out := binary.BigEndian.AppendUint32(append([]byte{}, file[:33]...), uint32(len(chunk)-4))
		out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
		return append(out, file[33:]...)
	}
	for name, file := range map[string][]byte{
		"Exif in a JPEG":   withExif(asJPEG(photo(500, 400)), 1, secret),
		"behind a JPEG":    append(asJPEG(photo(500, 400)), secret...),
		"behind a PNG":     append(asPNG(photo(500, 400)), "PK\x03\x04"+secret...),
		"a text in a PNG":  text(asPNG(photo(500, 400))),
		"script and a GIF": gifPolyglot(secret),
	} {
		if !bytes.Contains(file, []byte("<script>")) {
			t.Fatalf("%s: the test's file has no script", name)
		}
		set := mustPrint(t, file)
		for _, r := range set.Renditions {
			for _, part := range []string{"GPS", "script", "php", "Exif", "PK\x03\x04", "tEXt"} {
				if bytes.Contains(r.Body, []byte(part)) {
					t.Errorf("%s: %q is still there", name, part)
				}
			}
		}
	}
	plain := mustPrint(t, asJPEG(photo(500, 400)))
	if noted := mustPrint(t, withExif(asJPEG(photo(500, 400)), 1, secret)); noted.Hash != plain.Hash {
		t.Error("the name tells what the metadata said")
	}
}

func gifPolyglot(tail string) []byte {
	var b bytes.Buffer
	if err := gif.Encode(&b, photo(100, 80), nil); err != nil {
		panic(err)
	}
	return append(b.Bytes(), tail...)
}

func TestTheSamePixelsHaveTheSameName(t *testing.T) {
	a, b := mustPrint(t, asPNG(photo(900, 600))), mustPrint(t, asPNG(photo(900, 600)))
	if a.Hash != b.Hash || len(a.Hash) != 32 {
		t.Errorf("%q and %q", a.Hash, b.Hash)
	}
	if other := mustPrint(t, asPNG(photo(900, 601))); other.Hash == a.Hash {
		t.Error("two pictures share a name")
	}
}

// bomb is a PNG that claims a size and has next to no pixels.
func bomb(w, h uint32) []byte {
	chunk := func(out []byte, name string, body []byte) []byte {
		out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
		body = append([]byte(name), body...)
		return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	z.Write(make([]byte, 1<<20))
	z.Close()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	out := chunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", append(head, 8, 6, 0, 0, 0))
	return chunk(chunk(out, "IDAT", data.Bytes()), "IEND", nil)
}

// webpClaim is a WebP whose file says 1x1 and whose frame says 16384x16384.
func webpClaim() []byte {
	body := []byte("WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	body = append(body, "VP8L\x06\x00\x00\x00\x2f\xff\xff\xff\x0f\x00"...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestWhatIsNoPictureOrTooMuchIsRefused(t *testing.T) {
	manyScans := asJPEG(photo(64, 64))
	at := bytes.Index(manyScans, []byte{0xff, 0xda})
	scan := manyScans[at : len(manyScans)-2]
	manyScans = append(append(append([]byte{}, manyScans[:at]...), bytes.Repeat(scan, 200)...), 0xff, 0xd9)
	endless := []byte("GIF89a\x10\x00\x10\x00\x00\x00\x00")
	endless = append(endless, bytes.Repeat([]byte("\x21\xf9\x04\x00\x00\x00\x00\x00"), 1<<19)...)
	whole := asJPEG(photo(300, 300))
	for name, file := range map[string][]byte{
		"nothing":                 nil,
		"SVG":                     []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"SVG behind a space":      []byte("\n <?xml version=\"1.0\"?><svg/>"),
		"HTML":                    []byte("<!doctype html><script>alert(1)</script>"),
		"PHP":                     []byte("<?php phpinfo();"),
		"PDF":                     []byte("%PDF-1.7"),
		"BMP":                     []byte("BM\x00\x00\x00\x00"),
		"50,000 x 50,000":         bomb(50_000, 50_000),
		"largest number":          bomb(1<<31-1, 1<<31-1),
		"a long line":             bomb(1<<20, 1),
		"25 million":              bomb(5000, 5000),
		"promised more":           bomb(4000, 4000),
		"no pixels":               bomb(0, 0),
		"WebP with two sizes":     webpClaim(),
		"JPEG cut short":          whole[:len(whole)/2],
		"JPEG, its first bytes":   whole[:4],
		"PNG, its first bytes":    []byte("\x89PNG\r\n\x1a\n"),
		"GIF that never begins":   endless,
		"two hundred scans":       manyScans,
		"larger than 10 MB":       append(asPNG(photo(2, 2)), make([]byte, MaxBytes)...),
		"RIFF that is no picture": []byte("RIFF\x00\x00\x00\x00WAVEfmt "),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err := NewPress().Print(t.Context(), file)
		runtime.ReadMemStats(&after)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
		if room := after.TotalAlloc - before.TotalAlloc; room > 100<<20 {
			t.Errorf("%s: took %d MB", name, room>>20)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestOnePictureIsDecodedAtATime(t *testing.T) {
	p := NewPress()
	p.turn <- struct{}{} // somebody is at it
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if _, err := p.Print(ctx, asPNG(photo(2, 2))); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want to be told that the wait was ended", err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	stop()
	wait.Wait()
	<-p.turn
	if _, err := p.Print(t.Context(), asPNG(photo(2, 2))); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func FuzzPrint(f *testing.F) {
	f.Add(asJPEG(photo(20, 10)))
	f.Add(withExif(asJPEG(photo(20, 10)), 6, "x"))
	f.Add(asPNG(photo(20, 10)))
	f.Add(gifPolyglot("x"))
	f.Add(webpClaim())
	f.Add(bomb(50_000, 50_000))
	p := NewPress()
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, size, _, err := look(file); err == nil && size.X*size.Y > 1<<16 {
			t.Skip("large and honest: slow, and no news")
		}
		set, err := p.Print(t.Context(), file)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("neither drawn nor refused: %v", err)
			}
			return
		}
		for _, r := range set.Renditions {
			if r.Width > widths[len(widths)-1] || r.Width < 1 || r.Height < 1 || r.Height > MaxSide {
				t.Fatalf("%dx%d", r.Width, r.Height)
			}
			if again, err := p.Print(t.Context(), r.Body); err != nil || again.Type != set.Type && set.Type == TypeJPEG {
				t.Fatalf("what was drawn can't be drawn again: %v", err)
			}
		}
	})
}
