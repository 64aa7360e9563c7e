package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"confab/functions/server/doctor"
)

// A console is where a verb writes: what was asked for, and everything else.
type console struct{ out, err io.Writer }

// A verb is a thing that the command does. Its name may have two words.
type verb struct {
	name  string
	usage string // what follows the name
	does  string
	run   func(ctx context.Context, args []string, to console) error
}

// line is how one calls it.
func (v verb) line() string { return strings.TrimSpace("confab " + v.name + " " + v.usage) }

// verbs is the table of them. The first is the default.
func verbs() []verb {
	return []verb{
		{"serve", "", "serve the rooms and the page; settings come from the environment", serve},
		{"doctor", "[-idle 65s] [-room doctor] [-ca file] URL", "look from outside at the path to a server", examine},
		{"doctor redis", "[URL]", "look at how a Redis is set up for a chat; without URL that of REDIS_URL", examineRedis},
		{"backup", "FILE", "copy the rooms of DATA_DIR to a file, also while the server runs", backup},
		{"restore", "FILE", "put a backup in DATA_DIR, where no chat is yet", restore},
		{"token", "[-operator] [-name NAME] [-days 30]", "print a session for a program, or with -operator for whoever owns every room", token},
		{"version", "", "print what was built, and from what", version},
		{"help", "[verb]", "print this list, or how to use a verb", help},
	}
}

// A usageError is what is wrong with a command line.
type usageError string

func (e usageError) Error() string { return string(e) + `; "confab help" lists all verbs` }

const (
	exitFailed = 1
	exitUsage  = 2
)

// command does what the arguments say and returns the exit code.
func command(ctx context.Context, args []string, to console) int {
	v, rest, err := lookup(args)
	if err == nil {
		err = v.run(ctx, rest, to)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(to.err, "confab:", err)
	if _, wrong := errors.AsType[usageError](err); wrong || errors.Is(err, doctor.ErrUsage) {
		return exitUsage
	}
	return exitFailed
}

// lookup finds the verb that the arguments name, and returns it with the
// arguments that are left. A verb of two words goes before one of one word.
func lookup(args []string) (verb, []string, error) {
	all := verbs()
	if len(args) == 0 {
		return all[0], nil, nil
	}
	if isHelp(args[0]) {
		return named("help"), args[1:], nil
	}
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		for _, v := range all {
			if v.name != name {
				continue
			}
			if rest := args[words:]; len(rest) == 1 && isHelp(rest[0]) {
				return named("help"), args[:words], nil
			}
			return v, args[words:], nil
		}
	}
	return verb{}, nil, usageError(fmt.Sprintf("there is no verb %q; did you mean %q", args[0], nearest(args[0], all)))
}

func named(name string) verb {
	for _, v := range verbs() {
		if v.name == name {
			return v
		}
	}
	return verb{}
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// nearest returns the name of the verb that takes the fewest edits to reach.
func nearest(word string, all []verb) string {
	best, least := "", len(word)+100
	for _, v := range all {
		if d := edits(word, v.name); d < least {
			best, least = v.name, d
		}
	}
	return best
}

// edits is the Levenshtein distance between two words.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitution := diagonal
			if a[i] != b[j] {
				substitution++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitution, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// noArguments refuses arguments of a verb that takes none.
func noArguments(name string, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Sprintf("%s takes no arguments, not %q", name, args[0]))
	}
	return nil
}
