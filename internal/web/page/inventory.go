package page

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cartkeep/cartkeep/internal/paymentpage"
)

// reasons says why a page loads each of the assets. One without a reason can't be
// served: the start fails (PCI DSS 4.0.1, 6.4.3).
var reasons = map[string]string{
	"style.css":   "How every page looks.",
	"theme.css":   "The colour that the merchant chose.",
	"favicon.svg": "The picture on the browser’s tab.",
	"shop.js":     "Comforts: changing the cart without loading the page again, the price of the variant picked, marking a mistake in a form; and telling the shop when a page holds a script that is not its own.",
	"passkey.js":  "Signing in with a passkey, which browsers allow to scripts alone. Loaded where somebody signs in or looks after their account.",
	"card.js":     "Hands a payment to the card fields of the payment service, and lets that service’s script load nothing but its own. Loaded on the one page with such fields.",
	"work.js":     "A sum that makes trying many passwords or cards dear. Loaded while the shop is under attack, by forms that are tried.",
}

// assetOwner answers for the assets: they come with the program, and nobody can add one
// at run time.
const assetOwner = "Cartkeep, as part of the program"

// Inventory lists every script, style sheet and icon that pages load.
func (s *Set) Inventory() []paymentpage.Entry { return s.assets.inventory }

var assetKinds = map[string]paymentpage.Kind{".css": paymentpage.Style, ".js": paymentpage.Script, ".svg": paymentpage.Icon}

// list makes the inventory of what was added.
func (as *assets) list() error {
	for name, a := range as.byName {
		if reasons[name] == "" {
			return fmt.Errorf("page: asset %s has no reason in the inventory", name)
		}
		as.inventory = append(as.inventory, paymentpage.Entry{Kind: assetKinds[path.Ext(name)], Path: a.Path, Integrity: a.Integrity, Owner: assetOwner, Reason: reasons[name]})
	}
	slices.SortFunc(as.inventory, func(a, b paymentpage.Entry) int { return strings.Compare(a.Path, b.Path) })
	return nil
}
