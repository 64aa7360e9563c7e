//go:build !unix

package testenv

import "os"

// Freeze and Thaw are signals that this system does not know: sending them is
// an error and changes nothing.
var Freeze, Thaw os.Signal = os.Interrupt, os.Interrupt
