package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// Colorants for the white of D50, as Apple's Display P3 and Adobe RGB (1998)
// have them, and the curve of sRGB and P3.
var (
	ofP3    = [9]float64{0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407}
	ofAdobe = [9]float64{0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457}
	ofSRGB  = [9]float64{0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.71410}
)

func fixedBytes(out []byte, list ...float64) []byte {
	for _, v := range list {
		out = binary.BigEndian.AppendUint32(out, uint32(int32(v*65536)))
	}
	return out
}

func curveSRGB() []byte {
	return fixedBytes([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"), 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
}
func curveAdobe() []byte { return []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33\x00\x00") }

// curveTable is sRGB's as a table, which older profiles have.
func curveTable() []byte {
	exact := readCurve(curveSRGB())
	out := []byte("curv\x00\x00\x00\x00\x00\x00\x04\x00")
	for n := range 1024 {
		out = binary.BigEndian.AppendUint16(out, uint16(exact(float64(n)/1023)*65535+0.5))
	}
	return out
}

// iccOf makes a profile of colorants and one curve, whose text is a secret.
func iccOf(colorants [9]float64, curve []byte) []byte {
	head := make([]byte, 128)
	copy(head[16:], "RGB XYZ ")
	copy(head[36:], "acsp")
	tags, data := binary.BigEndian.AppendUint32(nil, 7), []byte(nil)
	at := 128 + 4 + 7*12
	add := func(name string, body []byte) {
		tags = append(tags, name...)
		tags = binary.BigEndian.AppendUint32(tags, uint32(at+len(data)))
		tags = binary.BigEndian.AppendUint32(tags, uint32(len(body)))
		data = append(data, body...)
	}
	for i, c := range []string{"r", "g", "b"} {
		add(c+"XYZ", fixedBytes([]byte("XYZ \x00\x00\x00\x00"), colorants[3*i:3*i+3]...))
		add(c+"TRC", curve)
	}
	add("desc", []byte("text\x00\x00\x00\x00Ada's own camera"))
	out := append(append(head, tags...), data...)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}

// withICC puts a profile into a JPEG, in parts of some bytes.
func withICC(file, icc []byte, part int) []byte {
	out := append([]byte{}, file[:2]...)
	count := (len(icc) + part - 1) / part
	for n := range count {
		body := append([]byte("ICC_PROFILE\x00"), byte(n+1), byte(count))
		body = append(body, icc[n*part:min(len(icc), (n+1)*part)]...)
		out = binary.BigEndian.AppendUint16(append(out, 0xff, 0xe2), uint16(len(body)+2))
		out = append(out, body...)
	}
	return append(out, file[2:]...)
}

func pngWithICC(file, icc []byte) []byte {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write(icc)
	z.Close()
	chunk := append([]byte("iCCPAda\x00\x00"), packed.Bytes()...)
	out := binary.BigEndian.AppendUint32(append([]byte{}, file[:33]...), uint32(len(chunk)-4))
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, file[33:]...)
}

func flat(c color.Color) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for i := range 48 * 32 {
		m.Set(i%48, i/48, c)
	}
	return m
}

func finest(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// middle is the colour in the middle of what is sent for a file.
func middle(t *testing.T, file []byte) [3]int {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(mustPrint(t, file).Renditions[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	c := color.NRGBAModel.Convert(m.At(24, 16)).(color.NRGBA)
	return [3]int{int(c.R), int(c.G), int(c.B)}
}

func near(a, b [3]int, by int) bool {
	for i := range a {
		if d := a[i] - b[i]; d < -by || d > by {
			return false
		}
	}
	return true
}

// TestColoursOfAnotherProfileComeOutAsTheyWereMeant has its numbers from the
// definitions of the colour spaces, reckoned without profiles.
func TestColoursOfAnotherProfileComeOutAsTheyWereMeant(t *testing.T) {
	for _, c := range []struct {
		name     string
		icc      []byte
		in, want [3]int
	}{
		{"Display P3", iccOf(ofP3, curveSRGB()), [3]int{200, 100, 50}, [3]int{215, 93, 31}},
		{"Display P3", iccOf(ofP3, curveSRGB()), [3]int{90, 160, 110}, [3]int{61, 162, 105}},
		{"Display P3, grey", iccOf(ofP3, curveSRGB()), [3]int{128, 128, 128}, [3]int{128, 128, 128}},
		{"Display P3, beyond sRGB", iccOf(ofP3, curveSRGB()), [3]int{255, 0, 0}, [3]int{255, 0, 0}},
		{"Display P3 by a table", iccOf(ofP3, curveTable()), [3]int{120, 90, 150}, [3]int{126, 88, 154}},
		{"Adobe RGB", iccOf(ofAdobe, curveAdobe()), [3]int{200, 100, 50}, [3]int{227, 100, 42}},
		{"Adobe RGB", iccOf(ofAdobe, curveAdobe()), [3]int{120, 90, 150}, [3]int{131, 90, 153}},
		{"Adobe RGB, white", iccOf(ofAdobe, curveAdobe()), [3]int{255, 255, 255}, [3]int{255, 255, 255}},
		{"sRGB", iccOf(ofSRGB, curveSRGB()), [3]int{200, 100, 50}, [3]int{200, 100, 50}},
		{"none", nil, [3]int{200, 100, 50}, [3]int{200, 100, 50}},
		{"cut off", iccOf(ofP3, curveSRGB())[:180], [3]int{200, 100, 50}, [3]int{200, 100, 50}},
	} {
		m := flat(color.RGBA{uint8(c.in[0]), uint8(c.in[1]), uint8(c.in[2]), 255})
		for format, file := range map[string][]byte{"JPEG": withICC(finest(m), c.icc, 60_000), "JPEG in parts": withICC(finest(m), c.icc, 90), "PNG": pngWithICC(asPNG(m), c.icc)} {
			if got := middle(t, file); !near(got, c.want, 4) { // two JPEGs lie between
				t.Errorf("%s, %s: %v became %v, want %v", c.name, format, c.in, got, c.want)
			}
			for _, r := range mustPrint(t, file).Renditions {
				if bytes.Contains(r.Body, []byte("Ada")) || bytes.Contains(r.Body, []byte("ICC")) || bytes.Contains(r.Body, []byte("iCCP")) {
					t.Errorf("%s, %s: the profile came through", c.name, format)
				}
			}
		}
	}
	seen := flat(color.NRGBA{200, 100, 50, 128}) // half clear
	if got := middle(t, pngWithICC(asPNG(seen), iccOf(ofP3, curveSRGB()))); !near(got, [3]int{215, 93, 31}, 5) {
		t.Errorf("half clear: %v", got)
	}
}

// TestALossyWebPKeepsItsContrast has brightness and colour at the ends of VP8's
// range: black stays black.
func TestALossyWebPKeepsItsContrast(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 3, 1), image.YCbCrSubsampleRatio444)
	copy(m.Y, []uint8{16, 235, 126})
	copy(m.Cb, []uint8{128, 128, 240})
	copy(m.Cr, []uint8{128, 128, 16})
	widen(m)
	if got := [3]uint8(m.Y); got != [3]uint8{0, 255, 128} {
		t.Errorf("brightness is %v, want 0, 255, 128", got)
	}
	if cb, cr := m.Cb[2], m.Cr[2]; cb != 255 || cr > 1 {
		t.Errorf("colour is %d, %d, want it at its ends", cb, cr)
	}
}

func FuzzProfile(f *testing.F) {
	f.Add(iccOf(ofP3, curveSRGB()))
	f.Add(iccOf(ofAdobe, curveAdobe()))
	f.Add(iccOf(ofSRGB, curveTable()))
	f.Fuzz(func(t *testing.T, icc []byte) {
		p := readProfile(icc)
		p.convert(image.NewRGBA(image.Rect(0, 0, 2, 2)))
		if p != nil {
			p.colour(255, 0, 128)
		}
	})
}
