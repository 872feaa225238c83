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

// strip is how many rows or columns are scaled at once. The scaler wants 32
// bytes for each pixel in between; a whole picture of those would be half a
// gigabyte.
const strip = 128

// draw makes the renditions of a decoded picture. A picture narrower than a
// width is not enlarged: its own width takes the place.
func draw(ctx context.Context, pixels image.Image, turn int) (Set, error) {
	size := pixels.Bounds().Size()
	if turn > 4 {
		size.X, size.Y = size.Y, size.X
	}
	var drawn []*image.RGBA // the largest first: each is made from the one before
	for i := len(widths) - 1; i >= 0; i-- {
		w := min(widths[i], size.X)
		if i > 0 && w <= widths[i-1] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return Set{}, fmt.Errorf("draw a picture: %w", err)
		}
		if len(drawn) == 0 {
			raw := image.Pt(w, heightFor(w, size))
			if turn > 4 {
				raw.X, raw.Y = raw.Y, raw.X
			}
			drawn = append(drawn, turned(scaled(pixels, raw), turn))
			continue
		}
		drawn = append(drawn, scaled(drawn[len(drawn)-1], image.Pt(w, heightFor(w, size))))
	}
	set := Set{Type: TypeJPEG}
	if !drawn[0].Opaque() {
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
	rows := image.NewRGBA(image.Rect(0, 0, to.X, from.Dy()))
	for y := 0; y < from.Dy(); y += strip {
		end := min(y+strip, from.Dy())
		xdraw.CatmullRom.Scale(rows, image.Rect(0, y, to.X, end), src, image.Rect(from.Min.X, from.Min.Y+y, from.Max.X, from.Min.Y+end), xdraw.Src, nil)
	}
	out := image.NewRGBA(image.Rect(0, 0, to.X, to.Y))
	for x := 0; x < to.X; x += strip {
		end := min(x+strip, to.X)
		xdraw.CatmullRom.Scale(out, image.Rect(x, 0, end, to.Y), rows, image.Rect(x, 0, end, from.Dy()), xdraw.Src, nil)
	}
	return out
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
