package page

import (
	"fmt"
	"time"
)

// PathDownloads is where files wait: + token; GET shows the button, POST sends.
const PathDownloads = "/downloads/"

// Digital is what an order has that is not sent by post.
type Digital struct {
	Files   []Link
	Keys    []LicenceKey
	Waiting bool // something is still to be handed out
}

// LicenceKey is one key and what it is for.
type LicenceKey struct{ Title, Key string }

// Any reports whether there is something to show.
func (d Digital) Any() bool { return len(d.Files)+len(d.Keys) > 0 || d.Waiting }

// Download is the page with the button that starts a download.
type Download struct {
	Layout
	Name string
	Size int64
	Left int64
	Ends time.Time
	Open bool
}

func (Download) template() string { return "download" }
func (Download) head(site) head   { return head{Title: "Your download", NoIndex: true} }

// SizeWords is the size for people.
func (p Download) SizeWords() string {
	if p.Size < 1<<20 {
		return fmt.Sprintf("%d KB", (p.Size+1023)>>10)
	}
	return fmt.Sprintf("%.1f MB", float64(p.Size)/(1<<20))
}
