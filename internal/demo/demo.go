// Package demo holds the shop that a first look at Cartkeep opens: the goods,
// words and pictures of Hazelmott, a workshop that does not exist.
//
// It knows a product list (products.csv, in the columns of Shopify's product
// export) and one drawing for each product. It does not know how a list is
// imported or a picture served: the list goes through the same import as any
// merchant's file, where an image source "demo:NAME.svg" means Picture(NAME.svg).
//
// The drawings are made to be used as they are: presentation attributes only,
// no style, script or reference, so they are at home under a strict policy
// header. Their ground is transparent and their <title> is the picture's alt text.
// Each has a copy in pixels, for services that show a picture beside a link.
package demo

import (
	"bytes"
	"embed"
	"io"
	"path"
)

// What the demo shop calls itself, and the line below its name.
const (
	ShopName = "Hazelmott"
	Tagline  = "Useful things for the house, made slowly in one small workshop."
	Currency = "EUR" // the currency of the prices in Products
)

// Where goods can be collected, and when.
const (
	PickupPlace = "Hazelmott workshop\nAm Haselbach 3\n01768 Beispielhausen" // a town that does not exist
	PickupHours = "Monday to Friday, 10:00 to 17:00. We write to you when it is ready."
)

// Scheme opens the image source of a product that is drawn in this package.
const Scheme = "demo:"

//go:embed products.csv
var products []byte

//go:embed pictures/*.svg
var pictures embed.FS

//go:embed share
var copies embed.FS

// Size of the copies for sharing.
const ShareWidth, ShareHeight = 1200, 630

// Products returns the product list, ready for the importer.
func Products() io.Reader { return bytes.NewReader(products) }

// Collections names the shelves in the order of the shop's menu. Each is the
// "Type" of some products.
func Collections() []string {
	return []string{"Kitchen", "Table", "Rooms", "Garden", "Desk"}
}

// Pictures names all drawings, sorted.
func Pictures() []string {
	entries, err := pictures.ReadDir("pictures")
	if err != nil { // The folder is part of the program: there is nobody to tell.
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Picture returns a drawing by its file name, such as "day-book.svg", or its
// copy for sharing, "day-book.jpg". Any other name has none.
func Picture(name string) ([]byte, bool) {
	if name == "" || path.Base(name) != name {
		return nil, false
	}
	b, err := pictures.ReadFile("pictures/" + name)
	if err != nil {
		b, err = copies.ReadFile("share/" + name)
	}
	return b, err == nil
}
