package page

import (
	"regexp"
	"testing"
)

// The script for passkeys comes on top of a page's weight, on the pages that
// need it. That it gets by with the shop's policy is shown in a browser, in
// internal/passkey.
func TestThePasskeyScriptIsSmallAndParsesNoMarkup(t *testing.T) {
	set := shop(t, nil)
	f := set.assets.byPath[set.AssetPath("passkey.js")]
	if f == nil {
		t.Fatal("passkey.js is no asset")
	}
	if got := f.Size(); got > 2560 {
		t.Errorf("got %d bytes compressed, want at most 2560", got)
	}
	if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|DOMParser`).Find(f.body); found != nil {
		t.Errorf("the script holds %s", found)
	}
}
