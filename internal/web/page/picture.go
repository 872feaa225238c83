package page

import (
	"strconv"
	"strings"

	"github.com/cartkeep/cartkeep/internal/catalog"
)

// Size of a drawing, which has none of its own: that of the plate it lies on.
const plateWidth, plateHeight = 720, 780

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
	case "line":
		s.Sizes = "120px"
	default:
		s.Sizes = "(min-width: 44rem) 22vw, 45vw"
	}
	return s
}

// unnamed is a picture beside words that say what it shows.
func unnamed(p catalog.Picture) catalog.Picture {
	p.Alt = ""
	return p
}
