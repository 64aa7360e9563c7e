package testenv

import (
	"flag"
	"runtime"
	"strconv"
)

// Parallel lets n tests of a package run at once even on fewer processors,
// unless the command line says how many may. It is for packages whose tests wait
// more than they work, and belongs in TestMain.
func Parallel(n int) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said && n > runtime.GOMAXPROCS(0) {
		_ = flag.Set("test.parallel", strconv.Itoa(n)) // it is a number
	}
}
