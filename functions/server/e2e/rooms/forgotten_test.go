package rooms_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"confab/functions/server/e2e/internal/process"
	"confab/functions/server/e2e/internal/redistest"
	"confab/shared/testenv"
)

// What no way out may give: a text that was deleted, texts that others replaced,
// and the keys under which they were posted.
const (
	deleted  = "token-that-was-deleted"
	replaced = "token-that-was-replaced"
	between  = "token-in-between"
	keyed    = "key-of-the-author"
	lastText = "what-it-reads-now"
	theEnd   = "here-it-ends"
)

// erasedWithin is how long the files of an engine may hold what was deleted, and
// what this test waits for it.
const erasedWithin = time.Minute

// A gone is a server in whose room a line was deleted and another one edited,
// while somebody read.
type gone struct {
	*process.Server
	reader  *http.Client
	cursors map[string]string // by where they are
	files   func() []byte     // all that the engine has on disk
}

func TestNothingDeletedReturns(t *testing.T) {
	t.Parallel()
	for engine, start := range map[string]func(*testing.T) *gone{"built-in": startBuiltIn, "Redis": startOnRedis} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			g := start(t)
			g.talk(t)
			for _, way := range slices.Sorted(maps.Keys(waysOut)) {
				for where, cursor := range g.cursors {
					for _, found := range tokensIn(waysOut[way](t, g, cursor)) {
						t.Errorf("%s, %s: gives %s", way, where, found)
					}
				}
			}
			g.awaitFiles(t)
			t.Logf("%s: %d ways, each with %d cursors, and the files", engine, len(waysOut), len(g.cursors))
		})
	}
}

func startBuiltIn(t *testing.T) *gone {
	dir := t.TempDir()
	s := process.Start(t, "DATA_DIR="+dir, "STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0")
	return &gone{Server: s, files: func() []byte { return contents(t, dir) }}
}

func startOnRedis(t *testing.T) *gone {
	r := redistest.New(t, "--rdbcompression", "no")
	s := process.Start(t, "REDIS_URL="+r.URL(), "STREAMS_PER_USER=0", "STREAMS_PER_ADDRESS=0")
	return &gone{Server: s, files: func() []byte { r.Must("SAVE"); return contents(t, r.Dir) }}
}

func contents(t *testing.T, dir string) (all []byte) {
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Type().IsRegular() {
			b, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
	}
	return all
}

// talk has everything happen, with readers on the way so that the hub knows of
// it, and notes the cursors that one may come back with.
func (g *gone) talk(t *testing.T) {
	ann := g.Login("ann")
	g.reader = g.Login("bob")
	watching := process.Follow(t.Context(), func() string { return g.URL }, "0-0", "den")
	post := func(text string) process.Event {
		code, ev, err := g.Post(ann, "den", text, keyed+text)
		if code != http.StatusCreated || err != nil {
			t.Fatal(code, err)
		}
		return ev
	}
	before := post("before")
	secret, edited := post(deleted), post(replaced)
	after := post("after")
	for _, text := range []string{between, lastText} {
		g.change(t, ann, "PATCH", edited.ID, text)
	}
	g.change(t, ann, "DELETE", secret.ID, "")
	end := post(theEnd)
	watching.Await(t, "the end", process.AtLeast(5))
	g.cursors = map[string]string{"from the start": "0-0", "after what was before": before.ID, "after the deleted line": secret.ID,
		"after the edited line": edited.ID, "after a line between": after.ID, "at the end": end.Prev}
}

func (g *gone) change(t *testing.T, as *http.Client, method, id, text string) {
	req, err := http.NewRequest(method, g.URL+"/r/den/"+id, strings.NewReader(fmt.Sprintf(`{"text":%q}`, text)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", keyed+text)
	res, err := as.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, id, res.Status)
	}
}

// awaitFiles waits for the engine to have erased its files.
func (g *gone) awaitFiles(t *testing.T) {
	if !bytes.Contains(g.files(), []byte(lastText)) {
		t.Errorf("the files do not hold %q, so nothing was looked at", lastText)
	}
	began := time.Now()
	if !testenv.Holds(erasedWithin, func() bool { return len(tokensIn(g.files())) == 0 }) {
		t.Errorf("after %v the files hold %q", erasedWithin, tokensIn(g.files()))
	}
	t.Logf("erased from the files within %v", time.Since(began).Round(time.Second))
}

func tokensIn(b []byte) (found []string) {
	for _, token := range []string{deleted, replaced, between, keyed} {
		if bytes.Contains(b, []byte(token)) {
			found = append(found, token)
		}
	}
	return found
}
