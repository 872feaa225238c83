package picture

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	xdraw "golang.org/x/image/draw"
)

// quality is where the eye stops to see a difference on goods.
const quality = 80

// strip is how many pixels in between are scaled at once. The scaler wants 32
// bytes for each; a whole picture of those would be half a gigabyte.
const strip = 64 << 10

// largest draws a decoded picture the right way up, as wide as it is shown at
// most. A picture narrower than that is not enlarged.
func largest(pixels image.Image, turn int) *image.RGBA {
	size := pixels.Bounds().Size()
	if turn > 4 {
		size.X, size.Y = size.Y, size.X
	}
	w := min(widths[len(widths)-1], size.X)
	raw := image.Pt(w, heightFor(w, size))
	if turn > 4 {
		raw.X, raw.Y = raw.Y, raw.X
	}
	return turned(scaled(pixels, raw), turn)
}

// draw makes the renditions of a picture, each from the next larger one.
func draw(ctx context.Context, top *image.RGBA) (Set, error) {
	drawn, size := []*image.RGBA{top}, top.Rect.Size()
	for i := len(widths) - 1; i >= 0; i-- {
		if widths[i] >= size.X {
			continue
		}
		if err := ctx.Err(); err != nil {
			return Set{}, fmt.Errorf("draw a picture: %w", err)
		}
		drawn = append(drawn, scaled(drawn[len(drawn)-1], image.Pt(widths[i], heightFor(widths[i], size))))
	}
	set := Set{Type: TypeJPEG}
	if !top.Opaque() {
		set.Type = TypePNG
	}
	for i := len(drawn) - 1; i >= 0; i-- {
		body, err := encode(set.Type, drawn[i])
		if err != nil {
			return Set{}, fmt.Errorf("encode a picture: %w", err)
		}
		at := drawn[i].Bounds().Size()
		set.Renditions = append(set.Renditions, Rendition{at.X, at.Y, body})
	}
	return set, nil
}

func heightFor(width int, size image.Point) int {
	return max(1, (width*size.Y+size.X/2)/size.X)
}

func encode(typ string, m *image.RGBA) ([]byte, error) {
	var out bytes.Buffer
	if typ == TypePNG {
		err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, m)
		return out.Bytes(), err
	}
	err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

// scaled draws src in another size: rows first, then columns, strip by strip.
// The other direction stays as it is meanwhile, which the kernel leaves exact.
func scaled(src image.Image, to image.Point) *image.RGBA {
	from := src.Bounds()
	if from.Size() == to {
		out := image.NewRGBA(image.Rect(0, 0, to.X, to.Y))
		xdraw.Copy(out, image.Point{}, src, from, xdraw.Src, nil)
		return out
	}
	rows := image.NewRGBA(image.Rect(0, 0, to.X, from.Dy()))
	eachStrip(from.Dy(), to.X, func(y, n int, with scaler) {
		with(to.X, n, from.Dx(), n).Scale(rows, image.Rect(0, y, to.X, y+n), src, image.Rect(from.Min.X, from.Min.Y+y, from.Max.X, from.Min.Y+y+n), xdraw.Src, nil)
	})
	out := image.NewRGBA(image.Rect(0, 0, to.X, to.Y))
	eachStrip(to.X, from.Dy(), func(x, n int, with scaler) {
		with(n, to.Y, n, from.Dy()).Scale(out, image.Rect(x, 0, x+n, to.Y), rows, image.Rect(x, 0, x+n, from.Dy()), xdraw.Src, nil)
	})
	return out
}

// scaler makes what scales from one size to another.
type scaler func(dw, dh, sw, sh int) xdraw.Scaler

// eachStrip parts a length into strips. Strips of one size share a scaler, and
// so the room that it works in.
func eachStrip(length, across int, do func(at, n int, with scaler)) {
	n := min(length, max(1, strip/across))
	var shared xdraw.Scaler
	for at := 0; at < length; at += n {
		if rest := length - at; rest < n {
			do(at, rest, xdraw.CatmullRom.NewScaler)
			return
		}
		do(at, n, func(dw, dh, sw, sh int) xdraw.Scaler {
			if shared == nil {
				shared = xdraw.CatmullRom.NewScaler(dw, dh, sw, sh)
			}
			return shared
		})
	}
}

// turned puts a picture the right way up.
func turned(m *image.RGBA, turn int) *image.RGBA {
	if turn == 1 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if turn > 4 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			to := place(x, y, w, h, turn)
			out.SetRGBA(to.X, to.Y, m.RGBAAt(x, y))
		}
	}
	return out
}

// place is where a pixel of a picture of w times h goes, by Exif's numbers.
func place(x, y, w, h, turn int) image.Point {
	switch turn {
	case 2:
		return image.Pt(w-1-x, y)
	case 3:
		return image.Pt(w-1-x, h-1-y)
	case 4:
		return image.Pt(x, h-1-y)
	case 5:
		return image.Pt(y, x)
	case 6:
		return image.Pt(h-1-y, x)
	case 7:
		return image.Pt(h-1-y, w-1-x)
	case 8:
		return image.Pt(y, w-1-x)
	}
	return image.Pt(x, y)
}
