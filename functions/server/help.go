package main

import (
	"context"
	"fmt"
	"strings"
)

// help prints the table of verbs, or the usage of those that begin with the
// words that were given.
func help(_ context.Context, args []string, to console) error {
	about := strings.Join(args, " ")
	var found []verb
	for _, v := range verbs() {
		if v.name == about || about == "" || strings.HasPrefix(v.name, about+" ") {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return usageError(fmt.Sprintf("there is no verb %q", about))
	}
	if about == "" {
		fmt.Fprint(to.out, "Confab is live chat on the web.\n\n")
	}
	fmt.Fprintln(to.out, "usage:")
	width := 0
	for _, v := range found {
		width = max(width, len(v.line()))
	}
	for _, v := range found {
		fmt.Fprintf(to.out, "  %-*s  %s\n", width, v.line(), v.does)
	}
	if about == "" {
		fmt.Fprintln(to.out, "\nWithout a verb it serves. Settings come from the environment:\n.github/docs/running.md lists them.")
	}
	return nil
}
