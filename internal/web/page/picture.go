package page

import (
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
	"github.com/cartkeep/cartkeep/internal/demo"
)

// Sizes of drawings, which have none of their own: those of the plates they lie on.
const (
	plateWidth, plateHeight = 720, 780
	headWidth, headHeight   = 1200, 400 // above a shelf
)

// shown is one picture in its place on a page.
type shown struct {
	URL, Alt      string
	Srcset, Sizes string // "" for a drawing
	Width, Height int
	First         bool // seen before anybody scrolls
}

// shownAt readies a picture for a place. What sizes says follows style.css: how
// wide a plate is there on a narrow and on a wide screen.
func shownAt(place string, first bool, p catalog.Picture) shown {
	s := shown{URL: p.URL, Alt: p.Alt, Width: plateWidth, Height: plateHeight, First: first}
	if place == "head" {
		s.Width, s.Height = headWidth, headHeight
	}
	if len(p.Renditions) == 0 {
		return s
	}
	var set []string
	for _, r := range p.Renditions {
		set = append(set, r.URL+" "+strconv.Itoa(r.Width)+"w")
		s.Width, s.Height = r.Width, r.Height
	}
	s.Srcset = strings.Join(set, ", ")
	switch place {
	case "lead":
		s.Sizes = "(min-width: 52rem) 48vw, 92vw"
	case "gallery":
		s.Sizes = "(min-width: 52rem) 24vw, 46vw"
	case "head":
		s.Sizes = "(min-width: 80rem) 74rem, 92vw"
	case "line":
		s.Sizes = "120px"
	default:
		s.Sizes = "(min-width: 44rem) 22vw, 45vw"
	}
	return s
}

// sharing is what other services show beside a link to a page.
type sharing struct {
	URL, Alt      string // the URL whole
	Width, Height int    // 0 when not known
}

// share is the first picture that other services can show: nil for none. They
// take no drawings; each drawing has a copy beside it that they do take.
func (s site) share(pictures ...catalog.Picture) *sharing {
	for _, p := range pictures {
		if p.URL == "" || s.BaseURL == "" {
			continue
		}
		out := &sharing{URL: s.canonical(p.URL), Alt: p.Alt}
		if stem, ok := strings.CutSuffix(out.URL, ".svg"); ok {
			out.URL, out.Width, out.Height = stem+".jpg", demo.ShareWidth, demo.ShareHeight
		}
		if n := len(p.Renditions); n > 0 {
			out.Width, out.Height = p.Renditions[n-1].Width, p.Renditions[n-1].Height
		}
		return out
	}
	return nil
}

// unnamed is a picture beside words that say what it shows.
func unnamed(p catalog.Picture) catalog.Picture {
	p.Alt = ""
	return p
}
