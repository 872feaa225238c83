package page

// Sift is the small form above a list: its order and its filters. It is a GET
// form, so what was chosen stands in the address and can be sent to a friend.
type Sift struct {
	Action    string // the page's own path
	Query     string // of a search; kept in the form
	Orders    []Choice
	Groups    []SiftGroup
	Available bool
	Min, Max  string // as typed
	Wrong     string // what is wrong with the prices; "" for nothing
	Currency  string
	Chosen    []Link // each filter in use, with the address of the list without it
	Without   string // the list without any; "" when none is in use
	Total     int    // things in the list
}

// Choice is one value that can be chosen.
type Choice struct {
	Value  string
	Text   string
	Count  int
	Chosen bool
}

// SiftGroup is a group of values: all colours, all makers.
type SiftGroup struct {
	Name   string // of the field
	Legend string
	Values []Choice
}

// Sifted reports whether this is a part of a list that has a page of its own:
// search engines are sent there.
func (s Sift) Sifted() bool { return s.Without != "" }

const (
	FieldOrder     = "sort"
	FieldAvailable = "available"
	FieldMin       = "min"
	FieldMax       = "max"
	FieldAfter     = "after"
	FieldOption    = "o."
)
