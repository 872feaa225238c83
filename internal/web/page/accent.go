package page

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// readable is the contrast that WCAG 2.2 asks of text (criterion 1.4.3).
const readable = 4.5

// The grounds text stands on, as in the tokens of style.css: paper, and the
// leaf one step off it. A test keeps the two files together.
const (
	paperLight, leafLight = "#fbf8f2", "#f3eee3"
	paperDark, leafDark   = "#181613", "#23201a"
	onLight, onDark       = "#fffdf7", "#14120e" // text on the accent
	defaultAccent         = "#1f5d4a"
)

// Accent is the merchant's colour made readable: one tone on light paper, one
// on dark.
type Accent struct {
	Light, Dark string // #rrggbb
	Adjusted    bool   // the colour given was too faint on light paper and was darkened
}

// ParseAccent reads #rrggbb, or "" for the default. A colour that can't be
// read as text on paper keeps its hue and is made darker, and lighter for dark
// paper, until it can.
func ParseAccent(s string) (Accent, error) {
	if s == "" {
		s = defaultAccent
	}
	c, err := parseColour(s)
	if err != nil {
		return Accent{}, err
	}
	light := c.until(-0.005, leafLight, readable)
	// On dark paper a colour that only just passes looks dull, and a full one
	// glows: ask for more light and less colour.
	hue, full, lightness := c.hsl()
	dark := fromHSL(hue, full*0.6, lightness).until(+0.005, leafDark, 7)
	return Accent{Light: light.String(), Dark: dark.String(), Adjusted: light != c}, nil
}

// css is the generated theme: two custom properties, and nothing else a
// merchant could break.
func (a Accent) css() string {
	return fmt.Sprintf("@layer tokens, theme;\n@layer theme {\n  :root { --accent: light-dark(%s, %s); --on-accent: light-dark(%s, %s) }\n}\n",
		a.Light, a.Dark, onLight, onDark)
}

// colour is sRGB, each part 0 to 255.
type colour [3]uint8

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

func parseColour(s string) (colour, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return colour{}, errors.New("page: an accent is written #rrggbb")
	}
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// until moves the lightness by steps until the contrast with the ground is
// enough. Black and white end it: they pass on any paper of ours.
func (c colour) until(step float64, ground string, want float64) colour {
	g, _ := parseColour(ground)
	h, s, l := c.hsl()
	for out := c; ; out = fromHSL(h, s, l) {
		if contrast(out, g) >= want {
			return out
		}
		if l += step; l < 0 || l > 1 {
			return out
		}
	}
}

// contrast is the ratio of WCAG 2.2, 1 to 21.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c colour) luminance() float64 {
	part := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c[0]) + 0.7152*part(c[1]) + 0.0722*part(c[2])
}

func (c colour) hsl() (h, s, l float64) {
	r, g, b := float64(c[0])/255, float64(c[1])/255, float64(c[2])/255
	hi, lo := max(r, g, b), min(r, g, b)
	l = (hi + lo) / 2
	d := hi - lo
	if d == 0 {
		return 0, 0, l
	}
	s = d / (1 - math.Abs(2*l-1))
	switch hi {
	case r:
		h = math.Mod((g-b)/d+6, 6)
	case g:
		h = (b-r)/d + 2
	default:
		h = (r-g)/d + 4
	}
	return h, s, l
}

func fromHSL(h, s, l float64) colour {
	chroma := (1 - math.Abs(2*l-1)) * s
	x := chroma * (1 - math.Abs(math.Mod(h, 2)-1))
	rgb := [6][3]float64{{chroma, x, 0}, {x, chroma, 0}, {0, chroma, x}, {0, x, chroma}, {x, 0, chroma}, {chroma, 0, x}}[int(h)%6]
	var c colour
	for i, v := range rgb {
		c[i] = uint8(math.Round(255 * min(max(v+l-chroma/2, 0), 1)))
	}
	return c
}
