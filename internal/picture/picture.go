// Package picture makes pictures of others safe and small to show.
//
// What comes in is JPEG, PNG, GIF (its first frame) or WebP, told apart by its
// first bytes and by nothing else. What goes out is drawn anew from the pixels
// alone, so no byte of the file survives: neither the place where a photo was
// taken nor a script that hides behind a picture's header.
//
//	bytes ── kind ── size from the header ── decode ── scale ── turn ── encode
//	          │             │                   │                         │
//	     SVG, HTML, …    too large           broken                 JPEG, or PNG
//	      refused         refused            refused             when one can see through
//
// A small file can claim to be a huge picture. So the size is read from the
// header first, of every part that the decoder would believe; what decoding and
// drawing will take follows from it and is bounded (room.go), and a Press draws
// one picture at a time.
//
// Pages have no profiles of colours: what comes out is sRGB. Colours that a
// file tells by another profile are converted (colour.go).
//
// Fetcher brings pictures, and files that are sold, from other hosts; which
// hosts it never calls is in guard.go. The package knows no rows: names and
// bytes are kept by the store.
//
// Start reading at Press.Print.
package picture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"time"

	"github.com/cartkeep/cartkeep/internal/fault"
)

// Bounds of one picture. Beyond them it is refused before it is decoded.
const (
	MaxBytes  = 10 << 20   // of the file
	MaxPixels = 24_000_000 // width times height
	MaxSide   = 12_000     // the longer side
	MaxRoom   = 160 << 20  // bytes of memory at the peak of decoding and drawing it
	maxScans  = 64         // of one JPEG: each walks over the whole picture, and a few bytes make one
)

// patience is how long one picture may take to decode.
const patience = 20 * time.Second

// widths are those that a picture is drawn in, when it is as wide. The last is
// the largest that a page shows.
var widths = [...]int{360, 720, 1440}

// Types of what a Press makes.
const (
	TypeJPEG = "image/jpeg"
	TypePNG  = "image/png"
)

// Rendition is a picture in one width, ready to be sent.
type Rendition struct {
	Width, Height int
	Body          []byte
}

// Set is one picture in each of its widths, the smallest first.
type Set struct {
	Hash       string // of all its renditions: the same pixels always have the same
	Type       string
	Renditions []Rendition
}

// Press draws pictures anew, one at a time: a decoded picture needs a hundred
// times the room of its file.
type Press struct{ turn chan struct{} }

// NewPress returns a Press that nobody is using.
func NewPress() *Press { return &Press{turn: make(chan struct{}, 1)} }

// Print draws a picture in each width. It refuses with fault.Invalid what it
// can't draw; another error says that ctx ended.
func (p *Press) Print(ctx context.Context, file []byte) (Set, error) {
	k, size, need, err := look(file)
	if err != nil {
		return Set{}, err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return Set{}, ctx.Err()
	}
	short, done := context.WithTimeout(ctx, patience)
	defer done()
	defer leave(need)
	set, err := drawAnew(short, k, size, need, file)
	if short.Err() != nil && ctx.Err() == nil {
		return Set{}, refuse("The picture takes too long to draw.")
	}
	return set, err
}

func drawAnew(ctx context.Context, k kind, size image.Point, need int, file []byte) (Set, error) {
	pixels, err := decode(ctx, k, file)
	if err != nil {
		return Set{}, err
	}
	if got := pixels.Bounds().Size(); got.X > size.X || got.Y > size.Y {
		return Set{}, refuse("The picture is larger than it says.")
	}
	tidy(need)
	top := largest(pixels, orientation(k, file))
	readProfile(profileIn(k, file)).convert(top)
	tidy(need)
	set, err := draw(ctx, top)
	set.Hash = hash(set.Renditions)
	return set, err
}

// hash names what is sent, not what came in: a picture that is drawn
// differently one day gets another name, and copies in caches stay right.
func hash(all []Rendition) string {
	h := sha256.New()
	for _, r := range all {
		fmt.Fprintf(h, "%d %d %d\n", r.Width, r.Height, len(r.Body))
		h.Write(r.Body)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func refuse(text string) error { return fault.New(fault.Invalid, text) }
