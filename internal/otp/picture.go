package otp

import (
	"fmt"
	"html"
	"strings"

	"rsc.io/qr"
)

// quietZone is the white border that the standard asks for, in modules.
const quietZone = 4

// Picture draws the URI as a QR code: an SVG to be set into a page as it is.
// title is read out to those who can't see it and says where the letters to
// type are. There is no script, style or address in it, so the strictest
// policy lets it through. Black on white in every colour scheme, since many
// cameras read nothing else. The picture is as secret as the secret.
func (s Secret) Picture(issuer, account, title string) (string, error) {
	code, err := qr.Encode(s.URI(issuer, account), qr.M)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	side := code.Size + 2*quietZone
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" shape-rendering="crispEdges">`+
		`<title>%s</title><rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="%s"/></svg>`,
		side, side, html.EscapeString(title), side, side, path.String()), nil
}
