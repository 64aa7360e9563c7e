//go:build !unix && !function

package redis

import (
	"os"
)

// lock trusts the operator: this system has no lock that ends with its owner.
func lock(*os.File) error { return nil }
