package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"
)

// kind is a file format that can be read.
type kind int

const (
	isJPEG kind = iota + 1
	isPNG
	isGIF
	isWebP
)

// kindOf goes by the first bytes: names and headers are written by strangers.
func kindOf(file []byte) kind {
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")):
		return isJPEG
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return isPNG
	case bytes.HasPrefix(file, []byte("GIF87a")), bytes.HasPrefix(file, []byte("GIF89a")):
		return isGIF
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		return isWebP
	}
	return 0
}

// look tells what a file is, how large it claims to be and what memory drawing
// it needs, without decoding.
func look(file []byte) (k kind, size image.Point, need int, err error) {
	k = kindOf(file)
	switch {
	case len(file) > MaxBytes:
		return 0, size, 0, refuse("The picture is larger than 10 MB.")
	case k == 0:
		return 0, size, 0, refuse("This is no JPEG, PNG, GIF or WebP picture.")
	}
	size, err = sizeOf(k, file)
	switch {
	case err != nil || size.X < 1 || size.Y < 1:
		return 0, size, 0, refuse("The picture is broken.")
	case size.X > MaxSide || size.Y > MaxSide || size.X*size.Y > MaxPixels:
		return 0, size, 0, refuse("The picture has too many pixels; 24 million are the most, and 12,000 on a side.")
	case k == isJPEG && scans(file) > maxScans:
		return 0, size, 0, refuse("The picture is drawn in too many steps.")
	}
	if need = needs(k, size, file); need > MaxRoom {
		return 0, size, 0, refuse("The picture takes too much memory to draw. Please save it with fewer pixels, or with 8 bits for a colour and not as a progressive JPEG.")
	}
	return k, size, need, nil
}

func sizeOf(k kind, file []byte) (image.Point, error) {
	var c image.Config
	var err error
	r := bytes.NewReader(file)
	switch k {
	case isJPEG:
		c, err = jpeg.DecodeConfig(r)
	case isPNG:
		c, err = png.DecodeConfig(r)
	case isGIF:
		c, err = gif.DecodeConfig(r)
	case isWebP:
		return webpSize(file), nil
	}
	return image.Pt(c.Width, c.Height), err
}

// webpSize is the largest size that any part of the file claims. The frame has
// a size of its own, which the decoder goes by whatever the file's header says.
func webpSize(file []byte) image.Point {
	var size image.Point
	grow := func(x, y int) { size = image.Pt(max(size.X, x), max(size.Y, y)) }
	for name, b := range riff(file) {
		switch {
		case name == "VP8 " && len(b) >= 10:
			grow(int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff))
		case name == "VP8L" && len(b) >= 5:
			n := binary.LittleEndian.Uint32(b[1:])
			grow(int(n&0x3fff)+1, int(n>>14&0x3fff)+1)
		case name == "VP8X" && len(b) >= 10:
			grow(int(b[4])|int(b[5])<<8|int(b[6])<<16+1, int(b[7])|int(b[8])<<8|int(b[9])<<16+1)
		}
	}
	return size
}

// decode gives the file to its decoder, which stops when ctx ends. A decoder
// that falls over a file made for it must not take the shop with it.
func decode(ctx context.Context, k kind, file []byte) (pixels image.Image, err error) {
	defer func() {
		if recover() != nil {
			pixels, err = nil, refuse("The picture is broken.")
		}
	}()
	r := &reader{ctx, bytes.NewReader(file)}
	switch k {
	case isJPEG:
		pixels, err = jpeg.Decode(r)
	case isPNG:
		pixels, err = png.Decode(r)
	case isGIF:
		pixels, err = gif.Decode(r)
	case isWebP:
		pixels, err = webp.Decode(r)
		widen(pixels)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("decode a picture: %w", ctx.Err())
	case err != nil || pixels == nil || pixels.Bounds().Empty():
		return nil, refuse("The picture is broken.")
	}
	return pixels, nil
}

// reader hands out little at a time, so that a decoder notices the end of ctx.
type reader struct {
	ctx  context.Context
	file *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.file.Read(p[:min(len(p), 4096)])
}
