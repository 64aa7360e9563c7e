package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version prints the version of the build, the commit that it was made from,
// if it is known, and what built it for what.
func version(_ context.Context, args []string, to console) error {
	if err := noArguments("version", args); err != nil {
		return err
	}
	built, commit := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		built, commit = info.Main.Version, commitOf(info)
	}
	_, err := fmt.Fprintf(to.out, "confab %s%s %s %s/%s\n", built, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func commitOf(info *debug.BuildInfo) (commit string) {
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = " commit " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += " (modified)"
		}
	}
	return commit
}
