// Package account has the ways to prove who somebody is, beside saying a name:
// what is shown to another device.
//
// It knows no route and no store. What it makes and checks is given to package
// web by those who need it, so that a function links only its own.
package account

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

const quiet = 4 // modules around a code, which readers need (ISO/IEC 18004)

// QR draws a text as a QR code, in SVG, black on white whatever is around it.
func QR(text string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	side := code.Size + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="`, side)
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}
