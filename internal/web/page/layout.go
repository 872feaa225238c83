package page

import "github.com/cartkeep/cartkeep/internal/catalog"

// Layout is what the frame around a page shows. Every page has one.
type Layout struct {
	Nav       []Link // collections
	CartCount int64  // units in the cart; CountLater leaves CartMark
	GPC       bool   // the browser asks not to be sold or shared, and we say that we heard it
	Flash     Flash  // what just happened; zero for nothing
	Shop      string // the shop's name as it is now; "" for the one it began with
	Closed    bool   // there are no accounts, so nothing leads to one
	Words     []Link // the shop's own texts that there are, for the footer
	Console   bool   // the page is the staff console's: nothing leads into the shop
}

func (l Layout) layout() Layout { return l }

// Link is a link inside the shop or to a page the merchant chose.
type Link struct {
	Text string
	URL  string
}

// Fact is one true sentence with where to check it. A fact is data: whoever
// fills it in answers for it.
type Fact struct {
	Text string // "30 days to send it back"
	More string // a smaller second line; may be empty
	Link Link   // where it is explained or proved; zero for none
}

// Flash tells what the last act did, once.
type Flash struct {
	Text string
	Undo Undo // zero: nothing to undo
	Link Link // where to go on; zero for none
}

// Undo puts a removed line back, by adding its variant again.
type Undo struct {
	Variant  catalog.VariantID
	Quantity int64
}

// head is what a page says about itself, to title bars and machines.
type head struct {
	Title       string // without the shop's name; "" for the shop itself
	Description string
	Canonical   string   // whole URL; "" for none
	NoIndex     bool     // personal, or of no use in a search engine
	Wrong       bool     // the form has mistakes: the title begins with "Error: "
	Current     string   // path of the navigation link that is this page
	Query       string   // what the search field shows
	Picture     *sharing // what is shown where a link is shared; nil for none
	Kind        string   // of a shared link: "product"; "" is a website
	Data        *graph   // JSON-LD; nil for none
	Passkeys    bool     // the page runs ceremonies of passkeys
	Fields      string   // the script of a payment service's card fields, on their one page; "" for none
}

func (s site) canonical(path string) string {
	if s.BaseURL == "" {
		return ""
	}
	return s.BaseURL + path
}
