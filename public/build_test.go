package public_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// A bundle is what the compiler made of some sources.
type bundle struct {
	files   map[string][]byte   // by their addresses
	of      map[string]string   // source to the address of what it became
	imports map[string][]string // address to the addresses that it imports at once
}

// build makes what a browser gets: the files by their addresses.
func build(tb testing.TB) map[string][]byte {
	tb.Helper()
	b := compile(tb, api.BuildOptions{
		EntryPoints: []string{"js/main.js", "css/base.css", "css/page.css", "css/seldom.css"},
		Outdir:      "app",
		EntryNames:  "[name]-[hash]",
		ChunkNames:  "[name]-[hash]",
		Format:      api.FormatESModule,
		Splitting:   true,
		Sourcemap:   api.SourceMapLinked,
	})
	page, err := os.ReadFile("page.html")
	if err != nil {
		tb.Fatal(err)
	}
	markup := b.rewrite(tb, string(page))
	worker := compile(tb, api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{{InputPath: "js/worker.js", OutputPath: "sw"}},
		Outdir:              ".",
		Format:              api.FormatIIFE,
		Define:              b.release(markup),
	})
	b.files["/index.html"] = []byte(markup)
	for _, lang := range []string{"en", "zh"} {
		b.files["/room."+lang+".json"] = b.room(tb, string(page), lang)
	}
	b.files["/sw.js"] = worker.files["/sw.js"]
	return b.files
}

func compile(tb testing.TB, o api.BuildOptions) *bundle {
	tb.Helper()
	o.AbsWorkingDir, _ = os.Getwd()
	o.Bundle, o.Metafile, o.Target, o.SourcesContent = true, true, api.ESNext, api.SourcesContentExclude
	o.MinifyWhitespace, o.MinifyIdentifiers, o.MinifySyntax = true, true, true
	result := api.Build(o)
	for _, m := range slices.Concat(result.Errors, result.Warnings) {
		tb.Fatalf("%s: %v", m.Text, m.Location)
	}
	b := &bundle{files: map[string][]byte{}, of: map[string]string{}, imports: map[string][]string{}}
	for _, f := range result.OutputFiles {
		rel, err := filepath.Rel(o.AbsWorkingDir, f.Path)
		if err != nil {
			tb.Fatal(err)
		}
		if !strings.HasSuffix(rel, ".css.map") { // a style sheet reads well enough
			b.files["/"+filepath.ToSlash(rel)] = []byte(strings.TrimSuffix(string(f.Contents), "/*# sourceMappingURL="+filepath.Base(rel)+".map */\n"))
		}
	}
	var meta struct {
		Outputs map[string]struct {
			EntryPoint string
			Imports    []struct{ Path, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(result.Metafile), &meta); err != nil {
		tb.Fatal(err)
	}
	for name, out := range meta.Outputs {
		address := "/" + name
		if out.EntryPoint != "" && !strings.HasSuffix(name, ".map") {
			b.of["/"+out.EntryPoint] = address
		}
		for _, i := range out.Imports {
			if i.Kind == "import-statement" {
				b.imports[address] = append(b.imports[address], "/"+i.Path)
			}
		}
	}
	return b
}

var tag = regexp.MustCompile(`(?m)^( *)<(?:link|script)[^>]* (?:href|src)="(/(?:js|css)/[^"]+)".*\n`)

// rewrite has a page ask for what its sources became, and at once for what
// that imports.
func (b *bundle) rewrite(tb testing.TB, page string) string {
	tb.Helper()
	return tag.ReplaceAllStringFunc(page, func(line string) string {
		m := tag.FindStringSubmatch(line)
		made := b.of[m[2]]
		if made == "" {
			tb.Fatalf("nothing was made of %s", m[2])
		}
		line = strings.Replace(line, m[2], made, 1)
		for _, more := range b.imports[made] {
			line += fmt.Sprintf("%s<link rel=\"modulepreload\" href=\"%s\">\n", m[1], more)
		}
		return line
	})
}

// release is what the service worker keeps, and a name for all of it.
func (b *bundle) release(markup string) map[string]string {
	keep := []string{"/icons/icon.svg", "/manifest.webmanifest"}
	for _, source := range []string{"/css/base.css", "/css/page.css", "/js/main.js", "/js/room/page.js"} {
		keep = append(append(keep, b.of[source]), b.imports[b.of[source]]...)
	}
	slices.Sort(keep)
	list, _ := json.Marshal(slices.Compact(keep))
	sum := sha256.Sum256(append([]byte(markup), list...))
	return map[string]string{"RELEASE": `"` + hex.EncodeToString(sum[:6]) + `"`, "FILES": string(list)}
}
